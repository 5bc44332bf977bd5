"""The volatility surface of one underlying: a smile for each expiry, free of static arbitrage.

Each expiry is a raw SVI slice (`svi_fit`), guarded by an eSSVI surface (`essvi`). Where the quotes
of a short expiry have a shape that no SVI slice has (two humps before an announcement, a kink at
the money on the last day), an overlay (`overlay`) holds it. Between expiries total variance is
linear in time at one forward log-moneyness. Outside the first and last expiry there is nothing.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optix.quant import arbitrage, essvi, overlay, svi
from optix.quant.arrays import BoolArray, FloatArray
from optix.quant.slice_quotes import SliceQuotes
from optix.quant.svi_fit import fit_svi

OVERLAY_YEARS = float("inf")  # the longest expiry that gets an overlay where SVI is not enough


class SliceMethod(IntEnum):
    """How a slice was found."""

    SVI = 0  # the best SVI slice allows no arbitrage as it is
    SVI_MOVED = 1  # the quotes allow arbitrage; the slice does not
    ESSVI = 2  # the whole surface fell back on its guard
    OVERLAY = 3  # a density on top of the SVI slice holds what SVI cannot


class Quality(NamedTuple):
    """How far the slices are from their quotes, one entry per expiry; NaN without quotes."""

    quotes: NDArray[np.int64]
    rmse: FloatArray  # of vol; 0.01 is one point
    inside: FloatArray  # share of the quotes with bid and ask vol whose slice lies between them
    worst_k: FloatArray  # ln(strike/forward) of the quote furthest off
    worst: FloatArray  # by how much, fitted less quoted vol


class Surface(NamedTuple):
    """Slices in ascending order of expiry."""

    years: FloatArray
    slices: FloatArray  # (expiries, 5), see `svi`
    guard: FloatArray  # (expiries, 3), see `essvi`
    overlays: tuple[overlay.Overlay | None, ...]
    method: NDArray[np.int8]  # SliceMethod
    k_low: FloatArray  # range of the quotes each slice stands on, NaN without
    k_high: FloatArray
    quality: Quality


def fit_surface(
    quotes: SliceQuotes, *, start: FloatArray | None = None, overlay_years: float = OVERLAY_YEARS
) -> Surface:
    """Return the surface of the quotes of all expiries.

    Shapes:  quotes of n expiries; start (n, 5) SVI slices known to be near, or None.
    Units:   as `slice_quotes`.
    Errors:  ValueError if no expiry has any quote.
    Source:  see `svi_fit`, `essvi`, `arbitrage` and `overlay`. `surface_violations` of the result
             is 0 by construction: what cannot be repaired is replaced by the guard.
    """
    guard = essvi.fit_essvi(quotes)
    fit = fit_svi(quotes, essvi.to_svi(guard), start)
    method = np.where(fit.moved, SliceMethod.SVI_MOVED, SliceMethod.SVI)
    if fit.fallen_back:
        method[:] = SliceMethod.ESSVI
    used = quotes.used
    some = used.any(axis=1)
    low = np.where(used, quotes.k, np.inf).min(axis=1)
    high = np.where(used, quotes.k, -np.inf).max(axis=1)
    found = Surface(
        years=quotes.years,
        slices=fit.slices,
        guard=guard,
        overlays=(None,) * len(guard),
        method=method.astype(np.int8),
        k_low=np.where(some, low, np.nan),
        k_high=np.where(some, high, np.nan),
        quality=_quality(quotes, svi.total_variance(fit.slices, quotes.k)),
    )
    return _with_overlays(found, quotes, quotes.years <= overlay_years)


def _with_overlays(found: Surface, quotes: SliceQuotes, near: BoolArray) -> Surface:
    chosen = near & (found.quality.inside < overlay.INSIDE_ENOUGH)
    if not chosen.any():
        return found
    laid = overlay.fit_overlays(quotes, found.slices, chosen)
    if all(entry is None for entry in laid):
        return found
    method = found.method.copy()
    method[[entry is not None for entry in laid]] = SliceMethod.OVERLAY
    better = found._replace(overlays=laid, method=method)
    return better._replace(quality=_quality(quotes, slice_variance(better, quotes.k)))


def slice_variance(surface: Surface, k: FloatArray) -> FloatArray:
    """Return w of every expiry at its own row of k, overlays included.

    Shapes:  k (expiries, points) or (points,); the result is (expiries, points).
    """
    w = svi.total_variance(surface.slices, k)
    for index, entry in enumerate(surface.overlays):
        if entry is not None:
            row = k[index] if k.ndim == 2 else k
            w[index] = overlay.total_variance(entry, surface.slices[index], row)
    return w


def _quality(quotes: SliceQuotes, w: FloatArray) -> Quality:
    used = quotes.used
    count = used.sum(axis=1)
    vol = np.sqrt(np.maximum(w, 0.0) / quotes.years[:, np.newaxis])
    error = np.where(used, vol - quotes.vol, 0.0)
    two_sided = used & np.isfinite(quotes.low) & np.isfinite(quotes.high)
    slack = 1e-9
    inside = two_sided & (vol >= quotes.low - slack) & (vol <= quotes.high + slack)
    worst = np.abs(error).argmax(axis=1)[:, np.newaxis]
    some = count > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        return Quality(
            quotes=count,
            rmse=np.sqrt((error * error).sum(axis=1) / count),
            inside=inside.sum(axis=1) / two_sided.sum(axis=1),
            worst_k=np.where(some, np.take_along_axis(quotes.k, worst, axis=1)[:, 0], np.nan),
            worst=np.where(some, np.take_along_axis(error, worst, axis=1)[:, 0], np.nan),
        )


def total_variance(surface: Surface, k: ArrayLike, years: ArrayLike) -> FloatArray:
    """Return w at forward log-moneyness and time, linear in time between expiries.

    Shapes:  k and years broadcast to one shape; the result has it.
    Units:   k is ln(strike/forward) of that time; years as the surface; w is vol²·years.
    Errors:  NaN before the first expiry and after the last: nothing is extrapolated in time.
    """
    wanted, at = np.broadcast_arrays(
        np.asarray(k, dtype=np.float64), np.asarray(years, dtype=np.float64)
    )
    flat, time = wanted.ravel(), at.ravel()
    whole = slice_variance(surface, flat)
    last = len(surface.years) - 1
    upper = np.clip(np.searchsorted(surface.years, time), min(1, last), last)
    lower = np.maximum(upper - 1, 0)
    columns = np.arange(flat.size)
    begin, end = surface.years[lower], surface.years[upper]
    gap = np.where(end > begin, end - begin, 1.0)
    share = np.where(end > begin, (time - begin) / gap, 0.0)
    w = whole[lower, columns] * (1.0 - share) + whole[upper, columns] * share
    known = (time >= surface.years[0]) & (time <= surface.years[-1])
    return np.where(known, w, np.nan).reshape(wanted.shape)


def vol(surface: Surface, k: ArrayLike, years: ArrayLike) -> FloatArray:
    """Return the implied vol at forward log-moneyness and time. As `total_variance`."""
    with np.errstate(invalid="ignore"):
        return np.sqrt(total_variance(surface, k, years) / np.asarray(years, dtype=np.float64))


def surface_violations(surface: Surface) -> int:
    """Return how many slices allow butterfly and how many neighbours calendar arbitrage.

    SVI slices are proven by the roots of polynomials at all strikes; slices with an overlay are
    mixtures of densities and so have no butterflies, and are compared with their neighbours on a
    dense grid over every strike whose option is worth more than a billionth of the forward.
    """
    return arbitrage.count_violations(surface.slices) + overlay.count_crossings(
        surface.overlays, surface.slices
    )
