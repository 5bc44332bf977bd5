"""Importing files: shown first, row by row; written once confirmed; taken back as a whole.

What is written is one transaction, and so is taking it back. The account is locked meanwhile, so
that a reading of the same account and an import take turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from optix.features.brokerage import repository, repository_imports
from optix.features.brokerage.import_merging import Comparison, compare
from optix.features.brokerage.models import BrokerAccountRow, BrokerActivity
from optix.features.brokerage.models_imports import BrokerImport, BrokerImportRow
from optix.features.brokerage.repository_imports import FILE_KEY, load_record
from optix.kernel import limits
from optix.kernel.activity import Activity
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import Conflict, InvalidInput, NotFound
from optix.kernel.ids import UserId, new_uuid
from optix.platform.db import Database, ReadSession, WriteSession
from optix.ports.statements import (
    RowKind,
    Statement,
    StatementAccount,
    StatementReaders,
    StatementRow,
)

AUTO: Final = "auto"
NEW: Final = "new"


class ImportNotFound(NotFound):
    code = "import_not_found"
    next_step = "List your imports: it was perhaps undone, or discarded for newer previews."


class ImportAccountUnknown(InvalidInput):
    code = "import_account_unknown"
    next_step = "Name one of your accounts by its id, `new` or `auto`, in the order of the file."


class TooManyImports(Conflict):
    code = "too_many_imports"
    next_step = "Undo imports that you do not need."


@dataclass(frozen=True, slots=True)
class ImportPage:
    """An import with some of its rows. `next` is where the rows after these begin, if any do."""

    found: BrokerImport
    counts: dict[str, int]
    rows: Sequence[BrokerImportRow] = ()
    next: int | None = None


class StatementImports:
    """The imports of users."""

    def __init__(self, database: Database, *, readers: StatementReaders, clock: Clock) -> None:
        self._database = database
        self._readers = readers
        self._clock = clock

    async def preview(
        self,
        owner: UserId,
        body: bytes,
        *,
        file_name: str,
        name: str = AUTO,
        accounts: Sequence[str] = (),
    ) -> ImportPage:
        """Read a file and say what each of its rows would do. Nothing of it is in the ledger yet.

        Effects: broker_import, broker_import_row; the oldest preview beyond the bound goes.
        Errors:  StatementUnreadable, ImportAccountUnknown, TooManyImports.
        """
        statement = await asyncio.to_thread(self._readers.read, body, name)
        async with self._database.writing(owner=owner) as session:
            await self._make_room(session, owner)
            told = await _choose(session, owner, statement, accounts)
            found = BrokerImport(
                id=new_uuid(),
                user_id=owner,
                format=statement.format,
                broker=statement.broker,
                broker_label=statement.broker_label,
                file_name=" ".join(file_name.split())[:120],
                state="preview",
                accounts=told,
                created_at=self._now(),
                confirmed_at=None,
            )
            session.add(found)
            await session.flush()  # its rows refer to it
            rows = await asyncio.to_thread(_rows_of, found, statement)
            for place, account in enumerate(told):
                mine = [row for row in rows if row["account"] == place and row["record"]]
                target = None if account["account"] is None else UUID(account["account"])
                _, comparison = await _compare(session, owner, target, mine)
                for row, (verdict, why) in zip(mine, _verdicts(comparison, len(mine)), strict=True):
                    row.update(verdict=verdict, why=why)
            await repository_imports.add_rows(session, rows)
            return await _page(session, owner, found)

    async def list(self, owner: UserId) -> list[ImportPage]:
        """Return the imports of a user without their rows, the newest first."""
        async with self._database.reading(owner=owner) as session:
            found = await repository_imports.list_imports(session, owner)
            counts = await repository_imports.count_rows(
                session, owner, [each.id for each in found]
            )
        return [ImportPage(each, counts[each.id]) for each in found]

    async def get(self, owner: UserId, import_id: UUID, *, after: int = -1) -> ImportPage:
        """Errors: ImportNotFound."""
        async with self._database.reading(owner=owner) as session:
            found = await _get(session, owner, import_id)
            return await _page(session, owner, found, after=after)

    async def confirm(self, owner: UserId, import_id: UUID) -> ImportPage:
        """Write what is new. Confirming again changes nothing.

        Effects: broker_activity, broker_account for those of the file that are not there yet.
        Errors:  ImportNotFound.
        """
        async with self._database.writing(owner=owner) as session:
            found = await _get(session, owner, import_id, lock=True)
            if found.state == "preview":
                await self._write(session, owner, found)
            return await _page(session, owner, found)

    async def _write(self, session: WriteSession, owner: UserId, found: BrokerImport) -> None:
        now = self._now()
        rows = [
            {"id": row.id, "account": row.account, "line_id": row.line_id, "record": row.record}
            for row in await repository_imports.list_rows(session, owner, found.id)
            if row.record is not None
        ]
        targets = []
        for place, told in enumerate(found.accounts):
            mine = [row for row in rows if row["account"] == place]
            if not mine:
                targets.append(told)
                continue
            account = await _account_of(session, owner, found, told, now)
            targets.append({**told, "account": str(account.id)})
            await repository.lock_account(session, account.id)
            stored, comparison = await _compare(session, owner, account.id, mine)
            lines = [_line(mine[each]) for each in comparison.added]
            fresh = await repository_imports.add_activities(session, account, found.id, lines, now)
            claims = {each: stored[row].id for each, row in comparison.known.items()}
            claims |= dict(zip(comparison.added, fresh, strict=True))
            await repository_imports.update_rows(
                session,
                [
                    {"id": row["id"], "verdict": verdict, "why": why, "activity_id": claims.get(at)}
                    for at, (row, (verdict, why)) in enumerate(
                        zip(mine, _verdicts(comparison, len(mine)), strict=True)
                    )
                ],
            )
        found.accounts, found.state, found.confirmed_at = targets, "confirmed", now

    async def remove(self, owner: UserId, import_id: UUID) -> None:
        """Discard a preview, or take back exactly what a confirmed import brought.

        What the broker or another import shows as well stays.

        Effects: broker_import, broker_activity; broker_account of those that only it filled.
        Errors:  ImportNotFound.
        """
        async with self._database.writing(owner=owner) as session:
            found = await _get(session, owner, import_id, lock=True)
            accounts = sorted({UUID(each["account"]) for each in found.accounts if each["account"]})
            if found.state == "confirmed":
                for each in accounts:
                    await repository.lock_account(session, each)
                await repository_imports.release_activities(session, owner, import_id)
            confirmed = found.state == "confirmed"
            await repository_imports.delete_import(session, owner, import_id)
            for each in accounts if confirmed else ():
                await repository_imports.delete_empty_account(session, owner, each)

    async def _make_room(self, session: WriteSession, owner: UserId) -> None:
        imports = await repository_imports.list_imports(session, owner)
        if len(imports) >= limits.STATEMENT_IMPORTS_PER_USER_MAX:
            raise TooManyImports(
                f"There are {limits.STATEMENT_IMPORTS_PER_USER_MAX} imports already."
            )
        previews = [each for each in imports if each.state == "preview"]
        for each in previews[limits.STATEMENT_PREVIEWS_PER_USER_MAX - 1 :]:
            await repository_imports.delete_import(session, owner, each.id)

    def _now(self) -> datetime:
        return to_datetime(self._clock.now_ns())


async def exported_imports(session: ReadSession, owner: UserId) -> list[dict[str, Any]]:
    """Return what is kept of the imports of `owner`, for the export of their own data."""
    return [
        {
            "format": each.format,
            "file_name": each.file_name,
            "state": each.state,
            "created_at": each.created_at.isoformat(),
            "rows": [
                {"line": row.line, "verdict": row.verdict, "why": row.why, "record": row.record}
                for row in await repository_imports.list_rows(session, owner, each.id)
            ],
        }
        for each in await repository_imports.list_imports(session, owner)
    ]


async def _get(
    session: ReadSession, owner: UserId, import_id: UUID, *, lock: bool = False
) -> BrokerImport:
    found = await repository_imports.find_import(session, owner, import_id, lock=lock)
    if found is None:
        raise ImportNotFound("There is no such import.")
    return found


async def _page(
    session: ReadSession, owner: UserId, found: BrokerImport, *, after: int = -1
) -> ImportPage:
    most = limits.STATEMENT_PAGE_MAX
    rows = await repository_imports.list_rows(session, owner, found.id, after=after, most=most + 1)
    counts = await repository_imports.count_rows(session, owner, [found.id])
    more = rows[most - 1].place if len(rows) > most else None
    return ImportPage(found, counts[found.id], rows[:most], more)


async def _choose(
    session: ReadSession, owner: UserId, statement: Statement, wanted: Sequence[str]
) -> list[dict[str, Any]]:
    """Return where the accounts of a file go: what was asked for, else what fits."""
    if len(wanted) > len(statement.accounts):
        raise ImportAccountUnknown(f"The file has {len(statement.accounts)} accounts.")
    there = await repository.list_accounts(session, owner)
    found = []
    for place, account in enumerate(statement.accounts):
        word = wanted[place] if place < len(wanted) else AUTO
        target = None
        if word == AUTO:
            target = find_target(there, statement.broker, account)
        elif word != NEW:
            target = next((each for each in there if str(each.id) == word.lower()), None)
            if target is None:
                raise ImportAccountUnknown("You have no such account.")
        found.append(
            {
                "key": account.key,
                "number": account.number,
                "name": account.name,
                "currency": account.currency,
                "account": None if target is None else str(target.id),
            }
        )
    return found


def find_target(
    there: Sequence[BrokerAccountRow], broker: str, account: StatementAccount
) -> BrokerAccountRow | None:
    """Return the one account that a file's account can be, None where none or several can."""
    own = [each for each in there if each.broker == broker]
    made = [each for each in own if each.stable_key == f"{FILE_KEY}{account.key}"]
    synced = [each for each in own if not each.stable_key.startswith(FILE_KEY)]
    if account.key:
        synced = [each for each in synced if each.number.endswith(account.key[-4:])]
    for fitting in (synced, made):
        if len(fitting) == 1:
            return fitting[0]
    return None


async def _account_of(
    session: WriteSession,
    owner: UserId,
    found: BrokerImport,
    told: dict[str, Any],
    now: datetime,
) -> BrokerAccountRow:
    if told["account"] is not None:
        there = await repository.list_accounts(session, owner)
        chosen = next((each for each in there if str(each.id) == told["account"]), None)
        if chosen is not None:
            return chosen
    # Not chosen, or gone since the preview.
    stable_key = f"{FILE_KEY}{told['key']}"
    made = await repository_imports.find_account(session, owner, found.broker, stable_key)
    if made is None:
        made = BrokerAccountRow(
            id=new_uuid(),
            user_id=owner,
            connection_id=None,
            broker=found.broker,
            stable_key=stable_key,
            call_key="",
            brokerage="",
            number=told["number"],
            name=told["name"] or found.broker_label,
            kind="",
            currency=told["currency"],
            status="active",
            simulated=False,
            created_at=now,
            history_first=None,
            history_last=None,
            snapshot_at=None,
            failure_code=None,
            failure_detail=None,
        )
        session.add(made)
        await session.flush()  # its lines refer to it
    return made


def _rows_of(found: BrokerImport, statement: Statement) -> list[dict[str, Any]]:
    places = {account.key: place for place, account in enumerate(statement.accounts)}
    return [
        {
            "id": new_uuid(),
            "user_id": found.user_id,
            "import_id": found.id,
            "place": place,
            "line": row.line,
            "account": places.get(row.account, 0),
            "verdict": row.kind,
            "why": row.why[:300],
            "line_id": "" if row.activity is None else row.activity.id,
            "record": _record_of(row),
            "activity_id": None,
        }
        for place, row in enumerate(statement.rows)
    ]


def _record_of(row: StatementRow) -> dict[str, Any] | None:
    if row.kind is not RowKind.LINE:
        return None
    assert row.activity is not None, "a line has an activity"
    return repository_imports.dump_record(row.activity)


def _line(row: dict[str, Any]) -> Activity:
    return load_record(row["record"], name=row["line_id"])


async def _compare(
    session: ReadSession, owner: UserId, account_id: UUID | None, rows: Sequence[dict[str, Any]]
) -> tuple[Sequence[BrokerActivity], Comparison]:
    # In a thread: thousands of lines would hold up everybody else's requests.
    lines = await asyncio.to_thread(lambda: [_line(row) for row in rows])
    if account_id is None or not lines:
        return (), await asyncio.to_thread(compare, (), lines)
    days = [line.day for line in lines]
    stored, told = await repository_imports.load_ledger(
        session,
        owner,
        account_id,
        first=min(days),
        last=max(days),
        ids={line.id for line in lines if line.id},
    )
    return stored, await asyncio.to_thread(compare, told, lines)


def _verdicts(comparison: Comparison, count: int) -> list[tuple[str, str]]:
    added = set(comparison.added)
    return [
        ("new", "")
        if place in added
        else ("known", "It stands in this file twice, with one id.")
        if place in comparison.repeated
        else ("known", "It is in your history already.")
        for place in range(count)
    ]
