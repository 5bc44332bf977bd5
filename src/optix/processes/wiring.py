"""What runs where: builds the components of a process from settings. Plain code, no container.

    optix up            api + stream + feed + worker in one program
    optix run feed      one of them (an operator's Deployment)

The API and the stream share one web server, one book and one origin when they run together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from redis.asyncio import Redis

from optix import __version__
from optix.adapters.brokers.asking import Wiring as BrokerWiring
from optix.adapters.issuers.adapter import OidcIssuer
from optix.adapters.issuers.client import IssuerClient
from optix.features.brokerage.export import exported_accounts, exported_connections
from optix.features.brokerage.imports import exported_imports
from optix.features.identity.development import DEVELOPMENT_ACCOUNTS
from optix.features.identity.development import seed_development_accounts as seed
from optix.features.identity.passwords import PasswordHasher
from optix.features.identity.service import Identity, NativeApps
from optix.features.identity.tokens import KeyRing, SigningKey
from optix.features.market.agreements import exported_agreements
from optix.features.market.book import MarketBook
from optix.features.market.history import MarketHistory
from optix.features.market.lanes import MarketLanes
from optix.features.portfolio.books import LedgerBooks
from optix.features.portfolio.engine import LedgerEngine
from optix.features.portfolio.structures_view import exported_overrides
from optix.features.watchlists.service import exported_watchlists
from optix.kernel.clock import Clock, SystemClock
from optix.kernel.errors import InvalidInput
from optix.platform.bus import Bus, connect
from optix.platform.db import Database
from optix.platform.embedded.stores import StoreUrls
from optix.platform.health import HealthCheck
from optix.platform.key_providers import GivenRing, RingKeys, key_provider
from optix.platform.metrics import new_registry
from optix.platform.migrations import run_migrations
from optix.platform.secrets import Secrets
from optix.platform.security_settings import LimitSettings, ListSettings
from optix.platform.settings import Settings
from optix.platform.telemetry import hide
from optix.platform.user_events import UserEvents
from optix.platform.vault import Vault
from optix.ports.broker import Broker
from optix.ports.issuers import Issuer
from optix.processes.api import MODULES, ApiDependencies, create_app, require_modules
from optix.processes.brokers import (
    Brokerage,
    brokerage_of,
    build_brokers,
    build_sync,
    sandbox_url,
)
from optix.processes.composition import DevelopmentAccount
from optix.processes.history import LateHistory
from optix.processes.http_server import HTTPServer
from optix.processes.market import Market, market_of, open_fan
from optix.processes.operations import create_operations_app
from optix.processes.record import record_feed as record
from optix.processes.sandbox import client_secret, mount_sandbox
from optix.processes.sandbox_hints import HINT_PATH, SandboxHints
from optix.processes.stream import Stream, stream_of
from optix.processes.supervisor import STOP_PROGRAM, Component, Policy
from optix.processes.terminal import print_chain as terminal_chain
from optix.processes.worker import build_worker

__all__ = [
    "COMPONENTS",
    "MODULES",
    "build_components",
    "migrate",
    "openapi_document",
    "policies",
    "record",
    "seed_development_accounts",
    "step_replay",
    "terminal_chain",
]

# What features add to the export of somebody's own data.
SECTIONS: Final = {
    "market_data_agreements": exported_agreements,
    "brokerage_connections": exported_connections,
    "brokerage_accounts": exported_accounts,
    "brokerage_imports": exported_imports,
    "watchlists": exported_watchlists,
    "structure_overrides": exported_overrides,
}
COMPONENTS: Final = ("worker", "feed", "stream", "api")


class UnknownComponent(InvalidInput):
    code = "unknown_component"
    next_step = f"Choose from: {', '.join(COMPONENTS)}."


@dataclass(slots=True, kw_only=True)
class Resources:
    """What components of one process share. As a component it only waits, and closes last."""

    database: Database
    redis: Redis
    bus: Bus
    identity: Identity
    name: str = "resources"

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await self.identity.close()
            await self.database.close()
            await self.bus.close()

    async def ping(self) -> None:
        await self.database.ping()
        await self.bus.ping()


def build_components(
    settings: Settings,
    names: Sequence[str],
    stores: StoreUrls,
    secrets: Secrets,
    *,
    modules: Sequence[str] | None = None,
) -> list[Component]:
    """Return the components named, in the order in which they start.

    `modules` limits the routers of the API. Errors: UnknownComponent, UnknownModule.
    """
    unknown = [name for name in names if name not in COMPONENTS]
    if unknown or not names:
        raise UnknownComponent(f"There is no component {', '.join(unknown) or 'named'}.")
    require_modules(modules or ())
    hide(*secrets.texts(), *_passwords(stores))
    clock = SystemClock()
    redis = connect(stores.redis_url)
    database = Database.from_url(stores.database_url)
    bus = Bus(redis, clock)
    vault = Vault(key_provider(settings, secrets, clock), clock)
    identity = _identity(settings, secrets, database, redis, vault=vault, clock=clock)
    shared = Resources(database=database, redis=redis, bus=bus, identity=identity)
    components: list[Component] = [shared]
    market = market_of(settings, bus, database, clock)
    brokers = _brokers(settings, secrets, clock)
    capture = market.capture() if "worker" in names else None
    work: list[HealthCheck] = []
    if "worker" in names:
        events = UserEvents(redis)
        sync = build_sync(brokers, database=database, vault=vault, events=events, clock=clock)
        ledger = LedgerEngine(LedgerBooks(database, clock))
        worker = build_worker(settings, stores, identity, events, capture, keeper=market.keeper)
        components += [worker, sync, ledger]
        work = [HealthCheck("brokerage sync", sync.ping), HealthCheck("ledger", ledger.ping)]
    registry = new_registry()
    served = _modules(names, modules)
    feeds = market.feeds(registry) if "feed" in names else []
    components += feeds
    if served or "stream" in names or capture is not None:
        components += market.lanes.books
    stream = None
    if "stream" in names:
        stream = stream_of(settings, market.lanes, identity, redis, registry)
        components.append(stream.notices)
    if served or stream is not None:
        components.append(identity.ended)
    checks = _health_checks(market, stream, work)
    if served:
        brokerage = _brokerage(settings, shared, brokers, vault)
        deps = _dependencies(
            settings,
            secrets,
            shared,
            market=market,
            brokerage=brokerage,
            registry=registry,
            checks=checks,
        )
        components += _api_server(settings, secrets, deps, served, stream)
    else:
        own = [HealthCheck(f"market {feed.name}", feed.ping) for feed in feeds]
        own += checks if stream is not None else work
        if stream is not None:
            components.append(stream.server(settings))
        components += _operations(settings, secrets, registry, own)
    if stream is not None:
        components.append(stream.gateway)  # the last to start is the first to stop
    return components


def _dependencies(
    settings: Settings,
    secrets: Secrets,
    shared: Resources,
    *,
    market: Market,
    brokerage: Brokerage,
    registry: CollectorRegistry,
    checks: Sequence[HealthCheck],
) -> ApiDependencies:
    return ApiDependencies(
        environment=settings.core.env,
        version=__version__,
        database=shared.database,
        redis=shared.redis,
        identity=shared.identity,
        lanes=market.lanes,
        history=market.history,
        brokerage=brokerage,
        clock=market.clock,
        metrics_token=secrets.metrics_token.get_secret_value(),
        health_checks=checks,
        web_folder=settings.http.web_dir,
        cors_origins=settings.network.cors_origins,
        trusted_proxies=settings.network.trusted_proxies,
        rate_limits=settings.limits.per_minute,
        watchlist_symbols=settings.lists.watchlist_symbols,
        riskless=settings.market.risk_free_rate,
        registry=registry,
    )


def _brokers(settings: Settings, secrets: Secrets, clock: Clock) -> dict[str, Broker]:
    secret = sandbox_secret(secrets) if settings.sandbox_brokerage else None
    return build_brokers(settings, BrokerWiring(clock=clock), sandbox_secret=secret)


def _brokerage(
    settings: Settings, shared: Resources, brokers: Mapping[str, Broker], vault: Vault
) -> Brokerage:
    return brokerage_of(
        brokers,
        database=shared.database,
        redis=shared.redis,
        vault=vault,
        clock=shared.identity.clock,
        base_url=settings.base_url,
    )


def sandbox_secret(secrets: Secrets) -> SecretStr:
    """Return the secret of OPTIX at its own paper brokerage, the same in all processes."""
    return client_secret(secrets.private_keys()[0].private_bytes_raw())


def _health_checks(
    market: Market, stream: Stream | None, work: Sequence[HealthCheck]
) -> list[HealthCheck]:
    checks = [HealthCheck("market feed", market.lanes.main.book.ping_feed, required=False)]
    checks += work
    if stream is not None:
        checks.append(HealthCheck("stream", stream.gateway.ping))
    return checks


def _api_server(
    settings: Settings,
    secrets: Secrets,
    deps: ApiDependencies,
    served: Sequence[str],
    stream: Stream | None,
) -> list[Component]:
    """Return the web server of the API, and of the sockets at the same address.

    With the paper brokerage, where it is served, comes what fills its orders.
    """
    app = create_app(deps, modules=served)
    components: list[Component] = []
    if settings.sandbox_brokerage and "brokerage" in served:
        secret = sandbox_secret(secrets)
        resting = mount_sandbox(
            app,
            database=deps.database,
            clock=deps.clock,
            lanes=deps.lanes,
            origin=settings.base_url,
            secret=secret,
        )
        hints = SandboxHints(f"{sandbox_url(settings)}{HINT_PATH}", secret, deps.clock)
        app.state.sandbox.tell_changes_to(hints.tell)
        components += [hints, resting]
    server = HTTPServer(
        app,
        host=settings.http.host,
        port=settings.http.port,
        new_socket=None if stream is None else stream.new_socket,
    )
    return [*components, server]


def _operations(
    settings: Settings,
    secrets: Secrets,
    registry: CollectorRegistry,
    checks: Sequence[HealthCheck],
) -> list[HTTPServer]:
    """Return the small server of a process that has no API, where a port is given for it."""
    port = settings.http.metrics_port
    if port is None or not checks:
        return []
    app = create_operations_app(
        version=__version__,
        production=settings.production,
        registry=registry,
        metrics_token=secrets.metrics_token.get_secret_value(),
        health_checks=checks,
    )
    return [HTTPServer(app, host=settings.http.host, port=port, name="metrics")]


def _identity(
    settings: Settings,
    secrets: Secrets,
    database: Database,
    redis: Redis,
    *,
    vault: Vault,
    clock: Clock,
) -> Identity:
    return Identity.wire(
        database=database,
        redis=redis,
        keys=KeyRing([SigningKey(key) for key in secrets.private_keys()]),
        clock=clock,
        vault=vault,
        base_url=settings.base_url,
        passkey_origins=settings.sign_in.passkey_origins,
        native_apps=NativeApps(settings.sign_in.ios_apps, settings.sign_in.android_apps),
        issuers=_issuers(settings, clock),
        bcrypt_cost=settings.passwords.bcrypt_cost,
        breached_passwords_file=settings.passwords.breached_passwords_file,
        sections=SECTIONS,
    )


def _issuers(settings: Settings, clock: Clock) -> list[Issuer]:
    """Return the outside issuers that the operator named."""
    return [
        OidcIssuer(
            config,
            IssuerClient(
                allow_http=not settings.production,
                allow_private=config.private_network or not settings.production,
            ),
            base_url=settings.base_url,
            clock=clock,
        )
        for config in settings.sign_in.configured_issuers
    ]


def _passwords(stores: StoreUrls) -> list[str]:
    """Return the passwords of both stores, as they stand in the addresses and as they are."""
    given = [urlsplit(url).password or "" for url in (stores.database_url, stores.redis_url)]
    return [*given, *map(unquote, given)]


def _modules(names: Sequence[str], modules: Sequence[str] | None) -> list[str]:
    """Return the router modules that `names` and `modules` ask for."""
    return list(dict.fromkeys(modules or MODULES)) if "api" in names else []


def policies() -> dict[str, Policy]:
    """Return what happens when a component ends, where it is not started again."""
    return {
        "api": STOP_PROGRAM,
        "stream server": STOP_PROGRAM,
        "resources": STOP_PROGRAM,
        "feed": Policy(final=frozenset({"unreadable_recording"})),
    }


async def migrate(stores: StoreUrls) -> Sequence[str]:
    """Bring the database to this release; return the steps that were applied."""
    return (await run_migrations(stores.database_url)).applied


async def step_replay(stores: StoreUrls, count: int) -> int | None:
    """Move the running feed's recording on by `count` ticks; return its market clock.

    None when the recording had ended before. Errors: UnsupportedRequest when the feed plays none,
    FeedUnavailable when no feed runs.
    """
    bus = Bus(connect(stores.redis_url), SystemClock())
    try:
        at_ns: int | None = await bus.ask("step", {"count": count}, timeout_seconds=10)
        return at_ns
    finally:
        await bus.close()


async def seed_development_accounts(
    settings: Settings, stores: StoreUrls
) -> Sequence[DevelopmentAccount]:
    """Create the development accounts that are missing, and return them all.

    Effects: writes user_account. Does nothing in production.
    """
    if not settings.development_accounts:
        return []
    database = Database.from_url(stores.database_url)
    hasher = PasswordHasher(cost=settings.passwords.bcrypt_cost)
    try:
        async with database.writing() as session:
            await seed(session, environment=settings.core.env, hasher=hasher)
    finally:
        hasher.close()
        await database.close()
    return [DevelopmentAccount(email, password) for email, password, *_ in DEVELOPMENT_ACCOUNTS]


def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI document of the whole API. Connects to nothing."""
    clock = SystemClock()
    redis = connect("redis://127.0.0.1:1/0")
    database = Database.from_url("postgresql://127.0.0.1:1/none")
    book = MarketBook(Bus(redis, clock), clock, fan=open_fan())
    lanes = MarketLanes.wire(book, database=database, clock=clock)
    vault = Vault(RingKeys(GivenRing(""), clock), clock)
    base_url = "http://localhost:8000"
    deps = ApiDependencies(
        environment="development",
        version=__version__,
        database=database,
        redis=redis,
        identity=Identity.wire(
            database=database,
            redis=redis,
            keys=KeyRing([SigningKey(Ed25519PrivateKey.generate())]),
            clock=clock,
            vault=vault,
            base_url=base_url,
        ),
        lanes=lanes,
        history=MarketHistory(LateHistory(Path(), None, clock), clock.now_ns, rate=0.0),
        brokerage=brokerage_of(
            {}, database=database, redis=redis, vault=vault, clock=clock, base_url=base_url
        ),
        clock=clock,
        metrics_token="",
        rate_limits=LimitSettings().per_minute,
        watchlist_symbols=ListSettings().watchlist_symbols,
    )
    return create_app(deps).openapi()
