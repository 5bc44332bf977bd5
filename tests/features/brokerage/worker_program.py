"""A worker as a process of its own: the real engine on Tradier's adapter, until it is killed.

python -m tests.features.brokerage.worker_program DATABASE_URL BROKER_URL
"""

from __future__ import annotations

import asyncio
import sys

from tests.features.brokerage.conftest import RING, Heard, always_open

from optix.adapters.brokers.asking import Wiring
from optix.adapters.brokers.tradier import TradierApp, TradierBroker
from optix.features.brokerage.engine import BrokerSyncEngine
from optix.features.brokerage.sync import BrokerSync
from optix.kernel import limits
from optix.kernel.clock import SystemClock
from optix.platform.db import Database
from optix.platform.key_providers import GivenRing, RingKeys
from optix.platform.vault import Vault
from optix.ports.broker import Broker

CLAIM_SECONDS = 3.0  # of the two minutes of the product, so that a test does not wait for them


async def main(database_url: str, broker_url: str) -> None:
    limits.BROKER_CLAIM_SECONDS = CLAIM_SECONDS
    clock = SystemClock()
    database = Database.from_url(database_url)
    app = TradierApp(production_url=broker_url, sandbox_url=broker_url)
    brokers: dict[str, Broker] = {"tradier": TradierBroker(app, Wiring(clock=clock))}
    sync = BrokerSync(
        database,
        brokers=brokers,
        vault=Vault(RingKeys(GivenRing(RING), clock), clock),
        clock=clock,
        listener=Heard(),
        market_open=always_open,
    )
    await BrokerSyncEngine(database, sync, brokers, clock).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
