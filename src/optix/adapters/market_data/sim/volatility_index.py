"""A 30-day volatility index of a surface: the strip of out-of-the-money options, as a table."""

from __future__ import annotations

import numpy as np

from optix.adapters.market_data.sim.hashing import Floats
from optix.adapters.market_data.sim.surface import SurfaceShape
from optix.quant import black_scholes

_EXPIRY_YEARS = 30.0 / 365.0


class VolatilityIndex:
    """The index level, in points, as a function of the surface's short volatility.

    variance · T = 2 ∫ Q(k) e^(−k) dk over log-moneyness, with Q the undiscounted price of the
    out-of-the-money option on a forward of 1: the limit of the Cboe formula for a dense strip.
    Source: Cboe Volatility Index mathematics methodology; Demeterfi, Derman, Kamal and Zou 1999.
    """

    def __init__(self, surface: SurfaceShape) -> None:
        self._log_vols: Floats = np.linspace(np.log(0.02), np.log(3.0), 96)
        levels = [self._level(surface, float(vol)) for vol in np.exp(self._log_vols)]
        self._log_levels: Floats = np.log(np.array(levels))

    @staticmethod
    def _level(surface: SurfaceShape, vol_short: float) -> float:
        theta = surface.theta(vol_short, _EXPIRY_YEARS)
        k = np.linspace(-14.0, 9.0, 461) * np.sqrt(theta)
        strip = black_scholes.price(
            forward=1.0,
            strike=np.exp(k),
            expiry_years=_EXPIRY_YEARS,
            vol=np.sqrt(surface.total_variance(k, theta, surface.tilt(vol_short)) / _EXPIRY_YEARS),
            rate=0.0,
            is_call=k >= 0,
        )
        variance = 2.0 * np.trapezoid(strip * np.exp(-k), k) / _EXPIRY_YEARS
        return float(100.0 * np.sqrt(variance))

    def levels(self, vols_short: Floats) -> Floats:
        """Return the index level for each short volatility."""
        result: Floats = np.exp(np.interp(np.log(vols_short), self._log_vols, self._log_levels))
        return result
