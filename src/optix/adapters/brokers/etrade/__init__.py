"""E*TRADE, the brokerage."""

from optix.adapters.brokers.etrade.adapter import EtradeApp, EtradeBroker
from optix.adapters.brokers.etrade.parsers import PARSERS

__all__ = ["PARSERS", "EtradeApp", "EtradeBroker"]
