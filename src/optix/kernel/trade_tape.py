"""What the prints of one symbol in one session add up to: volume, last, high and low.

A tape is a fold over prints that may come twice, late, or after the cancel that undoes them: the
same prints give the same end in every order. It remembers the latest prints, because a cancel
gives the last price and the extremes back to what they were; older ones are settled and beyond
cancelling. What a condition counts for is in `opra`. Also here: which side began a trade.

Not here: sessions (one tape each) and how vendors announce cancels (their adapters).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import inf, isfinite, nan
from typing import NamedTuple

from optix.kernel import opra
from optix.kernel.clock import NANOSECONDS
from optix.kernel.limits import TAPE_PRINTS_MAX, TRADE_SIDE_QUOTE_SECONDS_MAX
from optix.kernel.opra import CancelKind
from optix.kernel.trade import Trade, TradeAction


class TradeSide(StrEnum):
    """Who began a trade, judged by where it printed."""

    BUYER = "buyer"
    SELLER = "seller"
    MID = "mid"  # between the quotes: nobody can be named
    UNKNOWN = "unknown"  # no quote to judge by, or one that is old, crossed or locked


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeSummary:
    """Where a tape stands. Units: dollars per share, shares or contracts; NaN: no such print."""

    volume: float
    trades: int
    last: float
    last_ts_event: int  # 0 where there is no last
    high: float
    low: float
    cancelled: int
    corrected: int
    unmatched: int  # cancels and corrections whose print has not come
    refused: int  # prints that came when their time was settled


class _Place(NamedTuple):
    """Where a print stands in its session. Equal ones keep the order in which they came."""

    ts_event: int
    sequence: int


_START = _Place(0, 0)


@dataclass(slots=True)
class _Resolved:
    """Prints after everything that undoes them. All by position in the order of places."""

    effective: dict[int, Trade] = field(default_factory=dict)  # of the original
    target: dict[int, int] = field(default_factory=dict)  # the original of a cancel or correction
    cancelled: set[int] = field(default_factory=set)
    corrected: set[int] = field(default_factory=set)
    unmatched: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Totals:
    volume: float = 0.0
    trades: int = 0
    last: float = nan
    last_place: _Place = _START
    high: float = -inf
    low: float = inf
    cancelled: int = 0
    corrected: int = 0
    unmatched: int = 0

    def add(self, trade: Trade) -> None:
        conditions = trade.conditions
        self.volume += trade.size
        self.trades += 1
        if opra.may_set_extremes(conditions):
            self.high = max(self.high, trade.price)
            self.low = min(self.low, trade.price)
        if opra.may_set_last(conditions) and (place := _place(trade)) >= self.last_place:
            self.last, self.last_place = trade.price, place

    def add_resolved(self, resolved: _Resolved, until: float = inf) -> None:
        """Add what stands before the position `until`."""
        for position in sorted(resolved.effective):
            if position < until:
                self.add(resolved.effective[position])
        self.cancelled += sum(position < until for position in resolved.cancelled)
        self.corrected += sum(position < until for position in resolved.corrected)
        self.unmatched += sum(position < until for position in resolved.unmatched)


class TradeTape:
    """The fold: `add` prints in any order, read `summary()`.

    A print is known by its sequence; one without (0) is always taken for another one. A cancel
    names its print by `refers_to`, or like OPRA by kind, with the price and the size it undoes.
    """

    def __init__(self, *, prints_max: int = TAPE_PRINTS_MAX) -> None:
        assert prints_max > 1, "a tape remembers prints"
        self._prints_max = prints_max
        self._prints: list[Trade] = []
        self._seen: set[tuple[int, TradeAction]] = set()
        self._settled = _Totals()
        self._running = _Totals()  # of everything, unless it must be counted anew
        self._counted = True
        self._undone_until = _START  # the place of the latest cancel or correction
        self._waiting = 0  # cancels and corrections whose print has not come
        self._settled_until = _START
        self._refused = 0

    def add(self, trade: Trade) -> bool:
        """Take one print. False where it changes nothing: no trade, known already, or too old."""
        identity = (trade.sequence, trade.action)
        if not _is_usable(trade) or identity in self._seen:
            return False
        if _place(trade) < self._settled_until:
            self._refused += 1
            return False
        if trade.sequence != 0:
            self._seen.add(identity)
        self._prints.append(trade)
        if _undoes(trade):
            self._undone_until = max(self._undone_until, _place(trade))
            self._counted = False
        elif self._waiting or _place(trade) <= self._undone_until:
            self._counted = False  # a cancel that came before it may mean it
        elif self._counted:
            self._running.add(trade)
        if len(self._prints) > self._prints_max:
            self._settle()
        return True

    def summary(self) -> TapeSummary:
        """Return where the tape stands."""
        if not self._counted:
            resolved = _resolve(sorted(self._prints, key=_place))
            self._running = replace(self._settled)
            self._running.add_resolved(resolved)
            self._waiting = len(resolved.unmatched)
            self._counted = True
        totals = self._running
        return TapeSummary(
            volume=totals.volume,
            trades=totals.trades,
            last=totals.last,
            last_ts_event=totals.last_place.ts_event,
            high=totals.high if isfinite(totals.high) else nan,
            low=totals.low if isfinite(totals.low) else nan,
            cancelled=totals.cancelled,
            corrected=totals.corrected,
            unmatched=totals.unmatched,
            refused=self._refused,
        )

    def _settle(self) -> None:
        """Count the older half for good, with what undoes it, and forget both."""
        ordered = sorted(self._prints, key=_place)
        old = len(ordered) // 2
        resolved = _resolve(ordered)
        self._settled.add_resolved(resolved, until=old)
        self._settled_until = _place(ordered[old])
        self._prints = [
            trade
            for position, trade in enumerate(ordered)
            # What undoes goes with the print it undoes, or when it is old and found none.
            if resolved.target.get(position, position) >= old
        ]
        remembered = (*ordered[old:], *self._prints)
        self._seen = {(trade.sequence, trade.action) for trade in remembered if trade.sequence}
        self._counted = False


def tape_of(trades: Iterable[Trade]) -> TapeSummary:
    """Return what `trades` of one symbol in one session add up to."""
    tape = TradeTape()
    for trade in trades:
        tape.add(trade)
    return tape.summary()


def trade_side(
    price: float,
    *,
    bid: float,
    ask: float,
    trade_ns: int,
    quote_ns: int,
    age_seconds_max: float = TRADE_SIDE_QUOTE_SECONDS_MAX,
) -> TradeSide:
    """Return who began a trade: the buyer at the ask or above, the seller at the bid or below.

    `quote_ns` is when the best bid and offer became what they are, at or before the trade; which
    of the two is meant, the caller decides by the quote it picks. A bid of zero is a quote.

    Source: MARKET_RULES section 6.
    """
    age_ns = trade_ns - quote_ns
    if not 0 <= age_ns <= age_seconds_max * NANOSECONDS:
        return TradeSide.UNKNOWN
    if not (0 <= bid < ask and isfinite(ask) and price > 0 and isfinite(price)):
        return TradeSide.UNKNOWN
    if price >= ask:
        return TradeSide.BUYER
    return TradeSide.SELLER if price <= bid else TradeSide.MID


def _place(trade: Trade) -> _Place:
    return _Place(trade.ts_event, trade.sequence)


def _undoes(trade: Trade) -> bool:
    return trade.action is not TradeAction.NEW or opra.is_cancel(trade.conditions)


def _is_usable(trade: Trade) -> bool:
    """True where the print says what it must: a cancel its print, a trade its price and size."""
    priced = trade.price > 0 and isfinite(trade.price) and trade.size > 0 and isfinite(trade.size)
    if trade.action is TradeAction.CANCEL:
        return priced or trade.refers_to != 0
    if trade.action is TradeAction.CORRECTION:
        return priced and trade.refers_to != 0
    return priced


def _resolve(ordered: Sequence[Trade]) -> _Resolved:
    """Return what is left of prints. A cancel wins over a correction of the same print."""
    resolved = _Resolved()
    originals: dict[int, int] = {}
    corrections: dict[int, int] = {}  # own sequence to that of the print
    for position, trade in enumerate(ordered):
        if not _undoes(trade):
            resolved.effective[position] = trade
            originals[trade.sequence] = position
        elif trade.action is TradeAction.CORRECTION:
            corrections[trade.sequence] = trade.refers_to
    by_kind: list[int] = []
    for position, trade in enumerate(ordered):
        if not _undoes(trade):
            continue
        if trade.refers_to == 0:
            by_kind.append(position)
            continue
        target = originals.get(_root(trade.refers_to, corrections))
        if trade.action is TradeAction.CORRECTION:
            _correct(resolved, position, trade, target)
        else:
            _cancel(resolved, position, target)
    for position in by_kind:  # after the named ones, whose prints are no candidates
        _cancel(resolved, position, _find_cancelled(resolved, position, ordered[position]))
    resolved.corrected -= resolved.cancelled
    return resolved


def _root(sequence: int, corrections: dict[int, int]) -> int:
    """Return the first print behind corrections of corrections."""
    passed = set()
    while sequence in corrections and sequence not in passed:
        passed.add(sequence)
        sequence = corrections[sequence]
    return sequence


def _correct(resolved: _Resolved, position: int, trade: Trade, target: int | None) -> None:
    """Let a correction say what its print was. Without the print it says nothing yet."""
    if target is None:
        resolved.unmatched.add(position)
        return
    resolved.target[position] = target
    original = resolved.effective.get(target)
    if original is not None:
        resolved.effective[target] = replace(
            trade,
            action=TradeAction.NEW,
            ts_event=original.ts_event,
            sequence=original.sequence,
        )
        resolved.corrected.add(target)


def _cancel(resolved: _Resolved, position: int, target: int | None) -> None:
    if target is None:
        resolved.unmatched.add(position)
        return
    resolved.effective.pop(target, None)
    resolved.target[position] = target
    resolved.cancelled.add(target)


def _find_cancelled(resolved: _Resolved, position: int, cancel: Trade) -> int | None:
    """Return which earlier print a cancel without a name means: it repeats price and size."""
    matching = [
        candidate
        for candidate, trade in resolved.effective.items()
        if candidate < position
        and trade.price == cancel.price
        and trade.size == cancel.size
        and (trade.exchange == cancel.exchange or not trade.exchange or not cancel.exchange)
    ]
    kind = opra.cancel_kind(cancel.conditions)
    chosen = min if kind is CancelKind.OPENING else max
    return chosen(matching, default=None)
