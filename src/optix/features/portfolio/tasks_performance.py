"""Jobs of performance: the days of accounts, after syncs and imports and once a night for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from optix.features.brokerage.service import BrokerageService
from optix.features.portfolio.account_days import AccountDays
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.ids import UserId
from optix.platform.db import Database
from optix.platform.jobs import Arguments, Handler, enqueue

PROJECT: Final = "portfolio.days"
PROJECT_CHANGED: Final = "portfolio.days_changed"
PROJECT_ALL: Final = "portfolio.days_all"
LOOK_BACK: Final = timedelta(minutes=45)  # three rounds: a round that was missed is caught up
# The night's round (after every close, New York being four or five hours behind) sees what no sync
# tells: an import taken back, a close that was stored later.
SCHEDULES: Final[Mapping[str, str]] = {PROJECT_CHANGED: "*/15 * * * *", PROJECT_ALL: "20 22 * * *"}


class PerformanceTasks:
    """Effects: leaves jobs; writes account_day."""

    def __init__(
        self, database: Database, brokerage: BrokerageService, days: AccountDays, clock: Clock
    ) -> None:
        self._database = database
        self._brokerage = brokerage
        self._days = days
        self._clock = clock

    @property
    def handlers(self) -> Mapping[str, Handler]:
        return {
            PROJECT: self.project,
            PROJECT_CHANGED: self.project_changed,
            PROJECT_ALL: self.project_all,
        }

    async def project(self, arguments: Arguments) -> None:
        """Make the days of one owner."""
        await self._days.project(UserId(UUID(arguments["owner"])))

    async def project_changed(self, _: Arguments) -> None:
        """Leave a job for every owner with a sync or an import lately."""
        since = to_datetime(self._clock.now_ns()) - LOOK_BACK
        await self._leave(await self._brokerage.list_owners(read_since=since))

    async def project_all(self, _: Arguments) -> None:
        """Leave a job for every owner of an account."""
        await self._leave(await self._brokerage.list_owners())

    async def _leave(self, owners: Sequence[UserId]) -> None:
        async with self._database.writing() as session:
            for owner in owners:
                await enqueue(
                    session, PROJECT, {"owner": str(owner)}, dedupe_key=f"{PROJECT}:{owner}"
                )
