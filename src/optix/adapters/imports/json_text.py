"""JSON documents: recognised by the names at their top, read whole, their objects as columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from math import inf, isfinite, isnan, nan
from pathlib import Path
from typing import Any, Final

import orjson
import polars as pl

from optix.adapters.imports.files import read_whole
from optix.adapters.imports.records import ODD, Raw, shortened
from optix.ports.history import Rejected, UnreadableFile

_DEPTH: Final = 3


@lru_cache(maxsize=4)  # every importer asks for the same head, one after the other
def names_of(head: bytes) -> tuple[frozenset[str], ...]:
    """Return the names at the first three depths of a JSON text that may be cut off anywhere.

    A list counts as no depth of its own, so the names of objects in a list at the top are depth 0.
    """
    text = head.decode("utf-8", errors="replace").lstrip("\ufeff \t\r\n")
    found: list[set[str]] = [set() for _ in range(_DEPTH)]
    if not text.startswith(("{", "[")):
        return tuple(frozenset(names) for names in found)
    depth, place = -1, 0
    while place < len(text):
        character = text[place]
        if character == '"':
            end = _end_of_string(text, place)
            if end < 0:
                break
            if 0 <= depth < _DEPTH and text[end : end + 16].lstrip().startswith(":"):
                found[depth].add(text[place + 1 : end - 1])
            place = end
            continue
        depth += (character == "{") - (character == "}")
        place += 1
    return tuple(frozenset(names) for names in found)


def _end_of_string(text: str, start: int) -> int:
    """Return the place after a string's closing mark; -1 where the text ends within it."""
    place = start + 1
    while (place := text.find('"', place)) >= 0:
        slashes = 0
        while text[place - 1 - slashes] == "\\":
            slashes += 1
        if slashes % 2 == 0:
            return place + 1
        place += 1
    return -1


def load_json(path: Path) -> Any:
    """Return the document of a file. Errors: UnreadableFile."""
    return parse_json(read_whole(path), path.name)


def parse_json(body: bytes, name: str) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        # orjson refuses NaN and Infinity, which Python's own writer puts into JSON.
        return json.loads(body.decode("utf-8-sig", errors="replace"))
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(f"{name} is no whole JSON document: {error}.") from error


def objects(value: object) -> list[Any]:
    """Return a list as it is, one object as a list of one, nothing as none."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def member(document: object, *names: str) -> Any:
    """Return what stands under `names` in objects within objects, or None."""
    for name in names:
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    return document


def as_raw(
    rows: Sequence[object],
    *,
    texts: Iterable[str] = (),
    numbers: Iterable[str] = (),
    analytics: Iterable[str] = (),
) -> Raw:
    """Return objects as columns `@name`; `a.b` is the member b of the member a.

    `numbers` with something else in them mark their row as odd, `analytics` become null, instants
    belong to `texts` or are passed as `numbers` with their exact integers kept. Rows that are no
    objects are rejected at once.
    """
    kept = [row for row in rows if isinstance(row, dict)]
    columns: dict[str, pl.Series] = {}
    odd: set[int] = set()
    for name in texts:
        columns[f"@{name}"] = pl.Series(
            [value if isinstance(value, str) else None for value in _values(kept, name)],
            dtype=pl.String,
        )
    for name in numbers:
        columns[f"@{name}"], places = number_column(_values(kept, name))
        odd.update(places)
    for name in analytics:
        columns[f"@{name}"], _ = number_column(_values(kept, name))
    frame = pl.DataFrame(columns)
    if odd:
        flags = pl.Series([place in odd for place in range(len(kept))], dtype=pl.Boolean)
        frame = frame.with_columns(flags.alias(ODD))
    return Raw(frame, lambda place: shown(kept[place]), not_objects(rows))


def with_integers(raw: Raw, rows: Sequence[object], names: Iterable[str]) -> Raw:
    """Add columns of whole numbers kept exactly, which floats would round; null for the rest."""
    kept = [row for row in rows if isinstance(row, dict)]
    columns = [
        pl.Series(f"@{name}", [_whole(value) for value in _values(kept, name)], dtype=pl.Int64)
        for name in names
    ]
    return Raw(raw.frame.with_columns(columns), raw.describe, raw.rejected)


def _whole(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    return value if type(value) is int and abs(value) < 2**62 else None


def number_column(values: Sequence[object]) -> tuple[pl.Series, list[int]]:
    """Return values as floats, null for None, NaN as it is, and the places of what is no number."""
    if set(map(type, values)) <= {float, int, type(None)}:
        try:
            series = pl.Series(values, dtype=pl.Float64, strict=False)
        except (OverflowError, TypeError):
            pass
        else:
            # The extremes tell of infinities at once; a NaN is none of them and means "missing".
            finite = series.max() != inf and series.min() != -inf
            if finite and series.null_count() == values.count(None):
                return series, []
    numbers: list[float | None] = []
    odd: list[int] = []
    for place, value in enumerate(values):
        found = _float(value)
        numbers.append(found)
        if found is None and value is not None and not _is_nan(value):
            odd.append(place)
    return pl.Series(numbers, dtype=pl.Float64), odd


def _float(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if isfinite(found) else None


def _is_nan(value: object) -> bool:
    return value == "NaN" or (isinstance(value, float) and isnan(value))


def _values(rows: Sequence[Mapping[str, object]], name: str) -> list[object]:
    if "." not in name:
        return [row.get(name) for row in rows]
    path = name.split(".")
    return [member(row, *path) for row in rows]


def not_objects(rows: Sequence[object]) -> list[Rejected]:
    bad = [row for row in rows if not isinstance(row, dict)]
    if not bad:
        return []
    return [
        Rejected(
            code="not_a_row",
            reason="It is not an object with named fields.",
            count=len(bad),
            example=shown(bad[0]),
        )
    ]


def shown(value: object) -> str:
    try:
        return shortened(json.dumps(value, default=str)[:400])
    except RecursionError:
        return "an object of too many levels"


def amount(document: object, *names: str) -> float:
    """Return a number of a header that no market makes negative; NaN where there is none."""
    found = _float(member(document, *names))
    return found if found is not None and found >= 0 else nan
