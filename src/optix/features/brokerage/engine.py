"""The component that reads connections when they are due: many at once, each broker at its pace.

Workers share the work by claims in the database: a connection is read by one of them at a time, and
by another one soon after that one died.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from optix.features.brokerage import repository
from optix.features.brokerage.models import BrokerConnection
from optix.features.brokerage.rules import Breaker
from optix.features.brokerage.sync import BrokerSync
from optix.kernel import limits
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import OptixError, Unavailable
from optix.platform.db import Database
from optix.ports.broker import Broker, BrokerUnavailable

LOOK_SECONDS: Final = 1.0

log = structlog.get_logger(__name__)


class SyncNotReady(Unavailable):
    code = "sync_not_ready"


class BrokerSyncEngine:
    """Claims what is due and reads it, `BROKER_READS_AT_ONCE_MAX` at a time."""

    name = "brokerage"

    def __init__(
        self, database: Database, sync: BrokerSync, brokers: Mapping[str, Broker], clock: Clock
    ) -> None:
        self._database = database
        self._sync = sync
        self._brokers = brokers
        self._clock = clock
        self._breakers = dict.fromkeys(brokers, Breaker())
        self._reading: set[asyncio.Task[None]] = set()
        self._trying: set[str] = set()  # brokers with a tripped breaker that are asked again
        self._running = False

    async def run(self) -> None:
        """Read until cancelled; what is under way then is left to the next worker's claim."""
        self._running = True
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    free = limits.BROKER_READS_AT_ONCE_MAX - len(self._reading)
                    claimed = await self._claim(free) if free else []
                    for connection in claimed:
                        task = tasks.create_task(self._read(connection))
                        self._reading.add(task)
                        task.add_done_callback(self._reading.discard)
                    await asyncio.sleep(0 if free and len(claimed) == free else LOOK_SECONDS)
        finally:
            self._running = False

    async def ping(self) -> None:
        """Errors: SyncNotReady unless connections are read."""
        if not self._running:
            raise SyncNotReady("Brokerages are not read yet.")

    async def _claim(self, most: int) -> list[BrokerConnection]:
        """Take what is due. A broker that failed for everybody gives one, which decides."""
        now_ns = self._clock.now_ns()
        now = to_datetime(now_ns)
        closed = [name for name, each in self._breakers.items() if not each.tripped]
        tried = [
            name
            for name, each in self._breakers.items()
            if each.tripped and each.allows(now_ns) and name not in self._trying
        ]
        try:
            async with self._database.writing() as session:
                found = [*await repository.claim_due(session, now, brokers=closed, most=most)]
                for name in tried[: most - len(found)]:
                    found += await repository.claim_due(session, now, brokers=[name], most=1)
        except Unavailable as error:
            log.warning("brokerage.database_away", code=error.code)
            return []
        self._trying |= {each.broker for each in found} & set(tried)
        return found

    async def _read(self, connection: BrokerConnection) -> None:
        error: OptixError | None = None
        try:
            error = await self._sync.read(connection)
        except Unavailable as away:
            # Its end could not be written: the claim ends by itself, and it is read again.
            log.warning("brokerage.database_away", code=away.code)
            return
        except Exception:
            log.exception("brokerage.read_failed", broker=connection.broker)
            return
        finally:
            self._trying.discard(connection.broker)
        # What is the user's own (a sign-in that ended), or ours, says nothing about the broker.
        failed = isinstance(error, BrokerUnavailable)
        now_ns = self._clock.now_ns()
        breaker = self._breakers[connection.broker]
        after = breaker.after(failed=failed, now_ns=now_ns)
        if not after.allows(now_ns) and breaker.allows(now_ns):
            log.warning("brokerage.broker_left_alone", broker=connection.broker)
        self._breakers[connection.broker] = after
