"""The SQL of imports. Everything here takes its owner."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Text, any_, cast, delete, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from optix.features.brokerage import records
from optix.features.brokerage.merging import StoredActivity
from optix.features.brokerage.models import BrokerAccountRow, BrokerActivity
from optix.features.brokerage.models_imports import BrokerImport, BrokerImportRow
from optix.features.brokerage.repository import line_of
from optix.kernel.activity import Activity
from optix.kernel.ids import UserId, new_uuid
from optix.platform.db import ReadSession, WriteSession

Record = Mapping[str, Any]


async def list_imports(session: ReadSession, owner: UserId) -> Sequence[BrokerImport]:
    """Return the imports of a user, the newest first."""
    found = await session.scalars(
        select(BrokerImport)
        .where(BrokerImport.user_id == owner)
        .order_by(BrokerImport.created_at.desc(), BrokerImport.id.desc())
    )
    return found.all()


async def find_import(
    session: ReadSession, owner: UserId, import_id: UUID, *, lock: bool = False
) -> BrokerImport | None:
    wanted = select(BrokerImport).where(BrokerImport.user_id == owner, BrokerImport.id == import_id)
    return await session.scalar(wanted.with_for_update() if lock else wanted)


async def delete_import(session: WriteSession, owner: UserId, import_id: UUID) -> None:
    """Forget an import with its rows."""
    await session.execute(
        delete(BrokerImport).where(BrokerImport.user_id == owner, BrokerImport.id == import_id)
    )


async def add_rows(session: WriteSession, rows: Sequence[Record]) -> None:
    if rows:
        await session.execute(insert(BrokerImportRow), [dict(row) for row in rows])


async def update_rows(session: WriteSession, rows: Sequence[Record]) -> None:
    """Change rows by their ids."""
    if rows:
        await session.execute(update(BrokerImportRow), [dict(row) for row in rows])


async def list_rows(
    session: ReadSession,
    owner: UserId,
    import_id: UUID,
    *,
    after: int = -1,
    most: int | None = None,
) -> Sequence[BrokerImportRow]:
    """Return rows in the order of the file."""
    found = await session.scalars(
        select(BrokerImportRow)
        .where(
            BrokerImportRow.user_id == owner,
            BrokerImportRow.import_id == import_id,
            BrokerImportRow.place > after,
        )
        .order_by(BrokerImportRow.place)
        .limit(most)
        # Verdicts are written in bulk, behind objects that were read before.
        .execution_options(populate_existing=True)
    )
    return found.all()


async def count_rows(
    session: ReadSession, owner: UserId, imports: Collection[UUID]
) -> dict[UUID, dict[str, int]]:
    """Return how many rows have which verdict, of each import."""
    found = await session.execute(
        select(BrokerImportRow.import_id, BrokerImportRow.verdict, func.count())
        .where(BrokerImportRow.user_id == owner, BrokerImportRow.import_id.in_(list(imports)))
        .group_by(BrokerImportRow.import_id, BrokerImportRow.verdict)
    )
    counts: dict[UUID, dict[str, int]] = {each: {} for each in imports}
    for import_id, verdict, count in found:
        counts[import_id][verdict] = count
    return counts


async def find_account(
    session: ReadSession, owner: UserId, broker: str, stable_key: str
) -> BrokerAccountRow | None:
    return await session.scalar(
        select(BrokerAccountRow).where(
            BrokerAccountRow.user_id == owner,
            BrokerAccountRow.broker == broker,
            BrokerAccountRow.stable_key == stable_key,
        )
    )


async def load_ledger(
    session: ReadSession,
    owner: UserId,
    account_id: UUID,
    *,
    first: date,
    last: date,
    ids: Collection[str],
) -> tuple[list[BrokerActivity], list[StoredActivity]]:
    """Return the lines of some days and those that files call by one of `ids`, as they are stored
    and as they are compared: with all ids that the broker or a file has for them.
    """
    mine = [BrokerActivity.user_id == owner, BrokerActivity.account_id == account_id]
    named = (
        select(BrokerImportRow.activity_id)
        .where(
            BrokerImportRow.user_id == owner,
            BrokerImportRow.line_id == any_(cast(list(ids), ARRAY(Text))),
            BrokerImportRow.activity_id.is_not(None),
        )
        .scalar_subquery()
    )
    wanted = or_(BrokerActivity.day.between(first, last), BrokerActivity.id.in_(named))
    found = await session.scalars(
        select(BrokerActivity)
        .where(*mine, wanted)
        .order_by(BrokerActivity.first_seen_at, BrokerActivity.id)
    )
    rows = list(found.all())
    told: dict[UUID, set[str]] = {row.id: set(row.ids) for row in rows}
    claims = await session.execute(
        select(BrokerImportRow.activity_id, BrokerImportRow.line_id)
        .join(BrokerActivity, BrokerActivity.id == BrokerImportRow.activity_id)
        .where(*mine, wanted, BrokerImportRow.line_id != "")
    )
    for activity_id, line_id in claims:
        assert activity_id is not None, "joined by it"
        told[activity_id].add(line_id)
    stored = [
        StoredActivity(place, frozenset(told[row.id]), line_of(row))
        for place, row in enumerate(rows)
    ]
    return rows, stored


async def add_activities(
    session: WriteSession,
    account: BrokerAccountRow,
    import_id: UUID,
    lines: Sequence[Activity],
    now: datetime,
) -> list[UUID]:
    """Write new lines of an import; return their ids."""
    ids = sorted(new_uuid() for _ in lines)
    if lines:
        await session.execute(
            insert(BrokerActivity),
            [
                {
                    "id": each,
                    "user_id": account.user_id,
                    "account_id": account.id,
                    "ids": [],  # a broker's own; those of files are with the rows of the import
                    "source": "import",
                    "import_id": import_id,
                    "first_seen_at": now,
                    "absent_since": None,
                    "revisions": [],
                    **records.dump_activity(line),
                }
                for each, line in zip(ids, lines, strict=True)
            ],
        )
    return ids


async def release_activities(session: WriteSession, owner: UserId, import_id: UUID) -> None:
    """Take back the lines that an import brought. One that another import shows becomes its."""
    mine = [BrokerActivity.user_id == owner, BrokerActivity.import_id == import_id]
    heirs = await session.execute(
        select(BrokerActivity, BrokerImportRow)
        .join(BrokerImportRow, BrokerImportRow.activity_id == BrokerActivity.id)
        .join(BrokerImport, BrokerImport.id == BrokerImportRow.import_id)
        .where(*mine, BrokerImport.id != import_id)
        .order_by(BrokerImport.confirmed_at, BrokerImport.id, BrokerImportRow.place)
    )
    for activity, row in heirs:
        if activity.import_id != import_id:
            continue  # an earlier import has it
        assert row.record is not None, "what claims a line is a line"
        activity.import_id = row.import_id
        for name, value in records.dump_activity(load_record(row.record)).items():
            setattr(activity, name, value)
    await session.flush()  # those are no longer of this import when the rest goes
    await session.execute(delete(BrokerActivity).where(*mine))


async def delete_empty_account(session: WriteSession, owner: UserId, account_id: UUID) -> None:
    """Forget an account that only an import made, once nothing is in it."""
    lines = select(BrokerActivity.id).where(BrokerActivity.account_id == account_id)
    await session.execute(
        delete(BrokerAccountRow).where(
            BrokerAccountRow.user_id == owner,
            BrokerAccountRow.id == account_id,
            BrokerAccountRow.connection_id.is_(None),
            BrokerAccountRow.stable_key.startswith(FILE_KEY),
            ~lines.exists(),
        )
    )


FILE_KEY = "file:"


def dump_record(line: Activity) -> dict[str, Any]:
    """Return a line as JSON has it."""
    return records.as_json(records.dump_activity(line))


def load_record(record: Record, *, name: str = "") -> Activity:
    """Return the line of `dump_record`; `name` is its id."""
    at, settles = record.get("at"), record.get("settles")
    numbers = {
        each: None if record.get(each) is None else Decimal(record[each])
        for each in ("quantity", "price", "cash", "fees")
    }
    return records.load_activity(
        {
            **record,
            **numbers,
            "day": date.fromisoformat(record["day"]),
            "at": None if at is None else datetime.fromisoformat(at),
            "settles": None if settles is None else date.fromisoformat(settles),
            "asset": record.get("asset"),
            "effect": record.get("effect"),
        },
        name=name,
    )
