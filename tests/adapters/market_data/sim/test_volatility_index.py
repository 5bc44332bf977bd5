"""The index says what the strip of options is worth: compared with closed cases."""

from __future__ import annotations

import numpy as np
import pytest

from optix.adapters.market_data.sim.surface import SurfaceShape
from optix.adapters.market_data.sim.volatility_index import VolatilityIndex

FLAT = SurfaceShape(vol_long=0.2, rho=0.0, eta=1e-6)
SKEWED = SurfaceShape(vol_long=0.2, rho=-0.7, eta=1.1)


def test_without_a_smile_the_index_is_the_volatility() -> None:
    assert VolatilityIndex(FLAT).levels(np.array([0.2]))[0] == pytest.approx(20.0, rel=5e-4)


def test_a_smile_makes_the_index_dearer_than_the_middle() -> None:
    assert VolatilityIndex(SKEWED).levels(np.array([0.2]))[0] > 20.5


def test_the_index_rises_with_volatility() -> None:
    assert np.diff(VolatilityIndex(SKEWED).levels(np.geomspace(0.05, 2.0, 40))).min() > 0
