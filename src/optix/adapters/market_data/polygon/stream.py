"""Polygon's options socket in the words of the session: quotes (Q) and prints (T) of contracts.

The plan decides which host takes the key. Underlyings are not on this socket: they are asked for.
One connection for each class of assets is allowed, and a new one ends the old one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from optix.adapters.market_data.polygon import translate, wire
from optix.adapters.market_data.streaming.protocol import (
    Ack,
    Channel,
    Complaint,
    Endpoint,
    Event,
    Frame,
    MalformedFrame,
    StreamLost,
    StreamRefused,
    StreamTraits,
    Topic,
    Trouble,
    Wire,
)
from optix.kernel.instrument import MalformedContract, parse_option
from optix.kernel.quote import Quality
from optix.kernel.trade import Trade
from optix.platform.setting_types import OptionalSecret

QUOTED_CONTRACTS_MAX = 1_000  # of one connection, documented
URLS = {
    Quality.REALTIME: "wss://socket.massive.com/options",
    Quality.DELAYED: "wss://delayed.massive.com/options",
}
_LETTERS = {Channel.QUOTE: "Q", Channel.TRADE: "T"}
_CONTRACT_LENGTH_MIN = 16  # a root, a date, a right and eight digits; no security has so many

_TROUBLES = {
    "auth_failed": Trouble.REFUSED,
    "auth_timeout": Trouble.RECONNECT,
    "max_connections": Trouble.RECONNECT,
    "force_disconnect": Trouble.RECONNECT,
}


class PolygonStream:
    """Implements `streaming.protocol.StreamVendor`."""

    traits = StreamTraits(topics_max={Channel.QUOTE: QUOTED_CONTRACTS_MAX}, batch_topics_max=200)

    def __init__(
        self, api_key: OptionalSecret, *, quality: Quality, url: str | None = None
    ) -> None:
        assert api_key is not None, "without a key there is no stream"
        self._key = api_key
        self._quality = quality
        self._url = url or URLS[quality]

    def accepts(self, topic: Topic) -> bool:
        return _contract_of(topic.symbol) is not None

    async def endpoint(self) -> Endpoint:
        return Endpoint(self._url)

    async def handshake(self, wire: Wire) -> None:
        """Wait for the greeting, send the key, wait for the word."""
        await _await_status(wire, "connected")
        key = self._key.get_secret_value()
        await wire.send(orjson.dumps({"action": "auth", "params": key}).decode())
        await _await_status(wire, "auth_success")

    def subscribe(self, topics: Sequence[Topic]) -> Sequence[Frame]:
        return _frames("subscribe", topics)

    def unsubscribe(self, topics: Sequence[Topic]) -> Sequence[Frame]:
        return _frames("unsubscribe", topics)

    def decode(self, frame: Frame, received_ns: int) -> Sequence[Event]:
        """Return what a frame says. A bad message among others is a complaint."""
        messages = wire.read_frame(frame)
        events: list[Event] = []
        for message in messages:
            if message["ev"] == "status":
                events.append(_status(message))
                continue
            try:
                event = translate.translate_message(
                    message, received_ns=received_ns, quality=self._quality
                )
            except MalformedFrame as error:
                if len(messages) == 1:
                    raise
                events.append(Complaint(Trouble.OTHER, str(error)))
                continue
            if isinstance(event, Trade) and (tick := translate.last_of(event)) is not None:
                events.append(tick)
            if event is not None:
                events.append(event)
        return events

    def heartbeat(self) -> Frame | None:
        """Nothing: the socket's own pings are Polygon's heartbeat."""
        return None

    async def token_expired(self) -> None:
        """Nothing to forget: a key has no end but the operator's."""


async def _await_status(wire_: Wire, wanted: str) -> None:
    """Read on until the status comes. Raises StreamRefused or StreamLost."""
    while True:
        frame = await wire_.receive()
        try:
            messages = wire.read_frame(frame)
        except MalformedFrame as error:
            raise StreamLost(str(error)) from error
        for message in messages:
            status = message.get("status")
            if status == wanted:
                return
            trouble = _TROUBLES.get(status) if isinstance(status, str) else None
            if trouble is Trouble.REFUSED:
                raise StreamRefused("Polygon refuses the key for its options stream.")
            if trouble is not None:
                raise StreamLost(f"Polygon ends the sign-in: {status}.")


def _status(message: Mapping[str, Any]) -> Event:
    status, words = message.get("status"), message.get("message")
    if status == "success":
        return Ack()
    text = f"{status}: {words}"[:200]
    known = _TROUBLES.get(status) if isinstance(status, str) else None
    if known is None and isinstance(words, str) and "not authorized" in words.lower():
        known = Trouble.REFUSED
    return Complaint(known or Trouble.OTHER, text)


def _frames(action: str, topics: Sequence[Topic]) -> list[Frame]:
    names = []
    for topic in topics:
        contract = _contract_of(topic.symbol)
        if contract is not None:
            names.append(f"{_LETTERS[topic.channel]}.{contract}")
    return [orjson.dumps({"action": action, "params": ",".join(names)}).decode()] if names else []


def _contract_of(symbol: str) -> str | None:
    """Return Polygon's name of a contract, None for a security."""
    if len(symbol) < _CONTRACT_LENGTH_MIN:
        return None
    try:
        return translate.vendor_contract(parse_option(symbol))
    except MalformedContract:
        return None
