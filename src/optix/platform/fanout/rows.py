"""Rows of the market as they go over the wire, from columns: JSON and both binary layouts.

The layouts are those of docs/streaming.md. A codec writes batches as `FanOut.set_many` and
`set_slots` take them. The compiled codec is `native/rows.hpp`; `PythonRows` is its oracle and its
stand-in, with the same bytes. Decoding is for tests and tools.

Columns are NumPy arrays of exactly the named types, one value per row; a matrix has one row per
column of the layout. NaN and infinities do not exist: they are null.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final, Protocol

import numpy as np
import orjson
from numpy.typing import NDArray

LAYOUT_QUOTES: Final = 1
LAYOUT_CHAIN: Final = 2
LAYOUT_PORTFOLIO: Final = 3  # its rows are those of a user, whose feature packs them
ROW_BYTES: Final = {LAYOUT_QUOTES: 56, LAYOUT_CHAIN: 60, LAYOUT_PORTFOLIO: 80}

Floats = NDArray[np.float64]
Instants = NDArray[np.int64]
Codes = NDArray[np.uint8]
Numbers = NDArray[np.uint32]

_NO_CODE: Final = 255
_FLOATS: Final = 255  # in the place of a scale: prices are f32
_SCALE_MAX: Final = 8
_NO_PRICE: Final = -(2**31)
_PRICE_MAX: Final = 2**31 - 1
_INSTANT_MAX: Final = 2**48 - 2
_NO_FLOAT: Final = struct.pack("<I", 0x7FC00000)
_FRAME: Final = struct.Struct("<BBHIIIQ")
_CHAIN_COLUMNS: Final = 15  # beside `i`


class Rows(Protocol):
    """What both codecs do. Errors: IndexError for a code that is no word."""

    def quotes(
        self,
        *,
        numbers: Numbers,
        symbols: list[bytes],
        values: Floats,
        as_of: Instants,
        quality: Codes,
        flags: Codes,
        trading: Codes,
    ) -> bytes:
        """Return the batch of quotes: JSON of docs/streaming.md, and layout 1.

        Shapes: values (10, rows): bid, ask, bid_size, ask_size, last, open, high, low,
                previous_close, volume; `symbols` are JSON strings; a `trading` of 255 is null.
        Units:  as_of in unix ms.
        """

    def chain(
        self,
        *,
        numbers: Numbers,
        positions: Numbers,
        quotes: Floats,
        analytics: Floats,
        status: Codes,
        flags: Codes,
        as_of: Instants,
        columns: int,
    ) -> bytes:
        """Return the batch of rows of a chain: JSON with some columns, and layout 2 with all.

        `columns` has a bit for each JSON column beside `i`, the lowest for bid.

        Shapes: quotes (6, rows): bid, ask, bid_size, ask_size, last, volume;
                analytics (6, rows): iv, delta, gamma, theta, vega, rho.
        Units:  as_of in unix ms.
        """


def new_rows(*, quality: Sequence[str], trading: Sequence[str], status: Sequence[str]) -> Rows:
    """Return the codec of this machine, for the lists of words in hello."""
    try:
        from optix.platform.fanout import _fan  # noqa: PLC0415  # absent: not compiled
    except ImportError:
        return PythonRows(quality=quality, trading=trading, status=status)
    rows: Rows = _fan.Rows(
        quality=_quoted(quality), trading=_quoted(trading), status=_quoted(status)
    )
    return rows


def _quoted(words: Sequence[str]) -> list[str]:
    return [orjson.dumps(str(word)).decode() for word in words]


class PythonRows:
    """The codec in Python."""

    def __init__(
        self, *, quality: Sequence[str], trading: Sequence[str], status: Sequence[str]
    ) -> None:
        self._quality = [str(word) for word in quality]
        self._trading = [str(word) for word in trading]
        self._status = [str(word) for word in status]

    def quotes(
        self,
        *,
        numbers: Numbers,
        symbols: list[bytes],
        values: Floats,
        as_of: Instants,
        quality: Codes,
        flags: Codes,
        trading: Codes,
    ) -> bytes:
        stamps = zip(
            numbers.tolist(),
            symbols,
            values.T.tolist(),
            as_of.tolist(),
            quality.tolist(),
            flags.tolist(),
            trading.tolist(),
            strict=True,
        )
        batch = []
        for number, symbol, value, at, grade, flag, state in stamps:
            bid, ask, bid_size, ask_size, last, open_, high, low, previous, volume = value
            word = None if state == _NO_CODE else self._trading[state]
            json = orjson.dumps(
                [orjson.Fragment(symbol), *value, at, self._quality[grade], flag, word]
            )
            prices = (bid, ask, last, open_, high, low, previous)
            scale = _scale_of(prices)
            instant = _instant(at)
            binary = b"".join(
                (
                    number.to_bytes(4, "little"),
                    *(_price(price, scale) for price in prices),
                    _whole(bid_size, 4),
                    _whole(ask_size, 4),
                    _whole(volume, 6),
                    (instant >> 32).to_bytes(2, "little"),
                    (instant & 0xFFFFFFFF).to_bytes(4, "little"),
                    bytes((scale, grade, flag, state)),
                )
            )
            batch.append(_row(number, json, binary))
        return b"".join(batch)

    def chain(
        self,
        *,
        numbers: Numbers,
        positions: Numbers,
        quotes: Floats,
        analytics: Floats,
        status: Codes,
        flags: Codes,
        as_of: Instants,
        columns: int,
    ) -> bytes:
        chosen = [place for place in range(_CHAIN_COLUMNS) if columns >> place & 1]
        stamps = zip(
            numbers.tolist(),
            positions.tolist(),
            quotes.T.tolist(),
            analytics.T.tolist(),
            status.tolist(),
            flags.tolist(),
            as_of.tolist(),
            strict=True,
        )
        batch = []
        for number, position, quote, analytic, state, flag, at in stamps:
            whole = [*quote, *analytic, self._status[state], flag, at]
            json = orjson.dumps([position, *(whole[place] for place in chosen)])
            bid, ask, bid_size, ask_size, last, volume = quote
            scale = _scale_of((bid, ask, last))
            binary = b"".join(
                (
                    (position & 0xFFFF).to_bytes(2, "little"),
                    bytes((scale, state)),
                    *(_price(price, scale) for price in (bid, ask, last)),
                    *(_whole(size, 4) for size in (bid_size, ask_size, volume)),
                    *(_float(each) for each in analytic),
                    _instant(at).to_bytes(6, "little"),
                    bytes((flag, 0)),
                )
            )
            batch.append(_row(number, json, binary))
        return b"".join(batch)


def _row(number: int, json: bytes, binary: bytes) -> bytes:
    if len(json) > 0xFFFF:
        raise ValueError("a row is longer than a batch can say")
    lengths = len(json).to_bytes(2, "little") + len(binary).to_bytes(2, "little")
    return number.to_bytes(4, "little") + lengths + json + binary


def _fits(price: float, scale: int) -> bool:
    product = price * 10.0**scale
    return abs(product) <= _PRICE_MAX + 1 and (
        abs(whole := round(product)) <= _PRICE_MAX and whole / 10.0**scale == price
    )


def _scale_of(prices: Sequence[float]) -> int:
    """Return the least scale that holds all prices exactly, 255 where there is none."""
    there = [price for price in prices if isfinite(price)]
    for scale in range(_SCALE_MAX + 1):
        if all(_fits(price, scale) for price in there):
            return scale
    return _FLOATS


def _price(price: float, scale: int) -> bytes:
    if scale == _FLOATS:
        return _float(price)
    whole = round(price * 10.0**scale) if isfinite(price) else _NO_PRICE
    return whole.to_bytes(4, "little", signed=True)


def _float(value: float) -> bytes:
    with np.errstate(over="ignore"):
        narrow = float(np.float32(value))
    return struct.pack("<f", narrow) if isfinite(narrow) else _NO_FLOAT


def _whole(value: float, size: int) -> bytes:
    null = (1 << 8 * size) - 1
    whole = min(max(round(value), 0), null - 1) if isfinite(value) else null
    return whole.to_bytes(size, "little")


def _instant(as_of: int) -> int:
    return min(max(as_of, 0), _INSTANT_MAX)


# Reading


@dataclass(frozen=True, slots=True)
class BinaryFrame:
    """A binary frame of docs/streaming.md. `rows` are its bytes; `header` is None where none is."""

    kind: str
    layout: int
    id: int
    n: int
    count: int
    seen: int
    rows: bytes
    header: dict[str, Any] | None


def decode_frame(data: bytes) -> BinaryFrame:
    """Raises ValueError for what is no frame."""
    if len(data) < _FRAME.size:
        raise ValueError("shorter than the head of a frame")
    kind, layout, _, number, n, count, seen = _FRAME.unpack_from(data)
    if kind not in (1, 2) or layout not in ROW_BYTES:
        raise ValueError(f"no such frame: kind {kind}, layout {layout}")
    end = _FRAME.size + count * ROW_BYTES[layout]
    if len(data) < end:
        raise ValueError("the rows are cut off")
    header = orjson.loads(data[end:]) if len(data) > end else None
    word = "snapshot" if kind == 1 else "changes"
    return BinaryFrame(word, layout, number, n, count, seen, data[_FRAME.size : end], header)


def decode_quotes(
    rows: bytes, *, quality: Sequence[str], trading: Sequence[str]
) -> list[list[Any]]:
    """Return the rows of layout 1 with the columns of the JSON ones, the id for the symbol."""
    found = []
    for at in range(0, len(rows), ROW_BYTES[LAYOUT_QUOTES]):
        row = rows[at : at + ROW_BYTES[LAYOUT_QUOTES]]
        scale, grade, flag, state = row[52:]
        bid, ask, last, open_, high, low, previous = (
            _read_price(row[4 + 4 * n : 8 + 4 * n], scale) for n in range(7)
        )
        sizes = (_read_whole(row[32:36]), _read_whole(row[36:40]))
        as_of = int.from_bytes(row[48:52], "little") | int.from_bytes(row[46:48], "little") << 32
        found.append(
            [
                int.from_bytes(row[:4], "little"),
                *(bid, ask, *sizes, last, open_, high, low, previous, _read_whole(row[40:46])),
                *(as_of, quality[grade], flag, None if state == _NO_CODE else trading[state]),
            ]
        )
    return found


def decode_chain(rows: bytes, *, status: Sequence[str]) -> list[list[Any]]:
    """Return the rows of layout 2 with the columns of the JSON ones."""
    found = []
    for at in range(0, len(rows), ROW_BYTES[LAYOUT_CHAIN]):
        row = rows[at : at + ROW_BYTES[LAYOUT_CHAIN]]
        bid, ask, last = (_read_price(row[4 + 4 * n : 8 + 4 * n], row[2]) for n in range(3))
        bid_size, ask_size, volume = (_read_whole(row[16 + 4 * n : 20 + 4 * n]) for n in range(3))
        found.append(
            [
                int.from_bytes(row[:2], "little"),
                *(bid, ask, bid_size, ask_size, last, volume),
                *(_read_float(row[28 + 4 * n : 32 + 4 * n]) for n in range(6)),
                *(status[row[3]], row[58], int.from_bytes(row[52:58], "little")),
            ]
        )
    return found


def _read_price(data: bytes, scale: int) -> float | None:
    if scale == _FLOATS:
        return _read_float(data)
    whole = int.from_bytes(data, "little", signed=True)
    return None if whole == _NO_PRICE else whole / 10.0**scale


def _read_float(data: bytes) -> float | None:
    value: float = struct.unpack("<f", data)[0]
    return value if isfinite(value) else None


def _read_whole(data: bytes) -> float | None:
    whole = int.from_bytes(data, "little")
    return None if whole == 256 ** len(data) - 1 else float(whole)
