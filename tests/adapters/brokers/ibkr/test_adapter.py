"""Interactive Brokers passes the cards of every brokerage by both ways in, and what is its own."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.adapters.brokers.ibkr.worlds import (
    ACCOUNT_OF_IT,
    IbkrWorld,
    position,
    worlds,
)
from tests.contracts.broker import BrokerCards, BrokerWorld, read_activities
from tests.fakes.brokers.ibkr import API, FakeIbkr
from tests.fakes.provider_server import Reply, Request

from optix.adapters.brokers import ibkr
from optix.adapters.brokers.ibkr.client import (
    PENALTY_SECONDS,
    BridgeMissing,
    UnknownInput,
    checked,
    explain,
)
from optix.adapters.web.rest import Answer
from optix.ports.broker import (
    BrokerBusy,
    BrokerSession,
    BrokerUnavailable,
    SignInKind,
    SignInNeeded,
)


class Cards(BrokerCards):
    """TC-B01 and following."""

    async def test_b12_a_page_that_fails_yields_no_history(self, world: BrokerWorld) -> None:
        """What is asked once for a session, and once for a process, fails too."""
        assert isinstance(world, IbkrWorld)
        server = world.server
        world.begin_anew()
        session, account = await self._first(world)
        before = len(server.asked)
        await read_activities(session, account, world)
        count = len(server.asked) - before
        assert count == 4, "the brokerage session, its accounts, trades and a contract"
        for place in range(count):
            world.begin_anew()
            server.bridge = False  # type: ignore[attr-defined]  # it is the fake
            session, account = await self._first(world)
            left = place
            real = server._answer

            def answer(request: Any, real: Any = real) -> Reply:
                nonlocal left
                left -= 1
                return Reply(b"", status=410) if left == -1 else real(request)

            server._answer = answer  # type: ignore[method-assign]  # a fault in the middle
            with pytest.raises(BrokerUnavailable):
                await read_activities(session, account, world)
            server._answer = real  # type: ignore[method-assign]  # and it is over
            assert len(await read_activities(session, account, world)) == world.activities


class TestCardsByKeys(Cards):
    """With keys of one's own."""

    def test_the_quality_file_says_what_the_adapter_does(self, world: BrokerWorld) -> None:
        text = Path(ibkr.__file__).with_name("quality.toml").read_text(encoding="utf-8")
        told, is_ = tomllib.loads(text)["capabilities"], world.broker.capabilities
        assert (told["name"], told["label"]) == (is_.name, is_.label)
        assert set(told["reads"]) == is_.reads
        assert told["history_days"] == is_.history_days


class TestCardsByGateway(Cards):
    """By the operator's gateway."""

    @pytest.fixture
    async def world(self) -> AsyncIterator[IbkrWorld]:
        async with worlds(SignInKind.LOCAL_GATEWAY) as world:
            yield world


class TestPace:
    async def test_a_penalty_stops_everybody_behind_the_address(
        self, world: IbkrWorld, server: FakeIbkr, session: BrokerSession
    ) -> None:
        other = await world.open()
        await session.list_accounts()
        server.scripted.append(Reply(b"", status=429))
        with pytest.raises(BrokerBusy) as error:
            await session.list_accounts()
        assert error.value.retry_after_seconds is not None
        assert error.value.retry_after_seconds >= PENALTY_SECONDS
        before = len(server.asked)
        with pytest.raises(BrokerBusy):
            await other.list_accounts()
        assert len(server.asked) == before, "nobody asks again before it is over"
        world.clock.now += timedelta(seconds=PENALTY_SECONDS)
        assert await other.list_accounts()

    async def test_at_most_ten_requests_start_in_a_second(
        self, world: IbkrWorld, server: FakeIbkr, session: BrokerSession
    ) -> None:
        server.page_rows = 1
        server.positions = [position(conid, 1.0) for conid in range(1, 31)]
        moments: list[datetime] = []
        real = server._answer

        def answer(request: Request) -> Reply:
            moments.append(world.clock.now)
            return real(request)

        server._answer = answer  # type: ignore[method-assign]  # to look at the clock
        await session.fetch_snapshot(ACCOUNT_OF_IT)
        assert len(moments) > 30
        second = timedelta(seconds=1)
        assert all(
            later - first >= second for first, later in zip(moments, moments[10:], strict=False)
        )

    @pytest.mark.parametrize(
        ("path", "seconds"),
        [
            ("/portfolio/accounts", 5),
            ("/iserver/account/orders", 5),
            ("/iserver/account/trades", 5),
            ("/tickle", 1),
        ],
    )
    async def test_some_endpoints_have_a_pace_of_their_own(
        self, world: IbkrWorld, server: FakeIbkr, session: BrokerSession, path: str, seconds: int
    ) -> None:
        moments: list[datetime] = []
        real = server._answer

        def answer(request: Request) -> Reply:
            if request.path == f"{API}{path}":
                moments.append(world.clock.now)
            return real(request)

        server._answer = answer  # type: ignore[method-assign]  # to look at the clock
        for _ in range(3):
            await session.list_accounts()
            await session.fetch_orders(ACCOUNT_OF_IT)
            await read_activities(session, ACCOUNT_OF_IT, world)
            world.clock.now += timedelta(seconds=60 if path == "/tickle" else 0)
        assert len(moments) >= 3
        spacing = timedelta(seconds=seconds)
        assert all(later - first >= spacing for first, later in itertools.pairwise(moments))


class TestErrors:
    @pytest.mark.parametrize(
        "body", [{"error": "unknown"}, {"error": "no", "statusCode": 500}, {"errorMessage": "no"}]
    )
    def test_one_that_comes_with_status_200_is_an_error(self, body: Any) -> None:
        with pytest.raises(BrokerUnavailable):
            checked(body)

    def test_that_of_a_missing_bridge_is_its_own_in_every_shape(self) -> None:
        with pytest.raises(BridgeMissing):
            checked({"error": "no bridge"})
        for body in (b'{"error":"no bridge"}', b"no bridge", b'{"message":"No Bridge"}'):
            assert isinstance(explain(Answer(400, {}, body)), BridgeMissing)

    def test_other_answers_pass(self) -> None:
        passing: list[Any] = [[], {"error": None}, {"message": "success"}, None]
        for told in passing:
            assert checked(told) == told

    def test_refusals_are_told_apart(self) -> None:
        assert isinstance(explain(Answer(401, {}, b"")), SignInNeeded)
        page = explain(Answer(403, {}, b"<html>Access Denied</html>"))
        assert isinstance(page, BrokerUnavailable)
        assert explain(Answer(403, {}, b'{"error":"no"}')) is None
        assert isinstance(explain(Answer(500, {}, b'{"error":"unknown"}')), UnknownInput)
        assert explain(Answer(500, {}, b'{"error":"x"}')) is None

    async def test_unknown_words_of_errors_are_an_outage_and_no_end_of_the_sign_in(
        self, server: FakeIbkr, session: BrokerSession
    ) -> None:
        await session.list_accounts()
        for reply in (
            Reply({"error": "unknown"}, status=500),
            Reply({"error": "x", "statusCode": 500}, status=500),
            Reply({"errorMessage": "x"}, status=400),
            Reply(b"Service Unavailable", status=503),
        ):
            server.scripted.clear()
            server.scripted.extend([reply] * 4)
            with pytest.raises(BrokerUnavailable):
                await session.fetch_snapshot(ACCOUNT_OF_IT)
