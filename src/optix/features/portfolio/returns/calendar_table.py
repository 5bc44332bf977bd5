"""Returns by month and by year of the calendar: the chain of what ended in each.

A return that bridges the end of a month belongs to none: both months are unavailable for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from optix.features.portfolio.returns.daily import Broken, chained
from optix.features.portfolio.returns.values import Figure, PeriodReturn, Reason


@dataclass(frozen=True, slots=True)
class Cell:
    """One month, or one year where `month` is None."""

    year: int
    month: int | None
    figure: Figure


def by_month(returns: Sequence[PeriodReturn | Broken]) -> list[Cell]:
    """Return one cell for every month in which a return ended, in their order."""
    cells = []
    for (year, month), group in groupby(_cut(returns, months=True), key=_month_of):
        cells.append(Cell(year, month, chained(list(group))))
    return cells


def by_year(returns: Sequence[PeriodReturn | Broken]) -> list[Cell]:
    """Return one cell for every year in which a return ended, in their order."""
    return [
        Cell(year, None, chained(list(group)))
        for year, group in groupby(_cut(returns, months=False), key=lambda each: each.day.year)
    ]


def _month_of(each: PeriodReturn | Broken) -> tuple[int, int]:
    return each.day.year, each.day.month


def _cut(returns: Sequence[PeriodReturn | Broken], *, months: bool) -> list[PeriodReturn | Broken]:
    """Break what bridges the end of a period, on both of its sides."""
    found: list[PeriodReturn | Broken] = []
    for each in returns:
        if isinstance(each, Broken) or not _bridges(each, months=months):
            found.append(each)
        else:
            found += [Broken(Reason.NOT_KNOWN, each.opens), Broken(Reason.NOT_KNOWN, each.day)]
    return found


def _bridges(each: PeriodReturn, *, months: bool) -> bool:
    if each.opens.year != each.day.year:
        return True
    return months and each.opens.month != each.day.month
