"""Alpaca's option stream: MessagePack both ways, contracts only, the server speaks first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from optix.adapters.market_data.alpaca import translate, wire
from optix.adapters.market_data.streaming import (
    Ack,
    Channel,
    Complaint,
    Endpoint,
    Event,
    Frame,
    StreamLost,
    StreamRefused,
    StreamTraits,
    Topic,
    Trouble,
    Wire,
)
from optix.kernel.instrument import MalformedContract, parse_option
from optix.kernel.quote import Quality

STREAM_URL = "wss://stream.data.alpaca.markets"

_SIGN_IN_REFUSED = frozenset((402, 409))  # wrong key; not in this plan
_TROUBLES = {
    402: Trouble.REFUSED,
    405: Trouble.SYMBOLS_MAX,
    406: Trouble.RECONNECT,  # another connection holds the only place
    407: Trouble.RECONNECT,  # we were too slow
    409: Trouble.REFUSED,
    401: Trouble.RECONNECT,
    404: Trouble.RECONNECT,
    500: Trouble.RECONNECT,
}
_NAMES = {Channel.QUOTE: "quotes", Channel.TRADE: "trades"}


class AlpacaStream:
    """Implements `StreamVendor`. `credentials` gives key and secret."""

    def __init__(
        self,
        *,
        credentials: Callable[[], tuple[str, str]],
        feed: str,
        quality: Quality,
        symbols_max: int,
        url: str = STREAM_URL,
    ) -> None:
        self._credentials = credentials
        self._url = f"{url}/v1beta1/{feed}"
        self._quality = quality
        self.traits = StreamTraits(topics_max={Channel.QUOTE: symbols_max}, batch_topics_max=200)

    def accepts(self, topic: Topic) -> bool:
        """Contracts only: stocks have another stream, and a star is refused for quotes."""
        try:
            return parse_option(topic.symbol).key == topic.symbol
        except MalformedContract:
            return False

    async def endpoint(self) -> Endpoint:
        return Endpoint(self._url, {"Content-Type": "application/msgpack"})

    async def handshake(self, wire_: Wire) -> None:
        await _expect(wire_, "connected")
        key, secret = self._credentials()
        await wire_.send(wire.pack({"action": "auth", "key": key, "secret": secret}))
        await _expect(wire_, "authenticated")

    def subscribe(self, topics: Sequence[Topic]) -> Sequence[Frame]:
        return [_action("subscribe", topics)]

    def unsubscribe(self, topics: Sequence[Topic]) -> Sequence[Frame]:
        return [_action("unsubscribe", topics)]

    def decode(self, frame: Frame, received_ns: int) -> Sequence[Event]:
        events: list[Event] = []
        for message in wire.read_messages(frame):
            match message.get("T"):
                case "q":
                    events.append(translate.translate_quote(message, received_ns))
                case "t":
                    events += translate.translate_trade(message, received_ns, quality=self._quality)
                case "subscription":
                    events.append(_ack(message))
                case "error":
                    events.append(_complaint(message))
                case "success":
                    continue
                case other:
                    events.append(Complaint(Trouble.OTHER, f"unknown message {other!r}"))
        return events

    def heartbeat(self) -> Frame | None:
        return None

    async def token_expired(self) -> None:
        """Keys do not expire."""


async def _expect(wire_: Wire, words: str) -> None:
    """Wait for a success message. Raises StreamRefused or StreamLost for an error."""
    while True:
        for message in wire.read_messages(await wire_.receive()):
            if message.get("T") == "error":
                told = f"Alpaca refuses the stream: {message.get('msg')} ({message.get('code')})."
                if message.get("code") in _SIGN_IN_REFUSED:
                    raise StreamRefused(told)
                raise StreamLost(told)
            if message.get("T") == "success" and message.get("msg") == words:
                return


def _action(action: str, topics: Sequence[Topic]) -> bytes:
    message: dict[str, Any] = {"action": action}
    for channel, name in _NAMES.items():
        symbols = [topic.symbol for topic in topics if topic.channel is channel]
        if symbols:
            message[name] = symbols
    return wire.pack(message)


def _ack(message: Mapping[str, Any]) -> Ack:
    """Return all that is subscribed: an acknowledgement holds the complete set."""
    return Ack(
        frozenset(
            Topic(symbol, channel)
            for channel, name in _NAMES.items()
            for symbol in message.get(name) or ()
        )
    )


def _complaint(message: Mapping[str, Any]) -> Complaint:
    code = message.get("code")
    trouble = _TROUBLES.get(code, Trouble.OTHER) if isinstance(code, int) else Trouble.OTHER
    return Complaint(trouble, f"{message.get('msg')} ({code})")
