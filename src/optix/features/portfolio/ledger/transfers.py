"""Securities that come or go without a price: between own accounts, from elsewhere, to elsewhere.

Between accounts of one owner the lots travel with their money and their days. The two sides are
lines of two accounts with the same asset and quantity, some days apart at most.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from optix.features.portfolio.ledger.open_lots import ZERO
from optix.features.portfolio.ledger.state import EntryDraft, State
from optix.features.portfolio.ledger.values import (
    Book,
    DisposalKind,
    LedgerLine,
    LineSource,
    ProblemCode,
)
from optix.kernel.activity import ActivityKind
from optix.kernel.holding import AssetKind

DAYS_APART_MAX: Final = timedelta(days=10)


def match_transfers(lines: Sequence[LedgerLine]) -> dict[UUID, tuple[LedgerLine, LedgerLine]]:
    """Return (out, in) of each transfer between own accounts, by the ids of both its lines."""
    outs: list[LedgerLine] = []
    came: defaultdict[tuple[str, Decimal], list[LedgerLine]] = defaultdict(list)
    for line in lines:
        asset, quantity = line.activity.asset, line.activity.quantity
        moves = line.activity.kind is ActivityKind.TRANSFER and line.source is not LineSource.OWN
        if moves and asset is not None and quantity:
            if quantity < 0:
                outs.append(line)
            else:
                came[asset.key, quantity].append(line)
    found: dict[UUID, tuple[LedgerLine, LedgerLine]] = {}
    for out in outs:
        asset, quantity = out.activity.asset, out.activity.quantity
        assert asset is not None, "it moves something"
        assert quantity is not None, "it moves something"
        for each in came[asset.key, -quantity]:
            if each.id not in found and _are_one(out, each):
                found[out.id] = found[each.id] = (out, each)
                break
    return found


def _are_one(out: LedgerLine, came: LedgerLine) -> bool:
    near = abs(out.activity.day - came.activity.day) <= DAYS_APART_MAX
    return near and out.account != came.account


def book_own_transfer(state: State, out: LedgerLine, came: LedgerLine) -> None:
    """Move lots between two accounts of one owner: two entries, which meet in TRANSIT."""
    asset, quantity = out.activity.asset, out.activity.quantity
    assert asset is not None, "both sides name it"
    assert quantity is not None, "both sides name it"
    held = state.pool(out.account, asset).against(quantity)
    owed = state.pool(came.account, asset).against(-quantity)
    if owed and not held:
        # A short position leaves by coming in: what went out is what now is owed there.
        out, came, quantity, held = came, out, -quantity, owed
    lots = state.take(out, asset, held.copy_sign(quantity))
    left, arrived = EntryDraft(out), EntryDraft(came)
    left.post(Book.CASH, out.activity.cash.amount)
    arrived.post(Book.CASH, came.activity.cash.amount)
    for lot in lots:
        left.post(Book.SECURITIES, -lot.basis, asset, -lot.quantity)
        state.open_lot(came, asset, lot.quantity, lot.basis, rolled=lot.rolled, like=lot)
        arrived.post(Book.SECURITIES, lot.basis, asset, lot.quantity)
    rest = (abs(quantity) - held).copy_sign(-quantity)
    if rest:
        detail = "More was transferred than the history of the giving account holds."
        state.problem(ProblemCode.BASIS_UNKNOWN, came, detail, asset, quantity=rest)
        state.open_lot(came, asset, rest, ZERO, opening=True)
        arrived.post(Book.SECURITIES, ZERO, asset, rest)
    left.post(Book.TRANSIT, left.rest())
    arrived.post(Book.TRANSIT, arrived.rest())
    state.finish(left)
    state.finish(arrived)


def book_outside_transfer(state: State, line: LedgerLine) -> None:
    """Book securities from or to somewhere else, or what an owner says was there before."""
    activity = line.activity
    asset, quantity = activity.asset, activity.quantity
    assert asset is not None, "it moves something"
    assert quantity, "it moves something"
    own = line.source is LineSource.OWN
    book = Book.OPENING if own else Book.EXTERNAL
    draft = EntryDraft(line)
    draft.post(Book.CASH, activity.cash.amount)
    pool = state.pool(line.account, asset)
    closed = pool.against(quantity)
    if closed:
        lots = state.take(line, asset, closed.copy_sign(quantity))
        state.dispose(draft, lots, ZERO, DisposalKind.TRANSFER, taxable=False)
    rest = (abs(quantity) - closed).copy_sign(quantity)
    if rest:
        worth = ZERO
        if activity.price is not None:
            worth = -activity.price.cash(rest, asset.multiplier, activity.cash.currency).amount
        elif asset.kind is AssetKind.CASH_EQUIVALENT:
            worth = rest  # a money-market share is a dollar
        else:
            detail = "This came from elsewhere: what it cost is not told."
            state.problem(ProblemCode.BASIS_UNKNOWN, line, detail, asset, quantity=rest)
        state.open_lot(line, asset, rest, worth, opening=True)
        draft.post(Book.SECURITIES, worth, asset, rest)
    draft.post(book, draft.rest())
    state.finish(draft)
