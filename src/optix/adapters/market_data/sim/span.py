"""One session, or the pause after it, minute by minute and second by second.

Inside a span every minute has a node on a Brownian bridge between the states at its two edges;
inside a minute the price follows one of a thousand stored bridges of seconds. Both are picked by
hash, so the price of an instant can be had without walking to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import numpy.typing as npt

from optix.adapters.market_data.sim.dynamics import (
    LEVERAGE,
    SESSION_WEIGHT,
    SESSIONS_PER_YEAR,
    Dynamics,
    Step,
    log_trend,
    vol_step_sd,
)
from optix.adapters.market_data.sim.hashing import (
    Floats,
    Ints,
    hash_bits,
    normals,
    stream_key,
    uniforms,
)
from optix.adapters.market_data.sim.names import FACTOR_VOLS, SimulatedName
from optix.adapters.market_data.sim.volatility_index import VolatilityIndex
from optix.kernel.clock import NANOSECONDS

MINUTE_NS = 60 * NANOSECONDS
SECONDS = 60  # of a minute, which therefore has one more node
VOLUME_IN_SESSION = 0.97  # of a day's volume; the rest trickles in during the pause

_TEMPLATES = 1_024
_QUIET = 0.45  # the least a minute swings, as a share of a usual minute
_VOL_FLOOR = 0.35  # of long volatility
HALT_MINUTES = 5
HALT_JUMP = 0.03  # a jump of this size stops trading (limit up, limit down)
_SECOND_FRACTIONS: Floats = np.arange(SECONDS + 1) / SECONDS


def minute_shapes(seed: int) -> Floats:
    """Return standard bridges over the seconds of a minute, one row each, zero at both ends."""
    draws = normals(stream_key("shapes", seed), np.arange(_TEMPLATES * SECONDS))
    walks = np.zeros((_TEMPLATES, SECONDS + 1))
    walks[:, 1:] = np.cumsum(draws.reshape(_TEMPLATES, SECONDS), axis=1) / np.sqrt(SECONDS)
    result: Floats = walks - walks[:, -1:] * _SECOND_FRACTIONS
    return result


def session_weights(minutes: int) -> Floats:
    """Return each minute's share of a session's variance and volume: high at both ends."""
    place = (np.arange(minutes) + 0.5) / minutes
    weights = 0.6 + 1.6 * np.square(2.0 * place - 1.0)
    result: Floats = weights / weights.sum()
    return result


def short_vol(spec: SimulatedName, market_vol: Floats, own_vol: Floats) -> Floats:
    """Return the short-dated implied volatility of a name with the market and itself so moved."""
    assert spec.surface is not None, f"{spec.symbol} has no surface"
    moved = np.exp(spec.vol_beta * market_vol + own_vol)
    # Implied volatility never falls as far as realised: options keep a premium.
    result: Floats = spec.surface.vol_long * (_VOL_FLOOR + (1.0 - _VOL_FLOOR) * moved)
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class NamePath:
    """The path of one name through one span. Instants outside are held at its edges."""

    start_ns: int
    nodes: Floats  # log price at each whole minute
    sd_minute: Floats
    market_share: float  # correlation of the seconds with the market's
    own_share: float
    market_shapes: Ints
    own_shapes: Ints
    shapes: Floats
    volume_nodes: Floats  # share of the whole day's volume
    vol_nodes: Floats  # short-dated implied volatility, annual

    @property
    def minutes(self) -> int:
        return len(self.sd_minute)

    def _locate(self, instants_ns: Ints) -> tuple[Ints, Floats]:
        """Return the minute of each instant and the seconds into it."""
        offset = np.clip(instants_ns - self.start_ns, 0, self.minutes * MINUTE_NS)
        minute = np.minimum(offset // MINUTE_NS, self.minutes - 1)
        return minute, (offset - minute * MINUTE_NS) / NANOSECONDS

    def _interpolate(self, nodes: Floats, instants_ns: Ints) -> Floats:
        minute, seconds = self._locate(instants_ns)
        start = nodes[minute]
        result: Floats = start + (nodes[minute + 1] - start) * (seconds / SECONDS)
        return result

    def vols_short(self, instants_ns: Ints) -> Floats:
        """Return the short-dated implied volatility at each instant."""
        return self._interpolate(self.vol_nodes, instants_ns)

    def volume_shares(self, instants_ns: Ints) -> Floats:
        """Return which part of the whole day's volume had traded at each instant."""
        return self._interpolate(self.volume_nodes, instants_ns)

    def log_prices(self, instants_ns: Ints) -> Floats:
        """Return the logarithm of the price at each instant."""
        minute, seconds = self._locate(instants_ns)
        second = np.minimum(seconds.astype(np.int64), SECONDS - 1)
        market, own = self.market_shapes[minute], self.own_shapes[minute]
        noise = [
            self.market_share * self.shapes[market, at] + self.own_share * self.shapes[own, at]
            for at in (second, second + 1)
        ]
        start = self.nodes[minute]
        chord = start + (self.nodes[minute + 1] - start) * (seconds / SECONDS)
        swing = noise[0] + (noise[1] - noise[0]) * (seconds - second)
        result: Floats = chord + self.sd_minute[minute] * swing
        return result

    def grid(self, first: int, last: int) -> Floats:
        """Return log prices at the seconds of the minutes first <= m < last, one row a minute."""
        part = slice(first, last)
        steps = np.diff(self.nodes[first : last + 1])
        noise = self.market_share * self.shapes[self.market_shapes[part]]
        if self.own_share > 0:
            noise += self.own_share * self.shapes[self.own_shapes[part]]
        noise *= self.sd_minute[part, None]
        noise += self.nodes[part][: len(steps), None]
        noise += steps[:, None] * _SECOND_FRACTIONS
        return noise


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanPlace:
    """Where a span lies in time, and what is known of it before."""

    day: date
    is_session: bool
    start_ns: int
    end_ns: int
    report_minutes: Mapping[str, int]  # when who reports earnings
    shift: Callable[[str, Ints], Floats]  # of a log price by dividends and splits


class Span:
    """All names through one span; the path of a name is made when it is first asked for."""

    def __init__(
        self,
        place: SpanPlace,
        step: Step,
        dynamics: Dynamics,
        shapes: Floats,
        volatility_indices: dict[str, VolatilityIndex],
    ) -> None:
        self.place = place
        self._step = step
        self._dynamics = dynamics
        self._shapes = shapes
        self._volatility_indices = volatility_indices
        self._count = (place.end_ns - place.start_ns) // MINUTE_NS
        self._minutes = np.arange(self._count)
        self._factors: dict[str, Floats] = {}
        self._paths: dict[str, NamePath] = {}

    def path(self, symbol: str) -> NamePath:
        known = self._paths.get(symbol)
        if known is None:
            known = self._paths[symbol] = self._make(symbol)
        return known

    def _key(self, *stream: str) -> np.uint64:
        place = self.place
        return stream_key(
            self._dynamics.seed, place.day.isoformat(), int(place.is_session), *stream
        )

    @cached_property
    def _clock(self) -> Floats:
        """Share of the span's variance that has passed at each node."""
        if not self.place.is_session:
            return np.arange(self._count + 1) / self._count
        return np.concatenate(([0.0], np.cumsum(session_weights(self._count))))

    def _bridge(self, *stream: str) -> Floats:
        """Return a standard Brownian bridge on the span's own clock."""
        draws = normals(self._key("bridge", *stream), self._minutes)
        walk = np.concatenate(([0.0], np.cumsum(draws * np.sqrt(np.diff(self._clock)))))
        result: Floats = walk - walk[-1] * self._clock
        return result

    def _way(self, start: float, end: float, jump: float, *stream: str) -> Floats:
        """Return the straight way from start to end, of which `jump` is made in one minute."""
        way: Floats = start + (end - start - jump) * self._clock
        if jump:
            way[self._jump_minute(*stream) + 1 :] += jump
        return way

    def _jump_minute(self, *stream: str) -> int:
        return int(uniforms(self._key("jump minute", *stream), np.zeros(1))[0] * self._count)

    def _own_way(self, spec: SimulatedName) -> Floats:
        at, step = self._dynamics.positions[spec.symbol], self._step
        start, end, report = step.start.own[at], step.end.own[at], float(step.reports[at])
        jump = float(step.own_jump[at])
        way = self._way(float(start), float(end) - report, jump, "own", spec.symbol)
        if report:
            way[self.place.report_minutes[spec.symbol] + 1 :] += report
        return way

    def halt(self, symbol: str) -> tuple[int, int] | None:
        """Return the minutes first <= m < last in which a name is halted, None where it is not."""
        at = self._dynamics.positions[symbol]
        jump = float(self._step.own_jump[at])
        if not self.place.is_session or abs(jump) < HALT_JUMP:
            return None
        first = self._jump_minute("own", symbol)
        # At the very end of a session there is no time to open again.
        return (first, first + HALT_MINUTES) if first + HALT_MINUTES < self._count - 1 else None

    @cached_property
    def _market_bridge(self) -> Floats:
        return self._bridge("factor", "market")

    def _factor(self, name: str) -> Floats:
        known = self._factors.get(name)
        if known is None:
            at, step = self._dynamics.factor_names.index(name), self._step
            bridge = self._market_bridge if name == "market" else self._bridge("factor", name)
            way = self._way(
                float(step.start.factors[at]),
                float(step.end.factors[at]),
                float(step.factor_jump[at]),
                "factor",
                name,
            )
            known = self._factors[name] = way + float(step.factor_sd[at]) * bridge
        return known

    @cached_property
    def _market_vol(self) -> Floats:
        """Log of market volatility at the nodes: it leans against the market inside the span."""
        weight = SESSION_WEIGHT if self.place.is_session else 1.0 - SESSION_WEIGHT
        lean = LEVERAGE * vol_step_sd(weight / SESSIONS_PER_YEAR)
        start, end = self._step.start.market_vol, self._step.end.market_vol
        result: Floats = start + (end - start) * self._clock + lean * self._market_bridge
        return result

    @cached_property
    def _market_shapes(self) -> Ints:
        return self._pick_shapes("market")

    def _pick_shapes(self, *stream: str) -> Ints:
        bits = hash_bits(self._key("shapes", *stream), self._minutes)
        return (bits % np.uint64(_TEMPLATES)).astype(np.int64)

    def _vols(self, spec: SimulatedName) -> Floats:
        at, step = self._dynamics.positions[spec.symbol], self._step
        start, end = float(step.start.own_vol[at]), float(step.end.own_vol[at])
        return short_vol(spec, self._market_vol, start + (end - start) * self._clock)

    def _volumes(self, symbol: str) -> Floats:
        weights = np.diff(self._clock) * np.exp(
            0.45 * normals(self._key("volume", symbol), self._minutes)
        )
        halted = self.halt(symbol)
        if halted is not None:
            weights[slice(*halted)] = 0.0
        passed = np.concatenate(([0.0], np.cumsum(weights)))
        passed /= passed[-1]
        if self.place.is_session:
            return VOLUME_IN_SESSION * passed
        return VOLUME_IN_SESSION + (1.0 - VOLUME_IN_SESSION) * passed

    def _make(self, symbol: str) -> NamePath:
        names, step = self._dynamics.names, self._step
        name = names[self._dynamics.positions[symbol]]
        # A fund that tracks an index, or an index of its volatility, walks with that index.
        at = self._dynamics.source_of(symbol)
        spec = names[at]
        instants = self.place.start_ns + MINUTE_NS * np.arange(self._count + 1)
        nodes = log_trend(name, spec.growth_annual, instants) + self.place.shift(symbol, instants)
        variance = vol_usual = 0.0
        for factor, loading in spec.loadings.items():
            column = self._dynamics.factor_names.index(factor)
            nodes = nodes + loading * self._factor(factor)
            variance += (loading * float(step.factor_sd[column])) ** 2
            vol_usual += (loading * FACTOR_VOLS[factor]) ** 2
        if spec.vol_own > 0:
            nodes = (
                nodes
                + self._own_way(spec)
                + float(step.own_sd[at]) * self._bridge("own", spec.symbol)
            )
            variance += float(step.own_sd[at]) ** 2
            vol_usual += spec.vol_own**2
        market_sd = spec.loadings.get("market", 0.0) * float(step.factor_sd[0])
        share = float(np.clip(market_sd / np.sqrt(variance), -1.0, 1.0))
        # A quiet market still breathes: without a floor a weekend would stand still at the width
        # of a tick. The swing is zero at every whole minute, so no variance builds up.
        usual = float(np.sqrt(vol_usual / (SESSIONS_PER_YEAR * 390)))
        sd_minute: Floats = np.maximum(np.sqrt(variance * np.diff(self._clock)), _QUIET * usual)
        halted = self.halt(symbol)
        if halted is not None:
            first, last = halted
            nodes[first : last + 1] = nodes[first]
            sd_minute[first:last] = 0.0
        vols = self._vols(spec)
        if name.vol_index_of is not None:
            nodes = np.log(self._volatility_indices[name.symbol].levels(vols))
            # Per unit of market return the log of volatility moves by leverage · its own daily
            # deviation over the market's daily deviation.
            lean = LEVERAGE * vol_step_sd(1.0 / SESSIONS_PER_YEAR) * np.sqrt(SESSIONS_PER_YEAR)
            sd_minute = sd_minute * (1.0 - _VOL_FLOOR) * abs(lean) / FACTOR_VOLS["market"]
            share = -1.0
        return NamePath(
            start_ns=self.place.start_ns,
            nodes=nodes,
            sd_minute=sd_minute,
            market_share=share,
            own_share=float(np.sqrt(1.0 - share**2)),
            market_shapes=self._market_shapes,
            own_shapes=self._pick_shapes("own", spec.symbol),
            shapes=self._shapes,
            volume_nodes=self._volumes(symbol),
            vol_nodes=vols,
        )


def as_instants(instant_ns: int) -> npt.NDArray[np.int64]:
    """Return one instant as the array that paths take."""
    return np.array([instant_ns], dtype=np.int64)
