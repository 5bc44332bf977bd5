"""The brokerages of one process: built from settings, one object each, for the API and the worker.

Another brokerage is one function here, and one line in `BUILDERS`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import SecretStr
from redis.asyncio import Redis

import optix.adapters.brokers
from optix.adapters.brokers.alpaca import AlpacaApp, AlpacaBroker
from optix.adapters.brokers.asking import Wiring
from optix.adapters.brokers.etrade import EtradeApp, EtradeBroker
from optix.adapters.brokers.ibkr import IbkrApp, IbkrBroker
from optix.adapters.brokers.plaid import PlaidApp, PlaidBroker
from optix.adapters.brokers.sandbox import SandboxApp, SandboxBroker
from optix.adapters.brokers.schwab import SchwabApp, SchwabBroker
from optix.adapters.brokers.snaptrade import SnapTradeApp, SnapTradeBroker
from optix.adapters.brokers.tastytrade import TastytradeApp, TastytradeBroker
from optix.adapters.brokers.tradier import TradierApp, TradierBroker
from optix.adapters.brokers.webull import WebullApp, WebullBroker
from optix.adapters.imports.statements.registry import build_readers
from optix.features.brokerage.connections import ConnectionService
from optix.features.brokerage.engine import BrokerSyncEngine
from optix.features.brokerage.imports import StatementImports
from optix.features.brokerage.listener import EventListener
from optix.features.brokerage.overview import Connections
from optix.features.brokerage.sync import BrokerSync
from optix.features.market import calendar
from optix.kernel.clock import NANOSECONDS, Clock
from optix.platform.db import Database
from optix.platform.settings import Settings
from optix.platform.user_events import UserEvents
from optix.platform.vault import Vault
from optix.ports.broker import Broker
from optix.processes.sandbox import CLIENT_ID

NO_SECRET: Final = SecretStr("")

Build = Callable[[Settings, Wiring], Broker | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Brokerage:
    """What the API's brokerage routers stand on."""

    connecting: ConnectionService
    connections: Connections
    imports: StatementImports


def _schwab(settings: Settings, wiring: Wiring) -> Broker | None:
    key, secret = settings.brokers.broker_schwab_app_key, settings.brokers.broker_schwab_app_secret
    if not key or secret is None:
        return None
    return SchwabBroker(SchwabApp(app_key=key, app_secret=secret), wiring)


def _alpaca(settings: Settings, wiring: Wiring) -> Broker:
    given = settings.brokers
    app = AlpacaApp(
        client_id=given.broker_alpaca_client_id or "",
        client_secret=given.broker_alpaca_client_secret or NO_SECRET,
    )
    return AlpacaBroker(app, wiring)


def _tradier(settings: Settings, wiring: Wiring) -> Broker:
    given = settings.brokers
    app = TradierApp(
        client_id=given.broker_tradier_client_id or "",
        client_secret=given.broker_tradier_client_secret or NO_SECRET,
        partner=given.broker_tradier_partner,
    )
    return TradierBroker(app, wiring)


def _tastytrade(settings: Settings, wiring: Wiring) -> Broker:
    given = settings.brokers
    app = TastytradeApp(
        client_id=given.broker_tastytrade_client_id or "",
        client_secret=given.broker_tastytrade_client_secret or NO_SECRET,
        sandbox=given.broker_tastytrade_sandbox,
    )
    return TastytradeBroker(app, wiring)


def _etrade(settings: Settings, wiring: Wiring) -> Broker | None:
    given = settings.brokers
    key, secret = given.broker_etrade_consumer_key, given.broker_etrade_consumer_secret
    if not key or secret is None:
        return None
    app = EtradeApp(
        consumer_key=key,
        consumer_secret=secret,
        sandbox=given.broker_etrade_sandbox,
        callback_registered=given.broker_etrade_callback,
    )
    return EtradeBroker(app, wiring)


def _ibkr(settings: Settings, wiring: Wiring) -> Broker:
    given = settings.brokers
    certificate = given.broker_ibkr_gateway_certificate
    app = IbkrApp(
        gateway_url=given.broker_ibkr_gateway_url or "",
        gateway_passphrase=given.broker_ibkr_gateway_passphrase or NO_SECRET,
        gateway_certificate=certificate.read_text(encoding="ascii") if certificate else "",
    )
    return IbkrBroker(app, wiring)


def _webull(settings: Settings, wiring: Wiring) -> Broker:
    given = settings.brokers
    app = WebullApp(
        client_id=given.broker_webull_client_id or "",
        client_secret=given.broker_webull_client_secret or NO_SECRET,
        app_key=given.broker_webull_app_key or "",
        app_secret=given.broker_webull_app_secret or NO_SECRET,
        sandbox=given.broker_webull_sandbox,
    )
    return WebullBroker(app, wiring)


def _snaptrade(settings: Settings, wiring: Wiring) -> Broker | None:
    given = settings.brokers
    client, key = given.broker_snaptrade_client_id, given.broker_snaptrade_consumer_key
    if not client or key is None:
        return None
    return SnapTradeBroker(SnapTradeApp(client_id=client, consumer_key=key), wiring)


def _plaid(settings: Settings, wiring: Wiring) -> Broker | None:
    client, secret = settings.brokers.broker_plaid_client_id, settings.brokers.broker_plaid_secret
    if not client or secret is None:
        return None
    # Plaid calls none but an address that the world reaches.
    reachable = settings.base_url.startswith("https://")
    webhook = f"{settings.base_url}/api/v1/brokerages/plaid/webhook" if reachable else ""
    return PlaidBroker(PlaidApp(client_id=client, secret=secret, webhook_url=webhook), wiring)


# In the order of the gallery; the sandbox, which needs more than settings, is first of all.
BUILDERS: Final[Mapping[str, Build]] = {
    "schwab": _schwab,
    "ibkr": _ibkr,
    "tradier": _tradier,
    "alpaca": _alpaca,
    "tastytrade": _tastytrade,
    "webull": _webull,
    "etrade": _etrade,
    "snaptrade": _snaptrade,
    "plaid": _plaid,
}


def build_brokers(
    settings: Settings, wiring: Wiring, *, sandbox_secret: SecretStr | None = None
) -> dict[str, Broker]:
    """Return the brokerages that are offered, by name; the sandbox where its secret is given."""
    brokers: dict[str, Broker] = {}
    if sandbox_secret is not None:
        app = SandboxApp(
            client_id=CLIENT_ID,
            client_secret=sandbox_secret,
            api_url=sandbox_url(settings),
            authorise_url=f"{settings.base_url}/sandbox/authorize",
        )
        brokers["sandbox"] = SandboxBroker(app, wiring)
    for name, build in BUILDERS.items():
        broker = build(settings, wiring)
        if broker is not None:
            brokers[name] = broker
    return brokers


def sandbox_url(settings: Settings) -> str:
    """Return where this process reaches the paper brokerage, and what it tells of changes."""
    return (settings.brokers.broker_sandbox_url or settings.base_url).rstrip("/")


def tiers(brokers: Mapping[str, Broker]) -> dict[str, str]:
    """Return what the quality.toml of each adapter claims, for those that have one."""
    folder = Path(next(iter(optix.adapters.brokers.__path__)))
    files = {name: folder / name / "quality.toml" for name in brokers}
    return {
        name: str(tomllib.loads(path.read_text(encoding="utf-8"))["tier"])
        for name, path in files.items()
        if path.is_file()
    }


def brokerage_of(
    brokers: Mapping[str, Broker],
    *,
    database: Database,
    redis: Redis,
    vault: Vault,
    clock: Clock,
    base_url: str,
) -> Brokerage:
    """Return the services of the API."""
    return Brokerage(
        connecting=ConnectionService(
            database, redis, brokers=brokers, vault=vault, clock=clock, base_url=base_url
        ),
        connections=Connections(database, brokers=brokers, tiers=tiers(brokers), clock=clock),
        imports=StatementImports(database, readers=build_readers(), clock=clock),
    )


def build_sync(
    brokers: Mapping[str, Broker],
    *,
    database: Database,
    vault: Vault,
    events: UserEvents,
    clock: Clock,
) -> BrokerSyncEngine:
    """Return the component that reads connections."""
    sync = BrokerSync(
        database,
        brokers=brokers,
        vault=vault,
        clock=clock,
        listener=EventListener(events, clock),
        market_open=is_market_open,
    )
    return BrokerSyncEngine(database, sync, brokers, clock)


def is_market_open(at: datetime) -> bool:
    """Return whether stocks or options trade, before and after hours too."""
    return calendar.session_at(int(at.timestamp()) * NANOSECONDS).session != "closed"
