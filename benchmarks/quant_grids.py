"""Section of `make -s bench NAME=quant`: exposure over a spot grid, a P&L cube.

Milliseconds of one core: CPU time, which other work on the machine does not add to.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
from benchmarks.quant_chain import DIVIDEND_YIELD, RATE, SPOT, spx_like

from optix.quant.grids import Legs, exposure, value_cube

REPEATS = 15


def _best_ms(work: Callable[[], object]) -> float:
    best = math.inf
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best * 1e3


def measure(seconds: float) -> dict[str, float]:
    del seconds  # both take milliseconds
    chain = spx_like()
    weight = 100.0 * np.resize([3.0, -1.0, 4.0, 1.0, -5.0], chain.rows)
    factors = np.linspace(0.85, 1.15, 61)
    condor = Legs(
        kind=[1, 1, -1, -1],
        strike=[5200.0, 5300.0, 4800.0, 4700.0],
        expiry_years=45 / 365,
        vol=[0.14, 0.13, 0.17, 0.18],
        rate=RATE,
        carry=RATE - DIVIDEND_YIELD,
        quantity=[-100.0, 100.0, -100.0, 100.0],
    )
    return {
        "exposure_grid_ms": _best_ms(
            lambda: exposure(
                spot=SPOT,
                forward=chain.forward,
                strike=chain.strike,
                expiry_years=chain.years,
                vol=chain.vol,
                rate=RATE,
                is_call=chain.is_call,
                weight=weight,
                spot_factors=factors,
            )
        ),
        "pnl_cube_ms": _best_ms(
            lambda: value_cube(
                legs=condor,
                spot=SPOT,
                spot_factors=np.linspace(0.8, 1.2, 200),
                years_ahead=np.linspace(0.0, 45 / 365, 50),
                vol_shifts=np.linspace(-0.1, 0.1, 11),
            )
        ),
    }
