"""Tradier's stream: a session is opened by REST, one message names all symbols, JSON by lines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson

from optix.adapters.market_data.streaming import (
    Channel,
    Complaint,
    Endpoint,
    Event,
    Frame,
    MalformedFrame,
    StreamTraits,
    Topic,
    Trouble,
    Wire,
)
from optix.adapters.market_data.tradier import translate, wire
from optix.kernel.quote import Quality

STREAM_URL = "wss://ws.tradier.com/v1/markets/events"


class TradierStream:
    """Implements `StreamVendor`. `create_session` opens a session, which ends the one before."""

    def __init__(
        self,
        create_session: Callable[[], Awaitable[Any]],
        *,
        quality: Quality,
        url: str = STREAM_URL,
    ) -> None:
        self._create_session = create_session
        self._quality = quality
        self._url = url
        self._session = ""
        self.traits = StreamTraits(replaces=True)

    def accepts(self, topic: Topic) -> bool:
        """Everything that has a symbol is streamed."""
        return bool(topic.symbol)

    async def endpoint(self) -> Endpoint:
        self._session = wire.session_id(await self._create_session())
        return Endpoint(self._url)

    async def handshake(self, wire_: Wire) -> None:
        """The session goes with the first subscription; until then there is nothing to say."""

    def subscribe(self, topics: Sequence[Topic]) -> Sequence[Frame]:
        symbols = dict.fromkeys(translate.vendor_symbol(topic.symbol) for topic in topics)
        kinds = ["quote", "trade", "summary"]
        if any(topic.channel is Channel.TRADE for topic in topics):
            kinds.append("timesale")
        message = {
            "symbols": list(symbols),
            "filter": kinds,
            "sessionid": self._session,
            "linebreak": True,
            "validOnly": True,
            "advancedDetails": False,
        }
        return [orjson.dumps(message).decode()]

    def unsubscribe(self, topics: Sequence[Topic]) -> Sequence[Frame]:  # noqa: ARG002  # see below
        raise AssertionError("a list is replaced, not shortened")

    def decode(self, frame: Frame, received_ns: int) -> Sequence[Event]:
        events: list[Event] = []
        for message in wire.read_messages(frame):
            match message.get("type"):
                case "quote":
                    events.append(translate.translate_quote(message, received_ns))
                case "trade":
                    events.append(translate.translate_last(message, received_ns))
                case "timesale":
                    events += translate.translate_print(message, received_ns, quality=self._quality)
                case "summary":
                    events.append(translate.translate_summary(message))
                case None if "error" in message:
                    events.append(_complaint(message["error"]))
                case other:
                    raise MalformedFrame(f"an unknown type {other!r}")
        return events

    def heartbeat(self) -> Frame | None:
        return None

    async def token_expired(self) -> None:
        """The next connection opens a new session in any case."""
        self._session = ""


def _complaint(words: object) -> Complaint:
    """Say what an error means; Tradier has sentences instead of codes."""
    text = str(words)
    if "session" in text.lower():
        return Complaint(Trouble.TOKEN_EXPIRED, text)
    name, found, _ = text.partition(" is not a valid symbol")
    if found:
        try:
            return Complaint(Trouble.BAD_SYMBOL, text, frozenset((translate.own_symbol(name),)))
        except MalformedFrame:
            return Complaint(Trouble.OTHER, text)
    return Complaint(Trouble.OTHER, text)
