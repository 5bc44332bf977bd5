"""Several providers as one: an order for each kind of data, and a way on when one fails."""

from optix.adapters.market_data.failover.provider import FailoverMarketData

__all__ = ["FailoverMarketData"]
