"""Many connections, several engines: who reads what and when, and what survives a worker."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from tests.fakes.brokers.scripted import ScriptedBroker, account_named, deposit
from tests.fakes.brokers.tradier import FakeTradierBroker
from tests.fakes.provider_server import Reply, Request
from tests.features.brokerage.conftest import Desk, always_open, trade
from tests.features.brokerage.worker_program import CLAIM_SECONDS
from tests.fixtures.waiting import until

from optix.features.brokerage import engine as engine_module
from optix.features.brokerage import repository
from optix.features.brokerage.engine import BrokerSyncEngine, SyncNotReady
from optix.features.brokerage.models import (
    BrokerAccountRow,
    BrokerActivity,
    BrokerConnection,
    BrokerSnapshot,
)
from optix.features.brokerage.rules import BREAKER_FAILURES, BREAKER_SECONDS
from optix.features.brokerage.sync import BrokerSync
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, to_datetime
from optix.ports.broker import BrokerBusy, BrokerUnavailable, SignInNeeded

pytestmark = pytest.mark.stores


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "LOOK_SECONDS", 0.02)


@pytest.fixture
def broker(desk: Desk) -> ScriptedBroker:
    broker = ScriptedBroker(name="tradier")
    desk.brokers["tradier"] = broker
    return broker


def sync_of(desk: Desk, dice: float = 0.5) -> BrokerSync:
    return BrokerSync(
        desk.database,
        brokers=desk.brokers,
        vault=desk.vault,
        clock=desk.clock,
        listener=desk.heard,
        market_open=always_open,
        dice=lambda: dice,
    )


def engine_of(desk: Desk) -> BrokerSyncEngine:
    return BrokerSyncEngine(desk.database, sync_of(desk), desk.brokers, desk.clock)


@asynccontextmanager
async def running(*engines: BrokerSyncEngine) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(engine.run()) for engine in engines]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def advance(desk: Desk, seconds: float) -> None:
    desk.clock.advance_to(desk.clock.now_ns() + int(seconds * NANOSECONDS))


def now(desk: Desk) -> datetime:
    return to_datetime(desk.clock.now_ns())


class TestClaims:
    async def test_two_engines_never_read_one_connection_at_once(
        self, desk: Desk, broker: ScriptedBroker
    ) -> None:
        reading: set[str] = set()
        count = 25
        for number in range(count):
            await desk.connect(f"token {number}")
        tokens: list[str] = []
        real_open = broker.open

        def open_once(credentials, *, renew, log):  # type: ignore[no-untyped-def]  # as the port
            token = credentials["access_token"]
            assert token not in reading, "two readings of one connection"
            reading.add(token)
            tokens.append(token)
            session = real_open(credentials, renew=renew, log=log)
            real_close = session.close

            async def close() -> None:
                reading.discard(token)
                await real_close()

            session.close = close  # type: ignore[method-assign]  # watched
            return session

        broker.open = open_once  # type: ignore[method-assign]  # watched

        async def yield_often(call: str, account: str) -> None:
            del call, account
            await asyncio.sleep(0.005)

        broker.before = yield_often
        async with running(engine_of(desk), engine_of(desk)):
            for turns in (1, 2, 3):
                await until(lambda turns=turns: len(desk.heard.ends) == turns * count)  # type: ignore[misc]  # a default
                advance(desk, 61)
        assert not any(desk.heard.ends[: 3 * count])
        assert all(tokens.count(token) >= 3 for token in set(tokens))

    async def test_no_more_connections_are_read_at_once_than_a_worker_may(
        self, desk: Desk, broker: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "BROKER_READS_AT_ONCE_MAX", 3)
        for number in range(8):
            await desk.connect(f"token {number}")
        go = asyncio.Event()

        async def wait(call: str, account: str) -> None:
            del call, account
            await go.wait()

        broker.before = wait
        async with running(engine_of(desk)):
            await until(lambda: broker.open_sessions == 3)
            await asyncio.sleep(0.2)  # a fourth must not begin meanwhile
            assert broker.open_sessions == limits.BROKER_READS_AT_ONCE_MAX
            go.set()
            await until(lambda: len(desk.heard.ends) == 8)
        assert broker.most_open == 3

    async def test_a_claim_that_was_left_behind_ends_by_itself(
        self, desk: Desk, broker: ScriptedBroker
    ) -> None:
        await desk.connect()
        async with desk.database.writing() as session:
            assert await repository.claim_due(session, now(desk), brokers=["tradier"], most=9)
        async with running(engine_of(desk)):
            await asyncio.sleep(0.2)  # nothing must be read meanwhile
            assert not broker.calls, "somebody else has it"
            advance(desk, limits.BROKER_CLAIM_SECONDS + 1)
            await until(lambda: len(desk.heard.ends) == 1)

    async def test_a_reading_whose_connection_was_taken_over_writes_nothing_more(
        self, desk: Desk, broker: ScriptedBroker
    ) -> None:
        await desk.connect()
        broker.lines = [deposit(desk.sync._today(), "5", "id1")]

        async def be_suspended(call: str, account: str) -> None:
            del account
            if call == "orders":
                advance(desk, limits.BROKER_CLAIM_SECONDS + 1)
                async with desk.database.writing() as session:
                    taken = await repository.claim_due(
                        session, now(desk), brokers=["tradier"], most=1
                    )
                assert len(taken) == 1

        broker.before = be_suspended
        async with desk.database.writing() as session:
            (claimed,) = await repository.claim_due(session, now(desk), brokers=["tradier"], most=1)
        error = await desk.sync.read(claimed)
        assert error is not None
        assert error.code == "broker_claim_lost"
        assert await desk.rows(BrokerActivity) == []
        (row,) = await desk.rows(BrokerConnection)
        assert row.claimed_until is not None, "the other worker's claim stays"
        assert desk.heard.ends == []

    async def test_a_long_reading_keeps_its_claim(self, desk: Desk, broker: ScriptedBroker) -> None:
        broker.history_days = 900
        await desk.connect()

        async def take_long(call: str, account: str) -> None:
            del call, account
            advance(desk, limits.BROKER_CLAIM_SECONDS * 0.6)
            async with desk.database.writing() as session:
                assert not await repository.claim_due(
                    session, now(desk), brokers=["tradier"], most=1
                )

        broker.before = take_long
        async with desk.database.writing() as session:
            (claimed,) = await repository.claim_due(session, now(desk), brokers=["tradier"], most=1)
        assert await desk.sync.read(claimed) is None
        assert broker.calls["history"] > 5

    async def test_it_is_ready_while_it_runs(self, desk: Desk, broker: ScriptedBroker) -> None:
        engine = engine_of(desk)
        with pytest.raises(SyncNotReady):
            await engine.ping()
        await desk.connect()
        async with running(engine):
            await until(lambda: broker.calls["history"])
            await engine.ping()
        with pytest.raises(SyncNotReady):
            await engine.ping()


class TestFailures:
    async def test_a_broker_that_fails_for_everybody_is_left_alone_and_then_asked_once(
        self, desk: Desk, broker: ScriptedBroker
    ) -> None:
        down = True

        async def fail(call: str, account: str) -> None:
            del call, account
            await asyncio.sleep(0.01)
            if down:
                raise BrokerUnavailable("It is away.")

        broker.before = fail
        for number in range(BREAKER_FAILURES):
            await desk.connect(f"token {number}")
        engine = engine_of(desk)
        async with running(engine):
            await until(lambda: len(desk.heard.ends) == BREAKER_FAILURES)
            late = [await desk.connect(f"late {number}") for number in range(6)]
            await asyncio.sleep(0.3)  # none of them must be read meanwhile
            assert len(desk.heard.ends) == BREAKER_FAILURES, "the breaker is open"
            broker.most_open = 0
            advance(desk, BREAKER_SECONDS + 1)
            await until(lambda: len(desk.heard.ends) == BREAKER_FAILURES + 1)
            await asyncio.sleep(0.2)  # no second one must be read meanwhile
            assert len(desk.heard.ends) == BREAKER_FAILURES + 1
            assert broker.most_open == 1, "one decides"
            down = False
            advance(desk, BREAKER_SECONDS + 1)
            await until(lambda: len(desk.heard.ends) >= BREAKER_FAILURES + 1 + len(late))
        assert desk.heard.ends[-1] is None

    async def test_an_ended_sign_in_of_many_users_is_nobodys_outage(
        self, desk: Desk, broker: ScriptedBroker
    ) -> None:
        async def refuse(call: str, account: str) -> None:
            del call, account
            raise SignInNeeded("Ended.")

        broker.before = refuse
        for number in range(BREAKER_FAILURES + 2):
            await desk.connect(f"token {number}")
        async with running(engine_of(desk)):
            await until(lambda: len(desk.heard.ends) == BREAKER_FAILURES + 2)
            await desk.connect("one more")
            await until(lambda: len(desk.heard.ends) == BREAKER_FAILURES + 3)

    async def test_pauses_grow_with_jitter_and_a_bound_and_respect_what_is_asked(
        self, desk: Desk, broker: ScriptedBroker
    ) -> None:
        async def fail(call: str, account: str) -> None:
            del call, account
            raise BrokerUnavailable("It is away.")

        broker.before = fail
        connection = await desk.connect()
        pauses: dict[float, list[float]] = {0.0: [], 0.99: []}
        for dice, found in pauses.items():
            connection.failures = 0
            for _ in range(14):
                await sync_of(desk, dice).read(connection)
                found.append((connection.next_sync_at - now(desk)).total_seconds())
        assert pauses[0.0][:4] == [7.5, 15.0, 30.0, 60.0]
        assert pauses[0.99][0] == pytest.approx(15.0 * 1.49)
        assert pauses[0.0][-1] == limits.BROKER_RETRY_SECONDS_MAX * 0.5

        async def be_busy(call: str, account: str) -> None:
            del call, account
            raise BrokerBusy("Slow down.", retry_after_seconds=7_000)

        broker.before = be_busy
        await sync_of(desk).read(connection)
        assert connection.next_sync_at - now(desk) == timedelta(seconds=7_000)

    async def test_one_account_that_fails_hides_no_other_and_deletes_nothing(
        self, desk: Desk, broker: ScriptedBroker
    ) -> None:
        broker.accounts = [account_named("bad"), account_named("good")]
        today = desk.sync._today()
        broker.lines = [deposit(today, "5", "id1")]
        connection = await desk.connect()
        assert await desk.sync.read(connection) is None
        assert len(await desk.cash()) == 2

        async def fail_one(call: str, account: str) -> None:
            if account == "bad" and call == "snapshot":
                raise BrokerUnavailable("Not this one.")

        broker.before = fail_one
        broker.lines.append(deposit(today, "6", "id2"))
        error = await desk.sync.read(connection)
        assert error is not None
        assert error.code == "broker_unavailable"
        assert await desk.cash() == ["5", "5", "6"]
        rows = {row.name: row for row in await desk.rows(BrokerAccountRow)}
        assert rows["bad"].failure_code == "broker_unavailable"
        assert rows["good"].failure_code is None
        assert rows["bad"].snapshot_at is not None
        assert len(await desk.rows(BrokerSnapshot)) == 2

    async def test_a_fault_of_our_own_is_told_and_tried_again_later(
        self, desk: Desk, broker: ScriptedBroker
    ) -> None:
        async def break_down(call: str, account: str) -> None:
            del call, account
            raise ZeroDivisionError

        broker.before = break_down
        connection = await desk.connect()
        await desk.sync.read(connection)
        (row,) = await desk.rows(BrokerConnection)
        assert (row.failure_code, row.failures) == ("broker_reading_broken", 1)
        assert row.next_sync_at > now(desk)

    async def test_a_reading_that_takes_too_long_ends_and_goes_on_later(
        self, desk: Desk, broker: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "BROKER_READING_SECONDS_MAX", 0.5)
        broker.lines = [deposit(desk.sync._today(), "5", "id1")]

        async def hang_at_the_second_window(call: str, account: str) -> None:
            del account
            if call == "history" and broker.calls["history"] == 2:
                await asyncio.Event().wait()

        broker.before, broker.history_days = hang_at_the_second_window, 200
        connection = await desk.connect()
        await desk.sync.read(connection)
        (row,) = await desk.rows(BrokerConnection)
        assert row.failure_code == "broker_reading_too_long"
        assert await desk.cash() == ["5"], "what was read before is kept"
        assert limits.BROKER_READING_SECONDS_MAX < 60.0
        monkeypatch.setattr(limits, "BROKER_READING_SECONDS_MAX", 60.0)
        assert await desk.sync.read(connection) is None
        assert await desk.cash() == ["5"]


class TestKilled:
    async def test_a_killed_worker_leaves_no_duplicate_and_no_loss_and_the_other_finishes(
        self, desk: Desk, server: FakeTradierBroker, database_url: str
    ) -> None:
        today = desk.sync._today()
        server.events = [
            trade(today - timedelta(days=step), f"-{100 + step // 3}.05") for step in range(700)
        ] + [trade(today, "-100.05")]
        server.page_rows = 40
        # A token that is not read yet when the first worker dies.
        await desk.connect()
        hold = _hold_the_third_window(server)
        first = await _start(database_url, server.base_url)
        try:
            await until(lambda: hold.reached)
            first.send_signal(signal.SIGKILL)
            await first.wait()
        finally:
            _end(first)
        assert 0 < len(await desk.cash()) < 701, "it died in the middle"
        (row,) = await desk.rows(BrokerConnection)
        claimed_until = row.claimed_until
        assert claimed_until is not None
        hold.open = True
        second = await _start(database_url, server.base_url)
        try:
            await until(lambda: _read_since(desk, row.id))
        finally:
            _end(second)
            await second.wait()
        (row,) = await desk.rows(BrokerConnection)
        assert row.last_sync_at >= claimed_until, "not before the claim ended"
        assert await desk.cash() == sorted(
            format(-100 - step // 3, "d") + ".05" for step in [*range(700), 0]
        )
        assert not any(line.absent_since for line in await desk.rows(BrokerActivity))
        assert CLAIM_SECONDS < limits.BROKER_CLAIM_SECONDS


class _Hold:
    """Lets nobody past the third window of history until it is open."""

    def __init__(self) -> None:
        self.open = False
        self.reached = False


def _hold_the_third_window(server: FakeTradierBroker) -> _Hold:
    hold, real, windows = _Hold(), server._history, set[str]()

    def answer(request: Request) -> Reply:
        windows.add(request.query["start"])
        if len(windows) >= 3 and not hold.open:
            hold.reached = True
            return Reply(stall=True)
        return real(request)

    server.routes = [
        (method, path, answer if path.endswith("/history") else handler)
        for method, path, handler in server.routes
    ]
    return hold


async def _read_since(desk: Desk, connection_id: object) -> bool:
    rows = await desk.rows(BrokerConnection)
    return any(row.id == connection_id and row.last_sync_at is not None for row in rows)


async def _start(database_url: str, broker_url: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.features.brokerage.worker_program",
        database_url,
        broker_url,
    )


def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
