"""Which thresholds a tick crosses (docs/features/alerts.md)."""

from optix.features.alerts.crossings.core import (
    Crossings,
    Kind,
    Phase,
    Seen,
    Side,
    Turns,
    Watch,
    Watches,
)
from optix.features.alerts.crossings.crossings import new_crossings

__all__ = [
    "Crossings",
    "Kind",
    "Phase",
    "Seen",
    "Side",
    "Turns",
    "Watch",
    "Watches",
    "new_crossings",
]
