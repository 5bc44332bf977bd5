"""Schwab's streamer in the words of the session: quotes of contracts and of underlyings.

A frame names only what changed, by numbers: each key's fields are kept and merged here, so that a
time that did not change still counts. There are no prints of options on this stream.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from math import isnan
from typing import Any, Protocol

import orjson
import structlog

from optix.adapters.market_data.rows import (
    COUNT_MAX,
    amount_of,
    analytic_of,
    instant_of,
    price_of,
)
from optix.adapters.market_data.schwab import wire
from optix.adapters.market_data.schwab.client import AGAIN, StreamerInfo
from optix.adapters.market_data.schwab.symbols import is_contract, optix_symbol, vendor_name
from optix.adapters.market_data.schwab.translate import (
    MILLISECOND_NS,
    SHARES_MAX,
    SOURCE,
    percent,
)
from optix.adapters.market_data.streaming import (
    Ack,
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
    Tick,
    Topic,
    Trouble,
    Wire,
)
from optix.kernel.quote import TradingState, TradingStatus

SYMBOLS_MAX = 500  # for each service, by the community's word
KEYS_KEPT_MAX = 4 * SYMBOLS_MAX  # both services, twice: keys that are being dropped included
SILENCE_SECONDS = 30.0  # a heartbeat is due every 10 s
OPTIONS, EQUITIES = "LEVELONE_OPTIONS", "LEVELONE_EQUITIES"

# Number of a field to a column of ours. 2 and 3 of options are 1 and 2 of equities, and so on.
_FIELDS = {
    OPTIONS: {
        "2": "bid",
        "3": "ask",
        "4": "last",
        "7": "previous_close",
        "8": "volume",
        "9": "open_interest",
        "10": "vendor_iv",
        "16": "bid_size",
        "17": "ask_size",
        "28": "vendor_delta",
        "29": "vendor_gamma",
        "30": "vendor_theta",
        "31": "vendor_vega",
        "32": "vendor_rho",
        "34": "vendor_price",
    },
    EQUITIES: {
        "1": "bid",
        "2": "ask",
        "3": "last",
        "4": "bid_size",
        "5": "ask_size",
        "8": "volume",
        "10": "high",
        "11": "low",
        "12": "previous_close",
        "17": "open",
    },
}
_TIMES = {OPTIONS: ("38", "39"), EQUITIES: ("34", "35")}  # of the quote, of the last trade
_STATUS = {OPTIONS: None, EQUITIES: "32"}
_TRADED = frozenset(("last", "previous_close", "open", "high", "low"))
_STATES = {
    "Normal": TradingState.OPEN,
    "Halted": TradingState.HALTED,
    "Closed": TradingState.CLOSED,
}

# Codes of answers. The page of the vendor names 0 and 3; the others are its developer portal's.
_DONE = frozenset((0, 26, 27, 28, 29))
_LOGIN_DENIED = 3
_TROUBLES = {
    _LOGIN_DENIED: Trouble.TOKEN_EXPIRED,
    12: Trouble.RECONNECT,
    19: Trouble.SYMBOLS_MAX,
    20: Trouble.RECONNECT,
    30: Trouble.RECONNECT,
}
_told: set[str] = set()
_TOLD_MAX = 100
_log = structlog.get_logger(__name__)


class StreamerSource(Protocol):
    """Where the streamer is, and the token that opens it."""

    async def fetch_streamer_info(self) -> StreamerInfo: ...

    async def access_token(self) -> str: ...

    async def renew_access(self) -> None: ...


@dataclass(slots=True)
class _Kept:
    """What is known of one key: the vendor's latest time, and the time last handed on."""

    told_ns: int = 0
    sent_ns: int = 0
    fields: dict[str, float] = field(default_factory=dict)
    status: str = ""


class SchwabStream:
    """Implements `streaming.protocol.StreamVendor`."""

    traits = StreamTraits(
        topics_max={Channel.QUOTE: SYMBOLS_MAX, Channel.TRADE: 0},
        batch_topics_max=100,
        frame_silence_seconds=SILENCE_SECONDS,
    )

    def __init__(self, source: StreamerSource) -> None:
        self._source = source
        self._info: StreamerInfo | None = None
        self._numbers = count(1)
        self._subscribed: set[str] = set()  # services that had their first message
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._renewed = False  # the token, since a login was denied

    def accepts(self, topic: Topic) -> bool:
        return topic.channel is Channel.QUOTE and vendor_name(topic.symbol) is not None

    async def endpoint(self) -> Endpoint:
        """Return the streamer's address, with an access token that holds."""
        self._info = await self._source.fetch_streamer_info()
        return Endpoint(self._info.url)

    async def handshake(self, wire: Wire) -> None:
        """Log in. A token that is refused is replaced once, on the same connection."""
        self._subscribed.clear()
        self._kept.clear()
        while True:
            await wire.send(self._login(await self._source.access_token()))
            code, words = await _login_code(wire)
            if code == 0:
                self._renewed = False
                return
            if code != _LOGIN_DENIED:
                raise StreamLost(f"Schwab's streamer does not log in: {words}.")
            if self._renewed:
                raise StreamRefused("Schwab's streamer denies the login.", next_step=AGAIN)
            self._renewed = True  # remembered: the streamer may close before the second attempt
            await self._source.renew_access()

    def subscribe(self, topics: Sequence[Topic]) -> Sequence[Frame]:
        """Return one message. The first of a service is SUBS; another SUBS would wipe its keys."""
        requests = []
        for service, keys in _by_service(topics).items():
            command = "ADD" if service in self._subscribed else "SUBS"
            self._subscribed.add(service)
            numbers = [*_FIELDS[service], *_TIMES[service]]
            numbers += [status] if (status := _STATUS[service]) else []
            fields = ",".join(["0", *sorted(numbers, key=int)])
            requests.append(
                self._request(service, command, {"keys": ",".join(keys), "fields": fields})
            )
        return _frames(requests)

    def unsubscribe(self, topics: Sequence[Topic]) -> Sequence[Frame]:
        requests = []
        for service, keys in _by_service(topics).items():
            for key in keys:
                self._kept.pop((service, key), None)
            requests.append(self._request(service, "UNSUBS", {"keys": ",".join(keys)}))
        return _frames(requests)

    def decode(self, frame: Frame, received_ns: int) -> Sequence[Event]:
        message = wire.read_frame(frame)
        events: list[Event] = [_answer(answer) for answer in wire.entries(message, "response")]
        if "notify" in message:
            events.append(Heartbeat())
        for entry in wire.entries(message, "data"):
            service = entry.get("service")
            if not isinstance(service, str) or service not in _FIELDS:
                continue
            for content in wire.entries(entry, "content"):
                events += self._merge(service, content, entry.get("timestamp"), received_ns)
        return events

    def heartbeat(self) -> Frame | None:
        """Nothing: the heartbeat is the streamer's."""
        return None

    async def token_expired(self) -> None:
        await self._source.renew_access()

    def _merge(
        self, service: str, content: Mapping[str, Any], sent_at: object, received_ns: int
    ) -> list[Event]:
        """Return what one key's changed fields say, with the time they are of."""
        key = content.get("key")
        symbol = optix_symbol(key)
        if symbol is None or not isinstance(key, str):
            return [Complaint(Trouble.OTHER, "a key that is no symbol")]
        kept = self._kept.get((service, key))
        if kept is None:
            if len(self._kept) >= KEYS_KEPT_MAX:
                return [Complaint(Trouble.OTHER, "more keys than were asked for")]
            kept = self._kept[service, key] = _Kept()
        told_ns = max(
            instant_of(content.get(number), MILLISECOND_NS, received_ns=received_ns)
            for number in _TIMES[service]
        )
        found = _values(service, content)
        events: list[Event] = []
        if told_ns and told_ns < kept.told_ns and found:
            # Older than what is known: the book drops and counts it, nothing is merged.
            return [Tick(symbol, told_ns, kept.fields | found)]
        kept.told_ns = max(kept.told_ns, told_ns)
        kept.fields |= found
        if found:
            frame_ns = instant_of(sent_at, MILLISECOND_NS, received_ns=received_ns) or received_ns
            kept.sent_ns = max(kept.sent_ns, kept.told_ns or frame_ns)
            events.append(Tick(symbol, kept.sent_ns, dict(kept.fields)))
        status = content.get(_STATUS[service] or "")
        if isinstance(status, str) and status != kept.status:
            kept.status = status
            events.append(_status(symbol, status, received_ns))
        return events

    def _login(self, token: str) -> str:
        assert self._info is not None, "endpoint() comes first"
        parameters = {
            "Authorization": token,
            "SchwabClientChannel": self._info.channel,
            "SchwabClientFunctionId": self._info.function_id,
        }
        return orjson.dumps({"requests": [self._request("ADMIN", "LOGIN", parameters)]}).decode()

    def _request(self, service: str, command: str, parameters: dict[str, str]) -> dict[str, Any]:
        assert self._info is not None, "endpoint() comes first"
        return {
            "service": service,
            "command": command,
            "requestid": str(next(self._numbers)),
            "SchwabClientCustomerId": self._info.customer_id,
            "SchwabClientCorrelId": self._info.correl_id,
            "parameters": parameters,
        }


def _by_service(topics: Sequence[Topic]) -> dict[str, list[str]]:
    keys: dict[str, list[str]] = {}
    for topic in topics:
        name = vendor_name(topic.symbol)
        if name is not None:
            service = OPTIONS if is_contract(topic.symbol) else EQUITIES
            keys.setdefault(service, []).append(name)
    return keys


def _frames(requests: Sequence[dict[str, Any]]) -> list[Frame]:
    return [orjson.dumps({"requests": requests}).decode()] if requests else []


def _values(service: str, content: Mapping[str, Any]) -> dict[str, float]:
    """Return the named fields in our units; a sentinel is a value, "there is none"."""
    found = {}
    for number, name in _FIELDS[service].items():
        if number not in content:
            continue
        value = content[number]
        if name == "vendor_iv":
            found[name] = analytic_of(name, percent(value))
        elif name.startswith("vendor_"):
            found[name] = analytic_of(name, wire.number(value))
        elif name in _TRADED:
            found[name] = price_of(wire.number(value))
        else:
            shares = service == EQUITIES and name == "volume"
            ceiling = SHARES_MAX if shares else COUNT_MAX
            found[name] = amount_of(wire.number(value), ceiling)
    if service == EQUITIES:
        # No trade yet takes no price away that an answer knew.
        found = {n: v for n, v in found.items() if n not in _TRADED or not isnan(v)}
    return found


def _status(symbol: str, word: str, received_ns: int) -> TradingStatus:
    state = _STATES.get(word)
    if state is None:
        state = TradingState.UNKNOWN
        if word not in _told and len(_told) < _TOLD_MAX:
            _told.add(word)
            _log.warning("schwab_unknown_status", word=word[:40])
    return TradingStatus(
        symbol=symbol,
        state=state,
        reason=word[:80],
        source=SOURCE,
        ts_event=received_ns,
        ts_received=received_ns,
    )


def _answer(answer: Mapping[str, Any]) -> Event:
    content = answer.get("content")
    code = content.get("code") if isinstance(content, dict) else None
    if code in _DONE:
        return Ack()
    words = content.get("msg") if isinstance(content, dict) else None
    trouble = _TROUBLES.get(code, Trouble.OTHER) if type(code) is int else Trouble.OTHER
    return Complaint(trouble, f"code {code}: {words}"[:200])


async def _login_code(wire_: Wire) -> tuple[int, str]:
    """Return the code and the words of the answer to LOGIN. Raises StreamLost."""
    while True:
        frame = await wire_.receive()
        try:
            answers = wire.entries(wire.read_frame(frame), "response")
        except MalformedFrame as error:
            raise StreamLost(str(error)) from error
        for answer in answers:
            content = answer.get("content")
            if answer.get("command") == "LOGIN" and isinstance(content, dict):
                code = content.get("code")
                return (code if type(code) is int else -1), f"code {code}"
