"""What Alpaca sends: numbers as texts, nearly everything nullable, '' where a parent has none."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

from optix.adapters.brokers.exact import Exact, Multiplier, OptionalExact, Text, Wire


def _said(value: object) -> object:
    return "" if value is None else value


def _usual_currency(value: object) -> object:
    return value or "USD"


Said = Annotated[Text, BeforeValidator(_said)]  # null is as good as nothing
Flag = Annotated[bool, BeforeValidator(bool)]
Currency = Annotated[
    str, StringConstraints(pattern=r"^[A-Z]{3}$"), BeforeValidator(_usual_currency)
]


class Account(Wire):
    """Only these two are promised; every other field may be missing."""

    id: Text = Field(min_length=1)
    status: str
    account_number: Said = ""
    currency: Currency = "USD"
    multiplier: Said = ""
    trading_blocked: Flag = False
    account_blocked: Flag = False
    cash: OptionalExact = None
    equity: OptionalExact = None
    portfolio_value: OptionalExact = None
    buying_power: OptionalExact = None
    options_buying_power: OptionalExact = None
    maintenance_margin: OptionalExact = None


class Position(Wire):
    symbol: str
    asset_class: str
    side: str
    qty: Exact
    avg_entry_price: OptionalExact = None
    cost_basis: OptionalExact = None
    market_value: OptionalExact = None
    current_price: OptionalExact = None
    unrealized_intraday_pl: OptionalExact = None


class Positions(Wire):
    rows: list[Position]


class Activity(Wire):
    """A fill, or anything else: each has fields that the other has not."""

    id: Text = Field(min_length=1)
    activity_type: str
    transaction_time: Said = ""
    side: Said = ""
    order_id: Said = ""
    price: OptionalExact = None
    qty: OptionalExact = None
    symbol: Said = ""
    date: Said = ""
    created_at: Said = ""
    settle_date: Said = ""
    net_amount: OptionalExact = None
    status: Said = ""
    group_id: Said = ""
    description: Said = ""
    currency: Currency = "USD"


class Activities(Wire):
    rows: list[Activity]


class Order(Wire):
    """An order, or a leg of one. `legs` of a package are it; those of a bracket are orders."""

    id: Text = Field(min_length=1)
    status: str
    symbol: Said = ""
    asset_class: Said = ""
    side: Said = ""
    position_intent: Said = ""
    order_class: Said = ""
    type: Said = ""
    order_type: Said = ""
    time_in_force: Said = ""
    client_order_id: Said = ""
    replaced_by: Said = ""
    qty: OptionalExact = None
    filled_qty: OptionalExact = None
    filled_avg_price: OptionalExact = None
    limit_price: OptionalExact = None
    submitted_at: Said = ""
    created_at: Said = ""
    updated_at: Said = ""
    filled_at: Said = ""
    legs: list[Order] | None = None


class Orders(Wire):
    rows: list[Order]


class Deliverable(Wire):
    type: str
    symbol: Said = ""
    amount: OptionalExact = None


class Contract(Wire):
    """`size` is what is delivered and never the multiplier; old answers have no multiplier."""

    symbol: str
    multiplier: Multiplier = None
    deliverables: list[Deliverable] | None = None
