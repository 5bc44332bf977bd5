"""Schwab: an account's quotes and chains, and its streamer."""

from __future__ import annotations

from optix.adapters.market_data.schwab.adapter import SchwabMarketData
from optix.adapters.market_data.schwab.client import SchwabClient
from optix.kernel.clock import Clock
from optix.platform.provider_settings import SchwabSettings

__all__ = ["SchwabMarketData", "build_provider"]


def build_provider(settings: SchwabSettings, clock: Clock) -> SchwabMarketData | None:
    """Return the provider, None without an app and a login."""
    key, secret = settings.schwab_app_key, settings.schwab_app_secret
    refresh = settings.schwab_refresh_token
    if key is None or secret is None or refresh is None:
        return None
    return SchwabMarketData(SchwabClient(key, secret, refresh, clock), clock=clock)
