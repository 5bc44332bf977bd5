"""Limits are positive constants that fit each other; each one's effect is tested at its owner."""

from __future__ import annotations

import pytest

from optix.kernel import limits

NAMES = [name for name in vars(limits) if name.isupper()]


@pytest.mark.parametrize("name", NAMES)
def test_is_a_positive_number(name: str) -> None:
    value = getattr(limits, name)
    assert isinstance(value, int | float)
    assert value > 0


def test_a_name_says_what_is_bounded() -> None:
    suffixes = ("_MAX", "_MIN", "_SECONDS", "_FIRST")
    assert [name for name in NAMES if not name.endswith(suffixes)] == []


def test_bounds_fit_each_other() -> None:
    assert limits.PASSWORD_LENGTH_MIN < limits.PASSWORD_LENGTH_MAX
    assert limits.RECONNECT_SECONDS_FIRST < limits.RECONNECT_SECONDS_MAX
    # A lease must outlive several rounds of reconciliation, or demand flickers.
    assert limits.DEMAND_RECONCILE_SECONDS * 4 < limits.LEASE_SECONDS
    assert limits.FEED_HEARTBEAT_SECONDS < limits.FEED_SILENCE_SECONDS_MAX
    # What one socket may ask for fits into what a feed may be asked for.
    assert limits.SOCKET_QUOTES_MAX <= limits.DEMAND_TOPICS_MAX
    assert limits.SOCKET_CHAINS_MAX <= limits.DEMAND_TOPICS_MAX
    assert limits.SOCKET_MESSAGE_BYTES_MAX > limits.SOCKET_QUOTES_MAX * limits.SYMBOL_LENGTH_MAX
