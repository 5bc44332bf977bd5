"""What the API says of a portfolio. Money and quantities are decimal texts, Greeks are numbers.

Greeks of a position are of the whole position: per share times signed quantity times multiplier
(FORMULAS: theta per calendar day, vega per volatility point, rho per point of rate). `null` means
that a number does not exist; `reason` beside it says why.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from optix.kernel.activity import ActivityKind, ActivityStatus, PositionEffect
from optix.kernel.holding import AssetKind
from optix.kernel.instrument import Right
from optix.kernel.quote import Quality

MarkSource = Literal["mid", "model", "last", "broker", "par"]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HeldAsset(_Answer):
    kind: AssetKind
    symbol: str = Field(description="Canonical; for an option the OCC key of its contract.")
    name: str
    currency: str
    multiplier: int = Field(description="What turns a price per unit into money.")
    underlying: str | None = Field(description="Whose price moves it; its own symbol for a stock.")
    expiration: date | None
    right: Right | None
    strike: float | None
    adjusted: bool = Field(description="Delivers something else than 100 shares.")


class Mark(_Answer):
    """The price a position is valued at, and where it comes from."""

    price: float | None = Field(description="Per unit; null where nobody gives one.")
    source: MarkSource | None = Field(
        description=(
            "Middle of bid and ask; what the volatility of the strikes around it makes it worth; "
            "last trade; the broker's own mark; or par for cash."
        )
    )
    as_of: datetime | None
    quality: Quality | None
    reason: str = Field(description="Why there is none, or why it is not the middle.")


class Greeks(_Answer):
    delta: float = Field(description="In shares of the underlying.")
    dollar_delta: float = Field(description="Delta times the underlying's price.")
    gamma: float = Field(description="Delta, in shares, for each dollar.")
    gamma_percent: float = Field(description="Dollar delta for each 1 % of the price.")
    theta: float = Field(description="Dollars a calendar day.")
    vega: float = Field(description="Dollars a volatility point.")
    rho: float = Field(description="Dollars a point of rate.")
    beta_delta: float | None = Field(
        description="Shares of the benchmark that move as much; null without a beta."
    )


class Position(_Answer):
    account_id: UUID
    asset: HeldAsset
    quantity: str | None = Field(description="Negative is owed; null: the broker does not say.")
    size: str
    cost: str | None = Field(description="Paid to open it; negative was received.")
    cost_has_fees: bool | None
    mark: Mark
    value: str | None
    unrealised: str | None = Field(description="Value less cost.")
    day_change: str | None = Field(
        description="Since the previous close, with what was traded of it today."
    )
    day_change_source: Literal["market", "broker"] | None
    greeks: Greeks | None
    reason: str = Field(description="Why there are no Greeks; empty where there are.")


class PositionList(_Answer):
    positions: list[Position]
    as_of: datetime = Field(description="When they were valued.")
    accounts: list[PortfolioAccount]


class PortfolioAccount(_Answer):
    id: UUID
    connection_id: UUID | None
    provider: str
    brokerage: str
    number: str
    name: str
    kind: str
    simulated: bool
    currency: str
    as_of: datetime | None = Field(description="Of the snapshot; null before the first one.")
    stale: bool = Field(description="What its broker would say now may be something else.")
    problem: str | None = Field(description="Code of what is wrong.")
    cash: str | None
    net_liquidation: str | None = Field(description="As the broker states it.")
    buying_power: str | None
    positions: int
    positions_value: str | None = Field(description="In `currency`, at OPTIX's marks.")
    unrealised: str | None
    day_change: str | None = Field(description="Of its positions and income, in `currency`.")


class Missing(_Answer):
    reason: str
    positions: int


class TotalGreeks(Greeks):
    covered: int = Field(description="Positions that are in these sums.")
    total: int = Field(description="Positions that have or should have Greeks.")
    missing: list[Missing] = Field(description="Why the others are not.")
    beta_covered: int = Field(description="Positions that are in `beta_delta`.")
    beta_missing: list[Missing] = Field(description="Why others with Greeks are not.")


class Beta(_Answer):
    """How an asset moves with the benchmark: the slope of daily returns."""

    value: float | None
    r2: float | None = Field(description="Share of its variance that the benchmark explains.")
    days: int = Field(description="Returns it stands on.")
    window: int = Field(description="Sessions looked at, at the most.")
    reason: str = Field(description="Why there is none; empty where there is.")


class UnderlyingGreeks(TotalGreeks):
    underlying: str
    price: float | None
    beta: Beta


class AccountGreeks(TotalGreeks):
    account_id: UUID


class PortfolioGreeks(_Answer):
    total: TotalGreeks
    underlyings: list[UnderlyingGreeks]
    accounts: list[AccountGreeks]
    benchmark: str
    benchmark_price: float | None
    as_of: datetime


class CurrencyTotals(_Answer):
    """Sums of one currency. Each is null where a part of it is not known."""

    currency: str
    net_liquidation: str | None
    cash: str | None
    positions_value: str | None
    unrealised: str | None
    day_change: str | None
    unvalued: int = Field(description="Positions without a mark.")
    without_cost: int = Field(description="Positions whose cost no broker states.")
    without_change: int = Field(description="Positions whose change of the day is not known.")
    buying_power: str | None = Field(description="As brokers state it, added.")
    income: str = Field(
        description="Dividends, interest, fees and taxes of the day, in the change."
    )
    flows: str = Field(description="Cash from or to outside today, not in the change.")


class Portfolio(_Answer):
    totals: list[CurrencyTotals]
    greeks: TotalGreeks
    accounts: list[PortfolioAccount]
    positions: int
    simulated: bool = Field(description="An account of it is paper money.")
    day: date = Field(description="The session whose change is shown.")
    as_of: datetime


class Transaction(_Answer):
    id: UUID
    account_id: UUID
    kind: ActivityKind
    status: ActivityStatus
    day: date = Field(description="In the broker's calendar.")
    at: datetime | None
    settles: date | None
    asset: HeldAsset | None
    quantity: str | None = Field(description="Positive for what came in.")
    price: str | None
    cash: str = Field(description="With all fees; positive is received.")
    fees: str | None = Field(description="Part of `cash`, never positive.")
    currency: str
    effect: PositionEffect | None
    order_id: str
    group: str = Field(description="Lines of one event share it.")
    description: str
    source: str = Field(
        description="`broker`, `import` for a file, `order` for a fill not booked yet."
    )
    disputed: bool = Field(description="The broker no longer shows this line.")


class TransactionList(_Answer):
    transactions: list[Transaction]
    next: str | None


PositionList.model_rebuild()
