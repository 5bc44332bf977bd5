"""A worker of the benchmark: `python -m benchmarks.sync_worker DATABASE_URL BROKER_URL RING`.

The product's engine and Tradier's adapter. Ended by a signal; prints for each reading that it began
when it was due, when it began and how it ended, as one JSON list.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from typing import Final

import orjson
import uvloop

from optix.adapters.brokers.asking import Wiring
from optix.adapters.brokers.tradier import TradierApp, TradierBroker
from optix.features.brokerage.engine import BrokerSyncEngine
from optix.features.brokerage.models import BrokerAccountRow, BrokerConnection
from optix.features.brokerage.sync import BrokerSync, Progress
from optix.features.identity.models import UserAccount
from optix.kernel.clock import SystemClock
from optix.kernel.errors import OptixError
from optix.platform.db import Database
from optix.platform.key_providers import GivenRing, RingKeys
from optix.platform.vault import Vault
from optix.ports.broker import Broker

assert UserAccount.__tablename__ == "user_account", "what connections point to is there"
ENDS: Final = (signal.SIGTERM, signal.SIGINT)


class Silence:
    """Tells nobody: what is measured is the reading."""

    async def progressed(self, progress: Progress) -> None: ...
    async def changed(self, account: BrokerAccountRow, what: str) -> None: ...
    async def finished(self, connection: BrokerConnection, error: OptixError | None) -> None: ...


class TimedSync(BrokerSync):
    """Notes when each reading was due, when it began, how long it took and how it ended."""

    readings: list[tuple[float, float, float, str]]

    async def read(self, connection: BrokerConnection) -> OptixError | None:
        clock = SystemClock()
        due, began = connection.next_sync_at.timestamp(), clock.now_ns() / 1e9
        error = await super().read(connection)
        took = clock.now_ns() / 1e9 - began
        self.readings.append((due, began, took, error.code if error else ""))
        return error


async def main(database_url: str, broker_url: str, ring: str) -> None:
    clock = SystemClock()
    database = Database.from_url(database_url)
    app = TradierApp(production_url=broker_url, sandbox_url=broker_url)
    brokers: dict[str, Broker] = {"tradier": TradierBroker(app, Wiring(clock=clock))}
    sync = TimedSync(
        database,
        brokers=brokers,
        vault=Vault(RingKeys(GivenRing(ring), clock), clock),
        clock=clock,
        listener=Silence(),
        market_open=lambda _: True,
    )
    sync.readings = []
    engine = asyncio.create_task(BrokerSyncEngine(database, sync, brokers, clock).run())
    for each in ENDS:
        asyncio.get_running_loop().add_signal_handler(each, engine.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await engine
    await database.close()
    sys.stdout.buffer.write(orjson.dumps(sync.readings))


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
