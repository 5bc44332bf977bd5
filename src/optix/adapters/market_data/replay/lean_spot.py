"""The underlying of a Lean option day: minute bars, else its daily bar, else a universe's close.

A day's bar is known in two pieces: its open when the session opens, the rest when it has closed.
What lies between is left to the forward that the options imply; showing the close all day long
would be knowing the future. Of the universe files only the close is used: their other prices are
often those of one minute, and some of their rows repeat another day's, which is found out and left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import fsum, isfinite, isnan, nan
from pathlib import Path
from zoneinfo import ZoneInfo

from optix.adapters.market_data.bars import NEW_YORK
from optix.adapters.market_data.recording import UnreadableRecording
from optix.adapters.market_data.replay.lean_files import DECI_CENTS, iter_members, parse_day
from optix.kernel.clock import NANOSECONDS, to_ns
from optix.kernel.quote import Quality, Quote, SecurityKind
from optix.kernel.symbols import kind_of, root_of
from optix.ports.market_data import Bar

SOURCE = "lean"
MINUTE_NS = 60 * NANOSECONDS
MILLISECOND_NS = 1_000_000

_CHICAGO = ZoneInfo("America/Chicago")
_OPEN = time(9, 30)
_CLOSE = time(16, 0)
_NEARBY_DAYS = range(-7, 8)


@dataclass(frozen=True, slots=True)
class LeanLibrary:
    """The `Data` folder of a Lean installation, as far as it exists around an option file."""

    data: Path
    market: str
    option_class: str  # "option" or "indexoption"

    @classmethod
    def around(cls, folder: Path) -> LeanLibrary | None:
        """Return the library of `<data>/<class>/<market>/minute/<root>`, None elsewhere."""
        minute = folder.parent
        market, option_class = minute.parent, minute.parent.parent
        if minute.name != "minute" or option_class.name not in {"option", "indexoption"}:
            return None
        return cls(option_class.parent, market.name, option_class.name)

    def minute_file(self, symbol: str, day: date) -> Path:
        kind = "index" if self._is_index() else "equity"
        name = f"{day:%Y%m%d}_trade.zip"
        return self.data / kind / self.market / "minute" / _lower(symbol) / name

    def daily_file(self, symbol: str) -> Path:
        kind = "index" if self._is_index() else "equity"
        return self.data / kind / self.market / "daily" / f"{_lower(symbol)}.zip"

    def universe_file(self, symbol: str, day: date) -> Path:
        folder = self.data / self.option_class / self.market / "universes" / _lower(symbol)
        return folder / f"{day:%Y%m%d}.csv"

    def _is_index(self) -> bool:
        return self.option_class == "indexoption"


def midnight_ns(day: date, zone: ZoneInfo = NEW_YORK) -> int:
    return to_ns(datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC))


def minute_bars(library: LeanLibrary | None, symbol: str, day: date) -> list[Bar]:
    """Return the underlying's minute bars of a day, empty where the library has none."""
    if library is None or not (path := library.minute_file(symbol, day)).is_file():
        return []
    index = kind_of(symbol) is SecurityKind.INDEX
    start_ns = midnight_ns(day, _CHICAGO if index else NEW_YORK)
    scale = 1 if index else DECI_CENTS

    def start_of(text: str) -> int:
        return start_ns + int(text) * MILLISECOND_NS

    return list(_bars(path, start_of, scale, with_volume=not index))


def daily_bars(library: LeanLibrary | None, symbol: str) -> list[Bar]:
    """Return the underlying's daily bars, empty where the library has none. Not adjusted."""
    if library is None or not (path := library.daily_file(symbol)).is_file():
        return []
    index = kind_of(symbol) is SecurityKind.INDEX
    scale = 1 if index else DECI_CENTS
    return list(_bars(path, lambda text: midnight_ns(parse_day(text[:8])), scale, with_volume=True))


def spot_quotes(
    library: LeanLibrary | None, symbol: str, day: date, *, open_ns: int, close_ns: int
) -> list[Quote]:
    """Return the underlying's quotes of a day, ascending, each at the instant it became known."""
    daily = {bar.ts_event: bar for bar in daily_bars(library, symbol)}
    start = midnight_ns(day)
    oldest = midnight_ns(day - timedelta(days=_NEARBY_DAYS.stop))
    earlier = [instant for instant in daily if oldest <= instant < start]
    previous = daily[max(earlier)].close if earlier else _universe_before(library, symbol, day)
    minutes = minute_bars(library, symbol, day)
    if minutes:
        return _from_minutes(symbol, minutes, previous)
    opening = max(open_ns, _instant_ns(day, _OPEN))
    closing = min(close_ns, _instant_ns(day, _CLOSE))
    bar = daily.get(start) or _bar(start, [nan, nan, nan, _universe_close(library, symbol, day)])
    quotes = [
        _quote(symbol, opening, last=bar.open, open_=bar.open, previous_close=previous),
        _quote(
            symbol,
            closing,
            last=bar.close,
            open_=bar.open,
            high=bar.high,
            low=bar.low,
            volume=bar.volume,
            previous_close=previous,
        ),
    ]
    told = [quote for quote in quotes if not (isnan(quote.last) and isnan(quote.previous_close))]
    return [quote for quote in told if opening <= quote.ts_event <= close_ns]


def _instant_ns(day: date, clock: time) -> int:
    return to_ns(datetime.combine(day, clock, tzinfo=NEW_YORK).astimezone(UTC))


def _from_minutes(symbol: str, minutes: list[Bar], previous: float) -> list[Quote]:
    quotes = []
    high, low, volume = minutes[0].high, minutes[0].low, 0.0
    for bar in minutes:
        high, low, volume = max(high, bar.high), min(low, bar.low), fsum((volume, bar.volume))
        quotes.append(
            _quote(
                symbol,
                bar.ts_event + MINUTE_NS,
                last=bar.close,
                open_=minutes[0].open,
                high=high,
                low=low,
                volume=volume,
                previous_close=previous,
            )
        )
    return quotes


def _quote(
    symbol: str,
    instant_ns: int,
    *,
    last: float,
    open_: float,
    previous_close: float,
    high: float = nan,
    low: float = nan,
    volume: float = nan,
) -> Quote:
    return Quote(
        symbol=symbol,
        kind=kind_of(symbol),
        last=last,
        open=open_,
        high=high,
        low=low,
        previous_close=previous_close,
        volume=volume,
        source=SOURCE,
        quality=Quality.REPLAY,
        ts_event=instant_ns,
        ts_received=instant_ns,
    )


def _bars(
    path: Path, start_of: Callable[[str], int], scale: int, *, with_volume: bool
) -> Iterator[Bar]:
    """Yield the bars of a file. A line that is no bar is left out: a chart can miss one."""
    for _, text in iter_members(path):
        for line in text.splitlines():
            fields = line.split(",")
            if len(fields) != 6:
                continue
            try:
                start = start_of(fields[0])
                prices = [float(value) / scale for value in fields[1:5]]
                volume = float(fields[5])
            except ValueError:
                continue
            if all(isfinite(price) and price > 0 for price in prices):
                yield _bar(start, prices, volume if with_volume and volume >= 0 else nan)


def _bar(start: int, prices: list[float], volume: float = nan) -> Bar:
    open_, high, low, close = prices
    return Bar(ts_event=start, open=open_, high=high, low=low, close=close, volume=volume)


def _universe_close(library: LeanLibrary | None, symbol: str, day: date) -> float:
    """Return the close in the universe file of a day; NaN where none is or it repeats another's."""
    prices = _universe_prices(library, symbol, day)
    if prices is None:
        return nan
    others = (day + timedelta(days=offset) for offset in _NEARBY_DAYS if offset)
    repeated = any(_universe_prices(library, symbol, other) == prices for other in others)
    return nan if repeated else prices[3]


def _universe_before(library: LeanLibrary | None, symbol: str, day: date) -> float:
    """Return the close of the latest earlier universe file; NaN where that one repeats another."""
    for back in range(1, _NEARBY_DAYS.stop):
        earlier = day - timedelta(days=back)
        if _universe_prices(library, symbol, earlier) is not None:
            return _universe_close(library, symbol, earlier)
    return nan


def _universe_prices(library: LeanLibrary | None, symbol: str, day: date) -> list[float] | None:
    """Return the underlying's row of a universe file: the first one, without an expiration."""
    if library is None or not (path := library.universe_file(symbol, day)).is_file():
        return None
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnreadableRecording(f"{path.name} cannot be read: {reason}.") from error
    for line in lines[:3]:
        fields = line.split(",")
        if len(fields) > 7 and not any(fields[:3]):
            try:
                prices = [float(value) for value in fields[3:7]]
            except ValueError:
                return None
            return prices if all(isfinite(price) and price > 0 for price in prices) else None
    return None


def _lower(symbol: str) -> str:
    return root_of(symbol).lower()
