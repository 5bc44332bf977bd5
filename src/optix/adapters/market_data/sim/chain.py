"""One expiration of one name: its contracts, and their quotes at an instant.

A `Board` is fixed from one open to the next: contracts, open interest, previous close, usual
volume. `Board.table` is a function of the instant; `LiveChain` remembers what it said last and
says only what changed. European contracts are priced on the forward, American ones with their
early exercise, which is never worth less than exercising now: no quote lies below that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

import numpy as np

from optix.adapters.market_data.sim.hashing import (
    Floats,
    Ints,
    hash_bits,
    normals,
    stream_key,
    uniforms,
)
from optix.adapters.market_data.sim.names import RATE_ANNUAL, SimulatedName, TickProgram
from optix.adapters.market_data.sim.path import MarketPath
from optix.adapters.market_data.sim.quotes import SOURCE, half_spread_cents
from optix.adapters.market_data.sim.span import as_instants
from optix.adapters.market_data.tables import column_of
from optix.kernel.chain import ChainTable, nan_column
from optix.kernel.clock import NANOSECONDS
from optix.kernel.instrument import OptionContract
from optix.kernel.quote import Quality, Quote
from optix.quant import american, black_scholes
from optix.quant.normal import density

YEAR_NS = 365 * 86_400 * NANOSECONDS
_TIME_NS_MIN = 60 * NANOSECONDS  # FORMULAS: a live contract has never less than a minute

_TICKS = {  # below 3.00, from 3.00 on
    TickProgram.PENNY_ALL: (0.01, 0.01),
    TickProgram.PENNY: (0.01, 0.05),
    TickProgram.NICKEL: (0.05, 0.10),
}
_PAUSE_SPREAD = 1.6
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
    american: bool
    day_volume: float  # contracts that usually trade in this expiration on a day
    open_interest: float


class Board:
    """The contracts of one expiration on one day of the simulated world."""

    def __init__(self, path: MarketPath, seed: int, terms: BoardTerms, day_number: int) -> None:
        assert terms.name.surface is not None, f"{terms.name.symbol} has no surface"
        self._path = path
        self._surface = terms.name.surface
        self.terms = terms
        self.name = terms.name
        self.day_number = day_number
        self.contracts = terms.contracts
        count = len(terms.contracts)
        self._all = np.arange(count)
        self._strikes = np.array([contract.strike for contract in terms.contracts])
        self._is_call = self._all % 2 == 0  # calls and puts take turns
        self._open_ns = path.open_ns(day_number)
        self._seed = seed
        first = terms.contracts[0]
        self._book_key = stream_key(seed, "book", first.root, first.expiration.isoformat())
        roots = {root: at for at, root in enumerate(dict.fromkeys(c.root for c in self.contracts))}
        milli = np.array([contract.strike_milli for contract in terms.contracts])
        root_number = np.array([roots[contract.root] for contract in terms.contracts])
        self._ids = (milli * 4 + root_number) * 2 + self._is_call
        self._low_tick, self._high_tick = _TICKS[terms.name.tick]
        close_ns = as_instants(path.close_ns(max(day_number - 1, 0)))
        self._lay_interest()
        bid, ask = self._quotes(self._all, close_ns)
        mid = 0.5 * (bid + ask)
        known = np.maximum(self._on_tick(mid), self._low_tick)
        self.previous_close = np.where(self.open_interest > 0, known, np.nan)

    # -- what is fixed for the day ------------------------------------------------------------

    def _lay_interest(self) -> None:
        """Spread volume and open interest over the strikes, most of it near and on round ones."""
        name, terms = self.name, self.terms
        spot = exp(self._path.log_close(name.symbol, max(self.day_number - 1, 0)))
        years = np.maximum(terms.settles_ns - self._open_ns, _TIME_NS_MIN) / YEAR_NS
        scale = self._surface.vol_long * np.sqrt(years + 7.0 / 365.0)
        distance = np.log(self._strikes / spot) / scale
        # Calls are held above the price, puts below it, where they cost little.
        lean = np.where(self._is_call, 0.35, -0.55)
        width = np.where(self._is_call, 0.75, 0.95)
        near = np.exp(-0.5 * np.square((distance - lean) / width)) + 0.02 * np.exp(
            -np.abs(distance)
        )
        round_ = np.ones(len(self._strikes))
        for multiple, weight in ((2.0, 1.3), (10.0, 1.8), (20.0, 1.4), (100.0, 1.3)):
            on = np.isclose(np.mod(self._strikes / (name.strike_step * multiple), 1.0), 0.0)
            round_ *= np.where(on, weight, 1.0)
        day = self._path.day(self.day_number).toordinal()
        lasting = np.exp(0.55 * normals(stream_key(self._book_key, "interest"), self._ids))
        today = np.exp(0.04 * normals(stream_key(self._book_key, "interest", day), self._ids))
        held = near * round_ * lasting
        self.open_interest: Floats = np.floor(terms.open_interest * held / held.sum() * today)
        moving = np.exp(-0.5 * np.square(distance / 0.55)) * np.sqrt(round_)
        moving *= np.exp(0.7 * normals(stream_key(self._book_key, "volume", day), self._ids))
        self._day_volume: Floats = terms.day_volume * moving / moving.sum()
        trades = np.maximum(self._day_volume / 4.0, 1e-6)
        period = np.clip(23_400.0 / trades, 1.0, 7_200.0)
        self._trade_ns: Ints = (period * NANOSECONDS).astype(np.int64)
        chance = uniforms(stream_key(self._book_key, "phase"), self._ids)
        self._phase_ns: Ints = (chance * self._trade_ns).astype(np.int64)
        self._book_ns: Ints = (
            (4.0 + 40.0 * np.minimum(np.abs(distance), 3.0) ** 2) * (0.5 + chance) * NANOSECONDS
        ).astype(np.int64)

    # -- prices -------------------------------------------------------------------------------

    def theoretical(self, rows: Ints, instants_ns: Ints) -> tuple[Floats, Floats, Floats]:
        """Return value, vega per point and the least value a quote may have.

        `instants_ns` is one instant for all rows, or one for each.
        """
        name = self.name
        spot = np.exp(self._path.log_prices(name.symbol, instants_ns))
        vol_short = self._path.vols_short(name.symbol, instants_ns)
        years = np.maximum(self.terms.settles_ns[rows] - instants_ns, _TIME_NS_MIN) / YEAR_NS
        forward = spot * np.exp((RATE_ANNUAL - name.dividend_yield) * years)
        strike, is_call = self._strikes[rows], self._is_call[rows]
        k = np.log(strike / forward)
        variance = self._surface.total_variance(k, self._surface.theta(vol_short, years))
        deviation, vol = np.sqrt(variance), np.sqrt(variance / years)
        discount = np.exp(-RATE_ANNUAL * years)
        sign = np.where(is_call, 1.0, -1.0)
        if self.terms.american:
            value = american.price(
                spot=spot,
                strike=strike,
                expiry_years=years,
                vol=vol,
                rate=RATE_ANNUAL,
                dividend_yield=name.dividend_yield,
                is_call=is_call,
            )
            least = np.maximum(sign * (spot - strike), 0.0)
        else:
            value = black_scholes.price(
                forward=forward,
                strike=strike,
                expiry_years=years,
                vol=vol,
                rate=RATE_ANNUAL,
                is_call=is_call,
            )
            least = np.maximum(sign * discount * (forward - strike), 0.0)
        bell = density(-k / deviation + 0.5 * deviation)
        vega_point = 0.01 * discount * forward * bell * np.sqrt(years)
        return np.maximum(value, least), vega_point, least

    def _tick_of(self, price: Floats) -> Floats:
        return np.where(price >= 3.0, self._high_tick, self._low_tick)

    def _on_tick(self, price: Floats) -> Floats:
        tick = self._tick_of(price)
        result: Floats = ((price / tick).round() * tick).round(2)
        return result

    def _quotes(self, rows: Ints, instants_ns: Ints) -> tuple[Floats, Floats]:
        """Return bid and ask around the value, on ticks, never both below the least value."""
        value, vega_point, least = self.theoretical(rows, instants_ns)
        half = self.name.spread * (0.12 * vega_point + 0.004 * value)
        in_pause = self._path.in_pause(instants_ns)
        half *= np.where(in_pause, _PAUSE_SPREAD, 1.0)
        half += 0.49 * self._tick_of(value)
        low, high = np.maximum(value - half, 0.0), value + half
        low_tick, high_tick = self._tick_of(low), self._tick_of(high)
        bid = np.floor(low / low_tick + 1e-9) * low_tick
        ask = np.maximum(np.ceil(high / high_tick - 1e-9) * high_tick, self._low_tick)
        # Rounding, of these prices and of the underlying's quote, must not push the middle below
        # what exercising would bring.
        cushion = 0.01 * half_spread_cents(self.name, self._strikes[rows], in_pause)
        lacking = np.where(least > 0, least + cushion - 0.5 * (bid + ask), 0.0)
        tick = self._tick_of(ask)
        ask = ask + np.maximum(np.ceil(2.0 * lacking / tick - 1e-9), 0.0) * tick
        gone = self.terms.last_trading_ns[rows] <= instants_ns
        return np.where(gone, 0.0, bid).round(2), np.where(gone, 0.0, ask).round(2)

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
        bid, ask = self._quotes(
            np.concatenate((self._all, rows)),
            np.concatenate((np.full(count, now_ns, dtype=np.int64), quoted)),
        )
        book = {"bid": bid[:count], "ask": ask[:count]}
        bits = hash_bits(self._book_key, self._ids * 1_000_003 + self.books(now_ns))
        depth = 4.0 / self.name.spread
        for side, shift in (("bid", 8), ("ask", 32)):
            chance = ((bits >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.float64) / 65_536.0
            size = 1.0 + np.floor(depth * -np.log1p(-0.995 * chance))
            book[f"{side}_size"] = np.where(book[side] > 0, size, 0.0)
        shares = self._path.volume_shares(self.name.symbol, turns)
        traded = np.floor(self._day_volume[rows] * shares)
        volume = np.where(turns_ns > self._open_ns, traded, 0.0)
        buys = hash_bits(self._book_key, turns + self._ids[rows]) & np.uint64(1)
        then_bid, then_ask = bid[count:], ask[count:]
        price = np.where((buys == 1) | (then_bid <= 0), then_ask, then_bid)
        return book, np.where(volume > 0, price, self.previous_close[rows]), volume

    def columns(self, now_ns: int) -> dict[str, Floats]:
        """Return all columns that change during the day, for all contracts."""
        book, last, volume = self.state(now_ns, self._all, self.trade_instants(now_ns))
        return {**book, "last": last, "volume": volume}

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
        changed = np.zeros(len(board.contracts), dtype=np.bool_)
        for key in LIVE_COLUMNS:
            old = self._columns[key]
            changed |= (fresh[key] != old) & ~(np.isnan(fresh[key]) & np.isnan(old))
        self._columns, self._turns = fresh, turns
        rows = np.flatnonzero(changed)
        return board.table(fresh, now_ns, spot, rows) if len(rows) else None
