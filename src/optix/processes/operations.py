"""What a process without the API answers: is it well, and its metrics. Nothing of users or markets.

GET /health, /health/live, /health/ready, and /metrics with the metrics token
"""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from optix.platform import health, metrics
from optix.platform.edge import EdgeMiddleware
from optix.platform.health import HealthCheck
from optix.platform.http import install_problems
from optix.platform.metrics import HttpMetrics


def create_operations_app(
    *,
    version: str,
    production: bool,
    registry: CollectorRegistry,
    metrics_token: str,
    health_checks: Sequence[HealthCheck],
) -> FastAPI:
    """Return the app; it has no documentation pages, because operators know these addresses."""
    app = FastAPI(title="OPTIX", version=version, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.production = production
    app.state.registry = registry
    app.state.metrics_token = metrics_token
    app.state.health_checks = list(health_checks)
    app.include_router(health.router)
    app.include_router(metrics.router)
    install_problems(app)
    app.add_middleware(EdgeMiddleware, metrics=HttpMetrics(registry), production=production)
    return app
