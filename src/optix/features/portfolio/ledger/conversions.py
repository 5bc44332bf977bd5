"""What a company does to its shares: splits, new symbols, spin-offs, mergers. No gain by itself.

Brokers tell a change as the difference (300 shares more), or as what went out and what came in.
Lots keep their money and their days; only quantity and asset change (IRS Pub. 550, stock splits and
dividends; Pub. 551 for the basis after them). Where fractions were paid in cash they are sold for
that cash: how large they were follows from the simplest ratio that explains the whole shares.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final
from uuid import UUID

from optix.features.portfolio.ledger.families import CONVERSIONS
from optix.features.portfolio.ledger.open_lots import ZERO, OpenLot, Pool
from optix.features.portfolio.ledger.state import EntryDraft, State
from optix.features.portfolio.ledger.values import Book, DisposalKind, LedgerLine, ProblemCode
from optix.kernel.activity import ActivityKind
from optix.kernel.holding import Asset

_FRACTION_DIGITS: Final = Decimal("0.00000001")


def events_of(lines: Sequence[LedgerLine]) -> list[list[LedgerLine]]:
    """Return the lines of conversions by event: those of one group, or of one day and kind.

    A split of a share changes its options too, often in the same group: shares are one event, and
    each contract with the one that takes its place is another.
    """
    events: defaultdict[tuple[object, ...], list[LedgerLine]] = defaultdict(list)
    for line in lines:
        activity = line.activity
        if activity.kind in CONVERSIONS:
            by = activity.group or (activity.kind, activity.day)
            events[line.account, by, _series_of(line)].append(line)
    return list(events.values())


def _series_of(line: LedgerLine) -> tuple[object, ...]:
    asset = line.activity.asset
    if asset is None or asset.contract is None:
        return ()
    return (asset.contract.right, asset.contract.expiration)


def _pairs(state: State, event: Sequence[LedgerLine]) -> list[list[LedgerLine]]:
    """Part the contracts of one series: the lowest old strike with the lowest new, and so on.

    Old is what closes what is open; a short contract leaves by coming in.
    """
    old: list[LedgerLine] = []
    new: list[LedgerLine] = []
    for line in event:
        asset, quantity = line.activity.asset, line.activity.quantity or ZERO
        assert asset is not None, "it is a contract"
        closes = state.pool(line.account, asset).open_against(quantity)
        (old if closes else new).append(line)
    sides = [sorted({_strike(line) for line in side}) for side in (old, new)]
    if len(sides[0]) != len(sides[1]):
        return [list(event)]
    return [[line for line in event if _strike(line) in pair] for pair in zip(*sides, strict=True)]


def _strike(line: LedgerLine) -> tuple[int, str]:
    asset = line.activity.asset
    assert asset is not None, "it is a contract"
    assert asset.contract is not None, "it is a contract"
    return (asset.contract.strike_milli, asset.symbol)


def book_conversion(state: State, event: Sequence[LedgerLine]) -> None:
    """Book all lines of one event in one account."""
    for lines in _pairs(state, event) if _series_of(event[0]) else [event]:
        _book(state, lines)


def _book(state: State, lines: Sequence[LedgerLine]) -> None:
    draft = EntryDraft(lines[0], also=lines[1:])
    cash = sum((line.activity.cash.amount for line in lines), ZERO)
    draft.post(Book.CASH, cash)
    moves = _moves(lines)
    # What is owed leaves by coming in: the old side is the one that closes what is open.
    old = {
        key: (asset, delta)
        for key, (asset, delta) in moves.items()
        if state.pool(draft.line.account, asset).open_against(delta)
    } or {key: pair for key, pair in moves.items() if pair[1] < 0}
    new = {key: pair for key, pair in moves.items() if key not in old}
    if lines[0].activity.kind is ActivityKind.SPIN_OFF:
        _spin_off(state, draft, lines, new)
    elif old and new:
        _exchange(state, draft, old, new, cash)
    elif len(moves) == 1 and _is_rescaling(lines):
        [(asset, delta)] = moves.values()
        _rescale(state, draft, asset, delta, cash)
    elif old:
        for place, (asset, delta) in enumerate(old.values()):
            _paid_out(state, draft, asset, delta, ZERO if place else cash)
    elif new:
        for asset, delta in new.values():
            _came_from_nowhere(state, draft, asset, delta)
    elif cash:
        _cash_in_lieu(state, draft, lines, cash)
    _rest_to_suspense(state, draft)
    state.finish(draft)


def _is_rescaling(lines: Sequence[LedgerLine]) -> bool:
    """Return whether one asset became more or less of itself."""
    signs = {(line.activity.quantity or ZERO) > 0 for line in lines if line.activity.quantity}
    return lines[0].activity.kind is ActivityKind.SPLIT or len(signs) > 1


def _moves(lines: Sequence[LedgerLine]) -> dict[str, tuple[Asset, Decimal]]:
    """Return what the lines move of each asset, those that cancel out left away."""
    moves: dict[str, tuple[Asset, Decimal]] = {}
    for line in lines:
        asset, quantity = line.activity.asset, line.activity.quantity
        if asset is not None and quantity:
            before = moves.get(asset.key, (asset, ZERO))[1]
            moves[asset.key] = (asset, before + quantity)
    return {key: pair for key, pair in moves.items() if pair[1]}


def _rest_to_suspense(state: State, draft: EntryDraft) -> None:
    rest = draft.rest()
    if rest:
        draft.post(Book.SUSPENSE, rest)
        detail = "What this money of a corporate action was paid for is not told."
        state.problem(ProblemCode.BOOT_UNRESOLVED, draft.line, detail, amount=-rest)


def _rescale(state: State, draft: EntryDraft, asset: Asset, delta: Decimal, cash: Decimal) -> None:
    """Change the quantity of all lots of an asset by `delta` in sum."""
    pool = state.pool(draft.line.account, asset)
    held = pool.quantity
    if not held or (held + delta) * held <= 0:
        detail = "A split of something that the history before it does not hold."
        state.problem(ProblemCode.SPLIT_UNCLEAR, draft.line, detail, asset, quantity=delta)
        if delta > 0:
            state.open_lot(draft.line, asset, delta, ZERO)
            draft.post(Book.SECURITIES, ZERO, asset, delta)
        return
    wanted = held + delta
    if cash:
        exact = _exact_total(held, wanted)
        _scale(pool, exact)
        draft.post(Book.SECURITIES, ZERO, asset, exact - held)
        if exact > wanted:
            lots = state.take(draft.line, asset, exact - wanted)
            state.dispose(draft, lots, cash, DisposalKind.CASH_IN_LIEU)
        return
    _scale(pool, wanted)
    draft.post(Book.SECURITIES, ZERO, asset, delta)


def _exact_total(held: Decimal, whole: Decimal) -> Decimal:
    """Return what `held` became before the fraction was paid in cash.

    The simplest ratio of small numbers that gives at least `whole` and less than one share more.
    """
    low = Fraction(whole) / Fraction(held)
    high = Fraction(whole + 1) / Fraction(held)
    ratio = _simplest_within(low, high)
    total = ratio * Fraction(held)
    return (Decimal(total.numerator) / Decimal(total.denominator)).quantize(_FRACTION_DIGITS)


def _simplest_within(low: Fraction, high: Fraction) -> Fraction:
    """Return the fraction of least denominator in [low, high) (walk of the Stern-Brocot tree)."""
    whole = low.numerator // low.denominator
    if low == whole:
        return Fraction(whole)
    if whole + 1 < high:
        return Fraction(whole + 1)
    rest = _simplest_above(1 / (high - whole), 1 / (low - whole))
    return whole + 1 / rest


def _simplest_above(low: Fraction, high: Fraction) -> Fraction:
    """Return the same for (low, high]."""
    whole = low.numerator // low.denominator
    if whole + 1 <= high:
        return Fraction(whole + 1)
    rest = _simplest_within(1 / (high - whole), 1 / (low - whole))
    return whole + 1 / rest


def _scale(pool: Pool, wanted: Decimal) -> None:
    """Let the lots of a pool hold `wanted` in sum, each its share; the last takes what is left."""
    held = pool.quantity
    for lot in pool.lots:
        before = lot.quantity
        lot.quantity = (
            wanted if before == held else (wanted * before / held).quantize(_FRACTION_DIGITS)
        )
        held -= before
        wanted -= lot.quantity


def _exchange(
    state: State,
    draft: EntryDraft,
    old: dict[str, tuple[Asset, Decimal]],
    new: dict[str, tuple[Asset, Decimal]],
    cash: Decimal,
) -> None:
    """Let lots of what went out become lots of what came in."""
    lots: list[OpenLot] = []
    for asset, delta in old.values():
        lots += _taken(state, draft, asset, delta)
    for lot in lots:
        draft.post(Book.SECURITIES, -lot.basis, lot.asset, -lot.quantity)
    if not lots:
        for asset, delta in new.values():
            _came_from_nowhere(state, draft, asset, delta)
        return
    if len(new) > 1:
        detail = "Several securities came for one; the basis is all with the first of them."
        state.problem(ProblemCode.BOOT_UNRESOLVED, draft.line, detail)
    if cash:
        detail = (
            "Shares and cash came together: the gain of the cash part is not booked, "
            "and the basis is all with the shares."
        )
        state.problem(ProblemCode.BOOT_UNRESOLVED, draft.line, detail, amount=cash)
        draft.post(Book.SUSPENSE, -cash)
    for place, (asset, delta) in enumerate(new.values()):
        _open_like(state, draft, lots, asset, delta, with_basis=place == 0)


def _open_like(
    state: State,
    draft: EntryDraft,
    lots: Sequence[OpenLot],
    asset: Asset,
    quantity: Decimal,
    *,
    with_basis: bool,
) -> None:
    """Open lots of `asset` that keep the days (and the money) of others, `quantity` in sum."""
    whole = sum((abs(lot.quantity) for lot in lots), ZERO)
    left = abs(quantity)
    for lot in lots:
        size = abs(lot.quantity)
        part = left if size == whole else (left * size / whole).quantize(_FRACTION_DIGITS)
        whole, left = whole - size, left - part
        basis = lot.basis if with_basis else ZERO
        rolled = lot.rolled if with_basis else ZERO
        if part:
            signed = part.copy_sign(lot.quantity)
            state.open_lot(draft.line, asset, signed, basis, rolled=rolled, like=lot)
            draft.post(Book.SECURITIES, basis, asset, signed)
        elif basis:
            draft.post(Book.SUSPENSE, basis)


def _taken(state: State, draft: EntryDraft, asset: Asset, delta: Decimal) -> list[OpenLot]:
    pool = state.pool(draft.line.account, asset)
    # What is owed goes out by coming in: both ways the lots are those that are there.
    size = min(abs(delta), abs(pool.quantity))
    if size != abs(delta):
        state.problem(
            ProblemCode.CLOSES_MORE_THAN_OPEN,
            draft.line,
            "More went out in a corporate action than the history before it holds.",
            asset,
            quantity=(abs(delta) - size).copy_sign(delta),
        )
    return state.take(draft.line, asset, size) if size else []


def _paid_out(state: State, draft: EntryDraft, asset: Asset, delta: Decimal, cash: Decimal) -> None:
    """Close what went out for cash and nothing else: a merger for cash, a liquidation."""
    lots = _taken(state, draft, asset, delta)
    if lots:
        state.dispose(draft, lots, cash, DisposalKind.REORGANISATION)


def _came_from_nowhere(state: State, draft: EntryDraft, asset: Asset, delta: Decimal) -> None:
    state.problem(
        ProblemCode.BASIS_UNKNOWN,
        draft.line,
        "This came by a corporate action, for something that the history before it does not hold.",
        asset,
        quantity=delta,
    )
    state.open_lot(draft.line, asset, delta, ZERO)
    draft.post(Book.SECURITIES, ZERO, asset, delta)


def _spin_off(
    state: State,
    draft: EntryDraft,
    lines: Sequence[LedgerLine],
    ins: dict[str, tuple[Asset, Decimal]],
) -> None:
    """Open the new shares with the days of the old ones. How the basis is divided is not told."""
    parents = {line.activity.asset for line in lines if line.activity.asset} - {
        asset for asset, _ in ins.values()
    }
    lots = [
        lot
        for parent in sorted(parents, key=lambda each: each.key)
        for lot in state.pool(draft.line.account, parent).lots
    ]
    for asset, delta in ins.values():
        state.problem(
            ProblemCode.BASIS_UNKNOWN,
            draft.line,
            "The company states which part of the basis goes with a spin-off; until its owner "
            "enters it, all of it stays with the shares that were there.",
            asset,
            quantity=delta,
        )
        if lots:
            _open_like(state, draft, lots, asset, delta, with_basis=False)
        else:
            state.open_lot(draft.line, asset, delta, ZERO)
            draft.post(Book.SECURITIES, ZERO, asset, delta)


def _cash_in_lieu(
    state: State, draft: EntryDraft, lines: Sequence[LedgerLine], cash: Decimal
) -> None:
    """Sell a fraction that is still held for the cash that came for it."""
    asset = next((line.activity.asset for line in lines if line.activity.asset), None)
    if asset is None:
        return
    pool = state.pool(draft.line.account, asset)
    fraction = abs(pool.quantity) % 1
    if fraction:
        lots = state.take(draft.line, asset, fraction)
        state.dispose(draft, lots, cash, DisposalKind.CASH_IN_LIEU)


def lines_in_events(events: Sequence[Sequence[LedgerLine]]) -> dict[UUID, Sequence[LedgerLine]]:
    """Return the event of each line by its id."""
    return {line.id: event for event in events for line in event}
