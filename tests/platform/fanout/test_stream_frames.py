"""Frames that decoders in other languages are tested with: what is sent, and both say the same."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from tests.fixtures import stream_frames

from optix.platform.fanout.rows import LAYOUT_QUOTES, decode_chain, decode_frame, decode_quotes

FRAMES = json.loads((stream_frames.PLACE / "frames.json").read_text())


def test_the_files_are_current() -> None:
    """Else write them anew: python -m tests.fixtures.stream_frames."""
    frames = (stream_frames.PLACE / "frames.json").read_text()
    assert frames == stream_frames.written(stream_frames.make())
    words = (stream_frames.PLACE / "words.json").read_text()
    assert words == stream_frames.written(stream_frames.WORDS)


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame["name"])
def test_both_formats_say_the_same(frame: dict[str, Any]) -> None:
    kind, number, n, *rest, seen = frame["json"]
    binary = decode_frame(base64.b64decode(frame["binary_base64"]))
    assert (binary.kind, binary.id, binary.n, binary.seen) == (kind, number, n, seen)
    header, rows = rest if kind == "snapshot" else reversed(rest)
    assert (binary.header, binary.count) == (header, len(rows))
    words = stream_frames.WORDS
    if binary.layout == LAYOUT_QUOTES:
        ids = FRAMES[0]["json"][3]["ids"]
        told = decode_quotes(binary.rows, quality=words["quality"], trading=words["trading"])
        expected = [[ids[row[0]], *row[1:]] for row in rows]
    else:
        told, expected = decode_chain(binary.rows, status=words["status"]), rows
    assert [rounded(row) for row in told] == [rounded(row) for row in expected]


def rounded(row: list[Any]) -> list[Any]:
    """To the digits of an f32, and to the largest size that binary rows can say."""
    top = 2**32 - 2
    return [
        (float(f"{value:.7g}") if abs(value) < top else top) if isinstance(value, float) else value
        for value in row
    ]
