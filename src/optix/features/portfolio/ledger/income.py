"""Lines that move cash and no lots: dividends, interest, fees, taxes, deposits, withdrawals."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from optix.features.portfolio.ledger.open_lots import ZERO
from optix.features.portfolio.ledger.state import EntryDraft, State
from optix.features.portfolio.ledger.trades import trade
from optix.features.portfolio.ledger.values import Book, LedgerLine, LineSource, ProblemCode
from optix.kernel.activity import ActivityKind
from optix.kernel.holding import Asset

BOOKS: Final = {
    ActivityKind.DIVIDEND: Book.DIVIDENDS,
    ActivityKind.INTEREST: Book.INTEREST,
    ActivityKind.FEE: Book.FEES,
    ActivityKind.TAX: Book.TAXES,
    ActivityKind.DEPOSIT: Book.EXTERNAL,
    ActivityKind.WITHDRAWAL: Book.EXTERNAL,
    ActivityKind.TRANSFER: Book.EXTERNAL,
    ActivityKind.SWEEP: Book.TRANSIT,
}


def book_cash(state: State, line: LedgerLine) -> None:
    """Book a line that only moves cash. What it is for and what was withheld go apart."""
    activity = line.activity
    cash = activity.cash.amount
    draft = EntryDraft(line)
    draft.post(Book.CASH, cash)
    fees = ZERO if activity.fees is None else activity.fees.amount
    if activity.kind is ActivityKind.FEE:
        fees = ZERO
    elif fees:
        draft.post(Book.FEES, -fees)
    book = BOOKS.get(activity.kind)
    if book is None and line.source is LineSource.OWN:
        book = Book.OPENING
    if book is None:
        book = Book.SUSPENSE
        if cash:
            detail = "The broker does not say what this cash is for."
            state.problem(
                ProblemCode.CASH_WITHOUT_REASON, line, detail, activity.asset, amount=cash
            )
    draft.post(book, -(cash - fees))
    state.finish(draft)


def book_reinvestment(state: State, line: LedgerLine, asset: Asset, quantity: Decimal) -> None:
    """Book a dividend that came as shares, in one line: income of their price, and their basis."""
    activity = line.activity
    draft = EntryDraft(line)
    if activity.price is None:
        detail = "Shares came without a price: what they are worth as income is not told."
        state.problem(ProblemCode.PRICE_UNKNOWN, line, detail, asset, quantity=quantity)
        worth = ZERO
    else:
        worth = activity.price.cash(-quantity, asset.multiplier, activity.cash.currency).amount
    draft.post(Book.DIVIDENDS, -worth)
    trade(state, draft, asset, quantity, -worth)
    state.finish(draft)
