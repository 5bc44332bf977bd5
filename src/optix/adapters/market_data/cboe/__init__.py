"""Cboe's public delayed quotes: one JSON document per symbol, no key, 15 minutes late."""

from optix.adapters.market_data.cboe.adapter import CboeMarketData

__all__ = ["CboeMarketData"]
