"""The words of the socket: what clients may say, and what is said to them (docs/streaming.md).

Pure: bytes in, requests out. Frames of numbers are made by the fan (`platform.fanout`).
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import date
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic_core import ErrorDetails

from optix.kernel import limits
from optix.kernel.errors import InvalidInput, OptixError
from optix.kernel.symbols import MalformedSymbol, parse_symbol
from optix.ports.market_data import ChainKey

VERSION: Final = 2
HEARTBEAT_SECONDS: Final = 5

CLOSE_BUG: Final = 1011
CLOSE_GOING_AWAY: Final = 1012
CLOSE_FULL: Final = 1013
CLOSE_MALFORMED: Final = 4400
CLOSE_UNAUTHENTICATED: Final = 4401
CLOSE_NOT_ENTITLED: Final = 4403  # nothing of the market may be shown, or now another one
CLOSE_VERSION: Final = 4406
CLOSE_SILENT: Final = 4408
CLOSE_NOT_READING: Final = 4409
CLOSE_TOO_MANY: Final = 4429

SubscriptionId = Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)]
IntervalMs = Annotated[
    int,
    Field(ge=limits.SOCKET_INTERVAL_MS_MIN, le=limits.SOCKET_INTERVAL_MS_MAX, strict=True),
]
Symbol = Annotated[str, Field(max_length=limits.SYMBOL_LENGTH_MAX)]
StreamId = Annotated[str, Field(max_length=64)]
WholeNumber = Annotated[int, Field(ge=0, le=2**53, strict=True)]


class MalformedMessage(InvalidInput):
    """A message that is not in the language of the socket."""

    code = "malformed_message"
    next_step = "Send one of the messages of docs/streaming.md."


class VersionNotSpoken(InvalidInput):
    """The client speaks another version of the language."""

    code = "version_not_spoken"
    next_step = "Update the app."


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Authenticate(_Message):
    op: Literal["auth"]
    token: Annotated[str, Field(max_length=4096)]
    version: Annotated[int, Field(strict=True)] = VERSION
    format: Literal["json", "binary"] = "json"
    interval_ms: IntervalMs = limits.SOCKET_INTERVAL_MS_FIRST


class Around(_Message):
    """Strikes to each side of the money."""

    around: Annotated[int, Field(ge=1, le=limits.SOCKET_STRIKES_AROUND_MAX, strict=True)]


class Between(_Message):
    """Strikes of a range, both ends included."""

    from_: Annotated[float, Field(alias="from", allow_inf_nan=False)]
    to: Annotated[float, Field(allow_inf_nan=False)]


class ChainRequest(_Message):
    underlying: Symbol
    expiration: date
    strikes: Around | Between | None = None
    columns: tuple[Annotated[str, Field(max_length=32)], ...] = Field((), max_length=32)

    def key(self) -> ChainKey:
        """Raises MalformedSymbol."""
        return ChainKey(parse_symbol(self.underlying), self.expiration)


class PortfolioRequest(_Message):
    """The portfolio of the signed-in user: there is nothing to choose."""


class Resume(_Message):
    """Where an earlier connection stood."""

    stream: StreamId
    seen: WholeNumber


class EventsAfter(_Message):
    """The last event that the client has."""

    epoch: StreamId
    offset: WholeNumber


class Subscribe(_Message):
    op: Literal["subscribe"]
    id: SubscriptionId
    quotes: (
        Annotated[list[Symbol], Field(min_length=1, max_length=limits.SOCKET_QUOTES_MAX)] | None
    ) = None
    chain: ChainRequest | None = None
    portfolio: PortfolioRequest | None = None
    events: Annotated[list[StreamId], Field(min_length=1, max_length=16)] | None = None
    after: EventsAfter | None = None
    resume: Resume | None = None

    @model_validator(mode="after")
    def _is_about_one_thing(self) -> Subscribe:
        wanted = (self.quotes, self.chain, self.portfolio, self.events)
        if sum(what is not None for what in wanted) != 1:
            raise ValueError("Subscribe to either quotes, a chain, the portfolio or events.")
        if self.after is not None and self.events is None:
            raise ValueError("`after` is of events.")
        if self.resume is not None and self.events is not None:
            raise ValueError("Events go on `after` an offset.")
        return self

    def symbols(self, known: AbstractSet[str] = frozenset()) -> tuple[list[str], list[Missing]]:
        """Return the canonical symbols, each once, and what is wrong with each text that is none.

        Texts that are `known` are symbols.
        """
        symbols: dict[str, None] = dict.fromkeys(self.quotes or ())
        if symbols.keys() <= known:  # as nearly all are in a storm of clients
            return list(symbols), []
        symbols = {}
        refused: dict[str, Missing] = {}
        for text in self.quotes or ():
            try:
                symbols[text if text in known else parse_symbol(text)] = None
            except MalformedSymbol as error:
                refused[text] = missing(text, error)
        return list(symbols), list(refused.values())


Missing = dict[str, str]


def missing(symbol: str, error: OptixError) -> Missing:
    """Return how a header says that a symbol cannot be shown."""
    return {"symbol": symbol, "code": error.code, "detail": error.detail}


class Unsubscribe(_Message):
    op: Literal["unsubscribe"]
    id: SubscriptionId


class Tune(_Message):
    op: Literal["tune"]
    interval_ms: IntervalMs


class Ping(_Message):
    op: Literal["ping"]
    t: Annotated[float | int, Field(allow_inf_nan=False)] = 0


Request = Authenticate | Subscribe | Unsubscribe | Tune | Ping
_REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="op")])


def parse_request(text: bytes) -> Request:
    """Return what a client said.

    Raises MalformedMessage with what is wrong, never with what was sent: it may hold a token.
    Raises VersionNotSpoken before anything else of an `auth` is looked at: it may have other words.
    """
    try:
        said = orjson.loads(text)
        if isinstance(said, dict) and said.get("op") == "auth":
            _require_version(said.get("version", VERSION))
        return _REQUEST.validate_python(said)
    except orjson.JSONDecodeError as error:
        raise MalformedMessage("The message is not JSON.") from error
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)[:5]
        fields = dict(map(_without_a_word_of_the_client, problems))
        first, why = next(iter(fields.items()))
        raise MalformedMessage(f"{first}: {why}", fields=fields) from error


def _without_a_word_of_the_client(problem: ErrorDetails) -> tuple[str, str]:
    place = problem["loc"][1:]
    match problem["type"]:
        case "extra_forbidden":  # the last part of the place is what was sent
            return ".".join(map(str, place[:-1])) or "message", "It has a field that is not known."
        case "union_tag_invalid":
            return "op", "There is no such operation."
    return ".".join(map(str, place)) or "op", problem["msg"]


def _require_version(version: Any) -> None:
    if isinstance(version, int) and version != VERSION:
        raise VersionNotSpoken(f"Version {VERSION} is spoken here.")


def frame(*parts: Any) -> bytes:
    """Return a frame of plain values."""
    return orjson.dumps(parts)


def error_frame(error: OptixError, subscription: int | None = None) -> bytes:
    """Return an error frame: the same words as the problem document over HTTP."""
    return frame(
        "error",
        {
            "id": subscription,
            "code": error.code,
            "detail": error.detail,
            "next_step": error.next_step,
            "retry_after_seconds": error.retry_after_seconds,
        },
    )
