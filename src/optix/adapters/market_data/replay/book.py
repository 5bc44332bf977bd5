"""The market as the recording has told it so far: the newest quote and chain of everything.

Whole expirations replace what was known of them; partial ones overwrite the rows they name. What
is handed out is never written to again.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from optix.adapters.market_data.bars import join_bars
from optix.adapters.market_data.replay.tape import Tick
from optix.adapters.market_data.tables import (
    Floats,
    column_of,
    expirations_of,
    instants_of,
    unknown_expiration,
)
from optix.kernel.chain import CHAIN_COLUMNS, ChainTable
from optix.kernel.instrument import MalformedContract, OptionContract, parse_option
from optix.kernel.quote import Quote, TradingStatus
from optix.kernel.roots import underlying_of
from optix.ports.market_data import Bar, BarInterval, ChainKey, Expiration

PRINTS_MAX = 100_000  # of one symbol; beyond it the older half is dropped


class _Chain:
    """One expiration: the last whole table, and columns of its own once rows were overwritten."""

    def __init__(self, table: ChainTable) -> None:
        self._table = table
        self._newest: ChainTable | None = None  # a part that `_table` does not show yet
        self._contracts: list[OptionContract] = list(table.contracts)
        self._places: dict[OptionContract, int] = {}
        self._values: Floats | None = None  # (columns of CHAIN_COLUMNS, rows)
        self._row_ns = np.empty(0, dtype=np.int64)

    def overwrite(self, part: ChainTable) -> None:
        if self._values is None:
            self._values = self._thaw()
        rows = []
        for contract in part.contracts:
            place = self._places.get(contract)
            if place is None:
                place = self._places[contract] = len(self._contracts)
                self._contracts.append(contract)
            rows.append(place)
        grown = len(self._contracts) - len(self._row_ns)
        if grown:
            self._row_ns = np.concatenate([self._row_ns, np.zeros(grown, dtype=np.int64)])
            added = np.full((len(CHAIN_COLUMNS), grown), np.nan)
            self._values = np.concatenate([self._values, added], axis=1)
        # All columns at once: to find the rows costs more than to write them.
        self._values[:, rows] = _values_of(part)
        self._row_ns[rows] = _row_instants(part)
        self._newest = part

    def table(self) -> ChainTable:
        """Return the whole expiration. Built when it is asked for, not on every tick."""
        if self._newest is not None and self._values is not None:
            self._table = replace(
                self._newest,
                contracts=self._contracts[:],
                columns=dict(zip(CHAIN_COLUMNS, map(column_of, self._values), strict=True)),
                row_ts_event=instants_of(self._row_ns),
                rejected=self._newest.rejected or self._table.rejected,
                complete=True,
            )
            self._newest = None
        return self._table

    def contracts(self) -> Sequence[OptionContract]:
        return self._contracts

    def _thaw(self) -> Floats:
        self._places = {contract: place for place, contract in enumerate(self._contracts)}
        self._row_ns = _row_instants(self._table).copy()
        return _values_of(self._table)


class Book:
    """State of all symbols of a recording."""

    def __init__(self) -> None:
        self.quotes: dict[str, Quote] = {}
        self.statuses: dict[str, TradingStatus] = {}
        self._chains: dict[ChainKey, _Chain] = {}
        self._prints: dict[str, tuple[array[int], array[float]]] = {}

    def apply(self, tick: Tick) -> None:
        named: set[ChainKey] = set()
        for update in tick.updates:
            if isinstance(update, Quote):
                self._apply_quote(update, tick.instant_ns)
            elif isinstance(update, TradingStatus):
                self.statuses[update.symbol] = update
            elif isinstance(update, ChainTable) and update.contracts:
                key = key_of(update)
                named.add(key)
                known = self._chains.get(key)
                if update.complete or known is None:
                    self._chains[key] = _Chain(update)
                else:
                    known.overwrite(update)
        if tick.whole:
            for key in [key for key in self._chains if key.underlying in tick.whole]:
                if key not in named:
                    del self._chains[key]

    def knows(self, symbol: str) -> bool:
        return symbol in self.quotes or any(key.underlying == symbol for key in self._chains)

    def find_chain(self, key: ChainKey) -> ChainTable | None:
        chain = self._chains.get(key)
        return None if chain is None else chain.table()

    def get_chain(self, key: ChainKey) -> ChainTable:
        """Return a whole expiration. Raises UnknownExpiration."""
        table = self.find_chain(key)
        if table is None:
            raise unknown_expiration(key.underlying, key.expiration)
        return table

    def expirations(self, underlying: str) -> list[Expiration]:
        return expirations_of(
            contract
            for key, chain in self._chains.items()
            if key.underlying == underlying
            for contract in chain.contracts()
        )

    def bars(self, symbol: str, interval: BarInterval) -> list[Bar]:
        """Return bars of the last prices that were played, which have no volume."""
        instants, prices = self._prints.get(symbol, (array("q"), array("d")))
        prints = (
            Bar(ts_event=instant, open=price, high=price, low=price, close=price, volume=np.nan)
            for instant, price in zip(instants, prices, strict=True)
        )
        return join_bars(prints, interval)

    def _apply_quote(self, quote: Quote, instant_ns: int) -> None:
        self.quotes[quote.symbol] = quote
        if not quote.last > 0:
            return
        instants, prices = self._prints.setdefault(quote.symbol, (array("q"), array("d")))
        # A price is known from its tick on, but it belongs to the instant when it was true.
        instant = min(quote.ts_event, instant_ns)
        if bisect_right(instants, instant) == len(instants):
            instants.append(instant)
            prices.append(quote.last)
        if len(instants) > PRINTS_MAX:
            del instants[: PRINTS_MAX // 2], prices[: PRINTS_MAX // 2]


@lru_cache(maxsize=131_072)
def underlying_of_print(symbol: str) -> str:
    """Return the underlying whose demand asks for the prints of `symbol`: itself for a stock."""
    try:
        return underlying_of(parse_option(symbol).root)
    except MalformedContract:
        return symbol


def key_of(table: ChainTable) -> ChainKey:
    """Return the expiration of a table that holds one, as all tables of a tape do."""
    return ChainKey(table.underlying, table.contracts[0].expiration)


def split_by_expiration(table: ChainTable) -> list[ChainTable]:
    """Return a table of several expirations as one for each."""
    places: dict[object, list[int]] = {}
    for place, contract in enumerate(table.contracts):
        places.setdefault(contract.expiration, []).append(place)
    if len(places) <= 1:
        return [table]
    return [_take(table, rows) for rows in places.values()]


def _take(table: ChainTable, rows: Sequence[int]) -> ChainTable:
    return replace(
        table,
        contracts=[table.contracts[row] for row in rows],
        columns={
            name: array("d", [values[row] for row in rows])
            for name, values in table.columns.items()
        },
        row_ts_event=(
            None
            if table.row_ts_event is None
            else array("q", [table.row_ts_event[row] for row in rows])
        ),
    )


def _values_of(table: ChainTable) -> Floats:
    """Return a copy of the columns, as rows of one matrix."""
    return np.array([np.frombuffer(table.columns[name]) for name in CHAIN_COLUMNS])


def _row_instants(table: ChainTable) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    if table.row_ts_event is None:
        return np.full(len(table.contracts), table.ts_event, dtype=np.int64)
    return np.frombuffer(table.row_ts_event, dtype=np.int64)
