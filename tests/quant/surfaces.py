"""Made-up smiles for the tests of surfaces: calm ones, and quotes no market would show."""

from __future__ import annotations

import numpy as np

from optix.quant import black_scholes, essvi, svi
from optix.quant.arrays import FloatArray
from optix.quant.implied_vol import implied_vol
from optix.quant.slice_quotes import SliceQuotes, slice_quotes

YEARS = np.array([1, 7, 14, 30, 60, 91, 182, 365]) / 365


def calm_slices(years: FloatArray = YEARS, vol: float = 0.2) -> FloatArray:
    """Return SVI slices of an index without arbitrage."""
    theta = vol * vol * years
    root = np.sqrt(theta)
    return essvi.to_svi(np.stack((theta, 0.35 * root, 1.1 * root), axis=1))


def quotes_of(
    slices: FloatArray,
    years: FloatArray = YEARS,
    *,
    points: int = 41,
    half: float = 0.002,
    shift: FloatArray | None = None,
    span: tuple[float, float] = (-5.0, 3.0),
) -> SliceQuotes:
    """Return quotes on slices over a span of standard deviations; `shift` is added to the vols."""
    deviation = np.sqrt(svi.total_variance(slices, np.zeros((len(slices), 1))))
    k = deviation * np.linspace(*span, points)
    vol = np.sqrt(svi.total_variance(slices, k) / years[:, np.newaxis])
    if shift is not None:
        vol = np.maximum(vol + shift, 0.01)
    expiry = np.repeat(np.arange(len(years)), points)
    return slice_quotes(
        expiry=expiry,
        k=k.ravel(),
        vol=vol.ravel(),
        vol_bid=(vol - half).ravel(),
        vol_ask=(vol + half).ravel(),
        years=years,
    )


def two_outcomes(deviation: float, k: FloatArray) -> FloatArray:
    """Return the deviations (vol·√years) of a price that waits for one of two outcomes: a W.

    A real density, so without butterflies: half the weight at each of two lognormals.
    """
    apart = 0.8 * deviation
    ends = np.exp(np.array([apart, -apart])) / np.cosh(apart)
    call = k >= 0
    price = sum(
        0.5
        * black_scholes.price(
            forward=end,
            strike=np.exp(k),
            expiry_years=1.0,
            vol=0.6 * deviation,
            rate=0.0,
            is_call=call,
        )
        for end in ends
    )
    found = implied_vol(
        price=price, forward=1.0, strike=np.exp(k), expiry_years=1.0, rate=0.0, is_call=call
    )
    return found.vol


def dense_k(slices: FloatArray, points: int = 6001) -> FloatArray:
    """Return k (n, points) from far below to far above everything a slice does."""
    return slices[:, 3:4] + slices[:, 4:5] * np.sinh(np.linspace(-14.0, 14.0, points))
