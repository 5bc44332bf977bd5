"""Yahoo Finance: unofficial, delayed, without Greeks or sizes; for personal use only."""

from optix.adapters.market_data.yahoo.adapter import YahooMarketData, build_provider

__all__ = ["YahooMarketData", "build_provider"]
