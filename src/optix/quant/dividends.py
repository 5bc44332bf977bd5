"""Dividends still to come: announced, forecast, and proportional ones far out; forwards with them.

A cash dividend takes its amount off the share price at the ex-date, a proportional one its share
of the price. The near years are known in cash. Far out nobody knows the amount, and a fixed one
would be a fixed debt of a stock that may fall: there `DividendSchedule.proportional_after` turns
cash into the share of the forward it is, which leaves every forward as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from math import exp, isfinite

import numpy as np
from numpy.typing import ArrayLike

from optix.quant.arrays import FloatArray, broadcast_floats


class DividendKind(StrEnum):
    """How much is known about a dividend."""

    ANNOUNCED = "announced"  # cash, declared by the company
    FORECAST = "forecast"  # cash, expected by the named source
    PROPORTIONAL = "proportional"  # a share of the price


@dataclass(frozen=True, slots=True)
class Dividend:
    """One dividend.

    Units:   ex_years from today to the open of the ex-date, ACT/365, above 0; amount in quote
             currency per share, for a proportional one the fraction of the price, below 1.
    Errors:  ValueError if it lies before today, is negative or not finite, if a proportional one
             takes all, or if a forecast does not say whose it is.
    """

    ex_years: float
    amount: float
    kind: DividendKind = DividendKind.ANNOUNCED
    source: str = ""

    def __post_init__(self) -> None:
        if not (isfinite(self.ex_years) and self.ex_years > 0):
            raise ValueError(f"A dividend lies after today, not at {self.ex_years} years.")
        if not (isfinite(self.amount) and self.amount >= 0):
            raise ValueError(f"A dividend is not negative: {self.amount}.")
        if self.kind is DividendKind.PROPORTIONAL and self.amount >= 1:
            raise ValueError(f"A proportional dividend is below the whole price: {self.amount}.")
        if self.kind is DividendKind.FORECAST and not self.source:
            raise ValueError("A forecast dividend says whose forecast it is.")

    @property
    def cash(self) -> float:
        """The amount if it is cash, else 0."""
        return 0.0 if self.kind is DividendKind.PROPORTIONAL else self.amount

    @property
    def proportion(self) -> float:
        """The fraction of the price if it is one, else 0."""
        return self.amount if self.kind is DividendKind.PROPORTIONAL else 0.0


@dataclass(frozen=True, slots=True)
class DividendSchedule:
    """All dividends still to come, by ex-date.

    Those after an option's expiry do not touch it; one at the very instant of expiry does. A cash
    amount can exceed a share price that has fallen: then the holder gets what is left and the stock
    stays at zero, the "liquidator" rule of Haug, Haug and Lewis.
    """

    dividends: tuple[Dividend, ...] = ()

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.dividends, key=lambda dividend: dividend.ex_years))
        object.__setattr__(self, "dividends", ordered)

    def until(self, expiry_years: float) -> DividendSchedule:
        """Return the dividends that touch an option of this expiry."""
        return DividendSchedule(tuple(d for d in self.dividends if d.ex_years <= expiry_years))

    def columns(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return ex_years, cash and proportions as arrays, by ex-date."""
        rows = [(d.ex_years, d.cash, d.proportion) for d in self.dividends]
        ex_years, cash, proportion = np.array(rows, dtype=np.float64).reshape(-1, 3).T.copy()
        return ex_years, cash, proportion

    def forward(
        self, *, spot: ArrayLike, expiry_years: ArrayLike, rate: ArrayLike, borrow: ArrayLike = 0.0
    ) -> FloatArray:
        """Return what the share is sold for today, to be delivered and paid at expiry.

        Shapes:  all arguments broadcast to one shape; the result has it.
        Units:   quote currency; years (ACT/365); continuous annual rates. The share earns
                 rate − borrow between ex-dates.
        Errors:  NaN where a cash dividend takes the whole forward of its day, an input is NaN, or
                 the result leaves float64.
        """
        S, T, r, b = broadcast_floats(spot, expiry_years, rate, borrow)
        value, passed = S.copy(), np.zeros(S.shape)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            for dividend in self.dividends:
                reached = dividend.ex_years <= T
                grown = value * np.exp((r - b) * (dividend.ex_years - passed))
                left = grown * (1.0 - dividend.proportion) - dividend.cash
                value = np.where(reached, np.where(left > 0, left, np.nan), value)
                passed = np.where(reached, dividend.ex_years, passed)
            result = value * np.exp((r - b) * (T - passed))
        return np.where(np.isfinite(result), result, np.nan)

    def present_value(
        self, *, spot: ArrayLike, expiry_years: ArrayLike, rate: ArrayLike, borrow: ArrayLike = 0.0
    ) -> FloatArray:
        """Return what the dividends until expiry are worth today: spot − forward·e^(−(r−b)·T).

        Shapes, units and errors as `forward`. Proportional dividends count at the forward.
        """
        S, T, r, b = broadcast_floats(spot, expiry_years, rate, borrow)
        forward = self.forward(spot=S, expiry_years=T, rate=r, borrow=b)
        result: FloatArray = S - forward * np.exp(-(r - b) * T)
        return result

    def proportional_after(
        self, years: float, *, spot: float, rate: float, borrow: float = 0.0
    ) -> DividendSchedule:
        """Return the schedule whose cash beyond `years` is the same share of that day's forward.

        Units:   years (ACT/365); quote currency; continuous annual rates.
        Errors:  ValueError if the dividends take more than the whole forward of their day.
        """
        changed, value, passed = [], spot, 0.0
        for dividend in self.dividends:
            value *= exp((rate - borrow) * (dividend.ex_years - passed))
            passed = dividend.ex_years
            share = dividend.proportion + dividend.cash / value
            if share >= 1:
                raise ValueError("The dividends are worth more than the share.")
            late = dividend.ex_years > years and dividend.cash > 0
            changed.append(
                replace(dividend, amount=share, kind=DividendKind.PROPORTIONAL)
                if late
                else dividend
            )
            value *= 1.0 - share
        return DividendSchedule(tuple(changed))
