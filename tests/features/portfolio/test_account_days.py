"""The days of accounts on a real database: what snapshots, history and closes make of them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, update
from tests.fixtures.api import Caller
from tests.fixtures.broker_books import add_account, position, stock, trade

from optix.features.brokerage.models import BrokerAccountRow, BrokerActivity
from optix.features.brokerage.service import BrokerageService
from optix.features.market import calendar
from optix.features.portfolio import repository_performance as repository
from optix.features.portfolio.account_days import AccountDays
from optix.features.portfolio.models_performance import AccountDay
from optix.features.portfolio.returns.equity import DayQuality, DayReason, EquityDay
from optix.features.portfolio.tasks_performance import PROJECT, PerformanceTasks
from optix.kernel import limits
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus
from optix.kernel.clock import ScaledClock
from optix.kernel.ids import UserId
from optix.kernel.money import Money
from optix.kernel.quote import Quality
from optix.platform.db import Database
from optix.ports.history import HistoryWriter
from optix.ports.market_data import Bar, BarInterval, Bars

pytestmark = pytest.mark.stores

MONDAY, TUESDAY, WEDNESDAY = date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 18)
EVENING = datetime(2026, 11, 18, 22, 0, tzinfo=UTC)  # 17:00 in New York, an hour after the close


class Closes:
    """A history that knows daily closes and nothing else: the part of both ports that is asked."""

    label = "closes of a test"

    def __init__(
        self, closes: Mapping[str, Mapping[date, float]], *, adjusted: bool = False
    ) -> None:
        self._closes = closes
        self._adjusted = adjusted

    def reader(self) -> Any:
        return self

    def writing(self, who: str) -> AbstractContextManager[HistoryWriter]:
        raise AssertionError(f"{who} writes no history here")

    def bars(self, symbol: str, interval: BarInterval, *, start: date, end: date) -> Bars | None:
        known = self._closes.get(symbol)
        if known is None:
            return None
        rows = [
            Bar(
                ts_event=calendar.opens_at(day),
                open=close,
                high=close,
                low=close,
                close=close,
                volume=1.0,
            )
            for day, close in sorted(known.items())
            if start <= day <= end
        ]
        return Bars(
            symbol=symbol,
            interval=interval,
            source="test",
            quality=Quality.REALTIME,
            adjusted=self._adjusted,
            rows=rows,
        )


def cash(day: date, amount: str, kind: ActivityKind, **more: Any) -> Activity:
    return Activity(
        id=f"{kind} {day} {amount}",
        kind=kind,
        status=more.pop("status", ActivityStatus.POSTED),
        day=day,
        cash=Money.parse(amount),
        **more,
    )


@pytest.fixture
def owner(caller: Caller) -> UserId:
    return UserId(UUID(caller.id))


def project_with(database: Database, clock: ScaledClock, keeper: Closes | None) -> AccountDays:
    return AccountDays(database, BrokerageService(database, clock), keeper)


async def read_from(database: Database, account: UUID, first: date) -> None:
    async with database.writing() as session:
        await session.execute(
            update(BrokerAccountRow)
            .where(BrokerAccountRow.id == account)
            .values(history_first=first, history_last=WEDNESDAY)
        )


async def days_of(database: Database, owner: UserId) -> dict[date, EquityDay]:
    async with database.reading(owner=owner) as session:
        return {each.day: each for each in await repository.list_days(session, owner)}


class TestStated:
    async def test_a_snapshot_after_the_close_is_the_value_of_its_day(
        self, database: Database, clock: ScaledClock, owner: UserId
    ) -> None:
        """One snapshot of Wednesday evening with the broker's net liquidation."""
        await add_account(database, owner, EVENING, worth="5000.00")
        assert await project_with(database, clock, None).project(owner) == 1
        (day,) = (await days_of(database, owner)).values()
        assert (day.day, day.value, day.quality) == (
            WEDNESDAY,
            Decimal("5000.00"),
            DayQuality.CLOSING,
        )

    async def test_a_snapshot_before_the_close_says_that_it_is_early(
        self, database: Database, clock: ScaledClock, owner: UserId
    ) -> None:
        """At 13:00 in New York, and a deposit an hour later is not in it."""
        noon = EVENING.replace(hour=18)
        later = cash(WEDNESDAY, "7.00", ActivityKind.DEPOSIT, at=EVENING.replace(hour=19))
        await add_account(database, owner, noon, lines=[later])
        await project_with(database, clock, None).project(owner)
        day = (await days_of(database, owner))[WEDNESDAY]
        assert (day.quality, day.inflow) == (DayQuality.EARLY, Decimal(0))

    async def test_a_history_without_end_is_kept_for_the_last_sessions(
        self,
        database: Database,
        clock: ScaledClock,
        owner: UserId,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A deposit of a month ago, and a bound of five sessions."""
        monkeypatch.setattr(limits, "PERFORMANCE_SESSIONS_MAX", 5)
        early = cash(WEDNESDAY - timedelta(days=30), "7.00", ActivityKind.DEPOSIT)
        await add_account(database, owner, EVENING, lines=[early])
        rows = await project_with(database, clock, None).project(owner)
        assert rows == limits.PERFORMANCE_SESSIONS_MAX == 5
        assert max(await days_of(database, owner)) == WEDNESDAY

    async def test_without_a_net_liquidation_it_is_cash_and_positions_or_unavailable(
        self, database: Database, clock: ScaledClock, owner: UserId
    ) -> None:
        """A position without the broker's value leaves no value of the account."""
        await add_account(
            database, owner, EVENING, worth=None, positions=[position(stock(), "1", "10.00")]
        )
        await project_with(database, clock, None).project(owner)
        day = (await days_of(database, owner))[WEDNESDAY]
        assert (day.value, day.reason, day.covered, day.positions) == (
            None,
            DayReason.NO_STATED_VALUE,
            0,
            1,
        )


class TestDerived:
    async def test_days_before_the_first_snapshot_are_rolled_back_and_priced_at_closes(
        self, database: Database, clock: ScaledClock, owner: UserId
    ) -> None:
        """10 shares bought on Tuesday for 1000; on Monday all of it was cash, less a dividend."""
        account = await add_account(
            database,
            owner,
            EVENING,
            cash="505.00",
            worth="1605.00",
            positions=[position(stock(), "10", "1000.00")],
            lines=[
                cash(MONDAY, "1500.00", ActivityKind.DEPOSIT),
                trade(TUESDAY, stock(), "10", "-1000.00", "t1"),
                cash(WEDNESDAY, "5.00", ActivityKind.DIVIDEND),
            ],
        )
        await read_from(database, account, date(2026, 11, 10))
        keeper = Closes({"SPY": {MONDAY: 99.0, TUESDAY: 102.0, WEDNESDAY: 110.0}})
        await project_with(database, clock, keeper).project(owner)
        days = await days_of(database, owner)
        assert [(day, each.value, each.quality) for day, each in days.items()] == [
            (date(2026, 11, 13), Decimal(0), DayQuality.DERIVED),
            (MONDAY, Decimal(1500), DayQuality.DERIVED),
            (TUESDAY, Decimal(1520), DayQuality.DERIVED),  # 500 + 10 × 102
            (WEDNESDAY, Decimal(1605), DayQuality.CLOSING),
        ]
        assert (days[MONDAY].inflow, days[TUESDAY].inflow) == (Decimal(1500), Decimal(0))

    @pytest.mark.parametrize(
        ("keeper", "first", "reason"),
        [
            (Closes({}), MONDAY, DayReason.NO_CLOSE),
            (Closes({"SPY": {TUESDAY: 102.0}}, adjusted=True), MONDAY, DayReason.NO_CLOSE),
            (Closes({"SPY": {TUESDAY: 102.0}}), None, DayReason.HISTORY_NOT_READ),
        ],
    )
    async def test_what_cannot_be_known_is_unavailable_and_says_why(
        self,
        database: Database,
        clock: ScaledClock,
        owner: UserId,
        keeper: Closes,
        first: date | None,
        reason: DayReason,
    ) -> None:
        """A share without a close, with an adjusted one only, and a history not read whole."""
        account = await add_account(
            database,
            owner,
            EVENING,
            positions=[position(stock(), "10", "1000.00")],
            lines=[trade(TUESDAY, stock(), "10", "-1000.00", "t1")],
        )
        if first is not None:
            await read_from(database, account, first)
        await project_with(database, clock, keeper).project(owner)
        day = (await days_of(database, owner))[TUESDAY]
        assert (day.value, day.quality, day.reason) == (None, DayQuality.UNAVAILABLE, reason)


class TestFlows:
    async def test_a_transfer_between_own_accounts_is_marked_as_inner_on_both(
        self, database: Database, clock: ScaledClock, owner: UserId
    ) -> None:
        """300 from one account on Tuesday to another on Wednesday, and one that has no mirror."""
        gone = cash(TUESDAY, "-300.00", ActivityKind.TRANSFER)
        come = cash(WEDNESDAY, "300.00", ActivityKind.TRANSFER)
        other = cash(WEDNESDAY, "-8.00", ActivityKind.TRANSFER)
        one = await add_account(database, owner, EVENING, lines=[gone])
        two = await add_account(database, owner, EVENING, lines=[come, other])
        await project_with(database, clock, None).project(owner)
        async with database.reading(owner=owner) as session:
            rows = await repository.list_days(session, owner)
        inner = {(each.account, each.day): (each.inner_in, each.inner_out) for each in rows}
        assert inner[one, TUESDAY] == (Decimal(0), Decimal(300))
        assert inner[two, WEDNESDAY] == (Decimal(300), Decimal(0))
        (last,) = [each for each in rows if each.account == two and each.day == WEDNESDAY]
        assert (last.inflow, last.outflow) == (Decimal(300), Decimal(8))

    async def test_securities_that_come_in_are_a_flow_of_their_value(
        self, database: Database, clock: ScaledClock, owner: UserId
    ) -> None:
        """10 shares at a close of 102; and of what has no close the flow is not known."""
        lines = [
            cash(TUESDAY, "0", ActivityKind.TRANSFER, asset=stock(), quantity=Decimal(10)),
            cash(WEDNESDAY, "0", ActivityKind.TRANSFER, asset=stock("X"), quantity=Decimal(1)),
        ]
        await add_account(database, owner, EVENING, lines=lines)
        await project_with(database, clock, Closes({"SPY": {TUESDAY: 102.0}})).project(owner)
        days = await days_of(database, owner)
        assert (days[TUESDAY].inflow, days[TUESDAY].flows_known) == (Decimal(1020), True)
        assert (days[WEDNESDAY].inflow, days[WEDNESDAY].flows_known) == (Decimal(0), False)

    async def test_what_the_broker_took_back_never_came(
        self, database: Database, clock: ScaledClock, owner: UserId
    ) -> None:
        """A cancelled deposit is no flow."""
        line = cash(WEDNESDAY, "9.00", ActivityKind.DEPOSIT, status=ActivityStatus.CANCELLED)
        await add_account(database, owner, EVENING, lines=[line])
        await project_with(database, clock, None).project(owner)
        assert (await days_of(database, owner))[WEDNESDAY].inflow == 0


class TestProjection:
    async def test_a_rebuild_gives_the_rows_of_the_increments(
        self, database: Database, clock: ScaledClock, owner: UserId
    ) -> None:
        """Rows made while history grew, and once more from nothing: equal to the last field."""
        account = await add_account(
            database, owner, EVENING, lines=[cash(MONDAY, "5.00", ActivityKind.DEPOSIT)]
        )
        await read_from(database, account, date(2026, 11, 10))
        days = project_with(database, clock, Closes({}))
        assert await days.project(owner) > 0
        await add_account(
            database, owner, EVENING, lines=[cash(TUESDAY, "-5.00", ActivityKind.WITHDRAWAL)]
        )
        assert await days.project(owner) > 0
        assert await days.project(owner) == 0
        grown = await rows(database)
        async with database.writing() as session:
            await session.execute(delete(AccountDay))
        await days.project(owner)
        assert await rows(database) == grown

    async def test_what_the_sources_no_longer_say_goes(
        self, database: Database, clock: ScaledClock, owner: UserId
    ) -> None:
        """The line that made earlier days is deleted, and the days with it."""
        await add_account(
            database, owner, EVENING, lines=[cash(MONDAY, "5.00", ActivityKind.DEPOSIT)]
        )
        days = project_with(database, clock, None)
        await days.project(owner)
        async with database.writing() as session:
            await session.execute(delete(BrokerActivity))
        await days.project(owner)
        assert list(await days_of(database, owner)) == [WEDNESDAY]

    async def test_the_jobs_name_owners_and_make_their_days(
        self, database: Database, clock: ScaledClock, owner: UserId
    ) -> None:
        """All owners at night, and only those with a fresh sync between."""
        account = await add_account(database, owner, EVENING)
        brokerage = BrokerageService(database, clock)
        assert await brokerage.list_owners() == [owner]
        assert await brokerage.list_owners(read_since=EVENING) == [owner]
        assert await brokerage.list_owners(read_since=EVENING.replace(hour=23)) == []
        tasks = PerformanceTasks(database, brokerage, project_with(database, clock, None), clock)
        await tasks.handlers[PROJECT]({"owner": str(owner)})
        assert {each.account for each in (await days_of(database, owner)).values()} == {account}


async def rows(database: Database) -> list[dict[str, Any]]:
    async with database.reading() as session:
        found = await session.execute(AccountDay.__table__.select().order_by(AccountDay.id))
        return [dict(row) for row in found.mappings()]
