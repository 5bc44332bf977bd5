"""SnapTrade, an aggregator: the way to brokerages without an API of their own."""

from optix.adapters.brokers.snaptrade.adapter import SnapTradeApp, SnapTradeBroker
from optix.adapters.brokers.snaptrade.parsers import PARSERS

__all__ = ["PARSERS", "SnapTradeApp", "SnapTradeBroker"]
