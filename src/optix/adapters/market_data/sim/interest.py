"""Volume and open interest of one expiration on one day, as a function of the days before it.

Every day brings the interest a step nearer to what that day's price calls for: most near the money
and on round strikes, calls above the price, puts below it. So the open interest of a day is a
fading sum over the days since the date was listed, and the change to the next day is what the tape
explains by openings and closings. Calls far in the money are exercised before an ex-date.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from math import exp

import numpy as np

from optix.adapters.market_data.sim.hashing import Floats, Ints, normals, stream_key, uniforms
from optix.adapters.market_data.sim.listing import activity, lifetime_days
from optix.adapters.market_data.sim.names import SimulatedName
from optix.adapters.market_data.sim.path import MarketPath

PACE = 0.04  # of the way that interest goes in a day
MEMORY_SESSIONS = 120  # older days hardly count
EXERCISED_FROM = 1.8  # deviations in the money, from which a call is exercised for the dividend
_ROUND = ((2.0, 1.3), (10.0, 1.8), (20.0, 1.4), (100.0, 1.3))


class Interest:
    """What is held and what trades in the contracts of one expiration on session `number`."""

    def __init__(
        self,
        path: MarketPath,
        name: SimulatedName,
        number: int,
        *,
        expiration: date,
        cycle: str,
        strikes: Floats,
        ids: Ints,
        key: np.uint64,
        is_american: bool,
    ) -> None:
        self._path, self._name, self._number = path, name, number
        self._expiration, self._cycle = expiration, cycle
        self._strikes, self._ids, self._key = strikes, ids, key
        self._is_call = np.arange(len(strikes)) % 2 == 0
        assert name.surface is not None, f"{name.symbol} has no surface"
        self._vol = name.surface.vol_long
        self._round = self._roundness()
        first = expiration - timedelta(days=lifetime_days(expiration, cycle))
        listed = min(path.number_on_or_after(first), number)
        begin = max(listed, number - MEMORY_SESSIONS, 0)
        days = list(range(begin, number + 1))
        targets = self._targets(days)
        survived = self._survived(days, number) if is_american else np.ones_like(targets[:-1])
        weights = PACE * np.power(1.0 - PACE, np.arange(len(days) - 1, 0, -1) - 1.0)
        held = (weights[:, None] * targets[:-1] * survived).sum(axis=0)
        ratio = self._split_ratio(number)
        self.open_interest: Floats = np.floor(held / ratio) * ratio
        # Tonight: openings and closings lead to `traded`, then exercise to `next_interest`.
        tonight = held * (1.0 - PACE) + PACE * targets[-1]
        ratio = self._split_ratio(number + 1)
        traded = np.floor(tonight)
        left = np.floor(tonight * self._kept(number + 1)) if is_american else traded
        self.change: Floats = traded - self.open_interest
        self.exercised: Floats = traded - left
        self.next_ratio = ratio
        self.day_volume = np.maximum(self._volumes(number), np.abs(self.change))

    def _roundness(self) -> Floats:
        result = np.ones(len(self._strikes))
        for multiple, weight in _ROUND:
            step = self._name.strike_step * multiple
            on = np.isclose(np.mod(self._strikes / step, 1.0), 0.0)
            result *= np.where(on, weight, 1.0)
        return result

    def _spots(self, numbers: Sequence[int]) -> Floats:
        """Return the closes before the sessions, in shares of today."""
        path, name = self._path, self._name
        today = path.split_shift(name, self._number)
        closes = []
        for number in numbers:
            before = max(number - 1, 0)
            close = path.log_close(name.symbol, before)
            closes.append(exp(close + today - path.split_shift(name, before)))
        return np.array(closes)

    def _distances(self, numbers: Sequence[int]) -> Floats:
        """Return log-moneyness in deviations to the expiration, one row for each session."""
        left = np.array([(self._expiration - self._path.day(n)).days for n in numbers])
        scale = self._vol * np.sqrt((np.maximum(left, 0) + 7.0) / 365.0)
        moneyness: Floats = np.log(self._strikes[None, :] / self._spots(numbers)[:, None])
        result: Floats = moneyness / scale[:, None]
        return result

    def _targets(self, numbers: Sequence[int]) -> Floats:
        distance = self._distances(numbers)
        lean = np.where(self._is_call, 0.35, -0.55)
        width = np.where(self._is_call, 0.75, 0.95)
        near = np.exp(-0.5 * np.square((distance - lean) / width))
        near += 0.02 * np.exp(-np.abs(distance))
        lasting = np.exp(0.55 * normals(stream_key(self._key, "interest"), self._ids))
        held = near * (self._round * lasting)
        days = np.array([(self._expiration - self._path.day(n)).days for n in numbers])
        _, shares = activity(days, self._cycle)
        # Splits multiply contracts: interest is counted in contracts of today.
        total = self._name.open_interest * shares * self._unit()
        result: Floats = held * (total / held.sum(axis=1))[:, None]
        return result

    def _unit(self) -> float:
        return exp(-self._path.split_shift(self._name, self._number))

    def _volumes(self, number: int) -> Floats:
        distance = self._distances([number])[0]
        day = self._path.day(number)
        moving = np.exp(-0.5 * np.square(distance / 0.55)) * np.sqrt(self._round)
        noise = normals(stream_key(self._key, "volume", day.toordinal()), self._ids)
        moving *= np.exp(0.7 * noise)
        shares, _ = activity(np.array([(self._expiration - day).days]), self._cycle)
        result: Floats = self._name.option_volume * self._unit() * shares[0] * moving / moving.sum()
        return result

    def _split_ratio(self, number: int) -> float:
        """Return what contracts multiply by on the morning of a session."""
        if not number or number >= self._path.days_known:
            return 1.0
        ratio = exp(
            self._path.split_shift(self._name, number - 1)
            - self._path.split_shift(self._name, number)
        )
        return float(round(ratio)) if abs(ratio - round(ratio)) < 1e-9 else 1.0

    def _kept(self, ex_number: int) -> Floats:
        """Return what part of each contract is left after exercise for a session's dividend."""
        path, name = self._path, self._name
        everything = np.ones(len(self._strikes))
        if not name.pays_dividends or not 0 < ex_number < path.days_known:
            return everything
        day = path.day(ex_number)
        if not path.schedule.ex_days(name, day, day) or day > self._expiration:
            return everything
        deep = self._is_call & (self._distances([ex_number])[0] < -EXERCISED_FROM)
        chance = uniforms(stream_key(self._key, "exercise", day.toordinal()), self._ids)
        return np.where(deep, 0.05 + 0.25 * chance, everything)

    def _survived(self, numbers: Sequence[int], number: int) -> Floats:
        """Return what exercise has left by `number` of what each earlier session brought."""
        result = np.ones((len(numbers) - 1, len(self._strikes)))
        if self._name.pays_dividends:
            first, last = self._path.day(numbers[0]), self._path.day(number)
            for day in self._path.schedule.ex_days(self._name, first, last):
                ex_number = self._path.number_on_or_after(day)
                result[: max(ex_number - numbers[0], 0)] *= self._kept(ex_number)
        return result
