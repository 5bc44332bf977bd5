"""tastytrade: an account's quotes and chains, and dxFeed's events over dxLink."""

from __future__ import annotations

from optix.adapters.market_data.tastytrade.adapter import TastytradeMarketData
from optix.adapters.market_data.tastytrade.client import BASE_URL, SANDBOX_URL, TastytradeClient
from optix.kernel.clock import Clock
from optix.kernel.quote import Quality
from optix.platform.provider_settings import TastytradeSettings

__all__ = ["TastytradeMarketData", "build_provider"]


def build_provider(settings: TastytradeSettings, clock: Clock) -> TastytradeMarketData | None:
    """Return the provider, None without the secrets of an account."""
    secret, refresh = settings.tastytrade_client_secret, settings.tastytrade_refresh_token
    if secret is None or refresh is None:
        return None
    sandbox = settings.tastytrade_environment == "sandbox"
    client = TastytradeClient(secret, refresh, clock, base_url=SANDBOX_URL if sandbox else BASE_URL)
    # The certification environment's quotes are always late.
    quality = Quality.DELAYED if sandbox else Quality.REALTIME
    return TastytradeMarketData(client, quality=quality, clock=clock)
