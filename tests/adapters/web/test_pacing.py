"""Requests keep to an allowance: a clock that the test moves shows who starts when."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from optix.adapters.market_data.failures import PROVIDER_ERRORS
from optix.adapters.web.pacing import X_RATELIMIT, AllowanceHeaders, Pacing
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, ScaledClock, SystemClock
from optix.ports.market_data import ProviderUnavailable

START_NS = 1_795_000_000 * NANOSECONDS
MILLISECONDS = AllowanceHeaders(limit="L", remaining="R", reset="E", reset_unit_ns=1_000_000)


class Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.clock = ScaledClock(SystemClock(), origin_ns=START_NS, speed=0)
        self.slept: list[float] = []

    @property
    def seconds(self) -> float:
        return (self.clock.now_ns() - START_NS) / NANOSECONDS

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance_to(self.clock.now_ns() + int(seconds * NANOSECONDS))

    def pacing(self, requests: int | None = 3, **more: object) -> Pacing:
        settings: dict[str, Any] = {"per_seconds": 10.0, "sleep": self.sleep, **more}
        return Pacing("V", self.clock, errors=PROVIDER_ERRORS, requests=requests, **settings)


async def test_a_window_lets_so_many_through_and_the_next_waits() -> None:
    time = Time()
    pacing = time.pacing()
    starts = []
    for _ in range(7):
        await pacing.take()
        starts.append(time.seconds)
    assert starts == [0, 0, 0, 10, 10, 10, 20]
    assert pacing.left == 2


async def test_spacing_keeps_requests_apart_without_a_limit() -> None:
    time = Time()
    pacing = time.pacing(None, spacing_seconds=0.5)
    for _ in range(4):
        await pacing.take()
    assert time.seconds == 1.5
    assert pacing.left is None


async def test_nobody_waits_longer_than_the_bound() -> None:
    time = Time()
    pacing = time.pacing(1, per_seconds=limits.PROVIDER_TURN_SECONDS_MAX + 1)
    await pacing.take()
    with pytest.raises(ProviderUnavailable) as caught:
        await pacing.take()
    assert caught.value.code == "provider_rate_limited"
    assert caught.value.retry_after_seconds == limits.PROVIDER_TURN_SECONDS_MAX + 2
    assert not time.slept


async def test_only_so_many_wait_for_their_turn() -> None:
    clock = ScaledClock(SystemClock(), origin_ns=START_NS, speed=0)
    gate = asyncio.Event()

    async def sleep(_: float) -> None:
        await gate.wait()

    pacing = Pacing("V", clock, errors=PROVIDER_ERRORS, requests=1, per_seconds=0.001, sleep=sleep)
    await pacing.take()
    waiting = [asyncio.create_task(pacing.take()) for _ in range(limits.PROVIDER_QUEUE_MAX)]
    await asyncio.sleep(0)
    with pytest.raises(ProviderUnavailable):
        await pacing.take()
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_what_a_provider_says_is_left_counts_more_than_our_own_count() -> None:
    time = Time()
    pacing = time.pacing(100, headers=X_RATELIMIT)
    reset = str(START_NS // NANOSECONDS + 8)
    await pacing.take()
    pacing.learn({"X-Ratelimit-Remaining": "1", "X-Ratelimit-Reset": reset})
    assert pacing.left == 1
    await pacing.take()
    await pacing.take()
    assert time.seconds == 8, "others spent the rest"


async def test_a_limit_and_an_expiry_in_milliseconds_are_learned() -> None:
    time = Time()
    pacing = time.pacing(100, headers=MILLISECONDS)
    reset = str(START_NS // 1_000_000 + 5_000)
    pacing.learn({"L": "2", "R": "2", "E": reset})
    assert pacing.left == 2


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"R": "x", "E": "y", "L": "nan"},
        {"R": "0", "E": "1"},
        {"R": "0", "E": "9" * 17},
        {"R": "-1", "E": str(START_NS // 1_000_000 + 5_000)},
    ],
)
async def test_odd_headers_change_nothing(headers: dict[str, str]) -> None:
    pacing = Time().pacing(100, headers=MILLISECONDS)
    pacing.learn(headers)
    assert pacing.left == 100


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.05),
        ("999999", limits.PROVIDER_PAUSE_SECONDS_MAX),
        ("soon", limits.PROVIDER_PAUSE_SECONDS),
        ("nan", limits.PROVIDER_PAUSE_SECONDS),
        ("Wed, 18 Nov 2026 11:07:00 GMT", 20.0),
        ("Wed, 18 Nov 2026 11:07:00 -0000", limits.PROVIDER_PAUSE_SECONDS),
    ],
)
async def test_a_429_says_how_long_within_bounds(header: str, seconds: float) -> None:
    assert Time().pacing().pause({"Retry-After": header}) == seconds


async def test_a_429_without_retry_after_waits_for_the_reset() -> None:
    time = Time()
    pacing = time.pacing(headers=X_RATELIMIT)
    reset = str(START_NS // NANOSECONDS + 9)
    assert pacing.pause({"X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": reset}) == 9
    await pacing.take()
    assert time.seconds == 9


async def test_who_waits_already_waits_for_a_pause_that_is_told_meanwhile() -> None:
    time = Time()
    pacing: Pacing

    async def sleep(seconds: float) -> None:
        await time.sleep(seconds)
        if len(time.slept) == 1:
            pacing.pause({"Retry-After": "4"})

    pacing = Pacing(
        "V", time.clock, errors=PROVIDER_ERRORS, requests=1, per_seconds=2.0, sleep=sleep
    )
    await pacing.take()
    await pacing.take()
    assert time.slept == [2.0, 4.0]


async def test_who_waits_is_refused_when_the_pause_is_too_long() -> None:
    time = Time()
    pacing: Pacing

    async def sleep(seconds: float) -> None:
        await time.sleep(seconds)
        pacing.pause({"Retry-After": "600"})

    pacing = Pacing(
        "V", time.clock, errors=PROVIDER_ERRORS, requests=1, per_seconds=2.0, sleep=sleep
    )
    await pacing.take()
    with pytest.raises(ProviderUnavailable):
        await pacing.take()
