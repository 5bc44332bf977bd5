"""What holds for every test: no network beyond this machine, no variables of the shell."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Mapping

import pytest
from tests.fixtures.network import refuse_beyond_this_machine
from tests.fixtures.patient_loop import PatientLoop

pytest_plugins = [
    "tests.fixtures.slowness",
    "tests.fixtures.garbage",
    "tests.fixtures.patience",
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


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"patient": PatientLoop}


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
