"""History: bars of every interval, all summed up from the same minutes that the quotes walk.

Bars cover regular sessions. During a pause between two sessions the simulated price keeps moving:
its minutes are shown while the pause lasts, so that the last bar closes at the live price, and
belong to no bar once the next session has opened, where they show as the gap between two days.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from math import exp, nan

import numpy as np

from optix.adapters.market_data.bars import MINUTES, bar_start
from optix.adapters.market_data.sim.hashing import Floats, normals, stream_key
from optix.adapters.market_data.sim.names import SimulatedName
from optix.adapters.market_data.sim.path import MarketPath
from optix.adapters.market_data.sim.span import MINUTE_NS, NamePath, as_instants
from optix.kernel.clock import NANOSECONDS, to_datetime, to_ns
from optix.ports.market_data import Bar, BarInterval

_DAYS_CACHED = 20_000  # one small record per finished day and name
_SPANS_CACHED = 64


def to_price(log_price: Floats) -> Floats:
    """Return prices in whole cents."""
    result: Floats = np.exp(log_price).round(2)
    return result


@dataclass(frozen=True, slots=True)
class MinuteBars:
    """The minutes of one name through one span, as columns."""

    start_ns: int
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats  # share of the day's volume
    high_so_far: Floats  # since the span began
    low_so_far: Floats


def _minute_bars(path: NamePath, prices: Sequence[Floats], volumes: Floats) -> MinuteBars:
    opens, highs, lows, closes = prices
    return MinuteBars(
        start_ns=path.start_ns,
        open=opens,
        high=highs,
        low=lows,
        close=closes,
        volume=volumes,
        high_so_far=np.maximum.accumulate(highs),
        low_so_far=np.minimum.accumulate(lows),
    )


def minutes_of(path: NamePath, shift: float = 0.0) -> MinuteBars:
    """Return all minutes of a span, its log prices shifted by dividends and splits since."""
    grid = path.grid(0, path.minutes) + shift
    log_prices = (grid[:, 0], grid.max(axis=1), grid.min(axis=1), grid[:, -1])
    return _minute_bars(path, [to_price(part) for part in log_prices], np.diff(path.volume_nodes))


def _last_minute(path: NamePath, now_ns: int) -> tuple[int, Floats]:
    """Return the minute that holds `now_ns` and the prices seen in it, the live one last."""
    offset_ns = now_ns - path.start_ns
    minute = min(offset_ns // MINUTE_NS, path.minutes - 1)
    second = (offset_ns - minute * MINUTE_NS) // NANOSECONDS
    live = path.log_prices(as_instants(now_ns))
    lived = path.grid(minute, minute + 1)[0, : second + 1]
    return minute, to_price(np.concatenate((lived, live)))


def cut(path: NamePath, whole: MinuteBars, now_ns: int) -> MinuteBars:
    """Return the minutes up to `now_ns`, the last of them as far as it has come."""
    minute, seen = _last_minute(path, now_ns)
    share = float(path.volume_shares(as_instants(now_ns))[0]) - path.volume_nodes[minute]
    prices = (
        whole.open[: minute + 1],
        np.append(whole.high[:minute], seen.max()),
        np.append(whole.low[:minute], seen.min()),
        np.append(whole.close[:minute], seen[-1]),
    )
    return _minute_bars(path, prices, np.append(whole.volume[:minute], share))


@dataclass(frozen=True, slots=True)
class DayBar:
    """One day of a name: the session and, while it is the last one, the pause after it."""

    open: float
    high: float
    low: float
    close: float
    volume: float


class History:
    """Bars of the simulated market, cached where a day is over."""

    def __init__(self, path: MarketPath, seed: int) -> None:
        self._path = path
        self._seed = seed
        self._days: OrderedDict[tuple[str, int, float], DayBar] = OrderedDict()
        self._volumes: dict[tuple[str, int], float] = {}
        self._minutes: OrderedDict[tuple[str, int, float], MinuteBars] = OrderedDict()

    def day_volume(self, name: SimulatedName, number: int) -> float:
        """Return the shares that a whole day trades: more of them when the price moves far."""
        if not name.share_volume:
            return 0.0
        key = stream_key(self._seed, "day volume", name.symbol)
        noise = float(normals(key, np.array([self._path.day(number).toordinal()]))[0])
        close, before = (self._path.log_close(name.symbol, max(n, 0)) for n in (number, number - 1))
        split = self._path.split_shift(name, number) - self._path.split_shift(
            name, max(number - 1, 0)
        )
        move = abs(close - before - split)
        usual = 0.012 if name.surface is None else name.surface.vol_long / 16.0
        busy = np.exp(0.22 * noise) * (0.75 + 0.35 * move / usual)
        return float(name.share_volume * exp(-self._path.split_shift(name, number)) * busy)

    def close(self, name: SimulatedName, number: int) -> float:
        """Return the closing price of a finished session; NaN before the first one."""
        if number < 0:
            return nan
        if name.vol_index_of is None:
            return round(exp(self._path.log_close(name.symbol, number)), 2)
        at_close = as_instants(self._path.close_ns(number))
        return float(to_price(self._path.log_prices(name.symbol, at_close))[0])

    def _span_minutes(
        self, symbol: str, position: int, *, keep: bool, shift: float = 0.0
    ) -> MinuteBars:
        key = (symbol, position, shift)
        known = self._minutes.get(key)
        if known is None:
            span = self._path.span(position) if keep else self._path.make_span(position)
            known = minutes_of(span.path(symbol), shift)
            if keep:
                self._minutes[key] = known
                if len(self._minutes) > _SPANS_CACHED:
                    self._minutes.popitem(last=False)
        return known

    def _live_minutes(self, symbol: str, position: int, now_ns: int, shift: float) -> MinuteBars:
        """Return the minutes of a span that holds `now_ns` or has ended before it."""
        whole = self._span_minutes(symbol, position, keep=True, shift=shift)
        path = self._path.span(position).path(symbol)
        return cut(path, whole, now_ns) if now_ns < self._path.end_ns(position) else whole

    def live_day(self, name: SimulatedName, now_ns: int) -> DayBar:
        """Return the day that `now_ns` belongs to, as far as it has come."""
        position = self._path.position(now_ns)
        first = self._span_minutes(name.symbol, position - position % 2, keep=True)
        whole = self._span_minutes(name.symbol, position, keep=True)
        path = self._path.span(position).path(name.symbol)
        minute, seen = _last_minute(path, now_ns)
        highs, lows = [float(seen.max())], [float(seen.min())]
        if minute:
            highs.append(float(whole.high_so_far[minute - 1]))
            lows.append(float(whole.low_so_far[minute - 1]))
        if position % 2:
            highs.append(float(first.high_so_far[-1]))
            lows.append(float(first.low_so_far[-1]))
        share = float(path.volume_shares(as_instants(now_ns))[0])
        return DayBar(
            open=float(first.open[0]),
            high=max(highs),
            low=min(lows),
            close=float(seen[-1]),
            volume=float(np.floor(self._volume_of(name, position // 2) * share)),
        )

    def _volume_of(self, name: SimulatedName, number: int) -> float:
        key = (name.symbol, number)
        known = self._volumes.get(key)
        if known is None:
            self._volumes = {k: v for k, v in self._volumes.items() if k[1] >= number - 1}
            known = self._volumes[key] = self.day_volume(name, number)
        return known

    def _finished_day(self, name: SimulatedName, number: int, today: int) -> DayBar:
        shift = self._path.adjustment(name, number, today)
        key = (name.symbol, number, shift)
        known = self._days.get(key)
        if known is None:
            minutes = self._span_minutes(name.symbol, 2 * number, keep=False, shift=shift)
            volume = self._comparable_volume(name, number, today)
            known = self._days[key] = _sum_day(minutes, volume)
            if len(self._days) > _DAYS_CACHED:
                self._days.popitem(last=False)
        return known

    def _comparable_volume(self, name: SimulatedName, number: int, today: int) -> float:
        """Return the volume of a day in shares of today."""
        splits = self._path.split_shift(name, number) - self._path.split_shift(name, today)
        return self.day_volume(name, number) * exp(splits)

    def iter_days(
        self, name: SimulatedName, start: date, end: date, now_ns: int
    ) -> Iterator[list[Bar]]:
        """Yield the daily bar of each session, the latest first, adjusted for what came since."""
        today = self._path.day_number(now_ns)
        for number in self._path.numbers_down(start, end, today):
            live = number == today
            day = self.live_day(name, now_ns) if live else self._finished_day(name, number, today)
            opened = to_datetime(self._path.open_ns(number))
            yield [_bar(to_ns(bar_start(opened, BarInterval.DAY_1)), day)]

    def iter_intraday(
        self, name: SimulatedName, interval: BarInterval, start: date, end: date, now_ns: int
    ) -> Iterator[list[Bar]]:
        """Yield the bars of each session, the latest session first, adjusted likewise."""
        position = self._path.position(now_ns)
        today = position // 2
        for number in self._path.numbers_down(start, end, today):
            spans = [2 * number]
            if 2 * number + 1 == position:
                spans.append(position)  # the pause that is still under way
            shift = self._path.adjustment(name, number, today)
            volume = self._comparable_volume(name, number, today)
            rows: list[Bar] = []
            for at in spans:
                if at >= position - 1:
                    minutes = self._live_minutes(name.symbol, at, now_ns, shift)
                else:
                    minutes = self._span_minutes(name.symbol, at, keep=False, shift=shift)
                rows += _group(minutes, MINUTES[interval], volume)
            yield rows


def _bar(ts_event: int, day: DayBar) -> Bar:
    return Bar(
        ts_event=ts_event,
        open=day.open,
        high=day.high,
        low=day.low,
        close=day.close,
        volume=day.volume,
    )


def _sum_day(session: MinuteBars, volume: float) -> DayBar:
    return DayBar(
        open=float(session.open[0]),
        high=float(session.high_so_far[-1]),
        low=float(session.low_so_far[-1]),
        close=float(session.close[-1]),
        volume=float(np.floor(volume * float(session.volume.sum()))),
    )


def _group(minutes: MinuteBars, size: int, day_volume: float) -> list[Bar]:
    """Return bars of `size` minutes on the wall clock: an hour that begins at 9:30 is 9:00's."""
    count = len(minutes.open)
    first = minutes.start_ns // MINUTE_NS
    phase = first % size
    starts = np.maximum(np.arange(0, count + phase, size) - phase, 0)
    ends = np.append(starts[1:], count) - 1
    highs = np.maximum.reduceat(minutes.high, starts)
    lows = np.minimum.reduceat(minutes.low, starts)
    # Floors of the running sum, so that the bars of a day add up to the day.
    passed = np.floor(day_volume * np.cumsum(minutes.volume))[ends]
    volumes = np.diff(passed, prepend=0.0)
    begins = ((first + starts) // size) * size * MINUTE_NS
    columns = (minutes.open[starts], highs, lows, minutes.close[ends], volumes)
    return [
        Bar(ts_event=begin, open=o, high=h, low=lo, close=c, volume=v)
        for begin, o, h, lo, c, v in zip(
            begins.tolist(), *(column.tolist() for column in columns), strict=True
        )
    ]
