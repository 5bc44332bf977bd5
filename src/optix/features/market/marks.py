"""What the market says of many assets at once, as columns: for whoever values a book of them.

`Marks` is made once for a set of names. `open` follows what is not followed yet, so many chains at
a time and for a bounded while; `read` takes over what changed since, chain by chain, without an
object for each contract. Names are the symbols, then the contracts of each chain side by side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import isnan, nan
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from optix.features.market import calendar, wire
from optix.features.market.book import MarketBook
from optix.features.market.chain_replica import ChainReplica
from optix.features.market.quotes import spot_price_of
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, Clock
from optix.kernel.errors import NotFound, OptixError
from optix.kernel.instrument import ExerciseStyle, OptionContract, Right
from optix.kernel.roots import style_of, underlying_of
from optix.ports.market_data import ChainKey, UnknownExpiration
from optix.quant.arrays import BoolArray, FloatArray
from optix.quant.forward import implied_carry

PENDING: Final = "pending"
_UNKNOWN: Final = "unknown_contract"
_OK: Final = wire.STATUS_WORDS.index("ok")
_UNPRICED: Final = np.array([word in {"expired", "adjusted"} for word in wire.STATUS_WORDS])
_IV: Final = wire.ANALYSED_COLUMNS.index("iv")
_THEORETICAL: Final = wire.VENDOR_COLUMNS.index("price")
BID, ASK, LAST = (wire.QUOTED_COLUMNS.index(name) for name in ("bid", "ask", "last"))
_FOR_GOOD: Final = 2**63
_AFTER_NS: Final = 86_400 * NANOSECONDS  # a contract is quoted for a day after it was settled


@dataclass(slots=True)
class MarkColumns:
    """One entry for each name; NaN is what nobody says.

    Shapes:  quotes (6, names): bid, ask, their sizes, last, volume; analytics (6, names): iv,
             delta, gamma, theta, vega, rho; terms (5, names): years, forward, rate, spot and yield
             of the model; the others (names,). Only contracts have analytics and terms.
    Units:   as the chain's; as_of in unix ms, settles_at in unix ns, `status` places in
             `wire.STATUS_WORDS`. `near_iv` is the IV, or without a sound quote of its own that of
             the strikes around it.
    """

    known: BoolArray
    quotes: FloatArray
    previous_close: FloatArray
    analytics: FloatArray
    theoretical: FloatArray
    near_iv: FloatArray
    terms: FloatArray
    strike: FloatArray
    is_call: BoolArray
    american: BoolArray
    status: NDArray[np.uint8]
    flags: NDArray[np.uint8]
    as_of: NDArray[np.int64]
    settles_at: NDArray[np.int64]
    quality: list[str]
    reasons: list[str]  # why a name is not known; '' where it is

    @classmethod
    def empty(cls, count: int) -> MarkColumns:
        """Return columns of which nothing is known."""
        return cls(
            known=np.zeros(count, np.bool_),
            quotes=np.full((6, count), nan),
            previous_close=np.full(count, nan),
            analytics=np.full((6, count), nan),
            theoretical=np.full(count, nan),
            near_iv=np.full(count, nan),
            terms=np.full((5, count), nan),
            strike=np.full(count, nan),
            is_call=np.zeros(count, np.bool_),
            american=np.zeros(count, np.bool_),
            status=np.full(count, _OK, np.uint8),
            flags=np.zeros(count, np.uint8),
            as_of=np.zeros(count, np.int64),
            settles_at=np.zeros(count, np.int64),
            quality=[""] * count,
            reasons=[PENDING] * count,
        )


@dataclass(slots=True)
class _Chain:
    """The names of one expiration: `rows` of the columns, and where they stand in the replica."""

    key: ChainKey
    rows: slice
    keys: list[str]
    roots: list[str]
    settles_at: int
    listed: list[list[Any]] | None = None
    header: dict[str, Any] | None = None
    places: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))
    into: Any = None  # the rows that are listed
    seen: tuple[str, int] = ("", -1)


class Marks:
    """What one book says of a set of symbols and contracts. Not shared between threads."""

    def __init__(
        self,
        book: MarketBook,
        clock: Clock,
        symbols: Iterable[str],
        contracts: Iterable[OptionContract],
    ) -> None:
        self._book = book
        self._clock = clock
        found = {contract.key: contract for contract in contracts}
        ordered = sorted(
            found.values(), key=lambda one: (underlying_of(one.root), one.expiration, one.key)
        )
        symbols = {*symbols, *(underlying_of(one.root) for one in ordered)}
        self.names: list[str] = [*sorted(symbols), *(one.key for one in ordered)]
        self.rows = {name: row for row, name in enumerate(self.names)}
        self.symbols = len(symbols)
        self.columns = MarkColumns.empty(len(self.names))
        self._sequences = [0] * self.symbols
        self._qualities: list[str] = [""] * len(self.names)  # as told, before the feed's own state
        self._alive: bool | None = None
        self._chains = self._group(ordered)
        self._spots = np.array(
            [self.rows[underlying_of(one.root)] for one in ordered], np.intp
        )  # the row of each contract's underlying
        self._loading: dict[str | ChainKey, asyncio.Task[None]] = {}
        self._failed: dict[str | ChainKey, tuple[str, int]] = {}
        self._places = asyncio.Semaphore(limits.MARKS_LOADS_AT_ONCE_MAX)

    def _group(self, contracts: Sequence[OptionContract]) -> list[_Chain]:
        chains: list[_Chain] = []
        for row, contract in enumerate(contracts, self.symbols):
            key = ChainKey(underlying_of(contract.root), contract.expiration)
            self.columns.strike[row] = contract.strike
            self.columns.is_call[row] = contract.right is Right.CALL
            self.columns.american[row] = style_of(contract.root) is ExerciseStyle.AMERICAN
            try:
                settles_at = calendar.settles_at(contract.root, contract.expiration)
            except calendar.OutsideCalendar:
                self.columns.reasons[row] = _UNKNOWN
                settles_at = 0
            self.columns.settles_at[row] = settles_at
            if not chains or chains[-1].key != key:
                chains.append(_Chain(key, slice(row, row), [], [], 0))
            chain = chains[-1]
            chain.rows = slice(chain.rows.start, row + 1)
            chain.keys.append(contract.key)
            chain.roots.append(contract.root)
            chain.settles_at = max(chain.settles_at, settles_at)
        return chains

    @property
    def topics(self) -> list[str]:
        """What a reader that stays holds on the book."""
        quotes = [wire.quote_topic(symbol) for symbol in self.names[: self.symbols]]
        return [*quotes, *(wire.chain_topic(chain.key) for chain in self._chains)]

    @property
    def now_ns(self) -> int:
        """The market clock."""
        return self._book.market_now_ns()

    # Following

    async def open(self) -> None:
        """Follow everything, and return when all of it is there or has taken its time.

        What is late goes on loading and is `pending` meanwhile. Errors: none; `reasons` has them.
        """
        self.follow()
        if self._loading:
            await asyncio.wait(tuple(self._loading.values()), timeout=limits.MARKS_WAIT_SECONDS_MAX)

    def follow(self) -> None:
        """Begin to follow what is not followed, without waiting for it."""
        now_ns = self._book.market_now_ns()
        for symbol in self.names[: self.symbols]:
            if not self._book.find_quote(symbol) and self._may_load(symbol):
                self._load(symbol)
        for chain in self._chains:
            if not chain.settles_at:
                continue
            if chain.settles_at + _AFTER_NS < now_ns:
                self._failed[chain.key] = ("expired_contract", _FOR_GOOD)
            elif self._book.find_chain(chain.key) is None and self._may_load(chain.key):
                self._load(chain.key)

    def _may_load(self, what: str | ChainKey) -> bool:
        _, until_ns = self._failed.get(what, ("", 0))
        return what not in self._loading and self._clock.now_ns() >= until_ns

    def _load(self, what: str | ChainKey) -> None:
        task = asyncio.ensure_future(self._follow(what))
        self._loading[what] = task
        task.add_done_callback(lambda _: self._loading.pop(what, None))

    async def _follow(self, what: str | ChainKey) -> None:
        try:
            if isinstance(what, str):
                await self._book.open_quote(what)
            else:
                async with self._places:
                    await self._book.get_chain(what)
        except OptixError as error:
            code = error.code
            if isinstance(error, NotFound) and code == UnknownExpiration.code:
                code = _UNKNOWN
            until_ns = self._clock.now_ns() + int(limits.MARKS_RETRY_SECONDS * NANOSECONDS)
            self._failed[what] = (code, until_ns)
        else:
            self._failed.pop(what, None)

    # Reading

    def read(self) -> BoolArray:
        """Take over what changed; return which names are not what they were.

        Effects: what is read stays followed for `INTEREST_SECONDS`.
        """
        changed = np.zeros(len(self.names), np.bool_)
        for row in range(self.symbols):
            self._read_quote(row, changed)
        for chain in self._chains:
            self._read_chain(chain, changed)
        if changed.any():
            self._carry()
            self._find_volatilities(changed)
        alive = self._book.feed_status().state in {"live", "ended"}
        if alive != self._alive or changed.any():
            self._alive = alive
            told = self._qualities
            self.columns.quality = told if alive else ["stale" if word else "" for word in told]
        return changed

    def _read_quote(self, row: int, changed: BoolArray) -> None:
        symbol = self.names[row]
        sequence = self._book.find_quote(symbol)
        columns = self.columns
        if not sequence:
            if not columns.known[row]:
                columns.reasons[row] = self._why(symbol)
            return
        if sequence == self._sequences[row]:
            return
        self._sequences[row] = sequence
        quote = self._book.quotes[symbol].quote
        columns.known[row] = True
        columns.reasons[row] = ""
        columns.quotes[:, row] = (
            *(quote.bid, quote.ask, quote.bid_size, quote.ask_size),
            *(quote.last, quote.volume),
        )
        columns.previous_close[row] = quote.previous_close
        columns.terms[3, row] = spot_price_of(quote)
        columns.as_of[row] = quote.ts_event // 1_000_000
        self._qualities[row] = quote.quality
        changed[row] = True

    def _read_chain(self, chain: _Chain, changed: BoolArray) -> None:
        replica = self._book.find_chain(chain.key)
        if replica is None:
            if chain.listed is None and chain.settles_at:
                self._fail(chain.rows, self._why(chain.key))
            return
        seen = (replica.epoch, replica.sequence)
        if seen == chain.seen and replica.contracts is chain.listed:
            return
        chain.seen = seen
        if replica.contracts is not chain.listed:
            self._list(chain, replica)
        if replica.header is not chain.header:
            self._take_header(chain, replica.header)
        self._take_rows(chain, replica)
        changed[chain.rows] = True

    def _list(self, chain: _Chain, replica: ChainReplica) -> None:
        by_key = {contract[0]: place for place, contract in enumerate(replica.contracts)}
        found = [by_key.get(key, -1) for key in chain.keys]
        chain.listed, chain.header = replica.contracts, None
        places = np.array(found, np.intp)
        there = places >= 0
        chain.places = places[there]
        rows = np.arange(chain.rows.start, chain.rows.stop)[there]
        chain.into = chain.rows if there.all() else rows
        columns = self.columns
        columns.known[chain.rows] = there
        for row, place in enumerate(found, chain.rows.start):
            columns.reasons[row] = "" if place >= 0 else _UNKNOWN
            closed = replica.contracts[place][5] if place >= 0 else None
            columns.previous_close[row] = nan if closed is None else closed

    def _take_header(self, chain: _Chain, header: dict[str, Any]) -> None:
        chain.header = header
        roots = {root["root"]: root for root in header["roots"]}
        terms = self.columns.terms[:, chain.rows]
        terms[:] = nan
        for place, name in enumerate(chain.roots):
            root = roots.get(name)
            if root is not None:
                found = (root["expiry_years"], root["forward"], root["rate"])
                terms[:3, place] = [nan if value is None else value for value in found]
        for row in range(chain.rows.start, chain.rows.stop):
            self._qualities[row] = header["quality"]

    def _take_rows(self, chain: _Chain, replica: ChainReplica) -> None:
        columns, whole, places = self.columns, replica.columns, chain.places
        columns.quotes[:, chain.into] = whole.quotes.take(places, axis=1)
        columns.analytics[:, chain.into] = whole.analytics.take(places, axis=1)
        columns.status[chain.into] = whole.status[places]
        columns.flags[chain.into] = whole.flags[places]
        columns.as_of[chain.into] = whole.as_of[places]
        if whole.vendor is not None:
            columns.theoretical[chain.into] = whole.vendor[_THEORETICAL, places]

    def _find_volatilities(self, changed: BoolArray) -> None:
        """Fill in `near_iv`: the IV of a sound quote, else that of the strikes around it."""
        columns = self.columns
        iv = columns.analytics[_IV]
        columns.near_iv[changed] = iv[changed]
        lacking = changed & (np.isnan(iv) | (columns.flags != 0)) & columns.known
        lacking &= np.isfinite(columns.strike) & ~_UNPRICED[columns.status]
        if not lacking.any():
            return
        for chain in self._chains:
            if (rows := lacking[chain.rows]).any():
                replica = self._book.find_chain(chain.key)
                if replica is not None:
                    self._look_near(chain, replica, rows)

    def _carry(self) -> None:
        """Fill in the spot and the yield of the model, as pricing does from forward and spot."""
        shown = self.columns.terms[3, self._spots]
        terms = self.columns.terms[:, self.symbols :]
        carry = implied_carry(spot=shown, forward=terms[1], expiry_years=terms[0], rate=terms[2])
        terms[3], terms[4] = carry.spot, carry.dividend_yield

    def _look_near(self, chain: _Chain, replica: ChainReplica, lacking: BoolArray) -> None:
        """Give rows the IV of the sound strikes around them; beyond those they keep their own."""
        whole = replica.columns
        sound = (whole.status == _OK) & (whole.flags == 0)
        several = len({contract[1] for contract in replica.contracts}) > 1
        for root in {chain.roots[place] for place in np.flatnonzero(lacking).tolist()}:
            own = sound
            if several:
                of_root = [contract[1] == root for contract in replica.contracts]
                own = sound & np.array(of_root, np.bool_)
            rows = np.flatnonzero(own)
            if rows.size == 0:
                continue
            strikes, place = np.unique(replica.strikes[rows], return_inverse=True)
            vols = np.bincount(place, weights=whole.analytics[_IV, rows]) / np.bincount(place)
            for at in np.flatnonzero(lacking).tolist():
                if chain.roots[at] == root:
                    strike = self.columns.strike[chain.rows.start + at]
                    found = np.interp(strike, strikes, vols, left=nan, right=nan)
                    if not isnan(found):
                        self.columns.near_iv[chain.rows.start + at] = found

    def _why(self, what: str | ChainKey) -> str:
        return self._failed.get(what, (PENDING, 0))[0]

    def _fail(self, rows: slice, why: str) -> None:
        for row in range(rows.start, rows.stop):
            if not self.columns.known[row] and self.columns.settles_at[row]:
                self.columns.reasons[row] = why

    # Looking

    def spot_of(self, symbol: str) -> float | None:
        """Return the price that stands for an underlying; None where there is none."""
        row = self.rows.get(symbol)
        price = nan if row is None else self.columns.terms[3, row].item()
        return None if isnan(price) else price

    def underlying_of(self, row: int) -> str:
        """Return whose price moves a name: its own symbol for a share."""
        return self.names[row if row < self.symbols else self._spots[row - self.symbols]]
