"""What every recording is, whatever its format: ticks in the order of time, and an account of them.

A tape is read forward, in pieces, and may be read again from its start. It never holds more than a
document, a day of columns or a row group at a time.
"""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from optix.adapters.market_data.recording import UnreadableRecording
from optix.kernel.instrument import OptionContract
from optix.ports.market_data import Bar, BarInterval, MarketUpdate

FILE_BYTES_MAX = 1024 * 1024 * 1024  # unpacked; a larger one is damaged or hostile
FILES_MAX = 10_000
PROBLEMS_MAX = 100


class Tick(NamedTuple):
    """What became known at one instant of the recording."""

    instant_ns: int
    updates: Sequence[MarketUpdate]  # a chain holds one expiration
    rows: int  # rows of the source that these updates serve
    # Underlyings of which this tick names every expiration: others of theirs are gone.
    whole: frozenset[str] = frozenset()


@dataclass(slots=True)
class Accounting:
    """Where every row of a recording went.

    `rows` is counted when the source is read, `served` when its updates are built, so that a row
    lost between the two shows. A shared strike is one (expiration, right, strike) under two roots,
    like SPX and SPXW; it is lost where only one of its contracts is served.
    """

    rows: int = 0
    served: int = 0
    rejected: Counter[str] = field(default_factory=Counter)  # by code
    shared_strikes: int = 0
    shared_strikes_lost: int = 0

    @property
    def unaccounted(self) -> int:
        return self.rows - self.served - self.rejected.total()

    def as_dict(self) -> dict[str, int | dict[str, int]]:
        return {
            "rows": self.rows,
            "served": self.served,
            "rejected": dict(sorted(self.rejected.items())),
            "unaccounted": self.unaccounted,
            "shared_strikes": self.shared_strikes,
            "shared_strikes_lost": self.shared_strikes_lost,
        }


class Tape(Protocol):
    """One opened recording."""

    description: str  # the format, for people
    start_ns: int  # instant of the first tick
    end_ns: int  # instant of the last one
    simulated: bool  # the recording is of a simulated market
    problems: list[str]  # what was skipped while playing, one sentence each

    def iter_ticks(self) -> Iterator[Tick]:
        """Yield all ticks, ascending. May be called again."""

    def accounting(self) -> Accounting:
        """Read the whole recording and say where every row went."""

    def symbols(self) -> frozenset[str]:
        """Return the symbols that are known to occur, as far as it was read."""

    def bars(self, symbol: str, interval: BarInterval) -> list[Bar] | None:
        """Return recorded bars of one minute or one day, ascending; None where there are none."""


def read_bounded(path: Path, *, length: int = FILE_BYTES_MAX) -> bytes:
    """Return the unpacked content of a plain or gzip file. Raises UnreadableRecording.

    With a smaller `length` it returns the beginning; a file beyond the bound is refused.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if packed:
                with gzip.GzipFile(fileobj=file) as unpacked:
                    body = unpacked.read(length)
            else:
                body = file.read(length)
    except EOFError as error:
        raise UnreadableRecording(
            f"{path.name} is cut off: its gzip data ends too early."
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableRecording(f"{path.name} is damaged: {error}.") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnreadableRecording(f"{path.name} cannot be read: {reason}.") from error
    if length == FILE_BYTES_MAX and len(body) == length:
        raise UnreadableRecording(f"{path.name} is larger than {FILE_BYTES_MAX} bytes.")
    return body


def shared_strikes(
    given: Sequence[OptionContract], served: Sequence[OptionContract]
) -> tuple[int, int]:
    """Return how many strikes two roots share among `given`, and how many of those were lost."""
    groups: dict[tuple[object, ...], set[str]] = {}
    for contract in given:
        key = (contract.expiration, contract.right, contract.strike_milli)
        groups.setdefault(key, set()).add(contract.root)
    kept: dict[tuple[object, ...], set[str]] = {}
    for contract in served:
        key = (contract.expiration, contract.right, contract.strike_milli)
        kept.setdefault(key, set()).add(contract.root)
    shared = {key: roots for key, roots in groups.items() if len(roots) > 1}
    lost = sum(kept.get(key, set()) != roots for key, roots in shared.items())
    return len(shared), lost
