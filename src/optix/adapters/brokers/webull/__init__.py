"""Webull, the brokerage."""

from optix.adapters.brokers.webull.adapter import WebullApp, WebullBroker
from optix.adapters.brokers.webull.parsers import PARSERS

__all__ = ["PARSERS", "WebullApp", "WebullBroker"]
