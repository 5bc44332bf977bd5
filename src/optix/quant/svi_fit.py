"""Fitting raw SVI slices to quotes, all expiries at once, and keeping them free of arbitrage.

First every slice alone: a linear fit of level and wings at a few places of the vertex, then
Levenberg–Marquardt on all five parameters. A faint pull towards the eSSVI surface stands for what
quotes do not say: wings without quotes, slices with three of them. Slices that then allow
arbitrage are fitted again with g ≥ 0 and their neighbours' variance as soft bounds. What is left
after that is moved, no further than needed, towards a slice that is known to be allowed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from optix.quant import arbitrage, svi
from optix.quant.arrays import BoolArray, FloatArray
from optix.quant.least_squares import Rows, pooled, solve_batch
from optix.quant.slice_quotes import SliceQuotes

_START_PLACES = (-1.0, -0.35, 0.0, 0.35, 1.0)  # of the vertex, in standard deviations
_START_WIDTHS = (0.15, 0.5, 1.5)
_START_QUOTES_MAX = 32
_COLUMNS_MAX = 64
_OUTLIER = 3.0  # half spreads beyond which a quote counts linearly, not squared
_PULL_PLACES = (-6.0, -4.0, -2.5, -1.2, 0.0, 1.2, 2.5, 4.0, 6.0)
_PULL_SHARE = 0.05  # of vol: one standard deviation of the pull towards the guard
_PULL_INSIDE = 0.1  # what is left of it where there are quotes
_PULL_QUOTES_MIN = 8
_WING_MAX = 1.98
_WING_GROWTH = 5e-4
_WING_MIN_SHARE = 2e-3  # in standard deviations
_WIDTH_SHARES = (0.02, 6.0)
_VARIANCE_MIN_SHARE = 0.02  # of the variance at the money
_G_MARGIN = 2e-3
_CALENDAR_MARGIN = 2e-4  # of variance
_PENALTIES = (5.0, 50.0)
_PENALTIES_LAST = (500.0, 20_000.0)
_PENALTY_POINTS = 31
_PENALTY_STEPS = 5
_FAR = 3.0  # standard deviations beyond which quotes count less and less
_MIXES = np.linspace(0.0, 1.0, 17)
_LOOK = np.sinh(np.linspace(-9.0, 9.0, 61))


class SviFit(NamedTuple):
    """One row per expiry."""

    slices: FloatArray  # (expiries, 5), free of arbitrage together
    moved: BoolArray  # quotes allowed arbitrage: fitted or moved under constraints
    fallen_back: bool  # the whole surface is the guard


def fit_svi(quotes: SliceQuotes, guard: FloatArray, start: FloatArray | None = None) -> SviFit:
    """Return one SVI slice for each expiry, without butterflies and without crossings.

    Shapes:  quotes of n expiries; guard (n, 5) a surface free of arbitrage; start (n, 5) slices
             known to be near, as those of a moment ago.
    Errors:  none raised; where no slice near the quotes is allowed, the guard is the answer.
    Source:  parameters Gatheral 2004; linear start after Zeliade 2009; bounds: `arbitrage`.
    """
    problem = _Problem(quotes.thinned(_COLUMNS_MAX), guard)
    slices = problem.solve(problem.best_start(start), steps_max=14)
    problem.trim(slices)
    slices = problem.solve(slices, steps_max=14)
    moved = _offenders(slices)
    if moved.any():
        problem.pool_wings(slices)
        slices = problem.solve(slices, steps_max=14)
    for penalty in _PENALTIES:
        bad = _offenders(slices)
        if not bad.any():
            break
        moved |= bad
        for parity in (0, 1):
            rows = np.flatnonzero(bad & (np.arange(len(bad)) % 2 == parity))
            if rows.size:
                slices[rows] = problem.constrained(slices, rows, penalty)
    return _repaired(problem, slices, moved)


def _offenders(slices: FloatArray) -> BoolArray:
    """Say which slices have a part in an arbitrage."""
    bad = arbitrage.butterfly_minimum(slices) < 0
    crossed = arbitrage.calendar_minimum(slices[:-1], slices[1:]) < 0
    bad[1:] |= crossed
    bad[:-1] |= crossed
    return bad


class _Problem:
    """Quotes with the pull of the guard, scaled, and the box of each slice."""

    def __init__(self, quotes: SliceQuotes, guard: FloatArray) -> None:
        self.guard = guard
        self.level = svi.total_variance(guard, np.zeros((len(guard), 1)))
        self.deviation = np.sqrt(self.level)
        used = quotes.used
        low = np.where(used, quotes.k, 0.0).min(axis=1, keepdims=True)
        high = np.where(used, quotes.k, 0.0).max(axis=1, keepdims=True)
        self.low, self.high = low, high
        places = self.deviation * np.array(_PULL_PLACES)
        vol = np.sqrt(svi.total_variance(guard, places) / quotes.years[:, np.newaxis])
        dense = used.sum(axis=1, keepdims=True) >= _PULL_QUOTES_MIN
        inside = (places >= low) & (places <= high) & dense
        weight = np.where(inside, _PULL_INSIDE, 1.0) / (_PULL_SHARE * vol)
        self.pull = quotes._replace(k=places, vol=vol, weight=weight)
        far = np.maximum(np.abs(quotes.k) / (_FAR * self.deviation), 1.0)
        quotes = quotes._replace(weight=quotes.weight / (far * far))
        self.quotes = quotes
        # One slice with its quotes counts as much as another: penalties then mean one thing.
        self.scale = 1.0 / np.sqrt(np.maximum((quotes.weight**2 * self._unit()).sum(axis=1), 1e-12))
        self._set_columns(quotes.weight)
        self.wing_low = np.repeat(_WING_MIN_SHARE * self.deviation, 2, axis=1)
        self.floor_wing = self.wing_low[:1, 0]
        self.wing_high = np.full((len(guard), 2), _WING_MAX)

    def _unit(self) -> FloatArray:
        """Return the square of a misfit of 2 % of the vol at the money, where it counts as one."""
        return (0.02**2) * self.level / self.quotes.years[:, np.newaxis]

    def _set_columns(self, weight: FloatArray) -> None:
        quotes, pull, scale = self.quotes, self.pull, self.scale[:, np.newaxis]
        self.columns = quotes._replace(
            k=np.concatenate((quotes.k, pull.k), axis=1),
            vol=np.concatenate((quotes.vol, pull.vol), axis=1),
            weight=np.concatenate((weight, pull.weight), axis=1) * scale,
        )

    def trim(self, slices: FloatArray) -> None:
        """Give quotes far off the slices less weight (Huber)."""
        quotes = self.quotes
        vol = np.sqrt(svi.total_variance(slices, quotes.k) / quotes.years[:, np.newaxis])
        off = np.abs(vol - quotes.vol) * quotes.weight
        count = np.maximum(quotes.used.sum(axis=1, keepdims=True), 1)
        # Where the shape itself is off by more than spreads, no quote is an outlier for that.
        typical = np.sqrt((off * off).sum(axis=1, keepdims=True) / count)
        limit = _OUTLIER * np.maximum(1.0, np.minimum(typical, 3.0))
        self._set_columns(quotes.weight * np.sqrt(limit / np.maximum(off, limit)))

    def project(self, slices: FloatArray, rows: Rows) -> FloatArray:
        """Return the nearest slices in the box."""
        unit = self.deviation[rows]
        wings = np.clip(slices[:, 1:3], self.wing_low[rows], self.wing_high[rows])
        place = np.clip(slices[:, 3:4], self.low[rows] - 2 * unit, self.high[rows] + 2 * unit)
        width = np.clip(slices[:, 4:5], _WIDTH_SHARES[0] * unit, _WIDTH_SHARES[1] * unit)
        dip = width * np.sqrt(wings[:, :1] * wings[:, 1:])
        bottom = _VARIANCE_MIN_SHARE * self.level[rows] - dip
        level = np.maximum(slices[:, :1], bottom)
        return np.concatenate((level, wings, place, width), axis=1)

    def pool_wings(self, slices: FloatArray) -> None:
        """Give each slice a range of wing slopes of its own, all above those of earlier ones.

        Slices cross far out unless wings steepen with time. Slopes in the wrong order are pooled by
        how well the quotes tell them, and the ranges touch half way between the pooled ones.
        """
        steeper = 1.0 + _WING_GROWTH * np.arange(len(slices))
        trust = self._trust_in_wings(slices)
        for side, column in enumerate((svi.P, svi.Q)):
            middle = np.minimum(pooled(slices[:, column], trust[:, side]) * steeper, _WING_MAX)
            edge = 0.5 * (middle[1:] + middle[:-1])
            self.wing_low[:, side] = np.concatenate((self.floor_wing, edge * (1.0 + 1e-6)))
            self.wing_high[:, side] = np.concatenate((edge, [_WING_MAX]))

    def order_wings(self, slices: FloatArray, *, roofed: bool) -> None:
        """Keep the wings of each slice above the one before and, roofed, below the next."""
        for side, column in enumerate((svi.P, svi.Q)):
            slope = slices[:, column]
            low = np.concatenate((self.floor_wing, slope[:-1] * (1.0 + _WING_GROWTH)))
            high = np.full(len(slope), _WING_MAX)
            if roofed:
                high[:-1] = slope[1:] * (1.0 - _WING_GROWTH)
            low = np.minimum(low, _WING_MAX)
            middle = 0.5 * (low + high)
            self.wing_low[:, side] = np.where(low <= high, low, middle)
            self.wing_high[:, side] = np.where(low <= high, high, middle)

    def _trust_in_wings(self, slices: FloatArray) -> FloatArray:
        """Return one over the variance of both wing slopes as the columns tell them (n, 2)."""
        _, slopes = self.residuals(slices, np.arange(len(slices)))
        normal = slopes @ slopes.transpose(0, 2, 1)
        scale = np.sqrt(np.diagonal(normal, axis1=1, axis2=2))
        unit = normal / (scale[:, :, np.newaxis] * scale[:, np.newaxis, :])
        unit[:, range(5), range(5)] += 1e-9
        spread = np.diagonal(np.linalg.inv(unit), axis1=1, axis2=2)[:, 1:3]
        return np.asarray(scale[:, 1:3] ** 2 / np.maximum(spread, 1e-12))

    def residuals(self, slices: FloatArray, rows: Rows) -> tuple[FloatArray, FloatArray]:
        w, slopes = svi.parameter_slopes(slices, self.columns.k[rows])
        return self.columns.misfit(w, slopes, rows)

    def cost(self, slices: FloatArray, rows: Rows) -> FloatArray:
        """Return the misfit of slices to the quotes of rows."""
        w = svi.total_variance(slices, self.columns.k[rows])
        vol = np.sqrt(np.maximum(w, 1e-300) / self.columns.years[rows, np.newaxis])
        misfit = self.columns.weight[rows] * (vol - self.columns.vol[rows])
        return np.asarray((misfit * misfit).sum(axis=1))

    def solve(self, slices: FloatArray, *, steps_max: int) -> FloatArray:
        found = solve_batch(self.residuals, slices, project=self.project, steps_max=steps_max)
        return found.parameters

    def best_start(self, given: FloatArray | None) -> FloatArray:
        """Return the best of the linear fits, the guard and what was given."""
        count = len(self.guard)
        rows = np.arange(count)
        candidates = [self.project(self.guard, rows)]
        if given is not None:
            candidates.append(self.project(given, rows))
        candidates += [
            self.project(self._linear(place, width), rows)
            for place in _START_PLACES
            for width in _START_WIDTHS
        ]
        costs = np.stack([self.cost(candidate, rows) for candidate in candidates])
        return np.asarray(np.stack(candidates)[np.nanargmin(costs, axis=0), rows])

    def _linear(self, place: float, width: float) -> FloatArray:
        """Return the slices with the best level and wings for one place and width of the vertex."""
        stride = max(1, self.quotes.k.shape[1] // _START_QUOTES_MAX)
        pick = np.r_[0 : self.quotes.k.shape[1] : stride, -len(_PULL_PLACES) : 0]
        columns = self.columns
        k, vol, weight = columns.k[:, pick], columns.vol[:, pick], columns.weight[:, pick]
        m, s = place * self.deviation, width * self.deviation
        bare = np.concatenate((np.zeros((len(m), 3)), m, s), axis=1)
        _, slopes = svi.parameter_slopes(bare, k)
        years = columns.years[:, np.newaxis]
        share = weight / (2.0 * vol * years)
        design = slopes[:, :3] * share[:, np.newaxis]
        target = share * vol * vol * years
        normal = design @ design.transpose(0, 2, 1)
        normal[:, range(3), range(3)] *= 1.0 + 1e-9
        right = (design @ target[:, :, np.newaxis])[:, :, 0]
        bare[:, :3] = np.linalg.solve(normal, right[:, :, np.newaxis])[:, :, 0]
        return bare

    def constrained(
        self, slices: FloatArray, chosen: Rows, penalty: float, *, roofed: bool = True
    ) -> FloatArray:
        """Return the chosen slices fitted again, arbitrage with slices as they are punished."""
        self.order_wings(slices, roofed=roofed)
        own = slices[chosen]
        first, last = chosen == 0, chosen == len(slices) - 1
        reach = 1.5 * self.deviation[chosen]
        share = np.linspace(0.0, 1.0, _PENALTY_POINTS)
        spread = (self.low[chosen] - reach) * (1.0 - share) + (self.high[chosen] + reach) * share
        vertex = own[:, 3:4] + own[:, 4:5] * np.sinh(np.linspace(-5.0, 5.0, _PENALTY_POINTS))
        k = np.concatenate((spread, vertex), axis=1)
        before = svi.total_variance(slices[np.maximum(chosen - 1, 0)], k)
        after = svi.total_variance(slices[np.minimum(chosen + 1, len(slices) - 1)], k)
        floor = np.where(first[:, np.newaxis], 0.0, before * (1.0 + _CALENDAR_MARGIN))
        roof = np.where(
            last[:, np.newaxis] | (not roofed), np.inf, after * (1.0 - _CALENDAR_MARGIN)
        )
        unit = 1.0 / svi.total_variance(own, k)

        def residuals(trial: FloatArray, rows: Rows) -> tuple[FloatArray, FloatArray]:
            values, slopes = self.residuals(trial, chosen[rows])
            at, share = k[rows], unit[rows]
            g, g_slopes = arbitrage.butterfly_slopes(trial, at)
            w, w_slopes = svi.parameter_slopes(trial, at)
            low, high = floor[rows], roof[rows]
            bound = np.where(low <= high, np.clip(w, low, high), 0.5 * (low + high))
            hollow = np.minimum(g - _G_MARGIN, 0.0)
            parts = (
                (values, slopes),
                (penalty * hollow, penalty * g_slopes * (hollow < 0)[:, np.newaxis]),
                (
                    penalty * share * (w - bound),
                    penalty * w_slopes * (share * (w != bound))[:, np.newaxis],
                ),
            )
            return (
                np.concatenate([part for part, _ in parts], axis=1),
                np.concatenate([part for _, part in parts], axis=2),
            )

        def project(trial: FloatArray, rows: Rows) -> FloatArray:
            return self.project(trial, chosen[rows])

        return solve_batch(
            residuals, own, project=project, steps_max=_PENALTY_STEPS, cost_small=1e-9
        ).parameters


def _repaired(problem: _Problem, slices: FloatArray, moved: BoolArray) -> SviFit:
    """Walk through the expiries, each above the one before it; then look at all again."""
    result = slices.copy()
    moved = moved.copy()
    butterfly = arbitrage.butterfly_minimum(result)
    crossing = np.concatenate(([0.0], arbitrage.calendar_minimum(result[:-1], result[1:])))
    for index in range(len(result)):
        if butterfly[index] >= 0 and crossing[index] >= 0:
            continue
        moved[index] = True
        if not _lifted_over(problem, result, index):
            return SviFit(problem.guard.copy(), np.ones_like(moved), fallen_back=True)
        if index + 1 < len(result):
            pair = result[index : index + 1], result[index + 1 : index + 2]
            crossing[index + 1] = arbitrage.calendar_minimum(*pair)[0]
    if arbitrage.count_violations(result):
        return SviFit(problem.guard.copy(), np.ones_like(moved), fallen_back=True)
    return SviFit(result, moved, fallen_back=False)


def _lifted_over(problem: _Problem, slices: FloatArray, index: int) -> bool:
    """Put one slice above the one before it, as near to its quotes as is found.

    An allowed slice comes first, because some share of every step from it is allowed too.
    """
    row = np.array([index])
    first = problem.constrained(slices, row, _PENALTIES_LAST[0], roofed=False)
    targets = np.concatenate((first, _targets(problem, slices, index)))
    for penalty in (None, *_PENALTIES_LAST):
        if penalty is not None:
            targets = problem.constrained(slices, row, penalty, roofed=False)
        found = _best_allowed(problem, slices, index, targets)
        if found is not None:
            slices[index] = found
        elif penalty is None:
            return False
    return True


def _targets(problem: _Problem, slices: FloatArray, index: int) -> FloatArray:
    """Return slices that should be allowed: the guard, and the slice before with more variance."""
    guard = problem.guard[index]
    if index == 0:
        return np.asarray(guard[np.newaxis])
    before = slices[index - 1]
    levels = svi.total_variance(slices[index - 1 : index + 1], np.zeros((2, 1)))[:, 0]
    grown = np.array([max(levels[1] / levels[0], 1.0), 1.0]) * (1.0 + _WING_GROWTH)
    # a, p and q times c is c times the variance.
    raised = before * np.where(np.arange(5) < 3, grown[:, np.newaxis], 1.0)
    return np.concatenate((raised, guard[np.newaxis]))


def _best_allowed(
    problem: _Problem, slices: FloatArray, index: int, targets: FloatArray
) -> FloatArray | None:
    """Return the best-fitting allowed slice on the ways from the slice to the targets."""
    own = slices[index]
    ways = own + _MIXES[:, np.newaxis, np.newaxis] * (targets - own)
    candidates = ways.reshape(-1, 5)
    before = np.repeat(slices[max(index - 1, 0)][np.newaxis], len(candidates), axis=0)
    cost = problem.cost(candidates, np.full(len(candidates), index))
    # A coarse look leaves few; the exact one, which finds roots, then takes the best of them.
    look = candidates[:, 3:4] + candidates[:, 4:5] * _LOOK
    refused = arbitrage.butterfly_g(candidates, look).min(axis=1) < 0
    refused |= (candidates[:, 1:3] < before[:, 1:3]).any(axis=1) & (index > 0)
    lack = svi.total_variance(candidates, look) < svi.total_variance(before, look)
    refused |= lack.any(axis=1) & (index > 0)
    order = np.argsort(np.where(refused, np.inf, cost))[: len(cost) - int(refused.sum())]
    for chunk in (order[:3], order[3:9], order[9:]):
        allowed = arbitrage.butterfly_minimum(candidates[chunk]) >= 0
        if index:
            allowed &= arbitrage.calendar_minimum(before[chunk], candidates[chunk]) >= 0
        if allowed.any():
            return np.asarray(candidates[chunk[allowed.argmax()]])
    return None
