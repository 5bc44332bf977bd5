"""Volatility without earnings: an at-the-money IV less what its announcements add to it.

Variance adds: σ²·T = base²·(T − n days) + n·move², with n announcements before the expiry. One move
is sought that leaves base variances on a smooth curve over all expiries, the level and the hump of
the near months free. Pure.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optix.quant.arrays import FloatArray

SLICES_MIN: Final = 4  # three unknowns, and something that can contradict them
HUMP_YEARS: Final = 0.5  # how fast the near months' variance fades
DAY_YEARS: Final = 1.0 / 365.0


class ExEarnings(NamedTuple):
    """Per expiry: the volatility without announcements, NaN where `reason` says why."""

    vol: FloatArray
    move: float  # one sigma of one announcement, as a fraction of the price; NaN: not found
    reason: str  # of all NaNs but those without an announcement


def without_earnings(
    years: FloatArray, atm_iv: FloatArray, announcements: NDArray[np.int64]
) -> ExEarnings:
    """Return at-the-money volatilities without the variance of announcements before expiry.

    Shapes:  all (expiries,), in any order; NaN volatilities are left out.
    Units:   years ACT/365; annual decimals.
    Errors:  none raised; `reason` is a sentence.
    """
    nothing = np.full(years.shape, np.nan)
    usable = np.isfinite(atm_iv) & (years > announcements * DAY_YEARS)
    before, after = usable & (announcements == 0), usable & (announcements > 0)
    if not after.any():
        return ExEarnings(nothing, float("nan"), "No earnings are known before this expiration.")
    if not before.any() or np.count_nonzero(usable) < SLICES_MIN:
        return ExEarnings(
            nothing, float("nan"), "Too few expirations are followed to tell earnings apart."
        )
    T, n = years[usable], announcements[usable]
    variance = atm_iv[usable] ** 2 * T
    calm = T - n * DAY_YEARS
    design = np.column_stack((calm, calm * np.exp(-T / HUMP_YEARS), n.astype(np.float64)))
    weight = 1.0 / variance
    found, *_ = np.linalg.lstsq(design * weight[:, np.newaxis], variance * weight, rcond=None)
    jump = float(found[2])
    left = atm_iv**2 * years - announcements * jump
    if jump <= 0 or bool((left[usable] <= 0).any()):
        return ExEarnings(nothing, float("nan"), "The term structure shows no move on earnings.")
    with np.errstate(invalid="ignore"):
        base = np.sqrt(left / (years - announcements * DAY_YEARS))
    return ExEarnings(np.where(after, base, np.nan), float(np.sqrt(jump)), "")
