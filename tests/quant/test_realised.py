"""Realised volatility: by hand on few days, and near the truth on a simulated path of known vol."""

from __future__ import annotations

import math

import numpy as np
import pytest

from optix.quant.realised import SESSIONS_PER_YEAR, close_to_close, parkinson, yang_zhang


def test_two_returns_by_hand() -> None:
    # Returns of +1 % and −1 % have the mean 0 and the variance (0.01² + 0.01²) / 1.
    closes = [100.0, 100.0 * math.exp(0.01), 100.0]
    assert close_to_close(closes) == pytest.approx(math.sqrt(0.0002 * 252))


def test_one_range_by_hand() -> None:
    assert parkinson([math.exp(0.02)], [1.0]) == pytest.approx(
        math.sqrt(0.0004 / (4 * math.log(2)) * 252)
    )


def test_yang_and_zhang_by_hand() -> None:
    # Two days: overnight returns 0 and 0.02, opening to close 0.01 and −0.01, highs and lows at
    # the ends of the day, where Rogers and Satchell's term is zero.
    closes = np.exp([0.0, 0.01, 0.02])
    opens = np.exp([0.0, 0.0, 0.03])
    highs, lows = np.maximum(opens, closes), np.minimum(opens, closes)
    k = 0.34 / (1.34 + 3 / 1)
    variance = 0.0002 + k * 0.0002
    assert yang_zhang(opens, highs, lows, closes) == pytest.approx(math.sqrt(variance * 252))


@pytest.mark.parametrize(("gap_share", "sees_gaps"), [(0.0, True), (0.3, False)])
def test_on_a_path_of_known_volatility(gap_share: float, *, sees_gaps: bool) -> None:
    rng = np.random.default_rng(5)
    days, steps, vol = 2_000, 400, 0.25
    daily = vol / math.sqrt(SESSIONS_PER_YEAR)
    inside = rng.normal(0, daily * math.sqrt((1 - gap_share) / steps), (days, steps)).cumsum(axis=1)
    gaps = rng.normal(0, daily * math.sqrt(gap_share), days)
    start = np.concatenate(([0.0], (inside[:, -1] + gaps).cumsum()[:-1])) + gaps
    path = start[:, None] + np.concatenate((np.zeros((days, 1)), inside), axis=1)
    prices = np.exp(path)
    o, h, low, c = prices[:, 0], prices.max(axis=1), prices.min(axis=1), prices[:, -1]
    assert close_to_close(c) == pytest.approx(vol, rel=0.05)
    assert yang_zhang(o, h, low, c) == pytest.approx(vol, rel=0.05)
    # Watched at 400 instants a day a range is a little short; nights it does not see at all.
    assert parkinson(h, low) == pytest.approx(vol * math.sqrt(1 - gap_share), rel=0.06)
    assert (parkinson(h, low) > 0.9 * vol) is sees_gaps


def test_too_little_or_no_price_is_no_number() -> None:
    assert math.isnan(close_to_close([100.0, 101.0]))
    assert math.isnan(parkinson([], []))
    assert math.isnan(yang_zhang([1, 1], [1, 1], [1, 1], [1, 1]))
    assert math.isnan(close_to_close([100.0, 0.0, 101.0]))
    assert math.isnan(parkinson([100.0], [-1.0]))


def test_a_price_that_stands_still_has_none() -> None:
    ones = np.ones(10)
    assert close_to_close(ones) == parkinson(ones, ones) == yang_zhang(ones, ones, ones, ones) == 0
