"""Booking one owner's history: what changed decides which families are booked, each from scratch.

Families never depend on each other (`ledger.families`), and ids are made from the lines, so what
is booked step by step is what a rebuild gives: there is no other way in. What one booking writes is
one transaction, with the list of changes it came from: a crash leaves both as they were.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from optix.features.brokerage.service import Line, find_partners, line_of_record, load_history
from optix.features.portfolio import repository
from optix.features.portfolio.ledger.booking import book_family
from optix.features.portfolio.ledger.families import (
    CONVERSIONS,
    STATELESS,
    families_of,
    family_names,
    name_of,
)
from optix.features.portfolio.ledger.values import (
    BookingRules,
    FamilyBook,
    LedgerLine,
    LineSource,
)
from optix.features.portfolio.models import OwnLine
from optix.features.portfolio.repository import Change
from optix.kernel import limits
from optix.kernel.activity import ActivityKind
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.ids import UserId
from optix.kernel.instrument import MalformedContract, parse_option
from optix.kernel.roots import underlying_of
from optix.platform.db import Database, ReadSession
from optix.platform.user_events import leave

ALL = Change(None, None)
_GROUPED = CONVERSIONS | {ActivityKind.EXERCISE, ActivityKind.ASSIGNMENT}


@dataclass(slots=True)
class _Wanted:
    """What is booked together, while it is found out. `families` are those it was of before."""

    symbols: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    families: set[str] = field(default_factory=set)
    ids: set[UUID] = field(default_factory=set)

    @property
    def size(self) -> int:
        return len(self.symbols) + len(self.names) + len(self.families) + len(self.ids)

    def want(self, line_id: UUID | None, symbol: str | None) -> None:
        if symbol is not None:
            self.symbols.add(symbol)
            self.names.add(_name_of_symbol(symbol))
        elif line_id is not None:
            self.ids.add(line_id)
            self.symbols.add(_alone(line_id))


class _BookedElsewhere(Exception):  # no error: somebody else is at it
    """Another worker books the same changes: this transaction is rolled back."""


class LedgerBooks:
    """Books what changed. One per process; owners are booked one after the other."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def list_waiting(self, most: int) -> list[UserId]:
        """Return owners with something to book."""
        async with self._database.reading() as session:
            return await repository.list_waiting(session, most)

    async def book(self, owner: UserId) -> bool:
        """Book what changed of an owner; False where there is nothing, or another does it.

        What is read, worked out and written are three steps, because no transaction waits while
        this process computes. If another one took the same changes meanwhile, nothing is written;
        what was changed meanwhile is still noted, and booked next.
        Effects: the tables of the ledger; `portfolio/changed` for the owner's devices.
        """
        async with self._database.reading() as session:
            changes = await repository.list_changes(session, owner)
            if not changes:
                return False
            rules = await repository.load_rules(session, owner)
            own = await repository.list_own_lines(session, owner)
            if ALL in changes or len(changes) > limits.LEDGER_CHANGES_MAX:
                before: set[str] | None = None
                lines = _ledger_lines(await load_history(session, owner), own)
            else:
                wanted, lines = await _gather(session, owner, changes, own)
                before = wanted.families
        books, symbols = await asyncio.to_thread(_books_of, lines, rules)
        families = None if before is None else before | set(books)
        try:
            await self._save(owner, changes, books, symbols, families)
        except _BookedElsewhere:
            return False
        return True

    async def _save(
        self,
        owner: UserId,
        changes: Sequence[Change],
        books: Mapping[str, FamilyBook],
        symbols: Mapping[str, tuple[str, str]],
        families: Collection[str] | None,
    ) -> None:
        now_ns = self._clock.now_ns()
        async with self._database.writing() as session:
            if not await repository.lock_owner(session, owner):
                raise _BookedElsewhere
            if not await repository.take_changes(session, owner, changes):
                raise _BookedElsewhere
            await repository.replace_symbols(session, owner, families, symbols)
            if await repository.save_books(
                session, owner, books, families=families, now=to_datetime(now_ns)
            ):
                body = {"what": "ledger"}
                await leave(session, owner, "portfolio", "changed", body, at_ns=now_ns)

    async def rebuild(self, owner: UserId) -> None:
        """Book the whole history of an owner anew."""
        async with self._database.writing() as session:
            await repository.note_changes(session, owner, [ALL])
        await self.book(owner)


async def _gather(
    session: ReadSession, owner: UserId, changes: Sequence[Change], own: Sequence[OwnLine]
) -> tuple[_Wanted, list[LedgerLine]]:
    """Return all lines that must be booked with those that changed, and what they were of."""
    wanted = _Wanted()
    for change in changes:
        wanted.want(change.line_id, change.symbol)
    changed = {change.line_id for change in changes}
    asked: set[UUID] = set()
    while True:
        size = -1
        while size != wanted.size:
            size = wanted.size
            for row in await repository.list_symbols(
                session,
                owner,
                symbols=wanted.symbols,
                names=wanted.names,
                families=wanted.families,
            ):
                wanted.symbols.add(row.symbol)
                wanted.names.add(row.name)
                wanted.families.add(row.family)
                if row.symbol.startswith("~"):
                    wanted.ids.add(UUID(row.symbol[1:]))
        history = await load_history(session, owner, symbols=wanted.symbols, ids=wanted.ids)
        lines = _ledger_lines(history, _own_of(own, wanted))
        for line in lines:
            wanted.names |= family_names(line.activity)
        new = [line for line in lines if line.id in changed and line.id not in asked]
        asked |= {line.id for line in new}
        partners = await find_partners(
            session,
            owner,
            [line.activity for line in new],
            by_group=_GROUPED,
            by_day=CONVERSIONS,
        )
        for id_, symbol in partners:
            wanted.want(id_, symbol)
        if size == wanted.size:
            # A line alone that is no part of an event is a family of its own.
            wanted.families |= {_alone(each) for each in wanted.ids}
            return wanted, lines


def _books_of(
    lines: Sequence[LedgerLine], rules: BookingRules
) -> tuple[dict[str, FamilyBook], dict[str, tuple[str, str]]]:
    """Return the book of each family, and (name, family) of each symbol."""
    family_of = families_of(lines)
    parts: defaultdict[str, list[LedgerLine]] = defaultdict(list)
    symbols: dict[str, tuple[str, str]] = {}
    for line in lines:
        family = family_of[line.id]
        asset = line.activity.asset
        if family == STATELESS:
            parts[_alone(line.id)].append(line)
            continue
        parts[family].append(line)
        symbol = _alone(line.id) if asset is None else asset.symbol
        symbols[symbol] = (symbol if asset is None else name_of(asset), family)
    return {family: book_family(each, rules) for family, each in parts.items()}, symbols


def _ledger_lines(history: Iterable[Line], own: Iterable[OwnLine]) -> list[LedgerLine]:
    lines = [
        LedgerLine(
            id=line.id,
            account=line.account_id,
            activity=line.activity,
            seen=place,
            source=LineSource(line.source),
        )
        for place, line in enumerate(history)
    ]
    return lines + [
        LedgerLine(
            id=row.id,
            account=row.account_id,
            activity=line_of_record(row.record),
            seen=len(lines) + place,
            source=LineSource.OWN,
        )
        for place, row in enumerate(own)
    ]


def _own_of(own: Sequence[OwnLine], wanted: _Wanted) -> list[OwnLine]:
    return [
        row
        for row in own
        if row.id in wanted.ids
        or (row.symbol is not None and _name_of_symbol(row.symbol) in wanted.names)
    ]


def _alone(line_id: UUID) -> str:
    """Return the family, and the symbol, of a line without an asset."""
    return f"~{line_id}"


def _name_of_symbol(symbol: str) -> str:
    """Return the name of what a stored symbol is of, as `ledger.families.name_of` gives it."""
    try:
        return underlying_of(parse_option(symbol).root)
    except MalformedContract:
        return symbol
