"""Renewing what the vault sealed: every sealed column of every table, a page at a time.

A feature marks a sealed column in its model, and rotation finds it there:

    secret: Mapped[bytes] = mapped_column(LargeBinary, info=SEALED)

The row of the place is the table's primary key, which is one column. Nothing stands still
meanwhile: old and new envelopes open side by side, and a value that changed since it was read is
left to the next page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Column, MetaData, Table, select, update

from optix.platform.db import Database
from optix.platform.vault import SealBroken, Vault, key_id_of

SEALED: Final = {"sealed": True}
ROWS_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class SealedColumn:
    table: Table
    key: Column[Any]
    column: Column[Any]

    def __str__(self) -> str:
        return f"{self.table.name}.{self.column.name}"


@dataclass(slots=True)
class Rotation:
    """What one run did. `broken` are values that open with no key we have."""

    renewed: int = 0
    current: int = 0
    broken: list[str] = field(default_factory=list)


def sealed_columns(metadata: MetaData) -> Iterator[SealedColumn]:
    """Yield every column that is marked `info=SEALED`."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            if column.info.get("sealed"):
                (key,) = table.primary_key.columns
                yield SealedColumn(table, key, column)


async def count_by_key(database: Database, metadata: MetaData) -> Mapping[str, Counter[str]]:
    """Return for each sealed column how many values each key has sealed ("?": unreadable)."""
    counted: dict[str, Counter[str]] = {}
    for place in sealed_columns(metadata):
        counter = counted[str(place)] = Counter()
        last = None
        while page := await _page(database, place, last):
            counter.update(_key_id_or_unreadable(envelope) for _, envelope in page)
            last = page[-1][0]
    return counted


async def rotate(database: Database, vault: Vault, metadata: MetaData) -> Rotation:
    """Seal anew what another key than the current one sealed.

    Effects: writes the sealed columns; asks the provider of keys, outside any transaction.
    """
    done = Rotation()
    for place in sealed_columns(metadata):
        last = None
        while page := await _page(database, place, last):
            for row, envelope in page:
                await _renew(database, vault, place, done, row=row, envelope=envelope)
            last = page[-1][0]
    return done


async def _renew(
    database: Database,
    vault: Vault,
    place: SealedColumn,
    done: Rotation,
    *,
    row: Any,
    envelope: bytes,
) -> None:
    where = {"table": place.table.name, "row": row, "column": place.column.name}
    try:
        if await vault.is_current(envelope):
            done.current += 1
            return
        renewed = await vault.seal(await vault.open(envelope, **where), **where)
    except SealBroken:
        done.broken.append(f"{place} {row}")
        return
    # Only if it is still what was read: who wrote meanwhile sealed with the current key already.
    statement = (
        update(place.table)
        .where(place.key == row, place.column == envelope)
        .values({place.column: renewed})
    )
    async with database.writing() as session:
        await session.execute(statement)
    done.renewed += 1


async def _page(database: Database, place: SealedColumn, last: Any) -> Sequence[tuple[Any, bytes]]:
    query = (
        select(place.key, place.column)
        .where(place.column.is_not(None))
        .order_by(place.key)
        .limit(ROWS_AT_ONCE)
    )
    if last is not None:
        query = query.where(place.key > last)
    async with database.reading() as session:
        return [(row[0], row[1]) for row in await session.execute(query)]


def _key_id_or_unreadable(envelope: bytes) -> str:
    try:
        return key_id_of(envelope)
    except SealBroken:
        return "?"
