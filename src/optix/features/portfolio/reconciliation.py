"""Holding the ledger of each account against what its broker says, and settling what differs.

Compared is what stands now: nothing is stored, so a difference is gone once it is settled, by the
owner or by the broker's own next line. Nothing is settled unless its owner accepts a proposal,
which becomes lines of the owner's own.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from optix.features.brokerage.service import (
    BrokerageService,
    HeldAccount,
    asset_of_record,
    line_record,
)
from optix.features.portfolio import repository, repository_books, repository_compared
from optix.features.portfolio import schemas_ledger as schemas
from optix.features.portfolio.ledger.reconciling import (
    Compared,
    Difference,
    Side,
    is_cash,
    reconcile,
)
from optix.features.portfolio.ledger_told import asset_of_key, own_line_of, plain, text_of
from optix.features.portfolio.ledger_view import TooManyOwnLines
from optix.features.portfolio.models import OwnLine
from optix.features.portfolio.repository import Change
from optix.kernel import limits
from optix.kernel.activity import Activity
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import Conflict, NotFound
from optix.kernel.holding import Asset
from optix.kernel.ids import UserId, new_uuid
from optix.platform.db import Database

NEW_YORK = ZoneInfo("America/New_York")
ZERO = Decimal(0)


class DifferenceGone(NotFound):
    """It was settled, or is another one by now."""

    code = "difference_gone"
    next_step = "Load the differences again."


class StillBooking(Conflict):
    """What is compared is about to change: what was accepted before may settle this too."""

    code = "ledger_still_booking"
    next_step = "Wait a moment and load the differences again."


class NothingProposed(Conflict):
    code = "nothing_proposed"
    next_step = "Enter what you know of it as a line of your own, or import a statement."


@dataclass(slots=True)
class _Book:
    """What the ledger says of one account."""

    held: dict[str, tuple[Asset, Decimal, Decimal]] = field(default_factory=dict)
    cash: dict[str, Decimal] = field(default_factory=dict)
    unopened: list[Any] = field(default_factory=list)

    def add(self, asset: Asset, quantity: Decimal, basis: Decimal) -> None:
        _, before, paid = self.held.get(asset.key, (asset, ZERO, ZERO))
        self.held[asset.key] = (asset, before + quantity, paid + basis)

    def receive(self, currency: str, amount: Decimal) -> None:
        self.cash[currency] = self.cash.get(currency, ZERO) + amount


class Reconciliation:
    """Compares for one owner at a time."""

    def __init__(self, database: Database, brokerage: BrokerageService, clock: Clock) -> None:
        self._database = database
        self._brokerage = brokerage
        self._clock = clock

    async def list_differences(self, owner: UserId) -> schemas.Reconciliation:
        """Return what differs in each account, and what would settle it."""
        accounts, waiting, compared = await self._compare(owner)
        return schemas.Reconciliation(
            accounts=[_account(each, compared.get(each.id), waiting=waiting) for each in accounts]
        )

    async def accept(self, owner: UserId, body: schemas.DifferenceAccept) -> schemas.OwnLineList:
        """Keep what a difference proposes as lines of the owner's own, and let them be booked.

        Errors: DifferenceGone where it is not there as it was shown; NothingProposed; StillBooking;
                TooManyOwnLines.
        """
        _, waiting, compared = await self._compare(owner)
        if waiting:
            raise StillBooking("What was entered before is being booked.")
        one = compared.get(body.account_id)
        found = [each for each in reconcile(one) if _key(each) == body.key] if one else []
        if not found:
            raise DifferenceGone("This difference is not there any more.")
        if not found[0].proposal:
            raise NothingProposed("Nobody can tell what would settle this.")
        rows = self._rows(owner, body, found[0])
        async with self._database.writing() as session:
            # One after the other: of two taps at once the second finds the first one's lines.
            await repository.wait_for_owner(session, owner)
            if await repository_compared.is_waiting(session, owner):
                raise StillBooking("What was entered before is being booked.")
            there = await repository.list_own_lines(session, owner)
            if len(there) + len(rows) > limits.OWN_LINES_MAX:
                raise TooManyOwnLines("There are as many lines of your own as there may be.")
            for row in rows:
                await repository_books.add_own_line(session, row)
            changes = [Change(row.id, row.symbol) for row in rows]
            await repository.note_changes(session, owner, changes)
        return schemas.OwnLineList(lines=[own_line_of(row) for row in rows])

    def _rows(
        self, owner: UserId, body: schemas.DifferenceAccept, found: Difference
    ) -> list[OwnLine]:
        now = to_datetime(self._clock.now_ns())
        return [
            OwnLine(
                user_id=owner,
                account_id=body.account_id,
                id=new_uuid(),
                symbol=None if line.asset is None else line.asset.symbol,
                record=line_record(line),
                note=found.evidence[: limits.OWN_LINE_NOTE_LENGTH_MAX],
                created_at=now,
            )
            for line in found.proposal
        ]

    async def _compare(
        self, owner: UserId
    ) -> tuple[Sequence[HeldAccount], bool, dict[UUID, Compared]]:
        accounts = await self._brokerage.list_held(owner)
        today = to_datetime(self._clock.now_ns()).astimezone(NEW_YORK).date()
        lines = await self._brokerage.list_day(owner, today)
        async with self._database.reading(owner=owner) as session:
            lots = await repository_compared.sum_lots(session, owner)
            cash = await repository_compared.sum_cash(session, owner)
            unopened = await repository_compared.list_unopened(session, owner)
            known = await repository_compared.list_named(session, owner)
            newest = await repository_compared.list_newest(session, owner)
            waiting = await repository_compared.is_waiting(session, owner)
        books: defaultdict[UUID, _Book] = defaultdict(_Book)
        for account_id, record, quantity, basis in lots:
            books[account_id].add(asset_of_record(orjson.loads(record)), quantity, basis)
        for account_id, currency, amount in cash:
            books[account_id].receive(currency, amount)
        for account_id, key, size, day in unopened:
            books[account_id].unopened.append((asset_of_key(key or ""), size or ZERO, day))
        read_at = {each.id: each.snapshot.as_of for each in accounts if each.snapshot is not None}
        for line in lines:
            moment, fill = read_at.get(line.account_id), line.activity
            if line.source == "order" and moment and (fill.at is None or fill.at <= moment):
                _add_fill(books[line.account_id], fill)
        compared = {
            account.id: _compared(account, books[account.id], known)
            for account in accounts
            if account.snapshot is not None
            and account.snapshot.complete
            and not _is_older(account.snapshot.as_of, newest.get(account.id))
        }
        return accounts, waiting, _with_others(compared)


def _is_older(as_of: datetime, newest: tuple[date, datetime | None] | None) -> bool:
    """Return whether a snapshot is older than what was booked: it cannot know of that."""
    if newest is None:
        return False
    day, at = newest
    return day > as_of.astimezone(NEW_YORK).date() or (at is not None and at > as_of)


def _add_fill(book: _Book, fill: Activity) -> None:
    """Count a fill whose transaction has not come: the broker holds it already."""
    if fill.asset is not None and fill.quantity:
        book.add(fill.asset, fill.quantity, -fill.cash.amount)
        book.receive(fill.cash.currency, fill.cash.amount)


def _compared(account: HeldAccount, book: _Book, known: frozenset[str]) -> Compared:
    snapshot = account.snapshot
    assert snapshot is not None, "only what was read is compared"
    cash = {each.currency: each.cash.amount for each in snapshot.balances if each.cash is not None}
    ours = dict(book.cash)
    sides: dict[str, Side] = {
        key: Side(asset=asset, ledger=quantity, broker=ZERO, basis=basis)
        for key, (asset, quantity, basis) in book.held.items()
        if not is_cash(asset)
    }
    for asset, _, basis in book.held.values():
        if is_cash(asset):
            ours[asset.currency] = ours.get(asset.currency, ZERO) + basis
    for position in snapshot.positions:
        asset = position.asset
        if is_cash(asset):
            worth = position.value.amount if position.value is not None else position.quantity
            cash[asset.currency] = cash.get(asset.currency, ZERO) + (worth or ZERO)
        elif position.quantity is None:
            sides.pop(asset.key, None)  # a broker that gives no direction cannot be compared
        else:
            before = sides.get(asset.key) or Side(asset=asset, ledger=ZERO, broker=ZERO)
            sides[asset.key] = replace(
                before,
                broker=before.broker + position.quantity,
                cost=None if position.cost is None else position.cost.amount,
                price=None if position.price is None else position.price.value,
            )
    return Compared(
        account=account.id,
        as_of=snapshot.as_of.astimezone(NEW_YORK).date(),
        sides=tuple(sides.values()),
        cash={name: (ours.get(name, ZERO), amount) for name, amount in cash.items()},
        known=known,
        unopened=tuple(book.unopened),
    )


def _with_others(compared: Mapping[UUID, Compared]) -> dict[UUID, Compared]:
    """Tell each account what the others differ by."""
    gaps: defaultdict[str, set[tuple[UUID, Decimal]]] = defaultdict(set)
    for each in compared.values():
        for side in each.sides:
            if side.gap:
                gaps[side.asset.key].add((each.account, side.gap))
    return {
        id_: replace(each, elsewhere={key: _of_others(told, id_) for key, told in gaps.items()})
        for id_, each in compared.items()
    }


def _of_others(told: Iterable[tuple[UUID, Decimal]], account: UUID) -> frozenset[Decimal]:
    return frozenset(gap for other, gap in told if other != account)


def _account(
    account: HeldAccount, compared: Compared | None, *, waiting: bool
) -> schemas.ComparedAccount:
    differences = [] if compared is None else list(reconcile(compared))
    if compared is None:
        state = "not_compared"
    elif waiting:
        state = "booking"
    else:
        state = "differs" if differences else "equal"
    return schemas.ComparedAccount(
        account_id=account.id,
        state=state,
        as_of=None if account.snapshot is None else account.snapshot.as_of,
        stale=account.stale,
        differences=[_difference(each) for each in differences],
    )


def _difference(found: Difference) -> schemas.Difference:
    return schemas.Difference(
        key=_key(found),
        cause=found.cause,
        symbol=None if found.asset is None else found.asset.symbol,
        currency=found.currency,
        ledger=plain(found.ledger),
        broker=plain(found.broker),
        evidence=found.evidence,
        proposal=[
            schemas.ProposedLine(
                kind=line.kind,
                day=line.day,
                symbol=None if line.asset is None else line.asset.symbol,
                quantity=text_of(line.quantity),
                price=None if line.price is None else plain(line.price.value),
                cash=plain(line.cash.amount),
                currency=line.cash.currency,
            )
            for line in found.proposal
        ],
    )


def _key(found: Difference) -> str:
    """Return what names a difference as long as it is the same one."""
    told = (
        found.account,
        found.cause,
        None if found.asset is None else found.asset.key,
        found.currency,
        plain(found.ledger),
        plain(found.broker),
    )
    return hashlib.blake2b(repr(told).encode(), digest_size=12).hexdigest()
