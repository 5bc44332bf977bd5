"""The manifest of a partition: which files are its rows. What it does not name does not exist.

Replacing it is the one step that makes a write visible, and it is atomic: a program that dies
before leaves files nobody reads, which the next writer removes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

import orjson

from optix.ports.history import HistoryTooNew, HistoryUnavailable

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One Parquet file. `first` and `last` are the times of its rows in nanoseconds."""

    name: str
    span: str
    rows: int
    first: int
    last: int
    version: int  # of the dataset's schema

    def overlaps(self, first: int, last: int) -> bool:
        return self.first <= last and first <= self.last


@dataclass(frozen=True, slots=True)
class Manifest:
    files: tuple[DataFile, ...] = ()

    def encode(self) -> bytes:
        body = {"format": FORMAT, "files": [asdict(entry) for entry in self.files]}
        return orjson.dumps(body, option=orjson.OPT_INDENT_2)

    @classmethod
    def decode(cls, body: bytes, where: str, *, version: int) -> Manifest:
        """Read a manifest. `version` is the newest schema this program knows.

        Errors: HistoryTooNew, HistoryUnavailable.
        """
        try:
            read = orjson.loads(body)
            form = read["format"]
            if form > FORMAT:
                raise HistoryTooNew(
                    f"{where} has the form {form}, and this OPTIX reads up to {FORMAT}."
                )
            files = tuple(DataFile(**entry) for entry in read["files"])
        except (ValueError, KeyError, TypeError) as error:
            raise HistoryUnavailable(f"{where} is damaged: {error}.") from error
        newest = max((entry.version for entry in files), default=0)
        if newest > version:
            raise HistoryTooNew(
                f"{where} has rows of version {newest}, and this OPTIX reads up to {version}."
            )
        return cls(files)
