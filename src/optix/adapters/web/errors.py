"""What goes wrong with a service of somebody else, in the words of the port that asks it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from optix.kernel.errors import OptixError


@dataclass(frozen=True, slots=True)
class ServiceErrors:
    """Which class means what. `busy` has its own `busy_code` where the class is a wider one."""

    unavailable: type[OptixError]
    refused: type[OptixError]
    unreadable: type[OptixError]
    busy: type[OptixError]
    busy_code: str

    def raise_busy(self, detail: str, seconds: float) -> NoReturn:
        """Say that it is too early, and when to ask again."""
        raise self.busy(detail, code=self.busy_code, retry_after_seconds=int(seconds) + 1)
