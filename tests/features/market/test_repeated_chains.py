"""A chain that is asked for again: the answer is the router's, and none that it would not give.

Whether the router was asked shows in what the app remembers, or in an app whose router is gone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from starlette.requests import Request
from starlette.types import Receive, Scope, Send
from tests.fixtures.api import Caller
from tests.fixtures.chains import EXPIRATION, spot_of
from tests.fixtures.market import Market
from tests.fixtures.waiting import until

from optix.features.identity.service import Identity
from optix.features.market.chain_view import ChainFilter
from optix.features.market.lanes import MarketLanes
from optix.features.market.repeated_chains import RepeatedChains, RepeatedChainsMiddleware
from optix.features.market.service import EncodedChain
from optix.kernel import limits
from optix.kernel.errors import Unauthenticated
from optix.ports.market_data import ChainKey

KEY = ChainKey("SPY", EXPIRATION)
PATH = "/api/v1/options/chain/SPY"
CHAIN = f"{PATH}?expiration={EXPIRATION}"
Get = Callable[..., Awaitable[httpx.Response]]


def request_of(path: str, query: str, **headers: str) -> Scope:
    return {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": query.encode(),
        "headers": [(n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()],
        "route": "the route",
    }


class World:
    """The middleware in front of an app that only says that it was asked."""

    def __init__(self) -> None:
        self.needed = False
        self.chain: EncodedChain | None = EncodedChain(KEY, b'{"a":1}', '"tag-1"')
        self.repeated = RepeatedChains()
        learnt = Request(request_of(PATH, "expiration=2026-12-18"))
        self.repeated.learn(learnt, KEY, ChainFilter())
        self.sent: list[Any] = []
        authenticator = SimpleNamespace(verify=self._verify)
        market = SimpleNamespace(find_chain=lambda *_: self.chain)
        world = self

        class Lanes:
            main = SimpleNamespace(market=market)

            @property
            def needed(self) -> bool:
                return world.needed

        self.middleware = RepeatedChainsMiddleware(
            self._app,
            repeated=self.repeated,
            identity=cast("Identity", SimpleNamespace(authenticator=authenticator)),
            lanes=cast("MarketLanes", Lanes()),
        )

    def _verify(self, token: str) -> None:
        if token != "good":
            raise Unauthenticated("That is no token of ours.")

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.sent.append("the app")

    async def ask(self, scope: Scope) -> list[Any]:
        self.sent.clear()

        async def send(message: Any) -> None:
            self.sent.append(message)

        async def receive() -> Any:
            raise AssertionError("nothing is read")

        await self.middleware(scope, receive, send)
        return self.sent


@pytest.fixture
def world() -> World:
    return World()


class TestWhatIsAnswered:
    async def test_the_same_words_of_somebody_signed_in(self, world: World) -> None:
        scope = request_of(PATH, "expiration=2026-12-18", authorization="Bearer good")
        scope["route"] = None
        begun, ended = await world.ask(scope)
        assert (begun["status"], ended["body"]) == (200, b'{"a":1}')
        assert dict(begun["headers"]) == {
            b"etag": b'"tag-1"',
            b"cache-control": b"private, no-cache",
            b"content-type": b"application/json",
            b"content-length": b"7",
        }
        assert scope["route"] == "the route"

    @pytest.mark.parametrize("offered", ['"tag-1"', '"tag-0", W/"tag-1"', "*"])
    async def test_who_has_it_is_not_sent_it_again(self, world: World, offered: str) -> None:
        words = {"authorization": "Bearer good", "if_none_match": offered}
        begun, ended = await world.ask(request_of(PATH, "expiration=2026-12-18", **words))
        assert (begun["status"], ended["body"]) == (304, b"")

    @pytest.mark.parametrize(
        ("path", "query", "authorization", "method"),
        [
            (PATH, "expiration=2026-12-18", "", "GET"),
            (PATH, "expiration=2026-12-18", "Bearer bad", "GET"),
            (PATH, "expiration=2026-12-18", "Basic good", "GET"),
            (PATH, "expiration=2026-12-18", "Bearer good", "HEAD"),
            (PATH, "expiration=2026-12-18&strikes=2", "Bearer good", "GET"),
            (PATH + "X", "expiration=2026-12-18", "Bearer good", "GET"),
            ("/api/v1/quotes/SPY", "expiration=2026-12-18", "Bearer good", "GET"),
        ],
    )
    async def test_everything_else_is_the_apps(
        self, world: World, path: str, query: str, authorization: str, method: str
    ) -> None:
        scope = request_of(path, query, authorization=authorization)
        scope["method"] = method
        assert await world.ask(scope) == ["the app"]

    async def test_an_agreement_that_has_to_be_looked_up_is_the_apps(self, world: World) -> None:
        world.needed = True
        scope = request_of(PATH, "expiration=2026-12-18", authorization="Bearer good")
        assert await world.ask(scope) == ["the app"]

    async def test_a_chain_that_has_to_be_loaded_is_the_apps(self, world: World) -> None:
        world.chain = None
        scope = request_of(PATH, "expiration=2026-12-18", authorization="Bearer good")
        assert await world.ask(scope) == ["the app"]

    async def test_a_socket_is_the_apps(self, world: World) -> None:
        assert await world.ask({"type": "websocket", "path": PATH}) == ["the app"]


def test_so_many_questions_are_remembered_the_latest_ones() -> None:
    repeated = RepeatedChains()
    for number in range(limits.CHAIN_QUESTIONS_MAX + 2):
        scope = request_of(PATH, f"strikes={number}")
        repeated.learn(Request(scope), KEY, ChainFilter())
    assert len(repeated) == limits.CHAIN_QUESTIONS_MAX
    assert repeated.find(request_of(PATH, "strikes=1")) is None
    assert repeated.find(request_of(PATH, "strikes=2")) is not None


@pytest.mark.stores
class TestOverHTTP:
    @pytest.fixture
    async def get(self, client: httpx.AsyncClient, caller: Caller) -> Get:
        async def get(path: str, **headers: str) -> httpx.Response:
            return await client.get(path, headers=caller.headers | headers)

        return get

    async def test_the_answer_is_the_routers_with_all_its_headers(self, get: Get) -> None:
        first, again = await get(CHAIN), await get(CHAIN)
        assert again.content == first.content
        ignored = ("date", "x-request-id", "ratelimit-remaining", "ratelimit-reset")
        told = [
            {name: value for name, value in answer.headers.items() if name not in ignored}
            for answer in (first, again)
        ]
        assert told[0] == told[1]

    async def test_it_follows_the_market(self, get: Get, market: Market) -> None:
        tag = (await get(CHAIN)).headers["etag"]
        assert (await get(CHAIN, **{"If-None-Match": tag})).status_code == 304
        await until(lambda: KEY in market.provider.demand.chains)
        market.provider.emit(spot_of(price=601.0))
        await until(lambda: market.book.quotes["SPY"].quote.last == 601.0)
        moved = await get(CHAIN, **{"If-None-Match": tag})
        assert (moved.status_code, moved.json()["spot"]["last"]) == (200, 601.0)

    async def test_a_token_is_looked_at_each_time(
        self, get: Get, client: httpx.AsyncClient
    ) -> None:
        assert (await get(CHAIN)).status_code == 200
        assert (await client.get(CHAIN)).status_code == 401
        assert (await get(CHAIN, Authorization="Bearer x")).status_code == 401

    async def test_the_next_expiration_is_looked_for_each_time(self, get: Get) -> None:
        for _ in range(2):
            assert (await get(PATH)).json()["expiration"] == EXPIRATION.isoformat()
