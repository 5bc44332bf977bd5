"""Cboe's clocks. Documents are stamped in UTC, trades in New York time, both without a zone.

A document says when it was published, which is neither when it was fetched nor when its numbers
were true: those are 15 minutes older, and after the close, on a weekend or on a holiday they are
the last session's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from optix.kernel.clock import to_ns

NEW_YORK = ZoneInfo("America/New_York")
DELAY_SECONDS = 15 * 60

_CLOSE = time(16, 15)  # the latest close of a listed option's regular session
_DATE_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2})(?:\.\d+)?Z?", re.ASCII)
_TIME = re.compile(r"\d{2}:\d{2}:\d{2}", re.ASCII)
_CSV_DATE = re.compile(
    r"Date:\s*([A-Za-z]+ \d{1,2}, \d{4})(?:,| at) (\d{1,2}:\d{2} [AP]M) [A-Z]{2,4}", re.ASCII
)
_FETCH_AHEAD = timedelta(minutes=5)  # how far the vendor's clock may run ahead of ours


class BadTime(ValueError):
    """A time that cannot be read."""


def parse_new_york(text: object) -> datetime | None:
    """Return the instant of a local trade time, or None for null and for what is no time."""
    if not isinstance(text, str) or (found := _DATE_TIME.fullmatch(text)) is None:
        return None
    try:
        local = datetime.fromisoformat(f"{found[1]}T{found[2]}")
        return local.replace(tzinfo=NEW_YORK).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def latest_trade(texts: Iterable[str]) -> datetime | None:
    """Return the latest of many local trade times."""
    # The texts sort like the times they spell, so only the winner is worth parsing.
    for text in sorted(set(texts), reverse=True):
        instant = parse_new_york(text)
        if instant is not None:
            return instant
    return None


def parse_published(text: object, *, latest: datetime | None, fetched: datetime | None) -> datetime:
    """Return when a document was published.

    Old documents give a time of day only. Its date is the last one that is not after the fetch, or,
    where nobody noted the fetch, the first one after the latest trade in the document.
    Raises BadTime.
    """
    if not isinstance(text, str):
        raise BadTime("the document has no timestamp")
    if found := _DATE_TIME.fullmatch(text):
        try:
            return datetime.fromisoformat(f"{found[1]}T{found[2]}").replace(tzinfo=UTC)
        except ValueError as error:
            raise BadTime(f"its timestamp {text[:40]!r} is not a time") from error
    if not _TIME.fullmatch(text):
        raise BadTime(f"its timestamp {text[:40]!r} is not a time")
    try:
        clock = time.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as error:
        raise BadTime(f"its timestamp {text!r} is not a time") from error
    if fetched is not None:
        instant = datetime.combine(fetched.astimezone(UTC).date(), clock)
        return instant if instant <= fetched + _FETCH_AHEAD else instant - timedelta(days=1)
    if latest is None:
        raise BadTime(f"its timestamp {text!r} has no date and no trade tells it")
    instant = datetime.combine(latest.date(), clock)
    return instant if instant >= latest else instant + timedelta(days=1)


def parse_csv_date(line: str) -> datetime:
    """Return the instant in the second line of a quotedata file. Raises BadTime."""
    found = _CSV_DATE.search(line)
    if found is None:
        raise BadTime("its second line has no date like 'Date: September 14, 2023 at 4:31 PM EDT'")
    try:
        local = datetime.strptime(f"{found[1]} {found[2]}", "%B %d, %Y %I:%M %p")  # noqa: DTZ007  # below
    except ValueError as error:
        raise BadTime(f"its date {found[1]!r} is not a date") from error
    return local.replace(tzinfo=NEW_YORK).astimezone(UTC)


def quote_instant(published: datetime, latest: datetime | None) -> datetime:
    """Return when the numbers of a document were true.

    Publication less the delay, but never after the session they come from: a document of a holiday
    repeats the session before, and only its last trade tells which one that was.
    """
    quoted = published - timedelta(seconds=DELAY_SECONDS)
    local = quoted.astimezone(NEW_YORK)
    if latest is not None:
        return latest if latest.astimezone(NEW_YORK).date() < local.date() else quoted
    if local.weekday() < 5:
        return quoted
    friday = local.date() - timedelta(days=local.weekday() - 4)
    return datetime.combine(friday, _CLOSE, tzinfo=NEW_YORK).astimezone(UTC)


def instant_ns(instant: datetime) -> int:
    return to_ns(instant.astimezone(UTC))
