"""What the sandbox brokerage says over HTTP: its own words, amounts as decimal text."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

AmountText = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,8})?$")]
SymbolText = Annotated[str, StringConstraints(min_length=1, max_length=32)]


class Schema(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PaperAccount(Schema):
    id: str
    number: str
    name: str
    type: str
    status: str
    opened_on: date


class PaperAccounts(Schema):
    holder: str
    accounts: list[PaperAccount]


class PaperBalances(Schema):
    currency: str
    cash: str
    net_liquidation: str | None = Field(description="Null while something has no price.")


class PaperPosition(Schema):
    symbol: str
    quantity: str
    cost: str
    price: str | None
    value: str | None


class PaperPositions(Schema):
    positions: list[PaperPosition]


class PaperTransaction(Schema):
    id: str
    kind: str
    day: date
    at: datetime
    symbol: str | None
    quantity: str | None
    price: str | None
    cash: str
    fees: str
    effect: str | None
    order_id: str
    group: str
    description: str


class PaperTransactions(Schema):
    transactions: list[PaperTransaction]
    next: str | None = Field(description="The cursor of the next page; null on the last.")


class PaperLegAsked(Schema):
    symbol: SymbolText
    quantity: AmountText = Field(description="Positive buys, negative sells.")


class PaperOrderAsked(Schema):
    kind: Literal["market", "limit"]
    legs: Annotated[list[PaperLegAsked], Field(min_length=1, max_length=8)]
    net_limit: AmountText | None = Field(
        None, description="Of one package: positive pays, negative receives."
    )


class PaperFill(Schema):
    id: str
    symbol: str
    quantity: str
    price: str
    at: datetime
    effect: str | None


class PaperOrder(Schema):
    id: str
    status: Literal["working", "filled", "rejected", "cancelled"]
    kind: str
    legs: list[PaperLegAsked]
    net_limit: str | None
    reason: str
    placed_at: datetime
    updated_at: datetime
    fills: list[PaperFill]


class PaperOrders(Schema):
    orders: list[PaperOrder]


class PaperTokens(Schema):
    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # a word
    expires_in: int
    scope: str
