"""Interactive Brokers, the brokerage."""

from optix.adapters.brokers.ibkr.adapter import IbkrApp, IbkrBroker
from optix.adapters.brokers.ibkr.parsers import PARSERS

__all__ = ["PARSERS", "IbkrApp", "IbkrBroker"]
