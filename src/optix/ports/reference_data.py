"""Reference data that is no market data: what money costs, and when companies report.

Values are those of the kernel's kind: dates, numbers and a source; what is made of them (a curve, a
volatility without its earnings) is the matter of who asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class ParYields:
    """Par yields of one day, ascending in time.

    Units:   tenors in years; bond-equivalent yields as annual decimals (0.043), as published.
    """

    day: date
    years: tuple[float, ...]
    par_yields: tuple[float, ...]
    source: str  # for people: "US Treasury"


@dataclass(frozen=True, slots=True, kw_only=True)
class EarningsDate:
    """The day whose session is the first to trade on a report."""

    symbol: str
    session: date
    confirmed: bool  # by the company; else somebody's estimate
    source: str


class RateCurveSource(Protocol):
    """Somebody who publishes yields."""

    async def fetch_par_yields(self) -> ParYields:
        """Return the latest yields. Raises ProviderUnavailable."""


@runtime_checkable
class EarningsSource(Protocol):
    """Somebody who knows when companies report."""

    async def fetch_earnings(self, symbol: str) -> Sequence[EarningsDate]:
        """Return the dates still to come, ascending; empty where none are known.

        Raises UnknownSymbol or ProviderUnavailable.
        """
