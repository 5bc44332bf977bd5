"""Write the table of exchange days that OPTIX ships: `python -m tools.market_calendar`.

The source is exchange_calendars (XNYS). The product reads only the written table, because that
library brings pandas: 2.6 s and 105 MB in every process, for four hundred dates. A test compares
the shipped table with the library, so updating the library and this table go together.
"""

from __future__ import annotations

import sys
from datetime import date, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

FIRST_DAY = date(2005, 1, 1)
LAST_DAY = date(2040, 12, 31)
TABLE = Path(__file__).parents[1] / "src" / "optix" / "features" / "market" / "xnys.csv"


def table_lines() -> list[str]:
    """Return the table: a header, then every weekday that is not an ordinary session."""
    import exchange_calendars  # noqa: PLC0415 - slow to import, needed only here

    new_york = ZoneInfo("America/New_York")
    exchange = exchange_calendars.get_calendar("XNYS", start=FIRST_DAY, end=LAST_DAY)
    opens = exchange.opens.dt.tz_convert(new_york)
    closes = exchange.closes.dt.tz_convert(new_york)
    hours = {
        session.date(): (opens[session].time(), closes[session].time())
        for session in exchange.sessions
    }
    lines = [f"# {FIRST_DAY} {LAST_DAY}", "date,close"]
    day = FIRST_DAY
    while day <= LAST_DAY:
        opens_at, closes_at = hours.get(day, (time(9, 30), None))
        assert opens_at == time(9, 30), f"{day} opens at {opens_at}: the table cannot say that"
        assert closes_at is None or day.weekday() < 5, f"{day} is a session on a weekend"
        if day.weekday() < 5 and closes_at != time(16):
            lines.append(f"{day},{closes_at:%H:%M}" if closes_at else f"{day},closed")
        day += timedelta(days=1)
    return lines


def main() -> None:
    lines = table_lines()
    TABLE.write_text("\n".join(lines) + "\n", encoding="ascii")
    sys.stdout.write(f"{TABLE.name}: {len(lines) - 2} days\n")


if __name__ == "__main__":
    main()
