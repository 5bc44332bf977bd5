"""What a client of the stream knows: frames in, state out (docs/streaming.md). No network in here.

JSON and binary frames come to the same rows: dictionaries by the names of the columns, quotes by
symbol and contracts by their number `i`. The binary layout carries all columns of a chain and
float32 analytics; prices are equal.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, NamedTuple

import orjson

from optix.kernel.errors import OptixError, Unavailable

QUOTE_COLUMNS: Final = (
    "symbol", "bid", "ask", "bid_size", "ask_size", "last", "open", "high", "low",
    "previous_close", "volume", "as_of", "quality", "flags", "trading",
)  # fmt: skip
CHAIN_COLUMNS: Final = (
    "i", "bid", "ask", "bid_size", "ask_size", "last", "volume", "iv", "delta", "gamma", "theta",
    "vega", "rho", "status", "flags", "as_of",
)  # fmt: skip
CONTRACT_COLUMNS: Final = (
    "i", "key", "root", "right", "strike", "open_interest", "previous_close",
)  # fmt: skip

_HEAD: Final = struct.Struct("<BBHIIIQ")
_QUOTE: Final = struct.Struct("<I7i2IIHHI4B")
_CHAIN: Final = struct.Struct("<HBB3i3I6fIHBB")
_FLOAT: Final = struct.Struct("<f")
_INT: Final = struct.Struct("<i")
_NULL_PRICE: Final = -(2**31)
_FLOAT_SCALE: Final = 255
_KINDS: Final = {1: "snapshot", 2: "changes"}

Row = dict[str, Any]


class StreamGap(Exception):
    """A frame of a subscription was lost: it has to be made anew."""

    def __init__(self, subscription: Followed, said: str) -> None:
        super().__init__(f"subscription {subscription.id}: {said}")
        self.subscription = subscription


class UnreadableFrame(Unavailable):
    """The server said what is not in the language of the stream."""

    code = "unreadable_frame"


class Frame(NamedTuple):
    """One frame as it was understood. `about` is the subscription that it changed."""

    name: str
    parts: Sequence[Any]
    about: Followed | None


@dataclass(eq=False)
class Followed:
    """One subscription: what was asked for and where it stands.

    `id` is that of the present connection. `number` is None until the server has answered;
    `error` is what it answered where it refused.
    """

    asked: Mapping[str, Any]
    id: int = 0
    number: int | None = None
    stream: str = ""
    seen: int = -1
    header: dict[str, Any] = field(default_factory=dict)
    error: OptixError | None = None
    snapshots: int = 0
    resumes: int = 0
    rows: dict[Any, Row] = field(default_factory=dict)

    key: ClassVar[str] = ""

    @property
    def live(self) -> bool:
        """Whether the server has answered in this connection and changes follow."""
        return self.number is not None

    def request(self, stream: str) -> dict[str, Any]:
        """Return the message that asks for it, continued where it was left, if that is there."""
        message = {"op": "subscribe", "id": self.id, **self.asked}
        if self.snapshots and self.stream == stream:
            message["resume"] = {"stream": stream, "seen": self.seen}
        return message

    def columns(self) -> Sequence[str]:
        return tuple(self.header["columns"])

    def take_snapshot(self, header: dict[str, Any], rows: Iterator[Row], seen: int) -> None:
        self.header = header
        self.rows = {row[self.key]: row for row in rows}
        self.number, self.seen, self.error = 0, seen, None
        self.snapshots += 1

    def take_changes(
        self, number: int, header: dict[str, Any] | None, rows: Iterator[Row], seen: int
    ) -> None:
        if self.number is None or number != self.number + 1:
            raise StreamGap(self, f"changes {number} after {self.number}")
        if header is not None:
            self.header |= header
        self.rows |= {row[self.key]: row for row in rows}
        self.number, self.seen = number, seen


@dataclass(eq=False)
class FollowedQuotes(Followed):
    """Quotes by symbol."""

    key: ClassVar[str] = "symbol"

    @property
    def missing(self) -> dict[str, dict[str, Any]]:
        """What has no quote, by symbol, and why."""
        return {each["symbol"]: each for each in self.header.get("missing", ())}


@dataclass(eq=False)
class FollowedChain(Followed):
    """Rows of one expiration by the number `i` of their contract."""

    key: ClassVar[str] = "i"

    @property
    def contracts(self) -> list[Row]:
        return [
            dict(zip(CONTRACT_COLUMNS, each, strict=False))
            for each in self.header.get("contracts", ())
        ]

    @property
    def spot(self) -> Row | None:
        """The quote of the underlying."""
        row = self.header.get("spot")
        return None if row is None else dict(zip(QUOTE_COLUMNS, row, strict=False))


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the signed-in user."""

    offset: int
    channel: str
    kind: str
    body: Any
    at_ms: int


@dataclass(eq=False)
class FollowedEvents(Followed):
    """Events in order. `events` is what came since it was last emptied; `resets` counts losses."""

    epoch: str = ""
    offset: int = 0
    resets: int = 0
    events: list[Event] = field(default_factory=list)

    def request(self, stream: str) -> dict[str, Any]:  # noqa: ARG002  # events outlive a gateway
        message = {"op": "subscribe", "id": self.id, **self.asked}
        if self.epoch:
            message["after"] = {"epoch": self.epoch, "offset": self.offset}
        return message

    def begin(self, answer: Mapping[str, Any]) -> None:
        self.epoch, self.offset = answer["epoch"], answer["offset"]
        self.resets += bool(answer["reset"])
        self.number, self.error = 0, None

    def take(self, offset: int, previous: int, event: Event) -> None:
        if self.number is None or previous != self.offset:
            raise StreamGap(self, f"event {offset} follows {previous}, not {self.offset}")
        self.offset = offset
        self.events.append(event)


class StreamState:
    """All that one connection after the other says. `feed` takes one frame."""

    def __init__(self) -> None:
        self.hello: dict[str, Any] = {}
        self.status: dict[str, Any] = {}
        self.server_ms = 0
        self.market_ms = 0
        self.skipped = 0
        self.error: OptixError | None = None  # the last one that is about no subscription
        self.followed: dict[int, Followed] = {}

    @property
    def stream(self) -> str:
        """The name of the gateway's numbers; they hold no longer than it."""
        return str(self.hello.get("stream", ""))

    @property
    def stale(self) -> bool:
        """Whether no number of the feed is current."""
        return self.status.get("state") in (None, "stale", "down", "ended")

    @property
    def quotes(self) -> dict[str, Row]:
        """All quotes of all subscriptions, by symbol."""
        return {
            symbol: row
            for each in self.followed.values()
            if isinstance(each, FollowedQuotes)
            for symbol, row in each.rows.items()
        }

    def feed(self, data: str | bytes) -> Frame:
        """Understand one frame. Raises StreamGap; UnreadableFrame for what is not of the language.

        Frames of subscriptions that are no longer followed change nothing.
        """
        try:
            return self._binary(data) if isinstance(data, bytes) else self._text(data)
        except (ValueError, KeyError, IndexError, TypeError, struct.error) as error:
            raise UnreadableFrame(f"A frame cannot be read: {error!r}") from error

    def _text(self, text: str) -> Frame:
        name, *parts = orjson.loads(text)
        about: Followed | None = None
        match name:
            case "hello":
                self.hello = parts[0]
            case "status":
                self.status = parts[0]
            case "heartbeat":
                self.server_ms, self.market_ms = parts[:2]
            case "slow":
                self.skipped += parts[0]
            case "error":
                about = self._refused(parts[0])
            case "ended":
                self.followed.pop(parts[0], None)
            case "snapshot" | "changes" | "resumed" | "events" | "event":
                about = self.followed.get(parts[0])
                if about is not None:
                    self._subscribed(name, about, parts[1:])
        return Frame(name, parts, about)

    def _subscribed(self, name: str, about: Followed, parts: Sequence[Any]) -> None:
        match name:
            case "snapshot":
                _, header, rows, seen = parts[:4]
                columns = header["columns"]
                about.stream = self.stream
                about.take_snapshot(header, _rows(columns, rows), seen)
            case "changes":
                number, rows, header, seen = parts[:4]
                columns = {**about.header, **(header or {})}.get("columns", ())
                about.take_changes(number, header, _rows(columns, rows), seen)
            case "resumed":
                about.header |= parts[0]
                about.number, about.error = 0, None
                about.resumes += 1
            case "events" if isinstance(about, FollowedEvents):
                about.begin(parts[0])
            case "event" if isinstance(about, FollowedEvents):
                offset, previous, channel, kind, body, at_ms = parts[:6]
                about.take(offset, previous, Event(offset, channel, kind, body, at_ms))
            case _:
                raise ValueError(f"{name} is not about subscription {about.id}")

    def _refused(self, body: Mapping[str, Any]) -> Followed | None:
        error = OptixError(
            body["detail"],
            code=body["code"],
            next_step=body["next_step"],
            retry_after_seconds=body.get("retry_after_seconds"),
        )
        about = self.followed.get(body["id"]) if body["id"] is not None else None
        if about is None:
            self.error = error
        else:
            about.error = error
        return about

    def _binary(self, data: bytes) -> Frame:
        kind, layout, _, id_, number, count, seen = _HEAD.unpack_from(data)
        name = _KINDS[kind]
        size, unpack = {1: (_QUOTE.size, self._quotes), 2: (_CHAIN.size, self._chain)}[layout]
        end = _HEAD.size + count * size
        if end > len(data):
            raise ValueError("the rows are cut off")
        header = orjson.loads(data[end:]) if len(data) > end else None
        about = self.followed.get(id_)
        if about is None:
            return Frame(name, (id_, number), None)
        body = memoryview(data)[_HEAD.size : end]
        if name == "snapshot":
            if header is None:
                raise ValueError("a snapshot has a header")
            about.stream = self.stream
            about.take_snapshot(header, unpack(body, header), seen)
        else:
            whole = {**about.header, **(header or {})}
            about.take_changes(number, header, unpack(body, whole), seen)
        return Frame(name, (id_, number), about)

    def _quotes(self, body: memoryview, header: Mapping[str, Any]) -> Iterator[Row]:
        words = self.hello["words"]
        symbols = {number: symbol for symbol, number in header["ids"].items()}
        for values in _QUOTE.iter_unpack(body):
            number, *prices = values[:8]
            sizes, (low, high), (as_of_high, as_of_low) = values[8:10], values[10:12], values[12:14]
            scale, quality, flags, trading = values[14:18]
            bid, ask, last, open_, highest, lowest, previous = _prices(prices, scale)
            bid_size, ask_size = (_unless(size, 2**32 - 1) for size in sizes)
            yield {
                "symbol": symbols[number],
                "bid": bid,
                "ask": ask,
                "bid_size": bid_size,
                "ask_size": ask_size,
                "last": last,
                "open": open_,
                "high": highest,
                "low": lowest,
                "previous_close": previous,
                "volume": _unless(low | high << 32, 2**48 - 1),
                "as_of": _unless(as_of_low | as_of_high << 32, 2**48 - 1),
                "quality": words["quality"][quality],
                "flags": flags,
                "trading": None if trading == 255 else words["trading"][trading],
            }

    def _chain(self, body: memoryview, header: Mapping[str, Any]) -> Iterator[Row]:  # noqa: ARG002  # one shape for both layouts
        words = self.hello["words"]["status"]
        for values in _CHAIN.iter_unpack(body):
            i, scale, status = values[:3]
            bid, ask, last = _prices(values[3:6], scale)
            bid_size, ask_size, volume = (_unless(size, 2**32 - 1) for size in values[6:9])
            analytics = (None if math.isnan(value) else value for value in values[9:15])
            as_of_low, as_of_high, flags = values[15:18]
            iv, delta, gamma, theta, vega, rho = analytics
            yield {
                "i": i,
                "bid": bid,
                "ask": ask,
                "bid_size": bid_size,
                "ask_size": ask_size,
                "last": last,
                "volume": volume,
                "iv": iv,
                "delta": delta,
                "gamma": gamma,
                "theta": theta,
                "vega": vega,
                "rho": rho,
                "status": words[status],
                "flags": flags,
                "as_of": _unless(as_of_low | as_of_high << 32, 2**48 - 1),
            }


def _rows(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[Row]:
    # A row may have more columns than are named: words that are not known are passed over.
    return (dict(zip(columns, row, strict=False)) for row in rows)


def _unless(value: int, none: int) -> int | None:
    return None if value == none else value


def _prices(values: Sequence[int], scale: int) -> Iterator[float | None]:
    if scale == _FLOAT_SCALE:
        floats = (_FLOAT.unpack(_INT.pack(value))[0] for value in values)
        return (None if math.isnan(value) else value for value in floats)
    divisor = 10**scale
    return (None if value == _NULL_PRICE else value / divisor for value in values)
