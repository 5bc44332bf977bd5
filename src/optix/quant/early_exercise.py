"""Early exercise: how likely it is, and whether the holder of a call exercises before an ex-date.

Who is short a call is assigned the evening before the ex-date if the holder does better with the
share and its dividend. The rule of thumb compares what is left of time value with the dividend; the
model compares exercise with the call on the share that has dropped.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optix.quant.arrays import BoolArray, FloatArray, all_positive, broadcast_floats
from optix.quant.dividend_grid import DividendPlan, Grid, GridInputs
from optix.quant.dividend_options import dividend_price
from optix.quant.dividend_rows import YEARS_MIN, option_rows, plans_of, usable_rows
from optix.quant.dividends import Dividend, DividendSchedule

_HALVINGS = 40
_NODES, _STEPS = 101, 60  # of the grid for probabilities
_SPOT_LEFT_MIN = 1e-9  # a dividend above the price leaves this share of it
_CRITICAL_REACH = 8.0  # a critical spot is sought up to so many strikes


class ExDateDecision(NamedTuple):
    """What the holder of a call does on the evening before the ex-date; aligned arrays."""

    extrinsic: FloatArray  # price − (spot − strike), NaN without a price
    gain: FloatArray  # per share, of exercising over holding by the model; may be negative
    critical_spot: FloatArray  # from here on the model exercises; NaN where no spot makes it
    by_rule: BoolArray  # in the money and extrinsic below the dividend
    by_put: BoolArray  # in the money and the put of the strike cheaper than the dividend
    by_model: BoolArray  # gain above 0


def ex_date_decision(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    expiry_years: ArrayLike,
    vol: ArrayLike,
    rate: ArrayLike,
    schedule: DividendSchedule,
    call_price: ArrayLike = np.nan,
    put_price: ArrayLike = np.nan,
    borrow: ArrayLike = 0.0,
) -> ExDateDecision:
    """Return whether American calls are exercised before the first ex-date of the schedule.

    Meant for the evening before: spot and prices are the last with the dividend. By the model the
    holder of an in-the-money call exercises if spot − strike exceeds the call's value at the open,
    on spot − dividend.

    Shapes:  all arguments but schedule broadcast to one shape; every result has it.
    Units:   quote currency; years (ACT/365); continuous annual decimals.
    Errors:  ValueError if the schedule is empty. NaN and false where an input is NaN or the call
             expires before the ex-date; without a price the rule that needs it is false.
    Source:  FORMULAS notes of the project, "Exercise/assignment"; Roll 1977.
    """
    if not schedule.dividends:
        raise ValueError("There is no ex-date: the schedule is empty.")
    S, K, T, v, r, b, call, put = broadcast_floats(
        spot, strike, expiry_years, vol, rate, borrow, call_price, put_price
    )
    ex_years = schedule.dividends[0].ex_years
    today, later = _split(schedule, ex_years)
    usable = all_positive(S, K, v) & (ex_years <= T)

    def dropped(before: FloatArray) -> FloatArray:
        for dividend in today:
            before = before * (1.0 - dividend.proportion) - dividend.cash
        return before

    def held(before: FloatArray) -> FloatArray:
        return dividend_price(
            spot=np.maximum(dropped(before), _SPOT_LEFT_MIN * before),
            strike=K,
            expiry_years=np.where(usable, np.maximum(T - ex_years, 0.0), np.nan),
            vol=v,
            rate=r,
            borrow=b,
            is_call=True,
            schedule=later,
        )

    # Below the strike nobody exercises; the gain over holding rises with the spot from there on.
    low, high = K.copy(), _CRITICAL_REACH * K
    reached = high - K - held(high) > 0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        above = middle - K - held(middle) > 0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    payoff = S - K
    gain = np.where(usable, payoff - held(S), np.nan)
    paid = S - dropped(S)
    inside = usable & (payoff > 0)
    extrinsic = call - payoff
    return ExDateDecision(
        extrinsic=extrinsic,
        gain=gain,
        critical_spot=np.where(usable & reached, high, np.nan),
        by_rule=inside & (extrinsic < paid),
        by_put=inside & (put < paid),
        by_model=inside & (gain > 0),
    )


def early_exercise_probability(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    expiry_years: ArrayLike,
    vol: ArrayLike,
    rate: ArrayLike,
    is_call: ArrayLike,
    schedule: DividendSchedule,
    borrow: ArrayLike = 0.0,
    within_years: float = np.inf,
) -> FloatArray:
    """Return the risk-neutral probability that the best exercise of American options comes early.

    `within_years` counts only exercise up to then, say up to the evening before the next ex-date.
    A put that ends in the money has crossed its boundary in the last moments, so without dividends
    the whole probability is above that of ending there; `within_years` leaves such moments out.
    Calculated by NumPy, a tenth of a second for each expiry: for positions, not for chains.

    Shapes:  all arguments but schedule and within_years broadcast to one shape; the result has it.
    Units:   quote currency; years (ACT/365); continuous annual decimals; probability as fraction.
    Errors:  NaN as in `dividend_greeks`, and at expiry_years ≤ 0. Calls are good to about
             0.003, puts to 0.006.
    """
    shape, rows = option_rows(
        spot=spot,
        strike=strike,
        years=expiry_years,
        rate=rate,
        borrow=borrow,
        is_call=is_call,
        is_american=True,
        other=vol,
    )
    result = np.full(rows.spot.shape, np.nan)
    live = usable_rows(rows) & (rows.years > YEARS_MIN)
    for group, plan in plans_of(rows, live, schedule, _NODES, _STEPS):
        part = rows.of(group)
        with np.errstate(over="ignore", under="ignore"):
            grid = _ChanceGrid(plan, part.inputs(part.vols()), within_years)
            for step, event in enumerate(plan.event):
                grid.step_back(step)
                if event >= 0:
                    grid.cross_event(float(plan.left[step]), int(event))
        result[group] = grid.today()
    return result.reshape(shape)


def _split(
    schedule: DividendSchedule, ex_years: float
) -> tuple[tuple[Dividend, ...], DividendSchedule]:
    """Return the dividends of the first ex-date, and the schedule as it is at that day's open."""
    today = tuple(d for d in schedule.dividends if d.ex_years == ex_years)
    later = schedule.dividends[len(today) :]
    return today, DividendSchedule(tuple(replace(d, ex_years=d.ex_years - ex_years) for d in later))


class _ChanceGrid(Grid):
    """Carries beside each value the chance that the option will be exercised early."""

    def __init__(self, plan: DividendPlan, inputs: GridInputs, within_years: float) -> None:
        super().__init__(plan, inputs)
        self.left_min = 1.0 - within_years / plan.expiry  # earlier exercise is later than `within`
        self.chance = self._at_expiry() if self.left_min <= 0 else np.zeros(self.value.shape)

    def _at_expiry(self) -> FloatArray:
        """Return 1 where the boundary's limit at expiry makes exercise certain before it.

        The boundary of puts ends at min(1, rate/borrow) strikes, that of calls at max of the two:
        who ends beyond it has crossed it. Without a rate, or borrow costs, there is none.
        """
        given = self.given
        cost = np.where(given.sign > 0, given.borrow, given.rate)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(given.borrow > 0, given.rate / given.borrow, 1.0)
            ratio = np.where(given.sign > 0, np.maximum(ratio, 1.0), np.minimum(ratio, 1.0))
            z = (np.log(ratio * given.strike) - self.centre - self.drift) / self.width
        place = (self.plan.reach - given.sign * z) / self.h
        share = np.clip(0.5 + place - np.arange(self.plan.nodes)[:, np.newaxis], 0.0, 1.0)
        return np.where((cost > 0) & np.isfinite(place), share, 0.0)

    def step_back(self, step: int) -> None:
        super().step_back(step)
        plan = self.plan
        counted = float(plan.left[step] >= self.left_min)
        exercised: NDArray[np.bool_] = self.value <= self.dead
        right, pull = self.eliminated(self.chance, step), plan.pull[step]
        self.chance[0] = np.where(exercised[0], counted, self.chance[0])
        for node in range(1, plan.nodes - 1):
            held = np.clip(right[node - 1] - pull[node] * self.chance[node - 1], 0.0, 1.0)
            self.chance[node] = np.where(exercised[node], counted, held)

    def cross_event(self, left: float, event: int) -> None:
        super().cross_event(left, event)
        counted = float(left >= self.left_min - 1e-12)
        # The share of each node's cell that exercises: a jump at nodes would cost half a cell.
        pace = np.maximum(0.5 * (self.pays[:-2] - self.pays[2:]), 1e-300)
        share = (self.pays > 0).astype(np.float64)
        share[1:-1] = np.clip(0.5 + self.pays[1:-1] / pace, 0.0, 1.0)
        held = np.clip(self.moved(self.chance), 0.0, 1.0)
        self.chance = share * counted + (1.0 - share) * held

    def today(self) -> FloatArray:
        """Return the chances at the spots."""
        exercised = self.read_out().exercised > 0
        middle: FloatArray = self.chance[(self.plan.nodes - 1) // 2]
        return np.where(exercised, 1.0, middle)
