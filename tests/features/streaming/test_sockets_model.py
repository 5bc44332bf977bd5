"""Proven by a model: whatever clients and server go through, what is shown is the market's last.

A state machine lets the market move, and real clients on real sockets follow, stop reading, leave,
come back with numbers that are right, old or nobody's, while the gateway is killed and begun anew.
The clients follow docs/streaming.md to the letter and refuse every number that skips.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, TypeVar, get_args
from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis.asyncio import Redis
from tests.fakes.following_client import Followed, FollowingClient, How, Prices
from tests.fakes.scripted import SMALL_BIDS, SMALL_CONTRACTS
from tests.fixtures.chains import EXPIRATION, spot_of, table_of
from tests.fixtures.market import Market, open_lanes
from tests.fixtures.patient_loop import PatientLoop
from tests.fixtures.waiting import until

from optix.features.identity.authentication import Authenticator
from optix.features.identity.ended_sessions import EndedSessions
from optix.features.identity.tokens import AccessTokenSigner, AccessTokenVerifier, SigningKey
from optix.features.market import wire
from optix.features.market.book import MarketBook
from optix.features.streaming.gateway import Gateway, GatewayRules
from optix.features.streaming.server import StreamServer
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.clock import SystemClock
from optix.kernel.ids import SessionId, UserId, new_uuid
from optix.kernel.quote import Quote
from optix.platform.embedded.stores import StoreUrls
from optix.ports.market_data import ChainKey

pytestmark = pytest.mark.stores

# So many that two of their frames fill a socket that nobody reads.
SYMBOLS: Final = ["SPY", *(f"T{letter}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ")]
NOBODY: Final = "NONE"  # what no provider knows
CHAIN: Final = ChainKey("SPY", EXPIRATION)
CLIENTS_MAX: Final = 4
SMALL_BUFFER: Final = 2_048
RULES: Final = GatewayRules(
    sockets_max=100, sockets_per_address=100, connects_per_minute=100_000, drain_seconds=0
)
T = TypeVar("T")
watchlists = st.lists(st.sampled_from([*SYMBOLS, NOBODY]), min_size=1, max_size=6, unique=True)
strikes = st.sampled_from([None, {"from": 595, "to": 615}, {"around": 1}])


def quote_of(symbol: str, price: float) -> Quote:
    """Return a quote a cent around a price, in whole cents."""
    bid, ask = round(price - 0.01, 2), round(price + 0.01, 2)
    return replace(spot_of(symbol, price), bid=bid, ask=ask)


@dataclass
class Served:
    """One run of a gateway with its book, as a process has them."""

    book: MarketBook
    gateway: Gateway
    server: StreamServer
    tasks: list[asyncio.Task[None]]

    @classmethod
    async def begin(cls, market: Market, authenticator: Authenticator) -> Served:
        book = await market.start_book()
        book_task = market._tasks[-1]
        gateway = Gateway(open_lanes(book, market.clock), authenticator, SystemClock(), RULES)
        server = StreamServer(gateway, host="127.0.0.1", port=0)
        tasks = [asyncio.create_task(each.run()) for each in (gateway, server)]
        await until(lambda: server._server is not None and gateway._running)
        await until(lambda: book.feed_status().state == "live")
        return cls(book, gateway, server, [*tasks, book_task])

    async def kill(self) -> None:
        """End all at once: nobody is moved away or told."""
        self.gateway._cut_all()
        await until(lambda: not self.gateway.sockets and not self.gateway.waiting)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


class SocketsMachine(RuleBasedStateMachine):
    """The market, one gateway at a time, and up to four clients."""

    redis_url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner(loop_factory=PatientLoop)
        self._price = dict.fromkeys(SYMBOLS, 600.0)
        self._bids = list(SMALL_BIDS)
        self._steps = 0
        self._streams = [""]
        self._clients: list[FollowingClient] = []

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    @initialize()
    def begin(self) -> None:
        async def begin() -> None:
            key = SigningKey(Ed25519PrivateKey.generate())
            self._signer = AccessTokenSigner(key, SystemClock())
            self._redis = Redis.from_url(self.redis_url)
            await self._redis.flushdb()
            self._market = Market(self._redis)
            for symbol in SYMBOLS:
                self._market.provider.quotes[symbol] = quote_of(symbol, self._price[symbol])
            self._market.provider.chains[CHAIN] = self._table()
            # Somebody else looks at everything, so that the feed is told of all that moves.
            keeper = await self._market.start()
            keeper.hold([wire.chain_topic(CHAIN), *map(wire.quote_topic, SYMBOLS)])
            await asyncio.gather(*map(keeper.open_quote, SYMBOLS), keeper.open_chain(CHAIN))
            self._keeper = keeper
            ended = EndedSessions(self._market.bus, SystemClock())
            verifier = AccessTokenVerifier([key.public], SystemClock())
            self._authenticator = Authenticator(verifier, ended)
            await self._serve()

        self._run(begin())

    async def _serve(self) -> None:
        self._served = await Served.begin(self._market, self._authenticator)

    # The market

    @rule(symbol=st.sampled_from(SYMBOLS), cents=st.integers(1, 500))
    def one_quote_moves(self, symbol: str, cents: int) -> None:
        self._run(self._move([symbol], cents))

    @rule(cents=st.integers(1, 500))
    def all_quotes_move(self, cents: int) -> None:
        self._run(self._move(SYMBOLS, cents))

    async def _move(self, symbols: list[str], cents: int) -> None:
        for symbol in symbols:
            price = round(self._price[symbol] + cents / 100, 2)
            self._price[symbol] = price
            quote = self._market.provider.quotes[symbol] = quote_of(symbol, price)
            self._market.provider.emit(quote)
        await asyncio.sleep(0)

    @rule(place=st.integers(0, len(SMALL_BIDS) - 1), cents=st.integers(1, 90))
    def the_chain_moves(self, place: int, cents: int) -> None:
        self._bids[place] = round(self._bids[place] + cents / 100, 2)
        self._run(self._move_chain())

    async def _move_chain(self) -> None:
        table = self._market.provider.chains[CHAIN] = self._table()
        self._market.provider.emit(table)

    def _table(self) -> ChainTable:
        return table_of(
            SMALL_CONTRACTS,
            {
                "bid": self._bids,
                "ask": [round(bid + 0.1, 2) for bid in self._bids],
                "open_interest": [10.0] * len(SMALL_BIDS),
            },
            spot=quote_of("SPY", self._price["SPY"]),
        )

    # Clients

    @precondition(lambda self: len(self._clients) < CLIENTS_MAX)
    @rule(binary=st.booleans(), slow=st.booleans())
    def somebody_connects(self, binary: bool, slow: bool) -> None:  # hypothesis names it
        client = FollowingClient(binary=binary, receive_buffer=SMALL_BUFFER if slow else 0)
        self._clients.append(client)
        self._run(self._connect(client))

    async def _connect(self, client: FollowingClient) -> None:
        token = self._signer.sign(UserId(new_uuid()), SessionId(new_uuid()), "user")
        await client.connect(self._served.server.port, token)

    def _one(self, data: st.DataObject) -> FollowingClient:
        return self._clients[data.draw(st.integers(0, len(self._clients) - 1))]

    @precondition(lambda self: self._clients)
    @rule(data=st.data(), symbols=watchlists)
    def it_follows_quotes(self, data: st.DataObject, symbols: list[str]) -> None:
        self._follow(self._one(data), {"quotes": symbols})

    @precondition(lambda self: self._clients)
    @rule(data=st.data())
    def it_follows_all_quotes(self, data: st.DataObject) -> None:
        self._follow(self._one(data), {"quotes": SYMBOLS})

    @precondition(lambda self: self._clients)
    @rule(data=st.data(), wanted=strikes)
    def it_follows_the_chain(self, data: st.DataObject, wanted: dict[str, int] | None) -> None:
        chain = {"underlying": CHAIN.underlying, "expiration": CHAIN.expiration.isoformat()}
        client = self._one(data)
        chains = [each for each in client.followed.values() if not each.quotes]
        if len(chains) < limits.SOCKET_CHAINS_MAX:
            about = chain if wanted is None else {**chain, "strikes": wanted}
            self._follow(client, {"chain": about})

    def _follow(self, client: FollowingClient, about: dict[str, Any]) -> None:
        async def follow() -> None:
            client.subscribe(about)
            await asyncio.sleep(0)

        self._run(follow())

    @precondition(lambda self: any(client.followed for client in self._clients))
    @rule(data=st.data())
    def it_stops_following(self, data: st.DataObject) -> None:
        client = next(each for each in self._clients if each.followed)
        number = data.draw(st.sampled_from(sorted(client.followed)))

        async def stop() -> None:
            client.unsubscribe(number)

        self._run(stop())

    @precondition(lambda self: self._clients)
    @rule(data=st.data(), size=st.sampled_from([1, 100, 65_536]))
    def it_reads(self, data: st.DataObject, size: int) -> None:
        async def read() -> None:
            with_nothing_to_read = asyncio.timeout(0.02)
            try:
                async with with_nothing_to_read:
                    await self._one(data).on.read(size)
            except TimeoutError:
                pass

        self._run(read())

    @rule()
    def time_passes(self) -> None:
        """A few intervals, in which nobody reads."""

        async def pass_by() -> None:
            await asyncio.sleep(0.25)  # more than two intervals of every client

        self._run(pass_by())

    # What goes wrong

    @precondition(lambda self: self._clients)
    @rule(data=st.data(), reads_first=st.booleans(), how=st.sampled_from(get_args(How)))
    def it_loses_its_connection(self, data: st.DataObject, reads_first: bool, how: How) -> None:
        client = self._one(data)

        async def lose() -> None:
            if reads_first:
                await self._catch_up(client)
            client.disconnect()
            await self._come_back(client, how)

        self._run(lose())

    async def _come_back(self, client: FollowingClient, how: How) -> None:
        await self._connect(client)
        other = "f" * 16
        for earlier in client.left:
            client.come_back(earlier, how, other)
        client.left = []

    @rule(reads_first=st.booleans(), moves=st.integers(0, 5))
    def the_gateway_is_killed(self, reads_first: bool, moves: int) -> None:
        """Another run has numbers of its own, which may have passed those of the one before."""

        async def again() -> None:
            if reads_first:
                await self._settle()
            await self._served.kill()
            for client in self._clients:
                client.disconnect()
            await self._serve()
            if moves:
                await asyncio.gather(*map(self._served.book.open_quote, SYMBOLS))
            for cents in range(1, moves + 1):
                await self._move(SYMBOLS, cents)
                await until(
                    lambda: self._served.book.quotes["SPY"].quote.last == self._price["SPY"]
                )
            for client in self._clients:
                await self._come_back(client, "right")

        self._run(again())

    # What must hold

    @rule()
    def all_is_well_for_a_while(self) -> None:
        self._run(self._settle())

    def teardown(self) -> None:
        async def end() -> None:
            try:
                await self._settle()
            finally:
                for client in self._clients:
                    client.disconnect()
                await asyncio.sleep(0)
                await self._served.kill()
                await self._market.close()
                await self._redis.aclose()

        try:
            if hasattr(self, "_served"):
                self._run(end())
        finally:
            self._runner.close()

    async def _settle(self) -> None:
        for client in self._clients:
            await self._catch_up(client)

    async def _catch_up(self, client: FollowingClient) -> None:
        """Read until everything that it follows is as the market is; the strict reader looks on."""
        await client.on.until(lambda: self._is_right(client))

    def _is_right(self, client: FollowingClient) -> bool:
        return all(self._shows_the_last(client, each) for each in client.followed.values())

    def _shows_the_last(self, client: FollowingClient, followed: Followed) -> bool:
        if followed.shown.n is None or not followed.shown.header:
            return False
        if followed.quotes:
            wanted = [symbol for symbol in followed.about["quotes"] if symbol != NOBODY]
            return client.quotes(followed) == {symbol: self._quote(symbol) for symbol in wanted}
        shown = client.chain(followed)
        return len(shown) > 0 and shown == {key: self._contracts()[key] for key in shown}

    def _quote(self, symbol: str) -> Prices:
        price = self._price[symbol]
        return round(price - 0.01, 2), round(price + 0.01, 2), price

    def _contracts(self) -> dict[str, Prices]:
        return {
            contract.key: (bid, round(bid + 0.1, 2))
            for contract, bid in zip(SMALL_CONTRACTS, self._bids, strict=True)
        }


@contextmanager
def _small_bounds() -> Iterator[None]:
    """So small that a few frames reach them."""
    with (
        patch.object(limits, "SOCKET_SEND_BUFFER_BYTES_MAX", 4_096),
        patch.object(limits, "SOCKET_SNAPSHOT_SECONDS_MAX", 0.05),
        patch.object(limits, "CHAIN_PUBLISH_SECONDS", 0.02),
    ):
        yield


@pytest.mark.usefixtures("redis")
def test_whatever_happens_what_clients_show_is_the_last(stores: StoreUrls) -> None:
    machine = type("Machine", (SocketsMachine,), {"redis_url": stores.redis_url})
    with _small_bounds():
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=10,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
