"""Performance of one account or of all together, from the days that the worker made."""

from __future__ import annotations

import csv
import io
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Final
from uuid import UUID

from optix.features.brokerage.service import BrokerageService
from optix.features.market import calendar
from optix.features.market.service import MarketService
from optix.features.portfolio import repository_performance as repository
from optix.features.portfolio import schemas_performance as schemas
from optix.features.portfolio.returns import daily, money_weighted, risk
from optix.features.portfolio.returns.calendar_table import Cell, by_month, by_year
from optix.features.portfolio.returns.equity import ZERO, DayQuality, EquityDay
from optix.features.portfolio.returns.total import TotalDay, total_days
from optix.features.portfolio.returns.values import Figure, PeriodReturn, Reason, unavailable
from optix.kernel import limits
from optix.kernel.clock import Clock
from optix.kernel.errors import InvalidInput, NotFound, OptixError
from optix.kernel.ids import UserId
from optix.platform.db import Database
from optix.ports.market_data import BarInterval

NOTES: Final = (
    "Time-weighted: the chain of r = (V1 + out) / (V0 + in) - 1 of each session.",
    "What comes in counts from the open of its day on, what goes out counts at its close.",
    "Money-weighted: XIRR over 365 days; the first value is paid, the last received.",
    "Modified Dietz: flows weighted from the middle of their day; of the window, not per year.",
    "Volatility, Sharpe and Sortino: single sessions, 252 a year, sample deviation.",
    "A day without a snapshot is derived from history and closes where both are whole.",
    "Moves between own accounts are flows of the accounts and none of their total.",
)
CSV_COLUMNS: Final = (
    *("currency", "day", "value", "inflow", "outflow", "flows_known", "transit", "quality"),
)
_MONTHS: Final = {"1M": 1, "3M": 3, "6M": 6, "1Y": 12}


class AccountNotFound(NotFound):
    code = "account_not_found"
    next_step = "Take an id of the accounts of the portfolio."


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which days are wanted: of one account or of all, from the end of `first` to `last`."""

    account: UUID | None = None
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class _Index:
    """A benchmark by day; `reason` where there is none."""

    symbol: str
    closes: dict[date, float]
    total: bool
    source: str | None
    reason: str | None


class PerformanceService:
    """Answers of the performance endpoints. Writes nothing."""

    def __init__(
        self, database: Database, brokerage: BrokerageService, clock: Clock, *, riskless: float
    ) -> None:
        self._database = database
        self._brokerage = brokerage
        self._clock = clock
        self._riskless = riskless

    def window(
        self, account: UUID | None, period: schemas.Period, first: date | None, last: date | None
    ) -> Window:
        """Return the window of a period that ends today, or the one that is named.

        Errors: InvalidInput.
        """
        today = calendar.exchange_date(self._clock.now_ns())
        end = min(last or today, today)
        start = first if first is not None else _start(period, end)
        if start is not None and start > end:
            raise InvalidInput(
                f"from {start} is after to {end}.", fields={"from": "must not be after to"}
            )
        return Window(account=account, first=start, last=end)

    async def get_performance(
        self, owner: UserId, window: Window, benchmark: str, market: MarketService
    ) -> schemas.Performance:
        """Return figures for each currency. Errors: AccountNotFound."""
        totals = await self._totals(owner, window)
        days = [each.day for _, group in totals for each in group]
        index = await _index(market, benchmark, days)
        assert window.last is not None
        return schemas.Performance(
            account=window.account,
            first=window.first,
            last=window.last,
            riskless_rate=self._riskless,
            currencies=[
                _measured(currency, group, index, self._riskless) for currency, group in totals
            ],
            notes=list(NOTES),
        )

    async def export_days(self, owner: UserId, window: Window) -> str:
        """Return daily rows as CSV, from which every figure follows. Errors: AccountNotFound."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(CSV_COLUMNS)
        for currency, days in await self._totals(owner, window):
            for each in days:
                writer.writerow(
                    [
                        currency,
                        each.day.isoformat(),
                        "" if each.value is None else format(each.value, "f"),
                        format(each.inflow, "f"),
                        format(each.outflow, "f"),
                        str(each.flows_known).lower(),
                        format(each.transit, "f"),
                        "+".join(each.qualities),
                    ]
                )
        return out.getvalue()

    async def _totals(self, owner: UserId, window: Window) -> list[tuple[str, list[TotalDay]]]:
        if window.account is not None:
            accounts = await self._brokerage.list_held(owner)
            if window.account not in {each.id for each in accounts}:
                raise AccountNotFound("You have no such account.")
        async with self._database.reading(owner=owner) as session:
            days = await repository.list_days(
                session, owner, account=window.account, last=window.last
            )
        return _by_currency(days, window)


def _by_currency(days: Sequence[EquityDay], window: Window) -> list[tuple[str, list[TotalDay]]]:
    """Add up first and cut then: what is in transit at the cut is known."""
    in_order = sorted(days, key=lambda each: each.currency)
    found = []
    for currency, group in groupby(in_order, key=lambda each: each.currency):
        totals = total_days(list(group))
        first = window.first
        found.append((currency, [each for each in totals if first is None or each.day >= first]))
    return [(currency, totals) for currency, totals in found if totals]


def _start(period: schemas.Period, end: date) -> date | None:
    """Return the session at whose end a period begins; None for all there is."""
    if period == "ALL":
        return None
    if period == "YTD":
        wanted = date(end.year - 1, 12, 31)
    else:
        months = end.year * 12 + end.month - 1 - _MONTHS[period]
        year, month = divmod(months, 12)
        wanted = date(year, month + 1, min(end.day, monthrange(year, month + 1)[1]))
    return calendar.session_on_or_before(max(wanted, calendar.first_day()))


def _measured(
    currency: str, days: Sequence[TotalDay], index: _Index, riskless: float
) -> schemas.CurrencyPerformance:
    valued = [each.valued for each in days]
    outcomes = daily.period_returns(valued)
    whole = daily.chained(outcomes)
    returns = [each for each in outcomes if isinstance(each, PeriodReturn)]
    # Of a broken chain no level is known, and so no fall from one.
    curve = risk.growth(returns) if whole.value is not None else []
    falls = risk.drawdowns(curve)
    inside = _after_first(days)
    return schemas.CurrencyPerformance(
        currency=currency,
        time_weighted=_figure(whole),
        time_weighted_yearly=_figure(daily.yearly(whole)),
        money_weighted=_figure(money_weighted.money_weighted(valued)),
        modified_dietz=_figure(money_weighted.modified_dietz(valued)),
        volatility=_figure(risk.volatility(returns)),
        sharpe=_figure(risk.sharpe(returns, riskless)),
        sortino=_figure(risk.sortino(returns, riskless)),
        best_day=_figure(risk.best_day(returns)),
        worst_day=_figure(risk.worst_day(returns)),
        max_drawdown=_fall(falls.deepest),
        longest_drawdown=_fall(falls.longest),
        current_drawdown=_fall(falls.current),
        months=[_cell(each) for each in by_month(outcomes)],
        years=[_cell(each) for each in by_year(outcomes)],
        inflow=format(sum((each.inflow for each in inside), ZERO), "f"),
        outflow=format(sum((each.outflow for each in inside), ZERO), "f"),
        curve=_curve(days, dict(curve), index),
        benchmark=_benchmark(index, whole),
        coverage=_coverage(days),
    )


def _after_first(days: Sequence[TotalDay]) -> list[TotalDay]:
    """Return the days whose flows the window has: those after its first known value."""
    place = next((at for at, each in enumerate(days) if each.value is not None), len(days))
    return list(days[place + 1 :])


def _curve(
    days: Sequence[TotalDay], growth: dict[date, float], index: _Index
) -> list[schemas.CurvePoint]:
    inside = {each.day for each in _after_first(days)}
    base = next((index.closes[each.day] for each in days if each.day in index.closes), None)
    points = []
    net = ZERO
    for each in days:
        net += each.inflow - each.outflow if each.day in inside else ZERO
        close = index.closes.get(each.day)
        points.append(
            schemas.CurvePoint(
                day=each.day,
                value=_text(each.value),
                growth=growth.get(each.day),
                benchmark=None if close is None or base is None else close / base,
                contributions=format(net, "f"),
                quality=list(each.qualities),
            )
        )
    return _thinned(points)


def _thinned(points: list[schemas.CurvePoint]) -> list[schemas.CurvePoint]:
    """Return at most `PERFORMANCE_POINTS_MAX` points, evenly, the first and the last kept."""
    most = limits.PERFORMANCE_POINTS_MAX
    if len(points) <= most:
        return points
    return [points[place * (len(points) - 1) // (most - 1)] for place in range(most)]


async def _index(market: MarketService, symbol: str, days: Sequence[date]) -> _Index:
    if not days:
        return _Index(symbol, {}, total=False, source=None, reason="no_days")
    try:
        found = await market.get_history(symbol, BarInterval.DAY_1, min(days), max(days))
    except OptixError as error:
        return _Index(symbol, {}, total=False, source=None, reason=error.code)
    # Daily bars begin at midnight or at the open of their day, in New York or in UTC.
    closes = {bar.at.date(): bar.close for bar in found.bars}
    return _Index(found.symbol, closes, total=found.adjusted, source=found.source, reason=None)


def _benchmark(index: _Index, whole: Figure) -> schemas.Benchmark:
    """Return the benchmark from the first to the last day of the account's own return."""
    first, last = whole.first, whole.last
    figure = unavailable(Reason.NOT_KNOWN)
    if first is not None and last is not None and {first, last} <= index.closes.keys():
        value = index.closes[last] / index.closes[first] - 1
        figure = Figure(value=value, first=first, last=last, n=1)
    reason = index.reason
    if reason is None and figure.value is None:
        reason = "no_close"
    return schemas.Benchmark(
        symbol=index.symbol,
        kind=None if index.source is None else "total" if index.total else "price",
        source=index.source,
        figure=_figure(figure),
        reason=reason,
    )


def _coverage(days: Sequence[TotalDay]) -> schemas.Coverage:
    """Count sessions by the least that one of their accounts is known by."""
    counts = dict.fromkeys(DayQuality, 0)
    order = [DayQuality.CLOSING, DayQuality.EARLY, DayQuality.DERIVED, DayQuality.UNAVAILABLE]
    for each in days:
        least = max(each.qualities, key=order.index)
        counts[DayQuality.UNAVAILABLE if each.value is None else least] += 1
    return schemas.Coverage(
        sessions=len(days), **{str(name): count for name, count in counts.items()}
    )


def _figure(figure: Figure) -> schemas.Figure:
    return schemas.Figure.model_validate(asdict(figure))


def _fall(fall: risk.Drawdown | None) -> schemas.Drawdown | None:
    return None if fall is None else schemas.Drawdown.model_validate(asdict(fall))


def _cell(cell: Cell) -> schemas.Cell:
    return schemas.Cell(year=cell.year, month=cell.month, figure=_figure(cell.figure))


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")
