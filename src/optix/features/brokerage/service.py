"""What other features read of brokerage: accounts with their last snapshot, and their history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID, uuid5

from optix.features.brokerage import records, repository, repository_reading
from optix.features.brokerage.models import BrokerAccountRow, BrokerActivity
from optix.features.brokerage.provisional import NEW_YORK
from optix.features.brokerage.repository import line_of
from optix.features.brokerage.repository_history import list_provisional
from optix.features.brokerage.states import is_stale
from optix.kernel.activity import Activity, ActivityKind
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import InvalidInput
from optix.kernel.holding import AccountSnapshot
from optix.kernel.ids import UserId
from optix.platform.db import Database, ReadSession


class LinesCursorUnreadable(InvalidInput):
    code = "cursor_unreadable"
    next_step = "Send `next` of the page before, or begin without one."


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldAccount:
    """One account as its broker last stated it; `failure_code` says why it was not read since."""

    id: UUID
    connection_id: UUID | None
    broker: str
    brokerage: str
    number: str
    name: str
    kind: str
    currency: str
    simulated: bool
    failure_code: str | None
    stale: bool  # what is shown of it may not be what its broker would say now
    snapshot: AccountSnapshot | None
    history_first: date | None = None  # the first day of what was read whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of history with what OPTIX knows of it."""

    id: UUID
    account_id: UUID
    activity: Activity
    source: str
    absent_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFilter:
    """Which lines are wanted; None leaves the question open. `text` is part of a symbol."""

    account_id: UUID | None = None
    kinds: frozenset[ActivityKind] = frozenset()
    text: str = ""
    first: date | None = None
    last: date | None = None

    def takes(self, activity: Activity) -> bool:
        """Return whether a line is wanted, whatever its account."""
        symbol = "" if activity.asset is None else activity.asset.symbol
        return (
            (not self.kinds or activity.kind in self.kinds)
            and self.text.upper() in symbol.upper()
            and (self.first is None or activity.day >= self.first)
            and (self.last is None or activity.day <= self.last)
        )


@dataclass(frozen=True, slots=True)
class LinePage:
    lines: Sequence[Line]
    next: str | None


class BrokerageService:
    """Reads for one owner at a time. Writes nothing."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def list_held(self, owner: UserId) -> list[HeldAccount]:
        """Return all accounts, the oldest first, each with its last complete snapshot."""
        async with self._database.reading(owner=owner) as session:
            found = await repository_reading.list_latest(session, owner)
        now = to_datetime(self._clock.now_ns())
        return [
            _held(
                account,
                None
                if snapshot is None
                else records.load_snapshot(
                    snapshot.positions,
                    snapshot.balances,
                    as_of=snapshot.as_of,
                    complete=snapshot.complete,
                    warnings=snapshot.warnings,
                ),
                stale=connection is None or is_stale(account, connection, now),
            )
            for account, connection, snapshot in found
        ]

    async def list_day_heads(self, owner: UserId, account: UUID) -> list[AccountSnapshot]:
        """Return the whole snapshots of one account, which are the last of their days, in order."""
        async with self._database.reading(owner=owner) as session:
            found = await repository_reading.list_whole(session, owner, account)
        return [
            records.load_snapshot(
                each.positions,
                each.balances,
                as_of=each.as_of,
                complete=each.complete,
                warnings=each.warnings,
            )
            for each in found
        ]

    async def list_history(self, owner: UserId) -> list[Line]:
        """Return all lines of all accounts, the oldest first, as brokers and files have them."""
        async with self._database.reading(owner=owner) as session:
            return [_line(row) for row in await repository_reading.list_all(session, owner)]

    async def list_owners(self, *, read_since: datetime | None = None) -> list[UserId]:
        """Return who has accounts; `read_since` those only with something new since then."""
        async with self._database.reading() as session:
            return await repository_reading.list_owners(session, read_since)

    async def page_lines(
        self, owner: UserId, wanted: LineFilter, *, cursor: str | None, limit: int
    ) -> LinePage:
        """Return lines of history, the newest first. Errors: LinesCursorUnreadable.

        The first page begins with today's fills whose transactions have not come yet.
        """
        before = None if cursor is None else _place(cursor)
        async with self._database.reading(owner=owner) as session:
            rows = await repository_reading.list_lines(
                session,
                owner,
                account_id=wanted.account_id,
                kinds=wanted.kinds,
                text=wanted.text,
                first=wanted.first,
                last=wanted.last,
                before=before,
                limit=limit + 1,
            )
            fills = [] if before is not None else await self._fills(session, owner, wanted)
        shown = rows[:limit]
        more = len(rows) > limit
        lines = [*fills, *(_line(row) for row in shown)]
        return LinePage(lines, _cursor(shown[-1]) if more else None)

    async def _fills(self, session: ReadSession, owner: UserId, wanted: LineFilter) -> list[Line]:
        today = to_datetime(self._clock.now_ns()).astimezone(NEW_YORK).date()
        found = []
        for account in await repository.list_accounts(session, owner):
            if wanted.account_id in {None, account.id}:
                told = await list_provisional(session, owner, account.id, today)
                found += [
                    _fill(account.id, place, activity)
                    for place, activity in enumerate(told)
                    if wanted.takes(activity)
                ]
        return sorted(found, key=_moment, reverse=True)


def _held(
    account: BrokerAccountRow, snapshot: AccountSnapshot | None, *, stale: bool
) -> HeldAccount:
    return HeldAccount(
        id=account.id,
        connection_id=account.connection_id,
        broker=account.broker,
        brokerage=account.brokerage,
        number=account.number,
        name=account.name,
        kind=account.kind,
        currency=account.currency,
        simulated=account.simulated,
        failure_code=account.failure_code,
        stale=stale,
        snapshot=snapshot,
        history_first=account.history_first,
    )


def _line(row: BrokerActivity) -> Line:
    return Line(
        id=row.id,
        account_id=row.account_id,
        activity=line_of(row),
        source=row.source,
        absent_since=row.absent_since,
    )


def _fill(account: UUID, place: int, activity: Activity) -> Line:
    name = uuid5(account, f"{activity.order_id} {activity.id} {place}")
    return Line(id=name, account_id=account, activity=activity, source="order", absent_since=None)


def _moment(line: Line) -> datetime:
    at = line.activity.at
    return datetime.combine(line.activity.day, time(), NEW_YORK) if at is None else at


def _cursor(row: BrokerActivity) -> str:
    return f"{row.day.isoformat()}_{'' if row.at is None else row.at.isoformat()}_{row.id}"


def _place(cursor: str) -> tuple[date, datetime | None, UUID]:
    parts = cursor.split("_")
    try:
        day, at, name = parts
        moment = datetime.fromisoformat(at) if at else None
        place = date.fromisoformat(day), moment, UUID(name)
    except ValueError as error:
        raise LinesCursorUnreadable("This place in the list cannot be read.") from error
    if moment is not None and moment.tzinfo is None:
        raise LinesCursorUnreadable("This place in the list has a moment without a zone.")
    return place
