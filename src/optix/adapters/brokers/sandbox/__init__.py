"""The sandbox brokerage, read over HTTP like any stranger's."""

from optix.adapters.brokers.sandbox.adapter import SandboxApp, SandboxBroker
from optix.adapters.brokers.sandbox.translate import PARSERS

__all__ = ["PARSERS", "SandboxApp", "SandboxBroker"]
