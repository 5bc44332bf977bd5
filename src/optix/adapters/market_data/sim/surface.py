"""Volatility surfaces without static arbitrage: SSVI with a power law.

Total implied variance at forward log-moneyness k, for at-the-money total variance theta:

    w(k) = theta/2 · (1 + rho·phi·k + sqrt((phi·k + rho)² + 1 − rho²))
    phi(theta) = eta / (theta^gamma · (1 + theta)^(1 − gamma))

No butterfly: theta·phi·(1+|rho|) < 4 and theta·phi²·(1+|rho|) ≤ 4, which hold for every theta when
eta·(1+|rho|) ≤ 2 and 0 < gamma ≤ 1/2. No calendar arbitrage: theta rises with time to expiry and
d(theta·phi)/dtheta lies in [0, (1 + sqrt(1 − rho²))·phi/rho²], which the same bounds give.
Source: Gatheral and Jacquier 2014, arXiv 1204.0646, theorems 4.1 and 4.2 and section 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optix.adapters.market_data.sim.hashing import Floats


class SurfaceArbitrage(ValueError):
    """The parameters allow static arbitrage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceShape:
    """What does not move in a surface: all but today's level of short-dated volatility and tilt.

    `vol_long` is the annual volatility that the term structure tends to, at `reversion_annual` per
    year; `rho` tilts the smile, `eta` bends it, `gamma` says how both fade with time.
    """

    vol_long: float
    rho: float
    eta: float
    gamma: float = 0.42
    reversion_annual: float = 3.0
    skew_response: float = 0.18  # how far the tilt follows the short volatility

    def __post_init__(self) -> None:
        if not self.vol_long > 0 or not self.reversion_annual > 0:
            raise SurfaceArbitrage("the long volatility and its reversion must be positive")
        if not abs(self.rho) < 1:
            raise SurfaceArbitrage("rho must lie between -1 and 1")
        if not 0 < self.gamma <= 0.5:
            raise SurfaceArbitrage("gamma must lie in (0, 1/2]")
        if not 0 < self.eta * (1 + abs(self.rho)) <= 2:
            raise SurfaceArbitrage("eta·(1+|rho|) must lie in (0, 2]")

    def theta(self, vol_short: Floats | float, expiry_years: Floats | float) -> Floats:
        """Return at-the-money total variance: instantaneous variance that reverts to its mean.

        It rises with `expiry_years` because the expected variance at every instant is positive.
        """
        variance_long = self.vol_long**2
        excess = np.square(vol_short) - variance_long
        reversion = self.reversion_annual
        faded = -np.expm1(-reversion * np.asarray(expiry_years, dtype=np.float64)) / reversion
        result: Floats = np.asarray(variance_long * expiry_years + excess * faded)
        return result

    def tilt(self, vol_short: Floats | float) -> Floats:
        """Return today's rho: steeper in a market that fears, flatter in one that sleeps.

        One tilt for all expirations at an instant, and never beyond what the bounds allow, so that
        a surface in motion stays free of arbitrage.
        """
        mood = np.tanh(np.log(np.asarray(vol_short, dtype=np.float64) / self.vol_long))
        most = min(2.0 / self.eta - 1.0, 0.98)
        result: Floats = np.clip(self.rho * (1.0 + self.skew_response * mood), -most, most)
        return result

    def total_variance(
        self, log_moneyness: Floats, theta: Floats | float, rho: Floats | float
    ) -> Floats:
        """Return w(k) for forward log-moneyness ln(K/F), at-the-money total variance and tilt."""
        phi = self.eta / (np.power(theta, self.gamma) * np.power(1.0 + theta, 1.0 - self.gamma))
        tilted = phi * log_moneyness
        root = np.sqrt(np.square(tilted + rho) + (1.0 - np.square(rho)))
        result: Floats = 0.5 * theta * (1.0 + rho * tilted + root)
        return result
