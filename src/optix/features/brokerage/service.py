"""What other features read of brokerage: accounts with their last snapshot, and their history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from optix.features.brokerage import records, repository_reading
from optix.features.brokerage.models import BrokerAccountRow, BrokerActivity
from optix.features.brokerage.repository import line_of
from optix.kernel.activity import Activity, ActivityKind
from optix.kernel.errors import InvalidInput, NotFound
from optix.kernel.holding import AccountSnapshot
from optix.kernel.ids import UserId
from optix.platform.db import Database


class AccountNotFound(NotFound):
    code = "broker_account_not_found"
    next_step = "Load the accounts again (`GET /api/v1/portfolio`)."


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
    snapshot: AccountSnapshot | None


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


@dataclass(frozen=True, slots=True)
class LinePage:
    lines: Sequence[Line]
    next: str | None


class BrokerageService:
    """Reads for one owner at a time. Writes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_held(self, owner: UserId) -> list[HeldAccount]:
        """Return all accounts, the oldest first, each with its last complete snapshot."""
        async with self._database.reading(owner=owner) as session:
            found = await repository_reading.list_latest(session, owner)
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
            )
            for account, snapshot in found
        ]

    async def page_lines(
        self, owner: UserId, wanted: LineFilter, *, cursor: str | None, limit: int
    ) -> LinePage:
        """Return lines of history, the newest first. Errors: LinesCursorUnreadable."""
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
        shown = rows[:limit]
        more = len(rows) > limit
        return LinePage([_line(row) for row in shown], _cursor(shown[-1]) if more else None)


def _held(account: BrokerAccountRow, snapshot: AccountSnapshot | None) -> HeldAccount:
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
        snapshot=snapshot,
    )


def _line(row: BrokerActivity) -> Line:
    return Line(
        id=row.id,
        account_id=row.account_id,
        activity=line_of(row),
        source=row.source,
        absent_since=row.absent_since,
    )


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
