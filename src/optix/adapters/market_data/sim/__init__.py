"""The simulated market: generated prices, labelled as such, for machines without a feed.

docs/adapters/sim.md says how the market is made and what it does not pretend to be.
"""

from optix.adapters.market_data.sim.provider import SimulatedMarket

__all__ = ["SimulatedMarket"]
