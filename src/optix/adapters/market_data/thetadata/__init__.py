"""ThetaData through its terminal on this machine: snapshots, a stream, and years of chains."""

from optix.adapters.market_data.thetadata.adapter import ThetaDataMarketData, build_provider

__all__ = ["ThetaDataMarketData", "build_provider"]
