"""Exercise and assignment: the contract ends without a gain, its premium goes into the shares.

Long calls and short puts bring shares, long puts and short calls take them. What the option cost
(or, negative, brought) is added to what the shares cost, or taken from what they brought (IRS Pub.
550, Options: exercise by the holder and by the writer). Index options pay cash: that is a closing
with a gain like any other.

Brokers tell the two sides as lines of one group, as lines of one day, or the shares as a trade at
the strike. `match_deliveries` finds them; what finds no shares is a problem and keeps its money in
suspense, never in a gain.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from optix.features.portfolio.ledger.open_lots import ZERO, OpenLot, share_of
from optix.features.portfolio.ledger.state import EntryDraft, State
from optix.features.portfolio.ledger.trades import trade
from optix.features.portfolio.ledger.values import Book, DisposalKind, LedgerLine, ProblemCode
from optix.kernel.activity import ActivityKind
from optix.kernel.holding import Asset, Deliverable
from optix.kernel.instrument import Right
from optix.kernel.roots import is_cash_settled, underlying_of

DELIVERING: Final = frozenset({ActivityKind.EXERCISE, ActivityKind.ASSIGNMENT})
_SHARES_TOLD_AS: Final = DELIVERING | {ActivityKind.TRADE}
# Shares settle a day after the exercise, and a weekend or holidays may lie between.
_DAYS_BETWEEN_MAX: Final = timedelta(days=5)

KINDS: Final = {
    ActivityKind.EXERCISE: DisposalKind.EXERCISE,
    ActivityKind.ASSIGNMENT: DisposalKind.ASSIGNMENT,
}


# Lines of shares that may be a delivery, by account and quantity.
Free = defaultdict[tuple[UUID, Decimal], list[LedgerLine]]


@dataclass(slots=True)
class Delivery:
    """Contracts that ended, and the shares that moved for them."""

    contracts: list[LedgerLine] = field(default_factory=list)
    shares: list[LedgerLine] = field(default_factory=list)


def match_deliveries(lines: Sequence[LedgerLine]) -> dict[UUID, Delivery]:
    """Return the delivery that each line is a part of, by the line's id; lines are in order."""
    found: dict[UUID, Delivery] = {}
    groups: defaultdict[tuple[UUID, str, str], Delivery] = defaultdict(Delivery)
    for line in lines:
        if line.activity.kind in DELIVERING and line.activity.group:
            key = (line.account, line.activity.group, line.activity.cash.currency)
            delivery = groups[key]
            (delivery.contracts if _is_contract(line) else delivery.shares).append(line)
    for delivery in groups.values():
        if delivery.contracts and delivery.shares:
            for part in _parted(delivery):
                _note(found, part)
    alone = [
        line
        for line in lines
        if line.activity.kind in DELIVERING and _is_contract(line) and line.id not in found
    ]
    free: Free = defaultdict(list)
    for line in lines:
        shares = line.activity.kind in _SHARES_TOLD_AS and not _is_contract(line)
        if shares and line.activity.quantity and line.id not in found:
            free[line.account, line.activity.quantity].append(line)
    for delivery in [*_same_shares(alone, free), *_summed(alone, free)]:
        if not any(line.id in found for line in (*delivery.contracts, *delivery.shares)):
            _note(found, delivery)
    for line in alone:
        if line.id not in found:
            found[line.id] = Delivery([line])
    return found


def _note(found: dict[UUID, Delivery], delivery: Delivery) -> None:
    for line in (*delivery.contracts, *delivery.shares):
        found[line.id] = delivery


def _is_contract(line: LedgerLine) -> bool:
    return line.activity.asset is not None and line.activity.asset.contract is not None


def _moves(line: LedgerLine) -> bool:
    return line.activity.asset is not None and bool(line.activity.quantity)


def delivered(asset: Asset, quantity: Decimal) -> tuple[Deliverable, ...]:
    """Return the shares that come (or, negative, go) when `quantity` of a contract moves so.

    `quantity` is that of the line: a long contract that ended went out, it is negative.
    """
    contract = asset.contract
    assert contract is not None, "only contracts deliver"
    sign = -1 if contract.right is Right.CALL else 1
    parts = asset.deliverables or (
        Deliverable(underlying_of(contract.root), Decimal(asset.multiplier)),
    )
    return tuple(
        Deliverable(each.symbol, each.quantity * quantity * sign) for each in parts if each.symbol
    )


def _parted(delivery: Delivery) -> list[Delivery]:
    """Part several contracts of one group, where each has shares of its own there.

    The premium of a contract belongs to its own shares (both legs of a vertical at its expiration).
    """
    parts: list[Delivery] = []
    left = list(delivery.shares)
    for line in delivery.contracts:
        own: list[LedgerLine] = []
        for shares in sorted(left, key=lambda each: not _at_strike(line, each)):
            asset, quantity = line.activity.asset, line.activity.quantity or ZERO
            assert asset is not None, "it is a contract"
            wanted = {(each.symbol, each.quantity) for each in delivered(asset, quantity)}
            wanted -= {_told(each) for each in own}
            if _told(shares) in wanted:
                own.append(shares)
        left = [each for each in left if each not in own]
        parts.append(Delivery([line], own))
    apart = not left and all(part.shares for part in parts)
    return parts if apart else [delivery]


def _told(shares: LedgerLine) -> tuple[str, Decimal]:
    asset = shares.activity.asset
    return ("" if asset is None else asset.symbol, shares.activity.quantity or ZERO)


def _at_strike(contract: LedgerLine, shares: LedgerLine) -> bool:
    asset, price = contract.activity.asset, shares.activity.price
    assert asset is not None, "it is a contract"
    assert asset.contract is not None, "it is a contract"
    return price is not None and price.value == Decimal(asset.contract.strike_milli) / 1000


def _same_shares(alone: Sequence[LedgerLine], free: Free) -> Iterator[Delivery]:
    """Pair contracts with one line of shares each that has just their quantity."""
    used: set[UUID] = set()
    for line in alone:
        for shares in _candidates([line], free):
            if shares.id not in used and _fits([line], shares):
                used.add(shares.id)
                yield Delivery([line], [shares])
                break


def _summed(alone: Sequence[LedgerLine], free: Free) -> Iterator[Delivery]:
    """Pair all lines of one contract and day with shares that are their sum."""
    by_day: defaultdict[tuple[object, ...], list[LedgerLine]] = defaultdict(list)
    for line in alone:
        assert line.activity.asset is not None, "it is a contract"
        by_day[line.account, line.activity.day, line.activity.asset.key].append(line)
    for lines in by_day.values():
        for shares in _candidates(lines, free):
            if len(lines) > 1 and _fits(lines, shares):
                yield Delivery(list(lines), [shares])
                break


def _candidates(contracts: Sequence[LedgerLine], free: Free) -> list[LedgerLine]:
    asset = contracts[0].activity.asset
    assert asset is not None, "it is a contract"
    total = sum((each.activity.quantity or ZERO for each in contracts), ZERO)
    return [
        line
        for each in delivered(asset, total)
        for line in free.get((contracts[0].account, each.quantity), ())
    ]


def _fits(contracts: Sequence[LedgerLine], shares: LedgerLine) -> bool:
    """Return whether a line of shares is what contracts delivered, told without a group."""
    first, told = contracts[0], shares.activity
    between = told.day - first.activity.day
    if shares.account != first.account or not timedelta(0) <= between <= _DAYS_BETWEEN_MAX:
        return False
    assert first.activity.asset is not None, "it is a contract"
    total = sum((each.activity.quantity or ZERO for each in contracts), ZERO)
    wanted = delivered(first.activity.asset, total)
    if told.kind is ActivityKind.TRADE and not _at_strike(first, shares):
        return False
    if told.cash.currency != first.activity.cash.currency:
        return False
    return _told(shares) in {(each.symbol, each.quantity) for each in wanted}


def book_delivery(state: State, delivery: Delivery) -> None:
    """Book contracts that ended with the shares that moved, as one event."""
    line = delivery.contracts[0]
    also = [*delivery.contracts[1:], *delivery.shares]
    draft = EntryDraft(line, also=also)
    cash = sum((each.activity.cash.amount for each in (line, *also)), ZERO)
    draft.post(Book.CASH, cash)
    rolled = ZERO
    # Cash without shares beside the contracts: what an index option paid, or cash in lieu.
    paid = sum((each.activity.cash.amount for each in delivery.shares if not _moves(each)), ZERO)
    for each in delivery.contracts:
        paid += each.activity.cash.amount
        lots = _taken(state, each)
        if _pays_cash(each, delivery):
            cash_of = paid if lots else ZERO
            state.dispose(_of(draft, each), lots, cash_of, DisposalKind.CASH_SETTLEMENT)
            paid = ZERO if lots else paid
        else:
            rolled += sum((lot.basis for lot in lots), ZERO)
            state.dispose(_of(draft, each), lots, ZERO, KINDS[each.activity.kind], taxable=False)
    _move_shares(state, draft, [each for each in delivery.shares if _moves(each)], rolled, paid)
    if draft.rest():
        draft.post(Book.SUSPENSE, draft.rest())
    state.finish(draft)
    if rolled and not any(_moves(each) for each in delivery.shares):
        detail = "The shares of this exercise or assignment are not in the history."
        asset = line.activity.asset
        state.problem(ProblemCode.DELIVERY_MISSING, line, detail, asset, amount=rolled)


def _of(draft: EntryDraft, line: LedgerLine) -> EntryDraft:
    """Return a draft that posts into `draft` and closes by another of its lines."""
    own = EntryDraft(line)
    own.postings = draft.postings
    return own


def _taken(state: State, line: LedgerLine) -> list[OpenLot]:
    asset = line.activity.asset
    assert asset is not None, "it is a contract"
    pool = state.pool(line.account, asset)
    quantity = line.activity.quantity or -pool.quantity
    size = pool.against(quantity)
    if size != abs(quantity):
        state.problem(
            ProblemCode.CLOSES_MORE_THAN_OPEN,
            line,
            "More contracts were exercised or assigned than the history before it opened.",
            asset,
            quantity=(abs(quantity) - size).copy_sign(quantity),
        )
    return state.take(line, asset, size.copy_sign(quantity))


def _pays_cash(line: LedgerLine, delivery: Delivery) -> bool:
    asset = line.activity.asset
    assert asset is not None, "it is a contract"
    assert asset.contract is not None, "it is a contract"
    settled = is_cash_settled(asset.contract.root)
    moved = any(_moves(each) for each in delivery.shares)
    return settled or (not moved and line.activity.cash.amount != 0)


def _move_shares(
    state: State,
    draft: EntryDraft,
    shares: Sequence[LedgerLine],
    rolled: Decimal,
    paid: Decimal,
) -> None:
    """Trade the delivered shares; several kinds of them share what the option carries.

    `paid` is cash that the contracts' own lines have: an adjusted contract's cash part, or a
    broker that books the strike there.
    """
    whole = sum((abs(each.activity.cash.amount) for each in shares), ZERO)
    if len({each.activity.asset for each in shares}) > 1 and not whole:
        detail = "This contract delivered several things, and which cost what is not told."
        state.problem(ProblemCode.DELIVERY_UNCLEAR, draft.line, detail)
    for place, each in enumerate(shares):
        activity = each.activity
        last = place == len(shares) - 1
        weight = abs(activity.cash.amount)
        part = rolled if last or not whole else share_of(rolled, weight, whole)
        extra = paid if last or not whole else share_of(paid, weight, whole)
        rolled, paid, whole = rolled - part, paid - extra, whole - weight
        assert activity.asset is not None, "it moves shares"
        assert activity.quantity, "it moves shares"
        trade(
            state,
            _of(draft, each),
            activity.asset,
            activity.quantity,
            activity.cash.amount + extra,
            rolled=part,
            opens=True,  # an assigned call without the shares leaves them owed
        )
