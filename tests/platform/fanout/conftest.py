"""Every test of a core runs on both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.fakes.fan_rig import CORES, Rig


@pytest.fixture(params=["python", "compiled"])
def core(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name not in CORES:
        pytest.skip("nothing is compiled on this machine")
    return name


@pytest.fixture
def rig(core: str) -> Iterator[Rig]:
    rig = Rig(core)
    yield rig
    rig.close()
