"""Plaid Investments, an aggregator: holdings and history, no orders."""

from optix.adapters.brokers.plaid.adapter import PlaidApp, PlaidBroker
from optix.adapters.brokers.plaid.parsers import PARSERS

__all__ = ["PARSERS", "PlaidApp", "PlaidBroker"]
