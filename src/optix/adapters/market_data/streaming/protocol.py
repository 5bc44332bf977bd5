"""What a vendor's stream is to the session: what it says, and what it must be told.

The session knows connections, time and demand; a `StreamVendor` knows one vendor's words. Symbols
are OPTIX spellings on both sides of it: canonical for securities, the OCC key for contracts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from optix.adapters.market_data.failures import ProviderRefused
from optix.kernel import limits
from optix.kernel.quote import TradingStatus
from optix.kernel.trade import Trade
from optix.ports.market_data import ProviderUnavailable

Frame = str | bytes


class StreamRefused(ProviderRefused):
    """The stream refuses us for good: it is not tried again before a long pause."""


class StreamLost(ProviderUnavailable):
    """The connection is gone or useless. It is made anew."""


class MalformedFrame(Exception):
    """A frame, or a message of it, that is not what the vendor documents."""


class Channel(StrEnum):
    QUOTE = "quote"
    TRADE = "trade"


class Topic(NamedTuple):
    """What can be subscribed: one kind of news of one symbol."""

    symbol: str
    channel: Channel


class Tick(NamedTuple):
    """What changed of one symbol. Fields that are not named keep their value.

    `fields` are columns of a chain for a contract, fields of a `Quote` for a security; NaN is a
    value, "there is none". Ticks of one symbol and one `kind` are ordered by `ts_event`, which is 0
    where the vendor gives no time.
    """

    symbol: str
    ts_event: int
    fields: Mapping[str, float]
    kind: str = "quote"


class Ack(NamedTuple):
    """The vendor confirms. `topics` is all that is subscribed now; None where it does not say."""

    topics: frozenset[Topic] | None = None


class Heartbeat(NamedTuple):
    """The vendor lives, and has nothing to say."""


class Trouble(StrEnum):
    TOKEN_EXPIRED = "token_expired"  # noqa: S105  # a name: sign in again with another one
    REFUSED = "refused"  # key or plan: nothing that waiting helps
    SYMBOLS_MAX = "symbols_max"  # more than the plan allows
    BAD_SYMBOL = "bad_symbol"  # `symbols` are not streamed
    RECONNECT = "reconnect"  # slow client, connection limit, server going down
    OTHER = "other"  # counted and logged once


class Complaint(NamedTuple):
    """An error that the vendor reports."""

    trouble: Trouble
    words: str  # the vendor's, for the log
    symbols: frozenset[str] = frozenset()


Event = Tick | Trade | TradingStatus | Ack | Heartbeat | Complaint


class Endpoint(NamedTuple):
    """Where to connect now, with what. Made anew for each connection; never logged."""

    url: str
    headers: Mapping[str, str] = {}


class Wire(Protocol):
    """The connection during the handshake."""

    async def send(self, frame: Frame) -> None: ...

    async def receive(self) -> Frame:
        """Return the next frame. Raises StreamLost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTraits:
    """What a vendor's stream is like."""

    replaces: bool = False  # one message names all symbols, and what it leaves out is dropped
    topics_max: Mapping[Channel, int] = field(default_factory=dict)  # absent: no limit known
    batch_topics_max: int = 200
    message_bytes_max: int = 60_000
    spacing_seconds: float = 0.0  # between two messages of ours
    heartbeat_seconds: float | None = None  # we send `heartbeat()` so often
    frame_silence_seconds: float | None = None  # the vendor's own heartbeat is due within this
    answers_pings: bool = True


class StreamVendor(Protocol):
    """One vendor's words. Stateless but for tokens and what a handshake agreed on."""

    @property
    def traits(self) -> StreamTraits: ...

    def accepts(self, topic: Topic) -> bool:
        """Tell whether the stream has such a topic at all."""

    async def endpoint(self) -> Endpoint:
        """Return where to connect, with a token that holds. Raises ProviderRefused or
        ProviderUnavailable. Asked for each connection; a vendor renews what is about to expire.
        """

    async def handshake(self, wire: Wire) -> None:
        """Greet and sign in, within the session's bound. Raises StreamRefused or StreamLost."""

    def subscribe(self, topics: Sequence[Topic]) -> Sequence[Frame]:
        """Return what asks for `topics`: of a batch, or of all where the vendor replaces."""

    def unsubscribe(self, topics: Sequence[Topic]) -> Sequence[Frame]:
        """Return what drops `topics`. Never called where the vendor replaces."""

    def decode(self, frame: Frame, received_ns: int) -> Sequence[Event]:
        """Return what a frame says. Raises MalformedFrame, ValueError, TypeError or LookupError."""

    def heartbeat(self) -> Frame | None:
        """Return what to send so that the vendor keeps the connection, if anything."""

    async def token_expired(self) -> None:
        """Forget the token, so that the next `endpoint` has a new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTimings:
    """All waiting of a session, in seconds."""

    connect: float = limits.STREAM_CONNECT_SECONDS_MAX
    handshake: float = limits.STREAM_HANDSHAKE_SECONDS_MAX
    ping: float = limits.STREAM_PING_SECONDS
    pong: float = limits.STREAM_PONG_SECONDS_MAX
    data_silence: float = limits.STREAM_DATA_SILENCE_SECONDS_MAX
    silence_max: float = limits.STREAM_SILENCE_SECONDS_MAX
    frame_silence: float | None = None  # instead of the vendor's
    reconcile: float = limits.DEMAND_RECONCILE_SECONDS
    reconnect_first: float = limits.RECONNECT_SECONDS_FIRST
    reconnect_max: float = limits.RECONNECT_SECONDS_MAX
    connects_window: float = 60.0
    stable: float = limits.STREAM_STABLE_SECONDS
    refused: float = limits.STREAM_REFUSED_SECONDS
    symbol_refused: float = limits.STREAM_SYMBOL_REFUSED_SECONDS
    idle: float = limits.STREAM_IDLE_SECONDS
    conflate: float = limits.STREAM_CONFLATE_SECONDS
    reselect: float = limits.STREAM_RESELECT_SECONDS
