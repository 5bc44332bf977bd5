"""ORATS' data API: delayed chains with smoothed volatilities, and chains of the past since 2007."""

from optix.adapters.market_data.orats.adapter import OratsMarketData, build_provider

__all__ = ["OratsMarketData", "build_provider"]
