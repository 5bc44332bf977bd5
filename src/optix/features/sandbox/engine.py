"""Fills paper orders that rest, while the sandbox runs."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from optix.features.sandbox.service import Sandbox
from optix.kernel.errors import OptixError, Unavailable

ROUND_SECONDS: Final = 2.0

log = structlog.get_logger(__name__)


class SandboxNotReady(Unavailable):
    code = "sandbox_not_ready"


class RestingOrders:
    """Looks at the orders that rest, round after round."""

    name = "sandbox"

    def __init__(self, sandbox: Sandbox, *, round_seconds: float = ROUND_SECONDS) -> None:
        self._sandbox = sandbox
        self._round_seconds = round_seconds
        self._running = False

    async def run(self) -> None:
        """Run until cancelled. A round that fails is told, and the next one comes."""
        self._running = True
        try:
            while True:
                try:
                    await self._sandbox.fill_resting()
                except OptixError as error:
                    log.warning("sandbox.round_failed", code=error.code, detail=error.detail)
                await asyncio.sleep(self._round_seconds)
        finally:
            self._running = False

    async def ping(self) -> None:
        """Errors: SandboxNotReady unless orders that rest are looked at."""
        if not self._running:
            raise SandboxNotReady("Paper orders are not filled yet.")
