"""What booking carries from event to event: open lots, and what came out so far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid5

from optix.features.portfolio.ledger.open_lots import ZERO, OpenLot, Pool, share_of
from optix.features.portfolio.ledger.values import (
    Book,
    BookingRules,
    Disposal,
    DisposalKind,
    Entry,
    EntryKind,
    FamilyBook,
    LedgerLine,
    LotMethod,
    Posting,
    Problem,
    ProblemCode,
)
from optix.kernel.activity import ActivityKind
from optix.kernel.holding import Asset

ENTRY_KINDS: Final = {
    ActivityKind.TRADE: EntryKind.TRADE,
    ActivityKind.EXPIRATION: EntryKind.EXPIRY,
    ActivityKind.ASSIGNMENT: EntryKind.ASSIGNMENT,
    ActivityKind.EXERCISE: EntryKind.EXERCISE,
    ActivityKind.DIVIDEND: EntryKind.DIVIDEND,
    ActivityKind.REINVESTMENT: EntryKind.REINVESTMENT,
    ActivityKind.INTEREST: EntryKind.INTEREST,
    ActivityKind.FEE: EntryKind.FEE,
    ActivityKind.TAX: EntryKind.TAX,
    ActivityKind.DEPOSIT: EntryKind.DEPOSIT,
    ActivityKind.WITHDRAWAL: EntryKind.WITHDRAWAL,
    ActivityKind.TRANSFER: EntryKind.TRANSFER,
    ActivityKind.SPLIT: EntryKind.SPLIT,
    ActivityKind.SPIN_OFF: EntryKind.SPIN_OFF,
    ActivityKind.REORGANISATION: EntryKind.REORGANISATION,
    ActivityKind.SYMBOL_CHANGE: EntryKind.SYMBOL_CHANGE,
    ActivityKind.SWEEP: EntryKind.SWEEP,
    ActivityKind.ADJUSTMENT: EntryKind.ADJUSTMENT,
    ActivityKind.OTHER: EntryKind.OTHER,
}
assert set(ENTRY_KINDS) == set(ActivityKind), "every kind of line has its kind of entry"


def moment_of(at: datetime | None) -> float:
    """Return what orders lines of one day: those without a moment come first."""
    return 0.0 if at is None else at.timestamp()


class EntryDraft:
    """An entry while its postings are gathered. It balances when it is finished."""

    def __init__(
        self, line: LedgerLine, *, also: Iterable[LedgerLine] = (), word: str = "entry"
    ) -> None:
        self.line = line
        self.word = word
        self.also = tuple(each.id for each in also)
        self.currency = line.activity.cash.currency
        self.postings: list[Posting] = []

    def post(
        self,
        book: Book,
        amount: Decimal,
        asset: Asset | None = None,
        quantity: Decimal | None = None,
    ) -> None:
        if amount or quantity:
            self.postings.append(
                Posting(
                    book=book,
                    amount=amount,
                    currency=self.currency,
                    asset=None if asset is None else asset.key,
                    quantity=quantity,
                )
            )

    def rest(self) -> Decimal:
        """Return what is missing to zero."""
        return -sum((each.amount for each in self.postings), ZERO)


@dataclass(slots=True)
class State:
    """Everything that booking knows of one family at one moment."""

    rules: BookingRules
    pools: dict[tuple[UUID, str], Pool] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    disposals: list[Disposal] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    lots_opened: int = 0

    def pool(self, account: UUID, asset: Asset) -> Pool:
        """Return the lots of one account and asset."""
        key = (account, asset.key)
        found = self.pools.get(key)
        if found is None:
            found = self.pools[key] = Pool()
        return found

    def open_lot(
        self,
        line: LedgerLine,
        asset: Asset,
        quantity: Decimal,
        basis: Decimal,
        *,
        rolled: Decimal = ZERO,
        like: OpenLot | None = None,
        opening: bool = False,
    ) -> OpenLot:
        """Open a lot by a line; `like` another one, it keeps that one's days."""
        activity = line.activity
        word = f"lot {asset.key}" if like is None else f"lot {like.id} {asset.key}"
        lot = OpenLot(
            uuid5(line.id, word),
            line.account,
            asset,
            line.id,
            activity.day if like is None else like.opened,
            activity.at if like is None else like.opened_at,
            activity.day if like is None else like.held_since,
            quantity,
            basis,
            rolled,
            opening or (like is not None and like.opening),
            self.lots_opened,
            # What split off is no purchase, though it keeps the days of what was there.
            None
            if like is None or activity.kind is ActivityKind.SPIN_OFF
            else like.bought or like.line,
        )
        self.lots_opened += 1
        self.pool(line.account, asset).add(lot)
        return lot

    def take(self, line: LedgerLine, asset: Asset, quantity: Decimal) -> list[OpenLot]:
        """Take the lots that a move of `quantity` closes, as their owner wants them taken."""
        if not quantity:
            return []
        method = self.rules.methods.get(line.account, LotMethod.FIFO)
        choice = self.rules.choices.get(line.id)
        taken, whole = self.pool(line.account, asset).take(quantity, method, choice)
        if not whole:
            detail = "A lot that was chosen for this closing is not open then, or not as large."
            self.problem(ProblemCode.LOT_NOT_THERE, line, detail, asset)
        return taken

    def dispose(
        self,
        draft: EntryDraft,
        lots: Sequence[OpenLot],
        cash: Decimal,
        kind: DisposalKind,
        *,
        taxable: bool = True,
    ) -> None:
        """Close lots for `cash` in all, which the parts share by size.

        Where it is not taxable, the gain is none and the cash is what the lots carried.
        """
        whole = sum((abs(lot.quantity) for lot in lots), ZERO)
        for lot in lots:
            size = abs(lot.quantity)
            part = share_of(cash, size, whole) if taxable else lot.basis
            whole -= size
            cash -= part
            long = lot.quantity > 0
            proceeds, basis = (part, lot.basis) if long else (-lot.basis, -part)
            draft.post(Book.SECURITIES, -lot.basis, lot.asset, -lot.quantity)
            if taxable:
                draft.post(Book.GAINS, basis - proceeds)
            self.disposals.append(
                self._disposal(draft.line, lot, kind, proceeds, basis, taxable=taxable)
            )

    def _disposal(
        self,
        line: LedgerLine,
        lot: OpenLot,
        kind: DisposalKind,
        proceeds: Decimal,
        basis: Decimal,
        *,
        taxable: bool,
    ) -> Disposal:
        return Disposal(
            id=uuid5(line.id, f"disposal {lot.id} {kind}"),
            account=lot.account,
            asset=lot.asset,
            lot=lot.id,
            opening_line=lot.line,
            line=line.id,
            kind=kind,
            opened=lot.opened,
            held_since=lot.held_since,
            closed=line.activity.day,
            closed_at=line.activity.at,
            quantity=lot.quantity,
            proceeds=proceeds,
            basis=basis,
            taxable=taxable,
            opening=lot.opening,
            bought=lot.bought,
        )

    def finish(self, draft: EntryDraft) -> None:
        """Keep an entry. What does not balance is our own mistake."""
        assert not draft.rest(), "the postings of an entry sum to zero"
        if not draft.postings:
            return
        line = draft.line
        self.entries.append(
            Entry(
                id=uuid5(line.id, draft.word),
                account=line.account,
                line=line.id,
                day=line.activity.day,
                at=line.activity.at,
                kind=ENTRY_KINDS[line.activity.kind],
                postings=tuple(draft.postings),
                also=draft.also,
            )
        )

    def problem(
        self,
        code: ProblemCode,
        line: LedgerLine,
        detail: str,
        asset: Asset | None = None,
        *,
        quantity: Decimal | None = None,
        amount: Decimal | None = None,
    ) -> None:
        self.problems.append(
            Problem(
                code=code,
                account=line.account,
                line=line.id,
                asset=None if asset is None else asset.key,
                detail=detail,
                quantity=quantity,
                amount=amount,
            )
        )

    def result(self) -> FamilyBook:
        lots = [lot.as_value() for pool in self.pools.values() for lot in pool.lots]
        lots.sort(key=lambda lot: (lot.opened, moment_of(lot.opened_at), lot.id))
        return FamilyBook(
            entries=tuple(self.entries),
            lots=tuple(lots),
            disposals=tuple(self.disposals),
            problems=tuple(self.problems),
        )
