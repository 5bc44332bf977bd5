"""Every test of a kernel runs on both."""

from __future__ import annotations

import pytest
from tests.fakes.crossings_rig import KERNELS, Rig


@pytest.fixture(params=["python", "compiled"])
def rig(request: pytest.FixtureRequest) -> Rig:
    if request.param not in KERNELS:
        pytest.skip("nothing is compiled on this machine")
    return Rig(request.param)
