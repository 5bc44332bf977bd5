"""Clocks of the sources as expressions: each becomes nanoseconds since the epoch, or null."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Final, Literal, Protocol

import polars as pl

from optix.adapters.imports.records import Fault
from optix.kernel.errors import InvalidInput

NEW_YORK: Final = "America/New_York"
CHICAGO: Final = "America/Chicago"
UTC: Final = "UTC"
SECOND: Final = 1_000_000_000
_PER: Final = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_ISO: Final = "%Y-%m-%d %H:%M:%S%.f"
_REPEATS_MIN: Final = 8  # fewer rows to a value, and the table costs more than it saves


class SessionCalendar(Protocol):
    """Sessions of the exchange, as far as imports need them; a composition root hands it in."""

    def is_trading_day(self, day: date) -> bool:
        """True for a day with a session."""

    def previous_session(self, day: date) -> date:
        """Return the last trading day before `day`."""

    def session_on_or_after(self, day: date) -> date:
        """Return `day`, or the first trading day after it."""

    def options_close_at(self, root: str, day: date) -> int:
        """Return the instant at which the contracts of a root stop trading on a trading day."""

    def closes_at(self, day: date) -> int:
        """Return the instant of the regular close of a trading day."""

    def is_monthly(self, expiration: date, underlying: str = "") -> bool:
        """True for the standard expiration of a month."""


def local_instant(naive: pl.Expr, zone: str) -> pl.Expr:
    """Return wall clock times of a zone as instants; an hour that comes twice is its first one."""
    zoned = naive.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return zoned.dt.epoch("us") * 1_000


def by_value(column: pl.Expr, made: Callable[[pl.Expr], pl.Expr], kind: pl.DataType) -> pl.Expr:
    """Return `made` of a column, worked out once for each of its values.

    A capture gives hundreds of rows one stamp, and clocks of zones are dear.
    """

    def fill(values: pl.Series) -> pl.Series:
        known = values.unique()
        if known.len() * _REPEATS_MIN > values.len():
            return values.to_frame("v").select(made(pl.col("v")).cast(kind)).to_series()
        table = known.to_frame("v").select("v", made=made(pl.col("v")).cast(kind))
        joined = values.to_frame("v").join(table, on="v", how="left", maintain_order="left")
        return joined["made"]

    return column.map_batches(fill, return_dtype=kind)


def local_text(text: pl.Expr, zone: str) -> pl.Expr:
    """Return the instants of wall clock texts like 2024-06-14T09:30:00.123 of a zone."""
    return by_value(text, lambda value: local_instant(wall_clock(value), zone), pl.Int64())


def wall_clock(text: pl.Expr) -> pl.Expr:
    """Return the wall clock time in texts like 2024-06-14T09:30:00.123 (blank or T between)."""
    plain = text.str.replace("T", " ", literal=True)
    return _within(plain.str.to_datetime(_ISO, time_unit="us", strict=False))


def instant_with_offset(text: pl.Expr) -> pl.Expr:
    """Return the instants of texts that end in Z or in an offset like -04:00, to the nanosecond."""
    plain = text.str.replace("T", " ", literal=True).str.replace(r"Z$", "+00:00")
    moment = plain.str.replace(r"\.\d+", "").str.to_datetime(
        "%Y-%m-%d %H:%M:%S%:z", time_unit="us", time_zone=UTC, strict=False
    )
    digits = text.str.extract(r"\.(\d{1,9})").fill_null("").str.pad_end(9, "0")
    return moment.dt.epoch("us") * 1_000 + digits.cast(pl.Int64, strict=False)


def epoch_instant(value: pl.Expr, unit: Literal["s", "ms", "us", "ns"]) -> pl.Expr:
    """Return counts since the epoch as instants; null outside the years that can be meant."""
    count = value.cast(pl.Int64, strict=False)
    ceiling = 4_102_444_800 * (SECOND // _PER[unit])  # the year 2100
    return pl.when(count.is_between(0, ceiling, closed="right")).then(count * _PER[unit])


def day_of(text: pl.Expr, form: str = "%Y-%m-%d") -> pl.Expr:
    """Return texts as dates; null for what is none."""
    return text.str.to_date(form, strict=False)


def midnight(day: pl.Expr, zone: str = NEW_YORK) -> pl.Expr:
    """Return the instant at which a date begins in a zone."""
    return local_instant(day.cast(pl.Datetime("us")), zone)


def exchange_date(instant: pl.Expr) -> pl.Expr:
    """Return the date in New York of instants."""
    return by_value(
        instant,
        lambda value: pl.from_epoch(value, time_unit="ns").dt.convert_time_zone(NEW_YORK).dt.date(),
        pl.Date(),
    )


def _within(moment: pl.Expr) -> pl.Expr:
    return pl.when(moment.dt.year().is_between(_FIRST_YEAR, _LAST_YEAR)).then(moment)


def undated(column: str = "ts_event") -> Fault:
    """Reject records whose time cannot be read."""
    reason = "The time of the record is missing or cannot be read."
    return Fault("unreadable_time", reason, pl.col(column).is_null())


def sessions_before(calendar: SessionCalendar, days: pl.Series) -> pl.Series:
    """Return the session before each date."""
    known = {day: session_before(calendar, day) for day in days.unique() if day is not None}
    return days.replace_strict(known, default=None, return_dtype=pl.Date)


def session_before(calendar: SessionCalendar, day: date) -> date:
    """Return the session before a date; in years without a calendar the weekday before it."""
    try:
        return calendar.previous_session(day)
    except InvalidInput:
        return _weekday(day, -1)


def session_after(calendar: SessionCalendar, day: date) -> date:
    """Return the session after a date; in years without a calendar the weekday after it."""
    try:
        return calendar.session_on_or_after(day + timedelta(days=1))
    except InvalidInput:
        return _weekday(day, 1)


def close_of(calendar: SessionCalendar, root: str, day: date) -> int | None:
    """Return when a root stops trading on a day; None for a day without a session."""
    try:
        return calendar.options_close_at(root, day) if calendar.is_trading_day(day) else None
    except InvalidInput:
        return None


def closes_of(calendar: SessionCalendar, pairs: pl.Series) -> pl.Series:
    """Return the same for a column of structs with `root` and `day`."""
    frame = pairs.struct.unnest()
    unique = frame.unique()
    known = [
        close_of(calendar, root, day) if root and day else None for root, day in unique.iter_rows()
    ]
    closes = unique.with_columns(pl.Series("close", known, dtype=pl.Int64))
    joined = frame.join(closes, on=["root", "day"], how="left", maintain_order="left")
    return joined["close"]


def _weekday(day: date, step: int) -> date:
    day += timedelta(days=step)
    while day.weekday() > 4:
        day += timedelta(days=step)
    return day
