"""A vendor of no company: the shortest words a stream can have, to test what all vendors share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date

import orjson
from tests.fakes.stream_server import Frame, StreamServer
from tests.fixtures.chains import contracts_of, spot_of, table_of
from websockets.asyncio.server import ServerConnection

from optix.adapters.market_data.streaming import (
    Ack,
    Channel,
    Complaint,
    DemandFeed,
    Endpoint,
    Event,
    Heartbeat,
    MalformedFrame,
    PollTimes,
    StreamRefused,
    StreamTimings,
    StreamTraits,
    Tick,
    Topic,
    Trouble,
    Wire,
)
from optix.adapters.web.rest import Outcomes
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.clock import Clock
from optix.kernel.quote import Quality, Quote
from optix.kernel.trade import Trade
from optix.ports.market_data import (
    Capabilities,
    ChainKey,
    Demand,
    Expiration,
    MarketUpdate,
    ProviderHealth,
    ProviderUnavailable,
    UnknownExpiration,
    UnknownSymbol,
)

CAPABILITIES = Capabilities(name="plain", label="Plain", quality=Quality.REALTIME, streaming=True)
EXPIRATION = date(2026, 12, 18)
CONTRACTS = contracts_of(range(590, 615, 5), expiration=EXPIRATION)
KEY = ChainKey("SPY", EXPIRATION)


class PlainServer(StreamServer):
    """Says and hears JSON objects with a `type`."""

    def __init__(self) -> None:
        super().__init__()
        self.topics: dict[ServerConnection, set[str]] = {}
        self.symbols_max = 10_000
        self.token = 1

    async def sign_in(self, connection: ServerConnection) -> bool:
        hello = orjson.loads(await connection.recv())
        if self.refuse:
            await connection.send(orjson.dumps({"type": "refused"}))
            return False
        if hello["token"] != self.token:
            await connection.send(orjson.dumps({"type": "expired"}))
            return False
        await connection.send(orjson.dumps({"type": "welcome"}))
        self.topics[connection] = set()
        return True

    async def on_frame(self, connection: ServerConnection, frame: Frame) -> None:
        message = orjson.loads(frame)
        topics = self.topics[connection]
        asked = {tuple(topic) for topic in message["topics"]}
        symbols = {f"{symbol}|{channel}" for symbol, channel in asked}
        if message["type"] == "unsubscribe":
            topics -= symbols
        elif len(topics | symbols) > self.symbols_max:
            await connection.send(orjson.dumps({"type": "too_many"}))
        else:
            topics |= symbols
        told = [topic.split("|") for topic in sorted(topics)]
        await connection.send(orjson.dumps({"type": "ack", "topics": told}))

    def gone(self, connection: ServerConnection) -> None:
        self.topics.pop(connection, None)

    def subscribed(self) -> set[str]:
        topics = {topic for topics in self.topics.values() for topic in topics}
        return {topic.split("|")[0] for topic in topics if topic.endswith("|quote")}

    def quote_frame(self, symbol: str, bid: float, ask: float, ts_event: int) -> Frame:
        quote = {"type": "quote", "symbol": symbol, "bid": bid, "ask": ask, "at": ts_event}
        return orjson.dumps(quote).decode()

    def trade_frame(self, symbol: str, price: float, size: float, ts_event: int) -> Frame | None:
        trade = {"type": "trade", "symbol": symbol, "price": price, "size": size, "at": ts_event}
        return orjson.dumps(trade).decode()

    async def expire_token(self) -> None:
        self.token += 1
        await self.send(orjson.dumps({"type": "expired"}).decode())


class PlainVendor:
    """Implements `StreamVendor` in the words of `PlainServer`."""

    def __init__(self, server: PlainServer, traits: StreamTraits | None = None) -> None:
        self.traits = traits or StreamTraits(batch_topics_max=4)
        self._server = server
        self._token = server.token
        self.renewals = 0

    def accepts(self, topic: Topic) -> bool:
        return topic.symbol != "DARK"

    async def endpoint(self) -> Endpoint:
        return Endpoint(self._server.stream_url)

    async def handshake(self, wire: Wire) -> None:
        await wire.send(orjson.dumps({"type": "hello", "token": self._token}).decode())
        answer = orjson.loads(await wire.receive())
        if answer["type"] == "refused":
            raise StreamRefused("Plain does not know this key.")
        if answer["type"] == "expired":
            raise ProviderUnavailable("The token of Plain expired.")

    def subscribe(self, topics: Sequence[Topic]) -> Sequence[Frame]:
        return [orjson.dumps({"type": "subscribe", "topics": [list(t) for t in topics]}).decode()]

    def unsubscribe(self, topics: Sequence[Topic]) -> Sequence[Frame]:
        return [orjson.dumps({"type": "unsubscribe", "topics": [list(t) for t in topics]}).decode()]

    def decode(self, frame: Frame, received_ns: int) -> Sequence[Event]:
        message = orjson.loads(frame)
        match message["type"]:
            case "quote":
                fields = {"bid": message["bid"], "ask": message["ask"]}
                return [Tick(message["symbol"], message["at"], fields)]
            case "trade":
                return [
                    Trade(
                        symbol=message["symbol"],
                        price=message["price"],
                        size=message["size"],
                        source="plain",
                        quality=Quality.REALTIME,
                        ts_event=message["at"],
                        ts_received=received_ns,
                    )
                ]
            case "ack":
                topics = (Topic(s, Channel(c)) for s, c in message["topics"])
                return [Ack(frozenset(topics))]
            case "too_many":
                return [Complaint(Trouble.SYMBOLS_MAX, "too many symbols")]
            case "expired":
                return [Complaint(Trouble.TOKEN_EXPIRED, "token expired")]
            case "beat":
                return [Heartbeat()]
            case "bad":
                symbols = frozenset(message["symbols"])
                return [Complaint(Trouble.BAD_SYMBOL, "no such symbol", symbols)]
            case other:
                raise MalformedFrame(f"unknown type {other}")

    def heartbeat(self) -> Frame | None:
        return orjson.dumps({"type": "subscribe", "topics": []}).decode()

    async def token_expired(self) -> None:
        self.renewals += 1
        self._token = self._server.token


class PlainSource:
    """The REST side, without HTTP: answers from `table` and `quotes`, or fails."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.table = table_of(CONTRACTS, {"bid": [1.0] * len(CONTRACTS)}, spot=spot_of())
        self.tables = {KEY: self.table}
        self.quotes = {"SPY": spot_of(), "DARK": spot_of("DARK")}
        self.fail = ""
        self.asked: list[object] = []

    async def fetch_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        self.asked.append(tuple(symbols))
        self._break()
        return {symbol: self.quotes[symbol] for symbol in symbols if symbol in self.quotes}

    async def fetch_chain(self, key: ChainKey) -> ChainTable:
        self.asked.append(key)
        self._break()
        if key.underlying not in self.quotes:
            raise UnknownSymbol(f"Plain has no {key.underlying}.")
        if key not in self.tables:
            raise UnknownExpiration("Plain has no such date.")
        return replace(self.tables[key])

    async def fetch_expirations(self, underlying: str) -> Sequence[Expiration]:
        self.asked.append(underlying)
        self._break()
        return [
            Expiration(
                date=key.expiration,
                root=underlying,
                style="american",  # type: ignore[arg-type]  # nobody reads it here
                settlement="pm",  # type: ignore[arg-type]  # nobody reads it here
                contracts=len(table),
            )
            for key, table in sorted(self.tables.items(), key=lambda item: item[0])
        ]

    def _break(self) -> None:
        if self.fail:
            raise ProviderUnavailable(self.fail)


class PlainProvider:
    """As much of a provider as the chaos suite needs."""

    def __init__(
        self,
        server: PlainServer,
        clock: Clock,
        timings: StreamTimings,
        *,
        traits: StreamTraits | None = None,
        polls: PollTimes | None = None,
        trades_max: int = limits.STREAM_TRADES_MAX,
    ) -> None:
        self.capabilities = CAPABILITIES
        self.source = PlainSource(clock)
        self.vendor = PlainVendor(server, traits)
        self.feed = DemandFeed(
            self.source,
            CAPABILITIES,
            clock=clock,
            outcomes=Outcomes(clock),
            vendor=self.vendor,
            timings=timings,
            polls=polls,
            ticking=lambda _: True,
            trades_max=trades_max,
        )

    def set_demand(self, demand: Demand) -> None:
        self.feed.set_demand(demand)

    def iter_updates(self) -> AsyncIterator[MarketUpdate]:
        return self.feed.iter_updates()

    def health(self) -> Sequence[ProviderHealth]:
        return [self.feed.health()]


@asynccontextmanager
async def plain_server() -> AsyncIterator[PlainServer]:
    server = PlainServer()
    async with server.serve_stream():
        yield server
