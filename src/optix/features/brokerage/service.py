"""What other features read of brokerage: accounts with their last snapshot, and their history."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID, uuid5

from optix.features.brokerage import records, repository_imports, repository_reading
from optix.features.brokerage.models import BrokerAccountRow, BrokerActivity
from optix.features.brokerage.provisional import NEW_YORK
from optix.features.brokerage.repository import line_of
from optix.features.brokerage.repository_history import list_provisional
from optix.features.brokerage.states import is_stale
from optix.kernel import limits
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
    snapshot_id: UUID | None = None  # of one that never changes
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


# How other features keep an asset or a line as JSON.
asset_record = records.dump_asset
asset_of_record = records.load_asset
line_record = repository_imports.dump_record
line_of_record = repository_imports.load_record


async def load_history(
    session: ReadSession,
    owner: UserId,
    *,
    symbols: Collection[str] | None = None,
    ids: Collection[UUID] = (),
) -> list[Line]:
    """Return lines with these symbols or ids, or all of them, the first seen first."""
    rows = await repository_reading.list_history(session, owner, symbols=symbols, ids=ids)
    return [
        Line(
            id=row.id,
            account_id=row.account_id,
            activity=records.load_activity(
                {**row._mapping, "group": row.activity_group},  # noqa: SLF001  # SQLAlchemy's name
                name=row.ids[-1] if row.ids else "",
            ),
            source=row.source,
            absent_since=row.absent_since,
        )
        for row in rows
    ]


async def find_partners(
    session: ReadSession,
    owner: UserId,
    lines: Sequence[Activity],
    *,
    by_group: Collection[ActivityKind],
    by_day: Collection[ActivityKind],
) -> list[tuple[UUID, str | None]]:
    """Return (id, symbol) of the lines that may be one event with `lines`.

    Those of the same group, where it is of a kind in `by_group`; those of the same day and kind,
    where that is in `by_day`; those that correct one of the lines, or are corrected by one.
    """
    grouped = {line.group for line in lines if line.group and line.kind in by_group}
    days = {line.day for line in lines if line.kind in by_day}
    names = {line.id for line in lines if line.id}
    replaced = {line.replaces for line in lines if line.replaces}
    if not (grouped or days or names or replaced):
        return []
    rows = await repository_reading.list_partners(
        session,
        owner,
        groups=grouped,
        days=days,
        kinds=by_day,
        names=names,
        replaced=replaced,
    )
    return [(row.id, row.symbol) for row in rows]


class BrokerageService:
    """Reads for one owner at a time. Writes nothing."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._snapshots: OrderedDict[UUID, AccountSnapshot] = OrderedDict()

    async def list_held(self, owner: UserId) -> list[HeldAccount]:
        """Return all accounts, the oldest first, each with its last complete snapshot."""
        async with self._database.reading(owner=owner) as session:
            found = await repository_reading.list_latest(session, owner)
            held = await self._snapshots_of(session, owner, [name for *_, name in found if name])
        now = to_datetime(self._clock.now_ns())
        return [
            _held(
                account,
                None if name is None else held.get(name),
                name,
                stale=connection is None or is_stale(account, connection, now),
            )
            for account, connection, name in found
        ]

    async def _snapshots_of(
        self, session: ReadSession, owner: UserId, ids: Sequence[UUID]
    ) -> dict[UUID, AccountSnapshot]:
        """Return snapshots, reading and parsing those that were not lately."""
        kept = {name: self._snapshots[name] for name in ids if name in self._snapshots}
        missing = [name for name in ids if name not in kept]
        if missing:
            for row in await repository_reading.load_snapshots(session, owner, missing):
                kept[row.id] = records.load_snapshot(
                    row.positions,
                    row.balances,
                    as_of=row.as_of,
                    complete=row.complete,
                    warnings=row.warnings,
                )
        for name, snapshot in kept.items():
            self._snapshots[name] = snapshot
            self._snapshots.move_to_end(name)
        positions = sum(len(each.positions) for each in self._snapshots.values())
        while positions > limits.SNAPSHOT_POSITIONS_KEPT_MAX and self._snapshots:
            positions -= len(self._snapshots.popitem(last=False)[1].positions)
        return kept

    async def list_day(self, owner: UserId, day: date) -> list[Line]:
        """Return the lines of one day in all accounts, fills without a transaction among them."""
        async with self._database.reading(owner=owner) as session:
            rows = await repository_reading.list_of_day(session, owner, day)
            told = await list_provisional(session, owner, day)
        fills = [
            _fill(account, place, activity)
            for account, fills in told
            for place, activity in enumerate(fills)
            if activity.day == day
        ]
        return [*(_line(row) for row in rows), *fills]

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
        told = await list_provisional(session, owner, today, wanted.account_id)
        found = [
            _fill(account, place, activity)
            for account, fills in told
            for place, activity in enumerate(fills)
            if wanted.takes(activity)
        ]
        return sorted(found, key=_moment, reverse=True)


def _held(
    account: BrokerAccountRow,
    snapshot: AccountSnapshot | None,
    snapshot_id: UUID | None,
    *,
    stale: bool,
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
        snapshot_id=snapshot_id,
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
