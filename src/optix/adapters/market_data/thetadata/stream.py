"""The terminal's stream (version 1) in the words of the streaming toolkit.

One message asks for one contract. Strikes are in tenths of a cent, times in milliseconds of New
York's day. STATUS messages come about every second: they are the terminal's heartbeat, and say
whether it has its own connection.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import orjson

from optix.adapters.market_data.rows import amount_of, price_of
from optix.adapters.market_data.streaming import (
    Channel,
    Complaint,
    Endpoint,
    Event,
    Frame,
    Heartbeat,
    MalformedFrame,
    StreamTraits,
    Tick,
    Topic,
    Trouble,
    Wire,
)
from optix.adapters.market_data.thetadata.translate import moment_of, trade_of
from optix.kernel.instrument import MalformedContract, OptionContract, contract_of, parse_option
from optix.kernel.limits import STREAM_TRADE_KEYS_MAX
from optix.kernel.quote import Quality, SecurityKind
from optix.kernel.symbols import MalformedSymbol, kind_of, parse_symbol

_REQUESTS = {Channel.QUOTE: "QUOTE", Channel.TRADE: "TRADE"}
_TRAITS = StreamTraits(batch_topics_max=100, frame_silence_seconds=6.0)
_TENTH_CENTS = Decimal(1000)


class ThetaDataStream:
    """Implements `StreamVendor`."""

    traits = _TRAITS

    def __init__(self, url: str, quality: Quality) -> None:
        self._url = url
        self._quality = quality
        self._requests: OrderedDict[int, str] = OrderedDict()  # number to symbol
        self._number = 0

    def accepts(self, topic: Topic) -> bool:
        """Tell whether it is streamed: contracts, and the quotes of stocks."""
        try:
            parse_option(topic.symbol)
        except MalformedContract:
            pass
        else:
            return True
        return topic.channel is Channel.QUOTE and kind_of(topic.symbol) is not SecurityKind.INDEX

    async def endpoint(self) -> Endpoint:
        return Endpoint(self._url)

    async def handshake(self, wire: Wire) -> None:
        """The terminal signed in already."""

    def subscribe(self, topics: Sequence[Topic]) -> Sequence[Frame]:
        return [self._request(topic, add=True) for topic in topics]

    def unsubscribe(self, topics: Sequence[Topic]) -> Sequence[Frame]:
        return [self._request(topic, add=False) for topic in topics]

    def heartbeat(self) -> Frame | None:
        return None

    async def token_expired(self) -> None:
        """There is no token."""

    def decode(self, frame: Frame, received_ns: int) -> Sequence[Event]:
        message = orjson.loads(frame)
        if not isinstance(message, dict) or not isinstance(header := message.get("header"), dict):
            raise MalformedFrame("no header")
        match header.get("type"):
            case "STATUS":
                return [_status(header)]
            case "REQ_RESPONSE":
                return self._response({**message, **header})
            case "QUOTE":
                return [_tick(message, received_ns)]
            case "TRADE":
                return self._trade(message, received_ns)
            case "OHLC":
                return [Heartbeat()]
            case other:
                raise MalformedFrame(f"unknown type {str(other)[:40]}")

    def _request(self, topic: Topic, *, add: bool) -> Frame:
        self._number += 1
        self._requests[self._number] = topic.symbol
        if len(self._requests) > STREAM_TRADE_KEYS_MAX:
            self._requests.popitem(last=False)
        kind, contract = _contract(topic.symbol)
        request = {
            "msg_type": "STREAM",
            "sec_type": kind,
            "req_type": _REQUESTS[topic.channel],
            "add": add,
            "id": self._number,
            "contract": contract,
        }
        return orjson.dumps(request).decode()

    def _response(self, fields: Mapping[str, Any]) -> Sequence[Event]:
        symbol = self._requests.pop(fields.get("req_id", fields.get("id", 0)), None)
        symbols = frozenset() if symbol is None else frozenset((symbol,))
        match fields.get("response"):
            case "SUBSCRIBED" | "UNSUBSCRIBED":
                return [Heartbeat()]
            case "MAX_STREAMS_REACHED":
                return [Complaint(Trouble.SYMBOLS_MAX, "more streams than the plan has", symbols)]
            case "INVALID_PERMS":
                return [Complaint(Trouble.REFUSED, "the plan has no stream", symbols)]
            case other:
                return [Complaint(Trouble.BAD_SYMBOL, str(other)[:60], symbols)]

    def _trade(self, message: Mapping[str, Any], received_ns: int) -> Sequence[Event]:
        fields = message["trade"]
        trade = trade_of(
            _symbol(message["contract"]),
            price=price_of(fields["price"]),
            size=amount_of(fields["size"]),
            sequence=int(fields["sequence"]),
            condition=int(fields["condition"]),
            exchange=int(fields["exchange"]),
            quality=self._quality,
            ts_event=min(moment_of(fields["date"], fields["ms_of_day"]), received_ns),
            received_ns=received_ns,
        )
        if trade is None:
            raise MalformedFrame("a trade without price or size")
        return [trade]


def _status(header: Mapping[str, Any]) -> Event:
    status = str(header.get("status"))
    if status == "CONNECTED":
        return Heartbeat()
    return Complaint(Trouble.RECONNECT, f"the terminal is {status[:40].lower()}")


def _tick(message: Mapping[str, Any], received_ns: int) -> Tick:
    fields = message["quote"]
    instant = moment_of(fields["date"], fields["ms_of_day"])
    values = {name: amount_of(fields[name]) for name in ("bid", "ask", "bid_size", "ask_size")}
    return Tick(_symbol(message["contract"]), min(instant, received_ns), values)


def _contract(symbol: str) -> tuple[str, dict[str, object]]:
    try:
        contract = parse_option(symbol)
    except MalformedContract:
        return "STOCK", {"root": symbol}
    return "OPTION", {
        "root": contract.root,
        "expiration": int(f"{contract.expiration:%Y%m%d}"),
        "strike": contract.strike_milli,
        "right": str(contract.right),
    }


def _symbol(fields: Mapping[str, Any]) -> str:
    """Return the contract or the security of a message. Raises MalformedFrame."""
    root, expiration = fields["root"], fields.get("expiration")
    try:
        if not expiration:
            return parse_symbol(root)
        day = date.fromisoformat(str(expiration))
        strike = Decimal(int(fields["strike"])) / _TENTH_CENTS
        contract: OptionContract = contract_of(root, day, fields["right"], strike)
    except (MalformedContract, MalformedSymbol) as error:
        raise MalformedFrame(error.detail) from error
    return contract.key
