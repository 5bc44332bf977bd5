"""The stream of one process: its gateway, and what brings events of users to it."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from optix.features.brokerage.service import BrokerageService
from optix.features.identity.service import Identity
from optix.features.market.lanes import MarketLanes
from optix.features.portfolio.service import PortfolioService
from optix.features.streaming.connection import Connection
from optix.features.streaming.events import UserEventsSource
from optix.features.streaming.gateway import Gateway, GatewayRules
from optix.features.streaming.metrics import GatewayMetrics
from optix.features.streaming.server import StreamServer
from optix.platform.settings import Settings
from optix.platform.user_events import UserEvents
from optix.platform.user_notices import UserNotices


@dataclass(frozen=True, slots=True)
class Stream:
    """The components; `gateway` is to start last, and so to stop first."""

    gateway: Gateway
    notices: UserNotices

    def new_socket(self) -> Connection:
        """Return the protocol of a connection that asked for a WebSocket."""
        return Connection(self.gateway)

    def server(self, settings: Settings) -> StreamServer:
        """Return the listener of a process without an API."""
        return StreamServer(self.gateway, host=settings.http.host, port=settings.http.port)


def stream_of(
    settings: Settings,
    lanes: MarketLanes,
    identity: Identity,
    redis: Redis,
    registry: CollectorRegistry,
) -> Stream:
    """Return the stream's parts. Nothing runs yet. Effects: registers its metrics."""
    events = UserEvents(redis)
    notices = UserNotices(redis, events)
    rules = GatewayRules(
        origins=settings.network.cors_origins,
        trusted_proxies=settings.network.trusted_proxies,
        production=settings.production,
        sockets_max=settings.stream.stream_sockets,
        sockets_per_address=settings.stream.stream_sockets_per_address,
        connects_per_minute=settings.stream.stream_connects_per_minute,
        drain_seconds=settings.drain_seconds,
    )
    gateway = Gateway(
        lanes,
        identity.authenticator,
        identity.clock,
        rules,
        events=UserEventsSource(events, notices),
        portfolio=PortfolioService(
            BrokerageService(identity.database, identity.clock), identity.clock
        ),
        notices=notices,
    )
    identity.ended.listen(gateway.session_ended)
    GatewayMetrics(gateway, registry)
    return Stream(gateway, notices)
