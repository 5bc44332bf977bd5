"""Lines of comma separated text as columns of text.

The fast way is the library's. It is taken only where a count of the commas proves that every line
has the right number of fields; else the lines are split one by one, and those that do not fit are
rejected and not padded.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from optix.adapters.imports.records import Raw, shortened
from optix.ports.history import Rejected, UnreadableFile

_BOM: Final = b"\xef\xbb\xbf"


def first_lines(head: bytes, count: int) -> list[str]:
    """Return the first lines of a text that are not blank."""
    text = head.removeprefix(_BOM).decode("utf-8", errors="replace")
    found: list[str] = []
    for line in text.splitlines():
        if line.strip():
            found.append(line.strip())
            if len(found) == count:
                break
    return found


def header_of(head: bytes) -> tuple[str, ...]:
    """Return the names in the first line."""
    lines = first_lines(head, 1)
    return fields_of(lines[0]) if lines else ()


def fields_of(line: str) -> tuple[str, ...]:
    try:
        return tuple(name.strip() for name in next(csv.reader([line]), ()))
    except csv.Error:
        return ()


def split_header(block: bytes) -> tuple[tuple[str, ...], bytes]:
    """Return the names in the first line of a block that is not blank, and what follows it."""
    body = block.removeprefix(_BOM).lstrip(b"\r\n \t")
    line, _, rest = body.partition(b"\n")
    return fields_of(line.decode("utf-8", errors="replace").strip()), rest


def read_table(path: Path, body: bytes, needed: Iterable[str], numbers: Iterable[str] = ()) -> Raw:
    """Return the lines of a whole text with a header. A column without a name is called `index`.

    Errors: UnreadableFile where the header has not the `needed` names, or a name twice.
    """
    names, rest = split_header(body)
    names = tuple(name or "index" for name in names)
    lost = sorted(set(needed) - set(names))
    if lost:
        raise UnreadableFile(f"{path.name} has no column {', '.join(lost)}.")
    if len(set(names)) < len(names):
        raise UnreadableFile(f"{path.name} names a column twice.")
    return read_rows(rest, names, numbers)


def read_rows(block: bytes, names: Sequence[str], numbers: Iterable[str] = ()) -> Raw:
    """Return the lines of a block as columns `@name`, blank fields as null.

    `numbers` are read as numbers at once where all of them are; else they stay texts, so that the
    records that have something else there can be told from the others.
    """
    body = _without_blank_lines(block)
    columns = [f"@{name}" for name in names]
    frame = _read_fast(body, columns, {f"@{name}" for name in numbers})
    if frame is None:
        return _read_slowly(body, columns)
    lines: list[str] = []  # cut only when one has to be shown

    def describe(position: int) -> str:
        if not lines:
            lines.extend(body.decode("utf-8", errors="replace").split("\n"))
        return lines[position].rstrip("\r")

    return Raw(frame, describe)


def _without_blank_lines(block: bytes) -> bytes:
    body = block.strip(b"\r\n")
    if _has_blank_lines(body):
        return b"\n".join(line for line in body.splitlines() if line.strip())
    return body


def _has_blank_lines(body: bytes) -> bool:
    """Tell whether a line is empty, or ends in other ways than the next one's."""
    # A mask for the whole text takes a fifth of the time of a search for two bytes.
    ends = np.frombuffer(body, dtype=np.uint8) == b"\n"[0]
    if bool((ends[1:] & ends[:-1]).any()):
        return True
    if b"\r" not in body:
        return False
    return b"\n\r\n" in body or _count(body, b"\r") != body.count(b"\r\n")


def _count(body: bytes, byte: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(body, dtype=np.uint8) == byte[0]))


def _read_fast(
    body: bytes, columns: Sequence[str], numbers: Collection[str]
) -> pl.DataFrame | None:
    """Return the lines, or None where only a look at each of them tells what it is."""
    lines = _count(body, b"\n") + 1
    # A longer line is an error of the reader, so an equal count of commas leaves no shorter one.
    if b'"' in body or _count(body, b",") != lines * (len(columns) - 1):
        return None
    for typed in (numbers, ()):
        schema = {name: pl.Float64 if name in typed else pl.String for name in columns}
        try:
            frame = pl.read_csv(
                body, has_header=False, schema=schema, quote_char=None, encoding="utf8-lossy"
            )
        except pl.exceptions.PolarsError:
            continue
        return frame if frame.height == lines else None
    return None


def _read_slowly(body: bytes, columns: Sequence[str]) -> Raw:
    good: list[Sequence[str | None]] = []
    shown: list[str] = []
    bad: list[str] = []
    for line in body.decode("utf-8", errors="replace").split("\n"):
        if not line.strip():
            continue
        try:
            fields = next(csv.reader([line.rstrip("\r")]), [])
        except csv.Error:
            fields = []
        if len(fields) == len(columns):
            good.append([value or None for value in fields])
            shown.append(line)
        else:
            bad.append(line)
    frame = pl.DataFrame(good, schema=dict.fromkeys(columns, pl.String), orient="row")
    return Raw(frame, lambda place: shown[place], wrong_length(bad, len(columns)))


def wrong_length(lines: Iterable[str], fields: int) -> list[Rejected]:
    bad = list(lines)
    if not bad:
        return []
    return [
        Rejected(
            code="wrong_columns",
            reason=f"The line has not the {fields} columns of its file.",
            count=len(bad),
            example=shortened(bad[0]),
        )
    ]
