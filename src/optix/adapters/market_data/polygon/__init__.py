"""Polygon, now Massive: chains with quotes, Greeks and prints of the options market, by key."""

from __future__ import annotations

from optix.adapters.market_data.polygon.adapter import PolygonMarketData
from optix.adapters.market_data.polygon.client import PolygonClient
from optix.adapters.market_data.polygon.stream import PolygonStream
from optix.kernel.clock import Clock
from optix.kernel.quote import Quality
from optix.platform.provider_settings import PolygonSettings

__all__ = ["PolygonMarketData", "build_provider"]


def build_provider(settings: PolygonSettings, clock: Clock) -> PolygonMarketData | None:
    """Return the provider, None without a key."""
    key = settings.polygon_api_key
    if key is None:
        return None
    quality = Quality.DELAYED if settings.polygon_delayed else Quality.REALTIME
    return PolygonMarketData(
        PolygonClient(key, clock), PolygonStream(key, quality=quality), quality=quality, clock=clock
    )
