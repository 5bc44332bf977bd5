"""The broker port: sign in at a brokerage, and read what is there. This release only reads.

A `Broker` is one brokerage (or aggregator) as this installation may use it; it holds the keys of
the application, nobody's tokens. `open` gives a `BrokerSession` for one connection with its own
credentials and pacing. What an adapter returns is OPTIX's own (kernel `holding`, `activity`,
`order`): vendor spellings, signs, per-share against per-contract, clocks and enums end there.

Rules that every adapter keeps:
- An answer that cannot be read is an error (`BrokerUnreadable`), never an empty list. No rows is
  what the vendor documents for no rows: `[]`, 204, "null", a missing key; each knows its own.
- A snapshot is `complete` only if every page and every part of it was read.
- Unknown descriptive words become OTHER with one warning; an unknown state of an order or a
  position is an error.
- Nothing is sent twice where the vendor could do it twice; reads are retried with jitter.

Room is left for orders (preview, place, cancel, outcome unknown): a protocol of its own later.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from optix.kernel.activity import Activity
from optix.kernel.errors import AuthExpired, InvalidInput, RateLimited, Unavailable
from optix.kernel.holding import AccountSnapshot
from optix.kernel.order import Order


class SignInKind(StrEnum):
    """How a user lets OPTIX in."""

    OAUTH2 = "oauth2"  # authorisation code, in the system browser
    OAUTH1 = "oauth1"  # request token, authorisation, perhaps a code to copy
    PORTAL = "portal"  # a page of the aggregator
    SIGNED_KEYS = "signed_keys"  # keys that the user made at the broker and pastes
    PERSONAL_TOKEN = "personal_token"  # noqa: S105  # a word, no secret
    LOCAL_GATEWAY = "local_gateway"  # a program of the broker on the user's own machine


class BrokerRead(StrEnum):
    """What can be read."""

    BALANCES = "balances"
    POSITIONS = "positions"
    ORDERS = "orders"
    ACTIVITIES = "activities"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerCapabilities:
    """What a brokerage offers through this adapter, for callers and for the gallery."""

    name: str  # stable: "schwab", "sandbox"
    label: str  # for people: "Charles Schwab"
    sign_in: tuple[SignInKind, ...]  # the first is the usual one
    reads: frozenset[BrokerRead]
    history_days: int | None  # how far back activities go; None: as far as the account
    activity_ids: bool  # whether activities have ids of their own that stay
    revocable: bool  # whether OPTIX can end its own access
    login_seconds: int | None  # life of a sign-in however often it is renewed; None: until revoked
    login_ends_at_midnight_et: bool = False
    history_of_fills: bool = False  # activities are filled orders: no fees, dividends, transfers
    sync_seconds_min: int = 60  # how often one connection may be read
    several_logins: bool = True
    webhooks: bool = False
    simulated: bool = False  # money that is not real: said on every screen
    asks_brokerages: bool = False  # an aggregator: which brokerages it reaches is asked at run time


@dataclass(frozen=True, slots=True)
class SignInField:
    """One thing that a user types for a sign-in without a browser."""

    name: str
    label: str
    secret: bool
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInRequest:
    """`callback_url` is OPTIX's own address for this broker; `state` comes back with the answer.

    `code_challenge` is the S256 challenge of a verifier that `complete` is given, for those that
    take one. `brokerage` chooses behind an aggregator. `reconnect` is the credentials of a
    connection that is signed in anew.
    """

    kind: SignInKind
    callback_url: str
    state: str
    code_challenge: str = ""
    brokerage: str = ""
    reconnect: Mapping[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInStart:
    """Where the user goes: to an address, or to a form of ours with `fields`.

    `secrets` is kept sealed until the answer comes (a request token's secret, a user's id at the
    aggregator). `copies_code` says that the user comes back with a code to type. `state` is what
    comes back in place of the request's state (a request token of OAuth 1). `seconds` is how long
    the address holds.
    """

    url: str = ""
    fields: tuple[SignInField, ...] = ()
    copies_code: bool = False
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    state: str = field(default="", repr=False)
    seconds: int = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInAnswer:
    """What came back: the query of the callback, or what was typed. `verifier` is that of PKCE."""

    kind: SignInKind
    callback_url: str
    values: Mapping[str, str] = field(repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    verifier: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Leave to read. `credentials` goes into the vault as it is and is nowhere else.

    `access_ends` is when OPTIX must renew, `login_ends` when the user must sign in again; None
    where that is not known to end. `login_key` tells two logins of one user apart, stable over
    renewals, '' where the broker does not say.
    """

    credentials: Mapping[str, str] = field(repr=False)
    access_ends: datetime | None
    login_ends: datetime | None
    login_key: str = ""
    scope: str = ""


class AccountStatus(StrEnum):
    ACTIVE = "active"
    RESTRICTED = "restricted"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAccount:
    """One account. `key` is what calls take; `stable_key` is the same account after everything is
    connected anew; `number` is masked to its last four characters.
    """

    key: str
    stable_key: str
    number: str
    name: str
    kind: str  # the broker's word: margin, cash, roth ira, …
    currency: str = "USD"
    status: AccountStatus = AccountStatus.ACTIVE
    brokerage: str = ""  # behind an aggregator
    simulated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityPage:
    """Some lines of history in the broker's order. `last` marks the end of the question."""

    rows: Sequence[Activity]
    last: bool


class BrokerUnavailable(Unavailable):
    """The broker does not answer, or says that it cannot now."""

    code = "broker_unavailable"
    next_step = "Nothing is lost: OPTIX tries again by itself."


class BrokerUnreadable(BrokerUnavailable):
    """An answer that is not what the broker documents."""

    code = "broker_format_changed"
    next_step = "Send the connection's log to support; the last good state stays."


class BrokerBusy(RateLimited):
    """The broker asks to slow down. `retry_after_seconds` says until when."""

    code = "broker_rate_limited"


class SignInNeeded(AuthExpired):
    """The leave to read has ended or was taken back: the user signs in again."""

    code = "broker_sign_in_needed"
    next_step = "Reconnect this brokerage."


class SignInRefused(InvalidInput):
    """What came back from the sign-in is refused by the broker, or was cancelled by the user."""

    code = "broker_sign_in_refused"
    next_step = "Start the connection again."


class BrokerSession(Protocol):
    """One connection, signed in.

    Errors of all reads: SignInNeeded, BrokerBusy, BrokerUnavailable.
    """

    async def list_accounts(self) -> Sequence[BrokerAccount]:
        """Return all accounts of the login, closed ones too."""

    async def fetch_snapshot(self, account: BrokerAccount) -> AccountSnapshot:
        """Return positions and balances as they are now."""

    async def fetch_orders(self, account: BrokerAccount) -> Sequence[Order]:
        """Return today's orders with their fills, and those still open."""

    def iter_activities(
        self, account: BrokerAccount, first: date, last: date
    ) -> AsyncIterator[ActivityPage]:
        """Yield the lines of whole days, `first` to `last`, page by page.

        A day is read whole or the iterator raises: where the broker's pages move while they are
        read, the adapter reads again.
        """

    async def close(self) -> None: ...


class Renew(Protocol):
    """Keeps a renewed grant, before the renewed credentials are used for anything else."""

    async def __call__(self, grant: Grant) -> None: ...


class ExchangeLog(Protocol):
    """Takes note of each exchange with the broker, for the user's own eyes: nothing secret."""

    def add(
        self, *, method: str, path: str, status: int | None, milliseconds: int, note: str
    ) -> None:
        """`path` has no query values and no account numbers; `note` is a sentence."""


class Broker(Protocol):
    """One brokerage."""

    @property
    def capabilities(self) -> BrokerCapabilities: ...

    async def begin(self, request: SignInRequest) -> SignInStart:
        """Return where the user goes. Errors: BrokerUnavailable, InvalidInput."""

    async def complete(self, answer: SignInAnswer) -> Grant:
        """Turn the answer into a grant. Errors: SignInRefused, BrokerUnavailable."""

    async def renew(self, credentials: Mapping[str, str]) -> Grant:
        """Return the next grant. The caller sees to it that one renewal runs at a time.

        Errors: SignInNeeded once it is refused for good, BrokerUnavailable.
        """

    async def revoke(self, credentials: Mapping[str, str]) -> None:
        """End the leave at the broker, where it can be. Errors: BrokerUnavailable."""

    def open(
        self, credentials: Mapping[str, str], *, renew: Renew, log: ExchangeLog
    ) -> BrokerSession:
        """Return the session of one connection. Nothing is sent yet."""


@dataclass(frozen=True, slots=True)
class ReachedBrokerage:
    """A brokerage behind an aggregator, as it says now."""

    name: str
    label: str
    available: bool
    note: str = ""


@runtime_checkable
class BrokerageLister(Protocol):
    """An aggregator that can be asked which brokerages it reaches."""

    async def list_brokerages(self) -> Sequence[ReachedBrokerage]:
        """Errors: BrokerUnavailable."""


@dataclass(frozen=True, slots=True)
class Hint:
    """A webhook's word that something changed; never a datum. `login_key` finds the connection."""

    login_key: str
    account_key: str = ""
    sign_in_needed: bool = False


@runtime_checkable
class HintReceiver(Protocol):
    """A broker that calls us."""

    async def read_hint(self, headers: Mapping[str, str], body: bytes) -> Sequence[Hint]:
        """Return what a webhook says. Errors: InvalidInput unless its signature holds."""
