"""A session on a socket that the test holds: what is due when, and what a slow client costs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from optix.features.streaming.hub import StreamHub
from optix.features.streaming.session import Closing, StreamLane, StreamSession
from tests.fakes.bus import ScriptedBus
from tests.fakes.socket import FakeSocket
from tests.fixtures.chains import NOW_NS, spot_of
from tests.fixtures.market import open_lanes
from tests.fixtures.waiting import until

from optix.features.identity.service import AuthenticatedUser
from optix.features.market import wire
from optix.features.market.book import MarketBook
from optix.features.market.lanes import MarketAgreementNeeded
from optix.features.streaming import protocol
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, ScaledClock, SystemClock
from optix.kernel.errors import Unauthenticated
from optix.kernel.ids import SessionId, UserId, new_uuid
from optix.platform.bus import Bus
from optix.ports.market_data import UnknownSymbol
from optix.processes.market import open_fan

USER, SESSION = UserId(new_uuid()), SessionId(new_uuid())


class Doorman:
    """Knows the token "alice" and nobody else."""

    def __init__(self) -> None:
        self.ended: set[SessionId] = set()

    def verify(self, token: str) -> AuthenticatedUser:
        if token != "alice":
            raise Unauthenticated("Nobody knows this token.")
        return AuthenticatedUser(USER, "user", SESSION, NOW_NS + 60 * NANOSECONDS)

    def check(self, session_id: SessionId) -> None:
        if session_id in self.ended:
            raise Unauthenticated("The session has ended.")


class World:
    """A session, the book it reads and the bus behind that."""

    def __init__(self) -> None:
        self.clock = ScaledClock(SystemClock(), origin_ns=NOW_NS, speed=0)
        self.bus = ScriptedBus()
        self.bus.answers["quote"] = self.answer_quote
        self.book = MarketBook(cast("Bus", self.bus), self.clock, fan=open_fan())
        self.hub = StreamHub(open_lanes(self.book, self.clock))
        self.socket = FakeSocket()
        self.doorman = Doorman()
        self.session = StreamSession(
            self.socket,
            verifier=self.doorman,
            choose_lane=self.hub.choose_lane,
            clock=self.clock,
        )
        self.serving: asyncio.Task[None] | None = None

    def answer_quote(self, arguments: dict[str, Any]) -> Any:
        if arguments["symbol"] == "ZZZZ":
            raise UnknownSymbol("ZZZZ is not known here.")
        return wire.dump_quote(spot_of(arguments["symbol"]))

    def publish(self, symbol: str, price: float) -> None:
        row = wire.dump_quote(spot_of(symbol, price))
        self.book._take_update({"e": "", "b": 0, "q": [row]})

    async def serve(self) -> None:
        self.socket.say(op="auth", token="alice")
        await self.session.authenticate()
        self.hub.enter(self.session)
        self.serving = asyncio.create_task(self.session.run())
        await until(lambda: self.socket.frames("heartbeat"))

    async def end(self) -> None:
        if self.serving is not None:
            self.serving.cancel()
            await asyncio.gather(self.serving, return_exceptions=True)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.end()


class TestWhatMayBeShown:
    async def test_who_may_see_nothing_is_told_why_and_closed(self, world: World) -> None:
        async def refuse(_owner: UserId) -> StreamLane:
            raise MarketAgreementNeeded("The agreement is not signed.")

        world.session._choose_lane = refuse
        world.socket.say(op="auth", token="alice")
        with pytest.raises(Closing) as caught:
            await world.session.authenticate()
        assert caught.value.code == protocol.CLOSE_NOT_ENTITLED
        (error,) = world.socket.frames("error")
        assert error[1]["code"] == "market_agreement_needed"

    async def test_a_socket_ends_when_its_user_is_shown_another_market(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await world.serve()
        other = StreamHub(open_lanes(world.book, world.clock))
        monkeypatch.setattr(world.session, "_choose_lane", other.choose_lane)
        world.clock.advance_to(world.clock.now_ns() + protocol.HEARTBEAT_SECONDS * NANOSECONDS)
        world.session.wake()
        assert world.serving is not None
        with pytest.raises(Closing, match="has changed"):
            await asyncio.wait_for(world.serving, 10)
        world.serving = None


class TestSigningIn:
    async def test_the_wait_for_a_token_ends(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            limits, "SOCKET_AUTH_SECONDS_MAX", limits.SOCKET_AUTH_SECONDS_MAX / 1000
        )
        with pytest.raises(Closing) as caught:
            await world.session.authenticate()
        assert caught.value.code == protocol.CLOSE_NO_AUTH_IN_TIME

    async def test_a_client_that_leaves_is_no_failure(self, world: World) -> None:
        world.socket.leave()
        with pytest.raises(Closing) as caught:
            await world.session.authenticate()
        assert caught.value.code == protocol.CLOSE_GOING_AWAY

    async def test_a_refusal_says_why_before_it_closes(self, world: World) -> None:
        world.socket.say(op="auth", token="mallory")
        with pytest.raises(Closing) as caught:
            await world.session.authenticate()
        assert caught.value.code == protocol.CLOSE_UNAUTHENTICATED
        [[_, error]] = world.socket.frames("error")
        assert error["code"] == Unauthenticated.code
        assert "mallory" not in str(error)

    async def test_the_first_frames_are_hello_status_and_a_beat(self, world: World) -> None:
        await world.serve()
        assert [frame[0] for frame in world.socket.sent] == ["hello", "status", "heartbeat"]


class TestOrder:
    async def test_changes_never_overtake_the_snapshot_they_belong_to(self, world: World) -> None:
        """The client stalls; its snapshot is made, and a change comes, while a frame is stuck."""
        await world.serve()
        world.socket.reading.clear()
        world.socket.say(op="ping", t=1)
        await until(lambda: world.socket.received == 2)
        await asyncio.sleep(limits.SOCKET_FLUSH_SECONDS * 2)  # the pong is stuck in its send
        world.socket.say(op="subscribe", id=1, quotes=["SPY"])
        await until(lambda: "SPY" in world.book.quotes)
        await asyncio.sleep(0.05)  # the snapshot waits in the outbox
        world.publish("SPY", 601.0)
        world.socket.reading.set()
        await until(lambda: world.socket.frames("changes"))
        kinds = [frame[0] for frame in world.socket.frames("snapshot", "changes")]
        assert kinds == ["snapshot", "changes"]
        assert world.socket.frames("changes")[0][2] == 1

    async def test_a_number_used_again_at_once_is_a_subscription_of_its_own(
        self, world: World
    ) -> None:
        gate = asyncio.Event()

        async def slowly(arguments: dict[str, Any]) -> Any:
            await gate.wait()
            return world.answer_quote(arguments)

        world.bus.answers["quote"] = slowly
        await world.serve()
        world.socket.say(op="subscribe", id=1, quotes=["SPY"])
        world.socket.say(op="unsubscribe", id=1)
        world.socket.say(op="subscribe", id=1, quotes=["QQQ"])
        await until(lambda: world.socket.frames("ended"))
        world.publish("QQQ", 500.0)
        await asyncio.sleep(limits.SOCKET_FLUSH_SECONDS * 2)
        assert world.socket.frames("changes") == []  # its snapshot is not there yet
        gate.set()
        await until(lambda: world.socket.frames("snapshot"))
        [snapshot] = world.socket.frames("snapshot")
        assert [row[0] for row in snapshot[4]] == ["QQQ"]

    async def test_a_subscription_ended_while_it_opens_leaves_nothing(self, world: World) -> None:
        await world.serve()
        for number in range(1, 51):
            world.socket.say(op="subscribe", id=number, quotes=["SPY"])
            world.socket.say(op="unsubscribe", id=number)
        await until(lambda: len(world.socket.frames("ended")) == 50)
        assert not world.session._opening
        assert not world.session._subscriptions
        assert not world.hub.topics
        assert not world.book._held
        world.publish("SPY", 601.0)
        await asyncio.sleep(limits.SOCKET_FLUSH_SECONDS * 2)
        assert world.socket.frames("changes", "snapshot") == []

    async def test_unsubscribing_from_nothing_is_answered(self, world: World) -> None:
        await world.serve()
        world.socket.say(op="unsubscribe", id=77)
        await until(lambda: world.socket.frames("ended") == [["ended", 77]])


class TestSlowClients:
    async def test_a_client_that_asks_without_reading_is_not_listened_to(
        self, world: World
    ) -> None:
        await world.serve()
        world.socket.reading.clear()
        pings = 10 * limits.SOCKET_ANSWERS_MAX
        for t in range(pings):
            world.socket.say(op="ping", t=t)
        await asyncio.sleep(limits.SOCKET_FLUSH_SECONDS * 3)
        # One flush is stuck in its first frame, and one more outbox is full.
        assert world.socket.received <= 1 + 2 * limits.SOCKET_ANSWERS_MAX
        assert len(world.session._outbox) <= limits.SOCKET_ANSWERS_MAX
        world.socket.reading.set()
        await until(lambda: len(world.socket.frames("pong")) == pings)
        assert [frame[1] for frame in world.socket.frames("pong")] == list(range(pings))

    async def test_one_that_reads_nothing_for_too_long_ends_the_session(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await world.serve()
        monkeypatch.setattr(
            limits, "SOCKET_SEND_SECONDS_MAX", limits.SOCKET_SEND_SECONDS_MAX / 1000
        )
        world.socket.reading.clear()
        world.socket.say(op="ping", t=1)
        assert world.serving is not None
        with pytest.raises(Closing) as caught:
            await world.serving
        assert caught.value.code == protocol.CLOSE_GOING_AWAY

    async def test_a_slow_reader_skips_states_and_never_the_order(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await world.serve()
        world.socket.say(op="subscribe", id=1, quotes=["SPY"])
        await until(lambda: world.socket.frames("snapshot"))
        await asyncio.sleep(0)
        world.socket.reading.clear()
        for price in range(601, 701):
            world.publish("SPY", float(price))
            await asyncio.sleep(0)
        await asyncio.sleep(limits.SOCKET_FLUSH_SECONDS * 2)
        world.publish("SPY", 701.0)
        world.socket.reading.set()
        last = wire.QUOTE_COLUMNS.index("last")
        await until(
            lambda: (
                world.socket.frames("changes")[-1:]
                and world.socket.frames("changes")[-1][3][0][last] == 701.0
            )
        )
        changes = world.socket.frames("changes")
        assert [frame[2] for frame in changes] == list(range(1, len(changes) + 1))
        assert len(changes) <= 3


class TestTheEnd:
    async def test_a_client_that_leaves_releases_what_it_held(self, world: World) -> None:
        await world.serve()
        world.socket.say(op="subscribe", id=1, quotes=["SPY", "QQQ"])
        await until(lambda: world.socket.frames("snapshot"))
        assert set(world.book._held) == {"q:SPY", "q:QQQ"}
        world.socket.leave()
        assert world.serving is not None
        await world.serving
        assert not world.book._held
        assert not world.hub.topics

    async def test_a_token_that_ends_closes(self, world: World) -> None:
        await world.serve()
        world.clock.advance_to(NOW_NS + 61 * NANOSECONDS)
        world.session.wake()
        assert world.serving is not None
        with pytest.raises(Closing) as caught:
            await world.serving
        assert caught.value.code == protocol.CLOSE_UNAUTHENTICATED

    async def test_a_session_that_is_ended_elsewhere_closes_at_once(self, world: World) -> None:
        await world.serve()
        assert world.serving is not None
        world.doorman.ended.add(SESSION)
        world.hub.session_ended(SESSION)
        with pytest.raises(Closing) as caught:
            await world.serving
        assert caught.value.code == protocol.CLOSE_UNAUTHENTICATED
        assert "ended" in caught.value.reason

    async def test_our_own_mistake_in_one_subscription_is_told_and_leaves_the_others(
        self, world: World
    ) -> None:
        await world.serve()

        def broken(arguments: dict[str, Any]) -> Any:
            raise ZeroDivisionError

        world.socket.say(op="subscribe", id=1, quotes=["SPY"])
        await until(lambda: world.socket.frames("snapshot"))
        world.bus.answers["quote"] = broken
        world.socket.say(op="subscribe", id=2, quotes=["QQQ"])
        await until(lambda: world.socket.frames("error"))
        [[_, error]] = world.socket.frames("error")
        assert (error["id"], error["code"]) == (2, "internal_error")
        assert "Zero" not in str(error)
        world.publish("SPY", 601.0)
        await until(lambda: world.socket.frames("changes"))
