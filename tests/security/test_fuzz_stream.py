"""Fuzzing of the stream: bytes into the parser, words into the protocol, bytes into the handshake.

Inputs are mutations of a corpus written for this (tests/security/corpus). The parser of frames is
compared with one written from RFC 6455 alone, however the bytes are cut; what reads messages and
handshakes may refuse them, in its own words, and nothing else. `make fuzz NAME=stream` goes on for
FUZZ_SECONDS, and drives both fan-out cores (tests/properties/test_fan_cores.py) as well.
"""

from __future__ import annotations

import ast
import os
import random
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import orjson
from tests.fakes.frames_of_clients import masked, understand

from optix.features.streaming import framing, protocol
from optix.kernel.errors import OptixError
from optix.platform.fanout.core import Opcode

CORPUS = Path(__file__).parent / "corpus"
SEED = int(os.environ.get("FUZZ_SEED", "20261123"))
SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
INPUTS = 4_000  # where no time is given
BYTES_WORTH_TRYING = (
    b"\x00\x01\x7d\x7e\x7f\x80\x81\x88\x89\x8a\xc1\xfd\xfe\xff\xed\xa0{}[]\"',:\\\r\n"
)
HANDSHAKE = (
    b"GET /ws/quotes?x=1 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\nOrigin: http://localhost"
)


def lines(name: str) -> list[str]:
    text = (CORPUS / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("# ")]


def bytes_of(line: str) -> bytes:
    """Return the bytes of one line of the corpus."""
    data = b""
    for frame, plain in re.findall(r"(\{0x.*?\}(?=\{0x|$))|([^{]+)", line):
        if frame:
            first, _, payload = frame[1:-1].partition(", ")
            data += masked(int(first, 16), raw(payload))
        else:
            data += raw(plain)
    return data


def raw(text: str) -> bytes:
    """Return the bytes of a text with escapes like \\x03."""
    found = re.split(r"(\\x[0-9a-f]{2})", text)
    return b"".join(
        ast.literal_eval(f"b'{part}'") if part.startswith("\\x") else part.encode()
        for part in found
    )


def mutated(dice: random.Random, seeds: list[bytes]) -> bytes:
    """Return one input: some of the corpus, spliced, and with a few bytes changed."""
    data = bytearray(b"".join(dice.choice(seeds) for _ in range(dice.choice((1, 1, 2, 3)))))
    for _ in range(dice.choice((0, 1, 1, 2, 4, 8))):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(6):
            case 0:
                data[at:at] = bytes((dice.choice(BYTES_WORTH_TRYING),))
            case 1:
                data[at : at + 1] = bytes((dice.choice(BYTES_WORTH_TRYING),))
            case 2:
                data[at : at + 1] = bytes((dice.randrange(256),))
            case 3:
                del data[at : at + dice.choice((1, 2, 8, 100))]
            case 4:
                data[at:at] = data[at : at + dice.choice((1, 4, 40))] * dice.choice((1, 2, 500))
            case _:
                data[at:at] = dice.choice(seeds)
    return bytes(data)


def inputs(name: str, seeds: list[bytes]) -> Iterator[tuple[random.Random, bytes]]:
    """Yield the corpus, then mutations: so many, or for a third of the time that there is."""
    dice = random.Random(f"{SEED} {name}")
    for data in seeds:
        yield dice, data
    end = time.monotonic() + SECONDS / 3
    tried = 0
    while tried < INPUTS or time.monotonic() < end:
        tried += 1
        yield dice, mutated(dice, seeds)
    print(f"{name}: {tried} inputs")  # noqa: T201  # for who waits for `make fuzz`


def read_by_product(data: bytes, dice: random.Random) -> tuple[list[tuple[int, bytes]], int | None]:
    """Feed bytes in parts; return what came out, and the code of a refusal."""
    reader, messages, at = framing.FrameReader(), [], 0
    try:
        while at < len(data):
            step = dice.choice((1, 2, 3, 7, 50, len(data)))
            for opcode, payload in reader.feed(data[at : at + step]):
                messages.append((opcode, payload))
                if opcode == Opcode.CLOSE:
                    framing.parse_close(payload)
                    return messages, None
            at += step
    except framing.BadFrame as bad:
        return messages, bad.code
    return messages, None


def test_frames_are_understood_as_the_standard_says_however_they_are_cut() -> None:
    for dice, data in inputs("frames", [bytes_of(line) for line in lines("stream_bytes.txt")]):
        expected = understand(data)
        assert read_by_product(data, dice) == (expected.messages, expected.code), data


def test_messages_are_understood_or_refused_in_words() -> None:
    seeds = [line.encode() for line in lines("stream_messages.txt")]
    for _, data in inputs("messages", seeds):
        try:
            request = protocol.parse_request(data)
        except (protocol.MalformedMessage, protocol.VersionNotSpoken) as error:
            frame = orjson.loads(protocol.error_frame(error, None))
            assert frame[0] == "error"
            assert len(frame[1]["detail"]) < 300  # it repeats nothing of what was sent
            continue
        if isinstance(request, protocol.Subscribe):
            assert 0 < request.id < 2**32  # it has to fit a binary frame
            request.symbols()
            if request.chain is not None:
                with suppress(OptixError):
                    request.chain.key()
        elif isinstance(request, protocol.Ping):
            assert protocol.frame("pong", request.t).startswith(b'["pong",')


def test_handshakes_are_accepted_or_refused_with_a_status() -> None:
    accepted = 0
    refused: set[int] = set()
    for _, data in inputs("handshakes", [HANDSHAKE]):
        try:
            handshake = framing.parse_handshake(data)
            answer = framing.accept_handshake(handshake)
        except framing.BadHandshake as bad:
            refused.add(int(bad.status))
            continue
        accepted += 1
        head, _, rest = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert len(head.split(b"\r\n")) == 4
        assert rest == b""
    assert accepted > INPUTS // 100
    assert {400, 405, 426, 505} <= refused <= {400, 405, 426, 431, 505}
