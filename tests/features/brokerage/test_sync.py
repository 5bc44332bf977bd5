"""Reading a connection over real HTTP into a real database: what is kept, and what fails."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.fakes.brokers.tradier import ACCOUNT, FakeTradierBroker
from tests.fakes.provider_server import Reply
from tests.features.brokerage.conftest import TOKEN, Desk, trade

from optix.features.brokerage.models import (
    BrokerAccountRow,
    BrokerActivity,
    BrokerConnection,
    BrokerExchange,
    BrokerSnapshot,
)
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS

pytestmark = pytest.mark.stores

POSITION = {"id": 1, "symbol": "SPY", "quantity": 10.0, "cost_basis": 6500.0}


@pytest.fixture(autouse=True)
def held(server: FakeTradierBroker, desk: Desk) -> None:
    today = desk.sync._today()
    server.positions = [POSITION]
    server.events = [trade(today), trade(today), trade(today - timedelta(days=400), "-50")]


class TestReading:
    async def test_all_of_an_account_is_kept_exactly(self, desk: Desk) -> None:
        connection = await desk.connect()
        assert await desk.sync.read(connection) is None
        (account,) = await desk.rows(BrokerAccountRow)
        assert account.number == "…0123"
        assert account.history_first < account.history_last == desk.sync._today()
        (snapshot,) = await desk.rows(BrokerSnapshot)
        assert snapshot.complete
        assert snapshot.positions[0]["quantity"] == "10"
        assert snapshot.balances[0]["net_liquidation"] == "12500.25"
        assert await desk.cash() == ["-129.05", "-129.05", "-50"]
        assert desk.heard.changes == ["snapshot", "activities", "activities"]
        last = desk.heard.progress[-1]
        assert last.done == last.total

    async def test_again_changes_nothing_and_tells_nothing(self, desk: Desk) -> None:
        connection = await desk.connect()
        await desk.sync.read(connection)
        desk.heard.changes.clear()
        before = [row.id for row in await desk.rows(BrokerActivity)]
        assert await desk.sync.read(connection) is None
        assert [row.id for row in await desk.rows(BrokerActivity)] == before
        assert len(await desk.rows(BrokerSnapshot)) == 1
        assert desk.heard.changes == []

    async def test_a_third_equal_fill_of_the_day_is_one_more(
        self, desk: Desk, server: FakeTradierBroker
    ) -> None:
        connection = await desk.connect()
        await desk.sync.read(connection)
        server.events.insert(0, trade(desk.sync._today()))
        await desk.sync.read(connection)
        assert await desk.cash() == ["-129.05", "-129.05", "-129.05", "-50"]

    async def test_a_line_the_broker_no_longer_shows_stays_and_is_marked(
        self, desk: Desk, server: FakeTradierBroker
    ) -> None:
        connection = await desk.connect()
        await desk.sync.read(connection)
        del server.events[0]
        await desk.sync.read(connection)
        found = [row.absent_since for row in await desk.rows(BrokerActivity)]
        assert len(found) == 3
        assert sum(at is not None for at in found) == 1
        server.events.insert(0, trade(desk.sync._today()))
        await desk.sync.read(connection)
        assert not any(row.absent_since for row in await desk.rows(BrokerActivity))

    async def test_a_revised_amount_is_kept_with_what_was_said_before(
        self, desk: Desk, server: FakeTradierBroker
    ) -> None:
        connection = await desk.connect()
        await desk.sync.read(connection)
        server.events[0]["amount"] = -129.10
        await desk.sync.read(connection)
        assert await desk.cash() == ["-129.05", "-129.1", "-50"]
        (row,) = [row for row in await desk.rows(BrokerActivity) if row.revisions]
        assert row.revisions[0]["cash"] == "-129.05"

    async def test_so_many_revisions_of_a_line_are_kept(
        self, desk: Desk, server: FakeTradierBroker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "BROKER_REVISIONS_MAX", 2)
        connection = await desk.connect()
        await desk.sync.read(connection)
        for cents in (10, 11, 12):
            server.events[0]["amount"] = -129 - cents / 100
            await desk.sync.read(connection)
        (row,) = [row for row in await desk.rows(BrokerActivity) if row.revisions]
        assert len(row.revisions) == limits.BROKER_REVISIONS_MAX
        assert row.revisions[-1]["cash"] == "-129.11"

    async def test_the_next_turn_is_at_the_brokers_pace(self, desk: Desk) -> None:
        connection = await desk.connect()
        await desk.sync.read(connection)
        (row,) = await desk.rows(BrokerConnection)
        assert row.next_sync_at - row.last_sync_at == timedelta(seconds=60)
        assert row.claimed_until is None


class TestFailing:
    async def test_a_broker_that_is_away_leaves_the_last_good_state(
        self, desk: Desk, server: FakeTradierBroker
    ) -> None:
        connection = await desk.connect()
        await desk.sync.read(connection)
        server.down = True
        desk.clock.advance_to(desk.clock.now_ns() + 120 * NANOSECONDS)
        for failures in (1, 2, 3):
            error = await desk.sync.read(connection)
            assert error is not None
            (row,) = await desk.rows(BrokerConnection)
            assert (row.state, row.failures) == ("connected", failures)
            assert row.failure_code == "broker_unavailable"
            assert row.failing_since is not None
            assert row.last_sync_at < row.failing_since
        assert len(await desk.rows(BrokerSnapshot)) == 1
        assert len(await desk.cash()) == 3
        server.down = False
        assert await desk.sync.read(connection) is None
        (row,) = await desk.rows(BrokerConnection)
        assert (row.failures, row.failure_code, row.failing_since) == (0, None, None)

    async def test_an_ended_sign_in_stops_the_turns_and_deletes_nothing(
        self, desk: Desk, server: FakeTradierBroker
    ) -> None:
        connection = await desk.connect()
        await desk.sync.read(connection)
        server.end_tokens()
        await desk.sync.read(connection)
        (row,) = await desk.rows(BrokerConnection)
        assert row.state == "sign_in_needed"
        assert row.failure_code == "broker_sign_in_needed"
        assert len(await desk.cash()) == 3

    async def test_a_crash_between_windows_loses_and_doubles_nothing(
        self, desk: Desk, server: FakeTradierBroker
    ) -> None:
        connection = await desk.connect()
        real = server._history
        asked: list[str] = []

        def fail_at_the_second_window(request: object) -> Reply:
            asked.append(request.query["start"])  # type: ignore[attr-defined]  # a request
            if len(set(asked)) > 1:
                return Reply(b"", status=410)
            return real(request)  # type: ignore[arg-type]  # as the server has it

        routes = server.routes
        server.routes = [
            (method, path, fail_at_the_second_window if path.endswith("/history") else handler)
            for method, path, handler in routes
        ]
        assert await desk.sync.read(connection) is not None
        assert await desk.cash() == ["-129.05", "-129.05"], "the newest window is kept"
        (account,) = await desk.rows(BrokerAccountRow)
        assert account.failure_code is not None
        server.routes = routes
        assert await desk.sync.read(connection) is None
        assert await desk.cash() == ["-129.05", "-129.05", "-50"]
        (account,) = await desk.rows(BrokerAccountRow)
        assert account.failure_code is None

    async def test_the_owners_log_keeps_the_latest_exchanges(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "BROKER_EXCHANGES_KEPT_MAX", 5)
        connection = await desk.connect()
        for _ in range(3):
            await desk.sync.read(connection)
        lines = await desk.rows(BrokerExchange)
        assert 0 < len(lines) <= limits.BROKER_EXCHANGES_KEPT_MAX

    async def test_the_owners_log_has_every_exchange_and_no_secret(
        self, desk: Desk, server: FakeTradierBroker
    ) -> None:
        connection = await desk.connect()
        await desk.sync.read(connection)
        server.down = True
        await desk.sync.read(connection)
        lines = await desk.rows(BrokerExchange)
        said = " ".join(f"{row.method} {row.path} {row.note}" for row in lines)
        assert "GET /accounts/…/positions" in said
        assert ACCOUNT not in said
        assert TOKEN not in said
        assert any(row.status is None for row in lines)
