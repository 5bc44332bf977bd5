"""tastytrade, the brokerage."""

from optix.adapters.brokers.tastytrade.adapter import TastytradeApp, TastytradeBroker
from optix.adapters.brokers.tastytrade.parsers import PARSERS

__all__ = ["PARSERS", "TastytradeApp", "TastytradeBroker"]
