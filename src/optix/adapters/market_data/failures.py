"""What goes wrong with a provider of market data, beyond that it is away."""

from __future__ import annotations

from typing import Final

from optix.adapters.web.errors import ServiceErrors
from optix.ports.market_data import ProviderUnavailable


class ProviderRefused(ProviderUnavailable):
    """The provider does not accept the key, or not for this: asking again does not help."""

    code = "provider_refused"
    next_step = "Check the key and the plan of this provider, then start OPTIX again."


class Unreadable(ProviderUnavailable):
    """An answer that is not what the provider documents."""

    code = "provider_format_changed"
    next_step = "Wait for the next answer. If it stays, this version of OPTIX needs an update."


PROVIDER_ERRORS: Final = ServiceErrors(
    unavailable=ProviderUnavailable,
    refused=ProviderRefused,
    unreadable=Unreadable,
    busy=ProviderUnavailable,
    busy_code="provider_rate_limited",
)
