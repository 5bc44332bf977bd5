"""Trades: buying, selling, selling short and covering, also through zero; and expirations."""

from __future__ import annotations

from decimal import Decimal

from optix.features.portfolio.ledger.open_lots import ZERO, share_of
from optix.features.portfolio.ledger.state import EntryDraft, State
from optix.features.portfolio.ledger.values import (
    Book,
    DisposalKind,
    LedgerLine,
    ProblemCode,
)
from optix.kernel.activity import PositionEffect
from optix.kernel.holding import Asset


def trade(
    state: State,
    draft: EntryDraft,
    asset: Asset,
    quantity: Decimal,
    cash: Decimal,
    *,
    rolled: Decimal = ZERO,
    opens: bool = False,
) -> None:
    """Close what is open the other way, and open the rest; `opens` even if the line says it closes.

    `cash` is what the quantity brought (positive) or cost (negative) with fees; `rolled` is the
    money of an option that goes into it (FORMULAS: the premium rolls into basis or proceeds), and
    is no cash. Posts everything but the cash itself.
    """
    line = draft.line
    pool = state.pool(line.account, asset)
    worth = cash - rolled
    closed = pool.against(quantity)
    if closed:
        part = share_of(worth, closed, abs(quantity))
        word = DisposalKind.SALE if quantity < 0 else DisposalKind.COVER
        lots = state.take(line, asset, closed.copy_sign(quantity))
        state.dispose(draft, lots, part, word)
        worth -= part
    rest = abs(quantity) - closed
    if not rest:
        return
    if line.activity.effect is PositionEffect.CLOSING and not opens:
        _close_too_much(state, draft, asset, rest.copy_sign(quantity), worth)
        return
    opened = rest.copy_sign(quantity)
    part = share_of(rolled, rest, abs(quantity))
    state.open_lot(line, asset, opened, -worth, rolled=part)
    draft.post(Book.SECURITIES, -worth, asset, opened)


def _close_too_much(
    state: State, draft: EntryDraft, asset: Asset, quantity: Decimal, worth: Decimal
) -> None:
    draft.post(Book.SUSPENSE, -worth, asset, quantity)
    state.problem(
        ProblemCode.CLOSES_MORE_THAN_OPEN,
        draft.line,
        "This closes more than the history before it opened: what it cost to open is not known.",
        asset,
        quantity=quantity,
        amount=worth,
    )


def book_trade(state: State, line: LedgerLine) -> None:
    """Book a trade, a reinvestment or a move of a money-market fund."""
    activity = line.activity
    asset, quantity = activity.asset, activity.quantity
    draft = EntryDraft(line)
    draft.post(Book.CASH, activity.cash.amount)
    if asset is None or not quantity:
        draft.post(Book.SUSPENSE, draft.rest())
        if activity.cash.amount:
            detail = "This trade names no asset or no quantity: only its cash is booked."
            state.problem(
                ProblemCode.CASH_WITHOUT_REASON,
                line,
                detail,
                asset,
                amount=activity.cash.amount,
            )
    else:
        trade(state, draft, asset, quantity, activity.cash.amount)
    state.finish(draft)


def book_expiry(state: State, line: LedgerLine) -> None:
    """Let contracts end worthless, or against the cash that the line has."""
    activity = line.activity
    asset = activity.asset
    draft = EntryDraft(line)
    draft.post(Book.CASH, activity.cash.amount)
    if asset is None:
        draft.post(Book.SUSPENSE, draft.rest())
        detail = "This expiration names no contract."
        cash, size = activity.cash.amount, activity.quantity
        state.problem(ProblemCode.ASSET_UNKNOWN, line, detail, quantity=size, amount=cash)
        state.finish(draft)
        return
    pool = state.pool(line.account, asset)
    quantity = activity.quantity or -pool.quantity
    closed = pool.against(quantity)
    cash = activity.cash.amount
    kind = DisposalKind.CASH_SETTLEMENT if cash else DisposalKind.EXPIRY
    if closed:
        part = share_of(cash, closed, abs(quantity))
        lots = state.take(line, asset, closed.copy_sign(quantity))
        state.dispose(draft, lots, part, kind)
        cash -= part
    if closed != abs(quantity) or (not closed and cash):
        rest = (abs(quantity) - closed).copy_sign(quantity)
        _close_too_much(state, draft, asset, rest, cash)
    state.finish(draft)
