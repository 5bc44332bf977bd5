"""The only SQL of the ledger. Every read takes the owner. Nothing here decides or commits."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID, uuid5

import orjson
from sqlalchemy import CursorResult, Row, delete, func, insert, or_, select, update

from optix.features.brokerage.service import asset_record
from optix.features.portfolio.ledger.values import (
    BookingRules,
    Disposal,
    Entry,
    FamilyBook,
    Lot,
    LotChoice,
    LotMethod,
    Posting,
    Problem,
)
from optix.features.portfolio.models import (
    AccountSetting,
    LedgerChange,
    LedgerDisposal,
    LedgerEntry,
    LedgerLot,
    LedgerProblem,
    LedgerSymbol,
    OwnLine,
)
from optix.features.portfolio.models import (
    LotChoice as LotChoiceRow,
)
from optix.kernel.holding import Asset
from optix.kernel.ids import UserId, new_uuid
from optix.platform.db import ReadSession, WriteSession, is_one_of

_STATE = (LedgerLot, LedgerDisposal, LedgerProblem)


@dataclass(frozen=True, slots=True)
class Change:
    """A line that is to be booked, and what it names or named. `id` is None until it is noted."""

    line_id: UUID | None
    symbol: str | None
    id: int | None = field(default=None, compare=False)


# What is to be booked


async def list_waiting(session: ReadSession, most: int) -> list[UserId]:
    """Return owners with something to book, who has waited longest first."""
    waiting = (
        select(LedgerChange.user_id, func.min(LedgerChange.id).label("first"))
        .group_by(LedgerChange.user_id)
        .order_by("first")
        .limit(most)
    )
    return [UserId(row.user_id) for row in await session.execute(waiting)]


async def lock_owner(session: WriteSession, owner: UserId) -> bool:
    """Take the books of an owner for this transaction; False where another one has them."""
    key = func.hashtextextended(f"ledger {owner}", 0)
    return bool(await session.scalar(select(func.pg_try_advisory_xact_lock(key))))


async def wait_for_owner(session: WriteSession, owner: UserId) -> None:
    """Take what an owner enters one after the other, until the transaction ends."""
    key = func.hashtextextended(f"own_line {owner}", 0)
    await session.execute(select(func.pg_advisory_xact_lock(key)))


async def list_changes(session: ReadSession, owner: UserId) -> list[Change]:
    """Return what is to be booked of an owner."""
    rows = await session.execute(
        select(LedgerChange.line_id, LedgerChange.symbol, LedgerChange.id).where(
            LedgerChange.user_id == owner
        )
    )
    return [Change(row.line_id, row.symbol, row.id) for row in rows]


async def take_changes(session: WriteSession, owner: UserId, changes: Sequence[Change]) -> bool:
    """Take changes off the list; False where one of them was taken by another.

    Not by number: one with a lower number may have been committed later.
    """
    gone = await session.execute(
        delete(LedgerChange).where(
            LedgerChange.user_id == owner,
            is_one_of(LedgerChange.id, [each.id for each in changes]),
        )
    )
    return cast("CursorResult[Any]", gone).rowcount == len(changes)


async def note_changes(session: WriteSession, owner: UserId, changes: Iterable[Change]) -> None:
    """Let lines be booked; one without a line and a symbol lets all be booked anew."""
    rows = [{"user_id": owner, "line_id": each.line_id, "symbol": each.symbol} for each in changes]
    if rows:
        await session.execute(insert(LedgerChange), rows)


# Families


async def list_symbols(
    session: ReadSession,
    owner: UserId,
    *,
    symbols: Collection[str],
    names: Collection[str],
    families: Collection[str],
) -> Sequence[Row[str, str, str]]:
    """Return (symbol, name, family) of what has one of these."""
    found = await session.execute(
        select(LedgerSymbol.symbol, LedgerSymbol.name, LedgerSymbol.family).where(
            LedgerSymbol.user_id == owner,
            or_(
                is_one_of(LedgerSymbol.symbol, symbols),
                is_one_of(LedgerSymbol.name, names),
                is_one_of(LedgerSymbol.family, families),
            ),
        )
    )
    return found.all()


async def replace_symbols(
    session: WriteSession,
    owner: UserId,
    families: Collection[str] | None,
    symbols: Mapping[str, tuple[str, str]],
) -> None:
    """Let the families have these symbols: (name, family) by symbol. None: all there are."""
    await _clear(session, LedgerSymbol, owner, families)
    rows = [
        {"user_id": owner, "symbol": symbol, "name": name, "family": family}
        for symbol, (name, family) in symbols.items()
    ]
    if rows:
        await session.execute(insert(LedgerSymbol), rows)


# Books


async def save_books(
    session: WriteSession,
    owner: UserId,
    books: Mapping[str, FamilyBook],
    *,
    families: Collection[str] | None,
    now: datetime,
) -> bool:
    """Let `families` (None: all) have these books; return whether anything is another now."""
    changed = await _save_entries(session, owner, books, families, now)
    for table in _STATE:
        await _clear(session, table, owner, families)
    rows: dict[type[Any], list[dict[str, Any]]] = {table: [] for table in _STATE}
    records: dict[str, dict[str, Any]] = {}
    for family, book in books.items():
        mine = {"user_id": owner, "family": family}
        rows[LedgerLot] += [mine | _lot(each, records) for each in book.lots]
        rows[LedgerDisposal] += [mine | _disposal(each, records) for each in book.disposals]
        rows[LedgerProblem] += [
            mine | _problem(each, place) for place, each in enumerate(book.problems)
        ]
    for table, values in rows.items():
        if values:
            await session.execute(insert(table), values)
    return changed


async def _save_entries(
    session: WriteSession,
    owner: UserId,
    books: Mapping[str, FamilyBook],
    families: Collection[str] | None,
    now: datetime,
) -> bool:
    wanted = [LedgerEntry.user_id == owner, LedgerEntry.superseded_at.is_(None)]
    if families is not None:
        wanted.append(is_one_of(LedgerEntry.family, families))
    rows = await session.execute(
        select(LedgerEntry.id, LedgerEntry.entry_id, LedgerEntry.digest).where(*wanted)
    )
    stored = {row.entry_id: row for row in rows}
    added: list[dict[str, Any]] = []
    kept: set[UUID] = set()
    for family, book in books.items():
        for entry in book.entries:
            record = [_posting(each) for each in entry.postings]
            digest = _digest(entry, family, record)
            before = stored.get(entry.id)
            if before is not None and before.digest == digest:
                kept.add(entry.id)
                continue
            added.append(
                {
                    "user_id": owner,
                    "account_id": entry.account,
                    "id": new_uuid(),
                    "entry_id": entry.id,
                    "family": family,
                    "line_id": entry.line,
                    "also": list(entry.also),
                    "day": entry.day,
                    "at": entry.at,
                    "kind": entry.kind,
                    "postings": record,
                    "digest": digest,
                    "booked_at": now,
                    "superseded_at": None,
                }
            )
    gone = [row.id for entry_id, row in stored.items() if entry_id not in kept]
    if gone:
        await session.execute(
            update(LedgerEntry).where(is_one_of(LedgerEntry.id, gone)).values(superseded_at=now)
        )
    if added:
        await session.execute(insert(LedgerEntry), added)
    return bool(gone or added)


async def _clear(
    session: WriteSession, table: type[Any], owner: UserId, families: Collection[str] | None
) -> None:
    wanted = [table.user_id == owner]
    if families is not None:
        wanted.append(is_one_of(table.family, families))
    await session.execute(delete(table).where(*wanted))


def _digest(entry: Entry, family: str, postings: Sequence[Any]) -> str:
    told = [
        family,
        str(entry.account),
        str(entry.line),
        entry.day.isoformat(),
        "" if entry.at is None else entry.at.isoformat(),
        entry.kind,
        postings,
        [str(each) for each in entry.also],
    ]
    return hashlib.blake2b(orjson.dumps(told), digest_size=16).hexdigest()


def _posting(posting: Posting) -> dict[str, Any]:
    record: dict[str, Any] = {
        "book": posting.book,
        "amount": _plain(posting.amount),
        "currency": posting.currency,
    }
    if posting.asset is not None:
        record["asset"] = posting.asset
    if posting.quantity is not None:
        record["quantity"] = _plain(posting.quantity)
    return record


def _plain(value: Decimal) -> str:
    return format(value, "f")


def _asset(asset: Asset, records: dict[str, dict[str, Any]]) -> dict[str, Any]:
    known = records.get(asset.key)
    if known is None:
        known = records[asset.key] = asset_record(asset)
    return known


def _lot(lot: Lot, records: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "account_id": lot.account,
        "id": lot.id,
        "line_id": lot.line,
        "symbol": lot.asset.symbol,
        "asset": _asset(lot.asset, records),
        "opened": lot.opened,
        "opened_at": lot.opened_at,
        "held_since": lot.held_since,
        "quantity": lot.quantity,
        "basis": lot.basis,
        "rolled": lot.rolled,
        "bought": lot.bought,
        "opening": lot.opening,
    }


def _disposal(disposal: Disposal, records: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "account_id": disposal.account,
        "id": disposal.id,
        "line_id": disposal.line,
        "lot_id": disposal.lot,
        "opening_line_id": disposal.opening_line,
        "kind": disposal.kind,
        "symbol": disposal.asset.symbol,
        "asset": _asset(disposal.asset, records),
        "opened": disposal.opened,
        "held_since": disposal.held_since,
        "closed": disposal.closed,
        "closed_at": disposal.closed_at,
        "quantity": disposal.quantity,
        "proceeds": disposal.proceeds,
        "basis": disposal.basis,
        "taxable": disposal.taxable,
        "bought": disposal.bought,
        "opening": disposal.opening,
    }


def _problem(problem: Problem, place: int) -> dict[str, Any]:
    return {
        "account_id": problem.account,
        "id": uuid5(problem.line, f"problem {problem.code} {place}"),
        "line_id": problem.line,
        "code": problem.code,
        "asset": problem.asset,
        "detail": problem.detail,
        "quantity": problem.quantity,
        "amount": problem.amount,
    }


# What owners enter


async def load_rules(session: ReadSession, owner: UserId) -> BookingRules:
    """Return how the owner wants lots to be chosen."""
    settings = await session.scalars(select(AccountSetting).where(AccountSetting.user_id == owner))
    choices = await session.scalars(select(LotChoiceRow).where(LotChoiceRow.user_id == owner))
    return BookingRules(
        methods={row.account_id: LotMethod(row.lot_method) for row in settings},
        choices={
            row.line_id: LotChoice(
                line=row.line_id,
                lots=tuple((UUID(lot), Decimal(size)) for lot, size in row.lots),
            )
            for row in choices
        },
    )


async def list_own_lines(session: ReadSession, owner: UserId) -> Sequence[OwnLine]:
    found = await session.scalars(
        select(OwnLine).where(OwnLine.user_id == owner).order_by(OwnLine.created_at, OwnLine.id)
    )
    return found.all()
