"""What the market data endpoints say. The app's types are generated from these models.

Fractions are fractions (0.421 is 42.1 %). Prices are per share in dollars. `null` means the number
does not exist, and a field beside it says why. Units of Greeks: FORMULAS conventions (delta per $1,
gamma per $1 per $1, theta per calendar day, vega per volatility point, rho per point of rate).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from optix.kernel.instrument import ExerciseStyle, Right, Settlement
from optix.kernel.quote import Quality, SecurityKind, TradingState
from optix.ports.market_data import BarInterval

FlagName = Literal[
    "crossed", "locked", "no_bid", "no_ask", "wide", "no_quote", "outlier", "indicative"
]
FeedState = Literal["connecting", "live", "stale", "down", "ended"]
SessionName = Literal["pre", "regular", "post", "closed"]
AnalyticsStatus = Literal[
    "ok",
    "no_quote",
    "no_bid",
    "no_ask",
    "crossed",
    "below_intrinsic",
    "above_maximum",
    "no_time_value",
    "expired",
    "no_forward",
    "not_converged",
    "adjusted",
]


class Schema(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")


class FeedStatus(Schema):
    """The market feed as a whole: what it is, whether it is alive."""

    source: str = Field(description="Provider name: cboe, replay, sim …")
    label: str = Field(description="Provider name for people.")
    state: FeedState
    quality: Quality
    delay_seconds: int
    notice: str = Field(description="A sentence every screen shows while it is not empty.")
    reason: str = Field(description="Why the state is not live; empty when it is.")
    since: datetime = Field(description="When this state began.")
    market_time: datetime = Field(description="The market clock: the recording's during a replay.")
    market_speed: float = Field(description="How fast the market clock runs; 1 is real time.")


class MarketSession(Schema):
    """Where the exchange day stands at the market clock."""

    session: SessionName
    trading_day: date = Field(description="The current or next session's date in exchange time.")
    opens_at: datetime = Field(description="Regular open of `trading_day`.")
    closes_at: datetime = Field(description="Regular close of `trading_day`.")
    early_close: bool


class CalendarDay(Schema):
    """One weekday of the exchange."""

    date: date
    open: bool = Field(description="False on a holiday.")
    opens_at: datetime | None = Field(description="Regular open; null on a holiday.")
    closes_at: datetime | None
    early_close: bool


class MarketCalendar(Schema):
    """Weekdays from `start` to `end`; weekends are never sessions and are left out."""

    exchange: str
    source: str
    start: date
    end: date
    covered_from: date = Field(description="The first day the calendar knows.")
    covered_to: date
    days: list[CalendarDay]


class MarketStatus(Schema):
    feed: FeedStatus
    market: MarketSession


class Quote(Schema):
    symbol: str
    name: str | None = None
    kind: SecurityKind
    bid: float | None
    ask: float | None
    bid_size: float | None = Field(description="Round lots at the best bid.")
    ask_size: float | None
    last: float | None
    open: float | None
    high: float | None
    low: float | None
    previous_close: float | None
    change: float | None = Field(description="Last minus previous close.")
    change_fraction: float | None = Field(description="Change over previous close.")
    volume: float | None
    flags: list[FlagName]
    source: str
    as_of: datetime = Field(description="When it was true at the venue.")
    received_at: datetime = Field(description="When OPTIX saw it.")
    quality: Quality
    delay_seconds: int
    trading_state: TradingState | None = Field(
        description="Whether it can be traded now, by its venue; null when no source says so."
    )
    trading_reason: str = Field(description="Why it cannot, in the venue's words; may be empty.")


class QuoteFailure(Schema):
    symbol: str
    code: str
    detail: str


class QuoteList(Schema):
    quotes: list[Quote]
    failures: list[QuoteFailure] = Field(description="Symbols that could not be served, with why.")


class ExpirationRoot(Schema):
    root: str
    style: ExerciseStyle
    settlement: Settlement
    settles_at: datetime = Field(description="The instant the settlement value is set.")
    contracts: int


class Expiration(Schema):
    date: date
    days: int = Field(description="Calendar days from the market's date.")
    cycle: Literal["weekly", "monthly", "quarterly", "leaps"]
    roots: list[ExpirationRoot]
    atm_iv: float | None = Field(description="At-the-money IV, null until this date was priced.")
    expected_move: float | None = Field(description="S·IV·√(days/365), one sigma, in dollars.")


class ExpirationList(Schema):
    underlying: str
    expirations: list[Expiration]
    source: str
    as_of: datetime


class VendorAnalytics(Schema):
    """The vendor's own numbers, untouched but for units. Never mixed with ours."""

    iv: float | None
    delta: float | None
    gamma: float | None
    theta: float | None
    vega: float | None
    rho: float | None
    price: float | None


class ChainContract(Schema):
    key: str = Field(description="OCC symbol without padding; unique.")
    root: str
    right: Right
    strike: float
    bid: float | None
    ask: float | None
    mid: float | None
    bid_size: float | None
    ask_size: float | None
    last: float | None
    previous_close: float | None
    volume: float | None
    open_interest: float | None
    iv: float | None = Field(description="OPTIX IV from the mid.")
    delta: float | None
    gamma: float | None
    theta: float | None
    vega: float | None
    rho: float | None
    status: AnalyticsStatus = Field(description="Why IV and Greeks are null; ok when they are not.")
    flags: list[FlagName]
    as_of: datetime
    vendor: VendorAnalytics | None


class SurfaceQuality(Schema):
    """How well the volatility surface stands on the quotes of one expiration."""

    error_points: float = Field(description="Root mean square error, in volatility points.")
    inside: float | None = Field(description="Share of quotes whose bid and ask hold the fit.")
    quotes: int = Field(description="Quotes it stands on.")
    arbitrage_free: bool = Field(description="No butterfly here, no crossing with a neighbour.")
    method: str = Field(description="How the slice was found.")
    as_of: datetime = Field(description="When its quotes were true.")


class ChainRoot(Schema):
    """What holds for all contracts of one root at this expiration."""

    root: str
    style: ExerciseStyle
    settlement: Settlement
    settles_at: datetime
    expiry_years: float = Field(description="Seconds to settlement / (365 · 86,400).")
    forward: float | None = Field(description="Implied by put-call parity.")
    rate: float | None = Field(description="Continuous rate of the discount factor.")
    rate_source: str = Field(description="Whose curve gave the rate where quotes do not tell it.")
    dividend_source: str | None = Field(
        description="Whose schedule was priced in cash; null: dividends are what forwards imply."
    )
    forward_method: str = Field(description="How the forward was found.")
    forward_pairs: int = Field(description="Put-call pairs the forward stands on.")
    atm_iv: float | None
    expected_move: float | None
    model: str = Field(description="The model behind IV and Greeks.")
    adjusted: bool = Field(description="A corporate action changed what is delivered: no IV.")
    surface: SurfaceQuality | None
    surface_reason: str = Field(description="Why there is no surface; empty when there is one.")
    atm_iv_ex_earnings: float | None = Field(
        description="At-the-money IV without the variance of the earnings days before expiry."
    )
    ex_earnings_reason: str = Field(description="Why that is null; empty when it is not.")


class RejectedContract(Schema):
    raw: str
    code: str
    reason: str


class Chain(Schema):
    underlying: str
    expiration: date
    days: int
    spot: Quote
    roots: list[ChainRoot]
    contracts: list[ChainContract]
    rejected: list[RejectedContract] = Field(description="Rows of the source not served, with why.")
    trading_state: TradingState | None = Field(
        description="Whether the underlying can be traded now; null when no source says so."
    )
    reason: str = Field(description="Why rows may be old; empty when nothing says so.")
    contracts_total: int = Field(description="Contracts of this expiration before filters.")
    sequence: int = Field(description="Rises with every change; also the ETag.")
    source: str
    as_of: datetime
    received_at: datetime
    quality: Quality
    delay_seconds: int


class ContractQuote(Schema):
    """One contract by itself."""

    underlying: str
    expiration: date
    contract: ChainContract
    root: ChainRoot | None
    source: str
    quality: Quality
    delay_seconds: int


class Bar(Schema):
    at: datetime = Field(description="Start of the bar.")
    open: float
    high: float
    low: float
    close: float
    volume: float | None = Field(description="Null where the source has none.")


class History(Schema):
    symbol: str
    interval: BarInterval
    adjusted: bool = Field(description="Adjusted for splits and dividends.")
    bars: list[Bar]
    source: str
    quality: Quality


class ComingDividend(Schema):
    """A dividend with an ex-date still to come."""

    ex_date: date
    amount: float | None = Field(description="Dollars a share.")
    estimated: bool = Field(description="Expected from the past, not announced.")
    source: str


class ComingEvents(Schema):
    """What is known to come of one underlying."""

    dividends: list[ComingDividend]
    dividends_reason: str = Field(description="Why none could be known; empty otherwise.")
    earnings: list[date] = Field(description="Sessions that are the first to trade on a report.")
    earnings_reason: str


class SymbolMatch(Schema):
    symbol: str
    name: str
    kind: SecurityKind
    exchange: str
    has_options: bool | None = Field(description="Null where the source does not know.")


class SymbolMatches(Schema):
    results: list[SymbolMatch]
    source: str = Field(description="Who knows these symbols.")
