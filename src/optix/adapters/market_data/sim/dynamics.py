"""The random walk of the market's state from one edge of a session to the next.

Model, per step of w/252 years: the volatility of the market is log-normal and reverts to its mean,
falls when the market rises (leverage) and jumps when the market drops; shared factors and own
parts revert weakly to their trend, which keeps the levels plausible over years. All numbers are
logarithms; all draws hang on seed and date, so the walk is the same in every process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import numpy as np

from optix.adapters.market_data.sim.hashing import Floats, Ints, normals, stream_key, uniforms
from optix.adapters.market_data.sim.names import FACTOR_VOLS, LEVELS_DATE, SimulatedName
from optix.kernel.clock import NANOSECONDS, to_ns

EDITION = 41  # of the world: this one stands near its plausible levels late in 2026 at seed 1
SESSION_WEIGHT = 0.70  # share of a day's variance between open and close; the rest is the pause
SESSIONS_PER_YEAR = 252.0
LEVERAGE = -0.78  # correlation of the market's return and of its volatility

_LEVELS_NS = to_ns(datetime.combine(LEVELS_DATE, time(), tzinfo=UTC))
_YEAR_NS = 365 * 86_400 * NANOSECONDS
_FACTOR_REVERSION = 0.9  # per year
_OWN_REVERSION = 1.6
_VOL_REVERSION = 8.0
_VOL_SD = 0.32  # stationary, of the log of market volatility
_OWN_VOL_SD = 0.12
_JUMPS_PER_YEAR = 4.0
_MARKET_JUMP = (-0.016, 0.010)  # mean and deviation
_VOL_PER_JUMP = -9.0  # log volatility per unit of market return in a jump
_OWN_JUMP_DAYS = 2.2  # deviation of an own jump in usual days of that name


@dataclass(frozen=True, slots=True)
class State:
    """The market at the edge of a span. Arrays align with factors or with names."""

    factors: Floats
    own: Floats
    market_vol: float
    own_vol: Floats


@dataclass(frozen=True, slots=True)
class Step:
    """How one state became the next: what the way between them needs."""

    start: State
    end: State
    factor_sd: Floats
    own_sd: Floats
    factor_jump: Floats
    own_jump: Floats
    reports: Floats  # jumps on earnings, of those who report in this pause


def vol_step_sd(years: float) -> float:
    """Return the deviation of log market volatility over a step."""
    return float(_VOL_SD * np.sqrt(-np.expm1(-2.0 * _VOL_REVERSION * years)))


def log_trend(name: SimulatedName, growth_annual: float, instants_ns: Ints | int) -> Floats:
    """Return the log of the level that a price reverts to."""
    years = (np.asarray(instants_ns) - _LEVELS_NS) / _YEAR_NS
    result: Floats = np.log(name.level) + growth_annual * years
    return result


class Dynamics:
    """Draws the steps. Names with no own volatility have no own part and no own jumps."""

    def __init__(self, seed: int, names: Sequence[SimulatedName]) -> None:
        self.seed = seed
        self.names = tuple(names)
        self.factor_names = tuple(FACTOR_VOLS)
        self.factor_vols = np.array(list(FACTOR_VOLS.values()))
        self._own_vols = np.array([name.vol_own for name in names])
        self._report_moves = np.array([name.earnings_move for name in names])
        self.positions = {name.symbol: at for at, name in enumerate(names)}
        self._sources = {
            name.symbol: self.positions[name.tracks or name.vol_index_of or name.symbol]
            for name in names
        }
        self._weights = [
            np.array([name.loadings.get(factor, 0.0) for factor in self.factor_names])
            for name in names
        ]
        # Draws of a name hang on its symbol, so that another list of names changes nothing.
        own = np.array([int(stream_key(name.symbol)) >> 16 for name in names], dtype=np.int64)
        own = own << 3
        factors = len(self.factor_names)
        shared = np.arange(factors + 2) << 3
        self._ids = np.concatenate((shared, own + 1, own + 2, own + 3))
        self._factor_part = slice(0, factors)
        self._market_part = slice(factors, factors + 2)
        self._own_part = slice(factors + 2, None)
        self._chance_ids = np.concatenate((np.array([4]), own + 5))
        self._report_ids = own + 6

    def source_of(self, symbol: str) -> int:
        """Return the position of the name whose walk a name follows: its own, or its index's."""
        return self._sources[symbol]

    def log_level(self, symbol: str, state: State, instant_ns: int) -> float:
        """Return the log price of a name in `state`; not for an index of volatility."""
        at = self._sources[symbol]
        name = self.names[self.positions[symbol]]
        moved = float(self._weights[at] @ state.factors) + float(state.own[at])
        return float(log_trend(name, self.names[at].growth_annual, instant_ns)) + moved

    def first_state(self) -> State:
        count = len(self.names)
        factors = np.zeros(len(self.factor_names))
        return State(factors, np.zeros(count), 0.0, np.zeros(count))

    def step(
        self, start: State, day: date, *, is_session: bool, reporting: frozenset[str] = frozenset()
    ) -> Step:
        """Return the step of a session, or of the pause after it, from `start`.

        `reporting` are the companies whose price jumps on a report within it.
        """
        years = (SESSION_WEIGHT if is_session else 1.0 - SESSION_WEIGHT) / SESSIONS_PER_YEAR
        key = stream_key(EDITION, self.seed, day.isoformat(), int(is_session))
        draws = normals(key, self._ids)
        factor_draws, (vol_draw, jump_draw) = draws[self._factor_part], draws[self._market_part]
        own_draws, own_vol_draws, own_jump_draws = draws[self._own_part].reshape(3, -1)
        chances = uniforms(key, self._chance_ids)

        restlessness = np.where(np.arange(len(factor_draws)) == 0, 1.0, 0.5)
        factor_sd = self.factor_vols * np.exp(restlessness * start.market_vol) * np.sqrt(years)
        own_level = np.exp(0.5 * start.market_vol + start.own_vol)
        own_sd = self._own_vols * own_level * np.sqrt(years)

        factor_jump = np.zeros(len(factor_draws))
        if chances[0] < _JUMPS_PER_YEAR * years:
            factor_jump[0] = _MARKET_JUMP[0] + _MARKET_JUMP[1] * jump_draw
        size = _OWN_JUMP_DAYS * self._own_vols / np.sqrt(SESSIONS_PER_YEAR)
        jumps = chances[1:] < _JUMPS_PER_YEAR * years
        own_jump = np.where(jumps, size * own_jump_draws, 0.0)

        reports = np.zeros(len(self.names))
        if reporting:
            told = np.array([name.symbol in reporting for name in self.names])
            moves = self._report_moves * normals(key, self._report_ids)
            reports = np.where(told, moves, 0.0)

        vol_shock = LEVERAGE * factor_draws[0] + np.sqrt(1.0 - LEVERAGE**2) * vol_draw
        end = State(
            factors=start.factors * np.exp(-_FACTOR_REVERSION * years)
            + factor_sd * factor_draws
            + factor_jump,
            own=start.own * np.exp(-_OWN_REVERSION * years)
            + own_sd * own_draws
            + own_jump
            + reports,
            market_vol=float(
                start.market_vol * np.exp(-_VOL_REVERSION * years)
                + vol_step_sd(years) * vol_shock
                + _VOL_PER_JUMP * min(factor_jump[0], 0.0)
            ),
            own_vol=start.own_vol * np.exp(-_VOL_REVERSION * years)
            + _OWN_VOL_SD * np.sqrt(-np.expm1(-2.0 * _VOL_REVERSION * years)) * own_vol_draws,
        )
        return Step(start, end, factor_sd, own_sd, factor_jump, own_jump, reports)
