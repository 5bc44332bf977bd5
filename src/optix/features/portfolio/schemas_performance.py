"""What the performance endpoint answers. Money is decimal text, returns are parts of one."""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from optix.features.portfolio.returns.equity import DayQuality
from optix.features.portfolio.returns.values import Reason

Period = Literal["1M", "3M", "6M", "YTD", "1Y", "ALL"]


class Schema(BaseModel):
    model_config = ConfigDict(frozen=True)


class Figure(Schema):
    value: float | None = Field(description="Null where it is not known: `reason` says why.")
    first: date | None = Field(description="The day at whose end the window begins.")
    last: date | None
    n: int = Field(description="From how many returns or flows.")
    reason: Reason | None
    at: date | None = Field(description="The day of the reason, or of the extreme.")


class CurvePoint(Schema):
    day: date
    value: str | None
    growth: float | None = Field(description="What one unit became: the time-weighted chain.")
    benchmark: float | None = Field(description="The same of the benchmark.")
    contributions: str = Field(description="Net of all flows since the curve begins.")
    quality: list[DayQuality]


class Cell(Schema):
    year: int
    month: int | None
    figure: Figure


class Drawdown(Schema):
    depth: float
    peak: date
    trough: date
    recovered: date | None
    days: int


class Benchmark(Schema):
    symbol: str
    kind: Literal["price", "total"] | None = Field(
        description="Of prices alone, or with dividends; null where nothing is known."
    )
    source: str | None
    figure: Figure
    reason: str | None = Field(description="Why there is none.")


class Coverage(Schema):
    sessions: int
    closing: int
    early: int
    derived: int
    unavailable: int


class CurrencyPerformance(Schema):
    currency: str
    time_weighted: Figure
    time_weighted_yearly: Figure
    money_weighted: Figure = Field(description="XIRR, per year.")
    modified_dietz: Figure
    volatility: Figure
    sharpe: Figure
    sortino: Figure
    best_day: Figure
    worst_day: Figure
    max_drawdown: Drawdown | None
    longest_drawdown: Drawdown | None
    current_drawdown: Drawdown | None
    months: list[Cell]
    years: list[Cell]
    inflow: str
    outflow: str
    curve: list[CurvePoint]
    benchmark: Benchmark
    coverage: Coverage


class Performance(Schema):
    account: UUID | None
    first: date | None
    last: date
    riskless_rate: float
    currencies: list[CurrencyPerformance]
    notes: list[str]
