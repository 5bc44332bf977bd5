"""What the endpoints of the market's memory say. Fractions are fractions, `null` has a reason."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from optix.features.market.schemas import History, Schema
from optix.kernel.quote import Quality
from optix.ports.history import DatasetName


class BarSource(Schema):
    """Where a stretch of bars comes from."""

    source: str
    quality: Quality
    stored: bool = Field(description="From the history of OPTIX, else straight from the feed.")
    first: datetime = Field(description="Start of its first bar.")
    last: datetime = Field(description="Start of its last bar.")


class StoredHistory(History):
    """Bars with the origin of every stretch. `source` and `quality` are those of the last bar."""

    sources: list[BarSource]


class VolatilitySession(Schema):
    """One session's measures; a measure that could not be told is null."""

    date: date
    as_of: datetime
    atm_iv: float | None = Field(description="At the forward, at the constant maturity.")
    call25_iv: float | None
    put25_iv: float | None
    rr25: float | None = Field(description="Risk reversal: call − put at 25 delta.")
    fly25: float | None = Field(description="(call + put) / 2 − at the money, at 25 delta.")
    expected_move: float | None = Field(description="S·IV·√(days/365), one sigma, in dollars.")
    model_free_iv: float | None = Field(description="From the strip of options, as the VIX is.")
    realised_close: float | None = Field(description="Of closes, over `realised_sessions`.")
    realised_parkinson: float | None
    realised_yang_zhang: float | None
    source: str
    quality: Quality


class VolatilityRank(Schema):
    """Where the last session's at-the-money IV stands in its last 252 sessions."""

    value: float
    rank: float | None = Field(description="(IV − lowest) / (highest − lowest), a fraction.")
    percentile: float | None = Field(description="Share of the sessions with a lower IV.")
    lowest: float
    highest: float
    sessions: int = Field(description="Sessions with a value; below 60 there is no rank.")
    span: int = Field(description="Sessions of the calendar from the first of them to the last.")
    first: date
    reason: str = Field(description="Why rank and percentile are null; empty when they are not.")


class VolatilityHistory(Schema):
    """IV history at one constant maturity, oldest session first."""

    symbol: str
    tenor_days: int
    realised_sessions: int
    sessions: list[VolatilitySession]
    rank: VolatilityRank | None = Field(description="Null where the last session has no value.")
    next_cursor: str | None = Field(description="Goes back as `cursor`; null at the end.")


class HistoryCoverage(Schema):
    """Which sessions of an underlying a dataset holds."""

    symbol: str
    dataset: DatasetName
    start: date
    end: date
    first: date | None = Field(description="First date with rows, whatever was asked.")
    last: date | None
    sessions: int = Field(description="Sessions from `start` to `end`.")
    present: int
    missing: list[date] = Field(description="Sessions without any row, one page of them.")
    thin: list[date] = Field(description="Sessions with less than half of the usual rows.")
    rows: int
    sources: list[str]
    next_cursor: str | None = Field(description="Goes back as `cursor` for more missing ones.")
