"""Quotes of several expiries as padded columns: what every smile fit reads."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optix.quant.arrays import BoolArray, FloatArray

_SPREAD_FLOOR = 2e-4  # half a spread in vol never counts as less: 0.02 points
_SPREAD_FLOOR_SHARE = 0.1  # nor less than this share of the slice's median


class SliceQuotes(NamedTuple):
    """One row per expiry, ascending; columns ascending in k, padded with weight 0."""

    years: FloatArray  # (expiries,)
    k: FloatArray  # (expiries, points) ln(strike/forward)
    vol: FloatArray  # what the smile should be
    low: FloatArray  # vol of the bid, NaN where there is none
    high: FloatArray  # vol of the ask, NaN where there is none
    weight: FloatArray  # one over a standard deviation of vol; 0: not used

    @property
    def used(self) -> BoolArray:
        return np.asarray(self.weight > 0)

    def thinned(self, columns_max: int) -> SliceQuotes:
        """Return the same smiles in at most so many columns: neighbours joined by their weight."""
        points = self.k.shape[1]
        if points <= columns_max:
            return self
        counts = self.used.sum(axis=1, keepdims=True)
        join = np.maximum(-(-counts // columns_max), 1)
        place = np.minimum(np.arange(points)[np.newaxis] // join, columns_max - 1)
        place = place + columns_max * np.arange(len(self.years))[:, np.newaxis]
        square = self.weight**2

        def total(values: FloatArray) -> FloatArray:
            size = columns_max * len(self.years)
            sums = np.bincount(place.ravel(), weights=values.ravel(), minlength=size)
            return np.asarray(sums.reshape(-1, columns_max), dtype=np.float64)

        weight = total(square)
        some = np.where(weight > 0, weight, 1.0)
        empty = np.full(weight.shape, np.nan)
        return SliceQuotes(
            years=self.years,
            k=total(square * self.k) / some,
            vol=np.where(weight > 0, total(square * self.vol) / some, 1.0),
            low=empty,
            high=empty,
            weight=np.sqrt(weight),
        )

    def misfit(
        self, w: FloatArray, slopes: FloatArray, rows: NDArray[np.intp]
    ) -> tuple[FloatArray, FloatArray]:
        """Return weighted vol errors of total variances, and their slopes (rows, n, points)."""
        weight, years = self.weight[rows], self.years[rows, np.newaxis]
        vol = np.sqrt(np.maximum(w, 1e-300) / years)
        scale = weight / (2.0 * vol * years)
        return weight * (vol - self.vol[rows]), slopes * scale[:, np.newaxis]


def slice_quotes(
    *,
    expiry: ArrayLike,
    k: ArrayLike,
    vol: ArrayLike,
    vol_bid: ArrayLike,
    vol_ask: ArrayLike,
    years: ArrayLike,
) -> SliceQuotes:
    """Return rows of quotes as padded columns, weighted by their spread in vol.

    A quote counts with one over half its spread, floored, so that a locked quote is not the whole
    smile; without a bid or an ask vol it counts with the median half spread of its slice, or with
    one point of vol where no row has one. Rows without a vol are left out.

    Shapes:  expiry (index into years), k, vol, vol_bid and vol_ask are (rows,); years (expiries,).
    Units:   k is ln(strike/forward); vol annual decimals, NaN for none; years ascending, above 0.
    Errors:  ValueError if years are not ascending and positive.
    """
    T = np.asarray(years, dtype=np.float64)
    if not ((T > 0).all() and (np.diff(T) > 0).all()):
        raise ValueError("expiries must be in ascending order and have time left")
    group = np.asarray(expiry, dtype=np.intp)
    columns = [np.asarray(column, dtype=np.float64) for column in (k, vol, vol_bid, vol_ask)]
    good = np.isfinite(columns[0]) & (columns[1] > 0) & np.isfinite(columns[1])
    group, columns = group[good], [column[good] for column in columns]
    order = np.lexsort((columns[0], group))
    group, columns = group[order], [column[order] for column in columns]
    counts = np.bincount(group, minlength=T.size)
    places = np.arange(group.size) - np.repeat(np.cumsum(counts) - counts, counts)
    padded = []
    for column in columns:
        matrix = np.full((T.size, max(int(counts.max(initial=0)), 1)), np.nan)
        matrix[group, places] = column
        padded.append(matrix)
    k_, mid, low, high = padded
    used = np.isfinite(mid)
    half = 0.5 * (high - low)
    half = np.where(used & (half >= 0), half, np.nan)
    some = np.isfinite(half).any(axis=1)
    typical = np.full(T.size, 0.01)
    typical[some] = np.nanmedian(half[some], axis=1)
    floor = np.maximum(_SPREAD_FLOOR, _SPREAD_FLOOR_SHARE * typical)[:, np.newaxis]
    half = np.maximum(np.where(np.isfinite(half), half, typical[:, np.newaxis]), floor)
    return SliceQuotes(
        years=T,
        k=np.where(used, k_, 0.0),
        vol=np.where(used, mid, 1.0),
        low=low,
        high=high,
        weight=np.where(used, 1.0 / half, 0.0),
    )
