"""What the sandbox sends: amounts as decimal text."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from optix.adapters.brokers.exact import Exact, OptionalExact, Wire


class Account(Wire):
    id: str
    number: str
    name: str
    type: str
    status: str


class Accounts(Wire):
    holder: str
    accounts: list[Account]


class Balances(Wire):
    currency: str
    cash: Exact
    net_liquidation: OptionalExact


class Position(Wire):
    symbol: str
    quantity: Exact
    cost: Exact
    price: OptionalExact
    value: OptionalExact


class Positions(Wire):
    positions: list[Position]


class Transaction(Wire):
    id: Annotated[str, Field(min_length=1)]
    kind: str
    day: date
    at: AwareDatetime
    symbol: str | None
    quantity: OptionalExact
    price: OptionalExact
    cash: Exact
    fees: Exact
    effect: str | None
    order_id: str
    group: str
    description: str


class Transactions(Wire):
    transactions: list[Transaction]
    next: str | None


class Leg(Wire):
    symbol: str
    quantity: Exact


class Fill(Wire):
    id: str
    symbol: str
    quantity: Exact
    price: Exact
    at: AwareDatetime
    effect: str | None


class Order(Wire):
    id: str
    status: str
    kind: str
    legs: list[Leg]
    net_limit: OptionalExact
    placed_at: datetime
    updated_at: datetime
    fills: list[Fill]


class Orders(Wire):
    orders: list[Order]
