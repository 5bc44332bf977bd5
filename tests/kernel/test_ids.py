"""Identifiers are unique, rise with time and can be read out."""

from __future__ import annotations

import uuid

import pytest

from optix.kernel import ids
from optix.kernel.ids import new_request_id, new_uuid


class StoppedClock:
    def __init__(self, instant_ns: int) -> None:
        self._instant_ns = instant_ns

    def now_ns(self) -> int:
        return self._instant_ns


def stop_at(monkeypatch: pytest.MonkeyPatch, instant_ns: int) -> None:
    monkeypatch.setattr(ids, "_WALL", StoppedClock(instant_ns))


class TestUuid:
    def test_is_of_version_seven_and_the_standard_variant(self) -> None:
        made = new_uuid()
        assert made.version == 7
        assert made.variant == uuid.RFC_4122

    def test_carries_the_millisecond_in_front(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stop_at(monkeypatch, 0x0123_4567_89AB * 1_000_000 + 999_999)
        assert new_uuid().hex.startswith("0123456789ab7")

    def test_rises_with_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = []
        for millisecond in (1, 2, 1_700_000_000_000, 2**48 - 1):
            stop_at(monkeypatch, millisecond * 1_000_000)
            made.append(new_uuid())
        assert made == sorted(made)

    def test_is_unique_within_one_millisecond(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stop_at(monkeypatch, 1_700_000_000_000_000_000)
        assert len({new_uuid() for _ in range(2_000)}) == 2_000


class TestRequestId:
    def test_is_short_and_plain(self) -> None:
        made = new_request_id()
        assert len(made) == 16
        assert set(made) <= set("0123456789abcdef")

    def test_differs_each_time(self) -> None:
        assert len({new_request_id() for _ in range(1_000)}) == 1_000
