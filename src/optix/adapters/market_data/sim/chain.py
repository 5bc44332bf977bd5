"""One expiration of one name: its contracts, and their quotes at an instant.

A `Board` is fixed from one open to the next: contracts, open interest, previous close, usual
volume. `Board.table` is a function of the instant; `LiveChain` remembers what it said last and
says only what changed. European contracts are priced on the forward, American ones with their
early exercise, which is never worth less than exercising now: no quote lies below that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from optix.adapters.market_data.sim.hashing import Floats, Ints, hash_bits, stream_key, uniforms
from optix.adapters.market_data.sim.interest import Interest
from optix.adapters.market_data.sim.names import SimulatedName, TickProgram
from optix.adapters.market_data.sim.path import MarketPath
from optix.adapters.market_data.sim.pricing import Valuation, Worth
from optix.adapters.market_data.sim.quotes import SOURCE, half_spread_cents
from optix.adapters.market_data.sim.span import as_instants
from optix.adapters.market_data.tables import column_of
from optix.kernel.chain import ChainTable, nan_column
from optix.kernel.clock import NANOSECONDS
from optix.kernel.instrument import OptionContract
from optix.kernel.quote import Quality, Quote
from optix.kernel.roots import roots_of

_TICKS = {  # below 3.00, from 3.00 on
    TickProgram.PENNY_ALL: (0.01, 0.01),
    TickProgram.PENNY: (0.01, 0.05),
    TickProgram.NICKEL: (0.05, 0.10),
}
_PAUSE_SPREAD = 1.6
# Spreads are wide after the open and somewhat before the close: by how much, and for how long.
_OPEN_SPREAD, _OPEN_LASTS_NS = 1.2, 6 * 60 * NANOSECONDS
_CLOSE_SPREAD, _CLOSE_LASTS_NS = 0.3, 4 * 60 * NANOSECONDS
_VENDOR_COLUMNS = (
    "vendor_iv",
    "vendor_delta",
    "vendor_gamma",
    "vendor_theta",
    "vendor_vega",
    "vendor_rho",
    "vendor_price",
)
LIVE_COLUMNS = ("bid", "ask", "bid_size", "ask_size", "last", "volume")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardTerms:
    """What a board is made of: contracts in pairs of call and put, by root and strike."""

    name: SimulatedName
    contracts: Sequence[OptionContract]
    settles_ns: Ints  # per contract
    last_trading_ns: Ints
    shares: Floats  # what each delivers, in standard contracts
    american: bool
    expiration: date
    cycle: str


class Board:
    """The contracts of one expiration on one day of the simulated world."""

    def __init__(self, path: MarketPath, seed: int, terms: BoardTerms, day_number: int) -> None:
        self._path = path
        self.terms = terms
        self.name = terms.name
        self.day_number = day_number
        self.contracts = terms.contracts
        count = len(terms.contracts)
        self._all = np.arange(count)
        self._strikes = np.array([contract.strike for contract in terms.contracts])
        self._open_ns = path.open_ns(day_number)
        self._close_ns = path.close_ns(day_number)
        first = terms.contracts[0]
        self._book_key = stream_key(seed, "book", first.root, first.expiration.isoformat())
        self._levels_strikes = self._in_shares_of_levels()
        standard = roots_of(terms.name.symbol)
        root_number = np.array(
            [standard.index(c.root) if c.root in standard else 0 for c in terms.contracts]
        )
        cents = (self._levels_strikes * 100.0).round().astype(np.int64)
        self._ids = (cents * 4 + root_number) * 2 + (self._all % 2 == 0)
        self._low_tick, self._high_tick = _TICKS[terms.name.tick]
        self._halt = path.halt(terms.name.symbol, day_number)
        self._valuation = Valuation(
            path,
            terms.name,
            day_number,
            strikes=self._strikes,
            shares=terms.shares,
            settles_ns=terms.settles_ns,
            is_american=terms.american,
        )
        self.interest = Interest(
            path,
            terms.name,
            day_number,
            expiration=terms.expiration,
            cycle=terms.cycle,
            strikes=self._levels_strikes,
            ids=self._ids,
            key=self._book_key,
            is_american=terms.american,
        )
        self.open_interest = self.interest.open_interest
        # What has stopped trading for good waits for its settlement.
        self.tradable = terms.last_trading_ns > self._open_ns
        self.change = np.where(self.tradable, self.interest.change, 0.0)
        self.day_volume = np.where(self.tradable, self.interest.day_volume, 0.0)
        self._lay_turns()
        self.previous_close = self._previous_close()

    # -- what is fixed for the day ------------------------------------------------------------

    def _in_shares_of_levels(self) -> Floats:
        """Return strikes per share that stay the same through splits: a contract's own number."""
        factor = np.exp(-self._path.split_shift(self.name, self.day_number))
        result: Floats = (self._strikes / self.terms.shares * factor).round(2)
        return result

    def _previous_close(self) -> Floats:
        """Return yesterday's middle, of contracts that somebody holds."""
        before = max(self.day_number - 1, 0)
        name = self.name
        split = self._path.split_shift(name, before) - self._path.split_shift(name, self.day_number)
        if split:  # yesterday's contracts were others
            return np.full(len(self.contracts), np.nan)
        bid, ask = self.quotes(self._all, as_instants(self._path.close_ns(before)))
        known = np.maximum(self._on_tick(0.5 * (bid + ask)), self._low_tick)
        return np.where(self.open_interest > 0, known, np.nan)

    def _lay_turns(self) -> None:
        """Lay out how often each contract trades and how long its order book stands."""
        trades = np.maximum(self.day_volume / 4.0, 1e-6)
        period = np.clip(23_400.0 / trades, 1.0, 7_200.0)
        self._trade_ns: Ints = (period * NANOSECONDS).astype(np.int64)
        chance = uniforms(stream_key(self._book_key, "phase"), self._ids)
        self._phase_ns: Ints = (chance * self._trade_ns).astype(np.int64)
        close = self._path.log_close(self.name.symbol, max(self.day_number - 1, 0))
        deviation = 0.25 * np.sqrt(30.0 / 365.0)
        distance = np.abs(np.log(self._valuation.strikes) - close) / deviation
        self._book_ns: Ints = (
            (4.0 + 40.0 * np.minimum(distance, 3.0) ** 2) * (0.5 + chance) * NANOSECONDS
        ).astype(np.int64)

    # -- prices -------------------------------------------------------------------------------

    def theoretical(self, rows: Ints, instants_ns: Ints) -> Worth:
        """Return value, vega per point and the least value a quote may have.

        `instants_ns` is one instant for all rows, or one for each.
        """
        return self._valuation.worth(rows, instants_ns)

    def _restless(self, instants_ns: Ints) -> Floats:
        """Return how much wider spreads are by the time of day."""
        since_open = np.maximum(instants_ns - self._open_ns, 0) / _OPEN_LASTS_NS
        to_close = np.maximum(self._close_ns - instants_ns, 0) / _CLOSE_LASTS_NS
        busy = 1.0 + _OPEN_SPREAD * np.exp(-since_open) + _CLOSE_SPREAD * np.exp(-to_close)
        in_pause = self._path.in_pause(instants_ns)
        result: Floats = np.where(in_pause, _PAUSE_SPREAD, busy)
        return result

    def _tick_of(self, price: Floats) -> Floats:
        return np.where(price >= 3.0, self._high_tick, self._low_tick)

    def _on_tick(self, price: Floats) -> Floats:
        tick = self._tick_of(price)
        result: Floats = ((price / tick).round() * tick).round(2)
        return result

    def quotes(self, rows: Ints, instants_ns: Ints) -> tuple[Floats, Floats]:
        """Return bid and ask around the value, on ticks, never both below the least value.

        Both are 0 where the contract is no longer traded, or its underlying is halted.
        """
        value, vega_point, least = self.theoretical(rows, instants_ns)
        half = self.name.spread * (0.12 * vega_point + 0.004 * value)
        half *= self._restless(instants_ns)
        half += 0.49 * self._tick_of(value)
        low, high = np.maximum(value - half, 0.0), value + half
        low_tick, high_tick = self._tick_of(low), self._tick_of(high)
        bid = np.floor(low / low_tick + 1e-9) * low_tick
        ask = np.maximum(np.ceil(high / high_tick - 1e-9) * high_tick, self._low_tick)
        # Rounding, of these prices and of the underlying's quote, must not push the middle below
        # what exercising would bring.
        in_pause = self._path.in_pause(instants_ns)
        cushion = 0.01 * half_spread_cents(self.name, self._strikes[rows], in_pause)
        lacking = np.where(least > 0, least + cushion - 0.5 * (bid + ask), 0.0)
        tick = self._tick_of(ask)
        ask = ask + np.maximum(np.ceil(2.0 * lacking / tick - 1e-9), 0.0) * tick
        gone = self.terms.last_trading_ns[rows] <= instants_ns
        if self._halt is not None:
            gone = gone | ((self._halt[0] <= instants_ns) & (instants_ns < self._halt[1]))
        return np.where(gone, 0.0, bid).round(2), np.where(gone, 0.0, ask).round(2)

    def sizes(self, bid: Floats, ask: Floats, now_ns: int) -> tuple[Floats, Floats]:
        """Return the sizes beside given quotes of all contracts."""
        bits = hash_bits(self._book_key, self._ids * 1_000_003 + self.books(now_ns))
        depth = 4.0 / self.name.spread
        sides = []
        for price, shift in ((bid, 8), (ask, 32)):
            chance = ((bits >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.float64) / 65_536.0
            size = 1.0 + np.floor(depth * -np.log1p(-0.995 * chance))
            sides.append(np.where(price > 0, size, 0.0))
        return sides[0], sides[1]

    # -- the state at an instant --------------------------------------------------------------

    def trade_instants(self, now_ns: int) -> Ints:
        """Return when each contract last had its turn to trade; before the open: not today."""
        until = np.minimum(now_ns, self.terms.last_trading_ns)
        turn: Ints = until - (until + self._phase_ns) % self._trade_ns
        return turn

    def books(self, now_ns: int) -> Ints:
        """Return the number of the order book of each contract: sizes stand while it stays."""
        number: Ints = (now_ns + self._phase_ns) // self._book_ns
        return number

    def state(
        self, now_ns: int, rows: Ints, turns_ns: Ints
    ) -> tuple[dict[str, Floats], Floats, Floats]:
        """Return the books of all contracts, and last price and volume of `rows`.

        `turns_ns` is when those rows last had their turn to trade. Both are priced in one go,
        because a pricing call costs more than its rows.
        """
        count = len(self.contracts)
        turns = np.maximum(turns_ns, self._open_ns)
        # The quote of that turn, not of now: a last price does not move without a trade.
        quoted = np.minimum(turns, self.terms.last_trading_ns[rows] - 1)
        bid, ask = self.quotes(
            np.concatenate((self._all, rows)),
            np.concatenate((np.full(count, now_ns, dtype=np.int64), quoted)),
        )
        book = {"bid": bid[:count], "ask": ask[:count]}
        book["bid_size"], book["ask_size"] = self.sizes(book["bid"], book["ask"], now_ns)
        shares = self._path.volume_shares(self.name.symbol, turns)
        traded = np.floor(self.day_volume[rows] * shares)
        volume = np.where(turns_ns > self._open_ns, traded, 0.0)
        buys = hash_bits(self._book_key, turns + self._ids[rows]) & np.uint64(1)
        then_bid, then_ask = bid[count:], ask[count:]
        price = np.where((buys == 1) | (then_bid <= 0), then_ask, then_bid)
        return book, np.where(volume > 0, price, self.previous_close[rows]), volume

    def columns(self, now_ns: int) -> dict[str, Floats]:
        """Return all columns that change during the day, for all contracts."""
        book, last, volume = self.state(now_ns, self._all, self.trade_instants(now_ns))
        return {**book, "last": last, "volume": volume}

    def closing_columns(self, now_ns: int) -> dict[str, Floats]:
        """Return all columns at the end of a day, with the last trade at the last quote.

        One pricing of one instant: years of days are made of it.
        """
        bid, ask = self.quotes(self._all, as_instants(now_ns))
        bid_size, ask_size = self.sizes(bid, ask, now_ns)
        volume = np.floor(self.day_volume)
        buys = hash_bits(self._book_key, self._ids + now_ns) & np.uint64(1)
        last = np.where((buys == 1) | (bid <= 0), ask, bid)
        return {
            "bid": bid,
            "ask": ask,
            "bid_size": bid_size,
            "ask_size": ask_size,
            "last": np.where((volume > 0) & (last > 0), last, self.previous_close),
            "volume": volume,
        }

    def table(
        self, columns: dict[str, Floats], now_ns: int, spot: Quote, rows: Ints | None = None
    ) -> ChainTable:
        """Return the chain at `now_ns`: whole, or only `rows` of it."""
        fixed = {"previous_close": self.previous_close, "open_interest": self.open_interest}
        part = slice(None) if rows is None else rows
        contracts = self.contracts if rows is None else [self.contracts[at] for at in rows.tolist()]
        packed = {key: column_of(column[part]) for key, column in (columns | fixed).items()}
        empty = nan_column(len(contracts))
        return ChainTable(
            underlying=self.name.symbol,
            contracts=contracts,
            columns=packed | dict.fromkeys(_VENDOR_COLUMNS, empty),
            source=SOURCE,
            quality=Quality.SIMULATED,
            ts_event=now_ns,
            ts_received=now_ns,
            spot=spot,
            complete=rows is None,
        )


def changed_rows(old: Mapping[str, Floats], new: Mapping[str, Floats]) -> Ints:
    """Return the rows in which any of `LIVE_COLUMNS` differs."""
    changed = np.zeros(len(new["bid"]), dtype=np.bool_)
    for key in LIVE_COLUMNS:
        changed |= (new[key] != old[key]) & ~(np.isnan(new[key]) & np.isnan(old[key]))
    return np.flatnonzero(changed)


class LiveChain:
    """A board that somebody watches: the whole first, then the contracts that changed."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self._columns: dict[str, Floats] | None = None
        self._turns: Ints | None = None

    def update(self, now_ns: int, spot: Quote) -> ChainTable | None:
        """Return what changed since the last call, or None."""
        board = self.board
        turns = board.trade_instants(now_ns)
        if self._columns is None or self._turns is None:
            self._columns, self._turns = board.columns(now_ns), turns
            return board.table(self._columns, now_ns, spot)
        traded = np.flatnonzero(turns != self._turns)
        fresh, last, volume = board.state(now_ns, traded, turns[traded])
        fresh["last"], fresh["volume"] = (
            self._columns["last"].copy(),
            self._columns["volume"].copy(),
        )
        fresh["last"][traded], fresh["volume"][traded] = last, volume
        rows = changed_rows(self._columns, fresh)
        self._columns, self._turns = fresh, turns
        return board.table(fresh, now_ns, spot, rows) if len(rows) else None
