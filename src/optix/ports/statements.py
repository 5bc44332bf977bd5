"""The port of statements: files that a user took from a broker, read without asking anybody.

A `StatementReader` is one format. It says of every row of the file what it is: a line of history, a
row that has none (`why` says what it is instead), or one that cannot be read. It never drops a row
and never raises anything but `StatementUnreadable`, whatever the bytes are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from optix.kernel.activity import Activity
from optix.kernel.errors import InvalidInput


class StatementUnreadable(InvalidInput):
    """A file as a whole that is none of the formats, or is beyond the bounds."""

    code = "statement_unreadable"
    next_step = "Download the history again as the broker offers it, and send that file unchanged."


class RowKind(StrEnum):
    LINE = "line"
    IGNORED = "ignored"  # understood, and no event of the account: a total, an order not filled
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class StatementAccount:
    """One account as a file names it. `key` is '' where the file names none."""

    key: str
    name: str = ""
    currency: str = "USD"

    @property
    def number(self) -> str:
        """The account masked to its last four characters, '' without any."""
        return f"…{self.key[-4:]}" if self.key else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRow:
    """One row. `line` is where it is: a line of a table, or the how-manieth record of a document.

    The id of `activity` begins with the reader's `ids`, so that ids of other origins are others.
    """

    line: int
    kind: RowKind
    account: str = ""
    activity: Activity | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a file says. `broker` is the name that an adapter of that broker has."""

    format: str
    broker: str
    broker_label: str
    accounts: tuple[StatementAccount, ...]
    rows: tuple[StatementRow, ...]


class StatementReader(Protocol):
    """One format."""

    @property
    def name(self) -> str: ...

    @property
    def label(self) -> str: ...

    def recognises(self, body: bytes) -> bool:
        """Tell from the content whether a file is of this format. Never raises."""

    def read(self, body: bytes) -> Statement:
        """Errors: StatementUnreadable."""


class StatementReaders(Protocol):
    """All formats."""

    @property
    def formats(self) -> Sequence[str]: ...

    def read(self, body: bytes, name: str = "auto") -> Statement:
        """Read a file, with `auto` by the format that its content shows.

        Errors: StatementUnreadable, also where no format or more than one fits.
        """
