"""What the feed knows of the market, and what of it readers do not know yet.

Updates go in, messages for the bus come out; nothing here waits, and the same updates at the same
instants give the same bytes. The engine adds the provider, the bus and the clock on the wall.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from math import isnan, nan
from typing import Any, NamedTuple, Protocol

import numpy as np
import orjson

from optix.features.market import normalise, wire
from optix.features.market.analytics import ChainQuotes, PricedChain, RootTerms
from optix.features.market.carry import CarryInputs
from optix.features.market.chain_parts import COLUMN, ChainPart, PartsMaker
from optix.features.market.chain_state import Beside, ChainSnapshot, ChainState
from optix.features.market.listing import RootKey
from optix.features.market.normalise import RejectReason, Rejects
from optix.features.market.pricing import price_quotes, reference_spot
from optix.features.market.quote_batches import QuoteBatches
from optix.features.market.solving import work_cost
from optix.features.market.tapes import Print, Tapes
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.clock import NANOSECONDS
from optix.kernel.instrument import MalformedContract, OptionContract, parse_option
from optix.kernel.quote import Quality, Quote, QuoteFlag, TradingStatus
from optix.kernel.roots import underlying_of
from optix.kernel.trade import Trade
from optix.ports.market_data import ChainKey, Demand, FeedNotice, NoticeState, ProviderUnavailable


class TermsSource(Protocol):
    """Tells style and settlement instant of a root's expiration (the calendar does)."""

    def terms_of(self, root: str, expiration: date) -> RootTerms: ...


class InputsSource(Protocol):
    """Tells rates, dividends and splits of an underlying as they are known now."""

    def carry_of(self, underlying: str, now_ns: int, *, in_cash: bool) -> CarryInputs: ...

    def since_ns(self, underlying: str, now_ns: int) -> int:
        """Return when the shares of today began to trade: the last split's ex-date, or 0."""


class Work(NamedTuple):
    """One chain on its way through pricing."""

    state: ChainState
    snapshot: ChainSnapshot
    quotes: ChainQuotes
    terms: Mapping[RootKey, RootTerms]


class FeedState:
    """Quotes, chains, prints and trading states of one provider."""

    def __init__(
        self,
        *,
        terms: TermsSource,
        inputs: InputsSource,
        market_now_ns: Callable[[], int],
        wall_now_ns: Callable[[], int],
        epoch: str,
    ) -> None:
        self.rejects = Rejects()
        self.quotes: dict[str, Quote] = {}
        self.trading: dict[str, TradingStatus] = {}
        self.chains: dict[ChainKey, ChainState] = {}
        self.dirty_quotes: dict[str, None] = {}
        self.dirty_chains: dict[ChainKey, int] = {}  # with when they became so
        self.demand = Demand()
        self.epoch = epoch
        self.updates = 0  # taken since the feed began
        self.surfaces: dict[RootKey, Mapping[str, Any]] = {}  # what headers say of theirs
        self._batch = 0
        self._batches = QuoteBatches(epoch)
        self._believed: dict[str, Quote] = {}
        self._printed: dict[ChainKey, set[OptionContract]] = {}
        self._parts = PartsMaker()
        self._tapes = Tapes()
        self._terms = terms
        self._inputs = inputs
        self._market_now_ns = market_now_ns
        self._wall_now_ns = wall_now_ns

    # Taking in

    def take_quote(self, quote: Quote) -> Quote:
        """Take a quote in: flag it, keep it, mark it to be published. Return what is held.

        One that cannot be, or that is older than the one held of the same source, changes nothing
        and is counted.
        """
        self.updates += 1
        symbol = quote.symbol
        held = self.quotes.get(symbol)
        now_ns = self._market_now_ns()
        fault = normalise.time_fault(
            quote.ts_event, now_ns=now_ns, since_ns=self._inputs.since_ns(symbol, now_ns)
        )
        if fault is None and held is not None and quote.ts_event < held.ts_event:
            fault = RejectReason.OLDER if quote.source == held.source else None
        if fault is not None:
            self.rejects.count(fault)
            if held is not None:
                return held
            quote = _without_numbers(quote, now_ns)
        flags = normalise.flags_of_quote(quote)
        if normalise.is_spot_outlier(quote, self._believed.get(symbol), held):
            flags |= QuoteFlag.OUTLIER
        else:
            self._believed[symbol] = quote
        volume = self._tapes.volume_of(symbol, quote.volume)
        if flags != quote.flags or (volume != quote.volume and not isnan(volume)):
            quote = replace(quote, flags=flags, volume=volume)
        self.quotes[symbol] = quote
        self.dirty_quotes[symbol] = None
        return quote

    def take_chain(self, table: ChainTable) -> None:
        """Take a chain update in, which may span several expirations.

        Raises ProviderUnavailable for a table that no market has.
        """
        self.updates += 1
        if len(table) > limits.CHAIN_CONTRACTS_MAX:
            self.rejects.count(RejectReason.TOO_LARGE, len(table))
            raise ProviderUnavailable(
                f"The source sent {len(table):,} contracts of {table.underlying} at once; "
                f"at most {limits.CHAIN_CONTRACTS_MAX:,} are taken."
            )
        if table.spot is not None:
            self.take_quote(table.spot)
        now_ns = self._wall_now_ns()
        market_ns = self._market_now_ns()
        since_ns = self._inputs.since_ns(table.underlying, market_ns)
        for number, part in enumerate(self._parts.parts_of(table)):
            own = table if number == 0 or not table.rejected else replace(table, rejected=())
            sound = self._sound(part, own, now_ns=market_ns, since_ns=since_ns)
            self._merge(ChainKey(table.underlying, part.expiration), own, sound, since_ns, now_ns)
        self._evict(now_ns)

    def _merge(
        self, key: ChainKey, table: ChainTable, part: ChainPart, since_ns: int, now_ns: int
    ) -> None:
        state = self.chains.get(key)
        if state is not None:
            state.merge(table, part, self.rejects)
        elif table.complete:
            self.chains[key] = state = ChainState(key, table, part)
        else:  # some rows of a chain that was never seen whole are not that chain
            self.rejects.count(RejectReason.NOT_LOADED, len(part.listing))
            return
        for contract in self._printed.get(key, ()):
            position = part.listing.index.get(contract)
            if position is not None:
                said = float(part.values[COLUMN["volume"], position])
                volume = self._tapes.volume_of(contract.key, said)
                state.set_print(state.listing.index[contract], last=nan, volume=volume)
        if since_ns:
            state.forget_before(since_ns, self.rejects)
        state.loaded_ns = now_ns
        self.dirty_chains.setdefault(key, now_ns)

    def _sound(
        self, part: ChainPart, table: ChainTable, *, now_ns: int, since_ns: int
    ) -> ChainPart:
        """Return the part without what cannot be: counted, and nothing in its place."""
        self.rejects.count(RejectReason.PRICE, normalise.blank_impossible(part.values))
        listed_ns = normalise.listed_since_ns(part.expiration)
        ts_rows = part.ts_event
        latest = now_ns + int(normalise.FUTURE_SECONDS_MAX * NANOSECONDS)
        if ts_rows.min() >= max(listed_ns, since_ns) and ts_rows.max() <= latest:
            return part
        future, early = ts_rows > latest, ts_rows < listed_ns
        split = (ts_rows < since_ns) & ~early
        self.rejects.count(RejectReason.FUTURE, int(future.sum()))
        self.rejects.count(RejectReason.BEFORE_LISTING, int(early.sum()))
        self.rejects.count(RejectReason.BEFORE_SPLIT, int(split.sum()))
        faulty = future | early | split
        if not table.complete:
            return part.keep(~faulty)
        part.values[:, faulty] = np.nan
        ts_rows[faulty] = min(max(table.ts_event, since_ns, listed_ns), now_ns)
        return part

    def take_trade(self, trade: Trade) -> None:
        """Take a print: it may set the last price and changes the volume of what it names."""
        self.updates += 1
        fault = normalise.time_fault(trade.ts_event, now_ns=self._market_now_ns())
        if fault is not None:
            self.rejects.count(fault)
            return
        quote = self.quotes.get(trade.symbol)
        if quote is not None:
            print_ = self._tapes.add(trade, quote.volume, self.rejects)
            if print_ is not None:
                self.quotes[trade.symbol] = _printed(quote, print_)
                self.dirty_quotes[trade.symbol] = None
            return
        try:
            contract = parse_option(trade.symbol)
        except MalformedContract:
            self.rejects.count(RejectReason.NOT_LOADED)
            return
        self._print_contract(contract, trade)

    def _print_contract(self, contract: OptionContract, trade: Trade) -> None:
        key = ChainKey(underlying_of(contract.root), contract.expiration)
        state = self.chains.get(key)
        position = None if state is None else state.listing.index.get(contract)
        if state is None or position is None:
            self.rejects.count(RejectReason.NOT_LOADED)
            return
        volume = float(state.column("volume")[position])
        print_ = self._tapes.add(trade, volume, self.rejects)
        if print_ is not None:
            self._printed.setdefault(key, set()).add(contract)
            state.set_print(position, last=print_.last, volume=print_.volume)
            self.dirty_chains.setdefault(key, self._wall_now_ns())

    def take_status(self, status: TradingStatus) -> None:
        """Keep the trading state of a security; its quote and its chains say so from now on."""
        self.updates += 1
        held = self.trading.get(status.symbol)
        if held is not None and status.ts_event < held.ts_event and status.source == held.source:
            self.rejects.count(RejectReason.OLDER)
            return
        self.trading[status.symbol] = status
        if status.symbol in self.quotes:
            self.dirty_quotes[status.symbol] = None
        self._touch_chains(lambda key: key.underlying == status.symbol)

    def take_notice(self, notice: FeedNotice) -> None:
        """Take what a provider says of itself: after a gap nothing is sure until the next word."""
        if notice.state is NoticeState.RESTARTED:
            self.quotes.clear()
            self._believed.clear()
            self._tapes.clear()
            self._printed.clear()
            for state in self.chains.values():
                state.turn_back()
            return
        if notice.state is not NoticeState.GAP:
            return

        def concerned(symbol: str) -> bool:
            return not notice.symbols or symbol in notice.symbols

        for symbol, quote in self.quotes.items():
            if concerned(symbol) and quote.quality is not Quality.STALE:
                self.quotes[symbol] = replace(quote, quality=Quality.STALE)
                self.dirty_quotes[symbol] = None
        for key, state in self.chains.items():
            if concerned(key.underlying):
                state.gap = notice.reason or "Updates may be missing."
        self._touch_chains(lambda key: concerned(key.underlying))

    def _touch_chains(self, concerned: Callable[[ChainKey], bool]) -> None:
        for key in self.chains:
            if concerned(key):
                self.dirty_chains.setdefault(key, self._wall_now_ns())

    def _evict(self, now_ns: int) -> None:
        """Forget what nobody follows, oldest first; never what came just now."""
        over = len(self.chains) - limits.CHAINS_KEPT_MAX
        if over <= 0:
            return
        idle = [
            key
            for key, state in self.chains.items()
            if key not in self.demand.chains and state.loaded_ns != now_ns
        ]
        idle.sort(key=lambda key: self.chains[key].loaded_ns)
        for key in idle[:over]:
            del self.chains[key]
            self.dirty_chains.pop(key, None)
            self._printed.pop(key, None)

    # Giving out

    def quotes_message(self) -> tuple[bytes, dict[str, bytes]]:
        """Return the message with every quote that changed, and what to keep by symbol."""
        changed = [
            self.quotes[symbol] for symbol in sorted(self.dirty_quotes) if symbol in self.quotes
        ]
        self.dirty_quotes = {}
        self._batch += 1
        message, rows = self._batches.message(self._batch, changed, self.trading)
        return message, self._kept(changed, rows)

    def kept_quotes(self, symbols: Iterable[str]) -> dict[str, bytes]:
        """Return what to keep of quotes that are held, whether they changed or not."""
        held = [self.quotes[symbol] for symbol in symbols if symbol in self.quotes]
        return self._kept(held, self._batches.encode(held, self.trading))

    def _kept(self, quotes: Sequence[Quote], rows: Sequence[bytes]) -> dict[str, bytes]:
        followed = self.demand.quotes
        return {
            quote.symbol: self._batches.kept(row, followed=quote.symbol in followed)
            for quote, row in zip(quotes, rows, strict=True)
        }

    def due(self, keys: Iterable[ChainKey]) -> list[Work]:
        """Return the work on those of `keys` that changed or were never published."""
        wanted = [key for key in keys if key in self.chains]
        found = []
        for key in wanted:
            state = self.chains[key]
            if key in self.dirty_chains or not state.is_published:
                self.dirty_chains.pop(key, None)
                found.append(self._work(key, state))
        return found

    def give_back(self, works: Sequence[Work]) -> None:
        """Take chains back that could not be published."""
        for work in works:
            self.dirty_chains.setdefault(work.state.key, self._wall_now_ns())

    def _work(self, key: ChainKey, state: ChainState) -> Work:
        snapshot = state.snapshot()
        terms = {pair: self._terms.terms_of(*pair) for pair in snapshot.listing.keys}
        # An IV belongs to the instant of its quote: a delayed or paused feed must not see time
        # decay that its prices do not have. Once a series has settled the market's now counts.
        market_ns = self._market_now_ns()
        settled = any(term.settles_at_ns <= market_ns for term in terms.values())
        now_ns = market_ns if settled else min(market_ns, snapshot.ts_event)
        quotes = ChainQuotes(
            listing=snapshot.listing,
            bid=snapshot.column("bid"),
            ask=snapshot.column("ask"),
            bid_size=snapshot.column("bid_size"),
            ask_size=snapshot.column("ask_size"),
            ts_event=snapshot.ts_rows,
            spot=reference_spot(self._spot_of(key.underlying, snapshot)),
            now_ns=now_ns,
            carry=self._inputs.carry_of(key.underlying, now_ns, in_cash=self.is_in_cash(key)),
            before=state.priced,
        )
        return Work(state, snapshot, quotes, terms)

    def _spot_of(self, underlying: str, snapshot: ChainSnapshot) -> Quote | None:
        """Return the underlying's quote that goes with a chain: believed, and not of later."""
        believed = self._believed.get(underlying)
        own = snapshot.spot
        if own is None or (own.flags | self._flags_of(underlying, own)) & QuoteFlag.OUTLIER:
            return believed
        if believed is None or believed.ts_event > snapshot.ts_event + NANOSECONDS:
            return own
        return believed if believed.ts_event > own.ts_event else own

    def _flags_of(self, underlying: str, quote: Quote) -> QuoteFlag:
        held = self.quotes.get(underlying)
        same = held is not None and held.ts_event == quote.ts_event and held.last == quote.last
        return held.flags if held is not None and same else QuoteFlag.NONE

    def cost_of(self, key: ChainKey) -> int:
        """Return what pricing a chain costs at most, in European rows; 0 for one not held."""
        state = self.chains.get(key)
        return 0 if state is None else work_cost(state.listing, in_cash=self.is_in_cash(key))

    def is_in_cash(self, key: ChainKey) -> bool:
        """Tell whether the budget has room to price a chain's dividends in cash.

        The nearest expirations that are followed come first, so a chain keeps its model while what
        is followed stays the same.
        """
        rows = 0
        for other in sorted(self.demand.chains, key=lambda other: (other.expiration, other)):
            state = self.chains.get(other)
            if state is None:
                continue
            rows += len(state.listing)
            if other == key:
                return rows <= limits.CASH_DIVIDEND_ROWS_MAX
        return rows + len(self.chains[key].listing) <= limits.CASH_DIVIDEND_ROWS_MAX

    def chains_message(self, works: Sequence[Work], priced: Sequence[PricedChain]) -> bytes | None:
        """Make priced chains the published state; return the message that says what changed."""
        relisted: list[list[Any]] = []
        changed: list[dict[str, Any]] = []
        for work, chain in zip(works, priced, strict=True):
            key = work.state.key
            beside = Beside(self.trading.get(key.underlying), self.surfaces)
            changes = work.state.publish(work.snapshot, chain, work.terms, beside)
            if changes is None:
                continue
            name = [key.underlying, key.expiration.isoformat()]
            if changes.relisted:
                relisted.append([*name, changes.sequence])
                continue
            row = {"u": name[0], "x": name[1], "s": changes.sequence, "h": changes.header}
            changed.append({**row, "r": changes.columns})
        if not relisted and not changed:
            return None
        body = orjson.dumps({"l": relisted, "c": changed}, option=orjson.OPT_SERIALIZE_NUMPY)
        return self._head() + body[1:]

    def say_surfaces(self, underlying: str, headers: Mapping[RootKey, Mapping[str, Any]]) -> None:
        """Let headers of an underlying's chains say this of their surface from now on."""
        changed = {key[1] for key, header in headers.items() if self.surfaces.get(key) != header}
        self.surfaces.update(headers)
        self._touch_chains(lambda key: key.underlying == underlying and key.expiration in changed)

    def chain_body(self, key: ChainKey) -> bytes:
        """Return the whole published state of a chain, as kept in Redis for late readers."""
        body = self.chains[key].dump(self.epoch)
        return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)

    def _head(self) -> bytes:
        self._batch += 1  # counted even when Redis is away: readers see the gap and load anew
        return b'{"k":"u","e":"%b","b":%d,' % (self.epoch.encode(), self._batch)


def price_works(works: Sequence[Work]) -> list[PricedChain]:
    """Price chains together. Pure: fit for another thread."""
    terms = {pair: term for work in works for pair, term in work.terms.items()}
    return price_quotes([work.quotes for work in works], terms=terms)


def demand_of(topics: Iterable[str]) -> Demand:
    """Return what leases ask for. A chain brings its underlying's quote with it."""
    quotes: set[str] = set()
    chains: set[ChainKey] = set()
    for topic in topics:
        meaning = wire.parse_topic(topic)
        if isinstance(meaning, ChainKey):
            chains.add(meaning)
            quotes.add(meaning.underlying)
        elif meaning is not None:
            quotes.add(meaning)
    return Demand(quotes=frozenset(quotes), chains=frozenset(chains))


def _printed(quote: Quote, print_: Print) -> Quote:
    """Return the quote after a print. A cancel gives the last price back to the print before."""
    last = quote.last if isnan(print_.last) else print_.last
    return replace(quote, last=last, volume=print_.volume)


def _without_numbers(quote: Quote, now_ns: int) -> Quote:
    """Return a quote that says only of which symbol it is: its numbers cannot be."""
    return Quote(
        symbol=quote.symbol,
        kind=quote.kind,
        source=quote.source,
        quality=quote.quality,
        ts_event=min(max(quote.ts_event, 0), now_ns),
        ts_received=quote.ts_received,
    )
