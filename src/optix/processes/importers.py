"""Every importer of the product, on the exchange's calendar."""

from __future__ import annotations

from collections.abc import Sequence

from optix.adapters.history.recordings import OptixRecording
from optix.adapters.imports import build_importers
from optix.features.market import calendar
from optix.ports.history import Importer


def all_importers() -> Sequence[Importer]:
    """Return the importers of other people's files and of OPTIX's own recordings."""
    return [*build_importers(calendar), OptixRecording()]
