"""Which contracts the simulated exchanges list: dates, roots and strikes.

Strikes follow the price as on an exchange: when a date is first listed its strikes are laid around
the price of that day, dense near it and wider further out, and when the price moves, strikes are
added. None is ever withdrawn, because the range only grows while the date lives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from math import exp
from typing import NamedTuple

import numpy as np

from optix.adapters.market_data.sim.hashing import Floats, Ints
from optix.adapters.market_data.sim.names import SimulatedName
from optix.adapters.market_data.sim.path import MarketPath
from optix.adapters.market_data.sim.sessions import ListedExpiration, ListingPrograms
from optix.adapters.market_data.tables import unknown_expiration
from optix.kernel.instrument import Settlement
from optix.kernel.roots import roots_of, settlement_of, style_of
from optix.ports.market_data import ChainKey, Expiration

_STEPS = (0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 200.0, 500.0)
_JANUARY_DAYS, _QUARTER_DAYS, _MONTH_DAYS, _WEEK_DAYS = 1_150, 420, 200, 60
# Strikes are laid when a date is listed, and closer ones as it comes nearer.
_LAYERS_DAYS = (_JANUARY_DAYS, _QUARTER_DAYS, _MONTH_DAYS, _WEEK_DAYS)


@dataclass(frozen=True, slots=True)
class Zone:
    """Strikes at multiples of `step` as far as `below` and `above`, in log-moneyness."""

    step: float
    below: float
    above: float


def lifetime_days(expiration: date, cycle: str) -> int:
    """Return how long before it expires a date is listed; it depends on the date alone."""
    if cycle in {"monthly", "leaps"}:
        if expiration.month == 1:
            return _JANUARY_DAYS
        return _QUARTER_DAYS if expiration.month % 3 == 0 else _MONTH_DAYS
    return _QUARTER_DAYS if cycle == "quarterly" else _WEEK_DAYS


def zones(strike_step: float, vol: float, days: int) -> tuple[Zone, ...]:
    """Return the intervals laid `days` before a date: dense, middle and far."""
    deviation = vol * float(np.sqrt(days / 365.0))
    first = _STEPS.index(strike_step) + (2 if days > 500 else 1 if days > 300 else 0)

    def step(further: int) -> float:
        return _STEPS[min(first + further, len(_STEPS) - 1)]

    nearest = deviation if days > 300 else vol * float(np.sqrt(_WEEK_DAYS / 365.0))
    dense, middle = min(1.2 * nearest, 0.45), min(2.8 * deviation, 0.9)
    return (
        Zone(step(0), dense, dense),
        Zone(step(2), middle, min(middle, 0.7)),
        Zone(step(4), min(6.0 * deviation, 1.6), min(4.0 * deviation, 1.0)),
    )


def strikes_milli(low: float, high: float, laid: Sequence[Zone]) -> set[int]:
    """Return the strikes, in thousandths, for a price that has been between low and high."""
    strikes: set[int] = set()
    for zone in laid:
        step = round(zone.step * 1000)
        first = int(np.ceil(low * np.exp(-zone.below) * 1000 / step))
        last = int(np.floor(high * np.exp(zone.above) * 1000 / step))
        strikes.update(range(max(first, 1) * step, (last + 1) * step, step))
    return strikes


class _Era(NamedTuple):
    """Sessions between two splits: their prices are in shares of session `unit`."""

    first: int
    last: int
    unit: int
    divisor: float  # of strikes laid then
    adjusted: bool


class Listing:
    """The dates and strikes of every name on a day of the exchange."""

    def __init__(self, path: MarketPath, programs: ListingPrograms) -> None:
        self._path = path
        self._programs = programs
        self._on_day = lru_cache(maxsize=512)(self._list_day)

    def _list_day(self, symbol: str, today: date) -> tuple[ListedExpiration, ...]:
        program = self._programs.program_of(symbol)
        listed = self._programs.standard_expirations(today, program)
        return tuple(item for item in listed if item.date >= today)

    def listed(self, name: SimulatedName, today: date) -> tuple[ListedExpiration, ...]:
        return self._on_day(name.symbol, today) if name.has_options else ()

    def on(self, name: SimulatedName, key: ChainKey, today: date) -> list[ListedExpiration]:
        """Return the AM and PM listings of one date. Raises UnknownExpiration."""
        found = [item for item in self.listed(name, today) if item.date == key.expiration]
        if not found:
            raise unknown_expiration(key.underlying, key.expiration)
        return found

    def ladders(
        self, name: SimulatedName, listed: ListedExpiration, day_number: int
    ) -> dict[str, tuple[int, ...]]:
        """Return the strikes of each root of a date on session `day_number`: fixed until the next.

        A split with a whole ratio divides the strikes that were there; another one moves them to
        an adjusted root, which gets no new ones.
        """
        assert name.surface is not None, f"{name.symbol} has no surface"
        lifetime = lifetime_days(listed.date, listed.cycle)
        last = max(day_number - 1, 0)
        today = self._path.day(day_number)
        root = root_for(name.symbol, listed)
        ladders: dict[str, set[int]] = {root: set()}
        for days in _LAYERS_DAYS:
            laid_on = listed.date - timedelta(days=days)
            if days > lifetime or (laid_on > today and days != lifetime):
                continue
            first = min(max(self._path.number_on_or_after(laid_on) - 1, 0), last)
            laid = zones(name.strike_step, name.surface.vol_long, days)
            for part in self._between_splits(name, first, day_number):
                low, high = self._path.log_close_range(
                    name.symbol, part.first, part.last, unit=part.unit
                )
                strikes = strikes_milli(exp(low), exp(high), laid)
                held = ladders.setdefault(adjusted_root(root) if part.adjusted else root, set())
                held |= {_divided(milli, part.divisor) for milli in strikes}
        return {held: tuple(sorted(strikes)) for held, strikes in ladders.items() if strikes}

    def _between_splits(self, name: SimulatedName, first: int, day_number: int) -> Iterator[_Era]:
        """Yield the stretches from session `first` to the eve of `day_number` between splits."""
        last = max(day_number - 1, 0)
        divisor, adjusted = 1.0, False
        unit, end = day_number, last
        for split in reversed(name.splits):
            effective = self._path.number_on_or_after(split.ex_date)
            if effective > day_number or effective <= first:
                continue
            # The close before a split, in new shares, is where the first new strikes are laid.
            yield _Era(min(effective - 1, end), end, unit, divisor, adjusted)
            if split.is_even:
                divisor *= split.ratio
            else:
                adjusted = True
            unit, end = effective - 1, effective - 1
        yield _Era(min(first, end), end, unit, divisor, adjusted)

    def expirations(self, name: SimulatedName, today: date, day_number: int) -> list[Expiration]:
        """Return every date and root of a name, ascending."""
        return [
            Expiration(
                date=item.date,
                root=root,
                style=style_of(root),
                settlement=item.settlement,
                contracts=2 * len(strikes),
            )
            for item in self.listed(name, today)
            for root, strikes in sorted(self.ladders(name, item, day_number).items())
        ]


def adjusted_root(root: str) -> str:
    """Return the root of contracts whose deliverable a split with a broken ratio changed."""
    return f"{root}1"


def shares_of(name: SimulatedName, root: str) -> float:
    """Return what a contract of a root delivers, in standard contracts."""
    if root not in {adjusted_root(standard) for standard in roots_of(name.symbol)}:
        return 1.0
    return float(np.prod([split.ratio for split in name.splits if not split.is_even]))


def _divided(strike_milli: int, divisor: float) -> int:
    """Return a strike after splits, in whole cents as the clearing house rounds it."""
    return strike_milli if divisor == 1.0 else max(round(strike_milli / divisor / 10.0) * 10, 10)


def root_for(symbol: str, listed: ListedExpiration) -> str:
    """Return the root of a date: SPX for AM, SPXW for PM, VIXW between the months of VIX."""
    roots = [
        root for root in roots_of(symbol) if settlement_of(root, listed.date) is listed.settlement
    ]
    assert roots, f"{symbol} has no root that settles {Settlement(listed.settlement)}"
    return roots[-1] if listed.cycle == "weekly" else roots[0]


def activity(days: Ints, cycle: str) -> tuple[Floats, Floats]:
    """Return an expiration's share of a name's option volume and of its open interest.

    Volume crowds into the nearest dates, open interest into the monthly ones. `days` are left.
    """
    left = np.maximum(days, 0)
    lasting = cycle in {"monthly", "leaps", "quarterly"}
    volume = 0.30 * np.exp(-left / 1.5) + (0.05 if lasting else 0.025) * np.exp(-left / 25.0)
    volume += 0.002 * np.exp(-left / 400.0)
    interest = (0.13 if lasting else 0.022) * np.exp(-left / (240.0 if lasting else 30.0))
    return volume, interest
