"""Tests of the quant core may ask for one implementation; afterwards the usual one is back."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from optix.quant import kernels


@pytest.fixture
def use_kernel() -> Iterator[Callable[[str], None]]:
    before = kernels.active()
    yield kernels.use
    kernels.use(before)
