"""A sample of every recorded source goes through forward, IV and surface as the whole does."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from benchmarks.real_chains import (
    analyse,
    outcome_of,
    published,
    rate_on,
    volatility_index,
)
from benchmarks.recorded_chains import iter_snapshots
from tests.fixtures.recorded import recorded

from optix.quant.model_free import MINUTES_30_DAYS

pytestmark = pytest.mark.recorded


@pytest.mark.parametrize(
    ("source", "place", "solved", "inside", "median"),
    [
        ("cboe", 0, 0.9, 0.95, 0.002),
        ("cboe", 8, 0.75, 0.95, 0.003),
        ("optionsdesk", 1, 0.7, 0.8, 0.1),
        ("researchlab", 3, 0.6, 0.85, 0.02),
        ("lean", 4, 0.85, 0.95, None),
    ],
)
def test_a_chain_is_solved_and_held(
    source: str, place: int, solved: float, inside: float, median: float | None
) -> None:
    root = recorded("market")
    snapshot = next(islice(iter_snapshots(root, source), place, None))
    outcome = outcome_of(snapshot, analyse(root, snapshot))
    assert outcome.violations == 0
    assert outcome.slices > 5
    assert outcome.solved / outcome.quoted > solved
    assert outcome.inside > inside
    if median is not None:
        assert np.median(outcome.iv_difference) < median


@pytest.mark.parametrize("place", [0, 1])
def test_the_vix_comes_out_of_the_recorded_index_chains(place: int) -> None:
    root = recorded("market")
    snapshot = next(islice(iter_snapshots(root, "cboe"), place, None))
    assert snapshot.symbol == "SPX"
    day = snapshot.at.date()
    level = volatility_index(snapshot, rate_on(root, day), MINUTES_30_DAYS)
    assert level is not None
    assert level.level == pytest.approx(published(root, "VIX")[day.isoformat()].close, abs=0.1)
