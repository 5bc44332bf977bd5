"""Where every simulated price is at every instant: the spans of time in a row.

Sessions and the pauses between them follow each other without a gap from the first trading day of
the simulated world. One instant has one price, whoever asks and when (`hashing`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta

import numpy as np

from optix.adapters.market_data.sim.dynamics import Dynamics, Step
from optix.adapters.market_data.sim.hashing import Bools, Floats, Ints
from optix.adapters.market_data.sim.names import SimulatedName
from optix.adapters.market_data.sim.sessions import SessionCalendar
from optix.adapters.market_data.sim.span import NamePath, Span, SpanPlace, minute_shapes
from optix.adapters.market_data.sim.volatility_index import VolatilityIndex
from optix.ports.market_data import ProviderUnavailable

FIRST_DAY = date(2020, 6, 1)  # of the simulated world; history begins here

_SPANS_CACHED = 6  # the live ones; a long history makes its spans and forgets them
_LOOK_AHEAD_DAYS = 14  # longer than any pause between two sessions


class BeforeSimulation(ProviderUnavailable):
    """The clock shows a time before the simulated world begins."""

    next_step = "Set the clock to a later day, or choose another market feed."


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
        by_symbol = {name.symbol: name for name in names}
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
        """Make the world long enough to hold `instant_ns` and the session after it."""
        while not self._edges or self._edges[-1] <= instant_ns or len(self._days) < 2:
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
            self._steps.append(self._dynamics.step(state, day, is_session=at % 2 == 0))

    def position(self, instant_ns: int) -> int:
        """Return the position of the span that holds `instant_ns`; its first instant is within."""
        if not self._edges or instant_ns >= self._edges[-1]:
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
        """Return the log closing price of session `number`; not for an index of volatility."""
        known = self._closes.setdefault(symbol, [])
        while len(known) <= number:
            edge = 2 * len(known) + 1
            state = self._steps[edge].start
            known.append(self._dynamics.log_level(symbol, state, self._edges[edge]))
        return known[number]

    def log_close_range(self, symbol: str, first: int, last: int) -> tuple[float, float]:
        """Return the least and the greatest log close of the sessions first to last."""
        self.log_close(symbol, last)
        part = self._closes[symbol][first : last + 1]
        return min(part), max(part)

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
