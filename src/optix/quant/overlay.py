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

from optix.quant import arbitrage, black_scholes, svi
from optix.quant.arrays import BoolArray, FloatArray
from optix.quant.implied_vol import implied_vol
from optix.quant.normal import density
from optix.quant.slice_quotes import SliceQuotes

INSIDE_ENOUGH = 0.95  # share of quotes inside bid and ask that needs no overlay
PRICE_SLACK = 1e-7  # of the forward: prices that differ by less are the same
QUOTES_MIN = 8
_PRICE_STEP = 1e-6  # of the forward, far below any tick: no price is known better
_NODES_MAX = 64
_EXTRA = (0.7, 1.6, 3.0, 5.0)  # nodes beyond the last quotes, in distances between nodes
_SHARE = 0.96  # of the density, that a correction may take away
_SMOOTH = 0.02
_EQUAL = 30.0  # weight of the two sums that must be nothing, in those of the best quote
_PUSH = 8.0  # of prices below the slice before, in the same, more in each round
_STEPS_MAX = 400
_FINE = 8  # nodes for each place
_DENSITY_MIN = 1e-4  # of its peak: the unit of shares where there is hardly any density
_BENDS = np.sinh(np.linspace(-4.0, 4.0, 129))  # where to look for crossings, in widths of a bend
_DIP = 1e-4  # of the forward: a dip of the grid that is looked at more closely
_CLOSER = 33
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
    return _svi_price(slice_, k) + _corrections(entry.node, entry.height, k)


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


def _corrections(node: FloatArray, height: FloatArray, k: FloatArray) -> FloatArray:
    """Return the prices (points, …) of densities with the given heights (nodes, …).

    A put collects the density below its strike, a call the one above: each is integrated twice
    from its own side, so that far out nothing cancels.
    """
    x = np.exp(k)
    result = np.empty((k.size, *height.shape[1:]))
    put = k < 0
    result[put] = _twice_integrated(node, height, x[put])
    result[~put] = _twice_integrated(-node[::-1], height[::-1], -x[~put])
    return result


def _twice_integrated(node: FloatArray, height: FloatArray, x: FloatArray) -> FloatArray:
    """Return ∫(x − z)·height(z) dz up to x, of heights linear between nodes."""
    tail = (1,) * (height.ndim - 1)
    gap = np.diff(node).reshape(-1, *tail)
    slope = np.diff(height, axis=0) / gap
    nothing = np.zeros((1, *height.shape[1:]))
    once = np.concatenate((nothing, np.cumsum(gap * (height[:-1] + 0.5 * gap * slope), axis=0)))
    rise = gap * (once[:-1] + gap * (0.5 * height[:-1] + gap * slope / 6.0))
    twice = np.concatenate((nothing, np.cumsum(rise, axis=0)))
    last = node.size - 1
    cell = np.clip(np.searchsorted(node, x, side="right") - 1, 0, last)
    step = np.maximum(x - node[cell], 0.0).reshape(-1, *tail)
    inside = (cell < last).reshape(-1, *tail)  # beyond the last node nothing is added
    here, bent = height[cell] * inside, slope[np.minimum(cell, last - 1)] * inside
    return np.asarray(twice[cell] + step * (once[cell] + step * (0.5 * here + step * bent / 6.0)))


def _moments(node: FloatArray) -> FloatArray:
    """Return what a unit of height at each node adds to mass and mean (2, nodes)."""
    gaps = np.diff(node)
    mass, mean = np.zeros(node.size), np.zeros(node.size)
    mass[:-1] += 0.5 * gaps
    mass[1:] += 0.5 * gaps
    mean[:-1] += gaps * (2.0 * node[:-1] + node[1:]) / 6.0
    mean[1:] += gaps * (node[:-1] + 2.0 * node[1:]) / 6.0
    return np.stack((mass, mean))


def fit_overlays(
    quotes: SliceQuotes, slices: FloatArray, chosen: BoolArray
) -> tuple[Overlay | None, ...]:
    """Return the overlays of the chosen slices, None for the others and where none is allowed.

    Each is fitted above the slice before it, in the order of expiry. A slice that is then below the
    one before it gets an overlay too, chosen or not. Where that does not help, overlays before it
    are taken away, as few as will do: without any of them nothing crosses.

    Shapes:  quotes of n expiries; slices (n, 5); chosen (n,).
    """
    laid: list[Overlay | None] = [None] * len(slices)
    for index in range(len(slices)):
        below = index > 0 and _crosses(laid, slices, index - 1)
        if chosen[index] or below:
            _lay(quotes, slices, laid, index)
    return tuple(laid)


def _lay(quotes: SliceQuotes, slices: FloatArray, laid: list[Overlay | None], index: int) -> None:
    """Put an overlay on one slice; where none stands, take away as few before it as needed."""
    laid[index] = _laid(quotes, slices, laid, index)
    if index == 0 or not _crosses(laid, slices, index - 1):
        return
    laid[index] = _laid(quotes, slices, laid, index, dense=True)
    if not _crosses(laid, slices, index - 1):
        return
    laid[index] = _repeated(laid[index - 1], slices[index])
    if not _crosses(laid, slices, index - 1):
        return
    laid[index] = None
    for first in range(index - 1, -1, -1):
        laid[first] = None
        if first == 0 or not _crosses(laid, slices, first - 1):
            break
    laid[index] = _laid(quotes, slices, laid, index)
    if _crosses(laid, slices, index - 1):
        laid[index] = None


def _repeated(before: Overlay | None, slice_: FloatArray) -> Overlay | None:
    """Return the correction of the slice before, where this one's density bears it.

    Then nothing crosses, since the slices below do not.
    """
    if before is None:
        return None
    own = _svi_density(slice_, np.log(before.node))
    return before if (before.height >= -_SHARE * own).all() else None


def count_crossings(overlays: tuple[Overlay | None, ...], slices: FloatArray) -> int:
    """Return how many neighbours cross of which one at least has an overlay."""
    return int(crossings(overlays, slices).sum())


def crossings(overlays: tuple[Overlay | None, ...], slices: FloatArray) -> BoolArray:
    """Say which neighbours cross, of which one at least has an overlay.

    Looked for between the outermost nodes; elsewhere the SVI slices are what they are.

    Shapes:  the result is (n − 1,).
    """
    bad = np.zeros(max(len(slices) - 1, 0), dtype=np.bool_)
    for index in range(len(bad)):
        pair = overlays[index], overlays[index + 1]
        if pair != (None, None):
            bad[index] = _lowest_gap(pair, slices[index : index + 2]) < -PRICE_SLACK
    return bad


def _crosses(laid: list[Overlay | None], slices: FloatArray, index: int) -> bool:
    pair = slice(index, index + 2)
    return bool(crossings(tuple(laid[pair]), slices[pair]).any())


def _lowest_gap(pair: tuple[Overlay | None, Overlay | None], slices: FloatArray) -> float:
    """Return the least price of the later slice over the earlier: on the grid, then about its dips.

    A dip may be narrower than the grid, but not its sides.
    """

    def gap(k: FloatArray) -> FloatArray:
        return _price_of(pair[1], slices[1], k) - _price_of(pair[0], slices[0], k)

    grid = _grid(pair, slices)
    found = gap(grid)
    inner = found[1:-1]
    dips = np.flatnonzero((inner <= found[:-2]) & (inner <= found[2:]) & (inner < _DIP)) + 1
    closer = np.sort(np.linspace(grid[dips - 1], grid[dips + 1], _CLOSER).ravel())
    return float(min(found.min(), gap(closer).min(initial=np.inf)))


def _grid(pair: tuple[Overlay | None, Overlay | None], slices: FloatArray) -> FloatArray:
    """Return k at all nodes of both, three times between neighbours, and about the bends of SVI.

    A slice may bend within less than a node's distance, and only there falls below another.
    """
    nodes = np.log(np.unique(np.concatenate([e.node for e in pair if e is not None])))
    ranks = np.arange(4 * nodes.size - 3) / 4.0
    between = np.interp(ranks, np.arange(nodes.size), nodes)
    bends = slices[:, 3:4] + slices[:, 4:5] * _BENDS
    return np.unique(np.concatenate((between, np.clip(bends.ravel(), nodes[0], nodes[-1]))))


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
        grid = _grid(pair, slices[index - 1 : index + 1])
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
    past = np.zeros(0) if before is None else np.log(before.node[::_FINE])
    low, high = past[past < left[0]], past[past > right[-1]]
    more = [left, places, right]
    if dense:
        more.append(past)
    if low.size:  # as dense at the end, where both corrections fade, and no denser than needed
        more += [low[:3], low[:: max(1, low.size // 16)]]
    if high.size:
        more += [high[-3:], high[:: -max(1, high.size // 16)]]
    places = np.unique(np.exp(np.concatenate(more)))
    return np.asarray(places[np.append(True, np.diff(places) > 1e-9)])


class _Problem:
    """Least squares in shares of the density: what a correction adds to it at each place.

    A share is at least −96 %, and shares are linear between places, so the density stays above
    zero. For prices in closed form the correction itself is linear, between nodes so near to each
    other that the density hardly bends between them.
    """

    def __init__(self, row: _Row, slice_: FloatArray, places: FloatArray) -> None:
        self.slice = slice_
        ranks = np.linspace(0, places.size - 1, _FINE * (places.size - 1) + 1)
        self.node = np.interp(ranks, np.arange(places.size), places)
        between = np.maximum(1.0 - np.abs(ranks[:, np.newaxis] - np.arange(places.size)), 0.0)
        own = _svi_density(slice_, np.log(self.node))
        unit = np.maximum(own, _DENSITY_MIN * own.max())
        self.shares = unit[:, np.newaxis] * between[:, 1:-1]
        least = np.minimum.reduceat(own / unit, np.arange(0, own.size - 1, _FINE))
        least = np.minimum(least, (own / unit)[_FINE::_FINE])
        self.low = -_SHARE * np.minimum(least[:-1], least[1:])
        self.moments = _moments(self.node) @ self.shares
        vega = density(-row.k / row.deviation + 0.5 * row.deviation)
        scale = 1.0 / np.maximum(vega / row.weight, _PRICE_STEP)
        self.scale = float(scale.max())
        target = _black(row.k, row.deviation) - _svi_price(slice_, row.k)
        size = places.size - 2
        self.normal, self.vector = np.zeros((size, size)), np.zeros(size)
        self.share = np.zeros(size)
        self._add(self._prices(row.k) * scale[:, np.newaxis], target * scale)
        bend = np.diff(np.eye(size + 2), 2, axis=0)[:, 1:-1]
        self._add(bend * (_SMOOTH * np.sqrt(row.k.size)), np.zeros(size))
        self._add(self.moments * (_EQUAL * self.scale), np.zeros(2))
        self.height = self._solve()

    def _prices(self, k: FloatArray) -> FloatArray:
        return _corrections(self.node, self.shares, k)

    def _add(self, rows: FloatArray, right: FloatArray) -> None:
        self.normal += rows.T @ rows
        self.vector += rows.T @ right

    def _solve(self) -> FloatArray:
        """Return the heights; the last rounding of both sums is taken out of them."""
        right = self.vector - self.normal @ self.low
        share = _non_negative(self.normal, right, self.share - self.low) + self.low
        lean = self.moments * (share - self.low)
        gram = lean @ self.moments.T
        share -= np.linalg.lstsq(gram, self.moments @ share, rcond=None)[0] @ lean
        rest = np.abs(self.moments @ share)
        self.share = np.maximum(share, self.low)
        sound = (share >= 1.02 * self.low).all() and bool(
            (rest < 1e-9 * np.abs(self.moments) @ (1.0 + np.abs(share))).all()
        )
        return np.asarray(self.shares @ share if sound else np.zeros(self.node.size))

    def keep_above(self, k: FloatArray, least: FloatArray) -> None:
        """Fit again, above prices of the slice before, until that holds or rounds end."""
        room = _svi_price(self.slice, k) - least
        for trial in range(_CALENDAR_ROUNDS):
            short = room + _corrections(self.node, self.height, k) < -0.5 * PRICE_SLACK
            if not short.any():
                return
            push = self.scale * _PUSH ** (trial + 1)
            margin = _CALENDAR_MARGIN * least[short] + PRICE_SLACK
            self._add(self._prices(k[short]) * push, (margin - room[short]) * push)
            self.height = self._solve()


def _non_negative(normal: FloatArray, right: FloatArray, start: FloatArray) -> FloatArray:
    """Return x ≥ 0 with the least x·normal·x/2 − right·x, from a start ≥ 0.

    Downhill along the free variables until one of them is at its bound, which then holds it; at the
    bottom the one that its bound holds back most is freed. The value falls with every step.

    Source:  primal active sets, as Lawson and Hanson 1974 from an empty set.
    """
    scale = np.sqrt(np.maximum(np.diagonal(normal), 1e-300))
    normal, right = normal / np.multiply.outer(scale, scale), right / scale
    normal[np.diag_indices_from(normal)] += 1e-14
    x = start * scale
    free: BoolArray = x > 0
    tolerance = 1e-13 * np.abs(right).max()
    for _ in range(_STEPS_MAX):
        bottom = np.zeros(x.size)
        bottom[free] = np.linalg.solve(normal[np.ix_(free, free)], right[free])
        down = free & (bottom < 0)
        if down.any():
            share = np.where(down, x / np.where(down, x - bottom, 1.0), np.inf)
            x = np.where(free, x + share.min() * (bottom - x), 0.0)
            free &= (share > share.min()) & ((x > 0) | (bottom > 0))
            x[~free] = 0.0
            continue
        x = bottom
        slope = np.where(free, 0.0, normal @ x - right)
        held = int(slope.argmin())
        if slope[held] >= -tolerance:
            break
        free[held] = True
    return x / scale
