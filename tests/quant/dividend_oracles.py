"""Two slow ways to price options with cash dividends, sharing nothing with the product's grid.

`integral_price`: the integral of Haug, Haug and Lewis, one dividend after the other, for Europeans
and for American calls (which are exercised at ex-dates only, if borrowing the stock costs nothing).
`lattice_price`: a binomial lattice that interpolates across ex-dates (Vellekoop and Nieuwenhuis).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq
from scipy.special import ndtr

from optix.quant.arrays import FloatArray

Dividends = Sequence[tuple[float, float]]  # (ex_years, cash)
Curve = Callable[[FloatArray], FloatArray]


class Case(NamedTuple):
    spot: float
    strike: float
    years: float
    vol: float
    rate: float
    is_call: bool
    is_american: bool
    dividends: Dividends


def splined(curve: Curve, spot: float) -> Curve:
    grid = np.linspace(np.log(spot) - 6, np.log(spot) + 4, 1200)
    spline = CubicSpline(grid, curve(np.exp(grid)))

    def evaluate(value: FloatArray) -> FloatArray:
        return np.asarray(spline(np.log(np.maximum(value, 1e-2))), dtype=np.float64)

    return evaluate


def integral_price(case: Case) -> float:
    def payoff(spot: FloatArray) -> FloatArray:
        return np.maximum(spot - case.strike if case.is_call else case.strike - spot, 0.0)

    def held_from(start: float, curve: Curve, kinks: list[float], end: float) -> Curve:
        """Return the value at `start` of what `curve` gives at `end`, as a function of spot."""
        years = end - start
        drift, width = (case.rate - case.vol**2 / 2) * years, case.vol * np.sqrt(years)
        nodes, weights = np.polynomial.legendre.leggauss(120)

        def value(spot: FloatArray) -> FloatArray:
            result = np.empty(spot.shape)
            for index, s in np.ndenumerate(spot):
                cuts = [(np.log(kink / s) - drift) / width for kink in kinks]
                edges = np.unique(np.clip([-9.0, -3.0, 0.0, 3.0, 9.0, *cuts], -9.0, 9.0))
                total = 0.0
                for low, high in pairwise(edges.tolist()):
                    y = (low + high) / 2 + nodes * (high - low) / 2
                    bell = np.exp(-y * y / 2) / np.sqrt(2 * np.pi)
                    total += (
                        (high - low)
                        / 2
                        * (weights * bell * curve(s * np.exp(drift + width * y))).sum()
                    )
                result[index] = np.exp(-case.rate * years) * total
            return result

        return value

    def black_scholes(start: float) -> Curve:
        years = case.years - start
        width = case.vol * np.sqrt(years)

        def value(spot: FloatArray) -> FloatArray:
            spot = np.maximum(spot, 1e-12)
            d1 = (np.log(spot / case.strike) + case.rate * years) / width + width / 2
            sign = 1.0 if case.is_call else -1.0
            cash = case.strike * np.exp(-case.rate * years)
            stock, bond = np.asarray(ndtr(sign * d1)), np.asarray(ndtr(sign * (d1 - width)))
            result: FloatArray = sign * (spot * stock - cash * bond)
            return result

        return value

    curve = black_scholes(case.dividends[-1][0] if case.dividends else 0.0)
    dates = [0.0, *(ex for ex, _ in case.dividends)]
    for number in range(len(case.dividends) - 1, -1, -1):
        ex_years, cash = case.dividends[number]
        after, kinks = curve, [cash]

        def choice(spot: FloatArray, after: Curve = after, cash: float = cash) -> FloatArray:
            held = after(np.maximum(spot - cash, 0.0))
            return np.maximum(held, payoff(spot)) if case.is_american else held

        def gap(spot: float, after: Curve = after, cash: float = cash) -> float:
            held = after(np.array([max(spot - cash, 0.0)]))
            return float(payoff(np.array([spot]))[0] - held[0])

        if case.is_american and gap(50 * case.strike) > 0:
            kinks.append(brentq(gap, case.strike, 50 * case.strike))
        curve = held_from(dates[number], choice, kinks, ex_years)
        if number:
            curve = splined(curve, case.spot)
    return float(curve(np.array([case.spot]))[0])


def lattice_price(case: Case, steps: int) -> float:
    step_years = case.years / steps
    up = np.exp(case.vol * np.sqrt(step_years))
    chance = (np.exp(case.rate * step_years) - 1 / up) / (up - 1 / up)
    discount = np.exp(-case.rate * step_years)
    sign = 1.0 if case.is_call else -1.0
    spots = case.spot * up ** np.arange(-steps, steps + 1, 2.0)
    value = np.maximum(sign * (spots - case.strike), 0.0)
    # An ex-date lies inside a step; its dividend is paid at the step's beginning, grown back to it.
    paid = {int(ex / step_years): (ex, cash) for ex, cash in case.dividends}
    for step in range(steps - 1, -1, -1):
        spots = case.spot * up ** np.arange(-step, step + 1, 2.0)
        value = discount * (chance * value[1:] + (1 - chance) * value[:-1])
        dead = sign * (spots - case.strike)
        if case.is_american:
            value = np.maximum(value, dead)
        if step in paid and step >= 4:
            ex, cash = paid[step]
            worth = cash * np.exp(-case.rate * (ex - step * step_years))
            value = CubicSpline(spots, value)(np.maximum(spots - worth, spots[0]))
            if case.is_american:
                value = np.maximum(value, dead)
    return float(value[0])


def lattice_limit(case: Case, steps: int) -> float:
    """Return the lattice's price, odd and even steps averaged, less the first error."""
    coarse = (lattice_price(case, steps) + lattice_price(case, steps + 1)) / 2
    fine = (lattice_price(case, 2 * steps) + lattice_price(case, 2 * steps + 1)) / 2
    return 2 * fine - coarse
