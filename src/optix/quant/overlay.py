"""What SVI cannot hold: a correction of one slice that keeps its density above zero.

On the last day, or before an announcement, a smile may have two humps or a kink: no hyperbola has.
The overlay adds to the density of the SVI slice a piecewise linear function over nodes along the
quoted strikes, so to its prices a cubic spline. The correction has no mass and no mean, so outside
its nodes nothing changes and the forward stays; and it never takes more than most of the density
that is there, so no butterfly has a negative value, whatever the quotes were. Its heights come from
one linear least-squares problem with bounds. A faint penalty on their second differences, in units
of the density, keeps them from following the noise of quotes.

Prices here are undiscounted, of out-of-the-money options, in units of the forward; x is
strike/forward, k its logarithm.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optix.quant import arbitrage, black_scholes, svi
from optix.quant.arrays import BoolArray, FloatArray
from optix.quant.implied_vol import implied_vol
from optix.quant.normal import density
from optix.quant.slice_quotes import SliceQuotes

INSIDE_ENOUGH = 0.95  # share of quotes inside bid and ask that needs no overlay
PRICE_SLACK = 1e-7  # of the forward: prices that differ by less are the same
QUOTES_MIN = 8
_NODES_MAX = 64
_EXTRA = (0.7, 1.6, 3.0, 5.0)  # nodes beyond the last quotes, in distances between nodes
_SHARE = 0.95  # of the density, that a correction may take away
_SMOOTH = 0.02
_EQUAL = 300.0  # weight of the two sums that must be nothing, in those of the best quote
_PUSH = 8.0  # of prices below the slice before, in the same, more in each round
_PIVOTS_MAX = 80
_LOOKS = 9  # at the density between two nodes
_DENSITY_MIN = 1e-4  # of its peak: unit of the smoothness penalty in the wings
_CALENDAR_GRID = 240
_CALENDAR_ROUNDS = 6
_CALENDAR_MARGIN = 1e-6


class Overlay(NamedTuple):
    """A correction of one SVI slice."""

    node: FloatArray  # (n,) strikes over the forward, ascending
    height: FloatArray  # (n,) of the density in x; nothing at both ends


def price(entry: Overlay, slice_: FloatArray, k: FloatArray) -> FloatArray:
    """Return out-of-the-money prices in units of the forward: calls for k ≥ 0, puts below.

    Shapes:  slice_ (5,), k (points,); the result is (points,).
    """
    return _svi_price(slice_, k) + _hats(entry.node, k) @ entry.height


def total_variance(entry: Overlay, slice_: FloatArray, k: FloatArray) -> FloatArray:
    """Return w(k), the total variance at which Black's formula gives the overlay's price."""
    w = svi.total_variance(slice_[np.newaxis], k)[0]
    inside = (k > np.log(entry.node[0])) & (k < np.log(entry.node[-1]))
    found = implied_vol(
        price=price(entry, slice_, k[inside]),
        forward=1.0,
        strike=np.exp(k[inside]),
        expiry_years=1.0,
        rate=0.0,
        is_call=k[inside] >= 0,
    )
    # Where a price is lost in rounding there is nothing to correct either.
    w[inside] = np.where(np.isfinite(found.vol), found.vol**2, w[inside])
    return np.asarray(w, dtype=np.float64)


def _svi_price(slice_: FloatArray, k: FloatArray) -> FloatArray:
    return _black(k, np.sqrt(svi.total_variance(slice_[np.newaxis], k)[0]))


def _black(k: FloatArray, deviation: FloatArray) -> FloatArray:
    return black_scholes.price(
        forward=1.0, strike=np.exp(k), expiry_years=1.0, vol=deviation, rate=0.0, is_call=k >= 0
    )


def _svi_density(slice_: FloatArray, k: FloatArray) -> FloatArray:
    """Return the density of strike/forward that the slice implies."""
    row = slice_[np.newaxis]
    w = svi.total_variance(row, k)[0]
    root = np.sqrt(w)
    g = np.maximum(arbitrage.butterfly_g(row, k)[0], 0.0)
    return np.asarray(g * density(-k / root - 0.5 * root) / root * np.exp(-k), dtype=np.float64)


def _corners(node: FloatArray) -> FloatArray:
    """Return (n, n): row z, column j, how the slope of the j-th hat changes at node z."""
    gaps = np.diff(node)
    size = node.size
    turn = np.zeros((size, size))
    for j in range(1, size - 1):
        rise, fall = 1.0 / gaps[j - 1], 1.0 / gaps[j]
        turn[j - 1, j], turn[j, j], turn[j + 1, j] = rise, -rise - fall, fall
    return turn


def _hats(node: FloatArray, k: FloatArray) -> FloatArray:
    """Return the price (points, nodes) of a unit of density shaped as the hat over each node.

    A corner of the density at z gives (x − z)³/6 to puts above it and (z − x)³/6 to calls below.
    """
    away = np.exp(k)[:, np.newaxis] - node
    away = np.where((k >= 0)[:, np.newaxis], -away, away)
    return np.maximum(away, 0.0) ** 3 / 6.0 @ _corners(node)


def _moments(node: FloatArray) -> FloatArray:
    """Return mass and mean (2, nodes) of every hat; the two ends have none."""
    mass = np.zeros(node.size)
    mass[1:-1] = 0.5 * (node[2:] - node[:-2])
    centre = np.zeros(node.size)
    centre[1:-1] = (node[2:] + node[1:-1] + node[:-2]) / 3.0
    return np.stack((mass, mass * centre))


def fit_overlays(
    quotes: SliceQuotes, slices: FloatArray, chosen: BoolArray
) -> tuple[Overlay | None, ...]:
    """Return the overlays of the chosen slices, None for the others and where none is allowed.

    Each is fitted above the slice before it, in the order of expiry. A slice that is then below the
    one before it gets an overlay too, chosen or not. Where that does not help, those before it
    that lean on each other are taken away: without overlays nothing crosses.

    Shapes:  quotes of n expiries; slices (n, 5); chosen (n,).
    """
    laid: list[Overlay | None] = [None] * len(slices)
    block = 0  # where the overlays that lean on each other begin
    for index in range(len(slices)):
        below = index > 0 and _crosses(laid, slices, index - 1)
        if not (chosen[index] or below):
            block = index + 1
            continue
        laid[index] = _laid(quotes, slices, laid, index)
        if index and _crosses(laid, slices, index - 1):
            laid[index] = _laid(quotes, slices, laid, index, dense=True)
        if index and _crosses(laid, slices, index - 1):
            laid[block : index + 1] = [None] * (index + 1 - block)
            block = index
            laid[index] = _laid(quotes, slices, laid, index)
    return tuple(laid)


def count_crossings(overlays: tuple[Overlay | None, ...], slices: FloatArray) -> int:
    """Return how many neighbours cross of which one at least has an overlay."""
    return int(crossings(overlays, slices).sum())


def crossings(overlays: tuple[Overlay | None, ...], slices: FloatArray) -> BoolArray:
    """Say which neighbours cross, of which one at least has an overlay.

    Looked for where an overlay has its nodes; elsewhere the SVI slices are what they are.

    Shapes:  the result is (n − 1,).
    """
    bad = np.zeros(max(len(slices) - 1, 0), dtype=np.bool_)
    for index in range(len(bad)):
        pair = overlays[index], overlays[index + 1]
        if pair != (None, None):
            grid = _grid(pair, 3 * _CALENDAR_GRID)
            before = _price_of(pair[0], slices[index], grid)
            after = _price_of(pair[1], slices[index + 1], grid)
            bad[index] = bool((after < before - PRICE_SLACK).any())
    return bad


def _crosses(laid: list[Overlay | None], slices: FloatArray, index: int) -> bool:
    pair = slice(index, index + 2)
    return bool(crossings(tuple(laid[pair]), slices[pair]).any())


def _grid(pair: tuple[Overlay | None, Overlay | None], count: int) -> FloatArray:
    """Return k over the nodes of both, as dense as they are."""
    nodes = np.unique(np.concatenate([entry.node for entry in pair if entry is not None]))
    ranks = np.linspace(0, nodes.size - 1, count)
    return np.asarray(np.log(np.interp(ranks, np.arange(nodes.size), nodes)), dtype=np.float64)


def _price_of(entry: Overlay | None, slice_: FloatArray, k: FloatArray) -> FloatArray:
    return _svi_price(slice_, k) if entry is None else price(entry, slice_, k)


class _Row(NamedTuple):
    """Quotes of one expiry: deviation is vol·√years, weight is one over its uncertainty."""

    k: FloatArray
    deviation: FloatArray
    weight: FloatArray


def _laid(
    quotes: SliceQuotes,
    slices: FloatArray,
    laid: list[Overlay | None],
    index: int,
    *,
    dense: bool = False,
) -> Overlay | None:
    """Return the overlay of one slice, above the slice before it if that is possible.

    With `dense` it has all nodes of the one before, so that it can at least do what that does.
    """
    used = quotes.used[index]
    if used.sum() < QUOTES_MIN:
        return None
    root = np.sqrt(quotes.years[index])
    row = _Row(
        quotes.k[index, used], quotes.vol[index, used] * root, quotes.weight[index, used] / root
    )
    before = laid[index - 1] if index else None
    problem = _Problem(row, slices[index], _nodes(row.k, before, dense=dense))
    if index:
        pair = before, Overlay(problem.node, problem.height)
        for count in (_CALENDAR_GRID, 3 * _CALENDAR_GRID):
            grid = _grid(pair, count)
            problem.keep_above(grid, _price_of(before, slices[index - 1], grid))
    return Overlay(problem.node, problem.height)


def _nodes(k: FloatArray, before: Overlay | None, *, dense: bool) -> FloatArray:
    """Return places in x: as dense as the strikes, thinning out beyond.

    Where the overlay before goes on, these go on too: its prices have to be stayed above.
    """
    count = min(_NODES_MAX, max(QUOTES_MIN, k.size // 2))
    places = np.interp(np.linspace(0, k.size - 1, count), np.arange(k.size), k)
    steps = np.array(_EXTRA)
    left = places[0] - max(places[1] - places[0], 1e-4) * steps[::-1]
    right = places[-1] + max(places[-1] - places[-2], 1e-4) * steps
    if before is None:
        return np.unique(np.exp(np.concatenate((left, places, right))))
    past = np.log(before.node)
    low, high = past[past < left[0]], past[past > right[-1]]
    more = [left, places, right]
    if dense:
        more.append(past)
    if low.size:  # as dense at the end, where both corrections fade, and no denser than needed
        more += [low[:3], low[:: max(1, low.size // 16)]]
    if high.size:
        more += [high[-3:], high[:: -max(1, high.size // 16)]]
    return np.unique(np.exp(np.concatenate(more)))


class _Problem:
    """Least squares in u ≥ 0, where the height of each hat is (u − 1) times what it may take."""

    def __init__(self, row: _Row, slice_: FloatArray, node: FloatArray) -> None:
        self.slice, self.node = slice_, node
        share = np.linspace(0.0, 1.0, _LOOKS)
        inner = node[:-1, np.newaxis] * (1 - share) + node[1:, np.newaxis] * share
        lowest = _svi_density(slice_, np.log(inner.ravel())).reshape(inner.shape).min(axis=1)
        self.takeable = np.zeros(node.size)
        self.takeable[1:-1] = _SHARE * np.minimum(lowest[:-1], lowest[1:])
        own = _svi_density(slice_, np.log(node))
        self.unit = np.maximum(own, _DENSITY_MIN * own.max())
        vega = np.maximum(density(-row.k / row.deviation + 0.5 * row.deviation), 1e-14)
        scale = row.weight / vega
        target = _black(row.k, row.deviation) - _svi_price(slice_, row.k)
        bend = np.zeros((node.size - 2, node.size))
        for offset, part in ((0, 1.0), (1, -2.0), (2, 1.0)):
            bend[np.arange(len(bend)), np.arange(len(bend)) + offset] = part
        moments = _moments(node)
        self.moments = moments / np.abs(moments * self.unit).sum(axis=1, keepdims=True)
        size = node.size
        self.normal, self.vector = np.zeros((size, size)), np.zeros(size)
        self._add(_hats(node, row.k) * scale[:, np.newaxis], target * scale)
        self._add(bend / self.unit * (_SMOOTH * np.sqrt(row.k.size)), np.zeros(len(bend)))
        self.scale = float(scale.max())
        self._add(moments * (_EQUAL * self.scale), np.zeros(2))
        self.height = self._solve()

    def _add(self, rows: FloatArray, right: FloatArray) -> None:
        self.normal += rows.T @ rows
        self.vector += rows.T @ right

    def _solve(self) -> FloatArray:
        """Return the heights; the last rounding of both sums is taken out of them."""
        normal, low = self.normal[1:-1, 1:-1], -self.takeable[1:-1]
        height = np.zeros(self.node.size)
        height[1:-1] = _non_negative(normal, self.vector[1:-1] - normal @ low) + low
        room = (height + self.takeable) * self.unit
        excess = self.moments @ height
        gram = (self.moments * room) @ self.moments.T
        if np.linalg.cond(gram) < 1e12:
            height -= room * (np.linalg.solve(gram, excess) @ self.moments)
        return height if self._sound(height) else np.zeros(self.node.size)

    def _sound(self, height: FloatArray) -> bool:
        takes = height < -1.02 * self.takeable
        return not takes.any() and bool((np.abs(self.moments @ height) < 1e-9).all())

    def keep_above(self, k: FloatArray, least: FloatArray) -> None:
        """Fit again, above prices of the slice before, until that holds or rounds end."""
        hats = _hats(self.node, k)
        room = _svi_price(self.slice, k) - least
        for trial in range(_CALENDAR_ROUNDS):
            short = room + hats @ self.height < -0.5 * PRICE_SLACK
            if not short.any():
                return
            push = self.scale * _PUSH ** (trial + 1)
            margin = _CALENDAR_MARGIN * least[short] + PRICE_SLACK
            self._add(hats[short] * push, (margin - room[short]) * push)
            self.height = self._solve()


def _non_negative(normal: FloatArray, right: FloatArray) -> FloatArray:
    """Return x ≥ 0 with the least x·normal·x/2 − right·x.

    Source:  block principal pivoting, Portugal, Júdice and Vicente 1994.
    """
    scale = np.sqrt(np.maximum(np.diagonal(normal), 1e-300))
    normal, right = normal / np.multiply.outer(scale, scale), right / scale
    normal[np.diag_indices_from(normal)] += 1e-11
    tolerance = 1e-9 * np.abs(right).max()
    free: BoolArray = np.ones(right.size, dtype=np.bool_)
    x = np.zeros(right.size)
    fewest, patience = right.size + 1, 3
    for _ in range(_PIVOTS_MAX):
        x = np.zeros(right.size)
        x[free] = np.linalg.solve(normal[np.ix_(free, free)], right[free])
        slope = normal @ x - right
        wrong = (free & (x < 0)) | (~free & (slope < -tolerance))
        count = int(wrong.sum())
        if count == 0:
            break
        if count < fewest:
            fewest, patience = count, 3
        elif patience > 0:
            patience -= 1
        else:  # swap one at a time, which always ends
            last: NDArray[np.intp] = np.flatnonzero(wrong)[-1:]
            wrong = np.zeros(right.size, dtype=np.bool_)
            wrong[last] = True
        free = free ^ wrong
    return np.maximum(x, 0.0) / scale
