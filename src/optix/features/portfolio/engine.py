"""The component that books what changed: owner after owner, soon after their history did.

Several workers share the work by a lock on each owner's books. What is to be booked lies in the
database, left by the transaction that changed the history: nothing is lost while nobody books.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from optix.features.portfolio.books import LedgerBooks
from optix.kernel import limits
from optix.kernel.errors import Unavailable
from optix.kernel.ids import UserId

LOOK_SECONDS: Final = 1.0

log = structlog.get_logger(__name__)


class LedgerNotReady(Unavailable):
    code = "ledger_not_ready"


class LedgerEngine:
    """Books owners until it is cancelled."""

    name = "ledger"

    def __init__(self, books: LedgerBooks) -> None:
        self._books = books
        self._running = False
        self._resting: dict[UserId, float] = {}  # owners who could not be booked, and until when

    async def run(self) -> None:
        """Book until cancelled. What is under way then is rolled back, and booked by the next."""
        self._running = True
        try:
            while True:
                if not await self._round():
                    await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._running = False

    async def ping(self) -> None:
        """Errors: LedgerNotReady unless histories are booked."""
        if not self._running:
            raise LedgerNotReady("Histories are not booked yet.")

    async def _round(self) -> bool:
        """Book each owner who waits once; return whether any was booked."""
        try:
            waiting = await self._books.list_waiting(limits.LEDGER_OWNERS_AT_ONCE_MAX)
        except Unavailable as error:
            log.warning("ledger.database_away", code=error.code)
            return False
        now = asyncio.get_running_loop().time()
        self._resting = {owner: until for owner, until in self._resting.items() if until > now}
        booked = [await self._book(owner) for owner in waiting if owner not in self._resting]
        return any(booked)

    async def _book(self, owner: UserId) -> bool:
        try:
            return await self._books.book(owner)
        except Unavailable as error:
            log.warning("ledger.database_away", code=error.code)
        except Exception:
            # One owner's history that cannot be booked must not keep the others from theirs.
            log.exception("ledger.booking_failed")
            rest = limits.LEDGER_RETRY_SECONDS
            self._resting[owner] = asyncio.get_running_loop().time() + rest
        return False
