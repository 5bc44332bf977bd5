"""What E*TRADE sends: XML turned into JSON, whose keys change their case from house to house.

Keys are looked up without regard to case. A collection is a list, one object, or left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from optix.adapters.brokers.exact import Exact, OptionalExact, Text, Wire


def lowered(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return `raw` by keys in lower case; of two that are then one, that with something in it."""
    found: dict[str, Any] = {}
    for name, value in raw.items():
        key = str(name).lower()
        if value is not None and not found.get(key):
            found[key] = value
    return found


def listed(value: object) -> list[Any]:
    """Return the rows of a collection. Raises ValueError for what is none."""
    if value is None or value == "":
        return []
    if isinstance(value, Mapping):
        return [value]
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return list(value)
    raise ValueError("a collection is a list or an object")


class Cased(Wire):
    """An object whose keys may have any case; null is left out."""

    model_config = ConfigDict(alias_generator=lambda name: name.replace("_", ""))

    @model_validator(mode="before")
    @classmethod
    def _lower(cls, raw: Any) -> Any:
        return lowered(raw) if isinstance(raw, Mapping) else raw


class Account(Cased):
    account_id: Text
    account_id_key: str
    account_mode: str = ""
    account_desc: str = ""
    account_name: str = ""
    account_type: str = ""
    institution_type: str
    account_status: str


class Accounts(Cased):
    account: Annotated[list[Account], BeforeValidator(listed)] = Field(default_factory=list)


class AccountList(Cased):
    accounts: Accounts


class AccountListAnswer(Cased):
    account_list_response: AccountList


class RealTimeValues(Cased):
    total_account_value: OptionalExact = None


class Computed(Cased):
    net_cash: OptionalExact = None
    cash_balance: OptionalExact = None
    settled_cash_for_investment: OptionalExact = None
    cash_available_for_withdrawal: OptionalExact = None
    cash_buying_power: OptionalExact = None
    margin_buying_power: OptionalExact = None
    real_time_values: RealTimeValues = RealTimeValues()


class Balance(Cased):
    account_id: Text
    account_type: str = ""
    computed: Computed


class BalanceAnswer(Cased):
    balance_response: Balance


class ProductId(Cased):
    symbol: str = ""
    type_code: str = ""


class Product(Cased):
    """`symbol` is the underlying's for options. Cash has an empty product."""

    symbol: str = ""
    security_type: str = ""
    security_sub_type: str = ""
    call_put: str = ""
    expiry_year: int = 0
    expiry_month: int = 0
    expiry_day: int = 0
    strike_price: OptionalExact = None
    product_id: ProductId = ProductId()


class View(Cased):
    """What a view adds to a position."""

    last_trade: OptionalExact = None
    option_multiplier: OptionalExact = None
    deliverables_str: str = ""


class Position(Cased):
    """`quantity` is signed and so is `market_value`; `total_cost` is for all of it, with fees."""

    quantity: Exact
    position_type: str
    total_cost: OptionalExact = None
    market_value: OptionalExact = None
    days_gain: OptionalExact = None
    symbol_description: str = ""
    osi_key: str = ""
    product: Product
    quick: View = View()
    complete: View = View()


class Portfolio(Cased):
    position: Annotated[list[Position], BeforeValidator(listed)] = Field(default_factory=list)
    next_page_no: Text = ""


class Portfolios(Cased):
    account_portfolio: Annotated[list[Portfolio], BeforeValidator(listed)] = Field(
        default_factory=list
    )


class PortfolioAnswer(Cased):
    portfolio_response: Portfolios


class Trade(Cased):
    """The part of a transaction that is about a security."""

    product: Product = Product()
    quantity: OptionalExact = None
    price: OptionalExact = None
    fee: OptionalExact = None
    settlement_currency: str = ""
    settlement_date: int = 0


class Transaction(Cased):
    transaction_id: Text
    transaction_date: int
    post_date: int = 0
    amount: Exact
    description: str = ""
    transaction_type: str
    brokerage: Trade = Trade()


class Transactions(Cased):
    marker: Text = ""
    total_count: int | None = None
    transaction: Annotated[list[Transaction], BeforeValidator(listed)] = Field(default_factory=list)


class TransactionAnswer(Cased):
    transaction_list_response: Transactions


class Instrument(Cased):
    product: Product
    order_action: str
    quantity_type: str = ""
    ordered_quantity: OptionalExact = None
    filled_quantity: OptionalExact = None
    average_execution_price: OptionalExact = None
    osi_key: str = ""
    symbol_description: str = ""


class OrderDetail(Cased):
    order_number: Text = ""
    placed_time: int = 0
    executed_time: int = 0
    status: str
    order_term: str = ""
    price_type: str = ""
    limit_price: OptionalExact = None
    replaced_by_order_id: Text = ""
    instrument: Annotated[list[Instrument], BeforeValidator(listed)]


class Order(Cased):
    """One number for one order, or for several of which one cancels the others."""

    order_id: Text
    order_type: str = ""
    order_detail: Annotated[list[OrderDetail], BeforeValidator(listed)]


class Orders(Cased):
    marker: Text = ""
    order: Annotated[list[Order], BeforeValidator(listed)] = Field(default_factory=list)


class OrdersAnswer(Cased):
    orders_response: Orders
