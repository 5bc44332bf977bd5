"""Shares before and after a split, counted alike.

The journal has what a split moved. Lots are what they are today and disposals what they were then,
so both are counted in today's shares where one has to replace the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from optix.features.portfolio.ledger.securities import Identities, shares_of
from optix.features.portfolio.ledger.values import Book, Disposal, EntryKind, FamilyBook, Lot
from optix.kernel.holding import Asset

_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)
_DIGITS: Final = Decimal("0.000001")  # brokers tell no more of a share


class Splits:
    """By how much the shares of each underlying have grown since a day."""

    def __init__(self, book: FamilyBook, names: Identities) -> None:
        self._names = names
        assets: dict[str, Asset] = {}
        sources: list[Disposal | Lot] = [*book.disposals, *book.lots]
        for source in sources:
            assets[source.asset.key] = source.asset
        self._ratios: dict[str, dict[date, Decimal]] = {}
        if not any(entry.kind is EntryKind.SPLIT for entry in book.entries):
            return
        held: dict[tuple[object, str], Decimal] = {}
        for entry in book.entries:
            moves: dict[str, list[Decimal]] = {}
            for each in entry.postings:
                if each.book is Book.SECURITIES and each.quantity and each.asset:
                    moves.setdefault(each.asset, []).append(each.quantity)
            # Of what is neither open nor was sold nobody knows how many shares it stands for.
            if entry.kind is EntryKind.SPLIT and all(key in assets for key in moves):
                before = {key: held.get((entry.account, key), _ZERO) for key in moves}
                ratio = _ratio_of(assets, before, moves)
                underlying = {names.underlying(assets[key]) for key in moves}
                if ratio > 0 and len(underlying) == 1:
                    self._ratios.setdefault(underlying.pop(), {}).setdefault(entry.day, ratio)
            for key, moved in moves.items():
                place = (entry.account, key)
                held[place] = held.get(place, _ZERO) + sum(moved, _ZERO)

    def shares_now(self, source: Disposal | Lot, day: date | None) -> Decimal:
        """Return today's shares for a quantity of `day` (None: of today), without sign."""
        shares = abs(source.quantity) * shares_of(source.asset)
        ratio = self.ratio(source.asset, day)
        return shares if ratio == _ONE else (shares * ratio).quantize(_DIGITS)

    def ratio(self, asset: Asset, day: date | None) -> Decimal:
        """Return how many of today's shares one share of `day` has become."""
        if day is None or not self._ratios:
            return _ONE
        days = self._ratios.get(self._names.underlying(asset), {})
        return _product(ratio for split, ratio in days.items() if split > day)


def _product(ratios: Iterable[Decimal]) -> Decimal:
    product = _ONE
    for ratio in ratios:
        product *= ratio
    return product


def _ratio_of(
    assets: Mapping[str, Asset], before: Mapping[str, Decimal], moves: Mapping[str, list[Decimal]]
) -> Decimal:
    """Return shares after a split for one before it, 0 where its entry does not say.

    One asset grew: its first move is the split, a later one sells the fraction. Or contracts became
    others: what is gone was before, what came is after.
    """
    if len(moves) == 1:
        [(key, moved)] = moves.items()
        return 1 + moved[0] / before[key] if before[key] else _ZERO
    old = new = _ZERO
    for key, moved in moves.items():
        shares = sum(moved, _ZERO) * shares_of(assets[key])
        if before[key] and not before[key] + sum(moved, _ZERO):
            old -= shares
        else:
            new += shares
    return new / old if old else _ZERO
