"""A client for one connection: signed in, paced, exact, and every exchange noted for its owner."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import httpx

from optix.adapters.brokers.exact import load_exact
from optix.adapters.web.errors import ServiceErrors
from optix.adapters.web.pacing import AllowanceHeaders, Pacing, Sleep
from optix.adapters.web.rest import Exchange, RestClient
from optix.kernel.clock import Clock
from optix.ports.broker import (
    Broker,
    BrokerBusy,
    BrokerUnavailable,
    BrokerUnreadable,
    ExchangeLog,
    Grant,
    Renew,
    SignInNeeded,
)

BROKER_ERRORS: Final = ServiceErrors(
    unavailable=BrokerUnavailable,
    refused=SignInNeeded,
    unreadable=BrokerUnreadable,
    busy=BrokerBusy,
    busy_code=BrokerBusy.code,
)
# No content is an answer of brokers that have nothing to tell.
GOOD: Final = frozenset((HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What every adapter stands on. All but the clock is for tests."""

    clock: Clock
    transport: httpx.AsyncBaseTransport | None = None
    timeout: httpx.Timeout = field(default_factory=lambda: httpx.Timeout(20.0, connect=5.0))
    sleep: Sleep = asyncio.sleep
    jitter: Callable[[], float] = random.random


def pacing_of(
    label: str,
    wiring: Wiring,
    *,
    requests: int | None,
    per_seconds: float = 60.0,
    spacing_seconds: float = 0.0,
    headers: AllowanceHeaders | None = None,
) -> Pacing:
    """Return the turns of everything that spends one allowance."""
    return Pacing(
        label,
        wiring.clock,
        errors=BROKER_ERRORS,
        sleep=wiring.sleep,
        requests=requests,
        per_seconds=per_seconds,
        spacing_seconds=spacing_seconds,
        headers=headers,
    )


def client_of(
    label: str,
    wiring: Wiring,
    *,
    base_url: str,
    pacing: Pacing,
    headers: Callable[[], Mapping[str, str]] = dict,
    renew: Callable[[], Awaitable[bool]] | None = None,
    log: ExchangeLog | None = None,
    path_note: Callable[[str], str] = lambda path: path,
    **more: Any,
) -> RestClient:
    """Return a client that speaks in the errors of the broker port.

    `path_note` takes account numbers out of a path before it is noted.
    """

    def note(exchange: Exchange) -> None:
        if log is not None:
            log.add(
                method=exchange.method,
                path=path_note(exchange.path),
                status=exchange.status,
                milliseconds=exchange.milliseconds,
                note="",
            )

    return RestClient(
        label,
        base_url=base_url,
        pacing=pacing,
        clock=wiring.clock,
        headers=headers,
        renew=renew,
        decode=load_exact,
        observe=note,
        good=GOOD,
        transport=wiring.transport,
        timeout=wiring.timeout,
        sleep=wiring.sleep,
        jitter=wiring.jitter,
        **more,
    )


class SessionCredentials:
    """The credentials of one open session, renewed when the broker refuses them.

    A renewed grant is kept before it is used: with a lost refresh token the sign-in is lost.
    """

    def __init__(self, broker: Broker, credentials: Mapping[str, str], renew: Renew) -> None:
        self._broker = broker
        self._renew = renew
        self.values = dict(credentials)

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    async def renew(self) -> bool:
        """Replace the credentials; True once others are there. Raises SignInNeeded."""
        grant: Grant = await self._broker.renew(self.values)
        await self._renew(grant)
        self.values = dict(grant.credentials)
        return True
