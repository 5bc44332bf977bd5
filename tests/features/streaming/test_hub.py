"""The hub wakes whom a change concerns, and counts the sockets of each account."""

from __future__ import annotations

from typing import Any, cast

import pytest
from optix.features.streaming.hub import StreamHub
from optix.features.streaming.session import Closing, StreamLane, StreamSession
from tests.fakes.bus import ScriptedBus
from tests.fixtures.market import open_lanes

from optix.features.identity.service import AuthenticatedUser
from optix.features.market.book import MarketBook
from optix.features.streaming import protocol
from optix.kernel import limits
from optix.kernel.clock import SystemClock
from optix.kernel.ids import SessionId, UserId, new_uuid
from optix.platform.bus import Bus
from optix.processes.market import open_fan


class Listener:
    """A session as the hub sees it."""

    def __init__(self, user: UserId, lane: StreamLane) -> None:
        self.lane = lane
        self.user = AuthenticatedUser(user, "user", SessionId(new_uuid()), 0)
        self.woken: list[str] = []

    def wake(self) -> None:
        self.woken.append("change")

    def wake_for_status(self) -> None:
        self.woken.append("status")


async def listener(hub: StreamHub, user: UserId | None = None) -> Any:
    user = user or UserId(new_uuid())
    return cast("StreamSession", Listener(user, await hub.choose_lane(user)))


@pytest.fixture
def book() -> MarketBook:
    return MarketBook(cast("Bus", ScriptedBus()), SystemClock(), fan=open_fan())


@pytest.fixture
def hub(book: MarketBook) -> StreamHub:
    return StreamHub(open_lanes(book, SystemClock()))


class TestWaking:
    async def test_a_change_wakes_its_followers_and_nobody_else(
        self, hub: StreamHub, book: MarketBook
    ) -> None:
        spy, both, none = [await listener(hub) for _ in range(3)]
        for session in (spy, both, none):
            hub.enter(session)
        spy.lane.followers.follow(spy, ["q:SPY"])
        both.lane.followers.follow(both, ["q:SPY", "q:QQQ"])
        book._tell("q:QQQ")
        assert (spy.woken, both.woken, none.woken) == ([], ["change"], [])
        book._tell("q:SPY")
        assert (spy.woken, both.woken, none.woken) == (["change"], ["change"] * 2, [])

    async def test_the_status_concerns_everybody_inside(
        self, hub: StreamHub, book: MarketBook
    ) -> None:
        inside, outside = await listener(hub), await listener(hub)
        hub.enter(inside)
        book._tell("status")
        assert (inside.woken, outside.woken) == (["status"], [])

    async def test_who_no_longer_follows_is_left_alone(
        self, hub: StreamHub, book: MarketBook
    ) -> None:
        session = await listener(hub)
        hub.enter(session)
        session.lane.followers.follow(session, ["q:SPY", "q:QQQ"])
        session.lane.followers.unfollow(session, ["q:SPY", "q:NEVER"])
        book._tell("q:SPY")
        assert session.woken == []
        session.lane.followers.unfollow(session, ["q:QQQ"])
        assert not hub.topics


class TestCounting:
    async def test_an_account_has_so_many_sockets_and_no_more(self, hub: StreamHub) -> None:
        user = UserId(new_uuid())
        sessions = [await listener(hub, user) for _ in range(limits.SOCKETS_PER_USER_MAX)]
        for session in sessions:
            hub.enter(session)
        with pytest.raises(Closing) as caught:
            hub.enter(await listener(hub, user))
        assert caught.value.code == protocol.CLOSE_TOO_MANY_SOCKETS
        hub.enter(await listener(hub))  # another account
        assert hub.sockets == limits.SOCKETS_PER_USER_MAX + 1

    async def test_leaving_makes_room_once(self, hub: StreamHub) -> None:
        session = await listener(hub)
        hub.enter(session)
        hub.leave(session)
        hub.leave(session)
        assert hub.sockets == 0
        assert not hub._per_user

    async def test_one_who_was_never_let_in_may_leave(self, hub: StreamHub) -> None:
        hub.leave(await listener(hub))
        assert hub.sockets == 0
