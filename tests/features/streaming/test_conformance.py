"""RFC 6455 by its sections, over a bare TCP connection, in both ways in which sockets are served.

Each case is what a client sends once it is signed in, and what has to become of the connection: it
goes on (a ping is answered afterwards), or it is closed with a code. What the server sends is read
by a strict reader that shares nothing with it.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping

import pytest
from tests.fakes.frames_of_clients import masked
from tests.fakes.raw_socket import ACCEPT, RawSocket, request, say
from tests.fakes.stream_reader import PONG
from tests.features.streaming.conftest import ALICE, Stream, Tokens
from websockets.asyncio.client import connect

pytestmark = pytest.mark.stores

GOES_ON = 0
WHOLE, PART = 0x80, 0x00
TEXT, BINARY, CLOSE, PING = 0x1, 0x2, 0x8, 0x9
SAYS_NOTHING = b'{"op":"ping","t":1}'


def sized(size: int) -> bytes:
    """Return a message of so many bytes."""
    return SAYS_NOTHING.ljust(size)


def close(code: int, reason: bytes = b"") -> bytes:
    return masked(WHOLE | CLOSE, struct.pack(">H", code) + reason)


def with_head(head: bytes, payload: bytes) -> bytes:
    """Return a frame with a head of one's own and a mask of zeros."""
    return head + bytes(4) + payload


FRAMING = {
    f"text of {n} bytes": (masked(0x81, sized(n)), GOES_ON)
    for n in (20, 125, 126, 127, 128, 16_384)
} | {
    "text of one byte too many": (masked(0x81, sized(16_385)), 1009),
    "text of 65,536 bytes": (masked(0x81, sized(65_536)), 1009),
    "a length of 2^62": (b"\x81\xff" + (2**62).to_bytes(8, "big"), 1009),
    "a length with the highest bit": (b"\x81\xff" + b"\xff" * 8, 1002),
    "16 bits for a short length": (with_head(b"\x81\xfe\x00\x13", SAYS_NOTHING), 1002),
    "64 bits for a short length": (with_head(b"\x81\xff" + bytes(7) + b"\x13", SAYS_NOTHING), 1002),
    "binary": (masked(0x82, SAYS_NOTHING), 1003),
    "without a mask": (b"\x81\x13" + SAYS_NOTHING, 1002),
    "a ping without a mask": (b"\x89\x00", 1002),
    "an empty text": (masked(0x81, b""), GOES_ON),
}
PINGS = {
    "an empty ping": (masked(0x89, b""), GOES_ON),
    "a ping of 125 bytes": (masked(0x89, bytes(range(125))), GOES_ON),
    "a ping of 126 bytes": (masked(0x89, bytes(126)), 1002),
    "a pong that nobody asked for": (masked(0x8A, b"here"), GOES_ON),
    "ten pings": (b"".join(masked(0x89, bytes([n])) for n in range(10)), GOES_ON),
}
RESERVED_BITS = {
    f"first byte {first | bit:#x}": (masked(first | bit, SAYS_NOTHING), 1002)
    for first in (0x81, 0x89, 0x01)
    for bit in (0x10, 0x20, 0x40, 0x70)
}
OPCODES = {
    f"opcode {code}": (masked(WHOLE | code, b""), 1002) for code in (*range(3, 8), *range(11, 16))
}
FRAGMENTS = {
    "a ping in parts": (masked(PART | PING, b"a"), 1002),
    "a close in parts": (masked(PART | CLOSE, b""), 1002),
    "text in two": (masked(0x01, SAYS_NOTHING[:7]) + masked(0x80, SAYS_NOTHING[7:]), GOES_ON),
    "text byte by byte": (
        masked(0x01, b"")
        + b"".join(masked(0x00, bytes([b])) for b in SAYS_NOTHING)
        + masked(0x80, b""),
        GOES_ON,
    ),
    "a ping between": (
        masked(0x01, SAYS_NOTHING[:7]) + masked(0x89, b"!") + masked(0x80, SAYS_NOTHING[7:]),
        GOES_ON,
    ),
    "nothing to continue": (masked(0x80, SAYS_NOTHING), 1002),
    "nothing to continue, not the last": (masked(0x00, SAYS_NOTHING), 1002),
    "nothing to continue after a whole one": (
        masked(0x81, SAYS_NOTHING) + masked(0x80, b"x"),
        1002,
    ),
    "a text within a text": (masked(0x01, b"{") + masked(0x81, SAYS_NOTHING), 1002),
    "a text begun within a text": (masked(0x01, b"{") + masked(0x01, b"}"), 1002),
    "parts that are too much together": (
        masked(0x01, sized(10_000)) + masked(0x00, b" " * 6_385),
        1009,
    ),
    "binary in parts": (masked(0x02, b"a") + masked(0x80, b"b"), 1003),
}
GREEK = "κόσμε 😀 \u00e9 \U0010ffff".encode()
UTF_8 = {
    "what is no JSON": (masked(0x81, GREEK), GOES_ON),
    "a letter in two parts": (masked(0x01, GREEK[:1]) + masked(0x80, GREEK[1:]), GOES_ON),
    **{
        f"bytes {wrong.hex()}": (masked(0x81, b'"' + wrong + b'"'), 1007)
        for wrong in (
            b"\x80",
            b"\xff",
            b"\xc3",
            b"\xc0\xaf",
            b"\xe0\x80\xaf",
            b"\xf0\x80\x80\xaf",
            b"\xed\xa0\x80",
            b"\xed\xbf\xbf",
            b"\xf4\x90\x80\x80",
            b"\xf8\x88\x80\x80\x80",
        )
    },
    "wrong in the second part": (masked(0x01, GREEK) + masked(0x80, b"\xed\xa0\x80"), 1007),
    "cut off at the end": (masked(0x01, GREEK[:1]) + masked(0x80, b""), 1007),
}
CLOSING = {
    "without a code": (masked(0x88, b""), 1000),
    "with a reason of 123 bytes": (close(1000, b"r" * 123), 1000),
    "half a code": (masked(0x88, b"\x03"), 1002),
    "a reason that is not UTF-8": (close(1000, b"\xff"), 1007),
    "more after it": (close(1001) + say(op="ping", t=5) + masked(0x83, b""), 1001),
    **{
        f"code {code}": (close(code), code)
        for code in (1000, 1001, 1002, 1003, 1007, 1011, 3000, 3999, 4000, 4999)
    },
    **{
        f"code {code}": (close(code), 1002)
        for code in (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65_535)
    },
}
SECTIONS: dict[str, Mapping[str, tuple[bytes, int]]] = {
    "framing": FRAMING,
    "pings": PINGS,
    "reserved bits": RESERVED_BITS,
    "opcodes": OPCODES,
    "fragments": FRAGMENTS,
    "UTF-8": UTF_8,
    "closing": CLOSING,
}


async def become_of(stream: Stream, token: str, data: bytes, step: int) -> tuple[int, RawSocket]:
    """Send `data` so many bytes at a time; return the code of the close, or GOES_ON."""
    client = await RawSocket.connect(stream.port)
    await client.sign_in(token)
    for at in range(0, len(data), step):
        client.send(data[at : at + step])
        await asyncio.sleep(0)
    client.say(op="ping", t=99)
    code = GOES_ON
    while ["pong", 99] not in client.heard.heard and not client.is_over:
        if client.heard.close_code is not None:
            code = await client.closed() or GOES_ON
            break
        async with asyncio.timeout(30):
            await client.read()
    await client.close()
    return code, client


async def test_frames_of_every_kind(stream: Stream, tokens: Tokens) -> None:
    found, expected = {}, {}
    cases = [(s, n, *case) for s, cases in SECTIONS.items() for n, case in cases.items()]
    for section, name, data, code in cases:
        expected[name] = code
        found[name], client = await become_of(stream, tokens.of(ALICE), data, len(data))
        pings = [payload for opcode, payload in client.heard.control if opcode == PONG]
        if section == "pings" and code == GOES_ON and data[0] == 0x89:
            wanted = [bytes([n]) for n in range(10)] if name == "ten pings" else [data[6:]]
            unmasked = [bytes(b ^ (1 + n % 4) for n, b in enumerate(w)) for w in wanted]
            assert pings == (wanted if name == "ten pings" else unmasked)
    assert found == expected


async def test_bytes_that_come_one_by_one_say_the_same(stream: Stream, tokens: Tokens) -> None:
    for section, name in (
        ("framing", "text of 126 bytes"),
        ("pings", "a ping of 125 bytes"),
        ("fragments", "a ping between"),
        ("UTF-8", "a letter in two parts"),
        ("closing", "code 3000"),
    ):
        data, code = SECTIONS[section][name]
        assert (await become_of(stream, tokens.of(), data, 1))[0] == code, name


async def test_the_handshake_of_the_standard_is_answered_as_it_says(stream: Stream) -> None:
    client = await RawSocket.connect(stream.port)
    status, headers = await client.shake_hands(
        request(
            Sec_WebSocket_Protocol="chat, superchat",
            Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits",
        )
    )
    assert status == 101
    assert headers["sec-websocket-accept"] == ACCEPT
    assert headers["upgrade"].lower() == "websocket"
    assert headers["connection"].lower() == "upgrade"
    assert not {"sec-websocket-protocol", "sec-websocket-extensions"} & set(headers)
    await client.close()


HANDSHAKES: list[tuple[bytes, set[int]]] = [
    (request(Connection="keep-alive, UPGRADE", Upgrade="WebSocket"), {101}),
    (request(path="/ws/portfolio?from=app"), {101}),
    (request().replace(b"Sec-WebSocket-Key", b"sec-websocket-KEY"), {101}),
    (request(Sec_WebSocket_Version="8"), {400, 426}),
    (request(Sec_WebSocket_Version=None), {400, 426}),
    (request(Sec_WebSocket_Key=None), {400}),
    (request(Sec_WebSocket_Key="short"), {400}),
    (request(Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZ===="), {400}),
    (request(Host=None), {400}),
    (request(method="POST"), {400, 404, 405, 426}),
    (request(path="/ws/nothing"), {403, 404}),
    (request(Origin="http://evil.example"), {403}),
    (request().replace(b"HTTP/1.1", b"HTTP/1.0"), {400, 404, 426, 505}),
    (b"nonsense\r\n\r\n", {400}),
]


async def test_handshakes_that_differ(stream: Stream) -> None:
    for head, status in HANDSHAKES:
        client = await RawSocket.connect(stream.port)
        found, _ = await client.shake_hands(head)
        await client.close()
        assert found in status, head


async def test_a_refused_version_is_told_the_right_one(stream: Stream) -> None:
    client = await RawSocket.connect(stream.port)
    _, headers = await client.shake_hands(request(Sec_WebSocket_Version="8"))
    await client.close()
    assert headers["sec-websocket-version"] == "13"


async def test_a_handshake_may_come_in_whatever_pieces(stream: Stream, tokens: Tokens) -> None:
    """Frames follow its answer, as section 4.1 asks of clients."""
    head = request()
    for step in (1, 7, len(head) - 1):
        client = await RawSocket.connect(stream.port)
        for at in range(0, len(head) - step, step):
            client.send(head[at : at + step])
            await asyncio.sleep(0)
        rest = (len(head) - 1) // step * step
        assert (await client.shake_hands(head[rest:]))[0] == 101
        client.say(op="auth", token=tokens.of())
        assert await client.is_alive(step)
        await client.close()


async def test_another_client_gets_along_with_it(stream: Stream, tokens: Tokens) -> None:
    """The `websockets` package, with its own checks of what a server may do."""
    url = f"ws://127.0.0.1:{stream.port}/ws/quotes"
    async with connect(url, ping_interval=None) as client:  # offers deflate
        await client.send(f'{{"op":"auth","token":"{tokens.of()}"}}')
        assert str(await client.recv()).startswith('["hello"')
        async with asyncio.timeout(30):
            await (await client.ping(b"x" * 125))
        await client.send(["{", '"op":"ping"', ',"t":4}'])
        while await client.recv() != '["pong",4]':
            pass
        await client.close(4000, "enough")
    assert client.close_code == 4000
