"""A simulated market on the real calendar, with a clock that moves only when told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from optix.adapters.market_data.sim.names import DEFAULT_NAMES, SimulatedName
from optix.adapters.market_data.sim.path import MarketPath
from optix.adapters.market_data.sim.provider import SimulatedMarket
from optix.adapters.market_data.sim.sessions import ListingPrograms, SessionCalendar
from optix.features.market import calendar, expirations
from optix.kernel.clock import ScaledClock, SystemClock, to_ns

SEED = 11
FIRST_DAY = date(2026, 1, 2)  # a short world is walked quickly
SESSIONS: SessionCalendar = calendar
PROGRAMS: ListingPrograms = expirations
NEW_YORK = ZoneInfo("America/New_York")


def new_york(*parts: int) -> int:
    """Return the instant of a New York wall clock."""
    year, month, day, *clock = parts
    hour, minute, second = (*clock, 0, 0, 0)[:3]
    return to_ns(datetime(year, month, day, hour, minute, second, tzinfo=NEW_YORK))


def step_clock(instant_ns: int) -> ScaledClock:
    return ScaledClock(SystemClock(), origin_ns=instant_ns, speed=0)


def make_path(names: Sequence[SimulatedName] = DEFAULT_NAMES, seed: int = SEED) -> MarketPath:
    return MarketPath(seed=seed, sessions=SESSIONS, names=names, first_day=FIRST_DAY)


def make_market(
    instant_ns: int, *, seed: int = SEED, first_day: date = FIRST_DAY
) -> tuple[SimulatedMarket, ScaledClock]:
    clock = step_clock(instant_ns)
    return SimulatedMarket(clock, SESSIONS, PROGRAMS, seed=seed, first_day=first_day), clock
