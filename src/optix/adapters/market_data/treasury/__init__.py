"""The US Treasury's daily par yield curve: the rates that price options where nothing better is."""

from optix.adapters.market_data.treasury.adapter import TreasuryRates, build_source

__all__ = ["TreasuryRates", "build_source"]
