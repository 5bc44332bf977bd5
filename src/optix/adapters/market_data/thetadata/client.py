"""The Theta Terminal over HTTP: one method for each endpoint, its names, CSV out.

The terminal holds the credentials, so no key travels. A plan allows so many questions at once; more
would wait in the terminal, so they wait here. "No data" is status 472, a normal outcome.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from urllib.parse import urlsplit

from optix.adapters.market_data.failures import PROVIDER_ERRORS, ProviderRefused
from optix.adapters.market_data.thetadata import wire
from optix.adapters.market_data.thetadata.wire import Row
from optix.adapters.web.pacing import Pacing
from optix.adapters.web.rest import Answer, Params, RestClient
from optix.kernel.clock import Clock
from optix.ports.market_data import ProviderUnavailable

LABEL = "Theta Terminal"
STREAM_PORT = 25520
AT_ONCE = {"free": 1, "value": 2, "standard": 4, "pro": 8}

_NO_DATA = frozenset((404, 472))
_NOT_IN_PLAN = 471
_NOT_NOW = {
    474: "The Theta Terminal has lost its connection to ThetaData.",
    476: "The Theta Terminal was started for another address.",
    571: "The Theta Terminal is still starting.",
}


class TerminalClient(RestClient):
    """Knows the terminal's own statuses."""

    def _checked(self, answer: Answer) -> Answer:
        if answer.status == _NOT_IN_PLAN:
            raise ProviderRefused(
                "The ThetaData plan does not include what was asked for.",
                next_step="Set OPTIX_THETADATA_PLAN to the plan of your account.",
            )
        if answer.status in _NOT_NOW:
            raise ProviderUnavailable(_NOT_NOW[answer.status])
        return super()._checked(answer)


class ThetaDataClient:
    """Asks the terminal. `plan` says how much at once."""

    def __init__(self, url: str, clock: Clock, *, plan: str) -> None:
        pacing = Pacing(LABEL, clock, errors=PROVIDER_ERRORS, requests=None)
        self.rest = TerminalClient(LABEL, base_url=url, pacing=pacing, clock=clock)
        self._slots = asyncio.Semaphore(AT_ONCE[plan])

    async def list_contracts(self, roots: Sequence[str], day: date) -> Sequence[Row]:
        params = {"symbol": ",".join(roots), "date": f"{day:%Y%m%d}"}
        return await self._ask("/option/list/contracts/quote", params, wire.CONTRACT)

    async def fetch_security_quotes(self, symbols: Sequence[str]) -> Sequence[Row]:
        params = {"symbol": ",".join(symbols)}
        return await self._ask("/stock/snapshot/quote", params, wire.SECURITY_QUOTE)

    async def fetch_security_ohlc(self, kind: str, symbols: Sequence[str]) -> Sequence[Row]:
        """Return the day so far. `kind` is stock or index."""
        params = {"symbol": ",".join(symbols)}
        return await self._ask(f"/{kind}/snapshot/ohlc", params, wire.SECURITY_OHLC)

    async def fetch_chain(self, what: str, root: str, expiration: date) -> Sequence[Row]:
        """Return a snapshot of all contracts of a date: quote, ohlc, open_interest, a greeks/."""
        columns = {"quote": wire.QUOTE, "ohlc": wire.OHLC, "open_interest": wire.INTEREST}
        params = {"symbol": root, "expiration": f"{expiration:%Y%m%d}"}
        required = columns.get(what, wire.GREEKS)
        return await self._ask(f"/option/snapshot/{what}", params, required)

    async def fetch_days(self, kind: str, symbol: str, start: date, end: date) -> Sequence[Row]:
        params = {"symbol": symbol, "start_date": f"{start:%Y%m%d}", "end_date": f"{end:%Y%m%d}"}
        return await self._ask(f"/{kind}/history/eod", params, wire.DAY)

    async def fetch_bars(
        self, kind: str, symbol: str, interval: str, start: date, end: date
    ) -> Sequence[Row]:
        params = {
            "symbol": symbol,
            "start_date": f"{start:%Y%m%d}",
            "end_date": f"{end:%Y%m%d}",
            "interval": interval,
        }
        return await self._ask(f"/{kind}/history/ohlc", params, wire.BAR)

    async def fetch_closing_chain(
        self, root: str, day: date, *, with_greeks: bool
    ) -> Sequence[Row]:
        """Return every contract's close of one day. Greeks need a plan that has them."""
        path = "/option/history/greeks/eod" if with_greeks else "/option/history/eod"
        params = {
            "symbol": root,
            "expiration": "*",
            "start_date": f"{day:%Y%m%d}",
            "end_date": f"{day:%Y%m%d}",
        }
        required = wire.CHAIN_EOD | (wire.GREEKS if with_greeks else frozenset())
        return await self._ask(path, params, required)

    async def fetch_open_interest(self, root: str, day: date) -> Sequence[Row]:
        """Return what OPRA said on the morning of `day`: the end of the session before."""
        params = {"symbol": root, "expiration": "*", "date": f"{day:%Y%m%d}"}
        return await self._ask("/option/history/open_interest", params, wire.INTEREST)

    async def fetch_trades(
        self, root: str, expiration: date, strike: str, right: str, day: date
    ) -> Sequence[Row]:
        """Return the prints of one contract, each with the quote strictly before it."""
        params = {
            "symbol": root,
            "expiration": f"{expiration:%Y%m%d}",
            "strike": strike,
            "right": right,
            "date": f"{day:%Y%m%d}",
            "exclusive": "true",
        }
        return await self._ask("/option/history/trade_quote", params, wire.TRADE_QUOTE)

    async def _ask(self, path: str, params: Params, required: frozenset[str]) -> Sequence[Row]:
        async with self._slots:
            answer = await self.rest.get(path, {**params, "format": "csv"}, absent=_NO_DATA)
        return [] if answer is None else wire.read_rows(answer.body, required=required)


def stream_url(url: str) -> str:
    """Return where the terminal at `url` streams: the same machine, a port of its own."""
    host = urlsplit(url).hostname or "127.0.0.1"
    return f"ws://{f'[{host}]' if ':' in host else host}:{STREAM_PORT}/v1/events"
