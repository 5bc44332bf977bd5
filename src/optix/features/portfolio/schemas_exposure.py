"""What the API says of exposure, scenarios and what comes up. Units as in `schemas`.

Gains of scenarios and extrinsic values are numbers: what a model says, not what belongs to anybody.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from optix.kernel.instrument import Right


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExposureSlice(_Answer):
    """Positions that share something. Null where a part is not known."""

    key: str = Field(description="Symbol, date, kind of asset, or id of an account.")
    gross: str | None = Field(description="Sum of absolute values.")
    net: str | None
    share: float | None = Field(description="Of the gross value of what has a mark.")
    dollar_delta: float | None = Field(description="Net, of those that have Greeks.")
    gross_delta: float | None = Field(description="Sum of absolute dollar deltas.")
    positions: int
    unvalued: int
    without_greeks: int


class Concentration(_Answer):
    """Of gross value by underlying."""

    largest: str | None
    largest_share: float | None
    hhi: float | None = Field(description="Herfindahl index: sum of squared shares, 1 for one.")
    effective: float | None = Field(description="As many equal holdings would be so concentrated.")
    reason: str


class Correlations(_Answer):
    """Of daily returns of the greatest holdings; rows and columns stand in `symbols`' order."""

    symbols: list[str]
    window: int = Field(description="Sessions looked at, at the most.")
    values: list[list[float | None]]
    days: list[list[int]] = Field(description="Common returns each one stands on.")
    reasons: list[list[str]] = Field(description="Why one is null; empty where it is not.")


class PortfolioExposure(_Answer):
    currency: str
    total: ExposureSlice
    underlyings: list[ExposureSlice] = Field(description="The greatest first, as all lists here.")
    expirations: list[ExposureSlice]
    kinds: list[ExposureSlice]
    accounts: list[ExposureSlice]
    sectors: list[ExposureSlice] | None
    sectors_reason: str
    concentration: Concentration
    correlations: Correlations
    foreign: int = Field(description="Positions in other currencies, which are in none of these.")
    as_of: datetime


class ScenarioLeg(_Answer):
    """How one share or contract was priced."""

    symbol: str
    underlying: str
    units: float = Field(description="Net, over all accounts, times multiplier.")
    model: Literal["shares", "european", "american", "none"]
    vol: float | None
    reason: str = Field(description="Why it is in no sum; empty where it is.")


class UnderlyingScenario(_Answer):
    underlying: str
    beta: float | None = Field(description="Null unless spot shifts are the benchmark's.")
    gains: list[list[list[float]]]


class Unpriced(_Answer):
    reason: str
    positions: int


class Scenarios(_Answer):
    """Gains against the model's own value now, `gains[day][vol][spot]`, in dollars."""

    spot: list[float] = Field(description="Shifts as fractions.")
    vol: list[float] = Field(description="Shifts of annual volatility as decimals.")
    days: list[float] = Field(description="Calendar days from now.")
    benchmark: str | None = Field(description="Whose shift `spot` is; null: of each underlying.")
    value: float | None = Field(description="What the models say that all legs are worth now.")
    gains: list[list[list[float]]] | None = Field(description="Null where no leg has a price.")
    underlyings: list[UnderlyingScenario] = Field(description="Empty unless they were asked for.")
    legs: list[ScenarioLeg]
    unpriced: list[Unpriced] = Field(description="Positions that are no leg.")
    as_of: datetime


class ExpiringPosition(_Answer):
    """One contract of one account that expires within the asked days."""

    account_id: UUID
    symbol: str
    underlying: str
    expiration: date
    settles_at: datetime | None
    days: int
    right: Right
    strike: float
    quantity: str | None
    underlying_price: float | None
    in_the_money: bool | None
    distance: float | None = Field(description="Strike over price less one.")
    pin_risk: bool | None = Field(
        description="So near the strike, so late, that it may end either way."
    )
    price: float | None
    extrinsic: float | None = Field(description="Price less what exercise pays, per share.")
    early_exercise: bool | None = Field(
        description="An American contract in the money with next to no time value left."
    )
    reason: str = Field(description="Why a field is null; empty where none is.")


class ExDividend(_Answer):
    """An ex-date of an underlying in which somebody here is short calls or long shares."""

    underlying: str
    ex_date: date
    amount: float | None
    estimated: bool
    source: str
    at_risk: list[AssignmentRisk]


class AssignmentRisk(_Answer):
    """A short call whose holder may exercise on the evening before the ex-date."""

    account_id: UUID
    symbol: str
    quantity: str
    extrinsic: float | None
    likely: bool | None = Field(description="In the money, with less time value than the dividend.")


class Report(_Answer):
    underlying: str
    session: date = Field(description="The first to trade on it.")


class UnknownEvents(_Answer):
    underlying: str
    dividends_reason: str
    earnings_reason: str


class Upcoming(_Answer):
    expirations: list[ExpiringPosition]
    dividends: list[ExDividend]
    earnings: list[Report]
    unknown: list[UnknownEvents] = Field(description="Underlyings whose events nobody tells.")
    until: date
    as_of: datetime


ExDividend.model_rebuild()
