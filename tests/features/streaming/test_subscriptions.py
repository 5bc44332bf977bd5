"""When a watchlist begins, and how often it begins again, with symbols that come late."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import orjson
import pytest
from tests.fixtures.waiting import until

from optix.features.market.quote_slots import QuoteSlot
from optix.features.streaming.followed import FollowedQuote, FollowedTopics
from optix.features.streaming.subscriptions import Market, QuotesSubscription
from optix.kernel import limits

SYMBOLS = ["SPY", "QQQ", "IWM", "DIA"]


class Beginnings:
    """A market, its fan and its socket: notes what is subscribed to."""

    stream = "a-stream"
    handle = 1

    def __init__(self) -> None:
        self.quotes: dict[str, FollowedQuote] = {}
        self.heads: list[dict[str, Any]] = []

    # The socket

    @property
    def market(self) -> Market:
        return cast("Market", self)

    def send(self, payload: bytes) -> None:
        raise AssertionError(payload)

    def drop(self, number: int) -> None:
        raise AssertionError(number)

    # The market

    @property
    def fan(self) -> Beginnings:
        return self

    @property
    def followed(self) -> FollowedTopics:
        return cast("FollowedTopics", self)

    def follow_quotes(self, symbols: Sequence[str]) -> tuple[FollowedQuote, ...]:
        for symbol in symbols:
            quote = self.quotes[symbol] = FollowedQuote(symbol)
            quote.opening = True
        return tuple(self.quotes.values())

    def unfollow_quotes(self, quotes: Sequence[FollowedQuote]) -> None:
        del quotes

    # The fan

    def subscribe(self, *told: Any, **how: Any) -> None:
        del how
        self.heads.append(orjson.loads(told[4]))

    def unsubscribe(self, handle: int, number: int) -> bool:
        return bool(handle and number)

    # The test

    def come(self, *symbols: str) -> None:
        for symbol in symbols:
            quote = self.quotes[symbol]
            quote.slot = QuoteSlot(number=SYMBOLS.index(symbol), slot=SYMBOLS.index(symbol))
            quote.opened()

    def begun_with(self) -> list[list[str]]:
        return [sorted(head["ids"]) for head in self.heads]


@pytest.fixture
def world() -> Beginnings:
    return Beginnings()


def watchlist(world: Beginnings) -> QuotesSubscription:
    subscription = QuotesSubscription(world, 1, SYMBOLS, [], None)
    subscription.open()
    return subscription


async def test_it_begins_once_when_all_are_there_in_time(world: Beginnings) -> None:
    watchlist(world)
    for symbol in SYMBOLS:
        world.come(symbol)
    assert world.begun_with() == [sorted(SYMBOLS)]


async def test_it_does_not_wait_longer_than_a_moment_for_the_slowest(
    world: Beginnings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SOCKET_SNAPSHOT_SECONDS_MAX", 0.01)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    watchlist(world)
    world.come("SPY")
    await until(lambda: world.heads)
    assert loop.time() - begun >= limits.SOCKET_SNAPSHOT_SECONDS_MAX * 0.9
    assert world.begun_with() == [["SPY"]]
    missing = {each["symbol"]: each["code"] for each in world.heads[0]["missing"]}
    assert missing == dict.fromkeys(SYMBOLS[1:], "pending")


async def test_late_ones_begin_it_anew_together(
    world: Beginnings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SOCKET_SNAPSHOT_SECONDS_MAX", 0.01)
    watchlist(world)
    await until(lambda: world.heads)
    monkeypatch.setattr(limits, "SOCKET_SNAPSHOT_SECONDS_MAX", 30.0)
    world.come("SPY", "QQQ", "IWM")
    assert world.begun_with() == [[]], "the last one may come any moment"
    world.come("DIA")
    assert world.begun_with() == [[], sorted(SYMBOLS)]


async def test_and_without_the_last_one_after_another_moment(
    world: Beginnings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SOCKET_SNAPSHOT_SECONDS_MAX", 0.01)
    subscription = watchlist(world)
    await until(lambda: world.heads)
    world.come("SPY", "QQQ")
    await until(lambda: len(world.heads) == 2)
    assert world.begun_with()[1] == ["QQQ", "SPY"]
    subscription.close()
    await asyncio.sleep(0)
