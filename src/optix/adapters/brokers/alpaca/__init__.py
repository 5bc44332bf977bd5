"""Alpaca, the brokerage."""

from optix.adapters.brokers.alpaca.adapter import AlpacaApp, AlpacaBroker
from optix.adapters.brokers.alpaca.parsers import PARSERS

__all__ = ["PARSERS", "AlpacaApp", "AlpacaBroker"]
