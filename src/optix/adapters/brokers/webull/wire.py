"""What Webull sends: numbers as texts, lists of which one row may come without its list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from optix.adapters.brokers.exact import Exact, Multiplier, OptionalExact, Text, Wire


def listed(value: object) -> list[Any]:
    """Return the rows of a list, or of one row that stands for it. Raises ValueError else."""
    if isinstance(value, Mapping):
        return [value]
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return list(value)
    raise ValueError("rows are a list or an object")


def _nothing(value: object) -> object:
    return "" if value is None else value


def _perhaps(value: object) -> list[Any]:
    return [] if value is None else listed(value)


Maybe = Annotated[Text, BeforeValidator(_nothing)]  # a text that may be null or left out


class Account(Wire):
    """`account_class` is free text."""

    account_id: Text = Field(min_length=1)
    account_number: Maybe = ""
    account_type: Maybe = ""
    account_class: Maybe = ""
    user_id: Maybe = ""


class CurrencyAssets(Wire):
    """Money of one currency; all but the currency may be left out."""

    currency: Maybe = ""
    cash_balance: OptionalExact = None
    settled_cash: OptionalExact = None
    buying_power: OptionalExact = None
    market_value: OptionalExact = None
    available_withdrawal: OptionalExact = None
    init_margin: OptionalExact = None


class Balance(Wire):
    total_asset_currency: Maybe = ""
    total_net_liquidation_value: OptionalExact = None
    account_currency_assets: Annotated[list[CurrencyAssets], BeforeValidator(listed)]


class PositionLeg(Wire):
    """One contract, or the shares, of a group. Nothing says how many, or which way."""

    symbol: str
    instrument_type: Maybe = ""
    option_type: Maybe = ""
    option_exercise_price: OptionalExact = None
    option_expire_date: Maybe = ""
    option_contract_multiplier: Multiplier = None
    cost: OptionalExact = None
    last_price: OptionalExact = None
    unrealized_profit_loss: OptionalExact = None


class Position(Wire):
    """A holding, or a group of legs of which `quantity` counts the strategies."""

    quantity: Exact
    symbol: str
    instrument_type: str
    currency: Maybe = ""
    option_strategy: Maybe = ""
    cost_price: OptionalExact = None
    last_price: OptionalExact = None
    unrealized_profit_loss: OptionalExact = None
    legs: Annotated[list[PositionLeg], BeforeValidator(_perhaps)] = Field(default_factory=list)


class Holding(Wire):
    """A position of the oldest generation. `total_cost` is what was paid, not a product."""

    symbol: str
    instrument_id: Text
    instrument_type: str
    qty: Exact
    currency: Maybe = ""
    total_cost: OptionalExact = None
    last_price: OptionalExact = None
    market_value: OptionalExact = None


class Holdings(Wire):
    has_next: bool
    holdings: Annotated[list[Holding], BeforeValidator(listed)]


class OrderLeg(Wire):
    symbol: str
    side: str
    quantity: OptionalExact = None
    instrument_type: Maybe = ""
    option_type: Maybe = ""
    option_expire_date: Maybe = ""
    strike_price: OptionalExact = None
    option_contract_multiplier: Multiplier = None


class Order(Wire):
    """One order of a group. `filled_price` is of a share, of several legs together for all."""

    client_order_id: Maybe = ""
    order_id: Maybe = ""
    symbol: Maybe = ""
    side: str
    status: str
    order_type: Maybe = ""
    time_in_force: Maybe = ""
    total_quantity: OptionalExact = None
    filled_quantity: OptionalExact = None
    filled_price: OptionalExact = None
    limit_price: OptionalExact = None
    instrument_type: Maybe = ""
    currency: Maybe = ""
    place_time_at: Maybe = ""
    filled_time_at: Maybe = ""
    position_intent: Maybe = ""
    legs: Annotated[list[OrderLeg], BeforeValidator(_perhaps)] = Field(default_factory=list)


class OrderGroup(Wire):
    """Orders that were placed together. One that is not found is a group of none."""

    client_order_id: Maybe = ""
    orders: Annotated[list[Order], BeforeValidator(listed)]


class Token(Wire):
    """A token of an App Key. `expires_at` counts milliseconds."""

    token: str = Field(min_length=1)
    expires_at: int
    status: str


class Page(Wire):
    pagination_key: Text
