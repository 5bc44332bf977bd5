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
from math import gcd
from typing import Final
from uuid import UUID

from optix.features.portfolio.ledger.families import CONVERSIONS, name_of
from optix.features.portfolio.ledger.open_lots import ZERO, OpenLot, Pool
from optix.features.portfolio.ledger.state import EntryDraft, State
from optix.features.portfolio.ledger.values import Book, DisposalKind, LedgerLine, ProblemCode
from optix.kernel.activity import ActivityKind
from optix.kernel.holding import Asset

_FRACTION_DIGITS: Final = Decimal("0.00000001")
# What companies choose: so many for one, one for so many, and the like of 3 for 2; simplest first.
_MANY: Final = (*range(1, 26), *range(30, 101, 5), *range(120, 1001, 10), 1250, 1500, 2000, 5000)
_CUSTOMARY: Final = (
    *(Fraction(many) for many in _MANY),
    *(Fraction(1, many) for many in _MANY[1:]),
    *(Fraction(top, low) for low in range(2, 11) for top in range(2, 21) if gcd(top, low) == 1),
)


def events_of(lines: Sequence[LedgerLine]) -> list[list[LedgerLine]]:
    """Return the lines of conversions by event: those of one group, or of one day and kind.

    A split of a share changes its options too, often in the same group: shares are one event, and
    the contracts of each series are another.
    """
    events: defaultdict[tuple[object, ...], list[LedgerLine]] = defaultdict(list)
    for line in lines:
        activity = line.activity
        if activity.kind in CONVERSIONS:
            by = activity.group or (activity.kind, activity.day)
            events[line.account, by, activity.cash.currency, _series_of(line)].append(line)
    return list(events.values())


def _series_of(line: LedgerLine) -> tuple[object, ...]:
    asset = line.activity.asset
    if asset is None or asset.contract is None:
        return ()
    name = name_of(asset) if line.activity.kind is ActivityKind.SPLIT else ""
    return (asset.contract.right, asset.contract.expiration, name)


def book_conversion(state: State, event: Sequence[LedgerLine]) -> None:
    """Book all lines of one event in one account."""
    first = event[0]
    if _series_of(first):
        parts = _pairs(state, event)
    elif not first.activity.group and first.activity.kind is ActivityKind.SPLIT:
        parts = _companies(state, event)
    elif not first.activity.group and first.activity.kind is ActivityKind.SYMBOL_CHANGE:
        parts = _changes(event)
    else:
        parts = [list(event)]
    for lines in parts:
        _book(state, lines)


def _companies(state: State, event: Sequence[LedgerLine]) -> list[list[LedgerLine]]:
    """Part the splits of one day: a company whose shares it explains alone is one for itself."""
    own: defaultdict[str, list[LedgerLine]] = defaultdict(list)
    for line in event:
        own["" if line.activity.asset is None else line.activity.asset.key].append(line)
    parts: list[list[LedgerLine]] = []
    for lines in own.values():
        asset = lines[0].activity.asset
        held = ZERO if asset is None else state.pool(lines[0].account, asset).quantity
        after = held + sum((line.activity.quantity or ZERO for line in lines), ZERO)
        if held * after > 0:
            parts.append(lines)
    apart = {line.id for lines in parts for line in lines}
    rest = [line for line in event if line.id not in apart]
    return [*parts, rest] if rest else parts


def _changes(event: Sequence[LedgerLine]) -> list[list[LedgerLine]]:
    """Part the changes of symbols of one day: as much comes in as goes out."""
    sizes: defaultdict[Decimal, list[LedgerLine]] = defaultdict(list)
    for line in event:
        sizes[abs(line.activity.quantity or ZERO)].append(line)
    pairs = [lines for lines in sizes.values() if _is_change(lines)]
    apart = {line.id for lines in pairs for line in lines}
    rest = [line for line in event if line.id not in apart]
    return [*pairs, rest] if rest else pairs


def _is_change(lines: Sequence[LedgerLine]) -> bool:
    moved = [line.activity.quantity or ZERO for line in lines]
    return len(lines) == 2 and bool(moved[0]) and moved[0] == -moved[1]


def _pairs(state: State, event: Sequence[LedgerLine]) -> list[list[LedgerLine]]:
    """Part the contracts of one series: the lowest old strike with the lowest new, and so on.

    Old is what closes what is open; a short contract leaves by coming in. One strike can be old
    and new at once (100 and 50 become 50 and 25): it leaves before it comes.
    """
    old: defaultdict[tuple[int, str], list[LedgerLine]] = defaultdict(list)
    new: defaultdict[tuple[int, str], list[LedgerLine]] = defaultdict(list)
    for line in event:
        asset, quantity = line.activity.asset, line.activity.quantity or ZERO
        assert asset is not None, "it is a contract"
        side = old if state.pool(line.account, asset).against(quantity) else new
        side[_strike(line)].append(line)
    if len(old) != len(new):
        return [list(event)]
    pairs = list(zip(sorted(old), sorted(new), strict=True))
    if pairs[0][1] > pairs[0][0]:
        pairs.reverse()  # strikes grow: the highest makes room for the next
    return [[*old[before], *new[after]] for before, after in pairs]


def _strike(line: LedgerLine) -> tuple[int, str]:
    asset = line.activity.asset
    assert asset is not None, "it is a contract"
    assert asset.contract is not None, "it is a contract"
    return (asset.contract.strike_milli, asset.symbol)


def _book(state: State, lines: Sequence[LedgerLine]) -> None:
    draft = EntryDraft(lines[0], also=lines[1:])
    cash = sum((line.activity.cash.amount for line in lines), ZERO)
    draft.post(Book.CASH, cash)
    moves = _moves(lines)
    # What is owed leaves by coming in: the old side is the one that closes what is open.
    old = {
        key: (asset, delta)
        for key, (asset, delta) in moves.items()
        if state.pool(draft.line.account, asset).against(delta)
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
    sold = ZERO
    if cash:
        ratio, sure = _ratio_told_by(held, wanted)
        exact = (held * ratio.numerator / ratio.denominator).quantize(_FRACTION_DIGITS)
        sold = wanted - exact
        if not sure:
            detail = f"The ratio is not told; {ratio} new for one old explains the whole shares."
            state.problem(ProblemCode.SPLIT_UNCLEAR, draft.line, detail, asset, quantity=-sold)
    _scale(pool, held, wanted - sold)
    draft.post(Book.SECURITIES, ZERO, asset, delta - sold)
    if sold:
        lots = state.take(draft.line, asset, sold)
        state.dispose(draft, lots, cash, DisposalKind.CASH_IN_LIEU)


def _ratio_told_by(held: Decimal, whole: Decimal) -> tuple[Fraction, bool]:
    """Return new shares for one old, and whether no other customary ratio fits.

    `whole` are the shares that came of `held` before the fraction was paid in cash: the ratio gives
    at least those and less than one more. Where no customary one does, there was no fraction.
    """
    low = Fraction(abs(whole)) / Fraction(abs(held))
    high = Fraction(abs(whole) + 1) / Fraction(abs(held))
    fits = [ratio for ratio in _CUSTOMARY if low <= ratio < high]
    return (fits[0], len(fits) == 1) if fits else (low, True)


def _scale(pool: Pool, held: Decimal, wanted: Decimal) -> None:
    """Let the lots of a pool hold `wanted` instead of `held` in sum, each its share.

    The money of a lot of which no part of a share is left goes to the first of the others.
    """
    before = after = ZERO
    for lot in pool.lots:
        before += lot.quantity
        upto = wanted if before == held else (wanted * before / held).quantize(_FRACTION_DIGITS)
        lot.quantity, after = upto - after, upto
    gone = [lot for lot in pool.lots if not lot.quantity]
    pool.lots = [lot for lot in pool.lots if lot.quantity]
    for lot in gone:
        pool.lots[0].basis += lot.basis
        pool.lots[0].rolled += lot.rolled


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
    size = pool.against(delta)
    if size != abs(delta):
        state.problem(
            ProblemCode.CLOSES_MORE_THAN_OPEN,
            draft.line,
            "More went out in a corporate action than the history before it holds.",
            asset,
            quantity=(abs(delta) - size).copy_sign(delta),
        )
    return state.take(draft.line, asset, size.copy_sign(delta))


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
        lots = state.take(draft.line, asset, fraction.copy_sign(-pool.quantity))
        state.dispose(draft, lots, cash, DisposalKind.CASH_IN_LIEU)


def lines_in_events(events: Sequence[Sequence[LedgerLine]]) -> dict[UUID, Sequence[LedgerLine]]:
    """Return the event of each line by its id."""
    return {line.id: event for event in events for line in event}
