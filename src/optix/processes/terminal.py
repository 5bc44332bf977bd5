"""`optix chain`: one chain in the terminal, straight from the provider, without any server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from optix.features.market import calendar
from optix.features.market.chain_replica import ChainReplica
from optix.features.market.quotes import spot_price_of
from optix.features.market.service import price_once
from optix.kernel.clock import SystemClock
from optix.kernel.errors import InvalidInput
from optix.kernel.instrument import Right
from optix.kernel.quote import Quote
from optix.kernel.symbols import parse_symbol
from optix.platform.settings import Settings
from optix.ports.market_data import ChainKey, MarketDataProvider, UnknownExpiration
from optix.processes.feed import choose_provider

# Columns of one side, from the strike outwards, and the width of the terminal from which each fits.
_SIDE = {
    "bid": 0,
    "ask": 0,
    "iv": 0,
    "delta": 0,
    "theta": 96,
    "open_interest": 116,
    "gamma": 134,
    "vega": 148,
}
_WIDTH_OF_A_FILE = 200


class BadExpiration(InvalidInput):
    """An expiration that is neither a date nor the word next."""

    code = "bad_expiration"
    next_step = "Write `next` or a date like 2026-12-18."


@dataclass(frozen=True, slots=True)
class TerminalChain:
    """A priced chain and its underlying, ready to be printed."""

    replica: ChainReplica
    spot: Quote
    label: str
    notice: str

    def as_json(self) -> dict[str, Any]:
        """Return what `--json` prints: the objects of the REST chain."""
        header = self.replica.header
        return {
            "underlying": self.replica.key.underlying,
            "expiration": self.replica.key.expiration,
            "spot": spot_price_of(self.spot),
            "source": header["source"],
            "quality": header["quality"],
            "as_of": header["as_of"],
            "notice": self.notice,
            "roots": header["roots"],
            "contracts": [self.replica.contract(n) for n in range(len(self.replica))],
            "rejected": self.replica.rejected,
        }

    def as_table(self, width: int) -> Table:
        """Return calls, strike and puts side by side, like the screen, as many columns as fit."""
        side = [name for name, needed in _SIDE.items() if width >= needed]
        key = self.replica.key
        spot = spot_price_of(self.spot)
        price = f"{spot:,.2f}" if isfinite(spot) else "—"
        table = Table(
            title=f"{key.underlying} {price} · {key.expiration:%b %-d, %Y}",
            caption=" ".join(part for part in (self.label, self.notice) if part),
            box=None,
        )
        for name in reversed(side):
            table.add_column(_HEADS[name], justify="right", no_wrap=True)
        table.add_column("Strike", justify="center", style="bold")
        for name in side:
            table.add_column(_HEADS[name], justify="right", no_wrap=True)
        for strike, root, call, put in self._pairs():
            cells = [_cell(call, name) for name in reversed(side)]
            name = f"{strike:g}" if root == key.underlying else f"{strike:g} {root}"
            cells += [name, *(_cell(put, column) for column in side)]
            table.add_row(
                *cells, end_section=False, style="dim" if abs(strike / spot - 1) > 0.1 else ""
            )
        return table

    def _pairs(self) -> list[tuple[float, str, dict[str, Any], dict[str, Any]]]:
        sides: dict[tuple[float, str], dict[str, dict[str, Any]]] = {}
        for position in range(len(self.replica)):
            contract = self.replica.contract(position)
            place = sides.setdefault((contract["strike"], contract["root"]), {})
            place[contract["right"]] = contract
        return [
            (strike, root, pair.get(Right.CALL, {}), pair.get(Right.PUT, {}))
            for (strike, root), pair in sorted(sides.items())
        ]


_HEADS = {
    "bid": "Bid",
    "ask": "Ask",
    "iv": "IV %",
    "delta": "Δ",
    "gamma": "Γ",
    "theta": "Θ/day",
    "vega": "Vega",
    "open_interest": "OI",
}
_FORMATS = {"iv": ".1f", "delta": ".2f", "gamma": ".3f", "open_interest": ",.0f"}


def _cell(contract: dict[str, Any], name: str) -> str:
    value = contract.get(name)
    if value is None or not isfinite(value):
        return "—"
    shown = value * 100 if name == "iv" else value
    return format(shown, _FORMATS.get(name, ".2f")).replace("-", "−")


async def print_chain(
    settings: Settings, symbol: str, *, expiration: str, as_json: bool, console: Console
) -> None:
    """Print one chain with Greeks.

    Errors: MalformedSymbol, BadExpiration, UnknownSymbol, UnknownExpiration, ProviderUnavailable.
    """
    underlying = parse_symbol(symbol)
    provider = await choose_provider(settings, SystemClock())
    try:
        await provider.open()
        day = await _expiration_of(provider, underlying, expiration)
        chain = await _load(provider, ChainKey(underlying, day), settings.market.risk_free_rate)
    finally:
        await provider.close()
    if as_json:
        body = orjson.dumps(chain.as_json(), option=orjson.OPT_INDENT_2)
        console.print(body.decode(), markup=False, highlight=False, soft_wrap=True)
    else:
        if not console.is_terminal:
            console.width = _WIDTH_OF_A_FILE
        console.print(chain.as_table(console.width))


async def _expiration_of(provider: MarketDataProvider, underlying: str, text: str) -> date:
    if text != "next":
        try:
            return date.fromisoformat(text)
        except ValueError as error:
            raise BadExpiration(f"{text!r} is not an expiration.") from error
    now_ns = provider.clock.now_ns()
    for listed in await provider.fetch_expirations(underlying):
        if calendar.settles_at(listed.root, listed.date) > now_ns:
            return listed.date
    raise UnknownExpiration(f"{underlying} has no listed expiration that is still open.")


async def _load(provider: MarketDataProvider, key: ChainKey, rate: float) -> TerminalChain:
    table = await provider.fetch_chain(key)
    spot = table.spot or await provider.fetch_quote(key.underlying)
    capabilities = provider.capabilities
    return TerminalChain(
        price_once(key, table, rate_fallback=rate), spot, capabilities.label, capabilities.notice
    )
