"""What Tradier sends: XML turned into JSON, where a list of one is an object and none is "null"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, model_validator

from optix.adapters.brokers.exact import Exact, OptionalExact, Text, Wire, rows_of


class Account(Wire):
    account_number: Text
    classification: str = ""
    status: str = ""
    type: str = ""


class Profile(Wire):
    id: Text
    account: list[Account]

    @model_validator(mode="before")
    @classmethod
    def _collections(cls, raw: Any) -> Any:
        if isinstance(raw, Mapping):
            return {**raw, "account": rows_of("account")(raw)}
        return raw


class ProfileAnswer(Wire):
    profile: Profile


class BuyingPower(Wire):
    """The part of balances that an account of this kind has."""

    option_buying_power: OptionalExact = None
    stock_buying_power: OptionalExact = None
    cash_available: OptionalExact = None
    unsettled_funds: OptionalExact = None


class Balances(Wire):
    account_number: Text
    account_type: str
    total_equity: Exact
    total_cash: Exact
    current_requirement: OptionalExact = None
    uncleared_funds: OptionalExact = None
    margin: BuyingPower | None = None
    pdt: BuyingPower | None = None
    cash: Any = None  # very old answers have a list here


class BalancesAnswer(Wire):
    balances: Balances


class Position(Wire):
    id: Text
    symbol: str
    quantity: Exact
    cost_basis: Exact
    date_acquired: str = ""


class PositionsAnswer(Wire):
    positions: Annotated[list[Position], BeforeValidator(rows_of("position"))]


class Event(Wire):
    """One line of history. `detail` is the object beside `type`, whatever its key is."""

    amount: Exact
    date: str
    type: str
    detail: Mapping[str, Any]

    @model_validator(mode="before")
    @classmethod
    def _find_detail(cls, raw: Any) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        details = [value for value in raw.values() if isinstance(value, Mapping)]
        return {**raw, "detail": details[0] if details else {}}


class Detail(Wire):
    description: str = ""
    quantity: OptionalExact = None
    price: OptionalExact = None
    commission: OptionalExact = None
    symbol: str = ""
    trade_type: str = ""
    option_type: str = ""


class HistoryAnswer(Wire):
    history: Annotated[list[Event], BeforeValidator(rows_of("event"))]


class Leg(Wire):
    id: Text
    symbol: str
    side: str
    quantity: Exact
    status: str
    class_: str
    option_symbol: str = ""
    exec_quantity: OptionalExact = None
    avg_fill_price: OptionalExact = None

    @model_validator(mode="before")
    @classmethod
    def _rename(cls, raw: Any) -> Any:
        return {**raw, "class_": raw.get("class", "")} if isinstance(raw, Mapping) else raw


class Order(Leg):
    type: str = ""
    duration: str = ""
    price: OptionalExact = None
    create_date: str = ""
    transaction_date: str = ""
    tag: str = ""
    leg: list[Leg]

    @model_validator(mode="before")
    @classmethod
    def _legs(cls, raw: Any) -> Any:
        return {**raw, "leg": rows_of("leg")(raw)} if isinstance(raw, Mapping) else raw


class OrdersAnswer(Wire):
    orders: Annotated[list[Order], BeforeValidator(rows_of("order"))]
