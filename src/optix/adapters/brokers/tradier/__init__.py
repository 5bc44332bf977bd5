"""Tradier, the brokerage."""

from optix.adapters.brokers.tradier.adapter import TradierApp, TradierBroker

__all__ = ["TradierApp", "TradierBroker"]
