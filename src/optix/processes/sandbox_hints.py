"""Tells OPTIX of changes in its sandbox brokerage, as brokerages elsewhere do: by webhook."""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import UUID

import httpx
import structlog
from pydantic import SecretStr

from optix.adapters.brokers.sandbox.hints import HEADER, hint_body, signature
from optix.features.sandbox.engine import SandboxNotReady
from optix.kernel.clock import Clock

HINT_PATH: Final = "/api/v1/brokerages/sandbox/webhook"
WAITING_MAX: Final = 1_000
SECONDS_MAX: Final = 10.0

log = structlog.get_logger(__name__)


class SandboxHints:
    """Sends hints one after the other. One that is lost costs nothing but time: the accounts are
    read at their pace all the same.
    """

    name = "sandbox hints"

    def __init__(self, address: str, secret: SecretStr, clock: Clock) -> None:
        self._address = address
        self._secret = secret.get_secret_value()
        self._clock = clock
        self._waiting: dict[UUID, None] = {}  # each holder once, in the order they came
        self._some = asyncio.Event()
        self._running = False

    def tell(self, holder: UUID) -> None:
        """Note that an account of `holder` changed."""
        if len(self._waiting) < WAITING_MAX:
            self._waiting[holder] = None
            self._some.set()

    async def run(self) -> None:
        """Run until cancelled."""
        self._running = True
        try:
            async with httpx.AsyncClient(timeout=SECONDS_MAX) as client:
                while True:
                    await self._some.wait()
                    self._some.clear()
                    while self._waiting:
                        holder = next(iter(self._waiting))
                        del self._waiting[holder]
                        await self._send(client, holder)
        finally:
            self._running = False

    async def ping(self) -> None:
        """Errors: SandboxNotReady unless hints are sent."""
        if not self._running:
            raise SandboxNotReady("Paper trades are not told of yet.")

    async def _send(self, client: httpx.AsyncClient, holder: UUID) -> None:
        body = hint_body(str(holder), self._clock.now_ns())
        headers = {HEADER: signature(self._secret, body), "Content-Type": "application/json"}
        try:
            answer = await client.post(self._address, content=body, headers=headers)
        except httpx.HTTPError as error:
            log.info("sandbox.hint_lost", error=type(error).__name__)
            return
        if answer.status_code >= 400:
            log.warning("sandbox.hint_refused", status=answer.status_code)
