"""dxLink in the words of the session: one channel that carries all types of events.

A quote topic is what a chain's columns or a quote's fields come from, a trade topic the prints. The
order of an event's values is announced by the server, perhaps after the first of them and again
later: what cannot be read yet is held back, not guessed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import orjson

from optix.adapters.market_data.streaming.protocol import (
    Channel,
    Complaint,
    Endpoint,
    Event,
    Frame,
    Heartbeat,
    MalformedFrame,
    StreamLost,
    StreamRefused,
    StreamTraits,
    Topic,
    Trouble,
    Wire,
)
from optix.adapters.market_data.tastytrade import wire
from optix.adapters.market_data.tastytrade.client import AGAIN, QuoteToken
from optix.adapters.market_data.tastytrade.events import FIELDS, translate_event
from optix.adapters.market_data.tastytrade.symbols import StreamerSymbols, is_contract
from optix.kernel.clock import NANOSECONDS, Clock
from optix.kernel.quote import Quality

VERSION = "0.1-optix/1.0"
FEED_CHANNEL = 1  # a client's channels are odd
KEEPALIVE_SECONDS = 30.0
KEEPALIVE_TIMEOUT_SECONDS = 60
AGGREGATION_SECONDS = 0.1
# 100,000 subscriptions for an account: four types of events for a quote, one for a print.
QUOTED_SYMBOLS_MAX = 20_000
PRINTED_SYMBOLS_MAX = 20_000
TOKEN_SECONDS = 86_400.0
TOKEN_MARGIN_SECONDS = 600.0
FRAMES_HELD_MAX = 200  # until their fields are announced

CONTRACT_EVENTS = ("Quote", "Trade", "Greeks", "Summary")
SECURITY_EVENTS = ("Quote", "Trade", "Summary", "Profile")
PRINT_EVENTS = ("TimeAndSale",)

_TROUBLES = {"UNAUTHORIZED": Trouble.TOKEN_EXPIRED, "TIMEOUT": Trouble.RECONNECT}


class QuoteTokens(Protocol):
    """Where quote tokens come from."""

    async def fetch_quote_token(self) -> QuoteToken: ...


class DxLinkStream:
    """Implements `streaming.protocol.StreamVendor`."""

    def __init__(
        self,
        tokens: QuoteTokens,
        symbols: StreamerSymbols,
        *,
        clock: Clock,
        quality: Quality,
    ) -> None:
        self.quality = quality
        self._tokens = tokens
        self._symbols = symbols
        self._clock = clock
        self._token: QuoteToken | None = None
        self._token_good_until_ns = 0
        self._keepalive_seconds = KEEPALIVE_SECONDS
        self._fields: dict[str, tuple[str, ...]] = {}
        self._held: deque[Any] = deque()

    @property
    def traits(self) -> StreamTraits:
        return StreamTraits(
            topics_max={Channel.QUOTE: QUOTED_SYMBOLS_MAX, Channel.TRADE: PRINTED_SYMBOLS_MAX},
            batch_topics_max=100,
            heartbeat_seconds=self._keepalive_seconds,
            frame_silence_seconds=float(KEEPALIVE_TIMEOUT_SECONDS),
        )

    def accepts(self, topic: Topic) -> bool:
        return self._symbols.theirs(topic.symbol) is not None

    async def endpoint(self) -> Endpoint:
        """Return the stream's address with a token that holds for a while."""
        return Endpoint((await self._current_token()).url)

    async def handshake(self, wire: Wire) -> None:
        """SETUP, AUTH, CHANNEL_REQUEST, FEED_SETUP. What the feed will look like comes later."""
        self._fields.clear()
        self._held.clear()
        await wire.send(
            _message(
                "SETUP",
                0,
                version=VERSION,
                keepaliveTimeout=KEEPALIVE_TIMEOUT_SECONDS,
                acceptKeepaliveTimeout=KEEPALIVE_TIMEOUT_SECONDS,
            )
        )
        self._take_setup(await _receive(wire, "SETUP"))
        await self._authorize(wire)
        await wire.send(
            _message(
                "CHANNEL_REQUEST", FEED_CHANNEL, service="FEED", parameters={"contract": "AUTO"}
            )
        )
        await _receive(wire, "CHANNEL_OPENED")
        await wire.send(
            _message(
                "FEED_SETUP",
                FEED_CHANNEL,
                acceptAggregationPeriod=AGGREGATION_SECONDS,
                acceptDataFormat="COMPACT",
                acceptEventFields=FIELDS,
            )
        )

    def subscribe(self, topics: Sequence[Topic]) -> Sequence[Frame]:
        return self._subscription("add", topics)

    def unsubscribe(self, topics: Sequence[Topic]) -> Sequence[Frame]:
        return self._subscription("remove", topics)

    def decode(self, frame: Frame, received_ns: int) -> Sequence[Event]:
        message = wire.read_message(frame)
        match message["type"]:
            case "FEED_DATA":
                return self._take_data(message.get("data"), received_ns)
            case "FEED_CONFIG":
                self._fields |= wire.read_fields(message)
                return self._release(received_ns)
            case "ERROR":
                return [_complaint(message)]
            case "AUTH_STATE":
                if message.get("state") == "AUTHORIZED":
                    return [Heartbeat()]
                return [Complaint(Trouble.TOKEN_EXPIRED, "the quote token is not accepted")]
            case "CHANNEL_CLOSED":
                return [Complaint(Trouble.RECONNECT, "the channel was closed")]
            case "KEEPALIVE" | "SETUP" | "CHANNEL_OPENED":
                return [Heartbeat()]
            case kind:
                return [Complaint(Trouble.OTHER, f"an unknown message: {kind[:40]}")]

    def heartbeat(self) -> Frame | None:
        return _message("KEEPALIVE", 0)

    async def token_expired(self) -> None:
        self._token = None

    def _take_setup(self, setup: Mapping[str, Any]) -> None:
        """Keep alive at half of what the server waits, and at 30 s at the latest."""
        theirs = wire.number(setup.get("keepaliveTimeout"))
        wanted = theirs / 2 if theirs > 0 else KEEPALIVE_SECONDS
        self._keepalive_seconds = min(max(wanted, 1.0), KEEPALIVE_SECONDS)

    async def _current_token(self) -> QuoteToken:
        if self._token is None or self._clock.now_ns() >= self._token_good_until_ns:
            self._token = await self._tokens.fetch_quote_token()
            seconds = TOKEN_SECONDS - TOKEN_MARGIN_SECONDS
            self._token_good_until_ns = self._clock.now_ns() + int(seconds * NANOSECONDS)
        return self._token

    async def _authorize(self, wire: Wire) -> None:
        """Send the token when it is asked for; one that is refused is replaced once."""
        state = await _receive(wire, "AUTH_STATE")
        for _ in range(2):
            if state.get("state") == "AUTHORIZED":
                return  # at once by the demonstration server, which needs no token
            token = (await self._current_token()).token.get_secret_value()
            await wire.send(_message("AUTH", 0, token=token))
            state = await _receive(wire, "AUTH_STATE")
            if state.get("state") != "AUTHORIZED":
                self._token = None
        if state.get("state") != "AUTHORIZED":
            raise StreamRefused("dxLink refuses new quote tokens of tastytrade.", next_step=AGAIN)

    def _take_data(self, data: Any, received_ns: int) -> list[Event]:
        if not wire.kinds_of(data) <= self._fields.keys():
            if len(self._held) >= FRAMES_HELD_MAX:
                raise MalformedFrame("dxLink sends events and does not say what is in them.")
            self._held.append(data)
            return [Heartbeat()]
        return self._events(data, received_ns)

    def _release(self, received_ns: int) -> list[Event]:
        """Read what was held back, as far as its fields are known now."""
        events: list[Event] = [Heartbeat()]
        for _ in range(len(self._held)):
            data = self._held.popleft()
            if wire.kinds_of(data) <= self._fields.keys():
                events += self._events(data, received_ns)
            else:
                self._held.append(data)
        return events

    def _events(self, data: Any, received_ns: int) -> list[Event]:
        """Return the events of one frame. A bad event among others is a complaint."""
        found: list[Event] = []
        for kind, event in list(wire.iter_events(data, self._fields)):
            try:
                told = translate_event(
                    kind, event, self._symbols, received_ns=received_ns, quality=self.quality
                )
            except MalformedFrame as error:
                told = Complaint(Trouble.OTHER, str(error))
            if told is not None:
                found.append(told)
        return found

    def _subscription(self, action: str, topics: Sequence[Topic]) -> list[Frame]:
        entries = [
            {"type": kind, "symbol": name}
            for topic in topics
            if (name := self._symbols.theirs(topic.symbol)) is not None
            for kind in _events_of(topic)
        ]
        if not entries:
            return []
        return [_message("FEED_SUBSCRIPTION", FEED_CHANNEL, **{action: entries})]


def _events_of(topic: Topic) -> tuple[str, ...]:
    if topic.channel is Channel.TRADE:
        return PRINT_EVENTS
    return CONTRACT_EVENTS if is_contract(topic.symbol) else SECURITY_EVENTS


def _message(kind: str, channel: int, **content: object) -> str:
    return orjson.dumps({"type": kind, "channel": channel, **content}).decode()


async def _receive(wire_: Wire, wanted: str) -> Mapping[str, Any]:
    """Return the next message of a type during the handshake. Raises StreamLost."""
    while True:
        frame = await wire_.receive()
        try:
            message = wire.read_message(frame)
        except MalformedFrame as error:
            raise StreamLost(str(error)) from error
        if message["type"] == wanted:
            return message
        if message["type"] in {"ERROR", "CHANNEL_CLOSED"}:
            raise StreamLost(f"dxLink ends the sign-in: {_words(message)}.")


def _complaint(message: Mapping[str, Any]) -> Complaint:
    word = wire.text(message.get("error"))
    return Complaint(_TROUBLES.get(word, Trouble.OTHER), _words(message))


def _words(message: Mapping[str, Any]) -> str:
    parts = (wire.text(message.get("error")), wire.text(message.get("message")))
    return ": ".join(part for part in parts if part)[:200] or message["type"]
