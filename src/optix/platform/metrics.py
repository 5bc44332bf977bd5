"""Prometheus metrics of one process: the registry, what HTTP counts, and `/metrics`."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.requests import Request
from starlette.responses import Response

from optix.kernel.errors import Unauthenticated
from optix.platform.http import errors

SECONDS_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class MetricsTokenWrong(Unauthenticated):
    code = "metrics_token_wrong"
    next_step = "Send the metrics token as a bearer token. `optix doctor` says where it is kept."


def new_registry() -> CollectorRegistry:
    """Return a registry with what every process tells about itself."""
    registry = CollectorRegistry()
    for collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
        registry.register(collector)
    return registry


class HttpMetrics:
    """Counts requests by route template, never by address: addresses are without bound."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("method", "route", "status")
        self._requests = Counter(
            "optix_http_requests", "HTTP requests answered.", labels, registry=registry
        )
        self._seconds = Histogram(
            "optix_http_request_seconds",
            "Seconds from the request's head to the end of the answer.",
            ("method", "route"),
            buckets=SECONDS_BUCKETS,
            registry=registry,
        )

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)


_bearer = HTTPBearer(auto_error=False, scheme_name="MetricsToken", description="Operators' token.")


async def _metrics_token(
    request: Request,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> None:
    wanted: str = request.app.state.metrics_token
    token = given.credentials if given else ""
    if not secrets.compare_digest(token.encode(), wanted.encode()):
        raise MetricsTokenWrong("The metrics token is missing or wrong.")


router = APIRouter(tags=["operations"])


@router.get(
    "/metrics",
    dependencies=[Depends(_metrics_token)],
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **errors(MetricsTokenWrong),
    },
)
async def metrics(request: Request) -> Response:
    """The metrics of this process in Prometheus' text format."""
    registry: CollectorRegistry = request.app.state.registry
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)
