"""Charles Schwab, the brokerage."""

from optix.adapters.brokers.schwab.adapter import SchwabApp, SchwabBroker
from optix.adapters.brokers.schwab.parsers import PARSERS

__all__ = ["PARSERS", "SchwabApp", "SchwabBroker"]
