"""Finite differences for options on a stock that drops by cash at its ex-dates.

One call prices options of one expiry. With z = (ln S − ln centre(t)) / (vol·√T), where the centre
moves with the drift and drops at ex-dates, and with values carried to expiry, the equation of every
option becomes u_t = ½·u_zz on t from 0 (expiry) to 1 (today). So all options share nodes, steps and
elimination factors, the `DividendPlan`; strikes and volatilities enter by the obstacle alone. The
NumPy code here is the reference of the compiled native/dividends.inl, and does its work where that
is missing.

The scheme:
- fourth order in z by the compact three-point formula, Crank–Nicolson in time;
- the start stands for time h²/3, where h is the distance of nodes: the payoff, evolved exactly
  where it is smooth, its kink averaged by the cubic B-spline of that variance;
- early exercise by Brennan and Schwartz: node 0 is the side where exercise pays, elimination runs
  towards it and substitution away from it, taking the larger of holding and exercising;
- an exercise boundary between two nodes makes the discrete value too low by source·d², where d is
  its distance from the nearer one; the mean of that, source·h²/12, is added to the obstacle;
- no control variate: on the golden points the European of the same grid is off by 7e-5 $ at most,
  so taking its error away moves the worst American from 2.7e-4 $ to 2.4e-4 $ for twice the work;
  what is left comes from the exercise boundary;
- at an ex-date values move by cubic interpolation, and the kink which the choice to exercise leaves
  is smoothed by a B-spline with its fourth-order correction.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optix.quant import kernels
from optix.quant.arrays import BoolArray, FloatArray

EVENTS_MAX = 64  # ex-dates before one expiry; `kDividendEventsMax` of the compiled code
WIDTH_MIN, WIDTH_MAX = 1e-9, 20.0  # of vol·√T: beyond it values leave the range of float64

_NEVER = 1e300
_TINY = 1e-300
_AT_EXERCISE = 1e-9  # in units of strike
_REACH = 5.0
_FIRST_POWER = 2.0  # steps crowd at expiry, where the boundary moves as √t
_NEXT_POWER = 1.25


class DividendPlan(NamedTuple):
    """What all options of one expiry share. Times run from expiry (0) to today (1)."""

    expiry: float  # years
    reach: float  # nodes span so many standard deviations on both sides
    start: float  # the time that the starting values stand for
    left: FloatArray  # time at each step's end
    own: FloatArray  # right side: own·u[j] + beside·(u[j−1] + u[j+1])
    beside: FloatArray
    gain: FloatArray  # (steps, nodes) elimination factors
    pull: FloatArray
    event: NDArray[np.int32]  # the event that follows a step, or −1
    event_left: FloatArray  # events from expiry backwards
    cash: FloatArray
    kept: FloatArray  # share of the spot that a proportional dividend leaves

    @property
    def nodes(self) -> int:
        """How many nodes the grid has."""
        return int(self.gain.shape[1])


class GridInputs(NamedTuple):
    """Contiguous columns, one entry per option."""

    spot: FloatArray
    strike: FloatArray
    vol: FloatArray
    rate: FloatArray
    borrow: FloatArray
    sign: FloatArray  # 1 for calls, −1 for puts
    american: FloatArray  # 1 where early exercise is allowed, else 0


class GridValues(NamedTuple):
    """What a grid tells about each option today."""

    price: FloatArray
    delta: FloatArray
    gamma: FloatArray
    exercised: FloatArray  # 1 where exercising now is best


def make_plan(
    *,
    expiry_years: float,
    ex_years: FloatArray,
    cash: FloatArray,
    proportion: FloatArray,
    nodes: int,
    steps: int,
) -> DividendPlan:
    """Return the grid of one expiry. Ex-dates ascend, lie after today and not after expiry."""
    h = 2.0 * _REACH / (nodes - 1)
    start = h * h / 3.0
    # An ex-date inside the smoothed start moves to its end: a day in two years.
    event_left = np.maximum(1.0 - ex_years[::-1] / expiry_years, 2.0 * start)
    edges = np.concatenate(([start], event_left, [1.0]))
    lengths = np.maximum(np.diff(edges), 0.0)
    share = np.sqrt(lengths) / np.sqrt(lengths).sum()
    left, event = [], []
    for number, (begin, length, part) in enumerate(zip(edges[:-1], lengths, share, strict=True)):
        count = max(2, round(steps * float(part)))
        power = _FIRST_POWER if number == 0 else _NEXT_POWER
        left.append(begin + length * (np.arange(1, count + 1) / count) ** power)
        last = number if number < event_left.size else -1
        event.append(np.append(np.full(count - 1, -1), last))
    ends = np.concatenate(left)
    ratio = np.diff(ends, prepend=start) / (2.0 * h * h)
    off, diagonal = 1.0 / 12.0 - ratio / 2.0, 5.0 / 6.0 + ratio
    gain = np.zeros((ends.size, nodes))
    pull = np.zeros((ends.size, nodes))
    pivot = diagonal
    for node in range(nodes - 2, 0, -1):
        gain[:, node] = 1.0 / pivot
        pull[:, node] = off / pivot
        pivot = diagonal - off * pull[:, node]
    return DividendPlan(
        expiry=expiry_years,
        reach=_REACH,
        start=start,
        left=ends,
        own=5.0 / 6.0 - ratio,
        beside=1.0 / 12.0 + ratio / 2.0,
        gain=gain,
        pull=pull,
        event=np.concatenate(event).astype(np.int32),
        event_left=event_left,
        cash=np.ascontiguousarray(cash[::-1]),
        kept=np.ascontiguousarray(1.0 - proportion[::-1]),
    )


def grid_values(plan: DividendPlan, inputs: GridInputs, *, threads: int = 1) -> GridValues:
    """Return price, delta and gamma of options of one expiry."""
    native = kernels.native()
    if native is not None:
        out = np.empty((len(GridValues._fields), inputs.spot.size))
        native.dividend_values(*plan, *inputs, out, threads)
        return GridValues(*out)
    with np.errstate(over="ignore", under="ignore"):
        grid = Grid(plan, inputs)
        for step, event in enumerate(plan.event):
            grid.step_back(step)
            if event >= 0:
                grid.cross_event(float(plan.left[step]), int(event))
        return grid.read_out()


def _spline_moments(t: FloatArray) -> FloatArray:
    """Return ∫(y − t)ⁿ/n! over the cubic B-spline above t, n = 1, 2, 3 on a new first axis."""
    moments = np.zeros((3, *t.shape))
    for k, binomial in enumerate((1.0, -4.0, 6.0, -4.0, 1.0)):
        v = np.maximum(2.0 - k - t, 0.0)
        fifth = binomial * v**5 / 120.0
        moments += np.stack((fifth, fifth * v / 6.0, fifth * v * v / 42.0))
    return moments


class Grid:
    """Values of all options at all nodes, (nodes, options), walking back from expiry.

    After a step `dead` is what exercise pays; after an event `place` is where it takes each node,
    and `pays` by how much exercise the evening before is better than holding.
    """

    def __init__(self, plan: DividendPlan, inputs: GridInputs) -> None:
        self.plan, self.given = plan, inputs
        self.h = 2.0 * plan.reach / (plan.nodes - 1)
        self.columns = np.arange(inputs.spot.size)
        self.width = inputs.vol * np.sqrt(plan.expiry)
        self.drift = (inputs.rate - inputs.borrow - 0.5 * inputs.vol**2) * plan.expiry
        self.later_cash = np.zeros(inputs.spot.shape)
        self.kept = np.ones(inputs.spot.shape)
        self.unsmoothed = np.zeros(inputs.spot.shape, dtype=np.bool_)
        self.dead = self.pays = self.place = np.empty((plan.nodes, inputs.spot.size))
        self.drop, self.centre = self._centre()
        z = plan.reach - self.h * np.arange(plan.nodes)
        self.shape = np.exp(inputs.sign * self.width * z[:, np.newaxis])
        self.value = self._start()

    def _centre(self) -> tuple[FloatArray, FloatArray]:
        """Return ln of the centre's drop at each event and of the centre at expiry, driftless."""
        plan, given = self.plan, self.given
        forward, centre, passed = given.spot.copy(), np.log(given.spot), 1.0
        drop = np.zeros((plan.cash.size, given.spot.size))
        for event in range(plan.cash.size - 1, -1, -1):
            elapsed = passed - plan.event_left[event]
            forward = forward * np.exp((given.rate - given.borrow) * plan.expiry * elapsed)
            left = plan.kept[event] - plan.cash[event] / forward
            drop[event] = np.log(left)
            forward = forward * left
            centre = centre + drop[event]
            passed = float(plan.event_left[event])
        return drop, centre

    def _start(self) -> FloatArray:
        plan, given = self.plan, self.given
        grown = self.centre + self.drift + 0.5 * self.width**2 * plan.start
        paid = given.sign * (np.exp(grown) * self.shape - given.strike)
        value: FloatArray = np.maximum(paid, 0.0)
        z = (np.log(given.strike) - self.centre - self.drift) / self.width
        position = (plan.reach - given.sign * z) / self.h
        near = np.flatnonzero((position > 3.0) & (position < plan.nodes - 5.0))
        width = self.width[near] * self.h
        bends = given.strike[near] * np.stack((width, width**2 * given.sign[near], width**3))
        for offset in range(-1, 3):
            node = position[near].astype(np.intp) + offset
            x = position[near] - node
            smooth = (
                bends[0] * x
                + bends[1] * (x * x + 1.0 / 3.0) / 2.0
                + bends[2] * (x * x * x + x) / 6.0
            )
            kinked = (bends * _spline_moments(-x)).sum(axis=0)
            value[node, near] = kinked + np.where(x > 0.0, paid[node, near] - smooth, 0.0)
        return value

    def _obstacle(self, left: float, *, raised: bool) -> tuple[FloatArray, FloatArray]:
        """Return slope and level: exercise pays slope·shape − level."""
        given = self.given
        lift = self.plan.expiry * self.h * self.h / 12.0 if raised else 0.0
        growth = np.exp(given.rate * self.plan.expiry * left)
        centre = np.exp(self.centre + self.drift * (1.0 - left))
        may = given.american > 0.0
        slope = given.sign * centre * growth * (1.0 + lift * given.borrow)
        level = given.sign * given.strike * growth * (1.0 + lift * given.rate)
        return np.where(may, slope, 0.0), np.where(may, level, _NEVER)

    def step_back(self, step: int) -> None:
        """Take one step of time towards today."""
        plan, given = self.plan, self.given
        left = float(plan.left[step])
        slope, level = self._obstacle(left, raised=True)
        now = np.exp(self.centre + self.drift * (1.0 - left)) * self.shape[0]
        carry = np.exp((given.rate - given.borrow) * plan.expiry * left) * self.kept
        held = given.sign * (now * carry - self.later_cash - given.strike)
        edge = np.maximum(np.maximum(held, slope * self.shape[0] - level), 0.0)
        slope = np.where(self.unsmoothed, 0.0, slope)
        level = np.where(self.unsmoothed, _NEVER, level)
        self.unsmoothed[:] = False

        right, pull = self.eliminated(self.value, step), plan.pull[step]
        self.dead = slope * self.shape - level
        self.value[0] = edge
        for node in range(1, plan.nodes - 1):
            held = right[node - 1] - pull[node] * self.value[node - 1]
            np.maximum(held, self.dead[node], out=self.value[node])

    def eliminated(self, field: FloatArray, step: int) -> FloatArray:
        """Return the right side of a step at the inner nodes, each freed of the node above."""
        plan = self.plan
        right: FloatArray = plan.own[step] * field[1:-1] + plan.beside[step] * (
            field[:-2] + field[2:]
        )
        pull = plan.pull[step]
        for node in range(plan.nodes - 3, 0, -1):
            right[node - 1] -= pull[node + 1] * right[node]
        right *= plan.gain[step][1:-1, np.newaxis]
        return right

    def _lower_exercised(self, left: float) -> None:
        """Put the true exercise value where the raised one won."""
        slope, level = self._obstacle(left, raised=True)
        level = level - np.where(self.given.american > 0, _AT_EXERCISE * self.given.strike, 0.0)
        exercised = self.value <= slope * self.shape - level
        slope, level = self._obstacle(left, raised=False)
        self.value = np.where(exercised, slope * self.shape - level, self.value)

    def cross_event(self, left: float, event: int) -> None:
        """Move over an ex-date: hold on to kept·S − cash, or exercise the evening before.

        A stock worth less than its dividend pays all it has and stays at zero (liquidator).
        """
        plan, given = self.plan, self.given
        self._lower_exercised(left)
        after = self.centre + self.drift * (1.0 - left)
        growth = np.exp((given.rate - given.borrow) * plan.expiry * left)
        self.later_cash = self.later_cash + plan.cash[event] * self.kept * growth
        self.kept = self.kept * plan.kept[event]
        self.centre = self.centre - self.drop[event]
        before = np.exp(self.centre + self.drift * (1.0 - left))
        spot = np.maximum(plan.kept[event] * before * self.shape - plan.cash[event], _TINY)
        z = (np.log(spot) - after) / self.width
        self.place = np.clip((plan.reach - given.sign * z) / self.h, 0.0, plan.nodes - 1.0)
        held = self.moved(self.value)
        slope, level = self._obstacle(left, raised=False)
        self.pays = slope * self.shape - level - held
        self.value = held + np.maximum(self.pays, 0.0)
        self._smooth_choice(self.pays)

    def moved(self, field: FloatArray) -> FloatArray:
        """Return the field at `place`, where the ex-date takes each node; cubic between nodes."""
        base = np.clip(self.place.astype(np.intp), 1, self.plan.nodes - 3)
        f = self.place - base
        u = [field[base + offset, self.columns] for offset in (-1, 0, 1, 2)]
        up, down, far = f + 1.0, f - 1.0, f - 2.0
        held: FloatArray = down * far * (up * u[1] / 2.0 - f * u[0] / 6.0)
        held += up * f * (down * u[3] / 6.0 - far * u[2] / 2.0)
        return held

    def _smooth_choice(self, pays: FloatArray) -> None:
        """Smooth the kink at the spot where exercise stops to pay."""
        count = np.logical_and.accumulate(pays > 0.0, axis=0).sum(axis=0)
        rows = np.flatnonzero((count >= 4) & (count <= self.plan.nodes - 6))
        last = count[rows] - 1  # the last node that exercises
        before, here, following, after = (pays[last + offset, rows] for offset in (-1, 0, 1, 2))
        third = (after - 3.0 * following + 3.0 * here - before) / 6.0
        second = (before - 2.0 * here + following) / 2.0
        first = (following - before) / 2.0 - third
        x = here / (here - following)
        with np.errstate(divide="ignore", invalid="ignore"):  # a flat choice has no crossing
            for _ in range(4):
                error = here + x * (first + x * (second + x * third))
                x = x - error / (first + x * (2.0 * second + 3.0 * x * third))
            found: BoolArray = (x >= 0.0) & (x <= 1.0)
        bends = np.stack(
            (
                -(first + x * (2.0 * second + 3.0 * x * third)),
                2.0 * second + 6.0 * third * x,
                -6.0 * third,
            )
        )[:, found]
        rows, position = rows[found], (last + x)[found]
        base = position.astype(np.intp)
        averaged = [
            (bends * _spline_moments(base + offset - position)).sum(axis=0)
            for offset in range(-3, 5)
        ]
        for index in range(1, 7):
            node = base - 3 + index
            x = np.maximum(position - node, 0.0)
            sharp = x * (bends[0] + x * (bends[1] / 2.0 + x * bends[2] / 6.0))
            bend = averaged[index + 1] - 2.0 * averaged[index] + averaged[index - 1]
            self.value[node, rows] += averaged[index] - bend / 6.0 - sharp
        self.unsmoothed[rows] = True

    def read_out(self) -> GridValues:
        """Return today's values at the spots."""
        given = self.given
        self._lower_exercised(1.0)
        middle = (self.plan.nodes - 1) // 2
        far_low, low, at, high, far_high = self.value[middle - 2 : middle + 3]
        h = self.h * self.width
        discount = np.exp(-given.rate * self.plan.expiry)
        slope = -given.sign * (far_low - 8.0 * low + 8.0 * high - far_high) / (12.0 * h)
        bend = (16.0 * (low + high) - far_low - far_high - 30.0 * at) / (12.0 * h * h)
        dead = given.sign * (given.spot - given.strike)
        exercised = (given.american > 0) & (dead > 0)
        exercised &= at * discount <= dead + _AT_EXERCISE * given.strike
        return GridValues(
            price=np.where(exercised, dead, np.maximum(at * discount, 0.0)),
            delta=np.where(exercised, given.sign, slope * discount / given.spot),
            gamma=np.where(exercised, 0.0, (bend - slope) * discount / given.spot**2),
            exercised=exercised.astype(np.float64),
        )
