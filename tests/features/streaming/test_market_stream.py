"""Bounds of the wheel and of the kernel's buffers, as they meet the fan and a real socket."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Any, cast

import pytest
from tests.fixtures.waiting import until

from optix.features.streaming.connection import Connection, slices_of
from optix.kernel import limits
from optix.platform.fanout.core import Ending
from optix.processes.market import open_fan


class TestIntervals:
    def test_every_interval_that_may_be_asked_for_fits_into_the_wheel(self) -> None:
        assert slices_of(limits.SOCKET_INTERVAL_MS_MIN) >= 1
        assert slices_of(limits.SOCKET_INTERVAL_MS_MAX) < limits.SOCKET_WHEEL_SLICES
        assert slices_of(1_000) * limits.SOCKET_SLICE_SECONDS == pytest.approx(1)
        ours, theirs = socket.socketpair()
        fan = open_fan()
        with ours, theirs:
            most = slices_of(limits.SOCKET_INTERVAL_MS_MAX)
            handle = fan.add_client(ours.fileno(), binary=False, interval_slices=most)
            with pytest.raises(ValueError, match="wheel"):
                fan.set_interval(handle, limits.SOCKET_WHEEL_SLICES)
            fan.remove_client(handle)

    def test_who_takes_nothing_for_so_long_is_ended(self) -> None:
        ours, theirs = socket.socketpair()
        fan = open_fan()
        with ours, theirs:
            ours.setblocking(False)
            with suppress(BlockingIOError):
                while True:
                    ours.send(b"x" * 65_536)
            handle = fan.add_client(ours.fileno(), binary=False, interval_slices=1)
            fan.push(handle, b"[]")
            most = int(limits.SOCKET_STALLED_SECONDS_MAX * 1000)
            assert fan.tick(1, 1) == []
            assert fan.tick(2, 1 + most) == []
            assert fan.tick(3, 2 + most) == [(handle, Ending.STALLED)]
            fan.remove_client(handle)

    def test_what_waits_for_a_client_is_bounded(self) -> None:
        ours, theirs = socket.socketpair()
        fan = open_fan()
        with ours, theirs:
            handle = fan.add_client(ours.fileno(), binary=False, interval_slices=1)
            fan.push(handle, b"x" * limits.SOCKET_CONTROL_BYTES_MAX)
            assert fan.tick(1, 1) == [(handle, Ending.OVERFULL)]
            fan.remove_client(handle)


class TestBuffers:
    async def test_the_kernel_keeps_little_for_a_client(self) -> None:
        class Home:
            def now(self) -> float:
                return 0.0

            def connected(self, connection: Connection) -> None: ...
            def left(self, connection: Connection) -> None: ...

        loop = asyncio.get_running_loop()
        made: list[Connection] = []

        def new() -> Connection:
            made.append(Connection(cast("Any", Home())))
            return made[-1]

        server = await loop.create_server(new, "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await until(lambda: bool(made) and made[0]._descriptor >= 0)
        own = made[0]._transport.get_extra_info("socket")
        kept = own.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        assert kept <= 2 * limits.SOCKET_SEND_BUFFER_BYTES  # Linux counts its own part too
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            unsent = own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)
            assert unsent == limits.SOCKET_UNSENT_BYTES
        writer.close()
        server.close()
        made[0].abort()
        await asyncio.sleep(0)
