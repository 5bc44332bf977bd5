"""What carries a price to an expiration: rates and dividends of an underlying, with their sources.

Pure values. Who fetches them is `enrichment`; what is done with them is `pricing`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np

from optix.quant.arrays import BoolArray, FloatArray
from optix.quant.dividends import DividendSchedule
from optix.quant.rates import RateCurve, RateStatus

RATE_SETTING: Final = "OPTIX_RISK_FREE_RATE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """A curve of discount factors, and whose it is."""

    curve: RateCurve
    source: str  # "US Treasury par yields of 2026-11-17"


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryInputs:
    """What is known of one underlying beside its quotes.

    Units:   `rate_fallback` continuous and annual; dividends as `quant.dividends`.
    """

    rate_fallback: float
    rates: Rates | None = None
    schedule: DividendSchedule = field(default_factory=DividendSchedule)
    dividend_source: str = ""
    in_cash: bool = False  # whether the budget has room to price the schedule in cash
    earnings: tuple[date, ...] = ()
    earnings_reason: str = "No source of earnings dates is connected."

    def rate_at(self, years: FloatArray) -> FloatArray:
        """Return the continuous rate of each expiry: of the curve, beyond it its last point's."""
        if self.rates is None:
            return np.full(years.shape, self.rate_fallback)
        curve = self.rates.curve
        found = curve.at(np.clip(years, 0.0, curve.years[-1]))
        return np.where(found.status == RateStatus.OK, found.rate, self.rate_fallback)

    @property
    def rate_source(self) -> str:
        return RATE_SETTING if self.rates is None else self.rates.source

    def pays_before(self, years: FloatArray) -> BoolArray:
        """Say which expiries see an ex-date."""
        first = min((d.ex_years for d in self.schedule.dividends), default=np.inf)
        return np.asarray(years >= first)
