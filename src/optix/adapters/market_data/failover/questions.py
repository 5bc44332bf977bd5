"""One question to several providers: in order, in time, and with one sentence when all fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, TypeVar

import structlog

from optix.adapters.market_data.failover.member import Member
from optix.kernel import limits
from optix.kernel.clock import Clock
from optix.kernel.errors import NotFound, OptixError
from optix.ports.market_data import (
    DataKind,
    MarketDataProvider,
    ProviderUnavailable,
    UnsupportedRequest,
)

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Questions:
    """Asks members, each for so long, and leaves out those that failed again and again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._running: dict[Hashable, asyncio.Task[Any]] = {}

    async def ask(
        self,
        kind: DataKind,
        name: Hashable,
        members: Sequence[Member],
        call: Callable[[MarketDataProvider], Awaitable[T]],
    ) -> tuple[Member, T]:
        """Return the first answer and who gave it. The same question at once is asked once.

        A symbol is unknown when nobody knows it. Errors: the NotFound of the first who did not,
        ProviderUnavailable, UnsupportedRequest.
        """
        key = (kind, name)
        task = self._running.get(key)
        if task is None:
            task = asyncio.ensure_future(self._in_order(kind, members, call))
            self._running[key] = task
            task.add_done_callback(lambda _: self._running.pop(key, None))
            task.add_done_callback(_forget_failure)
        found: tuple[Member, T] = await asyncio.shield(task)
        return found

    async def close(self) -> None:
        """End what is still being asked."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _in_order(
        self,
        kind: DataKind,
        members: Sequence[Member],
        call: Callable[[MarketDataProvider], Awaitable[T]],
    ) -> tuple[Member, T]:
        unknown: list[OptixError] = []
        unsupported: list[OptixError] = []
        away: list[str] = []
        for member in members:
            why_not = self._why_not(member, kind)
            if why_not:
                away.append(f"{member.capabilities.label}: {why_not}")
                continue
            try:
                return member, await self._try(member, kind, call)
            except NotFound as error:
                unknown.append(error)
            except UnsupportedRequest as error:
                unsupported.append(error)
            except OptixError as error:
                away.append(f"{member.capabilities.label}: {error.detail}")
        raise _merged(kind, unknown, unsupported, away)

    def _why_not(self, member: Member, kind: DataKind) -> str:
        if not member.is_open:
            return member.reason
        if member.breakers[kind].is_open(self._clock.now_ns()):
            return "It failed again and again and is left alone for a moment."
        return ""

    async def _try(
        self,
        member: Member,
        kind: DataKind,
        call: Callable[[MarketDataProvider], Awaitable[T]],
    ) -> T:
        """Ask one member and remember how it went. A clear no is an answer and no failure."""
        breaker, outcomes = member.breakers[kind], member.outcomes[kind]
        try:
            async with asyncio.timeout(limits.FAILOVER_TRY_SECONDS_MAX):
                answer = await call(member.provider)
        except (NotFound, UnsupportedRequest):
            self._note(member, kind, "")
            raise
        except OptixError as error:
            breaker.failed(self._clock.now_ns(), wait_seconds=error.retry_after_seconds or 0.0)
            self._note(member, kind, error.code)
            raise
        except TimeoutError as error:
            breaker.failed(self._clock.now_ns())
            self._note(member, kind, "timed_out")
            raise ProviderUnavailable("It did not answer in time.") from error
        except Exception as error:
            log.exception("failover.question_failed", provider=member.name, kind=str(kind))
            breaker.failed(self._clock.now_ns())
            self._note(member, kind, "failed")
            raise ProviderUnavailable("Its adapter failed.") from error
        breaker.succeeded()
        outcomes.note(self._clock.now_ns(), good=True)
        return answer

    def _note(self, member: Member, kind: DataKind, reason: str) -> None:
        now_ns = self._clock.now_ns()
        member.outcomes[kind].note(now_ns, good=not reason)
        if reason:
            member.errors.note(reason, now_ns)


def _merged(
    kind: DataKind,
    unknown: Sequence[OptixError],
    unsupported: Sequence[OptixError],
    away: Sequence[str],
) -> OptixError:
    """Return the one error that tells what all of them said."""
    if unknown:
        first = unknown[0]
        if away:
            could_not = " ".join(away)
            detail = f"{first.detail} Not everybody could be asked. {could_not}"
            return type(first)(detail, code=first.code, next_step=first.next_step)
        return first
    if away:
        return ProviderUnavailable(" ".join(away))
    if unsupported:
        return unsupported[0]
    return UnsupportedRequest(f"None of the market feeds has {kind.replace('_', ' ')}.")


def _forget_failure(task: asyncio.Task[Any]) -> None:
    """Read the failure, which each asker hears, or asyncio reports one without askers as lost."""
    if not task.cancelled():
        task.exception()
