"""The only SQL of watchlists. Every read takes the owner. Nothing here decides or commits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from optix.features.watchlists.models import WatchlistRow
from optix.features.watchlists.registers import Fields, Stamp, Value, Watchlist
from optix.kernel.ids import UserId
from optix.platform.db import ReadSession, WriteSession


async def lock_owner(session: WriteSession, owner: UserId) -> None:
    """Let one set of edits of `owner` after the other be applied, until the transaction ends."""
    key = func.hashtextextended(f"watchlist {owner}", 0)
    await session.execute(select(func.pg_advisory_xact_lock(key)))


async def load_watchlists(session: ReadSession, owner: UserId) -> dict[UUID, Watchlist]:
    """Return every list of `owner`, those that were removed too."""
    query = select(WatchlistRow).where(WatchlistRow.user_id == owner)
    rows: Sequence[WatchlistRow] = (await session.scalars(query)).all()
    return {row.id: _load(row) for row in rows}


async def save_watchlists(
    session: WriteSession, owner: UserId, lists: Iterable[Watchlist], now: datetime
) -> None:
    """Write lists as they are now."""
    values = [
        {
            "user_id": owner,
            "id": each.id,
            "fields": _dump(each.fields),
            "entries": {key: _dump(fields) for key, fields in each.entries.items()},
            "changed_at": now,
        }
        for each in lists
    ]
    if not values:
        return
    statement = insert(WatchlistRow).values(values)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["user_id", "id"],
            set_={
                name: getattr(statement.excluded, name)
                for name in ("fields", "entries", "changed_at")
            },
        )
    )


async def forget_watchlists(session: WriteSession, owner: UserId, ids: Iterable[UUID]) -> None:
    """Delete lists whose removal nobody can contradict any more."""
    await session.execute(
        delete(WatchlistRow).where(WatchlistRow.user_id == owner, WatchlistRow.id.in_(list(ids)))
    )


def _load(row: WatchlistRow) -> Watchlist:
    entries = {key: _fields(record) for key, record in row.entries.items()}
    return Watchlist(row.id, _fields(row.fields), entries)


def _fields(record: Mapping[str, Any]) -> Fields:
    values: dict[str, Value] = {}
    stamps = {}
    for name, (value, at_ms, edit) in record.items():
        values[name] = tuple(value) if isinstance(value, list) else value
        stamps[name] = Stamp(at_ms, UUID(edit))
    return Fields(values, stamps)


def _dump(fields: Fields) -> dict[str, Any]:
    return {
        name: [value, fields.stamps[name].at_ms, str(fields.stamps[name].edit)]
        for name, value in fields.values.items()
    }
