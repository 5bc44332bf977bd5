"""Put-call pairs of a chain: which are usable, and the forward they agree on.

C − P = D·(F − K) for Europeans. Arrays are (expiries, pairs), padded; `used` says which count.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optix.quant.arrays import BoolArray, FloatArray

HUBER = 1.5  # distance in standard deviations from which an outlier pulls no harder
SLOPE_PAIRS_MIN = 4
_NEAR = 0.10  # |ln(strike/forward)| of the pairs that count
_NEAR_FAR = 0.30  # the same where strikes are that coarse


class Pairs(NamedTuple):
    """(expiries, pairs) columns and which of them are usable."""

    strike: FloatArray
    call: FloatArray  # mids
    put: FloatArray
    spread: FloatArray  # of both legs together
    low: FloatArray  # bounds of C − P that somebody would trade at
    high: FloatArray
    used: BoolArray

    def rows(self, chosen: BoolArray) -> Pairs:
        """Return the chosen expiries."""
        K, call, put, spread, low, high = np.stack(self[:-1])[:, chosen]
        return Pairs(K, call, put, spread, low, high, self.used[chosen])

    def columns(self, order: NDArray[np.intp]) -> Pairs:
        """Return the pairs of each expiry in the given order, without those left out."""
        floats = np.take_along_axis(np.stack(self[:-1]), order[np.newaxis], axis=2)
        K, call, put, spread, low, high = floats
        used = np.take_along_axis(self.used, order, axis=1)
        return Pairs(K, call, put, spread, low, high, used)


class ParityForward(NamedTuple):
    """One entry per expiry."""

    forward: FloatArray
    residual: FloatArray  # median distance of the pairs' forwards from it
    low: FloatArray  # what bids and asks allow; crossed where they contradict each other
    high: FloatArray


def usable_pairs(quotes: tuple[FloatArray, ...], T: FloatArray, rates: FloatArray) -> Pairs:
    """Return the columns of all pairs and mark those near a first guess of the forward."""
    K, cb, ca, pb, pa = quotes
    two_sided = (cb > 0) & (pb > 0) & (ca >= cb) & (pa >= pb) & (K > 0) & (T > 0)[:, np.newaxis]
    two_sided &= np.isfinite(K) & np.isfinite(ca) & np.isfinite(pa)
    K, cb, ca, pb, pa = (np.where(two_sided, v, 1.0) for v in (K, cb, ca, pb, pa))
    call, put = 0.5 * (cb + ca), 0.5 * (pb + pa)
    growth = np.exp(rates * np.maximum(T, 0.0))[:, np.newaxis]
    # Where call and put cost the same is the forward; the five nearest to that outvote one error.
    order = np.argsort(np.where(two_sided, np.abs(call - put), np.inf), axis=1)[:, :5]
    implied = np.take_along_axis(K + (call - put) * growth, order, axis=1)
    guess = row_median(implied, np.take_along_axis(two_sided, order, axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):  # a guess may be missing or absurd
        distance = np.abs(np.log(K / guess[:, np.newaxis]))
    near = two_sided & (distance <= _NEAR)
    sparse = near.sum(axis=1) < SLOPE_PAIRS_MIN
    near |= two_sided & (distance <= _NEAR_FAR) & sparse[:, np.newaxis]
    return Pairs(
        strike=K,
        call=call,
        put=put,
        spread=np.maximum((ca - cb) + (pa - pb), 0.01),
        low=cb - pa,
        high=ca - pb,
        used=near,
    )


def row_median(values: FloatArray, used: BoolArray) -> FloatArray:
    """Return the median of the used values of each row, NaN where there are none."""
    counts = used.sum(axis=1)
    if values.shape[1] == 0:
        return np.full(counts.shape, np.nan)
    ordered = np.sort(np.where(used, values, np.inf), axis=1)
    rows = np.arange(counts.size)
    lower = ordered[rows, np.maximum(counts - 1, 0) // 2]
    upper = ordered[rows, np.minimum(counts // 2, values.shape[1] - 1)]
    return np.where(counts > 0, np.where(counts % 2 == 1, lower, 0.5 * (lower + upper)), np.nan)


def weighted_forward(
    pairs: Pairs, parity: FloatArray, T: FloatArray, rates: FloatArray
) -> ParityForward:
    """Return the forward from C − P (`parity`) at known rates, by weights 1/spread² and Huber's."""
    growth = np.exp(rates * np.maximum(T, 0.0))[:, np.newaxis]
    implied = pairs.strike + parity * growth
    forward = row_median(implied, pairs.used)
    weight = np.where(pairs.used, pairs.spread, np.inf) ** -2.0
    with np.errstate(invalid="ignore"):  # rows without pairs: 0/0 is NaN, as meant
        for _ in range(4):
            apart = np.abs(implied - forward[:, np.newaxis]) / (0.5 * pairs.spread * growth)
            trust = weight * HUBER / np.maximum(apart, HUBER)
            forward = np.where(pairs.used, trust * implied, 0.0).sum(axis=1) / np.where(
                pairs.used, trust, 0.0
            ).sum(axis=1)
    floor = np.where(pairs.used, pairs.strike + pairs.low * growth, -np.inf).max(axis=1, initial=-1)
    roof = np.where(pairs.used, pairs.strike + pairs.high * growth, np.inf).min(
        axis=1, initial=np.inf
    )
    # Crossed bounds mean quotes of different instants; then the weights alone decide.
    bounded = np.clip(forward, floor, np.maximum(roof, floor))
    forward = np.where(floor <= roof, bounded, forward)
    residual = row_median(np.abs(implied - forward[:, np.newaxis]), pairs.used)
    return ParityForward(forward, residual, floor, roof)


def nearest_pairs(pairs: Pairs, forward: FloatArray, count: int) -> Pairs:
    """Return the few pairs nearest the forward, where exercise premiums are small.

    The model's error in a premium is small there too. A slope over more strikes was tried for the
    rate: spreads of long expiries leave it a doubt of whole percents (docs/features/pricing.md).
    """
    away = np.where(pairs.used, np.abs(pairs.strike - forward[:, np.newaxis]), np.inf)
    return pairs.columns(np.argsort(away, axis=1)[:, :count])
