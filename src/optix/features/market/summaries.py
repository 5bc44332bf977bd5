"""At-the-money IV and expected move of every expiration of an underlying, for the expiry rail.

Only strikes near the money are priced, all dates in one pass, and what was found is kept for a
while: a rail of thirty dates must not cost thirty chains.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import isfinite

import numpy as np

from optix.features.market.chain_parts import take_rows
from optix.features.market.feed_state import TermsSource
from optix.features.market.pricing import price_chains
from optix.features.market.quotes import spot_price_of
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.clock import NANOSECONDS, Clock
from optix.kernel.errors import OptixError
from optix.ports.market_data import ChainKey, MarketDataProvider

STRIKES_NEAR = 12


@dataclass(frozen=True, slots=True)
class Summary:
    """What the rail shows of one date; None where it could not be found."""

    atm_iv: float | None = None
    expected_move: float | None = None


class Summaries:
    """Summaries of expirations, each kept for `SUMMARY_AGE_SECONDS_MAX`."""

    def __init__(
        self,
        provider: MarketDataProvider,
        terms: TermsSource,
        clock: Clock,
        *,
        rate_fallback: float,
    ) -> None:
        self._provider = provider
        self._terms = terms
        self._clock = clock
        self._rate_fallback = rate_fallback
        self._kept: OrderedDict[ChainKey, tuple[int, Summary]] = OrderedDict()

    async def load(self, keys: Sequence[ChainKey]) -> None:
        """Find the summaries of `keys` that are missing or old.

        A date whose chain the provider refuses has an empty summary: asking for it says why.
        """
        oldest_ns = self._clock.now_ns() - int(limits.SUMMARY_AGE_SECONDS_MAX * NANOSECONDS)
        parts: list[ChainTable] = []
        priced: list[ChainKey] = []
        for key in keys:
            kept = self._kept.get(key)
            if kept is not None and kept[0] >= oldest_ns:
                continue
            try:
                parts.append(_near_the_money(await self._provider.fetch_chain(key)))
            except OptixError:
                self._keep(key, Summary())
                continue
            priced.append(key)
        found = await asyncio.to_thread(self._price, parts) if parts else {}
        for key in priced:
            self._keep(key, found.get(key.expiration, Summary()))

    def find(self, key: ChainKey) -> Summary:
        """Return what is known of a date."""
        kept = self._kept.get(key)
        return Summary() if kept is None else kept[1]

    def _keep(self, key: ChainKey, summary: Summary) -> None:
        self._kept[key] = (self._clock.now_ns(), summary)
        self._kept.move_to_end(key)
        if len(self._kept) > limits.SUMMARIES_KEPT_MAX:
            self._kept.popitem(last=False)

    def _price(self, tables: Sequence[ChainTable]) -> dict[date, Summary]:
        pairs = {(c.root, c.expiration) for table in tables for c in table.contracts}
        now_ns = self._provider.clock.now_ns()
        chains = price_chains(
            tables,
            now_ns=[min(table.ts_event, now_ns) for table in tables],
            terms={pair: self._terms.terms_of(*pair) for pair in pairs},
            rate_fallback=self._rate_fallback,
        )
        found: dict[date, Summary] = {}
        for chain in chains:
            for (_, expiration), root in sorted(chain.roots.items()):
                if root.atm_iv is not None and expiration not in found:
                    found[expiration] = Summary(root.atm_iv, root.expected_move)
        return found


def _near_the_money(table: ChainTable) -> ChainTable:
    """Return the rows of the strikes nearest to the spot; all of them when there is no spot."""
    spot = spot_price_of(table.spot) if table.spot is not None else float("nan")
    strikes = np.array([contract.strike for contract in table.contracts])
    distinct = np.unique(strikes)
    if not isfinite(spot) or len(distinct) <= STRIKES_NEAR:
        return table
    nearest = distinct[np.argsort(np.abs(distinct - spot), kind="stable")[:STRIKES_NEAR]]
    return take_rows(table, np.flatnonzero(np.isin(strikes, nearest)).tolist())
