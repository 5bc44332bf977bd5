"""The words of the socket: what clients may say, and how frames are written (docs/streaming.md).

Pure: bytes in, requests out; state in, bytes out.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from optix.kernel import limits
from optix.kernel.errors import InvalidInput, OptixError
from optix.kernel.symbols import MalformedSymbol, parse_symbol
from optix.ports.market_data import ChainKey

VERSION: Final = 1
HEARTBEAT_SECONDS: Final = 5

CLOSE_MALFORMED: Final = 4400
CLOSE_UNAUTHENTICATED: Final = 4401
CLOSE_NOT_ENTITLED: Final = 4403  # nothing of the market may be shown to this user
CLOSE_NO_AUTH_IN_TIME: Final = 4408
CLOSE_TOO_MANY_SOCKETS: Final = 4429
CLOSE_GOING_AWAY: Final = 1001
CLOSE_BUG: Final = 1011

SubscriptionId = Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)]


class MalformedMessage(InvalidInput):
    """A message that is not in the language of the socket."""

    code = "malformed_message"
    next_step = "Send one of the messages of docs/streaming.md."


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Authenticate(_Message):
    op: Literal["auth"]
    token: Annotated[str, Field(max_length=4096)]


class ChainRequest(_Message):
    underlying: Annotated[str, Field(max_length=limits.SYMBOL_LENGTH_MAX)]
    expiration: date

    def key(self) -> ChainKey:
        """Raises MalformedSymbol."""
        return ChainKey(parse_symbol(self.underlying), self.expiration)


class Subscribe(_Message):
    op: Literal["subscribe"]
    id: SubscriptionId
    quotes: (
        Annotated[
            list[Annotated[str, Field(max_length=limits.SYMBOL_LENGTH_MAX)]],
            Field(min_length=1, max_length=limits.SOCKET_QUOTES_MAX),
        ]
        | None
    ) = None
    chain: ChainRequest | None = None

    def symbols(self) -> tuple[list[str], dict[str, OptixError]]:
        """Return the canonical symbols, each once, and an error for each text that is none."""
        symbols: dict[str, None] = {}
        refused: dict[str, OptixError] = {}
        for text in self.quotes or ():
            try:
                symbols[parse_symbol(text)] = None
            except MalformedSymbol as error:
                refused[text] = error
        return list(symbols), refused


class Unsubscribe(_Message):
    op: Literal["unsubscribe"]
    id: SubscriptionId


class Ping(_Message):
    op: Literal["ping"]
    t: Annotated[float | int, Field(allow_inf_nan=False)] = 0


Request = Authenticate | Subscribe | Unsubscribe | Ping
_REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="op")])


def parse_request(text: str | bytes) -> Request:
    """Return what a client said.

    Raises MalformedMessage with what is wrong, never with what was sent: it may hold a token.
    """
    if len(text) > limits.SOCKET_MESSAGE_BYTES_MAX:
        raise MalformedMessage(
            f"A message may have {limits.SOCKET_MESSAGE_BYTES_MAX} bytes at the most."
        )
    try:
        request = _REQUEST.validate_python(orjson.loads(text))
    except orjson.JSONDecodeError as error:
        raise MalformedMessage("The message is not JSON.") from error
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)[:5]
        fields = {".".join(map(str, p["loc"][1:])) or "op": p["msg"] for p in problems}
        first, why = next(iter(fields.items()))
        raise MalformedMessage(f"{first}: {why}", fields=fields) from error
    if isinstance(request, Subscribe) and (request.quotes is None) == (request.chain is None):
        raise MalformedMessage("Subscribe to either quotes or a chain.")
    return request


def frame(*parts: Any) -> bytes:
    """Return a frame of plain values."""
    return orjson.dumps(parts)


def snapshot_frame(subscription: int, header: dict[str, Any], rows: Iterable[bytes]) -> bytes:
    """Return a snapshot frame from encoded rows."""
    return b'["snapshot",%d,0,%s,[%s]]' % (
        subscription,
        orjson.dumps(header),
        b",".join(rows),
    )


def changes_frame(
    subscription: int, sequence: int, rows: Iterable[bytes], header: dict[str, Any] | None
) -> bytes:
    """Return a changes frame from encoded rows."""
    return b'["changes",%d,%d,[%s],%s]' % (
        subscription,
        sequence,
        b",".join(rows),
        orjson.dumps(header),
    )


def error_frame(error: OptixError, subscription: int | None = None) -> bytes:
    """Return an error frame: the same words as the problem document over HTTP."""
    return frame(
        "error",
        {
            "id": subscription,
            "code": error.code,
            "detail": error.detail,
            "next_step": error.next_step,
        },
    )
