"""What the simulated market must be told about the exchange.

The calendar and the listing programs live in a feature, which an adapter may not import; whoever
wires the simulator hands them in. The two modules themselves have the shapes of these Protocols.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Protocol

from optix.kernel.instrument import Settlement


class SessionCalendar(Protocol):
    """Trading days, hours and settlements of the exchange. Instants in ns since the epoch."""

    def exchange_date(self, instant_ns: int) -> date:
        """Return the exchange's date at an instant."""

    def iter_sessions(self, start: date, end: date) -> Iterable[date]:
        """Yield the trading days with start <= date <= end."""

    def opens_at(self, day: date) -> int:
        """Return the instant of the regular open of a trading day."""

    def closes_at(self, day: date) -> int:
        """Return the instant of the regular close of a trading day."""

    def settles_at(self, root: str, expiration: date) -> int:
        """Return the instant at which the settlement value of a contract is set."""

    def last_trading_instant(self, root: str, expiration: date) -> int:
        """Return the instant at which a contract stops trading for good."""


class ListedExpiration(Protocol):
    """One date that a class lists; AM and PM series of one date are two."""

    @property
    def date(self) -> date: ...

    @property
    def settlement(self) -> Settlement: ...

    @property
    def cycle(self) -> str:
        """weekly, monthly, quarterly or leaps."""


class ListingPrograms(Protocol):
    """Which dates the exchanges list for a symbol. What a program is stays with its owner."""

    def program_of(self, symbol: str) -> Any:
        """Return the listing program of a symbol."""

    def standard_expirations(self, today: date, program: Any) -> Sequence[ListedExpiration]:
        """Return what a class of `program` lists on `today`, ascending."""
