"""Ports are proven with real sockets of this process."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator

import pytest
from tools.ports import free_port

from optix.processes.ports import PortBusy, choose_port, holder_of, is_free


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def port_of(server: socket.socket) -> int:
    return int(server.getsockname()[1])


def test_a_free_port_is_chosen_as_it_is() -> None:
    port = free_port()
    assert is_free("127.0.0.1", port)
    assert choose_port("127.0.0.1", port, any_port=False) == port


def test_a_busy_port_is_refused_with_its_holder_and_the_remedy(taken: socket.socket) -> None:
    assert not is_free("127.0.0.1", port_of(taken))
    with pytest.raises(PortBusy, match=f"Port {port_of(taken)} is in use") as caught:
        choose_port("127.0.0.1", port_of(taken), any_port=False)
    assert f"--port {port_of(taken) + 1}" in caught.value.next_step
    if sys.platform == "linux":
        assert f"(process {os.getpid()})" in caught.value.detail


def test_the_next_free_one_is_taken_when_any_will_do(taken: socket.socket) -> None:
    assert choose_port("127.0.0.1", port_of(taken), any_port=True) > port_of(taken)


def test_a_host_that_is_not_ours_is_refused() -> None:
    with pytest.raises(PortBusy, match="no address of this machine"):
        choose_port("192.0.2.1", 8000, any_port=False)


def test_nobody_holds_a_free_port() -> None:
    assert holder_of(free_port()) is None
