"""Cboe delayed quotes behind the market data port: polled by demand, politely."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from typing import Any, Self
from urllib.parse import urlsplit

import structlog

from optix.adapters.market_data import bars as bar_rules
from optix.adapters.market_data.cboe import translate, wire
from optix.adapters.market_data.cboe.client import BASE_URL, CboeClient
from optix.adapters.market_data.cboe.documents import (
    POLLED_CHAINS_MAX,
    RETRY_SECONDS_FIRST,
    DocumentKey,
    DocumentStore,
    Kind,
)
from optix.adapters.market_data.cboe.times import DELAY_SECONDS
from optix.adapters.market_data.cboe.translate import SOURCE, vendor_symbols
from optix.adapters.market_data.directory import SymbolDirectory, default_directory
from optix.adapters.market_data.tables import Snapshot
from optix.adapters.web.rest import Outcomes
from optix.kernel.chain import ChainTable
from optix.kernel.clock import Clock, SystemClock
from optix.kernel.errors import OptixError
from optix.kernel.quote import Quality, Quote
from optix.kernel.symbols import MalformedSymbol, parse_symbol
from optix.ports.market_data import (
    Bar,
    BarInterval,
    Bars,
    Capabilities,
    ChainKey,
    DataKind,
    Demand,
    Expiration,
    MarketUpdate,
    ProviderHealth,
    ProviderUnavailable,
    SymbolInfo,
    UnknownSymbol,
    UnsupportedRequest,
)

POLL_SECONDS_MIN = 60.0  # Cboe publishes no limit; this is what one reader may cost
DAILY_BARS_SECONDS = 900.0
SHRINK_REFUSALS = 2  # a chain that stays small for longer really is small
REQUESTS_QUEUED_MAX = 8
PROBE_SYMBOL = "SPY"

CAPABILITIES = Capabilities(
    name=SOURCE,
    label="Cboe delayed quotes",
    quality=Quality.DELAYED,
    delay_seconds=DELAY_SECONDS,
    streaming=False,
    intervals=frozenset(BarInterval),
    vendor_greeks=True,
    kinds=frozenset((DataKind.QUOTES, DataKind.CHAINS, DataKind.BARS, DataKind.SEARCH)),
    notice="Quotes are delayed by 15 minutes. Source: Cboe.",
)

_log = structlog.get_logger(__name__)


class CboeMarketData:
    """Implements `ports.market_data.MarketDataProvider`."""

    capabilities = CAPABILITIES

    def __init__(
        self,
        client: CboeClient,
        *,
        poll_seconds: float = POLL_SECONDS_MIN,
        clock: Clock | None = None,
        directory: SymbolDirectory | None = None,
        retry_seconds_first: float = RETRY_SECONDS_FIRST,
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self._client = client
        self._directory = directory or default_directory()
        seconds = {Kind.DAILY: max(poll_seconds, DAILY_BARS_SECONDS)}
        self._store = DocumentStore(
            self._load,
            seconds=lambda kind: seconds.get(kind, poll_seconds),
            retry_seconds_first=retry_seconds_first,
        )
        self._demand = Demand()
        self._changed = asyncio.Event()
        self._closed = False
        self._rows: dict[str, int] = {}  # by underlying, of the last chain that was taken
        self._shrunk: Counter[str] = Counter()
        self._reported: dict[str, tuple[object, ...]] = {}
        self._failing: set[DocumentKey] = set()
        self._outcomes = Outcomes(self.clock)
        self._last_update_ns = 0
        self._since_ns = self.clock.now_ns()

    @classmethod
    def over_http(
        cls,
        *,
        base_url: str = BASE_URL,
        poll_seconds: float = POLL_SECONDS_MIN,
        clock: Clock | None = None,
    ) -> Self:
        """Return the provider as the product runs it. Raises ValueError for an impolite pace."""
        host = urlsplit(base_url).hostname or ""
        if host.split(".")[-2:] == ["cboe", "com"] and poll_seconds < POLL_SECONDS_MIN:
            raise ValueError(f"Cboe is polled at most once in {POLL_SECONDS_MIN:.0f} s a document")
        client = CboeClient(base_url=base_url, wall=clock)
        return cls(client, poll_seconds=poll_seconds, clock=clock)

    async def open(self) -> None:
        """Ask for one small document, so that a machine without a network learns it at once."""
        self._closed = False
        try:
            await self._store.get(DocumentKey(Kind.QUOTE, PROBE_SYMBOL))
        except UnknownSymbol as error:
            raise ProviderUnavailable(
                "Cboe refuses requests from this address.",
                next_step="Wait some minutes, or choose another feed with OPTIX_FEED.",
            ) from error

    async def close(self) -> None:
        self._closed = True
        self._changed.set()
        await self._store.close()
        await self._client.close()

    def set_demand(self, demand: Demand) -> None:
        self._demand = demand
        self._changed.set()

    def health(self) -> Sequence[ProviderHealth]:
        wanted = _documents(self._demand)
        found = [self._store.error(key) for key in wanted]
        errors = [error for error in found if isinstance(error, ProviderUnavailable)]
        reason = errors[0].detail if errors else ""
        if not wanted:
            state = "idle"
        elif errors:
            state = "down" if len(errors) == len(wanted) else "stale"
        else:
            state = "live" if self._last_update_ns else "connecting"
        return [
            ProviderHealth(
                name=SOURCE,
                label=self.capabilities.label,
                state=state,
                reason=reason,
                serves=self.capabilities.kinds,
                quality=self.capabilities.quality,
                since_ns=self._since_ns,
                last_update_ns=self._last_update_ns,
                errors_per_minute=self._outcomes.errors_per_minute,
                error_rate=self._outcomes.error_rate,
                reconnects=0,
                subscribed=0,
                symbols_max=POLLED_CHAINS_MAX,
                requests_left=None,
            )
        ]

    async def iter_updates(self) -> AsyncIterator[MarketUpdate]:
        """Yield every demanded quote and chain whenever its document is new."""
        yielded: dict[object, int] = {}
        tasks: dict[DocumentKey, asyncio.Task[Any]] = {}
        try:
            while not self._closed:
                self._changed.clear()
                demand = self._demand
                wanted = _documents(demand)
                self._raise_if_lost(wanted)
                for update in self._news(demand, yielded):
                    self._last_update_ns = self.clock.now_ns()
                    yield update
                self._start_due(wanted, tasks)
                await self._wait(wanted, tasks)
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)

    async def fetch_quote(self, symbol: str) -> Quote:
        symbol = _canonical(symbol)
        chain_key = DocumentKey(Kind.OPTIONS, symbol)
        if self._store.peek(chain_key)[1] and self._store.due_in(chain_key) > 0.0:
            key = chain_key
        else:
            key = DocumentKey(Kind.QUOTE, symbol)
        document = await self._store.get(key)
        return document.quote if isinstance(document, Snapshot) else document

    async def fetch_expirations(self, underlying: str) -> Sequence[Expiration]:
        return (await self._snapshot(underlying)).expirations()

    async def fetch_chain(self, key: ChainKey) -> ChainTable:
        return (await self._snapshot(key.underlying)).chain(key.expiration)

    async def fetch_bars(
        self, symbol: str, interval: BarInterval, *, start: date, end: date
    ) -> Bars:
        """Return bars. Bars below a day exist for the latest session only."""
        if interval not in self.capabilities.intervals:
            raise UnsupportedRequest(f"Cboe has no bars of {interval}.")
        symbol = _canonical(symbol)
        kind = Kind.MINUTES if interval in bar_rules.MINUTES else Kind.DAILY
        bars: list[Bar] = await self._store.get(DocumentKey(kind, symbol))
        if interval not in {BarInterval.MINUTE_1, BarInterval.DAY_1}:
            # A week begins before the asked days and a bar must be whole: join first, cut then.
            reach = start - timedelta(days=7)
            bars = bar_rules.join_bars(
                (bar for bar in bars if bar_rules.new_york_date(bar.ts_event) >= reach), interval
            )
        return Bars(
            symbol=symbol,
            interval=interval,
            source=SOURCE,
            quality=Quality.DELAYED,
            adjusted=False,
            rows=bar_rules.within(bars, start=start, end=end),
        )

    async def search(self, text: str, *, limit: int) -> Sequence[SymbolInfo]:
        return self._directory.search(text, limit)

    async def _snapshot(self, underlying: str) -> Snapshot:
        snapshot = await self._store.get(DocumentKey(Kind.OPTIONS, _canonical(underlying)))
        assert isinstance(snapshot, Snapshot), "the store holds one type for each kind"
        return snapshot

    def _start_due(
        self, wanted: Sequence[DocumentKey], tasks: dict[DocumentKey, asyncio.Task[Any]]
    ) -> None:
        """Ask for the due documents, the longest neglected ones first."""
        due = [key for key in wanted if key not in tasks and self._store.due_in(key) <= 0.0]
        due.sort(key=self._store.tried_at)
        for key in due[: max(REQUESTS_QUEUED_MAX - len(tasks), 0)]:
            tasks[key] = asyncio.create_task(self._store.get(key))

    async def _wait(
        self, wanted: Sequence[DocumentKey], tasks: dict[DocumentKey, asyncio.Task[Any]]
    ) -> None:
        """Wait for a document, for another demand or for the next document to be due."""
        due = [self._store.due_in(key) for key in wanted if key not in tasks]
        if len(tasks) >= REQUESTS_QUEUED_MAX:
            due = []  # the next thing to happen is that one of them ends
        changed = asyncio.create_task(self._changed.wait())
        try:
            await asyncio.wait(
                {changed, *tasks.values()},
                timeout=min(due, default=None),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            changed.cancel()
        for key, task in list(tasks.items()):
            if task.done():
                del tasks[key]
                self._report(key, None if task.cancelled() else task.exception())

    def _news(self, demand: Demand, yielded: dict[object, int]) -> list[MarketUpdate]:
        """Return what is demanded, known and not yielded yet, and note it as yielded."""
        updates: list[MarketUpdate] = []
        current: dict[object, int] = {}
        underlyings = {key.underlying for key in demand.chains}
        for symbol in sorted(demand.quotes | underlyings):
            kind = Kind.OPTIONS if symbol in underlyings else Kind.QUOTE
            document, version = self._store.peek(DocumentKey(kind, symbol))
            if version == 0 or self._store.error(DocumentKey(kind, symbol)):
                continue
            mark = (kind, symbol)
            current[mark] = version
            if symbol in demand.quotes and yielded.get(mark) != version:
                quote = document.quote if isinstance(document, Snapshot) else document
                updates.append(quote)
        for key in sorted(demand.chains):
            chain_key = DocumentKey(Kind.OPTIONS, key.underlying)
            document, version = self._store.peek(chain_key)
            if version == 0 or self._store.error(chain_key):
                continue
            current[key] = version
            if yielded.get(key) != version and key.expiration in document.dates():
                updates.append(document.chain(key.expiration))
        yielded.clear()
        yielded.update(current)
        return updates

    def _raise_if_lost(self, wanted: Sequence[DocumentKey]) -> None:
        """Raise when every wanted document fails, one at least for a reason that may pass."""
        if any(self._store.due_in(key) <= 0.0 for key in wanted):
            return  # not before it was tried again
        errors = [self._store.error(key) for key in wanted]
        lost = [error for error in errors if isinstance(error, ProviderUnavailable)]
        if lost and all(error is not None for error in errors):
            raise lost[0].with_traceback(None)

    async def _load(self, key: DocumentKey) -> Any:
        names = vendor_symbols(key.symbol)
        match key.kind:
            case Kind.OPTIONS:
                body = await self._client.fetch_options(key.symbol, names)
                # A large chain takes a tenth of a second: not on the loop that beats the heart.
                return await asyncio.to_thread(self._read_chain, key.symbol, body)
            case Kind.QUOTE:
                body = await self._client.fetch_quote(key.symbol, names)
                document = wire.read_quote(body)
                return translate.translate_quote(
                    document, symbol=key.symbol, fetched_ns=self.clock.now_ns()
                )
            case Kind.DAILY:
                body = await self._client.fetch_daily_bars(key.symbol, names)
                bars, odd = translate.translate_daily(wire.read_bars(body))
            case Kind.MINUTES:
                body = await self._client.fetch_minute_bars(key.symbol, names)
                bars, odd = translate.translate_minutes(wire.read_bars(body))
        if odd:
            _log.info("cboe_bars_rejected", symbol=key.symbol, kind=str(key.kind), rows=odd)
        return bars

    def _read_chain(self, symbol: str, body: bytes) -> Snapshot:
        snapshot = translate.translate_options(
            wire.read_options(body), fetched_ns=self.clock.now_ns(), symbol=symbol
        )
        self._refuse_drift(symbol, snapshot)
        rejected = Counter(rejection.row.code for rejection in snapshot.rejections)
        notable = (dict(rejected), dict(snapshot.blanked))
        if any(notable) and self._reported.get(symbol) != notable:
            self._reported[symbol] = notable
            _log.warning(
                "cboe_rows_rejected", symbol=symbol, rejected=notable[0], blanked=notable[1]
            )
        return snapshot

    def _refuse_drift(self, symbol: str, snapshot: Snapshot) -> None:
        """Refuse a chain that lost most contracts: sooner a broken document than such a market."""
        served = len(snapshot.contracts)
        if served * 2 < snapshot.rows:
            reasons = Counter(rejection.row.reason for rejection in snapshot.rejections)
            raise wire.UnreadableDocument(
                f"{snapshot.rows - served} of {snapshot.rows} options of {symbol} cannot be read, "
                f"for example: {reasons.most_common(1)[0][0]}"
            )
        before = self._rows.get(symbol, 0)
        if served * 2 < before and self._shrunk[symbol] < SHRINK_REFUSALS:
            self._shrunk[symbol] += 1
            raise wire.UnreadableDocument(
                f"The chain of {symbol} fell from {before} contracts to {served}: it is refused "
                "unless the next documents say the same."
            )
        self._rows[symbol] = served
        del self._shrunk[symbol]

    def _report(self, key: DocumentKey, error: BaseException | None) -> None:
        """Say that a document fails, and that it is back: one line each, however long it takes."""
        told = {"symbol": key.symbol, "kind": str(key.kind)}
        self._outcomes.add(failed=isinstance(error, ProviderUnavailable))
        if error is None:
            if key in self._failing:
                self._failing.discard(key)
                _log.info("cboe_document_back", **told)
        elif not isinstance(error, OptixError):
            raise error
        elif key not in self._failing:
            self._failing.add(key)
            _log.warning("cboe_document_failed", **told, why=error.detail)


def _documents(demand: Demand) -> list[DocumentKey]:
    """Return the documents a demand needs: a chain's document brings its quote along."""
    underlyings = {key.underlying for key in demand.chains}
    chains = sorted(underlyings)[:POLLED_CHAINS_MAX]
    keys = [DocumentKey(Kind.OPTIONS, symbol) for symbol in chains]
    quotes = sorted(demand.quotes - underlyings)
    return keys + [DocumentKey(Kind.QUOTE, symbol) for symbol in quotes]


def _canonical(symbol: str) -> str:
    try:
        return parse_symbol(symbol)
    except MalformedSymbol as error:
        raise UnknownSymbol(error.detail) from error
