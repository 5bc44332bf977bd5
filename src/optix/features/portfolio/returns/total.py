"""Days of several accounts as the days of one: values added, moves between them taken out.

What left one own account and has not arrived in the other is in no account's value. It is added
here until it arrives, so a move takes nothing from the total, however long it is under way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from uuid import UUID

from optix.features.portfolio.returns.equity import ZERO, DayQuality, EquityDay
from optix.features.portfolio.returns.values import Flow, ValuedDay


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalDay:
    """One session of several accounts: None where the value, or a flow, of one is not known."""

    day: date
    value: Decimal | None
    inflow: Decimal
    outflow: Decimal
    flows_known: bool
    transit: Decimal
    qualities: tuple[DayQuality, ...]

    @property
    def valued(self) -> ValuedDay:
        """What returns are made of."""
        flows: list[Flow] = []
        if self.inflow:
            flows.append(Flow(amount=self.inflow))
        if self.outflow:
            flows.append(Flow(amount=-self.outflow))
        return ValuedDay(
            day=self.day, value=self.value, flows=tuple(flows) if self.flows_known else None
        )


def total_days(days: Sequence[EquityDay]) -> list[TotalDay]:
    """Return the days of all accounts in `days`, which are of one currency.

    A day has a value where each account has one that day. An account that ended with nothing, or
    has no rows yet, is not missed after or before: what it began with is a flow of its first day,
    unless it came from another of the accounts.
    """
    one = len({each.account for each in days}) == 1
    in_order = sorted(days, key=lambda each: (each.day, each.account.int))
    latest: dict[UUID, EquityDay] = {}
    found = []
    transit = ZERO
    for day, group in groupby(in_order, key=lambda each: each.day):
        today = list(group)
        joined = [each for each in today if latest and each.account not in latest]
        latest |= {each.account: each for each in today}
        present = {each.account for each in today}
        absent = [each for key, each in latest.items() if key not in present]
        known = all(each.value is not None for each in today)
        known = known and all(each.value == 0 for each in absent)
        if not one:
            transit += sum((each.inner_out - each.inner_in for each in today), ZERO)
        inner_in = ZERO if one else sum((each.inner_in for each in today), ZERO)
        inner_out = ZERO if one else sum((each.inner_out for each in today), ZERO)
        began = sum((_began_with(each) for each in joined), ZERO)
        values = sum((each.value or ZERO for each in today), ZERO)
        found.append(
            TotalDay(
                day=day,
                value=values + transit if known else None,
                inflow=sum((each.inflow for each in today), ZERO) - inner_in + began,
                outflow=sum((each.outflow for each in today), ZERO) - inner_out,
                flows_known=all(each.flows_known for each in today)
                and all(each.value is not None for each in joined),
                transit=transit,
                qualities=tuple(sorted({each.quality for each in today})),
            )
        )
    return found


def _began_with(day: EquityDay) -> Decimal:
    """Return what an account that joins the others brings: its value less that day's own flows."""
    return max((day.value or ZERO) - day.inflow + day.outflow, ZERO)
