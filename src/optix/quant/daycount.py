"""Time to expiry. Instants come in as nanoseconds since the epoch; there is no clock here."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from optix.quant.arrays import FloatArray

SECONDS_PER_YEAR = 365 * 86_400
SECONDS_LIVE_MIN = 60.0  # a live contract never has less: 0DTE would divide by zero
_NS_PER_SECOND = 1_000_000_000


def expiry_years(*, now_ns: ArrayLike, settles_at_ns: ArrayLike) -> FloatArray:
    """Return years to the settlement instant, ACT/365 to the second.

    Shapes:  now_ns and settles_at_ns (integers) broadcast to one shape; the result has it.
    Units:   nanoseconds since the epoch in, years of 365 days out.
             A live contract has at least one minute; from the settlement instant on it is 0.
    Source:  OPTIX conventions: seconds to settlement / (365 · 86,400).
    """
    # The difference is taken in integers: float64 holds epoch nanoseconds to 256 ns only.
    left_ns = np.asarray(settles_at_ns, dtype=np.int64) - np.asarray(now_ns, dtype=np.int64)
    seconds = np.maximum(left_ns / _NS_PER_SECOND, SECONDS_LIVE_MIN)
    return np.where(left_ns > 0, seconds / SECONDS_PER_YEAR, 0.0)
