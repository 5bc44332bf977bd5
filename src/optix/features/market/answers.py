"""Answers of the feed to questions from other processes: one function per kind of question.

The same question asked twice at once is asked of the provider once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import date
from typing import Any, Protocol

import orjson

from optix.features.market import wire
from optix.features.market.chain_state import ChainState
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.errors import InvalidInput, OptixError
from optix.kernel.quote import Quote
from optix.platform.bus import Question
from optix.ports.market_data import BarInterval, ChainKey, MarketDataProvider


class Feed(Protocol):
    """What answers need of the feed."""

    def take_quote(self, quote: Quote) -> Quote: ...
    def take_chain(self, table: ChainTable) -> None: ...
    def find_chain(self, key: ChainKey) -> ChainState | None: ...
    async def ensure_chain(self, key: ChainKey, *, age_seconds_max: float) -> None: ...
    async def publish_chain(self, key: ChainKey) -> int: ...
    async def publish_chains(self, chain_keys: Sequence[ChainKey]) -> None: ...


class Answers:
    """Answers questions with the provider and the state of the feed."""

    def __init__(self, provider: MarketDataProvider, feed: Feed) -> None:
        self._provider = provider
        self._feed = feed
        self._running: dict[bytes, asyncio.Task[Any]] = {}
        self._summaries: set[asyncio.Task[None]] = set()
        self._kinds: dict[str, Callable[[dict[str, Any]], Awaitable[Any]]] = {
            "quote": self._quote,
            "chain": self._chain,
            "expirations": self._expirations,
            "bars": self._bars,
            "search": self._search,
        }

    async def answer(self, question: Question) -> Any:
        """Return the answer as plain values for the bus. Raises OptixError for the asker."""
        handler = self._kinds.get(question.kind)
        if handler is None:
            raise InvalidInput(f"The feed does not know the question {question.kind!r}.")
        name = orjson.dumps([question.kind, question.arguments], option=orjson.OPT_SORT_KEYS)
        task = self._running.get(name)
        if task is None:
            task = asyncio.ensure_future(handler(question.arguments))
            self._running[name] = task
            task.add_done_callback(lambda _: self._running.pop(name, None))
        return await asyncio.shield(task)

    async def _quote(self, arguments: dict[str, Any]) -> list[Any]:
        quote = await self._provider.fetch_quote(arguments["symbol"])
        return wire.dump_quote(self._feed.take_quote(quote))

    async def _chain(self, arguments: dict[str, Any]) -> int:
        key = ChainKey(arguments["underlying"], date.fromisoformat(arguments["expiration"]))
        await self._feed.ensure_chain(key, age_seconds_max=limits.CHAIN_AGE_SECONDS_MAX)
        return await self._feed.publish_chain(key)

    async def _expirations(self, arguments: dict[str, Any]) -> dict[str, Any]:
        underlying = arguments["underlying"]
        expirations = await self._provider.fetch_expirations(underlying)
        keys = sorted({ChainKey(underlying, expiration.date) for expiration in expirations})
        summary = asyncio.ensure_future(self._summarise(keys))
        self._summaries.add(summary)
        summary.add_done_callback(self._summaries.discard)
        # Most summaries are there at once or in a moment; the rail asks again for the others.
        await asyncio.wait({summary}, timeout=limits.SUMMARY_SECONDS_MAX)
        rows = []
        for expiration in expirations:
            terms = {
                "date": expiration.date.isoformat(),
                "root": expiration.root,
                "style": expiration.style,
                "settlement": expiration.settlement,
                "contracts": expiration.contracts,
            }
            rows.append(terms | self._summary(ChainKey(underlying, expiration.date)))
        return {
            "rows": rows,
            "source": self._provider.capabilities.name,
            "as_of": self._provider.clock.now_ns() // 1_000_000,
        }

    async def _summarise(self, chain_keys: list[ChainKey]) -> None:
        """Price the expirations nobody follows, for their IV and expected move."""
        for begin in range(0, len(chain_keys), limits.PRICING_CHAINS_MAX):
            held: list[ChainKey] = []
            for key in chain_keys[begin : begin + limits.PRICING_CHAINS_MAX]:
                # Where it fails, the rail shows this date without a move; asking for it says why.
                with suppress(OptixError):
                    await self._feed.ensure_chain(
                        key, age_seconds_max=limits.SUMMARY_AGE_SECONDS_MAX
                    )
                    held.append(key)
            await self._feed.publish_chains(held)

    def _summary(self, key: ChainKey) -> dict[str, Any]:
        state = self._feed.find_chain(key)
        header = None if state is None else state.header
        roots = [] if header is None else [r for r in header["roots"] if r["atm_iv"] is not None]
        first = roots[0] if roots else {"atm_iv": None, "expected_move": None}
        return {"atm_iv": first["atm_iv"], "expected_move": first["expected_move"]}

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
