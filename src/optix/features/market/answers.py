"""Answers of the feed to questions from other processes: one function per kind of question.

The same question asked twice at once is asked of the provider once.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any, Protocol

import orjson

from optix.features.market.chain_state import ChainState
from optix.features.market.inputs import MarketInputs
from optix.features.market.summaries import Summaries
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.errors import InvalidInput, OptixError
from optix.kernel.quote import Quote
from optix.platform.bus import Question, describe_error
from optix.ports.market_data import (
    BarInterval,
    ChainKey,
    HealthReporter,
    MarketDataProvider,
    ProviderUnavailable,
    RejectReporter,
    SteppableProvider,
    SwitchReporter,
    UnsupportedRequest,
)

Handler = Callable[[dict[str, Any]], Awaitable[Any]]


class Feed(Protocol):
    """What answers need of the feed."""

    def take_quote(self, quote: Quote) -> Quote: ...
    def follows_quote(self, symbol: str) -> bool: ...
    async def keep_quotes(self, symbols: Collection[str]) -> None: ...
    def take_chain(self, table: ChainTable) -> None: ...
    def find_chain(self, key: ChainKey) -> ChainState | None: ...
    async def ensure_chain(self, key: ChainKey, *, age_seconds_max: float) -> None: ...
    async def publish_chain(self, key: ChainKey) -> int: ...
    async def publish_chains(self, chain_keys: Sequence[ChainKey]) -> None: ...


class Answers:
    """Answers questions with the provider and the state of the feed."""

    def __init__(
        self,
        provider: MarketDataProvider,
        feed: Feed,
        summaries: Summaries,
        inputs: MarketInputs,
    ) -> None:
        self._provider = provider
        self._inputs = inputs
        self._summaries = summaries
        self._feed = feed
        self._running: dict[bytes, asyncio.Task[Any]] = {}
        self._loading: set[asyncio.Task[None]] = set()
        self._fetching: dict[str, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(limits.FEED_REQUESTS_AT_ONCE_MAX)
        self._kinds: dict[str, Handler] = {
            "quotes": self._quotes,
            "chain": self._chain,
            "expirations": self._expirations,
            "bars": self._bars,
            "events": self._events,
            "search": self._search,
            "step": self._step,
            "providers": self._providers,
        }

    async def answer(self, question: Question) -> Any:
        """Return the answer as plain values for the bus. Raises OptixError for the asker."""
        handler = self._kinds.get(question.kind)
        if handler is None:
            raise InvalidInput(f"The feed does not know the question {question.kind!r}.")
        name = orjson.dumps([question.kind, question.arguments], option=orjson.OPT_SORT_KEYS)
        task = self._running.get(name)
        if task is None:
            task = asyncio.ensure_future(_in_time(handler, question.arguments))
            self._running[name] = task
            task.add_done_callback(lambda _: self._running.pop(name, None))
            task.add_done_callback(_forget_failure)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """End what is still being answered: nobody listens any more."""
        tasks = [*self._running.values(), *self._loading, *self._fetching.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _quotes(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Keep quotes for who asked; say which there are not, and which are still on their way."""
        symbols = arguments["symbols"][: limits.QUOTES_PER_QUESTION_MAX]
        fetches = {s: self._fetch_quote(s) for s in symbols if not self._feed.follows_quote(s)}
        if fetches:
            await asyncio.wait(fetches.values(), timeout=limits.QUOTES_WAIT_SECONDS_MAX)
        pending, failed = [], {}
        for symbol, fetch in fetches.items():
            if not fetch.done():
                pending.append(symbol)
            elif (error := fetch.exception()) is not None:
                if not isinstance(error, OptixError):
                    raise error
                failed[symbol] = describe_error(error)
        await self._feed.keep_quotes(symbols)
        return {"pending": pending, "failed": failed}

    def _fetch_quote(self, symbol: str) -> asyncio.Task[None]:
        """Return the one fetch of a symbol that runs."""
        task = self._fetching.get(symbol)
        if task is None:
            task = asyncio.ensure_future(_in_time(self._fetch_one, {"symbol": symbol}))
            self._fetching[symbol] = task
            task.add_done_callback(lambda _: self._fetching.pop(symbol, None))
            task.add_done_callback(_forget_failure)
        return task

    async def _fetch_one(self, arguments: dict[str, Any]) -> None:
        async with self._places:
            self._feed.take_quote(await self._provider.fetch_quote(arguments["symbol"]))

    async def _chain(self, arguments: dict[str, Any]) -> int:
        key = ChainKey(arguments["underlying"], date.fromisoformat(arguments["expiration"]))
        await self._feed.ensure_chain(key, age_seconds_max=limits.CHAIN_AGE_SECONDS_MAX)
        return await self._feed.publish_chain(key)

    async def _expirations(self, arguments: dict[str, Any]) -> dict[str, Any]:
        underlying = arguments["underlying"]
        expirations = await self._provider.fetch_expirations(underlying)
        keys = sorted({ChainKey(underlying, expiration.date) for expiration in expirations})
        loading = asyncio.ensure_future(self._summaries.load(keys))
        self._loading.add(loading)
        loading.add_done_callback(self._loading.discard)
        # They are there at once or in a moment; where not, the rail asks again.
        await asyncio.wait({loading}, timeout=limits.SUMMARY_SECONDS_MAX)
        rows = []
        for expiration in expirations:
            terms = {
                "date": expiration.date.isoformat(),
                "root": expiration.root,
                "style": expiration.style,
                "settlement": expiration.settlement,
                "contracts": expiration.contracts,
            }
            summary = self._summaries.find(ChainKey(underlying, expiration.date))
            rows.append(terms | {"atm_iv": summary.atm_iv, "expected_move": summary.expected_move})
        return {
            "rows": rows,
            "source": self._provider.capabilities.name,
            "as_of": self._provider.clock.now_ns() // 1_000_000,
        }

    async def _bars(self, arguments: dict[str, Any]) -> dict[str, Any]:
        bars = await self._provider.fetch_bars(
            arguments["symbol"],
            BarInterval(arguments["interval"]),
            start=date.fromisoformat(arguments["start"]),
            end=date.fromisoformat(arguments["end"]),
        )
        return {
            "source": bars.source,
            "quality": bars.quality,
            "adjusted": bars.adjusted,
            "rows": [
                [bar.ts_event // 1_000_000, bar.open, bar.high, bar.low, bar.close, bar.volume]
                for bar in bars.rows
            ],
        }

    async def _events(self, arguments: dict[str, Any]) -> dict[str, Any]:
        coming = await self._inputs.events_of(arguments["symbol"])
        return {
            "dividends": [
                [each.ex_date.isoformat(), each.amount, each.estimated, each.source]
                for each in coming.dividends
            ],
            "dividends_reason": coming.dividends_reason,
            "earnings": [day.isoformat() for day in coming.earnings],
            "earnings_reason": coming.earnings_reason,
        }

    async def _step(self, arguments: dict[str, Any]) -> int | None:
        provider = self._provider
        if not isinstance(provider, SteppableProvider):
            raise UnsupportedRequest(
                "Only a recording can be moved by hand.",
                next_step="Start OPTIX with OPTIX_REPLAY and OPTIX_REPLAY_SPEED=step.",
            )
        at_ns: int | None = None
        for _ in range(min(max(arguments["count"], 1), limits.REPLAY_STEPS_MAX)):
            stepped_ns = await provider.step()
            if stepped_ns is None:
                break
            at_ns = stepped_ns
        return at_ns

    async def _providers(self, _: dict[str, Any]) -> dict[str, Any]:
        provider = self._provider
        rows = provider.health() if isinstance(provider, HealthReporter) else ()
        switches = provider.switches() if isinstance(provider, SwitchReporter) else ()
        rejects: Counter[str] = Counter()
        for counting in (provider, self._feed):
            if isinstance(counting, RejectReporter):
                rejects.update(counting.rejects())
        return {
            "providers": [{**asdict(row), "serves": sorted(row.serves)} for row in rows],
            "kinds": sorted(provider.capabilities.kinds),
            "switches": [asdict(switch) for switch in switches],
            "rejects": dict(rejects),
        }

    async def _search(self, arguments: dict[str, Any]) -> list[dict[str, Any]]:
        found = await self._provider.search(arguments["text"], limit=arguments["limit"])
        return [
            {
                "symbol": info.symbol,
                "name": info.name,
                "kind": info.kind,
                "exchange": info.exchange,
                "has_options": info.has_options,
            }
            for info in found
        ]


async def _in_time(handler: Handler, arguments: dict[str, Any]) -> Any:
    """Return the answer, or fail when its askers have stopped waiting.

    A provider that never answers would otherwise keep its place for good, and soon all of them.
    """
    try:
        async with asyncio.timeout(limits.FEED_REQUEST_SECONDS_MAX):
            return await handler(arguments)
    except TimeoutError as error:
        raise ProviderUnavailable("The market data provider did not answer in time.") from error


def _forget_failure(task: asyncio.Task[Any]) -> None:
    """Read the failure, which each asker hears, or asyncio reports one without askers as lost."""
    if not task.cancelled():
        task.exception()
