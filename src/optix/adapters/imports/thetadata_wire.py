"""ThetaData's raw answers: protobuf with a table inside that is packed with Zstandard.

An answer is one or more chunks of {1: packed bytes, 2: {1: algorithm, 3: size}}. Unpacked, a chunk
is a table {1: column name, repeated; 2: row, repeated} and a row is {1: cell, repeated}. A cell is
one of {1: text}, {2: whole number}, {3: price {1: value, 2: exponent + 10}} and {4: instant
{1: epoch ms}}. Only the wire types that occur are read: varint and length-delimited.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import pyarrow as pa

from optix.kernel import limits
from optix.ports.history import UnreadableFile

_VARINT, _BYTES = 0, 2
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_PRICE_ZERO: Final = 10
_VARINT_BYTES_MAX: Final = 10


def looks_like_answer(head: bytes) -> bool:
    """Tell whether a file begins with a packed chunk."""
    if not head.startswith(b"\x0a"):
        return False
    end = next((at for at in range(1, min(len(head), 6)) if head[at] < 0x80), 0)
    return end > 0 and head[end + 1 : end + 5] == _ZSTD


def read_table(body: bytes, name: str) -> tuple[list[str], list[list[str | None]]]:
    """Return the column names and the rows, each cell as the text that the CSV answer has.

    Errors: UnreadableFile.
    """
    names: list[str] = []
    rows: list[list[str | None]] = []
    try:
        for field, content in _fields(body):
            if field == 1 and isinstance(content, bytes):
                _read_chunk(_unpacked(content, name), names, rows)
    except (ValueError, IndexError, pa.ArrowInvalid, OverflowError, OSError) as error:
        raise UnreadableFile(f"{name} is no whole answer of ThetaData: {error}.") from error
    if not names:
        raise UnreadableFile(f"{name} is no answer of ThetaData: it names no column.")
    return names, rows


def _unpacked(content: bytes, name: str) -> bytes:
    with pa.CompressedInputStream(pa.BufferReader(content), "zstd") as stream:
        body = stream.read(limits.IMPORT_DOCUMENT_BYTES_MAX + 1)
    if len(body) > limits.IMPORT_DOCUMENT_BYTES_MAX:
        raise UnreadableFile(f"{name} unpacks to more than is read at once.")
    return bytes(body)


def _read_chunk(body: bytes, names: list[str], rows: list[list[str | None]]) -> None:
    own: list[str] = []
    for field, content in _fields(body):
        if not isinstance(content, bytes):
            continue
        if field == 1:
            own.append(content.decode())
        elif field == 2:
            cells = [_cell(cell) for number, cell in _fields(content) if number == 1]
            rows.append(cells)
    if names and own and own != names:
        raise ValueError("its chunks have different columns")
    names[:] = own or names


def _cell(cell: int | bytes) -> str | None:
    if not isinstance(cell, bytes):
        raise ValueError("a cell is no message")  # noqa: TRY004  # wrong data, not a wrong call
    for field, content in _fields(cell):
        if field == 1 and isinstance(content, bytes):
            return content.decode()
        if field == 2 and isinstance(content, int):
            return str(_signed(content))
        parts = dict(_fields(content)) if isinstance(content, bytes) else {}
        value = _whole(parts.get(1, 0))
        if field == 3:
            return _price(_signed(value), _whole(parts.get(2, 0)) - _PRICE_ZERO)
        if field == 4:
            moment = datetime.fromtimestamp(value // 1000, tz=UTC)
            return f"{moment:%Y-%m-%dT%H:%M:%S}.{value % 1000:03d}+00:00"
    return None


def _price(value: int, exponent: int) -> str:
    if not -_PRICE_ZERO <= exponent <= _PRICE_ZERO:
        raise ValueError(f"a price has the exponent {exponent}")
    return repr(value * 10**exponent if exponent >= 0 else value / 10**-exponent)


def _whole(content: int | bytes) -> int:
    if not isinstance(content, int):
        raise ValueError("a number is no number")  # noqa: TRY004  # wrong data, not a wrong call
    return content


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _fields(body: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and content of each field. ValueError for what is no message."""
    place = 0
    while place < len(body):
        key, place = _varint(body, place)
        value, place = _varint(body, place)
        kind = key & 7
        if kind == _VARINT:
            yield key >> 3, value
        elif kind == _BYTES:
            if place + value > len(body):
                raise ValueError("it ends within a field")
            yield key >> 3, body[place : place + value]
            place += value
        else:
            raise ValueError(f"it has a field of wire type {kind}")


def _varint(body: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    for _ in range(_VARINT_BYTES_MAX):
        byte = body[place] if place < len(body) else -1
        if byte < 0:
            raise ValueError("it ends within a number")
        value |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:
            return value & (1 << 64) - 1, place
        shift += 7
    raise ValueError("it has a number beyond 64 bits")
