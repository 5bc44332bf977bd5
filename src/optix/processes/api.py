"""The API process: everything HTTP, mounted from the list of modules it is asked for.

`create_app` is plain wiring: services come in `ApiDependencies`, routers are named in `MODULES`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, ConfigDict, Field
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request

from optix.features.brokerage import router as brokerage_http
from optix.features.brokerage import router_connections as brokerage_connections_http
from optix.features.brokerage import router_imports as brokerage_imports_http
from optix.features.brokerage.service import BrokerageService
from optix.features.identity import router as identity_http
from optix.features.identity import router_admin as identity_admin_http
from optix.features.identity import router_factors as identity_factors_http
from optix.features.identity import router_issuers as identity_issuers_http
from optix.features.identity import router_me as identity_me_http
from optix.features.identity import router_passwords as identity_passwords_http
from optix.features.identity.access import AUTHENTICATION_ERRORS
from optix.features.identity.service import Identity
from optix.features.market import router as market_http
from optix.features.market import router_admin as market_admin_http
from optix.features.market import router_agreement as market_agreement_http
from optix.features.market import router_history as market_history_http
from optix.features.market.history import MarketHistory
from optix.features.market.lanes import MarketLanes
from optix.features.market.repeated_chains import RepeatedChains, RepeatedChainsMiddleware
from optix.features.portfolio import router as portfolio_http
from optix.features.portfolio import router_ledger as ledger_http
from optix.features.portfolio import router_performance as performance_http
from optix.features.portfolio import router_structures as structures_http
from optix.features.portfolio.ledger_view import LedgerView
from optix.features.portfolio.performance import PerformanceService
from optix.features.portfolio.reconciliation import Reconciliation
from optix.features.portfolio.service import PortfolioService
from optix.features.portfolio.structures_view import StructuresView
from optix.features.watchlists import router as watchlists_http
from optix.features.watchlists.service import WatchlistService
from optix.kernel import limits
from optix.kernel.clock import Clock
from optix.kernel.errors import InvalidInput, OptixError, Unavailable
from optix.platform import docs, health, metrics
from optix.platform.db import Database
from optix.platform.edge import REQUEST_ID_HEADER, EdgeMiddleware
from optix.platform.health import HealthCheck
from optix.platform.http import install_problems
from optix.platform.metrics import HttpMetrics, new_registry
from optix.platform.openapi import install_openapi, operation_id
from optix.platform.rate_limits import (
    Identify,
    RateLimiter,
    RateLimitMetrics,
    RateLimitMiddleware,
)
from optix.platform.security_settings import Network
from optix.platform.web import WebApp
from optix.processes.brokers import Brokerage

Environment = Literal["development", "production"]


class UnknownModule(InvalidInput):
    code = "unknown_module"
    next_step = "Name modules from the list in the message."


@dataclass(frozen=True, kw_only=True)
class ApiDependencies:
    """What the API needs from outside. Whoever builds it also closes it."""

    environment: Environment
    version: str
    database: Database
    redis: Redis
    identity: Identity
    lanes: MarketLanes
    history: MarketHistory
    brokerage: Brokerage
    clock: Clock
    metrics_token: str
    health_checks: Sequence[HealthCheck] = ()  # besides PostgreSQL and Redis
    web_folder: Path | None = None
    cors_origins: Sequence[str] = ()
    trusted_proxies: Sequence[Network] = ()
    rate_limits: Mapping[str, int]  # requests a minute by rule
    watchlist_symbols: int
    riskless: float = 0.04  # a year, with compounding
    registry: CollectorRegistry = field(default_factory=new_registry)

    @property
    def production(self) -> bool:
        return self.environment == "production"


Mount = Callable[[FastAPI, ApiDependencies], None]


def mount_identity(app: FastAPI, deps: ApiDependencies) -> None:
    app.include_router(identity_http.router)
    app.include_router(identity_passwords_http.router)
    app.include_router(identity_me_http.router)
    app.include_router(identity_admin_http.router)
    app.include_router(identity_factors_http.router)
    app.include_router(identity_issuers_http.router)
    deps.identity.ended.measure(deps.registry)
    if not deps.production:
        app.include_router(identity_http.development_router)


def mount_market(app: FastAPI, deps: ApiDependencies) -> None:
    app.state.market_history = deps.history
    app.state.repeated_chains = RepeatedChains()
    app.add_middleware(
        RepeatedChainsMiddleware,
        repeated=app.state.repeated_chains,
        identity=deps.identity,
        lanes=deps.lanes,
    )
    app.include_router(market_http.router)
    app.include_router(market_history_http.router)
    app.include_router(market_agreement_http.router)
    app.include_router(market_admin_http.router)


def mount_brokerage(app: FastAPI, deps: ApiDependencies) -> None:
    app.state.connecting = deps.brokerage.connecting
    app.state.connections = deps.brokerage.connections
    app.state.statement_imports = deps.brokerage.imports
    # In this order: `imports` and `connections` are no brokerages.
    app.include_router(brokerage_imports_http.router)
    app.include_router(brokerage_connections_http.router)
    app.include_router(brokerage_http.router)


def mount_portfolio(app: FastAPI, deps: ApiDependencies) -> None:
    brokerage = BrokerageService(deps.database, deps.clock)
    app.state.portfolio = PortfolioService(brokerage, deps.clock)
    app.state.performance = PerformanceService(
        deps.database, brokerage, deps.clock, riskless=deps.riskless
    )
    app.include_router(portfolio_http.router)
    mount_structures(app, deps)


def mount_structures(app: FastAPI, deps: ApiDependencies) -> None:
    brokerage = BrokerageService(deps.database, deps.clock)
    app.state.structures = StructuresView(deps.database, brokerage, deps.clock)
    app.include_router(structures_http.router)
    app.state.ledger = LedgerView(deps.database, brokerage, deps.clock)
    app.state.reconciliation = Reconciliation(deps.database, brokerage, deps.clock)
    app.include_router(ledger_http.router)


def mount_watchlists(app: FastAPI, deps: ApiDependencies) -> None:
    app.state.watchlists = WatchlistService(deps.clock, symbols_max=deps.watchlist_symbols)
    app.include_router(watchlists_http.router)
    app.include_router(performance_http.router)


# One line per module: its name on the command line, and how its routers come into an app.
MODULES: Final[Mapping[str, Mount]] = {
    "identity": mount_identity,
    "market": mount_market,
    "brokerage": mount_brokerage,
    "portfolio": mount_portfolio,
    "watchlists": mount_watchlists,
}


class AppConfig(BaseModel):
    """What the web app asks before anything else."""

    model_config = ConfigDict(frozen=True)

    environment: Environment
    try_it: bool = Field(description="Whether signing in without an account is offered.")
    version: str


app_router = APIRouter(tags=["app"])


@app_router.get("/api/v1/app/config")
async def get_app_config(request: Request) -> AppConfig:
    """What this server is."""
    config: AppConfig = request.app.state.config
    return config


def require_modules(modules: Iterable[str]) -> None:
    """Raise UnknownModule unless each of `modules` is one."""
    unknown = [name for name in modules if name not in MODULES]
    if unknown:
        raise UnknownModule(
            f"There is no module {', '.join(unknown)}. There are: {', '.join(sorted(MODULES))}."
        )


def create_app(deps: ApiDependencies, *, modules: Sequence[str] = tuple(MODULES)) -> FastAPI:
    """Return the app with the routers of `modules`.

    Errors: UnknownModule.
    """
    require_modules(modules)
    app = FastAPI(
        title="OPTIX",
        version=deps.version,
        description="Options trading platform. Errors are problem documents (RFC 9457).",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
    )
    _provide(app, deps, modules)
    for router in (app_router, health.router, metrics.router, docs.router):
        app.include_router(router)
    for name in modules:
        MODULES[name](app, deps)
    install_problems(app)
    install_openapi(app, authentication_errors=AUTHENTICATION_ERRORS)
    WebApp(deps.web_folder).install(app)
    _add_middleware(app, deps)
    return app


def _provide(app: FastAPI, deps: ApiDependencies, modules: Sequence[str]) -> None:
    """Put what dependencies and handlers look up on `app.state`, in one place."""
    app.state.production = deps.production
    app.state.trusted_proxies = tuple(deps.trusted_proxies)
    app.state.database = deps.database
    app.state.identity = deps.identity
    app.state.market_lanes = deps.lanes
    app.state.registry = deps.registry
    app.state.metrics_token = deps.metrics_token
    app.state.health_checks = [
        HealthCheck("postgresql", deps.database.ping),
        HealthCheck("redis", _redis_ping(deps.redis)),
        *deps.health_checks,
    ]
    app.state.config = AppConfig(
        environment=deps.environment,
        try_it=not deps.production and "identity" in modules,
        version=deps.version,
    )


def _identify(identity: Identity) -> Identify:
    def identify(token: str) -> str | None:
        try:
            return str(identity.authenticator.verify(token).id)
        except OptixError:
            return None

    return identify


def _add_middleware(app: FastAPI, deps: ApiDependencies) -> None:
    # After those of the modules, which are inside: a page of another origin may read refusals too.
    app.add_middleware(
        RateLimitMiddleware,
        limiter=RateLimiter(deps.redis, deps.clock, RateLimitMetrics(deps.registry)),
        per_minute=deps.rate_limits,
        identify=_identify(deps.identity),
        trusted_proxies=deps.trusted_proxies,
    )
    if deps.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(deps.cors_origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "If-None-Match", REQUEST_ID_HEADER],
            expose_headers=[
                *("ETag", "Location", "Retry-After", REQUEST_ID_HEADER),
                *("RateLimit-Policy", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"),
            ],
        )
    # Added last, so that it is the outermost: it answers for all the others.
    app.add_middleware(
        EdgeMiddleware,
        metrics=HttpMetrics(deps.registry),
        production=deps.production,
        file_paths={brokerage_imports_http.IMPORTS_PATH: limits.STATEMENT_BYTES_MAX},
    )


class RedisUnavailable(Unavailable):
    code = "redis_unavailable"


def _redis_ping(redis: Redis) -> Callable[[], Awaitable[None]]:
    async def ping() -> None:
        try:
            await redis.ping()
        except (RedisError, OSError) as error:
            raise RedisUnavailable("Redis does not answer.") from error

    return ping
