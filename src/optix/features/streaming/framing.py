"""WebSocket as bytes (RFC 6455): the opening handshake, and frames. Pure: no socket, no clock.

Only what a server needs: it reads masked frames and writes unmasked ones, without extensions.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from optix.kernel import limits
from optix.platform.fanout.core import Opcode

CONTINUATION: Final = 0x0
CLOSE_OK: Final = 1000
CLOSE_PROTOCOL: Final = 1002
CLOSE_UNSUPPORTED: Final = 1003
CLOSE_NO_CODE: Final = 1005
CLOSE_NOT_UTF8: Final = 1007
CLOSE_TOO_BIG: Final = 1009

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # section 1.3
_VERSION: Final = b"13"
_WHOLE: Final = 0x80
_HEADER: Final = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([^\r\n]*)(?:\r\n|\Z)")
_HEADERS: Final = re.compile(rb"(?:" + _HEADER.pattern + rb")*")
# What may stand in a close frame that comes in: section 7.4 and the registry it names.
_CLOSE_CODES: Final = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)})


class BadFrame(Exception):
    """What came breaks RFC 6455, or is more than we take. Ends the connection with `code`."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class BadHandshake(Exception):
    """The request cannot become a WebSocket. Answered with `status`."""

    def __init__(
        self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class Handshake:
    """The request that opens a connection. Names of headers are in lower case."""

    path: str
    headers: Mapping[bytes, bytes]

    def header(self, name: bytes) -> str:
        """Return the text of a header, empty where there is none."""
        return self.headers.get(name, b"").decode("latin-1")


def parse_handshake(head: bytes) -> Handshake:
    """Return the request of everything before the empty line. Raises BadHandshake."""
    first, _, rest = head.partition(b"\r\n")
    lines = _HEADER.findall(rest)
    if len(lines) > limits.REQUEST_HEADERS_MAX:
        raise BadHandshake(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "Too many headers.")
    parts = first.split(b" ")
    if len(parts) != 3 or not parts[1].startswith(b"/"):
        raise BadHandshake(HTTPStatus.BAD_REQUEST, "The request cannot be read.")
    method, target, version = parts
    headers: dict[bytes, bytes] = {}
    if not _HEADERS.fullmatch(rest):
        raise BadHandshake(HTTPStatus.BAD_REQUEST, "A header cannot be read.")
    for said, padded in lines:
        name, value = said.lower(), padded.strip(b" \t")
        headers[name] = headers[name] + b", " + value if name in headers else value
    if version != b"HTTP/1.1":
        raise BadHandshake(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 is needed.")
    if method != b"GET":
        raise BadHandshake(HTTPStatus.METHOD_NOT_ALLOWED, "GET is needed.", {"Allow": "GET"})
    return Handshake(target.partition(b"?")[0].decode("latin-1"), headers)


def accept_handshake(handshake: Handshake) -> bytes:
    """Return the answer that makes the connection a WebSocket. Raises BadHandshake."""
    headers = handshake.headers
    upgrade = {word.strip() for word in headers.get(b"upgrade", b"").lower().split(b",")}
    connection = {word.strip() for word in headers.get(b"connection", b"").lower().split(b",")}
    if b"websocket" not in upgrade or b"upgrade" not in connection:
        raise BadHandshake(
            HTTPStatus.UPGRADE_REQUIRED,
            "This address speaks WebSocket only.",
            {"Upgrade": "websocket", "Connection": "Upgrade"},
        )
    if headers.get(b"sec-websocket-version") != _VERSION:
        raise BadHandshake(
            HTTPStatus.UPGRADE_REQUIRED,
            "Version 13 of WebSocket is needed.",
            {"Sec-WebSocket-Version": "13"},
        )
    key = headers.get(b"sec-websocket-key", b"")
    if b"host" not in headers or not _is_key(key):
        raise BadHandshake(HTTPStatus.BAD_REQUEST, "A header of the handshake is wrong.")
    if headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers:
        raise BadHandshake(HTTPStatus.BAD_REQUEST, "A handshake has no body.")
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324  # RFC 6455 says so
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept
    )


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except ValueError:
        return False


def refusal(status: HTTPStatus, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return a whole HTTP answer, after which the connection is closed."""
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        *(f"{name}: {value}" for name, value in headers.items()),
        f"Content-Length: {len(body)}",
    ]
    if "Connection" not in headers:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode() + body


def frame(payload: bytes, opcode: int = Opcode.TEXT) -> bytes:
    """Return a whole frame as a server writes it."""
    size = len(payload)
    if size < 126:
        return bytes((_WHOLE | opcode, size)) + payload
    assert size <= 0xFFFF, "what is large goes through the fan"
    return bytes((_WHOLE | opcode, 126)) + size.to_bytes(2, "big") + payload


def close_payload(code: int, reason: str) -> bytes:
    """Return what stands in a close frame; a long reason is cut."""
    return code.to_bytes(2, "big") + reason.encode()[:123].decode(errors="ignore").encode()


def parse_close(payload: bytes) -> int:
    """Return the code of a close frame that came in, CLOSE_NO_CODE for none. Raises BadFrame."""
    if not payload:
        return CLOSE_NO_CODE
    code = int.from_bytes(payload[:2], "big")
    if len(payload) < 2 or code not in _CLOSE_CODES:
        raise BadFrame(CLOSE_PROTOCOL, "The close frame has no code that there is.")
    _text_of(payload[2:])
    return code


class FrameReader:
    """Makes messages of the bytes of one client. Keeps only what is not whole yet."""

    __slots__ = ("_message", "_opcode", "_rest")

    def __init__(self) -> None:
        self._rest: bytearray | None = None
        self._message: bytearray | None = None  # of which fragments have come
        self._opcode = 0

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Give each message, and each control frame between, that is whole by now.

        Raises BadFrame at the first thing that is wrong; then nothing more may be fed.
        """
        held: bytes | bytearray = data
        if self._rest is not None:
            self._rest += data
            held, self._rest = self._rest, None
        at, size = 0, len(held)
        while (begin := _payload_place(held, at, size)) is not None:
            start, length = begin
            end = start + length
            if end > size:
                break
            payload = _unmask(held[start:end], bytes(held[start - 4 : start]))
            first, at = held[at], end
            message = self._take(first, payload)
            if message is not None:
                yield message
        if at < size:
            self._rest = bytearray(held[at:])

    def _take(self, first: int, payload: bytes) -> tuple[int, bytes] | None:
        """Return a message that this frame is, or ends."""
        opcode, whole = first & 0x0F, bool(first & _WHOLE)
        if opcode >= Opcode.CLOSE:
            return opcode, payload
        if opcode == CONTINUATION:
            if self._message is None:
                raise BadFrame(CLOSE_PROTOCOL, "There is nothing to continue.")
            self._message += payload
            if len(self._message) > limits.SOCKET_MESSAGE_BYTES_MAX:
                raise BadFrame(CLOSE_TOO_BIG, _TOO_BIG)
            if not whole:
                return None
            message, self._message = bytes(self._message), None
            return self._checked(self._opcode, message)
        if self._message is not None:
            raise BadFrame(CLOSE_PROTOCOL, "A message began within another.")
        if whole:
            return self._checked(opcode, payload)
        self._message, self._opcode = bytearray(payload), opcode
        return None

    def _checked(self, opcode: int, message: bytes) -> tuple[int, bytes]:
        if opcode == Opcode.TEXT:
            _text_of(message)
        return opcode, message


_TOO_BIG: Final = f"A message may have {limits.SOCKET_MESSAGE_BYTES_MAX} bytes at the most."


def _payload_place(data: bytes | bytearray, at: int, size: int) -> tuple[int, int] | None:
    """Return where the payload of the frame at a place begins, and its length.

    None while its head is not whole. Raises BadFrame for a head that may not be.
    """
    if size - at < 2:
        return None
    first, second = data[at], data[at + 1]
    opcode, length = first & 0x0F, second & 0x7F
    if first & 0x70:
        raise BadFrame(CLOSE_PROTOCOL, "No extension was agreed on.")
    if opcode not in (CONTINUATION, Opcode.TEXT, Opcode.BINARY) and not (
        Opcode.CLOSE <= opcode <= Opcode.PONG
    ):
        raise BadFrame(CLOSE_PROTOCOL, "There is no such kind of frame.")
    if not second & 0x80:
        raise BadFrame(CLOSE_PROTOCOL, "A client masks its frames.")
    if opcode >= Opcode.CLOSE and (length > 125 or not first & _WHOLE):
        raise BadFrame(CLOSE_PROTOCOL, "A control frame is short and whole.")
    start = at + 2
    if length >= 126:
        width = 2 if length == 126 else 8
        if size - start < width:
            return None
        length = int.from_bytes(data[start : start + width], "big")
        if length < (126 if width == 2 else 0x10000) or length >> 63:
            raise BadFrame(CLOSE_PROTOCOL, "The length is not written as it has to be.")
        start += width
    if length > limits.SOCKET_MESSAGE_BYTES_MAX:
        raise BadFrame(CLOSE_TOO_BIG, _TOO_BIG)
    return (start + 4, length) if size - start >= 4 else None


def _unmask(payload: bytes | bytearray, mask: bytes) -> bytes:
    size = len(payload)
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "little")
    return (int.from_bytes(payload, "little") ^ key).to_bytes(size, "little")


def _text_of(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise BadFrame(CLOSE_NOT_UTF8, "The text is not UTF-8.") from error
