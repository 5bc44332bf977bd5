"""What may pass from several providers into one stream, so that nothing jumps and nothing is mixed.

Each demanded symbol and chain has one owner, the provider that follows it. Only the owner's updates
pass. When the owner changes, the numbers stay until the new one has some that are not older, and a
chain begins anew with a whole one, so that no table holds quotes of two sources. Numbers whose
owner is gone are said once more as they are, with the quality "stale". Nothing is ever made up:
what passes is what a provider sent.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from optix.kernel.chain import CHAIN_COLUMNS, ChainTable, nan_column
from optix.kernel.instrument import OptionContract
from optix.kernel.quote import Quality, Quote, TradingStatus
from optix.kernel.trade import Trade
from optix.ports.market_data import ChainKey, Demand, MarketUpdate

Topic = str | ChainKey


@dataclass(slots=True)
class GivenQuote:
    """The last quote of a symbol that passed."""

    source: str  # the name of the provider
    quote: Quote

    @property
    def is_stale(self) -> bool:
        return self.quote.quality is Quality.STALE


class GivenChain:
    """What passed of one chain: its last whole table and the rows that changed since."""

    def __init__(self, source: str, table: ChainTable) -> None:
        self.source = source
        self.ts_event = table.ts_event
        self._table = table
        self._changed: dict[OptionContract, tuple[ChainTable, int]] = {}

    def change(self, table: ChainTable) -> None:
        """Note a partial table. Costs one entry a row: it is put together only when needed."""
        for row, contract in enumerate(table.contracts):
            self._changed[contract] = (table, row)
        self.ts_event = max(self.ts_event, table.ts_event)

    @property
    def is_stale(self) -> bool:
        return self._table.quality is Quality.STALE

    @property
    def underlying(self) -> str:
        return self._table.underlying

    def turn_stale(self, spot: Quote | None) -> ChainTable:
        """Return the whole as it stands, as stale from now on."""
        self._table = replace(self.whole(), quality=Quality.STALE, spot=spot)
        return self._table

    def whole(self) -> ChainTable:
        """Return the table as it stands after all changes."""
        if self._changed:
            self._table = _overlaid(self._table, self._changed, self.ts_event)
            self._changed = {}
        return self._table


class Gate:
    """Lets updates of owners pass, in order, for what is demanded."""

    def __init__(self) -> None:
        self._owners: Mapping[Topic, str] = {}
        self._prints: str | None = None  # whose trades pass
        self._printed_ns = self._prints_after_ns = 0
        self._demand = Demand()
        self._quotes: dict[str, GivenQuote] = {}
        self._chains: dict[ChainKey, GivenChain] = {}
        self.wanted_whole: set[ChainKey] = set()  # their owner sent only changes of them so far

    def set_owners(
        self, owners: Mapping[Topic, str], demand: Demand, *, prints: str | None
    ) -> None:
        """Say who follows what from now on. What is no longer demanded is forgotten."""
        if prints != self._prints:
            self._prints_after_ns = self._printed_ns
        self._owners, self._prints, self._demand = owners, prints, demand
        self._quotes = {s: given for s, given in self._quotes.items() if s in demand.quotes}
        self._chains = {k: given for k, given in self._chains.items() if k in demand.chains}
        self.wanted_whole &= demand.chains

    def take(self, source: str, update: MarketUpdate) -> Iterator[MarketUpdate]:
        """Yield what passes of an update that the provider `source` sent."""
        if isinstance(update, Quote):
            if self._owners.get(update.symbol) == source and self._pass_quote(source, update):
                yield update
        elif isinstance(update, ChainTable):
            for key, part in _by_expiration(update):
                yield from self._take_chain(source, key, part)
        elif isinstance(update, Trade):
            if self._is_news(source, update):
                yield update
        elif isinstance(update, TradingStatus) and self._owners.get(update.symbol) == source:
            yield update

    def answer_quote(self, source: str, quote: Quote) -> Quote:
        """Return a fetched quote, or the one that was given where that is newer."""
        if quote.symbol not in self._demand.quotes or self._pass_quote(source, quote):
            return quote
        return self._quotes[quote.symbol].quote

    def answer_chain(self, source: str, key: ChainKey, table: ChainTable) -> ChainTable:
        """Return a fetched chain, or the one that was given where that is newer."""
        if table.spot is not None:
            table = replace(table, spot=self.answer_quote(source, table.spot))
        if key not in self._demand.chains or self._pass_whole(source, key, table):
            return table
        return self._chains[key].whole()

    def fetched(self, source: str, update: Quote | ChainTable) -> Iterator[MarketUpdate]:
        """Yield what passes of something that was fetched because it did not come by itself."""
        if isinstance(update, Quote):
            if self._pass_quote(source, update):
                yield update
            return
        for key, part in _by_expiration(update):
            if self._pass_whole(source, key, part):
                yield self._with_own_spot(source, part)

    def stale(self, topics: Iterable[Topic]) -> Iterator[MarketUpdate]:
        """Yield what was given of `topics` once more, as stale, where it is not said yet."""
        for topic in topics:
            given = self._given(topic)
            if given is None or given.is_stale:
                continue
            if isinstance(given, GivenQuote):
                given.quote = replace(given.quote, quality=Quality.STALE)
                yield given.quote
            else:
                spot = self._quotes.get(given.underlying)
                yield given.turn_stale(spot.quote if spot is not None else None)

    def source_of(self, topic: Topic) -> str | None:
        """Return whose numbers were given last, None where there are none."""
        given = self._given(topic)
        return given.source if given is not None else None

    def _given(self, topic: Topic) -> GivenQuote | GivenChain | None:
        return self._quotes.get(topic) if isinstance(topic, str) else self._chains.get(topic)

    def _pass_quote(self, source: str, quote: Quote) -> bool:
        given = self._quotes.get(quote.symbol)
        if given is not None and quote.ts_event < given.quote.ts_event:
            return False
        self._quotes[quote.symbol] = GivenQuote(source, quote)
        return True

    def _take_chain(self, source: str, key: ChainKey, table: ChainTable) -> Iterator[MarketUpdate]:
        if self._owners.get(key) != source:
            return
        if table.complete:
            if self._pass_whole(source, key, table):
                yield self._with_own_spot(source, table)
            return
        given = self._chains.get(key)
        if given is None or given.source != source or given.is_stale:
            self.wanted_whole.add(key)
            return
        given.change(table)
        yield self._with_own_spot(source, table)

    def _pass_whole(self, source: str, key: ChainKey, table: ChainTable) -> bool:
        given = self._chains.get(key)
        if given is not None and given.source != source and table.ts_event < given.ts_event:
            return False
        self._chains[key] = GivenChain(source, table)
        self.wanted_whole.discard(key)
        return True

    def _with_own_spot(self, source: str, table: ChainTable) -> ChainTable:
        """Return the table with its spot where that may pass by itself, else with the one that did.

        An older spot inside a newer chain would take the underlying's price back.
        """
        spot = table.spot
        if spot is None:
            return table
        if self._owners.get(spot.symbol, source) == source and self._pass_quote(source, spot):
            return table
        given = self._quotes.get(spot.symbol)
        return replace(table, spot=given.quote if given is not None else None)

    def _is_news(self, source: str, trade: Trade) -> bool:
        """True for a print that cannot have been given by the provider before this one."""
        if source != self._prints or trade.ts_event <= self._prints_after_ns:
            return False
        self._printed_ns = max(self._printed_ns, trade.ts_event)
        return True


def _by_expiration(table: ChainTable) -> Iterator[tuple[ChainKey, ChainTable]]:
    """Yield the rows of each expiration, the table itself where there is only one."""
    rows: dict[date, list[int]] = {}
    for row, contract in enumerate(table.contracts):
        rows.setdefault(contract.expiration, []).append(row)
    for expiration, taken in rows.items():
        part = table if len(rows) == 1 else _rows_of(table, taken)
        yield ChainKey(table.underlying, expiration), part


def _rows_of(table: ChainTable, taken: Sequence[int]) -> ChainTable:
    stamps = table.row_ts_event
    return replace(
        table,
        contracts=[table.contracts[row] for row in taken],
        columns={
            name: array("d", [column[row] for row in taken])
            for name, column in table.columns.items()
        },
        row_ts_event=array("q", [stamps[row] for row in taken]) if stamps is not None else None,
    )


def _overlaid(
    table: ChainTable, changed: Mapping[OptionContract, tuple[ChainTable, int]], ts_event: int
) -> ChainTable:
    """Return the table with rows of later tables in their places, new contracts at the end."""
    places = {contract: row for row, contract in enumerate(table.contracts)}
    contracts = [*table.contracts, *(contract for contract in changed if contract not in places)]
    places = {contract: row for row, contract in enumerate(contracts)}
    added = len(contracts) - len(table)
    columns = {name: table.columns[name] + nan_column(added) for name in CHAIN_COLUMNS}
    stamps = array("q", table.row_ts_event or [table.ts_event] * len(table)) + array(
        "q", [ts_event] * added
    )
    received = table.ts_received
    for contract, (later, row) in changed.items():
        place = places[contract]
        for name in CHAIN_COLUMNS:
            columns[name][place] = later.columns[name][row]
        given = later.row_ts_event
        stamps[place] = given[row] if given is not None else later.ts_event
        received = max(received, later.ts_received)
    return replace(
        table,
        contracts=contracts,
        columns=columns,
        row_ts_event=stamps,
        ts_event=ts_event,
        ts_received=received,
    )
