"""When a connection may be made again. Time is a number that the test counts up."""

from __future__ import annotations

from optix.adapters.market_data.streaming.attempts import Attempts
from optix.adapters.market_data.streaming.protocol import StreamTimings
from optix.kernel import limits


def attempts() -> Attempts:
    return Attempts(StreamTimings(), jitter=lambda: 1.0)


def fail(tried: Attempts, now: float, *, live_seconds: float = 0.0) -> float:
    tried.started(now)
    tried.ended(now, live_seconds=live_seconds)
    return tried.wait_seconds(now)


def test_pauses_grow_from_the_first_to_the_longest() -> None:
    tried, now, pauses = attempts(), 0.0, []
    for _ in range(9):
        now += 1_000.0  # so far apart that only the pause counts
        pauses.append(fail(tried, now))
    assert pauses[:4] == [limits.RECONNECT_SECONDS_FIRST * 2**step for step in range(4)]
    assert pauses[-1] == limits.RECONNECT_SECONDS_MAX


def test_jitter_takes_off_up_to_a_half() -> None:
    hasty = Attempts(StreamTimings(), jitter=lambda: 0.0)
    assert fail(hasty, 0.0) == limits.RECONNECT_SECONDS_FIRST / 2


def test_any_minute_has_its_most_connections_and_no_more() -> None:
    tried, now, starts = attempts(), 0.0, []
    while now < 300.0:
        starts.append(now)
        tried.started(now)
        # Each held just long enough to count as good, so no pause grows.
        tried.ended(now, live_seconds=limits.STREAM_STABLE_SECONDS)
        now += max(tried.wait_seconds(now), 0.01)
    for start in starts:
        within = sum(start <= other < start + 60.0 for other in starts)
        assert within <= limits.STREAM_CONNECTS_PER_MINUTE_MAX


def test_a_connection_that_held_begins_anew_and_one_that_did_not_goes_on() -> None:
    tried = attempts()
    fail(tried, 0.0)
    fail(tried, 1_000.0)
    assert fail(tried, 2_000.0, live_seconds=limits.STREAM_STABLE_SECONDS / 2) == 2.0
    assert fail(tried, 3_000.0, live_seconds=limits.STREAM_STABLE_SECONDS) == 0.5


def test_an_expired_token_is_replaced_at_once_but_not_again_and_again() -> None:
    tried = attempts()
    tried.started(0.0)
    tried.renewed(0.0, live_seconds=1.0)
    assert tried.wait_seconds(0.0) == 0.0
    tried.started(0.0)
    tried.renewed(0.0, live_seconds=1.0)
    assert tried.wait_seconds(0.0) > 0.0


def test_a_refusal_waits_long_and_is_remembered_until_the_next_attempt() -> None:
    tried = attempts()
    tried.started(0.0)
    tried.refused(0.0, "No such key.")
    assert tried.wait_seconds(0.0) == limits.STREAM_REFUSED_SECONDS
    assert tried.refusal == "No such key."
    tried.started(limits.STREAM_REFUSED_SECONDS)
    assert tried.refusal == ""
