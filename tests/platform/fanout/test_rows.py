"""Rows of the wire: both codecs give the same bytes, JSON is orjson's, and binary rows decode."""

from __future__ import annotations

import struct
from math import isfinite, nan
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from optix.platform.fanout import rows as codec
from optix.platform.fanout.python_fan import iter_batch
from optix.platform.fanout.rows import PythonRows, Rows

WORDS = {"quality": ["realtime", "stale"], "trading": ["open"], "status": ["ok", "no_quote"]}
ORACLE = PythonRows(**WORDS)
BOTH = pytest.mark.parametrize("rows", [ORACLE, codec.new_rows(**WORDS)], ids=["python", "native"])
NASTY = [
    *(0.0, -0.0, nan, float("inf"), -float("inf"), 5e-324, 2.2250738585072014e-308, 1e-5, 9.99e-6),
    *(1e15, 1e16, 9999999999999998.0, 123456789012345680.0, 1.7976931348623157e308, 3.5e38),
    *(0.1, 0.05, 1 / 3, 12.345, 1e-8, 1e-9, 2147483647.0, 2147483648.0, 21474836.47, 4294967294.0),
    *(4294967295.0, -1.0, 281474976710654.0, 281474976710655.0, 0.5, 1.5, 2.5, 1e22, 2.0**53),
]
DOUBLES = st.one_of(
    st.floats(),
    st.floats(width=32),
    st.sampled_from(NASTY),
    st.integers(-(2**54), 2**54).map(float),
    st.integers(-(10**10), 10**10).map(lambda n: n / 100),
    st.tuples(st.integers(-(10**9), 10**9), st.integers(0, 9)).map(lambda p: p[0] / 10 ** p[1]),
)
INSTANTS = st.one_of(st.integers(0, 2**48), st.integers(-(2**63), 2**63 - 1))
QUOTES = st.lists(
    st.tuples(st.lists(DOUBLES, min_size=10, max_size=10), INSTANTS, st.integers(0, 255)),
    max_size=4,
)
CHAINS = st.lists(
    st.tuples(st.lists(DOUBLES, min_size=12, max_size=12), INSTANTS, st.integers(0, 255)),
    max_size=4,
)


def u8(values: list[int]) -> np.ndarray[Any, Any]:
    return np.array(values, dtype=np.uint8)


def matrix(rows: list[list[float]], columns: int) -> np.ndarray[Any, Any]:
    return np.ascontiguousarray(np.array(rows, dtype=np.float64).reshape(-1, columns).T)


def encode_quotes(rows: Rows, made: list[Any], numbers: list[int] | None = None) -> bytes:
    count = len(made)
    return rows.quotes(
        numbers=np.array(numbers or range(count), dtype=np.uint32),
        symbols=[orjson.dumps(f"S{n}") for n in range(count)],
        values=matrix([values for values, _, _ in made], 10),
        as_of=np.array([at for _, at, _ in made], dtype=np.int64),
        quality=u8([flags % 2 for _, _, flags in made]),
        flags=u8([flags for _, _, flags in made]),
        trading=u8([0 if flags % 3 else 255 for _, _, flags in made]),
    )


def encode_chain(rows: Rows, made: list[Any], columns: int = 0x7FFF) -> bytes:
    count = len(made)
    values = matrix([values for values, _, _ in made], 12)
    return rows.chain(
        numbers=np.arange(7, 7 + count, dtype=np.uint32),
        positions=np.arange(count, dtype=np.uint32),
        quotes=np.ascontiguousarray(values[:6]),
        analytics=np.ascontiguousarray(values[6:]),
        status=u8([flags % 2 for _, _, flags in made]),
        flags=u8([flags for _, _, flags in made]),
        as_of=np.array([at for _, at, _ in made], dtype=np.int64),
        columns=columns,
    )


class TestSameBytes:
    """The oracle writes JSON with orjson, so that equal bytes are orjson's."""

    @settings(deadline=None)
    @given(QUOTES)
    @example([([value] * 10, 0, 0) for value in NASTY])
    def test_quotes(self, made: list[Any]) -> None:
        assert encode_quotes(codec.new_rows(**WORDS), made) == encode_quotes(ORACLE, made)

    @settings(deadline=None)
    @given(CHAINS, st.integers(0, 0x7FFF))
    @example([([value] * 12, 0, 0) for value in NASTY], 0x7FFF)
    def test_chains(self, made: list[Any], columns: int) -> None:
        native = encode_chain(codec.new_rows(**WORDS), made, columns)
        assert native == encode_chain(ORACLE, made, columns)

    @settings(deadline=None)
    @given(st.integers(0, 2**64 - 1))
    def test_any_bits_of_a_double(self, bits: int) -> None:
        value = struct.unpack("<d", bits.to_bytes(8, "little"))[0]
        made = [([value] * 10, 0, 0)]
        assert encode_quotes(codec.new_rows(**WORDS), made) == encode_quotes(ORACLE, made)


def whole(value: float, top: int) -> float | None:
    return min(max(round(value), 0), top) if isfinite(value) else None


def narrowed(value: float) -> float | None:
    with np.errstate(over="ignore"):
        narrow = float(np.float32(value))
    return narrow if isfinite(narrow) else None


class TestBinary:
    """What decodes is what was written, to the precision that the document promises."""

    @settings(deadline=None)
    @given(QUOTES)
    def test_a_quote_comes_back(self, made: list[Any]) -> None:
        batch = list(iter_batch(encode_quotes(codec.new_rows(**WORDS), made)))
        found = codec.decode_quotes(
            b"".join(binary for _, _, binary in batch),
            quality=WORDS["quality"],
            trading=WORDS["trading"],
        )
        for row, (_, json, binary), (values, at, _) in zip(found, batch, made, strict=True):
            told = orjson.loads(json)
            prices = [row[n] for n in (1, 2, 5, 6, 7, 8, 9)]
            assert prices == kept_prices([told[n] for n in (1, 2, 5, 6, 7, 8, 9)], binary[52])
            assert row[3:5] == [whole(values[2], 2**32 - 2), whole(values[3], 2**32 - 2)]
            assert row[10] == whole(values[9], 2**48 - 2)
            assert row[11] == min(max(at, 0), 2**48 - 2)
            assert row[12:] == told[12:]

    @settings(deadline=None)
    @given(CHAINS)
    def test_a_row_of_a_chain_comes_back(self, made: list[Any]) -> None:
        batch = list(iter_batch(encode_chain(codec.new_rows(**WORDS), made)))
        binaries = b"".join(binary for _, _, binary in batch)
        found = codec.decode_chain(binaries, status=WORDS["status"])
        for row, (_, json, binary), (values, at, _) in zip(found, batch, made, strict=True):
            told = orjson.loads(json)
            assert [row[1], row[2], row[5]] == kept_prices([told[1], told[2], told[5]], binary[2])
            sizes = [whole(values[n], 2**32 - 2) for n in (2, 3, 5)]
            assert [row[3], row[4], row[6]] == sizes
            assert row[7:13] == [narrowed(value) for value in values[6:]]
            assert row[13:15] == told[13:15]
            assert row[15] == min(max(at, 0), 2**48 - 2)

    @pytest.mark.parametrize(
        ("prices", "scale"),
        [
            ([1.0, 2.0, nan], 0),
            ([1.5, 2.0, nan], 1),
            ([1.25, 612.31, 3.0], 2),
            ([0.00000001, 1.0, nan], 8),
            ([0.000000001, 1.0, nan], 255),
            ([21474836.47, 0.01, nan], 2),
            ([21474836.48, 0.01, nan], 255),
            ([2147483647.0, 0.1, nan], 255),
            ([2147483647.0, -2147483647.0, nan], 0),
            ([2147483648.0, 1.0, nan], 255),
            ([-2147483648.0, 1.0, nan], 255),
            ([1 / 3, 1.0, nan], 255),
            ([nan, nan, nan], 0),
            ([1e308, nan, nan], 255),
        ],
    )
    @BOTH
    def test_the_least_scale_is_taken_that_holds_all_prices(
        self, rows: Rows, prices: list[float], scale: int
    ) -> None:
        bid, ask, last = prices
        values = [bid, ask, nan, nan, last, *[nan] * 7]
        ((_, _, binary),) = iter_batch(encode_chain(rows, [(values, 0, 0)]))
        assert binary[2] == scale

    @BOTH
    def test_the_places_are_those_of_the_document(self, rows: Rows) -> None:
        values = [1.25, 1.5, 10.0, 20.0, 1.4, 300.0, 0.25, 0.5, -0.125, -1.0, nan, 2.0]
        ((number, json, binary),) = iter_batch(encode_chain(rows, [(values, 2**32 + 5, 33)]))
        assert number == 7
        assert json == (
            b"[0,1.25,1.5,10.0,20.0,1.4,300.0,0.25,0.5,-0.125,-1.0,null,2.0,"
            b'"no_quote",33,4294967301]'
        )
        assert binary[:4] == bytes((0, 0, 2, 1))
        assert struct.unpack("<iii", binary[4:16]) == (125, 150, 140)
        assert struct.unpack("<III", binary[16:28]) == (10, 20, 300)
        assert struct.unpack("<ffff", binary[28:44]) == (0.25, 0.5, -0.125, -1.0)
        assert binary[44:48] == bytes((0, 0, 0xC0, 0x7F))
        assert struct.unpack("<fIHBB", binary[48:]) == (2.0, 5, 1, 33, 0)

    @BOTH
    def test_the_places_of_a_quote_are_those_of_the_document(self, rows: Rows) -> None:
        values = [1.0, 2.0, 3.0, nan, 5.0, 6.0, 7.0, 8.0, nan, float(2**32 + 9)]
        ((number, _, binary),) = iter_batch(encode_quotes(rows, [(values, 2**32 + 5, 33)], [9]))
        assert number == 9
        assert struct.unpack("<I7i", binary[:32]) == (9, 1, 2, 5, 6, 7, 8, -(2**31))
        assert struct.unpack("<IIIHHI", binary[32:52]) == (3, 2**32 - 1, 9, 1, 1, 5)
        assert tuple(binary[52:]) == (0, 1, 33, 255)


def kept_prices(prices: list[float | None], scale: int) -> list[float | None]:
    if scale != 255:
        return [None if price is None else price + 0.0 for price in prices]
    return [None if price is None else narrowed(price) for price in prices]


class TestRefusals:
    @BOTH
    def test_a_code_without_a_word_is_refused(self, rows: Rows) -> None:
        with pytest.raises(IndexError):
            rows.chain(
                numbers=np.zeros(1, dtype=np.uint32),
                positions=np.zeros(1, dtype=np.uint32),
                quotes=np.zeros((6, 1)),
                analytics=np.zeros((6, 1)),
                status=u8([2]),
                flags=u8([0]),
                as_of=np.zeros(1, dtype=np.int64),
                columns=0x7FFF,
            )

    @BOTH
    def test_a_symbol_longer_than_a_batch_can_say_is_refused(self, rows: Rows) -> None:
        with pytest.raises(ValueError, match="longer"):
            rows.quotes(
                numbers=np.zeros(1, dtype=np.uint32),
                symbols=[b'"' + b"A" * 0xFFFF + b'"'],
                values=np.zeros((10, 1)),
                as_of=np.zeros(1, dtype=np.int64),
                quality=u8([0]),
                flags=u8([0]),
                trading=u8([0]),
            )

    @pytest.mark.parametrize("cut", [0, 23, 24, 83])
    def test_a_frame_that_is_cut_off_is_refused(self, cut: int) -> None:
        frame = struct.pack("<BBHIIIQ", 1, 2, 0, 1, 0, 1, 5) + bytes(60)
        with pytest.raises(ValueError, match=r"shorter|cut off"):
            codec.decode_frame(frame[:cut])

    @pytest.mark.parametrize(("kind", "layout"), [(0, 1), (3, 1), (1, 0), (1, 4)])
    def test_an_unknown_frame_is_refused(self, kind: int, layout: int) -> None:
        with pytest.raises(ValueError, match="no such frame"):
            codec.decode_frame(struct.pack("<BBHIIIQ", kind, layout, 0, 1, 0, 0, 5))
