"""What holds for every test: no network beyond this machine, no variables of the shell."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
from tests.fixtures.network import refuse_beyond_this_machine

from optix.platform import rate_limits

pytest_plugins = [
    "tests.fixtures.stores",
    "tests.fixtures.market",
    "tests.fixtures.api",
    "tests.fixtures.mail",
    "tests.fixtures.issuers",
    "tests.fixtures.aws",
    "tests.fixtures.quant_kernels",
]

# Variables that choose what the suite runs against; all other OPTIX_ ones are taken away.
SUITE_VARIABLES = frozenset(
    {
        "OPTIX_DATABASE_URL",
        "OPTIX_REDIS_URL",
        "OPTIX_PG_BIN",
        "OPTIX_VALKEY_BIN",
        "OPTIX_SHARED_DATA",
        "OPTIX_QUANT_KERNEL",
    }
)


sys.addaudithook(refuse_beyond_this_machine)


@pytest.fixture(autouse=True)
def _a_busy_machine_is_not_a_lost_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts requests gives Redis a quarter of a second; a loaded machine may take longer."""
    monkeypatch.setattr(rate_limits, "REDIS_SECONDS_MAX", 30.0)


@pytest.fixture(autouse=True, scope="session")
def _only_the_suites_variables() -> Iterator[None]:
    """A developer's own settings must not change what a test sees."""
    taken = {
        name: os.environ.pop(name)
        for name in list(os.environ)
        if name.startswith("OPTIX_") and name not in SUITE_VARIABLES
    }
    yield
    os.environ.update(taken)
