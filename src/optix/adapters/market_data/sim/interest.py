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
_NEAR_SUM = 6.5  # of a target over all distances, rounds and lasting differences included
_ROUND = ((2.0, 1.3), (10.0, 1.8), (20.0, 1.4), (100.0, 1.3))


class Interest:
    """What is held and what trades in the contracts of one expiration on session `number`.

    `strikes` are per share and in shares of `names.LEVELS_DATE`, so that a contract keeps its
    numbers through splits. How many others are listed changes nothing for it.
    """

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
        listed = path.number_on_or_after(first)
        begin = max(min(listed, number), number - MEMORY_SESSIONS, 0)
        days = list(range(begin, number + 1))
        # Some dates can be traded long before anybody takes a position in them.
        targets = self._targets(days) * (listed <= number)
        survived = self._survived(days, number) if is_american else np.ones_like(targets[:-1])
        weights = PACE * np.power(1.0 - PACE, np.arange(len(days) - 1, 0, -1) - 1.0)
        held = (weights[:, None] * targets[:-1] * survived).sum(axis=0)
        unit = path.contract_factor(name, number)
        before = path.contract_factor(name, max(number - 1, 0))
        # On the morning of a split every contract becomes several, none a part of one.
        self.open_interest: Floats = np.floor(held * before) * round(unit / before)
        # Tonight: openings and closings lead to `traded`, exercise from there to the next day.
        days, targets = days[-MEMORY_SESSIONS:], targets[-MEMORY_SESSIONS:]
        survived = np.concatenate((survived, np.ones((1, len(strikes)))))[-MEMORY_SESSIONS:]
        weights = PACE * np.power(1.0 - PACE, np.arange(len(days) - 1, -1, -1.0))
        kept = self._kept(number + 1) if is_american else np.ones(len(strikes))
        traded = np.floor((weights[:, None] * targets * survived).sum(axis=0) * unit)
        left = np.floor((weights[:, None] * targets * (survived * kept)).sum(axis=0) * unit)
        self.change: Floats = traded - self.open_interest
        self.exercised: Floats = traded - left
        self.day_volume = np.maximum(self._volumes(number), np.abs(self.change))

    def _roundness(self) -> Floats:
        result = np.ones(len(self._strikes))
        for multiple, weight in _ROUND:
            step = self._name.strike_step * multiple
            on = np.isclose(np.mod(self._strikes / step, 1.0), 0.0)
            result *= np.where(on, weight, 1.0)
        return result

    def _spots(self, numbers: Sequence[int]) -> Floats:
        """Return the closes before the sessions, in shares of `names.LEVELS_DATE`."""
        path, name = self._path, self._name
        eves = [max(number - 1, 0) for number in numbers]
        return np.array(
            [exp(path.log_close(name.symbol, eve) - path.split_shift(name, eve)) for eve in eves]
        )

    def _scales(self, numbers: Sequence[int]) -> Floats:
        left = np.array([(self._expiration - self._path.day(n)).days for n in numbers])
        result: Floats = self._vol * np.sqrt((np.maximum(left, 0) + 7.0) / 365.0)
        return result

    def _distances(self, numbers: Sequence[int]) -> Floats:
        """Return log-moneyness in deviations to the expiration, one row for each session."""
        moneyness = np.log(self._strikes[None, :] / self._spots(numbers)[:, None])
        result: Floats = moneyness / self._scales(numbers)[:, None]
        return result

    def _targets(self, numbers: Sequence[int]) -> Floats:
        distance = self._distances(numbers)
        lean = np.where(self._is_call, 0.35, -0.55)
        width = np.where(self._is_call, 0.75, 0.95)
        near = np.exp(-0.5 * np.square((distance - lean) / width))
        near += 0.02 * np.exp(-np.abs(distance))
        lasting = np.exp(0.55 * normals(stream_key(self._key, "interest"), self._ids))
        days = np.array([(self._expiration - self._path.day(n)).days for n in numbers])
        _, shares = activity(days, self._cycle)
        # A strike's part is what lies within its usual distance to the next one.
        step = self._name.strike_step / self._spots(numbers) / self._scales(numbers)
        total = self._name.open_interest * shares * step / _NEAR_SUM
        result: Floats = near * (self._round * lasting) * total[:, None]
        return result

    def _volumes(self, number: int) -> Floats:
        distance = self._distances([number])[0]
        day = self._path.day(number)
        moving = np.exp(-0.5 * np.square(distance / 0.55)) * np.sqrt(self._round)
        noise = normals(stream_key(self._key, "volume", day.toordinal()), self._ids)
        moving *= np.exp(0.7 * noise)
        shares, _ = activity(np.array([(self._expiration - day).days]), self._cycle)
        result: Floats = self._volume(number) * shares[0] * moving / moving.sum()
        return result

    def _volume(self, number: int) -> float:
        return self._name.option_volume * self._path.contract_factor(self._name, number)

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
