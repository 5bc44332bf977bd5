"""Tradier, the brokerage."""

from optix.adapters.brokers.tradier.adapter import TradierApp, TradierBroker
from optix.adapters.brokers.tradier.parsers import PARSERS

__all__ = ["PARSERS", "TradierApp", "TradierBroker"]
