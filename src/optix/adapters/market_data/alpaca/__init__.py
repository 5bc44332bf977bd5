"""Alpaca: chains by REST, quotes and prints of contracts by a MessagePack stream."""

from optix.adapters.market_data.alpaca.adapter import AlpacaMarketData, build_provider

__all__ = ["AlpacaMarketData", "build_provider"]
