"""Tradier: chains by REST, quotes and prints by a stream that belongs to a session."""

from optix.adapters.market_data.tradier.adapter import TradierMarketData, build_provider

__all__ = ["TradierMarketData", "build_provider"]
