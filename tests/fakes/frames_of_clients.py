"""What a server has to make of a client's bytes, written from RFC 6455 alone: slow and plain.

It shares nothing with the product, which is compared with it.
"""

from __future__ import annotations

from dataclasses import dataclass

SIZE_MAX = 16_384  # of a message, by docs/streaming.md
CLOSE_CODES = {1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)}


def masked(first: int, payload: bytes, mask: bytes = b"\x01\x02\x03\x04") -> bytes:
    """Return a client's frame with this first byte, in its shortest form."""
    size = len(payload)
    if size < 126:
        head = bytes((first, 0x80 | size))
    elif size <= 0xFFFF:
        head = bytes((first, 0xFE)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, 0xFF)) + size.to_bytes(8, "big")
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


@dataclass
class Understood:
    """The messages and control frames, and with which code the connection has to end."""

    messages: list[tuple[int, bytes]]
    code: int | None = None  # None: it stays open, or more has to come


class _Wrong(Exception):
    def __init__(self, code: int) -> None:
        self.code = code


def understand(data: bytes) -> Understood:
    """Return what a server understands, up to the first close frame or mistake."""
    understood = Understood([])
    begun: tuple[int, bytes] | None = None
    at = 0
    try:
        while (found := _frame(data, at)) is not None:
            opcode, is_last, payload, at = found
            if opcode >= 8:
                understood.messages.append((opcode, payload))
                if opcode == 8:
                    _check_close(payload)
                    break
                continue
            if (opcode == 0) != (begun is not None):
                raise _Wrong(1002)  # noqa: TRY301  # one way out for all mistakes
            kind, text = (opcode, b"") if begun is None else begun
            text += payload
            if len(text) > SIZE_MAX:
                raise _Wrong(1009)  # noqa: TRY301  # the same
            begun = (kind, text)
            if is_last:
                if kind == 1:
                    _check_text(text)
                understood.messages.append(begun)
                begun = None
    except _Wrong as wrong:
        understood.code = wrong.code
    return understood


def _frame(data: bytes, at: int) -> tuple[int, bool, bytes, int] | None:
    """Return opcode, whether it is the last, payload and where the next one begins."""
    if len(data) < at + 2:
        return None
    first, second = data[at : at + 2]
    opcode, length = first % 16, second % 128
    if first & 0b0111_0000 or opcode not in {0, 1, 2, 8, 9, 10} or second < 128:
        raise _Wrong(1002)
    if opcode >= 8 and (length > 125 or first < 128):
        raise _Wrong(1002)
    at += 2
    for short, width, least in ((126, 2, 126), (127, 8, 65_536)):
        if length == short:
            if len(data) < at + width:
                return None
            wide = int.from_bytes(data[at : at + width], "big")
            if wide < least or wide >= 2**63:
                raise _Wrong(1002)
            at += width
            length = wide
            break
    if length > SIZE_MAX:
        raise _Wrong(1009)
    if len(data) < at + 4 + length:
        return None
    mask, body = data[at : at + 4], data[at + 4 : at + 4 + length]
    payload = bytes(byte ^ mask[place % 4] for place, byte in enumerate(body))
    return opcode, first >= 128, payload, at + 4 + length


def _check_text(text: bytes) -> None:
    try:
        text.decode("utf-8", "strict")
    except UnicodeDecodeError:
        raise _Wrong(1007) from None


def _check_close(payload: bytes) -> None:
    if payload:
        if len(payload) == 1 or int.from_bytes(payload[:2], "big") not in CLOSE_CODES:
            raise _Wrong(1002)
        _check_text(payload[2:])
