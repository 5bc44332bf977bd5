"""The market data port: quotes, chains, bars and symbol search from one provider.

A provider is driven by demand. The feed tells it what is wanted (`set_demand`), the provider
yields updates for just that from `iter_updates`, at its own pace and within its own limits, by
stream or by polling. The `fetch_*` calls answer one question at once. All symbols are OPTIX
spellings (kernel `instrument`); vendor spellings, signs, clocks and sentinels end in the adapter.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from math import nan
from typing import NamedTuple, Protocol, runtime_checkable

from optix.kernel.chain import ChainTable
from optix.kernel.clock import Clock
from optix.kernel.corporate import CorporateAction
from optix.kernel.errors import InvalidInput, NotFound, Unavailable
from optix.kernel.instrument import ExerciseStyle, Settlement
from optix.kernel.quote import Quality, Quote, SecurityKind, TradingStatus
from optix.kernel.trade import Trade


class BarInterval(StrEnum):
    MINUTE_1 = "1m"
    MINUTE_5 = "5m"
    MINUTE_30 = "30m"
    HOUR_1 = "1h"
    DAY_1 = "1d"
    WEEK_1 = "1w"


class DataKind(StrEnum):
    """What can be asked of a provider. Each kind has its own order of providers."""

    QUOTES = "quotes"
    CHAINS = "chains"  # with the list of expirations
    BARS = "bars"
    SEARCH = "search"
    TRADES = "trades"
    CORPORATE_ACTIONS = "corporate_actions"
    CHAIN_HISTORY = "chain_history"


class ChainKey(NamedTuple):
    """One expiration date of one underlying: all its roots together."""

    underlying: str
    expiration: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a provider can do, so that callers ask instead of catching errors."""

    name: str  # stable: "cboe", "replay", "sim"
    label: str  # for people: "Cboe delayed quotes"
    quality: Quality
    delay_seconds: int = 0
    streaming: bool = False  # False: polled, silence between polls is normal
    silence_seconds_max: float | None = None  # longer silence under demand means the source is mute
    intervals: frozenset[BarInterval] = frozenset()
    vendor_greeks: bool = False
    kinds: frozenset[DataKind] = frozenset(
        {DataKind.QUOTES, DataKind.CHAINS, DataKind.BARS, DataKind.SEARCH}
    )
    symbols_max: int | None = None  # that can be followed at once, contracts included
    requests_per_minute: int | None = None
    notice: str = ""  # one sentence for every screen: "Simulated market. Prices are generated."


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What somebody is looking at now."""

    quotes: frozenset[str] = frozenset()
    chains: frozenset[ChainKey] = frozenset()
    trades: frozenset[str] = frozenset()  # underlyings whose prints, with their contracts', count


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolInfo:
    """What a symbol stands for, as a search shows it."""

    symbol: str
    name: str
    kind: SecurityKind
    exchange: str = ""
    has_options: bool | None = None  # None: not known


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiration:
    """One expiration date of one root, because roots differ in style and settlement."""

    date: date
    root: str
    style: ExerciseStyle
    settlement: Settlement
    contracts: int  # how many are listed; 0 where the source tells them only with their chain


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar: prices per share in dollars, volume in shares; NaN is "the source did not say"."""

    ts_event: int  # start of the bar
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """The history of one symbol, oldest bar first."""

    symbol: str
    interval: BarInterval
    source: str
    quality: Quality
    adjusted: bool  # for splits and dividends
    rows: Sequence[Bar] = field(default=())


class NoticeState(StrEnum):
    ENDED = "ended"  # nothing more will come: the market clock stands still
    RESTARTED = "restarted"  # the recording begins again: the market clock went back to its start
    GAP = "gap"  # updates may be missing between `ts_from` and `ts_event`


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedNotice:
    """What a provider says about itself among its updates. Sent whatever is demanded."""

    state: NoticeState
    reason: str  # one sentence for people
    ts_event: int
    ts_from: int = 0  # of a gap: when the last update before it was received
    symbols: frozenset[str] = frozenset()  # of a gap: underlyings it concerns; empty is all


MarketUpdate = Quote | ChainTable | Trade | TradingStatus | FeedNotice


class UnknownSymbol(NotFound):
    """The provider has no such symbol."""

    code = "unknown_symbol"
    next_step = "Search for the symbol or check its spelling."


class UnknownExpiration(NotFound):
    """The underlying has no contracts on that date."""

    code = "unknown_expiration"
    next_step = "Ask for the list of expirations of this symbol."


class UnsupportedRequest(InvalidInput):
    """The provider cannot answer this kind of question (its capabilities say so)."""

    code = "unsupported_by_feed"
    next_step = "Choose another interval, or another market feed."


class ProviderUnavailable(Unavailable):
    """The provider did not answer, or answered something that cannot be read."""

    code = "provider_unavailable"
    next_step = "Wait a moment: OPTIX keeps trying. Old numbers are marked as stale."


class MarketDataProvider(Protocol):
    """One source of market data. Implementations live in `adapters/market_data`."""

    @property
    def capabilities(self) -> Capabilities:
        """What this provider can do, as it is now."""

    @property
    def clock(self) -> Clock:
        """The market clock: the machine's, or the recording's."""

    async def open(self) -> None:
        """Connect or load. Raises ProviderUnavailable with a sentence that says what to do."""

    async def close(self) -> None: ...

    def set_demand(self, demand: Demand) -> None:
        """Replace what is wanted. Never blocks, never raises; unknown symbols are ignored here."""

    def iter_updates(self) -> AsyncIterator[MarketUpdate]:
        """Yield updates of what is demanded until closed.

        A chain update holds at least one whole expiration where `complete` is true, else only the
        contracts that changed. Raises ProviderUnavailable when the source is lost: the feed calls
        again after a pause.
        """

    async def fetch_quote(self, symbol: str) -> Quote:
        """Return the current quote. Raises UnknownSymbol or ProviderUnavailable."""

    async def fetch_expirations(self, underlying: str) -> Sequence[Expiration]:
        """Return unexpired and just expired dates, ascending. Raises UnknownSymbol."""

    async def fetch_chain(self, key: ChainKey) -> ChainTable:
        """Return one whole expiration. Raises UnknownSymbol or UnknownExpiration."""

    async def fetch_bars(
        self, symbol: str, interval: BarInterval, *, start: date, end: date
    ) -> Bars:
        """Return bars with start <= date <= end in exchange time, ascending, at most
        `limits.HISTORY_BARS_MAX` (the latest ones). Raises UnsupportedRequest or UnknownSymbol.
        """

    async def search(self, text: str, *, limit: int) -> Sequence[SymbolInfo]:
        """Return symbols whose ticker or name begins with or contains `text`, best first."""


@runtime_checkable
class CorporateActionSource(Protocol):
    """A provider that knows dividends, splits and other actions."""

    async def fetch_corporate_actions(
        self, symbol: str, *, start: date, end: date
    ) -> Sequence[CorporateAction]:
        """Return the actions with start <= ex_date <= end, ascending. Raises UnknownSymbol."""


@runtime_checkable
class ChainHistorySource(Protocol):
    """A provider that can tell what chains were in the past."""

    def iter_chain_history(
        self, underlying: str, *, start: date, end: date
    ) -> AsyncIterator[ChainTable]:
        """Yield the closing chain of each session with start <= date <= end, whole, ascending.

        Raises UnknownSymbol, UnsupportedRequest or ProviderUnavailable.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderHealth:
    """How one provider does, for metrics and for administrators."""

    name: str
    label: str
    state: str  # live, stale, down, connecting, idle
    reason: str  # one sentence; empty while live
    serves: frozenset[DataKind]  # what it is the one in use for
    quality: Quality
    since_ns: int
    last_update_ns: int  # 0: none yet
    errors_per_minute: float
    error_rate: float  # of the last requests and frames, 0 to 1
    reconnects: int
    subscribed: int
    symbols_max: int | None
    requests_left: int | None  # in this window; None where there is no limit
    lag_seconds: float = nan  # of the last update: from the venue to us
    errors: Mapping[str, int] = field(default_factory=dict)  # since the start, by reason


@runtime_checkable
class HealthReporter(Protocol):
    """A provider that can say how it, or each of those behind it, does."""

    def health(self) -> Sequence[ProviderHealth]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSwitch:
    """One kind of data came from another provider from then on."""

    kind: DataKind
    ts: int
    source: str  # empty: nobody served it before
    target: str
    reason: str  # one sentence


@runtime_checkable
class SwitchReporter(Protocol):
    """A provider that chooses between others and can say when it did."""

    def switches(self) -> Sequence[ProviderSwitch]:
        """Return the switches of the last hour, oldest first."""


@runtime_checkable
class RejectReporter(Protocol):
    """A provider that counts what it refused to pass on."""

    def rejects(self) -> Mapping[str, int]:
        """Return how many rows were refused since the start, by reason."""


@runtime_checkable
class SteppableProvider(Protocol):
    """A provider whose market clock can be moved by hand: a recording."""

    async def step(self, until_ns: int | None = None) -> int | None:
        """Move the clock to `until_ns`, else to the next tick, and play what that reaches.

        Returns where the clock stands, None when the recording has ended before.
        """
