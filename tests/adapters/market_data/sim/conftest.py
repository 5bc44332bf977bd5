"""The simulated world of these tests, walked once."""

from __future__ import annotations

import pytest
from tests.adapters.market_data.sim.world import make_path, new_york

from optix.adapters.market_data.sim.path import MarketPath


@pytest.fixture(scope="session")
def path() -> MarketPath:
    made = make_path()
    made.position(new_york(2026, 11, 20, 12))
    return made
