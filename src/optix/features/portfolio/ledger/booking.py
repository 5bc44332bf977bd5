"""Booking: the lines of one family in, its journal, lots, disposals and problems out.

Every line goes its own way by its kind; what one event needs of several lines (a delivery, a
conversion, a transfer) is found first and booked where its first line stands. Nothing raises for
what a line says: what cannot be booked as it stands is a problem, and its money is in suspense.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final
from uuid import UUID

from optix.features.portfolio.ledger.conversions import (
    book_conversion,
    events_of,
    lines_in_events,
)
from optix.features.portfolio.ledger.deliveries import book_delivery, match_deliveries
from optix.features.portfolio.ledger.income import book_cash, book_reinvestment
from optix.features.portfolio.ledger.open_lots import ZERO
from optix.features.portfolio.ledger.ordering import counted
from optix.features.portfolio.ledger.state import EntryDraft, State
from optix.features.portfolio.ledger.trades import book_expiry, book_trade
from optix.features.portfolio.ledger.transfers import (
    book_outside_transfer,
    book_own_transfer,
    match_transfers,
)
from optix.features.portfolio.ledger.values import (
    Book,
    BookingRules,
    FamilyBook,
    LedgerLine,
    ProblemCode,
)
from optix.kernel.activity import ActivityKind
from optix.kernel.money import Money

_TRADED: Final = frozenset({ActivityKind.TRADE, ActivityKind.SWEEP})
_CASH_ONLY: Final = frozenset(
    {
        ActivityKind.INTEREST,
        ActivityKind.FEE,
        ActivityKind.TAX,
        ActivityKind.DEPOSIT,
        ActivityKind.WITHDRAWAL,
    }
)
_MOVED: Final = frozenset({ActivityKind.TRANSFER, ActivityKind.ADJUSTMENT, ActivityKind.OTHER})


def book_family(lines: Iterable[LedgerLine], rules: BookingRules) -> FamilyBook:
    """Book all lines of one family, of all accounts of one owner, from the beginning.

    The same lines give the same book, in whatever order they come. Lines of other families may be
    among them: what is booked of each family does not depend on the others.
    """
    state = State(rules)
    counting, vain = counted(lines)
    kept = [_of_one_currency(state, line) for line in counting]
    for line in vain:
        detail = "This corrects a line that is not in the history."
        state.problem(ProblemCode.CORRECTS_NOTHING, line, detail, line.activity.asset)
    deliveries = match_deliveries(kept)
    conversions = lines_in_events(events_of(kept))
    transfers = match_transfers(kept)
    done: set[UUID] = set()
    for line in kept:
        if line.id in done:
            continue
        if line.id in deliveries:
            delivery = deliveries[line.id]
            if all(each.id != line.id for each in delivery.contracts):
                # Its contracts end at their own place, which is never before their last trade.
                continue
            done.update(each.id for each in (*delivery.contracts, *delivery.shares))
            book_delivery(state, delivery)
        elif line.id in conversions:
            done.update(each.id for each in conversions[line.id])
            book_conversion(state, conversions[line.id])
        elif line.id in transfers:
            out, came = transfers[line.id]
            done.update((out.id, came.id))
            book_own_transfer(state, out, came)
        else:
            _book_line(state, line)
    return state.result()


def _of_one_currency(state: State, line: LedgerLine) -> LedgerLine:
    """Return a line whose cash is of the currency of what it moves.

    Currencies are never added: cash of another one stands in suspense, and the securities move
    without it.
    """
    activity = line.activity
    asset, cash = activity.asset, activity.cash
    if asset is None or not activity.quantity or asset.currency == cash.currency:
        return line
    if activity.kind in _CASH_ONLY or (activity.kind is ActivityKind.DIVIDEND and cash.amount > 0):
        return line
    if cash.amount:
        draft = EntryDraft(line, word="entry of cash")
        draft.post(Book.CASH, cash.amount)
        draft.post(Book.SUSPENSE, -cash.amount)
        state.finish(draft)
        detail = f"The cash is {cash.currency} and the security {asset.currency}: at which rate?"
        code = ProblemCode.CURRENCY_UNCLEAR
        state.problem(code, line, detail, asset, amount=cash.amount)
    nothing = Money(ZERO, asset.currency)
    return replace(line, activity=replace(activity, cash=nothing, fees=None))


def _book_line(state: State, line: LedgerLine) -> None:
    activity = line.activity
    kind, asset, quantity = activity.kind, activity.asset, activity.quantity
    if kind is ActivityKind.EXPIRATION:
        book_expiry(state, line)
    elif asset is None or not quantity:
        book_trade(state, line) if kind is ActivityKind.TRADE else book_cash(state, line)
    elif kind in _TRADED:
        book_trade(state, line)
    elif kind in {ActivityKind.REINVESTMENT, ActivityKind.DIVIDEND}:
        if kind is ActivityKind.DIVIDEND and activity.cash.amount > 0:
            book_cash(state, line)  # the quantity is that of the shares it was paid for
        elif activity.cash.amount:
            book_trade(state, line)
        else:
            book_reinvestment(state, line, asset, quantity)
    elif kind in _MOVED:
        book_outside_transfer(state, line)
    elif kind in {ActivityKind.EXERCISE, ActivityKind.ASSIGNMENT}:
        book_trade(state, line)  # shares whose contract is not in the history
    else:
        book_cash(state, line)
