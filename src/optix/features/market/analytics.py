"""What goes into the pricing of a chain, and what comes out: columns, statuses, facts of its roots.

Values only. How they are found is in `pricing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from optix.features.market.carry import CarryInputs
from optix.features.market.listing import Listing, RootKey
from optix.features.market.normalise import Past
from optix.features.market.schemas import AnalyticsStatus
from optix.kernel.instrument import ExerciseStyle, Settlement
from optix.quant.arrays import FloatArray

STATUS_WORDS: tuple[AnalyticsStatus, ...] = get_args(AnalyticsStatus)
STATUS_CODE: dict[AnalyticsStatus, int] = {word: code for code, word in enumerate(STATUS_WORDS)}
ANALYTICS: Final = ("iv", "delta", "gamma", "theta", "vega", "rho")


@dataclass(frozen=True, slots=True, kw_only=True)
class RootTerms:
    """What the contracts of one root at one expiration have in common."""

    root: str
    expiration: date
    style: ExerciseStyle
    settlement: Settlement
    settles_at_ns: int  # the instant the settlement value is set; AM and PM differ only here


class Basis(NamedTuple):
    """What the numbers of a root's rows were solved with, at the earliest."""

    forward: float
    years: float
    rate: float
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RootAnalytics:
    """What was found for one root at one expiration. `None`: it does not exist."""

    expiry_years: float
    forward: float | None
    rate: float | None  # continuous rate of the discount factor
    forward_method: str  # a sentence for people
    forward_pairs: int
    atm_iv: float | None
    expected_move: float | None  # one sigma, in dollars
    model: str
    rate_source: str
    dividend_source: str | None  # None: dividends are what the forward implies
    adjusted: bool  # a corporate action changed what is delivered
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedChain:
    """Analytics columns aligned with the contracts; NaN where `status` is not ok."""

    mid: FloatArray  # half the ask where the bid is zero; NaN without an ask
    iv: FloatArray
    delta: FloatArray
    gamma: FloatArray
    theta: FloatArray  # per calendar day
    vega: FloatArray  # per volatility point
    rho: FloatArray  # per point of rate
    status: NDArray[np.uint8]  # index into STATUS_WORDS
    flags: NDArray[np.uint8]  # QuoteFlag bits
    bid: FloatArray  # what was priced
    ask: FloatArray
    past: Past
    roots: dict[RootKey, RootAnalytics]


class ChainQuotes(NamedTuple):
    """One chain as pricing takes it."""

    listing: Listing
    bid: FloatArray
    ask: FloatArray
    bid_size: FloatArray
    ask_size: FloatArray
    ts_event: NDArray[np.int64]  # per row
    spot: float  # NaN: not known
    now_ns: int  # when the quotes were true, not when they arrived
    carry: CarryInputs
    before: PricedChain | None = None  # of the same listing
