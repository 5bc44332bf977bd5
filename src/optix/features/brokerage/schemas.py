"""What the API says of brokerages and connections. Money is decimal text, moments are UTC."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from optix.kernel import limits
from optix.ports.broker import BrokerRead, SignInKind

Handle = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Typed = Annotated[str, StringConstraints(max_length=4_096)]
Label = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=limits.BROKER_LABEL_LENGTH_MAX
    ),
]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Question(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Brokerage(_Answer):
    """One brokerage or aggregator that this installation can connect to."""

    name: str
    label: str
    sign_in: list[SignInKind] = Field(description="How it is connected; the first is the usual.")
    reads: list[BrokerRead]
    history_days: int | None = Field(description="How far back; null: as far as the account.")
    tier: str = Field(description="How well the connection is proven: bronze, silver or gold.")
    simulated: bool = Field(description="Whether its money is not real.")
    several_logins: bool
    asks_brokerages: bool = Field(description="Whether it reaches others: see `reached`.")
    webhooks: bool
    login_seconds: int | None = Field(description="Life of a sign-in; null: until revoked.")
    sync_seconds_min: int
    connections: int = Field(description="How many of yours there are.")


class BrokerageList(_Answer):
    brokerages: list[Brokerage]


class Reached(_Answer):
    """A brokerage behind an aggregator, as it says now."""

    name: str
    label: str
    available: bool
    note: str


class ReachedList(_Answer):
    brokerages: list[Reached]


class ConnectAsked(_Question):
    kind: SignInKind | None = None
    client: Literal["web", "native"] = "web"
    brokerage: str = Field("", max_length=100, description="Which one behind an aggregator.")
    connection_id: UUID | None = Field(None, description="To sign in again.")


class ConnectField(_Answer):
    """One thing to type."""

    name: str
    label: str
    concealed: bool = Field(description="Typed unseen, as a password is.")
    help: str


class ConnectBegun(_Answer):
    """Where the user goes on, and what `finish` takes."""

    url: str | None = Field(description="The broker's own page, for the system's browser.")
    fields: list[ConnectField]
    copies_code: bool = Field(description="Whether the page shows a code to type here.")
    handle: str = Field(description="Keep it in the app that began.")
    code: str | None = Field(description="For `finish` where no browser comes back with one.")
    expires_in_seconds: int


class FinishAsked(_Question):
    handle: Handle
    code: Handle
    values: dict[Typed, Typed] = Field(
        default_factory=dict,
        max_length=limits.BROKER_VALUES_MAX,
        description="What was typed, by the names of `fields`.",
    )


class BrokerProblem(_Answer):
    code: str
    detail: str
    next_step: str


class BrokerAccount(_Answer):
    """One account at a brokerage, as it was last read."""

    id: UUID
    number: str = Field(description="Masked to its end.")
    name: str
    kind: str = Field(description="The broker's word.")
    currency: str
    brokerage: str = Field(description="Behind an aggregator, else empty.")
    status: str
    simulated: bool
    as_of: datetime | None = Field(description="When it was read; null: not yet.")
    complete: bool = Field(description="Whether all of it could be read.")
    stale: bool = Field(description="Whether it may be otherwise by now.")
    net_liquidation: str | None = Field(description="In `currency`; null: the broker says none.")
    positions: int
    activities: int
    first_activity: date | None
    problem: BrokerProblem | None


class Connection(_Answer):
    """One login at one brokerage."""

    id: UUID
    provider: str
    provider_label: str
    label: str
    state: Literal["connected", "expiring", "sign_in_needed", "failing", "disconnected"]
    simulated: bool
    sign_in: SignInKind
    login_ends: datetime | None
    failing_since: datetime | None
    problem: BrokerProblem | None
    last_sync_at: datetime | None
    next_sync_at: datetime | None
    syncing: bool
    accounts: list[BrokerAccount]


class ConnectionList(_Answer):
    connections: list[Connection]


class ConnectionUpdate(_Question):
    label: Label


class SyncAsked(_Answer):
    asked: int = Field(description="How many connections are read soon.")


class Exchange(_Answer):
    """One exchange with the broker: no secrets, no numbers of accounts."""

    at: datetime
    method: str
    path: str
    status: int | None
    milliseconds: int
    note: str


class ExchangeList(_Answer):
    exchanges: list[Exchange]
    next: str | None = Field(description="The cursor of the next page; null after the last.")
