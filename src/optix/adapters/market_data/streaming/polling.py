"""What is asked for by REST, when: the ground under a stream, and everything it does not carry."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog

from optix.kernel import limits
from optix.kernel.errors import NotFound, OptixError
from optix.ports.market_data import ChainKey, ProviderUnavailable

_log = structlog.get_logger(__name__)

UNKNOWN_SECONDS = 600.0
RETRY_SECONDS_FIRST = 1.0
RETRY_SECONDS_MAX = 60.0


class Tape(NamedTuple):
    """The nearest contracts of an underlying whose prints are wanted without any chain."""

    underlying: str


Thing = str | ChainKey | Tape  # a str is the quote of a security


@dataclass(frozen=True, slots=True, kw_only=True)
class PollTimes:
    """How often to ask, in seconds. Streamed things are asked again for what no stream carries."""

    quote: float = 15.0
    chain: float = 60.0
    streamed: float = 300.0
    tape: float = 3_600.0


@dataclass(slots=True)
class _Entry:
    asked_at: float = -1.0  # of the last attempt that ended
    retry_at: float = 0.0
    failures: int = 0
    error: OptixError | None = None
    loaded: bool = False
    urgent: bool = True


@dataclass(slots=True)
class Schedule:
    """Remembers how each thing went. `interval` says how long an answer of it is good now."""

    interval: Callable[[Thing], float]
    _entries: dict[Thing, _Entry] = field(default_factory=dict)

    def want(self, things: Collection[Thing]) -> None:
        """Follow `things`, at most POLLED_THINGS_MAX, and forget all others."""
        kept = sorted(things, key=lambda thing: (type(thing).__name__, thing))
        kept = kept[: limits.POLLED_THINGS_MAX]
        self._entries = {thing: self._entries.get(thing) or _Entry() for thing in kept}

    def due(self, now: float) -> list[Thing]:
        """Return what may be asked now: urgent things first, then the longest neglected."""
        due = [
            (not entry.urgent, entry.asked_at, index, thing)
            for index, (thing, entry) in enumerate(self._entries.items())
            if self._due_at(thing, entry) <= now
        ]
        return [thing for _, _, _, thing in sorted(due, key=lambda item: item[:3])]

    def next_due(self, now: float, busy: Collection[Thing]) -> float | None:
        """Return in how many seconds something is due that is not being asked; None: nothing."""
        times = [
            self._due_at(thing, entry)
            for thing, entry in self._entries.items()
            if thing not in busy
        ]
        return max(min(times) - now, 0.0) if times else None

    def succeeded(self, thing: Thing, now: float) -> None:
        entry = self._entries.get(thing)
        if entry is not None:
            entry.asked_at, entry.error, entry.failures = now, None, 0
            entry.loaded, entry.urgent = True, False

    def failed(self, thing: Thing, error: OptixError, now: float) -> None:
        entry = self._entries.get(thing)
        if entry is None:
            return
        entry.failures += 1
        entry.asked_at, entry.error = now, error
        entry.retry_at = now + _retry_seconds(error, entry.failures)

    def hurry(self) -> None:
        """Ask for everything again as soon as may be: what is known is from before a gap."""
        for entry in self._entries.values():
            entry.urgent = True

    def wants(self, thing: Thing) -> bool:
        return thing in self._entries

    @property
    def loaded(self) -> bool:
        """Whether anything was had."""
        return any(entry.loaded for entry in self._entries.values())

    @property
    def trouble(self) -> str:
        """Why something cannot be had now; empty where everything can."""
        for entry in self._entries.values():
            if isinstance(entry.error, ProviderUnavailable):
                return entry.error.detail
        return ""

    def lost(self, now: float) -> ProviderUnavailable | None:
        """Return why nothing at all can be had; None while anything can, or is to be tried."""
        if any(self._due_at(thing, entry) <= now for thing, entry in self._entries.items()):
            return None
        errors = [entry.error for entry in self._entries.values()]
        lost = [error for error in errors if isinstance(error, ProviderUnavailable)]
        return lost[0] if lost and all(error is not None for error in errors) else None

    def _due_at(self, thing: Thing, entry: _Entry) -> float:
        if entry.error is not None:
            return entry.retry_at
        if entry.urgent or not entry.loaded:
            return 0.0
        return entry.asked_at + self.interval(thing)


Ask = Callable[[Sequence[Thing]], Awaitable[Mapping[Thing, OptixError]]]


class Poller:
    """Asks what is due, a few questions at a time. `ask` returns what failed; it never raises what
    a provider can cause. `wake` is called when a question was answered or failed.
    """

    def __init__(
        self,
        ask: Ask,
        interval: Callable[[Thing], float],
        wake: Callable[[], None],
        *,
        label: str,
    ) -> None:
        self.schedule = Schedule(interval)
        self._ask = ask
        self._wake = wake
        self._label = label
        self._changed = asyncio.Event()
        self._failing: set[Thing] = set()

    def want(self, things: Collection[Thing]) -> None:
        self.schedule.want(things)
        self._failing &= set(things)
        self._changed.set()

    def hurry(self) -> None:
        """Ask for everything again as soon as may be."""
        self.schedule.hurry()
        self._changed.set()

    async def run(self) -> None:
        running: dict[asyncio.Task[None], Sequence[Thing]] = {}
        try:
            while True:
                self._changed.clear()
                busy = {thing for things in running.values() for thing in things}
                due = [thing for thing in self.schedule.due(_now()) if thing not in busy]
                for things in _batches(due)[: limits.POLLS_AT_ONCE_MAX - len(running)]:
                    running[asyncio.create_task(self._ask_one(things))] = things
                    busy.update(things)
                await self._wait(running, busy)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _wait(
        self, running: dict[asyncio.Task[None], Sequence[Thing]], busy: set[Thing]
    ) -> None:
        """Wait for an answer, for another demand, or for the next thing to be due."""
        full = len(running) >= limits.POLLS_AT_ONCE_MAX
        changed = asyncio.create_task(self._changed.wait())
        try:
            await asyncio.wait(
                {changed, *running},
                timeout=None if full else self.schedule.next_due(_now(), busy),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            changed.cancel()
        for task in [task for task in running if task.done()]:
            del running[task]
            task.result()

    async def _ask_one(self, things: Sequence[Thing]) -> None:
        failed = await self._ask(things)
        for thing in things:
            error = failed.get(thing)
            if error is None:
                self.schedule.succeeded(thing, _now())
                if thing in self._failing:
                    self._failing.discard(thing)
                    _log.info("provider_answers_again", provider=self._label, thing=thing)
                continue
            self.schedule.failed(thing, error, _now())
            if thing not in self._failing:
                self._failing.add(thing)
                _log.warning("provider_failed", provider=self._label, thing=thing, why=error.detail)
        self._wake()


def _batches(things: Sequence[Thing]) -> list[Sequence[Thing]]:
    """Return `things` as questions: quotes of many securities are one, all else is one each."""
    batches: list[Sequence[Thing]] = []
    symbols = [thing for thing in things if isinstance(thing, str)]
    size = limits.QUOTE_SYMBOLS_PER_REQUEST_MAX
    batches += [symbols[start : start + size] for start in range(0, len(symbols), size)]
    batches += [(thing,) for thing in things if not isinstance(thing, str)]
    return batches


def _now() -> float:
    return asyncio.get_running_loop().time()


def _retry_seconds(error: OptixError, failures: int) -> float:
    if isinstance(error, NotFound):
        return UNKNOWN_SECONDS
    if error.retry_after_seconds is not None:
        return float(error.retry_after_seconds)
    doubled = RETRY_SECONDS_FIRST * 2.0 ** min(failures - 1, 10)
    return (
        RETRY_SECONDS_MAX if error.code == "provider_refused" else min(doubled, RETRY_SECONDS_MAX)
    )
