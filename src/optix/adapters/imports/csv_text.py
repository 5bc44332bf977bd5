"""Lines of comma separated text as columns of text.

The fast way is the library's. It is taken only where a count of the commas proves that every line
has the right number of fields; else the lines are split one by one, and those that do not fit are
rejected and not padded.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import Final

import polars as pl

from optix.adapters.imports.records import Raw, shortened
from optix.ports.history import Rejected

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


def read_rows(block: bytes, names: Sequence[str]) -> Raw:
    """Return the lines of a block as columns `@name`, blank fields as null."""
    body = _without_blank_lines(block)
    lines = body.count(b"\n") + (not body.endswith(b"\n")) if body else 0
    columns = [f"@{name}" for name in names]
    # Commas alone tell: a longer line is an error of the reader, so equal counts leave no short one.
    regular = b'"' not in body and body.count(b",") == lines * (len(names) - 1)
    frame = _read_fast(body, columns) if regular and lines else None
    rejected: list[Rejected] = []
    if frame is None or frame.height != lines:
        frame, rejected = _read_slowly(body, columns)

    def describe(position: int) -> str:
        return ",".join("" if value is None else value for value in frame.row(position))

    return Raw(frame, describe, rejected)


def _without_blank_lines(block: bytes) -> bytes:
    body = block.replace(b"\r\n", b"\n") if b"\r" in block else block
    body = body.strip(b"\n")
    if b"\n\n" in body or b"\r" in body:
        return b"\n".join(line for line in body.splitlines() if line.strip())
    return body


def _read_fast(body: bytes, columns: Sequence[str]) -> pl.DataFrame | None:
    try:
        return pl.read_csv(
            body,
            has_header=False,
            schema=dict.fromkeys(columns, pl.String),
            quote_char=None,
            encoding="utf8-lossy",
        )
    except pl.exceptions.PolarsError:
        return None


def _read_slowly(body: bytes, columns: Sequence[str]) -> tuple[pl.DataFrame, list[Rejected]]:
    good: list[Sequence[str | None]] = []
    bad: list[str] = []
    for line in body.decode("utf-8", errors="replace").split("\n"):
        if not line.strip():
            continue
        try:
            fields = next(csv.reader([line]), [])
        except csv.Error:
            fields = []
        if len(fields) == len(columns):
            good.append([value or None for value in fields])
        else:
            bad.append(line)
    frame = pl.DataFrame(good, schema=dict.fromkeys(columns, pl.String), orient="row")
    return frame, wrong_length(bad, len(columns))


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
