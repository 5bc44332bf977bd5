"""Recorded markets, played on the market clock of the recording."""

from optix.adapters.market_data.replay.adapter import ReplayMarketData, open_replay
from optix.adapters.market_data.replay.opening import open_recording

__all__ = ["ReplayMarketData", "open_recording", "open_replay"]
