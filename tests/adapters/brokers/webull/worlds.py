"""A user at Webull who holds something and has done something, for tests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from tests.contracts.broker import (
    BrokerWorld,
    quick_wiring,
)
from tests.fakes.brokers.webull import (
    APP_SECRET,
    CLIENT_SECRET,
    USER_KEY,
    USER_SECRET,
    FakeWebull,
    app_of,
    filled,
    group,
    option,
    order,
    order_leg,
    shares,
    stock_leg,
)

from optix.adapters.brokers.asking import Wiring
from optix.adapters.brokers.webull import WebullBroker
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, ScaledClock
from optix.ports.broker import (
    BrokerSession,
    Grant,
)

ORIGIN = datetime(2026, 3, 3, 20, 0, tzinfo=UTC)  # three in the afternoon in New York
COVERED = group(
    "COVERED_STOCK",
    "2",
    stock_leg("100", "110", "2000"),
    option("CALL", "120", "4.00", "3.00", "200"),
)
POSITIONS = [shares("MSFT"), COVERED]
HISTORY = [
    order("working", "2026-03-03T19:00:00.000Z"),
    filled("today", "2026-03-03T18:00:00.000Z"),
    filled(
        "package",
        "2026-03-02T15:00:00.000Z",
        "1.25",
        instrument_type="OPTION",
        legs=[order_leg("BUY", "CALL", "120", "2"), order_leg("SELL", "CALL", "130", "2")],
    ),
    order("gone", "2026-03-02T14:00:00.000Z", "CANCELLED"),
    filled("before", "2026-02-27T15:00:00.000Z"),
]
ACTIVITIES = 3  # one, and the two legs of the package


def wiring_of(clock: ScaledClock) -> Wiring:
    """Return what tests stand on, with pauses that move the clock: the pace is a slow one."""

    async def pass_time(seconds: float) -> None:
        clock.advance_to(clock.now_ns() + int(seconds * NANOSECONDS))

    return replace(quick_wiring(clock), sleep=pass_time)


@dataclass
class PacedWorld(BrokerWorld):
    """A pause of one is a pause of all: a user who comes later comes after it."""

    clock: ScaledClock | None = None

    async def open(self) -> BrokerSession:
        assert self.clock is not None
        pause = int(limits.PROVIDER_PAUSE_SECONDS) + 1
        self.clock.advance_to(self.clock.now_ns() + pause * NANOSECONDS)
        return await super().open()


def world_of(
    server: FakeWebull, clock: ScaledClock, *, keys: bool = False, **changed: Any
) -> BrokerWorld:
    def hold_nothing() -> None:
        server.positions, server.groups = [], []

    app = app_of(server, **({"client_id": ""} if keys else {}), **changed)
    return PacedWorld(
        broker=WebullBroker(app, wiring_of(clock)),
        server=server,
        days=(date(2026, 3, 1), date(2026, 3, 3)),
        activities=ACTIVITIES,
        secrets=(CLIENT_SECRET, APP_SECRET, USER_SECRET, "that-must-not-show"),
        agree=None if keys else server.allow,
        typed={"app_key": USER_KEY, "app_secret": USER_SECRET} if keys else {},
        end_access=server.end_access,
        hold_nothing=hold_nothing,
        clock=clock,
    )


async def keep(grant: Grant) -> None:
    raise AssertionError(grant)
