"""Handshakes and frames as bytes: what is whole comes out, whatever the network cut, and what
breaks RFC 6455 is refused with its code.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optix.features.streaming import framing
from optix.features.streaming.framing import BadFrame, BadHandshake, FrameReader
from optix.kernel import limits
from optix.platform.fanout.core import Opcode

MASK = b"\x01\x80\xff\x7e"
# The example of RFC 6455, section 1.3.
REQUEST = (
    b"GET /ws/quotes?x=1 HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n"
    b"Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Origin: http://example.com\r\nSec-WebSocket-Version: 13"
)


def masked(payload: bytes, first: int = 0x81, *, length: bytes | None = None) -> bytes:
    """Return a frame as a client writes it, with a length of our own where one is given."""
    size = len(payload)
    if length is None:
        length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    body = bytes(byte ^ MASK[i % 4] for i, byte in enumerate(payload))
    return bytes((first,)) + length + MASK + body


class TestHandshake:
    def test_the_example_of_the_standard_is_answered_as_the_standard_does(self) -> None:
        handshake = framing.parse_handshake(REQUEST)
        assert handshake.path == "/ws/quotes"
        assert handshake.header(b"origin") == "http://example.com"
        answer = framing.accept_handshake(handshake)
        assert answer.startswith(b"HTTP/1.1 101 ")
        assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer

    @pytest.mark.parametrize(
        ("change", "status"),
        [
            ((b"Upgrade: websocket", b"Upgrade: h2c"), 426),
            ((b"keep-alive, Upgrade", b"keep-alive"), 426),
            ((b"Version: 13", b"Version: 8"), 426),
            ((b"dGhlIHNhbXBsZSBub25jZQ==", b"c2hvcnQ="), 400),
            ((b"dGhlIHNhbXBsZSBub25jZQ==", b"not base64!"), 400),
            ((b"Host: server.example.com\r\n", b""), 400),
            ((b"Origin:", b"Content-Length: 5\r\nOrigin:"), 400),
            ((b"Origin:", b"Transfer-Encoding: chunked\r\nOrigin:"), 400),
            ((b"GET ", b"POST "), 405),
            ((b"HTTP/1.1", b"HTTP/1.0"), 505),
            ((b"Origin:", b"Ori gin:"), 400),
            ((b"Origin:", b" folded\r\nOrigin:"), 400),
            ((b"Origin:", b"nothing\r\nOrigin:"), 400),
            ((b"GET /ws/quotes?x=1 ", b"GET  "), 400),
            ((b"GET /", b"GET http://elsewhere/"), 400),
        ],
    )
    def test_another_request_is_refused(self, change: tuple[bytes, bytes], status: int) -> None:
        with pytest.raises(BadHandshake) as refused:
            framing.accept_handshake(framing.parse_handshake(REQUEST.replace(*change)))
        assert refused.value.status == status

    def test_there_are_so_many_headers_and_no_more(self) -> None:
        few = REQUEST.count(b"\r\n")
        more = b"".join(b"\r\nX-%d: y" % i for i in range(limits.REQUEST_HEADERS_MAX - few))
        framing.accept_handshake(framing.parse_handshake(REQUEST + more))
        with pytest.raises(BadHandshake) as refused:
            framing.parse_handshake(REQUEST + more + b"\r\nOne: more")
        assert refused.value.status == 431


class TestFrames:
    @given(
        st.lists(
            st.tuples(
                st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.PING, Opcode.PONG]),
                st.text(max_size=30),
            ),
            max_size=6,
        ),
        st.integers(1, 9),
    )
    def test_whole_messages_come_out_wherever_the_bytes_were_cut(
        self, messages: list[tuple[Opcode, str]], cut: int
    ) -> None:
        wanted = [(opcode, text.encode()) for opcode, text in messages]
        data = b"".join(masked(payload, 0x80 | opcode) for opcode, payload in wanted)
        reader = FrameReader()
        found = []
        for at in range(0, len(data), cut):
            found += list(reader.feed(data[at : at + cut]))
        assert found == wanted

    def test_fragments_become_one_message_with_a_ping_between(self) -> None:
        reader = FrameReader()
        data = masked(b"Hel", 0x01) + masked(b"?", 0x89) + masked(b"l", 0x00) + masked(b"o", 0x80)
        assert list(reader.feed(data)) == [(Opcode.PING, b"?"), (Opcode.TEXT, b"Hello")]
        assert list(reader.feed(masked(b"x"))) == [(Opcode.TEXT, b"x")]

    def test_a_letter_may_be_cut_by_fragments(self) -> None:
        word = "ü".encode()
        data = masked(word[:1], 0x01) + masked(word[1:], 0x80)
        assert list(FrameReader().feed(data)) == [(Opcode.TEXT, word)]

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (b"\x81\x01x", 1002),  # not masked
            (masked(b"x", 0xC1), 1002),  # a reserved bit
            (masked(b"x", 0x83), 1002),  # no such opcode
            (masked(b"x", 0x8B), 1002),
            (masked(b"x", 0x09), 1002),  # half a ping
            (masked(b"x" * 126, 0x89), 1002),  # a long ping
            (masked(b"x", 0x80), 1002),  # continues nothing
            (masked(b"x", 0x01) + masked(b"y", 0x81), 1002),  # begins within another
            (masked(b"x", length=b"\xfe\x00\x01"), 1002),  # a longer length than is needed
            (masked(b"x", length=b"\xff" + b"\x00" * 7 + b"\x01"), 1002),
            (masked(b"x", length=b"\xff" + b"\xff" * 8), 1002),
            (masked(b"\xff\xfe"), 1007),
            (masked(b"\xc3", 0x01) + masked(b"x", 0x80), 1007),
        ],
    )
    def test_what_breaks_the_standard_has_its_code(self, data: bytes, code: int) -> None:
        with pytest.raises(BadFrame) as bad:
            list(FrameReader().feed(data))
        assert bad.value.code == code

    def test_a_message_is_as_long_as_allowed_and_no_longer_in_one_frame_or_many(self) -> None:
        most = b"x" * limits.SOCKET_MESSAGE_BYTES_MAX
        assert list(FrameReader().feed(masked(most))) == [(Opcode.TEXT, most)]
        parts = masked(most[1:], 0x01) + masked(b"x", 0x80)
        assert list(FrameReader().feed(parts)) == [(Opcode.TEXT, most)]
        for data in (masked(most + b"x"), masked(most, 0x01) + masked(b"x", 0x80)):
            with pytest.raises(BadFrame) as bad:
                list(FrameReader().feed(data))
            assert bad.value.code == 1009

    def test_one_that_is_too_long_is_refused_by_its_head(self) -> None:
        head = masked(b"", length=b"\xff" + (2**40).to_bytes(8, "big"))[:14]
        with pytest.raises(BadFrame) as bad:
            list(FrameReader().feed(head))
        assert bad.value.code == 1009

    def test_what_came_before_the_bad_frame_is_delivered(self) -> None:
        reading = FrameReader().feed(masked(b"first") + b"\x81\x01x")
        assert next(reading) == (Opcode.TEXT, b"first")
        with pytest.raises(BadFrame):
            next(reading)


class TestClosing:
    @pytest.mark.parametrize(
        ("payload", "code"),
        [(b"", 1005), (b"\x03\xe8", 1000), (b"\x03\xe9bye", 1001), (b"\x0f\xa0", 4000)],
    )
    def test_its_code_is_read(self, payload: bytes, code: int) -> None:
        assert framing.parse_close(payload) == code

    @pytest.mark.parametrize(
        ("payload", "code"),
        [
            (b"\x03", 1002),
            *((number.to_bytes(2, "big"), 1002) for number in (0, 999, 1004, 1005, 1006, 1015)),
            ((5000).to_bytes(2, "big"), 1002),
            (b"\x03\xe8\xff", 1007),
        ],
    )
    def test_one_that_may_not_be_is_refused(self, payload: bytes, code: int) -> None:
        with pytest.raises(BadFrame) as bad:
            framing.parse_close(payload)
        assert bad.value.code == code

    def test_a_long_reason_is_cut_between_letters(self) -> None:
        payload = framing.close_payload(1000, "ü" * 100)
        assert len(payload) <= 125
        assert payload[2:].decode() == "ü" * 61

    def test_frames_of_a_server_have_the_shortest_length(self) -> None:
        assert framing.frame(b"x" * 125)[:2] == b"\x81\x7d"
        assert framing.frame(b"x" * 126)[:4] == b"\x81\x7e\x00\x7e"
        assert framing.frame(b"", Opcode.PONG) == b"\x8a\x00"
