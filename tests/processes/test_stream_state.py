"""Proven on frames written out by hand after docs/streaming.md, byte for byte where binary."""

from __future__ import annotations

import math
import struct
from typing import Any

import orjson
import pytest

from optix.processes.stream_state import (
    CHAIN_COLUMNS,
    QUOTE_COLUMNS,
    FollowedChain,
    FollowedEvents,
    FollowedQuotes,
    StreamGap,
    StreamState,
    UnreadableFrame,
)

WORDS = {
    "quality": ["realtime", "delayed"],
    "trading": ["open", "halted"],
    "status": ["ok", "no_quote"],
}
SPY_ROW = ["SPY", 612.3, 612.31, 200, 300, 612.305, 610.0, 613.25, 609.5, 611.0, 5_000_000_000,
           1_763_800_000_123, "delayed", 3, "open"]  # fmt: skip


def _text(*parts: Any) -> str:
    return orjson.dumps(parts).decode()


def _state() -> StreamState:
    state = StreamState()
    state.feed(_text("hello", {"version": 2, "stream": "g1", "words": WORDS}))
    return state


def _quotes(state: StreamState) -> FollowedQuotes:
    followed = FollowedQuotes({"quotes": ["SPY"]}, id=1)
    state.followed[1] = followed
    return followed


def _header(**more: Any) -> dict[str, Any]:
    return {"kind": "quotes", "columns": QUOTE_COLUMNS, "ids": {"SPY": 7}, "missing": []} | more


def _binary(kind: int, layout: int, number: int, rows: list[bytes], header: object) -> bytes:
    head = struct.pack("<BBHIIIQ", kind, layout, 0, 1, number, len(rows), 42)
    return head + b"".join(rows) + (b"" if header is None else orjson.dumps(header))


def _spy_binary() -> bytes:
    prices = [612_300, 612_310, 612_305, 610_000, 613_250, 609_500, 611_000]
    return (
        struct.pack("<I7i2I", 7, *prices, 200, 300)
        + struct.pack("<IH", 5_000_000_000 & 0xFFFFFFFF, 5_000_000_000 >> 32)
        + struct.pack("<HI", 1_763_800_000_123 >> 32, 1_763_800_000_123 & 0xFFFFFFFF)
        + bytes([3, 1, 3, 0])
    )


class TestQuotes:
    def test_both_formats_come_to_the_same_row(self) -> None:
        read, packed = _state(), _state()
        left, right = _quotes(read), _quotes(packed)
        read.feed(_text("snapshot", 1, 0, _header(), [SPY_ROW], 42))
        packed.feed(_binary(1, 1, 0, [_spy_binary()], _header()))
        assert left.rows == right.rows == {"SPY": dict(zip(QUOTE_COLUMNS, SPY_ROW, strict=True))}
        assert (left.seen, left.stream) == (right.seen, right.stream) == (42, "g1")

    def test_what_does_not_exist_is_none_in_a_binary_row(self) -> None:
        state = _state()
        followed = _quotes(state)
        nothing = struct.pack(
            "<I7i2IIHHI4B", 7, *[-(2**31)] * 7, *[2**32 - 1] * 3, *[2**16 - 1] * 2, 2**32 - 1,
            4, 0, 0, 255,
        )  # fmt: skip
        state.feed(_binary(1, 1, 0, [nothing], _header()))
        row = followed.rows["SPY"]
        assert {name for name, value in row.items() if value is not None} == {
            "symbol",
            "quality",
            "flags",
        }

    def test_prices_without_a_scale_are_floats(self) -> None:
        state = _state()
        followed = _quotes(state)
        floats = struct.pack("<7f", 0.1, math.nan, 1e12, 1, 2, 3, 4)
        row = struct.pack("<I", 7) + floats + bytes(20) + bytes([255, 0, 0, 0])
        state.feed(_binary(1, 1, 0, [row], _header()))
        assert followed.rows["SPY"]["bid"] == pytest.approx(0.1, rel=1e-7)
        assert followed.rows["SPY"]["ask"] is None
        assert followed.rows["SPY"]["last"] == pytest.approx(1e12, rel=1e-7)

    def test_changes_replace_rows_and_fields_of_the_header(self) -> None:
        state = _state()
        followed = _quotes(state)
        state.feed(_text("snapshot", 1, 0, _header(missing=[{"symbol": "IWM"}]), [SPY_ROW], 42))
        changed = [*SPY_ROW[:5], 700.0, *SPY_ROW[6:]]
        state.feed(_text("changes", 1, 1, [changed], {"missing": []}, 43))
        assert followed.rows["SPY"]["last"] == 700.0
        assert (followed.missing, followed.seen, followed.number) == ({}, 43, 1)
        assert state.quotes["SPY"]["last"] == 700.0

    def test_a_gap_is_told_and_changes_nothing(self) -> None:
        state = _state()
        followed = _quotes(state)
        state.feed(_text("snapshot", 1, 0, _header(), [SPY_ROW], 42))
        with pytest.raises(StreamGap) as gap:
            state.feed(_text("changes", 1, 2, [["SPY"]], None, 44))
        assert gap.value.subscription is followed
        assert (followed.snapshots, followed.seen) == (1, 42)

    def test_changes_before_an_answer_are_a_gap(self) -> None:
        state = _state()
        _quotes(state)
        with pytest.raises(StreamGap):
            state.feed(_binary(2, 1, 1, [], None))

    def test_a_resumed_subscription_keeps_its_rows_and_counts_from_one(self) -> None:
        state = _state()
        followed = _quotes(state)
        state.feed(_text("snapshot", 1, 0, _header(), [SPY_ROW], 42))
        followed.number = None  # the connection was lost
        state.feed(_text("resumed", 1, {"missing": []}))
        state.feed(_text("changes", 1, 1, [SPY_ROW], None, 50))
        assert (followed.resumes, followed.seen) == (1, 50)
        assert followed.live

    def test_only_the_same_gateway_is_asked_to_resume(self) -> None:
        state = _state()
        followed = _quotes(state)
        assert "resume" not in followed.request("g1")
        state.feed(_text("snapshot", 1, 0, _header(), [SPY_ROW], 42))
        assert followed.request("g1")["resume"] == {"stream": "g1", "seen": 42}
        assert "resume" not in followed.request("g2")

    def test_frames_of_a_subscription_that_is_gone_change_nothing(self) -> None:
        state = _state()
        frame = state.feed(_text("changes", 9, 4, [SPY_ROW], None, 50))
        assert frame.about is None
        assert state.feed(_binary(2, 1, 9, [_spy_binary()], None)).about is None


class TestChain:
    def test_both_formats_come_to_the_same_rows(self) -> None:
        row = [5, 1.25, 1.3, 10, 11, 1.27, 1234, 0.25, 0.5, 0.125, -0.0625, 0.75, 1.5, "ok", 16,
               1_763_800_000_123]  # fmt: skip
        as_of = 1_763_800_000_123
        packed = (
            struct.pack("<HBB3i3I", 5, 2, 0, 125, 130, 127, 10, 11, 1234)
            + struct.pack("<6f", 0.25, 0.5, 0.125, -0.0625, 0.75, 1.5)
            + struct.pack("<IHBB", as_of & 0xFFFFFFFF, as_of >> 32, 16, 0)
        )
        header = {"kind": "chain", "columns": CHAIN_COLUMNS, "contracts": [], "spot": SPY_ROW}
        states = [_state(), _state()]
        chains = []
        for state in states:
            chain = FollowedChain({"chain": {}}, id=1)
            state.followed[1] = chain
            chains.append(chain)
        states[0].feed(_text("snapshot", 1, 0, header, [row], 42))
        states[1].feed(_binary(1, 2, 0, [packed], header))
        assert chains[0].rows == chains[1].rows == {5: dict(zip(CHAIN_COLUMNS, row, strict=True))}
        assert chains[0].spot is not None
        assert chains[0].spot["last"] == 612.305

    def test_contracts_are_read_by_name_and_unknown_columns_passed_over(self) -> None:
        state = _state()
        chain = FollowedChain({"chain": {}}, id=1)
        state.followed[1] = chain
        listed = [[0, "SPY   261218C00600000", "SPY", "C", 600.0, 12, 1.5, "new"]]
        header = {"kind": "chain", "columns": ["i", "bid"], "contracts": listed, "new": 1}
        state.feed(_text("snapshot", 1, 0, header, [[0, 1.5, "more"]], 1))
        assert chain.contracts[0]["strike"] == 600.0
        assert chain.rows == {0: {"i": 0, "bid": 1.5}}


class TestEvents:
    def _followed(self) -> tuple[StreamState, FollowedEvents]:
        state = _state()
        followed = FollowedEvents({"events": ["account"]}, id=3)
        state.followed[3] = followed
        return state, followed

    def test_events_follow_each_other_and_are_asked_for_after_the_last(self) -> None:
        state, followed = self._followed()
        assert "after" not in followed.request("g1")
        state.feed(_text("events", 3, {"epoch": "e", "offset": 17, "reset": False}))
        state.feed(_text("event", 3, 19, 17, "account", "x", {"a": 1}, 5))
        state.feed(_text("event", 3, 20, 19, "account", "y", {}, 6))
        assert [each.kind for each in followed.events] == ["x", "y"]
        assert followed.request("g2")["after"] == {"epoch": "e", "offset": 20}

    def test_an_event_after_one_that_never_came_is_a_gap(self) -> None:
        state, followed = self._followed()
        state.feed(_text("events", 3, {"epoch": "e", "offset": 17, "reset": False}))
        with pytest.raises(StreamGap):
            state.feed(_text("event", 3, 19, 18, "account", "x", {}, 5))
        assert (followed.offset, followed.events) == (17, [])

    def test_a_reset_is_counted_and_begins_anew(self) -> None:
        state, followed = self._followed()
        state.feed(_text("events", 3, {"epoch": "e", "offset": 17, "reset": False}))
        state.feed(_text("events", 3, {"epoch": "f", "offset": 2, "reset": True}))
        assert (followed.resets, followed.epoch, followed.offset) == (1, "f", 2)


class TestOtherFrames:
    def test_the_state_of_the_feed_says_whether_numbers_are_current(self) -> None:
        state = _state()
        assert state.stale
        state.feed(_text("status", {"state": "live"}))
        assert not state.stale
        state.feed(_text("status", {"state": "down"}))
        assert state.stale

    def test_an_error_goes_to_its_subscription(self) -> None:
        state = _state()
        followed = _quotes(state)
        body = {"id": 1, "code": "too_many", "detail": "No.", "next_step": "Wait.", "new": 1}
        state.feed(_text("error", body))
        state.feed(_text("error", {**body, "id": None, "code": "malformed_message"}))
        assert followed.error is not None
        assert followed.error.code == "too_many"
        assert state.error is not None
        assert state.error.code == "malformed_message"

    def test_heartbeats_slowness_and_unknown_frames(self) -> None:
        state = _state()
        state.feed(_text("heartbeat", 5, 6))
        state.feed(_text("slow", 3))
        assert state.feed(_text("not yet invented", 1, 2)).about is None
        assert (state.server_ms, state.market_ms, state.skipped) == (5, 6, 3)

    @pytest.mark.parametrize(
        "data",
        [
            "no JSON",
            "[]",
            '["hello"]',
            '["heartbeat",1]',
            b"",
            b"\x01\x01",
            _binary(3, 1, 0, [], None),
            _binary(1, 9, 0, [], None),
            _binary(1, 1, 0, [_spy_binary()], None),
            _binary(1, 1, 0, [_spy_binary()], {"no": "ids"}),
            _binary(1, 1, 0, [_spy_binary()], _header())[:60],
        ],
    )
    def test_what_is_not_of_the_language_is_refused(self, data: str | bytes) -> None:
        state = _state()
        _quotes(state)
        with pytest.raises(UnreadableFrame):
            state.feed(data)
