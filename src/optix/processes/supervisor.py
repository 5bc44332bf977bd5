"""Runs the components of one process together: starts, restarts, stops them in order.

A component is anything with a name, `run()` that works until it is cancelled, and `ping()` that
raises when it cannot do its work. What runs where is decided in `wiring.py`.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import structlog

from optix.kernel.errors import OptixError, Unavailable

STOP_SECONDS_MAX = 10.0
FORCED_EXIT_CODE = 130  # what a shell reports for a program ended by Ctrl-C

log = structlog.get_logger(__name__)


class Component(Protocol):
    """One part of the program."""

    name: str

    async def run(self) -> None:
        """Work until cancelled. Returning or raising earlier is a failure."""

    async def ping(self) -> None:
        """Return if the component can do its work now, else raise."""


class ComponentFailed(Unavailable):
    """A component ended and its policy does not allow (another) start."""

    code = "component_failed"
    next_step = "Read the log lines above this one, correct the cause and start again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What happens when a component ends by itself.

    It is started again after a pause that doubles; more than `failures_max` ends within
    `window_seconds` stop the program. `failures_max=0` stops it at once, and so does an error whose
    code is in `final`: it will not go away by itself.
    """

    failures_max: int = 5
    window_seconds: float = 120.0
    pause_seconds_first: float = 0.5
    pause_seconds_max: float = 30.0
    final: frozenset[str] = frozenset()

    def pause_seconds(self, failures: int) -> float:
        """Return the pause after the given number of failures (1 or more) in the window."""
        return min(self.pause_seconds_first * 2.0 ** (failures - 1), self.pause_seconds_max)


RESTART = Policy()
STOP_PROGRAM = Policy(failures_max=0)


class _EndedEarly(Exception):
    """`run()` came back without being cancelled."""


async def run_components(
    components: Sequence[Component],
    *,
    stop: asyncio.Event,
    policies: Mapping[str, Policy] | None = None,
    stop_seconds_max: float = STOP_SECONDS_MAX,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Run all until `stop` is set, then cancel them in reverse order.

    `policies` are by component name, RESTART for the others. All stops together get
    `stop_seconds_max`; what has not ended then is logged and left behind.

    Errors: ComponentFailed when a component may not be started again; the others are stopped first.
    """
    policies = policies or {}
    tasks = [
        asyncio.create_task(
            _keep_running(component, policies.get(component.name, RESTART), sleep),
            name=component.name,
        )
        for component in components
    ]
    stopped = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        failed = [task for task in tasks if task.done() and not task.cancelled()]
        await _stop_in_reverse(tasks, stop_seconds_max)
    for task in failed:
        await task  # raises what ended it


async def _keep_running(
    component: Component, policy: Policy, sleep: Callable[[float], Awaitable[None]]
) -> None:
    """Run one component, again after each failure that the policy allows."""
    loop = asyncio.get_running_loop()
    failures: list[float] = []
    while True:
        log.info("component_started", component=component.name)
        try:
            await component.run()
            raise _EndedEarly("ended without being asked to")  # noqa: TRY301  # same as a failure
        except (Exception, SystemExit) as error:  # noqa: BLE001  # the edge: logged just below
            # SystemExit too: a server library that calls sys.exit() must not end the others.
            cause = error
        now = loop.time()
        failures = [at for at in failures if now - at < policy.window_seconds] + [now]
        known = isinstance(cause, (OptixError, _EndedEarly, SystemExit))
        log.error(
            "component_failed",
            component=component.name,
            reason=str(cause) or type(cause).__name__,
            failures=len(failures),
            exc_info=None if known else cause,
        )
        if len(failures) > policy.failures_max or getattr(cause, "code", None) in policy.final:
            raise ComponentFailed(
                f"The component {component.name} does not stay up: "
                f"{str(cause) or type(cause).__name__}",
                next_step=cause.next_step if isinstance(cause, OptixError) else None,
            ) from cause
        pause_seconds = policy.pause_seconds(len(failures))
        log.info("component_restarts", component=component.name, in_seconds=pause_seconds)
        await sleep(pause_seconds)


async def _stop_in_reverse(tasks: Sequence[asyncio.Task[None]], seconds_max: float) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds_max
    for task in reversed(tasks):
        if task.done():
            continue
        task.cancel()
        await asyncio.wait([task], timeout=max(deadline - loop.time(), 0.0))
        if not task.done():
            log.warning("component_did_not_stop", component=task.get_name())
        elif not task.cancelled() and task.exception() is not None:
            log.warning(
                "component_failed_while_stopping",
                component=task.get_name(),
                reason=str(task.exception()),
            )
        else:
            log.info("component_stopped", component=task.get_name())


@asynccontextmanager
async def stop_on_signals(
    stop: asyncio.Event, *, say: Callable[[str], None] = lambda _: None
) -> AsyncIterator[None]:
    """Set `stop` on the first SIGINT, SIGTERM or SIGHUP; end the process at once on the next.

    Ending at once leaves nothing behind: embedded servers stop by themselves when their last user
    is gone, and an open transaction is rolled back.
    """
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            say("Stopped at once.")
            os._exit(FORCED_EXIT_CODE)
        say("Stopping. Press Ctrl-C again to stop at once.")
        stop.set()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
