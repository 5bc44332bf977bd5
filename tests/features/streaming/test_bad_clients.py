"""Clients that break the rules are closed with the right code, and nobody beside them notices.

A healthy client is connected all the time; after each fault it is answered as before, and the
strict reader behind it has seen every frame in order.
"""

from __future__ import annotations

from string import ascii_uppercase

import pytest
from structlog.testing import capture_logs
from tests.fakes.frames_of_clients import masked
from tests.fakes.raw_socket import RawSocket, request, say
from tests.features.streaming.conftest import ALICE, BOB, Stream, Tokens
from tests.fixtures.chains import spot_of
from tests.fixtures.waiting import until

from optix.kernel import limits

pytestmark = pytest.mark.stores

TEXT = 0x81
BEFORE_SIGNING_IN = {
    "a version of the past": (say(op="auth", token="x", version=1), 4406),
    "a version to come": (say(op="auth", token="x", version=3, words="new"), 4406),
    "a token that is none": (say(op="auth", token="x"), 4401),
    "another message first": (say(op="ping", t=1), 4401),
    "what is no JSON first": (masked(TEXT, b"{"), 4401),
    "a message that is too long": (masked(TEXT, b" " * 16_385), 1009),
}
SIGNED_IN = {
    "unreadable messages, again and again": (
        masked(TEXT, b"{") * limits.SOCKET_BAD_FRAMES_MAX,
        4400,
    ),
    "too many messages": (say(op="ping", t=1) * (limits.SOCKET_MESSAGES_AT_ONCE_MAX + 50), 4429),
    "too many pings": (masked(0x89, b"") * (limits.SOCKET_MESSAGES_AT_ONCE_MAX + 50), 4429),
    "parts that never end": (
        masked(0x01, b" ") + masked(0x00, b" " * 4_000) * 5,
        1009,
    ),
}


async def test_each_fault_has_its_code_and_costs_nobody_else(
    stream: Stream, tokens: Tokens
) -> None:
    healthy = await RawSocket.connect(stream.port)
    await healthy.sign_in(tokens.of(BOB))
    found, expected, mark = {}, {}, 0
    with capture_logs() as logs:
        for name, (data, code) in (BEFORE_SIGNING_IN | SIGNED_IN).items():
            client = await RawSocket.connect(stream.port)
            if name in SIGNED_IN:
                await client.sign_in(tokens.of())
            else:
                assert (await client.shake_hands(request()))[0] == 101
            client.send(data)
            expected[name], found[name] = code, await client.closed()
            await client.close()
            mark += 1
            assert await healthy.is_alive(mark), name
        await healthy.close()
        await until(lambda: not stream.gateway.sockets and not stream.gateway.waiting)
    assert found == expected
    told = {log["code"] for log in logs if log["event"] == "stream.closed"}
    assert told == {4400, 4406, 4429, 1009}  # a token that is none is no fault, nor is leaving
    assert [frame[1] for frame in healthy.frames("pong")] == list(range(1, mark + 1))


async def test_clients_that_vanish_or_stop_in_the_middle_cost_nobody_else(
    stream: Stream, tokens: Tokens
) -> None:
    """Half a handshake, half a frame, a cut connection, and one that reads nothing at all."""
    healthy = await RawSocket.connect(stream.port)
    await healthy.sign_in(tokens.of(BOB))
    clients = []
    for data in (request()[:30], request() + b"\x81", request() + say(op="auth", token="x")[:9]):
        client = await RawSocket.connect(stream.port)
        client.send(data)
        clients.append(client)
    silent = await RawSocket.connect(stream.port, receive_buffer=2_048)
    await silent.sign_in(tokens.of())
    clients.append(silent)
    for mark in range(limits.SOCKET_MESSAGES_AT_ONCE_MAX - 50):  # answers that nobody reads
        silent.say(op="ping", t=mark)
    cut = await RawSocket.connect(stream.port)
    await cut.sign_in(tokens.of())
    await cut.close()
    for mark in range(20):
        assert await healthy.is_alive(mark)
    assert [frame[1] for frame in healthy.frames("pong")] == list(range(20))
    for client in [*clients, healthy]:
        await client.close()


async def test_who_reads_byte_by_byte_is_told_and_costs_nobody_else(
    stream: Stream, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It loses no number for good: what it reads in the end is the last."""
    monkeypatch.setattr(limits, "SOCKET_SEND_BUFFER_BYTES_MAX", 4_096)
    provider, names = stream.market.provider, [f"B{letter}" for letter in ascii_uppercase]
    for name in names:
        provider.quotes[name] = spot_of(name)
    healthy, dripping = [
        await RawSocket.connect(stream.port, receive_buffer=size) for size in (0, 2_048)
    ]
    for client, user in ((healthy, BOB), (dripping, ALICE)):
        await client.sign_in(tokens.of(user), interval_ms=100)
        client.heard.expect(1)
        client.say(op="subscribe", id=1, quotes=names)
        await client.until(lambda: len(client.heard.shown[1].rows) == len(names))  # noqa: B023  # awaited here
    (slow,) = [
        connection
        for lane in stream.gateway.streams
        for connection in lane.connections
        if connection.owner == ALICE
    ]
    for price in range(601, 641):
        for name in names:
            provider.emit(spot_of(name, float(price)))
        await dripping.read(1)
        await healthy.until(lambda: _lasts(healthy) == {float(price)})  # noqa: B023  # the same
        assert slow.pending() < 10_000  # a frame that was begun, and no queue behind it
    await dripping.until(lambda: _lasts(dripping) == {640.0})
    assert dripping.frames("slow"), "it was not told"
    assert not healthy.frames("slow")
    for client in (healthy, dripping):
        await client.close()


def _lasts(client: RawSocket) -> set[float]:
    shown = client.heard.shown[1]
    place = shown.header["columns"].index("last")
    return {row[place] for row in shown.rows.values()}
