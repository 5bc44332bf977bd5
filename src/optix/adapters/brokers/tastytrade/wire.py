"""What tastytrade sends: dashed keys, numbers that are also texts, amounts with their sign beside.

An amount without a sign has a companion `…-effect`: Credit came in, Debit went out, None moved
nothing. `Signed` puts the sign where it belongs before anything else reads the amount.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, model_validator

from optix.adapters.brokers.exact import Exact, OptionalExact, Text, Wire, exact

_SIGNS = {"credit": 1, "debit": -1, "none": 0}
_NO_NUMBERS = frozenset(("nan", "infinity", "-infinity", ""))


def _told(value: object) -> object:
    """Return a descriptive number, None where the text says that there is none."""
    if isinstance(value, str) and value.strip().lower() in _NO_NUMBERS:
        return None
    return value


Told = Annotated[OptionalExact, BeforeValidator(_told)]


class Dashed(Wire):
    """An object whose keys have dashes; one that is empty may be null, or left out."""

    model_config = ConfigDict(alias_generator=lambda name: name.replace("_", "-"))

    @model_validator(mode="before")
    @classmethod
    def _leave_out(cls, raw: Any) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        return {name: value for name, value in raw.items() if value is not None}


class Signed(Dashed):
    """An object whose amounts have their direction in a field of its own."""

    @model_validator(mode="before")
    @classmethod
    def _sign(cls, raw: Any) -> Any:
        return signed(raw) if isinstance(raw, Mapping) else raw


def signed(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return `raw` with the sign of each amount that has one. Raises ValueError."""
    found = dict(raw)
    for name, effect in raw.items():
        amount = name.removesuffix("-effect")
        if amount == name or raw.get(amount) in (None, ""):
            continue
        # `cost-effect` and the like stand beside no amount; an effect left out signs nothing.
        if effect is None:
            continue
        sign = _SIGNS.get(str(effect).strip().lower())
        if sign is None:
            raise ValueError(f"{name} is neither Credit nor Debit")
        found[amount] = sign * abs(exact(raw[amount]))
    return found


class Account(Dashed):
    account_number: Text
    account_type_name: str = ""
    margin_or_cash: str = ""
    nickname: str = ""
    is_closed: bool = False
    opened_at: str = ""


class AccountItem(Dashed):
    account: Account
    authority_level: str = ""


class Balances(Signed):
    account_number: Text = ""
    currency: str = "USD"
    cash_balance: Exact
    net_liquidating_value: Exact
    equity_buying_power: Told = None
    derivative_buying_power: Told = None
    cash_available_to_withdraw: Told = None
    maintenance_requirement: Told = None


class Position(Dashed):
    """`mark` is the worth of all of it, `mark_price` of one unit. No sign but the direction."""

    symbol: str
    underlying_symbol: str = ""
    instrument_type: str
    quantity: Exact
    quantity_direction: str
    multiplier: Exact = Decimal(1)
    average_open_price: Told = None
    mark: Told = None
    mark_price: Told = None


class Transaction(Signed):
    """`net_value` is what the cash did; an amount whose direction is not told is not taken."""

    id: Text
    transaction_type: str
    transaction_sub_type: str = ""
    transaction_date: str
    executed_at: str = ""
    action: str = ""
    symbol: str = ""
    underlying_symbol: str = ""
    instrument_type: str = ""
    quantity: OptionalExact = None
    price: Told = None
    value: OptionalExact = None
    net_value: Exact
    order_id: Text = ""
    reverses_id: Text | None = None
    currency: str = "USD"
    description: str = ""

    @model_validator(mode="before")
    @classmethod
    def _directions(cls, raw: Any) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        if raw.get("net-value-effect") is None and exact(raw.get("net-value", 0)):
            raise ValueError("net-value has no direction")
        return raw if raw.get("value-effect") is not None else {**raw, "value": None}


class Fill(Dashed):
    fill_id: Text = ""
    quantity: Exact
    fill_price: Exact
    filled_at: str = ""


class Leg(Dashed):
    instrument_type: str
    symbol: str
    action: str
    quantity: OptionalExact = None  # a notional order has none
    remaining_quantity: OptionalExact = None
    fills: tuple[Fill, ...] = ()


class Order(Signed):
    """`updated_at` is an epoch in milliseconds, 0 in a dry run; all other times are texts."""

    id: Text = ""
    status: str
    order_type: str = ""
    time_in_force: str = ""
    price: OptionalExact = None
    received_at: str = ""
    updated_at: int | None = None
    replacing_order_id: Text | None = None
    ext_client_order_id: Text | None = None
    legs: list[Leg]

    @model_validator(mode="before")
    @classmethod
    def _direction(cls, raw: Any) -> Any:
        if not isinstance(raw, Mapping) or raw.get("price-effect") is not None:
            return raw
        return {**raw, "price": None}


class Deliverable(Dashed):
    amount: Exact
    deliverable_type: str = ""
    symbol: str = ""


class ChainItem(Dashed):
    """One root of an underlying; an adjusted one says what its contracts deliver."""

    root_symbol: str
    option_chain_type: str = ""
    deliverables: tuple[Deliverable, ...] = ()


class Pagination(Dashed):
    total_pages: int
    total_items: int


class Items(Dashed):
    items: list[Any]


class Answer(Dashed):
    """The envelope of a list."""

    data: Items
    pagination: Pagination | None = None


class ObjectAnswer(Dashed):
    """The envelope of one object, or of a list of them."""

    data: Mapping[str, Any]
