"""Clients that break the rules are closed with the right code, and nobody beside them notices.

A healthy client is connected all the time; after each fault it is answered as before, and the
strict reader behind it has seen every frame in order.
"""

from __future__ import annotations

import pytest
from tests.fakes.frames_of_clients import masked
from tests.fakes.raw_socket import RawSocket, request, say
from tests.features.streaming.conftest import BOB, Stream, Tokens

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
    assert found == expected
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
