"""What is left open is noticed where it was left."""

from __future__ import annotations

import gc
import socket

from tests.fixtures.garbage import collect


def test_an_unclosed_socket_is_told_of() -> None:
    gc.collect()
    circle: list[object] = [socket.socket()]
    circle.append(circle)
    del circle
    left = collect()
    assert any("unclosed" in line for line in left)
    assert collect() == []
