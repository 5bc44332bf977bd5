"""Instrument identity: option contracts and the many ways vendors spell them.

One contract has one canonical key, the OCC symbol without padding: root + YYMMDD + C|P + strike in
thousandths on eight digits, `SPXW230914C01200000`. It is unique; (underlying, expiration, right,
strike) is not, because SPX and SPXW share third-Friday strikes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Right(StrEnum):
    CALL = "C"
    PUT = "P"


class ExerciseStyle(StrEnum):
    AMERICAN = "american"
    EUROPEAN = "european"


class Settlement(StrEnum):
    """When the settlement value of a contract is set on its settlement day."""

    AM = "am"
    PM = "pm"


@dataclass(frozen=True, slots=True)
class OptionContract:
    """One listed option. `strike_milli` is the strike in thousandths of a dollar, exact."""

    root: str
    expiration: date
    right: Right
    strike_milli: int

    @property
    def key(self) -> str:
        """The canonical spelling: unpadded OCC symbol."""
        return f"{self.root}{self.expiration:%y%m%d}{self.right}{self.strike_milli:08d}"

    @property
    def strike(self) -> float:
        """Strike in dollars."""
        return self.strike_milli / 1000.0
