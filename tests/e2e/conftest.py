"""Every test here starts the real program, so none of them is quick."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data folder of one test's programs."""
    return tmp_path / "data"


@pytest.fixture
def running() -> Iterator[ExitStack]:
    """Ends what was entered, last first, also when the test fails."""
    with ExitStack() as stack:
        yield stack
