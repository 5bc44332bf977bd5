"""What a smile says in few numbers: at the money, at delta strikes, skew, expected move.

Everything is read off the fitted slices, by strike solved to the delta asked for, never at the
listed strike nearest to it; and only between the lowest and highest strike that was quoted.
Conventions: risk reversal = call − put, fly = (call + put)/2 − at the money, put skew = put − at
the money, at the same absolute delta; deltas are of European options at the vol of their strike.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optix.quant.arrays import BoolArray, FloatArray
from optix.quant.normal import cumulative
from optix.quant.surface import Surface, slice_variance

STRADDLE_SHARE = 0.85  # of the straddle, that the market's rule of thumb calls the expected move
_GRID = 129
_ZOOM = 17
_ZOOMS = 6


class SmileStatus(IntEnum):
    """Why a number is NaN; OK when it is one."""

    OK = 0
    NO_QUOTES = 1  # the slice stands on no quote
    OUTSIDE_QUOTES = 2  # the strike lies beyond the quoted ones: nothing is extrapolated


class DeltaStrike(NamedTuple):
    """One entry per expiry."""

    k: FloatArray  # ln(strike/forward)
    vol: FloatArray
    status: NDArray[np.int8]  # SmileStatus


class SmileMeasures(NamedTuple):
    """One entry per expiry; NaN where what it is made of is not quoted."""

    atm: FloatArray  # vol at the forward
    call25: FloatArray
    put25: FloatArray
    call10: FloatArray
    put10: FloatArray
    rr25: FloatArray
    fly25: FloatArray
    put_skew25: FloatArray
    rr10: FloatArray
    fly10: FloatArray
    put_skew10: FloatArray
    expected_move: FloatArray  # spot·vol·√years, one standard deviation
    expected_move_straddle: FloatArray  # 85 % of the straddle at the forward


def delta_strikes(
    surface: Surface, delta: float, *, is_call: bool, growth: ArrayLike = 1.0
) -> DeltaStrike:
    """Return the strike of each expiry at which a European option has an absolute delta.

    The delta of a call falls and that of a put rises with the strike on a slice without arbitrage,
    so there is one such strike.

    Shapes:  growth broadcasts to (expiries,); results are (expiries,).
    Units:   delta in (0, 1), its absolute value against the spot; growth is forward·discount/spot,
             which is 1 for a delta against the discounted forward.
    Errors:  ValueError for a delta outside (0, 1). NaN with a status where there is none.
    """
    if not 0 < delta < 1:
        raise ValueError("a delta strike needs an absolute delta between 0 and 1")
    count = len(surface.years)
    share = np.broadcast_to(np.asarray(growth, dtype=np.float64), (count,))
    known = np.isfinite(surface.k_low)
    low = np.where(known, surface.k_low, 0.0)
    high = np.where(known, surface.k_high, 0.0)

    def excess(k: FloatArray) -> FloatArray:
        """Return N(±d1) − delta/share, made to fall in k for both sides."""
        root = np.sqrt(slice_variance(surface, k))
        d1 = -k / root + 0.5 * root
        side = cumulative(d1 if is_call else -d1)
        wanted = delta / share[:, np.newaxis]
        return side - wanted if is_call else wanted - side

    steps = np.linspace(0.0, 1.0, _GRID)
    inside: BoolArray = known.copy()
    for _ in range(_ZOOMS):
        k = low[:, np.newaxis] + (high - low)[:, np.newaxis] * steps
        positive = excess(k) >= 0
        inside &= positive[:, 0] & ~positive[:, -1]
        last = np.clip(positive.sum(axis=1) - 1, 0, k.shape[1] - 2)
        rows = np.arange(count)
        low = np.where(inside, k[rows, last], low)
        high = np.where(inside, k[rows, last + 1], high)
        steps = np.linspace(0.0, 1.0, _ZOOM)
    found = np.where(inside, 0.5 * (low + high), np.nan)
    status = np.full(count, SmileStatus.OK, dtype=np.int8)
    status[~inside] = SmileStatus.OUTSIDE_QUOTES
    status[~known] = SmileStatus.NO_QUOTES
    at = np.where(inside, found, 0.0)[:, np.newaxis]
    vol = np.sqrt(slice_variance(surface, at)[:, 0] / surface.years)
    return DeltaStrike(found, np.where(inside, vol, np.nan), status)


def atm_vols(surface: Surface) -> FloatArray:
    """Return the vol of each expiry at its forward; NaN where the forward is not among the quotes.

    Shapes:  (expiries,).
    """
    w = slice_variance(surface, np.zeros((len(surface.years), 1)))[:, 0]
    among = (surface.k_low <= 0) & (surface.k_high >= 0)
    return np.where(among, np.sqrt(w / surface.years), np.nan)


def smile_measures(
    surface: Surface, *, forward: ArrayLike, discount: ArrayLike, spot: ArrayLike
) -> SmileMeasures:
    """Return at-the-money and delta vols, skew measures and expected moves of each expiry.

    Shapes:  forward, discount and spot broadcast to (expiries,); results are (expiries,).
    Units:   vols and their differences annual decimals; moves in the currency of the spot.
    Source:  definitions in the module; expected move as spot·vol·√years, and the rule of 85 % of
             the straddle for comparison.
    """
    count = len(surface.years)
    F, D, S = (
        np.broadcast_to(np.asarray(value, dtype=np.float64), (count,))
        for value in (forward, discount, spot)
    )
    growth = F * D / S
    atm = atm_vols(surface)
    vols = {
        (delta, is_call): delta_strikes(surface, delta, is_call=is_call, growth=growth).vol
        for delta in (0.25, 0.10)
        for is_call in (True, False)
    }
    call25, put25 = vols[0.25, True], vols[0.25, False]
    call10, put10 = vols[0.10, True], vols[0.10, False]
    half = 0.5 * atm * np.sqrt(surface.years)
    straddle = 2.0 * D * F * (2.0 * cumulative(np.nan_to_num(half)) - 1.0)
    return SmileMeasures(
        atm=atm,
        call25=call25,
        put25=put25,
        call10=call10,
        put10=put10,
        rr25=call25 - put25,
        fly25=0.5 * (call25 + put25) - atm,
        put_skew25=put25 - atm,
        rr10=call10 - put10,
        fly10=0.5 * (call10 + put10) - atm,
        put_skew10=put10 - atm,
        expected_move=S * atm * np.sqrt(surface.years),
        expected_move_straddle=np.where(np.isfinite(atm), STRADDLE_SHARE * straddle, np.nan),
    )
