"""Dividends and splits as the market data port says them."""

from __future__ import annotations

from datetime import date, timedelta

from optix.adapters.market_data.sim.events import (
    PAID_AFTER_DAYS,
    SPLIT_ANNOUNCED_DAYS,
)
from optix.adapters.market_data.sim.names import SimulatedName
from optix.adapters.market_data.sim.path import MarketPath
from optix.adapters.market_data.sim.quotes import SOURCE
from optix.kernel.corporate import ActionKind, CorporateAction
from optix.ports.reference_data import EarningsDate

LOOK_AHEAD_DAYS = 400  # dividends are projected no further


def coming_reports(path: MarketPath, name: SimulatedName, now_ns: int) -> list[EarningsDate]:
    """Return the first sessions that trade on the reports of the year to come."""
    today = path.exchange_date(now_ns)
    reports = path.schedule.earnings(name, today, today + _AHEAD)
    return [
        EarningsDate(
            symbol=name.symbol,
            session=path.schedule.session_of(report),
            confirmed=True,
            source=SOURCE,
        )
        for report in reports
        if report.instant_ns > now_ns
    ]


def actions_of(
    path: MarketPath, name: SimulatedName, start: date, end: date, now_ns: int
) -> list[CorporateAction]:
    """Return what a name did and will do, ascending, as it is known at `now_ns`.

    A coming dividend that is not declared yet is projected from the last price: `estimated`.
    """
    number = path.day_number(now_ns)
    today = path.exchange_date(now_ns)
    found = [
        CorporateAction(
            symbol=name.symbol,
            kind=ActionKind.SPLIT,
            ex_date=split.ex_date,
            ratio=split.ratio,
            announced=split.ex_date - timedelta(days=SPLIT_ANNOUNCED_DAYS),
            source=SOURCE,
        )
        for split in name.splits
        if start <= split.ex_date <= end
        and split.ex_date - timedelta(days=SPLIT_ANNOUNCED_DAYS) <= today
    ]
    if name.pays_dividends:
        paid = {path.day(p.number): p for p in path.dividends(name.symbol, number)}
        first = max(start, path.day(0))
        days = path.schedule.ex_days(name, first, min(end, today + _AHEAD))
        found += [
            _dividend(path, name, day, number, paid[day].amount if day in paid else None)
            for day in days
        ]
    return sorted(found, key=lambda action: (action.ex_date, action.kind))


_AHEAD = timedelta(days=LOOK_AHEAD_DAYS)


def _dividend(
    path: MarketPath, name: SimulatedName, day: date, number: int, paid: float | None
) -> CorporateAction:
    declared = path.declared(name, day, number) if paid is None else paid
    return CorporateAction(
        symbol=name.symbol,
        kind=ActionKind.CASH_DIVIDEND,
        ex_date=day,
        amount=path.usual_dividend(name, number) if declared is None else declared,
        announced=None if declared is None else path.announced(day, number),
        pay_date=day + timedelta(days=PAID_AFTER_DAYS),
        estimated=declared is None,
        source=SOURCE,
    )
