"""Where every simulated price is at every instant: the spans of time in a row.

Sessions and the pauses between them follow each other without a gap from the first trading day of
the simulated world. One instant has one price, whoever asks and when (`hashing`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from math import exp, log, log1p, prod
from typing import NamedTuple

import numpy as np

from optix.adapters.market_data.sim.dynamics import Dynamics, Step
from optix.adapters.market_data.sim.events import ANNOUNCED_SESSIONS, Schedule
from optix.adapters.market_data.sim.hashing import Bools, Floats, Ints
from optix.adapters.market_data.sim.names import LEVELS_DATE, SimulatedName
from optix.adapters.market_data.sim.sessions import SessionCalendar
from optix.adapters.market_data.sim.span import (
    MINUTE_NS,
    NamePath,
    Span,
    SpanPlace,
    minute_shapes,
    short_vol,
)
from optix.adapters.market_data.sim.volatility_index import VolatilityIndex
from optix.kernel.clock import NANOSECONDS
from optix.ports.market_data import ProviderUnavailable

FIRST_DAY = date(2020, 6, 1)  # of the simulated world; history begins here

_SPANS_CACHED = 6  # the live ones; a long history makes its spans and forgets them
_LOOK_AHEAD_DAYS = 14  # longer than any pause between two sessions
_YEAR_NS = 365 * 86_400 * NANOSECONDS
_CENT = 0.01


class BeforeSimulation(ProviderUnavailable):
    """The clock shows a time before the simulated world begins."""

    next_step = "Set the clock to a later day, or choose another market feed."


class Dividend(NamedTuple):
    """What a share paid on an ex-date that has come: `number` is its session."""

    number: int
    amount: float
    log_drop: float


class MarketPath:
    """All prices, volatilities and volumes as functions of name and instant.

    Positions: span 2n is session n of the world, span 2n + 1 the pause after it.
    """

    def __init__(
        self,
        *,
        seed: int,
        sessions: SessionCalendar,
        names: Sequence[SimulatedName],
        first_day: date = FIRST_DAY,
    ) -> None:
        self._sessions = sessions
        self._dynamics = Dynamics(seed, names)
        self._shapes = minute_shapes(seed)
        self._names = by_symbol = {name.symbol: name for name in names}
        self.schedule = Schedule(sessions)
        self._dividends: dict[str, list[Dividend]] = {}
        self._ex_days: dict[str, tuple[int, frozenset[date]]] = {}
        self._indices: dict[str, VolatilityIndex] = {}
        for name in names:
            if name.vol_index_of is not None:
                surface = by_symbol[name.vol_index_of].surface
                assert surface is not None, f"{name.vol_index_of} has no surface"
                self._indices[name.symbol] = VolatilityIndex(surface)
        self._first_day = first_day
        self._days: list[date] = []
        self._edges: list[int] = []  # open and close of each day in turn
        self._edge_array: Ints = np.empty(0, dtype=np.int64)
        self._steps: list[Step] = []
        self._closes: dict[str, list[float]] = {}
        self._spans: OrderedDict[int, Span] = OrderedDict()

    def _extend(self, instant_ns: int) -> None:
        """Make the world long enough to hold `instant_ns` and a whole session after it: the close
        of a session is the start of the step from there to the next open.
        """
        while len(self._days) < 2 or self._edges[-2] <= instant_ns:
            start = self._days[-1] + timedelta(days=1) if self._days else self._first_day
            goal = self._sessions.exchange_date(instant_ns)
            end = max(goal, start) + timedelta(days=_LOOK_AHEAD_DAYS)
            for day in self._sessions.iter_sessions(start, end):
                self._days.append(day)
                self._edges += (self._sessions.opens_at(day), self._sessions.closes_at(day))
        self._edge_array = np.array(self._edges, dtype=np.int64)
        while len(self._steps) < len(self._edges) - 1:
            at = len(self._steps)
            state = self._steps[-1].end if self._steps else self._dynamics.first_state()
            day = self._days[at // 2]
            reporting = frozenset(self._report_minutes(at))
            step = self._dynamics.step(state, day, is_session=at % 2 == 0, reporting=reporting)
            self._steps.append(step)

    def _report_minutes(self, position: int) -> dict[str, int]:
        """Return who reports within a span, and how many minutes into it."""
        if position % 2 == 0:
            return {}
        start, end = self._days[position // 2], self._days[position // 2 + 1]
        return {
            report.symbol: (report.instant_ns - self._edges[position]) // MINUTE_NS
            for name in self._names.values()
            for report in self.schedule.earnings(name, start, end)
            if self._edges[position] <= report.instant_ns < self._edges[position + 1]
        }

    def position(self, instant_ns: int) -> int:
        """Return the position of the span that holds `instant_ns`; its first instant is within."""
        if not self._edges or instant_ns >= self._edges[-2]:
            self._extend(instant_ns)
        if instant_ns < self._edges[0]:
            raise BeforeSimulation(f"The simulated market begins on {self._days[0]}.")
        return bisect_right(self._edges, instant_ns) - 1

    def in_pause(self, instants_ns: Ints) -> Bools:
        """True for each instant outside regular sessions."""
        result: Bools = np.searchsorted(self._edge_array, instants_ns, "right") % 2 == 0
        return result

    def span(self, position: int) -> Span:
        """Return a span by position (see `position`)."""
        known = self._spans.get(position)
        if known is not None:
            self._spans.move_to_end(position)
            return known
        made = self.make_span(position)
        self._spans[position] = made
        if len(self._spans) > _SPANS_CACHED:
            self._spans.popitem(last=False)
        return made

    def make_span(self, position: int) -> Span:
        """Return a span without remembering it."""
        place = SpanPlace(
            day=self._days[position // 2],
            is_session=position % 2 == 0,
            start_ns=self._edges[position],
            end_ns=self._edges[position + 1],
            report_minutes=self._report_minutes(position),
            shift=partial(self._shift, position // 2),
        )
        return Span(place, self._steps[position], self._dynamics, self._shapes, self._indices)

    def log_prices(self, symbol: str, instants_ns: Ints) -> Floats:
        """Return the logarithm of the price of a name at each instant."""
        return self._across_spans(instants_ns, lambda path, at: path.log_prices(at), symbol)

    def vols_short(self, symbol: str, instants_ns: Ints) -> Floats:
        """Return the short-dated implied volatility of a name at each instant."""
        return self._across_spans(instants_ns, lambda path, at: path.vols_short(at), symbol)

    def volume_shares(self, symbol: str, instants_ns: Ints) -> Floats:
        """Return which part of its own day's volume a name had traded at each instant."""
        return self._across_spans(instants_ns, lambda path, at: path.volume_shares(at), symbol)

    def _across_spans(
        self, instants_ns: Ints, read: Callable[[NamePath, Ints], Floats], symbol: str
    ) -> Floats:
        if not len(instants_ns):
            return np.empty(0)
        first, last = (self.position(int(edge)) for edge in (instants_ns.min(), instants_ns.max()))
        if first == last:
            return read(self.span(first).path(symbol), instants_ns)
        positions = np.searchsorted(self._edge_array, instants_ns, "right") - 1
        result = np.empty(len(instants_ns))
        for position in np.unique(positions):
            held = positions == position
            result[held] = read(self.span(int(position)).path(symbol), instants_ns[held])
        return result

    def log_close(self, symbol: str, number: int) -> float:
        """Return the log closing price of session `number`, as it was quoted on that day."""
        known = self._closes.setdefault(symbol, [])
        name = self._names[symbol]
        while len(known) <= number:
            at = len(known)
            self._pay_dividend(name, at, known)
            state = self._steps[2 * at + 1].start
            close_ns = self._edges[2 * at + 1]
            if name.vol_index_of is None:
                level = self._dynamics.log_level(symbol, state, close_ns)
                known.append(level + self._fixed_shift(at, name) + self._gathered(name, close_ns))
            else:
                spec = self._names[name.vol_index_of]
                own_vol = state.own_vol[self._dynamics.positions[spec.symbol]]
                vol = short_vol(spec, np.array([state.market_vol]), own_vol)
                known.append(float(np.log(self._indices[symbol].levels(vol))[0]))
        return known[number]

    # -- dividends and splits -----------------------------------------------------------------

    def _pay_dividend(self, name: SimulatedName, number: int, closes: Sequence[float]) -> None:
        """Book the dividend of a session before its price is known."""
        if not number or not name.pays_dividends or not self._is_ex_day(name, number):
            return
        before = exp(closes[number - 1])
        amount = self._declared(name, number, closes)
        drop = log1p(-min(amount / before, 0.5))
        self._dividends.setdefault(name.symbol, []).append(Dividend(number, amount, drop))

    def _is_ex_day(self, name: SimulatedName, number: int) -> bool:
        known = self._ex_days.get(name.symbol)
        if known is None or known[0] != len(self._days):
            days = self.schedule.ex_days(name, self._days[0], self._days[-1])
            known = self._ex_days[name.symbol] = (len(self._days), frozenset(days))
        return self._days[number] in known[1]

    def _declared(self, name: SimulatedName, number: int, closes: Sequence[float]) -> float:
        """Return the dividend of an ex-date: a quarter of the yield on the day it is declared."""
        at = max(number - ANNOUNCED_SESSIONS, 0)
        split = self.split_shift(name, number) - self.split_shift(name, at)
        return max(round(exp(closes[at] + split) * name.dividend_yield / 4.0, 2), _CENT)

    def dividends(self, symbol: str, last: int) -> list[Dividend]:
        """Return the dividends whose ex-dates have come by session `last`."""
        self.log_close(symbol, last)
        return [paid for paid in self._dividends.get(symbol, ()) if paid.number <= last]

    def usual_dividend(self, name: SimulatedName, number: int) -> float:
        """Return what a quarter's dividend would be if it were declared on session `number`."""
        before = max(number - 1, 0)
        close = self.log_close(name.symbol, before)
        return max(round(exp(close) * name.dividend_yield / 4.0, 2), _CENT)

    def declared(self, name: SimulatedName, ex_day: date, number: int) -> float | None:
        """Return the amount of a coming dividend, None until it is declared on session `number`."""
        ahead = self._sessions_ahead(ex_day, number)
        if ahead >= ANNOUNCED_SESSIONS or number < 1:
            return None
        at = max(number + ahead - ANNOUNCED_SESSIONS, 0)
        self.log_close(name.symbol, at)
        closes = self._closes[name.symbol]
        # The split of a later day is not in it: whoever splits declares again.
        return max(round(exp(closes[at]) * name.dividend_yield / 4.0, 2), _CENT)

    def announced(self, ex_day: date, number: int) -> date:
        """Return when the dividend of an ex-date was declared that session `number` knows."""
        ahead = self._sessions_ahead(ex_day, number)
        known = number + ahead if ahead else self.number_on_or_after(ex_day)
        return self._days[max(known - ANNOUNCED_SESSIONS, 0)]

    def _sessions_ahead(self, ex_day: date, number: int) -> int:
        first = self._days[number] + timedelta(days=1)
        return sum(1 for _ in self._sessions.iter_sessions(first, ex_day)) if first <= ex_day else 0

    def split_shift(self, name: SimulatedName, number: int) -> float:
        """Return by how much splits shift the log price of a session against `LEVELS_DATE`'s."""
        day = self._days[number]
        shift = 0.0
        for split in name.splits:
            if day < split.ex_date <= LEVELS_DATE:
                shift += log(split.ratio)
            elif LEVELS_DATE < split.ex_date <= day:
                shift -= log(split.ratio)
        return shift

    def contract_factor(self, name: SimulatedName, number: int) -> float:
        """Return how many contracts of `LEVELS_DATE` one contract of a session has become, as 1 in
        so many: splits with a broken ratio change what contracts deliver, not their number.
        """
        day = self._days[number]
        ratios = [s.ratio for s in name.splits if s.is_even and day < s.ex_date <= LEVELS_DATE]
        later = [s.ratio for s in name.splits if s.is_even and LEVELS_DATE < s.ex_date <= day]
        return prod(later) / prod(ratios)

    def adjustment(self, name: SimulatedName, number: int, today: int) -> float:
        """Return what makes a log price of session `number` comparable with those of `today`."""
        if number >= today or not (name.splits or name.pays_dividends):
            return 0.0
        paid = self.dividends(name.symbol, today)
        dropped = sum(dividend.log_drop for dividend in paid if dividend.number > number)
        return dropped + self.split_shift(name, today) - self.split_shift(name, number)

    def _shift(self, number: int, symbol: str, instants_ns: Ints) -> Floats:
        """Return the shift of log prices within a session, or the pause after it."""
        name = self._names[symbol]
        if name.pays_dividends:
            self.log_close(symbol, number)  # every dividend up to this day is known then
        return self._known_shift(number, name, instants_ns)

    def _known_shift(self, number: int, name: SimulatedName, instants_ns: Ints) -> Floats:
        gathered = name.dividend_yield if name.pays_dividends else 0.0
        years = (instants_ns - self._edges[0]) / _YEAR_NS
        result: Floats = self._fixed_shift(number, name) + gathered * years
        return result

    def _gathered(self, name: SimulatedName, instant_ns: int) -> float:
        """Return what a share will pay, as it gathers in its price: it leaves it on the ex-date."""
        if not name.pays_dividends:
            return 0.0
        return name.dividend_yield * ((instant_ns - self._edges[0]) / _YEAR_NS)

    def _fixed_shift(self, number: int, name: SimulatedName) -> float:
        shift = self.split_shift(name, number) if name.splits else 0.0
        for dividend in self._dividends.get(name.symbol, ()):
            if dividend.number <= number:
                shift += dividend.log_drop
        return shift

    def log_close_range(
        self, symbol: str, first: int, last: int, *, unit: int
    ) -> tuple[float, float]:
        """Return the least and the greatest log close of the sessions first to last, in shares of
        session `unit`.
        """
        self.log_close(symbol, last)
        part = self._closes[symbol][first : last + 1]
        name = self._names[symbol]
        if name.splits:
            base = self.split_shift(name, unit)
            part = [
                close + base - self.split_shift(name, first + place)
                for place, close in enumerate(part)
            ]
        return min(part), max(part)

    @property
    def days_known(self) -> int:
        """How many sessions of the world exist so far: some more than the clock has reached."""
        return len(self._days)

    def exchange_date(self, instant_ns: int) -> date:
        return self._sessions.exchange_date(instant_ns)

    def opens_at(self, day: date) -> int:
        return self._sessions.opens_at(day)

    def halt(self, symbol: str, number: int) -> tuple[int, int] | None:
        """Return from when to when a name was halted on a session, None where it was not."""
        minutes = self.span(2 * number).halt(symbol)
        if minutes is None:
            return None
        first, last = (self._edges[2 * number] + minute * MINUTE_NS for minute in minutes)
        return first, last

    def day_number(self, instant_ns: int) -> int:
        """Return the number of the last session that has begun at `instant_ns`."""
        return self.position(instant_ns) // 2

    def day(self, number: int) -> date:
        """Return the date of session `number`."""
        return self._days[number]

    def open_ns(self, number: int) -> int:
        return self._edges[2 * number]

    def close_ns(self, number: int) -> int:
        return self._edges[2 * number + 1]

    def end_ns(self, position: int) -> int:
        """Return the instant at which the span at `position` ends."""
        return self._edges[position + 1]

    def number_on_or_after(self, day: date) -> int:
        """Return the number of the first session that is not before `day`."""
        return bisect_left(self._days, day)

    def numbers_down(self, start: date, end: date, last: int) -> Iterator[int]:
        """Yield the numbers of the sessions from start to end, none after `last`, latest first."""
        for number in range(last, -1, -1):
            day = self._days[number]
            if day < start:
                return
            if day <= end:
                yield number
