"""Webull passes the cards of every brokerage, and what is its own; over real HTTP."""

from __future__ import annotations

import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.adapters.brokers.webull.worlds import (
    HISTORY,
    POSITIONS,
    keep,
    world_of,
)
from tests.contracts.broker import (
    BrokerCards,
    BrokerWorld,
    Notes,
    read_activities,
)
from tests.fakes.brokers.webull import (
    ACCOUNT,
    FakeWebull,
    balance,
    error,
    filled,
    group,
    option,
    order,
)
from tests.fakes.provider_server import Reply

from optix.adapters.brokers import webull
from optix.adapters.brokers.webull.client import Generation
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, ScaledClock
from optix.kernel.money import Money
from optix.ports.broker import (
    BrokerBusy,
    BrokerRead,
    BrokerUnavailable,
    BrokerUnreadable,
    SignInNeeded,
)


class TestCards(BrokerCards):
    """TC-B01 and following, by OAuth 2."""

    def test_the_quality_file_says_what_the_adapter_does(self, world: BrokerWorld) -> None:
        text = Path(webull.__file__).with_name("quality.toml").read_text(encoding="utf-8")
        told, is_ = tomllib.loads(text)["capabilities"], world.broker.capabilities
        assert (told["name"], told["label"]) == (is_.name, is_.label)
        assert set(told["reads"]) == is_.reads
        assert told["history_days"] == is_.history_days
        assert told["history_of_fills"] is is_.history_of_fills is True


class TestCardsWithKeys(BrokerCards):
    """TC-B01 and following, with an own App Key."""

    @pytest.fixture
    async def world(self, keyed: BrokerWorld) -> BrokerWorld:
        return keyed


class TestRefusals:
    @pytest.mark.parametrize(
        ("reply", "words"),
        [
            (error("INVALID_PARAMETER", 417), "INVALID_PARAMETER"),
            (error("ORDER_NOT_FOUND", 417), "ORDER_NOT_FOUND"),
            (error("FORBIDDEN", 403), "FORBIDDEN"),
            (error("SYSTEM_ERROR", 500), "SYSTEM_ERROR"),
            (error("a sentence with 12345", 417), "status 417"),
            (error("X" * 61, 417), "status 417"),
            (Reply({"message": "no code"}, status=417), "status 417"),
            (Reply(b"[1]", status=417), "status 417"),
            (Reply(b"<html>Access Denied</html>", status=403), "gateway"),
            (Reply(b"<html>Access Denied</html>", status=401), "gateway"),
        ],
    )
    async def test_refusals_are_told_by_their_codes(
        self, world: BrokerWorld, reply: Reply, words: str
    ) -> None:
        session = await world.open()
        world.server.scripted.extend([reply] * (limits.PROVIDER_RETRIES_MAX + 1))
        with pytest.raises(BrokerUnavailable, match=words) as refusal:
            await session.list_accounts()
        assert "a sentence" not in refusal.value.detail, "their words stay with them"

    @pytest.mark.parametrize("reply", [error("TOO_MANY_REQUESTS", 417), Reply(b"", status=429)])
    async def test_a_limit_is_told_in_two_ways(self, world: BrokerWorld, reply: Reply) -> None:
        session = await world.open()
        world.server.scripted.append(reply)
        with pytest.raises(BrokerBusy):
            await session.list_accounts()

    async def test_two_questions_are_asked_in_two_seconds_of_one_key(
        self, world: BrokerWorld, clock: ScaledClock
    ) -> None:
        """All who signed in through the application share its key, and its pace."""
        grant = await world.sign_in()
        both = [world.broker.open(grant.credentials, renew=keep, log=Notes()) for _ in range(2)]
        world.sessions.extend(both)
        begun = clock.now_ns()
        for session in both * 3:
            await session.list_accounts()
        assert clock.now_ns() - begun >= 4 * NANOSECONDS

    async def test_ten_sign_ins_are_tried_in_half_a_minute(
        self, world: BrokerWorld, clock: ScaledClock
    ) -> None:
        begun = clock.now_ns()
        for _ in range(11):
            await world.sign_in()
            clock.advance_to(clock.now_ns() + 2 * NANOSECONDS)
        assert clock.now_ns() - begun >= 30 * NANOSECONDS


class TestReading:
    async def test_an_account_says_what_it_is(self, world: BrokerWorld, server: FakeWebull) -> None:
        (account,) = await (await world.open()).list_accounts()
        assert (account.key, account.stable_key) == (ACCOUNT, "5MN61234")
        assert (account.number, account.name) == ("…1234", "Individual mrgn")
        assert account.kind == "margin"
        assert not account.simulated

    async def test_one_account_may_come_without_its_list(
        self, world: BrokerWorld, server: FakeWebull
    ) -> None:
        session = await world.open()
        server.accounts = server.accounts[0]
        assert len(await session.list_accounts()) == 1
        server.accounts = {"data": [server.accounts]}
        assert len(await session.list_accounts()) == 1

    async def test_the_test_system_says_that_its_money_is_not_real(
        self, server: FakeWebull, clock: ScaledClock
    ) -> None:
        async with world_of(server, clock, sandbox=True) as world:
            assert world.broker.capabilities.simulated
            assert all(each.simulated for each in await (await world.open()).list_accounts())

    async def test_money_is_told_by_currency(self, world: BrokerWorld, server: FakeWebull) -> None:
        session = await world.open()
        account = (await session.list_accounts())[0]
        (told,) = (await session.fetch_snapshot(account)).balances
        assert told.cash == Money(Decimal("1000.5"))
        assert told.net_liquidation == Money(Decimal("3000.5"))
        assert told.buying_power == Money(Decimal(4000))
        assert told.withdrawable == Money(Decimal(800))
        bare = [{"currency": code, "cash_balance": "5"} for code in ("USD", "HKD")]
        server.balance = balance(account_currency_assets=bare)
        found = (await session.fetch_snapshot(account)).balances
        assert [each.cash for each in found] == [
            Money(Decimal(5), "USD"),
            Money(Decimal(5), "HKD"),
        ]
        assert all(each.net_liquidation is None for each in found)

    async def test_strategies_are_taken_apart(self, world: BrokerWorld) -> None:
        session = await world.open()
        snapshot = await session.fetch_snapshot((await session.list_accounts())[0])
        assert [(each.asset.symbol, each.quantity) for each in snapshot.positions] == [
            ("MSFT", Decimal("1.5")),
            ("AAPL", Decimal(200)),
            ("AAPL260320C00120000", Decimal(-2)),
        ]
        assert snapshot.warnings == ()

    async def test_a_direction_that_cannot_be_known_is_asked_for(
        self, world: BrokerWorld, server: FakeWebull
    ) -> None:
        server.positions = group("SINGLE", "2", option("CALL", "120", "3", "3", "0"))
        session = await world.open()
        snapshot = await session.fetch_snapshot((await session.list_accounts())[0])
        (held,) = snapshot.positions
        assert (held.quantity, held.size) == (None, Decimal(2))
        assert held.cost is held.value is None
        assert "AAPL260320C00120000 is held long or short" in snapshot.warnings[0]


class TestOrders:
    async def test_orders_of_today_and_those_that_still_work_are_one_list(
        self, world: BrokerWorld, server: FakeWebull
    ) -> None:
        old = [order(f"old-{number}", "2026-01-05T15:00:00.000Z") for number in range(3)]
        server.groups = [*HISTORY, *old]
        session = await world.open()
        found = await session.fetch_orders((await session.list_accounts())[0])
        assert {each.id for each in found} == {"working", "today", "old-0", "old-1", "old-2"}
        assert len(found) == 5

    async def test_an_order_that_is_not_found_is_none(
        self, world: BrokerWorld, server: FakeWebull
    ) -> None:
        session = await world.open()
        account = (await session.list_accounts())[0]
        world.server.scripted.extend([Reply({"orders": []})] * 2)
        assert await session.fetch_orders(account) == []


class TestHistory:
    async def test_an_order_is_filled_long_after_it_was_placed(
        self, world: BrokerWorld, server: FakeWebull
    ) -> None:
        late = {"place_time_at": "2025-12-10T15:00:00.000Z", "time_in_force": "GTC"}
        server.groups = [filled("late", "2026-03-02T15:00:00.000Z", **late)]
        session = await world.open()
        (row,) = await read_activities(session, (await session.list_accounts())[0], world)
        assert (row.id, row.day) == ("late", date(2026, 3, 2))

    async def test_nothing_is_asked_that_is_older_than_what_webullkeeps(
        self, world: BrokerWorld, server: FakeWebull
    ) -> None:
        session = await world.open()
        account = (await session.list_accounts())[0]
        first = date(2025, 9, 4)
        world.days = (first, date(2025, 12, 2))
        await read_activities(session, account, world)
        assert server.asked[-1].query["start_time"] == "2025-09-04T04:00:00.000Z"
        assert server.asked[-1].query["end_time"] == "2025-12-03T04:59:59.999Z"

    async def test_an_order_on_two_pages_is_one(
        self, world: BrokerWorld, server: FakeWebull
    ) -> None:
        twice = filled("twice", "2026-03-03T15:00:00.000Z")
        server.groups = [filled("new", "2026-03-03T16:00:00.000Z"), twice, twice]
        session = await world.open()
        rows = await read_activities(session, (await session.list_accounts())[0], world)
        assert [row.id for row in rows] == ["new", "twice"]

    async def test_pages_that_do_not_end_are_an_error(
        self, world: BrokerWorld, server: FakeWebull, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        session = await world.open()
        account = (await session.list_accounts())[0]
        again = Reply({"data": [], "pagination_key": "the-same"})
        server.scripted.extend([again] * 2)
        with pytest.raises(BrokerUnreadable, match="again and again"):
            await read_activities(session, account, world)
        monkeypatch.setattr(limits, "BROKER_PAGES_MAX", 1)
        with pytest.raises(BrokerUnreadable, match="more orders"):
            await read_activities(session, account, world)


class TestGenerations:
    async def test_the_one_before_is_paged_by_orders_and_asked_by_days(
        self, clock: ScaledClock
    ) -> None:
        async with FakeWebull(clock, Generation.V2).serve() as server:
            server.positions = POSITIONS
            server.groups = [
                filled(f"n{number}", "2026-03-02T15:00:00.000Z") for number in range(130)
            ]
            for keys in (False, True):
                async with world_of(server, clock, keys=keys) as world:
                    session = await world.open()
                    account = (await session.list_accounts())[0]
                    assert len((await session.fetch_snapshot(account)).positions) == 3
                    assert len(await read_activities(session, account, world)) == 130
                    assert server.asked[-1].query["last_client_order_id"] == "client-n99"
                    assert server.asked[-1].query["end_date"] == "2026-03-04"

    async def test_a_full_page_that_leads_nowhere_is_not_the_end(self, clock: ScaledClock) -> None:
        async with FakeWebull(clock, Generation.V2).serve() as server:
            rows = [filled(f"n{number}", "2026-03-02T15:00:00.000Z") for number in range(100)]
            rows[-1] = {**rows[-1], "client_order_id": None}
            server.groups = rows
            async with world_of(server, clock) as world:
                session = await world.open()
                account = (await session.list_accounts())[0]
                with pytest.raises(BrokerUnreadable, match="next page"):
                    await read_activities(session, account, world)

    async def test_the_oldest_has_holdings_in_pages_and_no_orders(self, clock: ScaledClock) -> None:
        async with FakeWebull(clock, Generation.V1).serve() as server:
            server.positions = [holding(str(number)) for number in range(5)]
            async with world_of(server, clock, keys=True) as world:
                assert world.broker.capabilities.reads == {
                    BrokerRead.BALANCES,
                    BrokerRead.POSITIONS,
                }
                grant = await world.sign_in()
                assert grant.login_ends is None, "the key itself is the leave"
                session = await world.open()
                account = (await session.list_accounts())[0]
                snapshot = await session.fetch_snapshot(account)
                assert [each.asset.symbol for each in snapshot.positions] == ["AAPL"] * 5
                assert snapshot.positions[0].cost == Money(Decimal("33.35"))
                with pytest.raises(SignInNeeded):
                    await world.broker.renew(grant.credentials)

    async def test_holdings_that_do_not_end_are_an_error(
        self, clock: ScaledClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with FakeWebull(clock, Generation.V1).serve() as server:
            server.positions = [holding(str(number)) for number in range(5)]
            async with world_of(server, clock, keys=True) as world:
                session = await world.open()
                account = (await session.list_accounts())[0]
                page = Reply({"has_next": True, "holdings": [holding("1")]})
                server.scripted.extend([Reply(server.balance), page, page])
                with pytest.raises(BrokerUnreadable, match="again and again"):
                    await session.fetch_snapshot(account)
                monkeypatch.setattr(limits, "BROKER_PAGES_MAX", 1)
                with pytest.raises(BrokerUnreadable, match="more positions"):
                    await session.fetch_snapshot(account)


def holding(number: str) -> dict[str, Any]:
    return {
        "instrument_id": number,
        "symbol": "AAPL",
        "instrument_type": "STOCK",
        "currency": "USD",
        "unit_cost": "11.12",
        "qty": 3,
        "total_cost": "33.35",
        "last_price": "10",
        "market_value": "30",
        "unrealized_profit_loss": "-3.35",
        "unrealized_profit_loss_rate": "-0.1",
        "holding_proportion": "1",
    }
