"""The Treasury's CSV into par yields. Pure: no network, no clock.

At this door: dates are month first; yields are percents of bond-equivalent (semiannual) yield and
become decimals; a tenor that was not quoted is N/A or empty and is left out. What the yields mean
for zero rates is `quant.rates.curve_from_par_yields`.
"""

from __future__ import annotations

import csv
import re
from datetime import date
from math import isfinite

import structlog

from optix.adapters.market_data.failures import Unreadable
from optix.ports.reference_data import ParYields

SOURCE = "US Treasury"
YIELD_MIN, YIELD_MAX = -0.05, 0.5  # a yield beyond is an error of the file
POINTS_MIN = 2

_TENOR = re.compile(r"([0-9]+(?:\.[0-9]+)?) (Mo|Month|Yr)", re.ASCII).fullmatch
_DAY = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})", re.ASCII).fullmatch
_MONTHS_OF_YEAR = 12.0
_log = structlog.get_logger(__name__)


def translate_year(body: bytes) -> list[ParYields]:
    """Return the curves of a year, ascending by day. Raises Unreadable.

    Rows that are no curve are left out and told in the log.
    """
    try:
        lines = csv.reader(body.decode("utf-8-sig").splitlines(), strict=True)
        header = next(lines, [])
        rows = list(lines)
    except (UnicodeDecodeError, csv.Error) as error:
        raise Unreadable("The US Treasury's answer is no CSV.") from error
    tenors = [tenor_years(name) for name in header[1:]]
    if header[:1] != ["Date"] or sum(years is not None for years in tenors) < POINTS_MIN:
        raise Unreadable("The US Treasury's answer is no table of par yields.")
    curves = {}
    for cells in rows:
        curve = _curve(cells, tenors)
        if curve is not None:
            curves[curve.day] = curve
    if len(curves) < len(rows):
        _log.warning("treasury_rows_rejected", rows=len(rows) - len(curves))
    return [curves[day] for day in sorted(curves)]


def tenor_years(name: str) -> float | None:
    """Return the tenor of a column in years, None where it is none."""
    found = _TENOR(name.strip())
    if found is None:
        return None
    number = float(found[1])
    years = number if found[2] == "Yr" else number / _MONTHS_OF_YEAR
    return years if years > 0 else None


def _curve(cells: list[str], tenors: list[float | None]) -> ParYields | None:
    day = _day(cells[0]) if len(cells) == len(tenors) + 1 else None
    if day is None:
        return None
    points = {
        years: value
        for years, cell in zip(tenors, cells[1:], strict=True)
        if years is not None and (value := _yield(cell)) is not None
    }
    if len(points) < POINTS_MIN:
        return None
    ordered = sorted(points)
    return ParYields(
        day=day,
        years=tuple(ordered),
        par_yields=tuple(points[years] for years in ordered),
        source=SOURCE,
    )


def _day(text: str) -> date | None:
    found = _DAY(text.strip())
    try:
        return None if found is None else date(int(found[3]), int(found[1]), int(found[2]))
    except ValueError:
        return None


def _yield(cell: str) -> float | None:
    try:
        value = float(cell) / 100.0
    except ValueError:
        return None
    return value if isfinite(value) and YIELD_MIN < value < YIELD_MAX else None
