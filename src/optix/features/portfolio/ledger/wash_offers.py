"""What can replace what, by the reading that the owner chose."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from optix.features.portfolio.ledger.securities import (
    DEEP_SHARE,
    Identities,
    Place,
    Side,
    WashReading,
    WashRules,
    has_wash_rule,
    side_of,
)
from optix.features.portfolio.ledger.values import Disposal, DisposalKind, Lot
from optix.features.portfolio.ledger.wash_pool import AnyPiece, Offer
from optix.kernel.holding import Asset
from optix.kernel.roots import underlying_of


def lot_of(piece: AnyPiece) -> UUID:
    """Return the id of the lot that a piece is, or was, a part of."""
    source = piece.source
    return source.id if isinstance(source, Lot) else source.lot


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What is the same for all pieces of one asset on one side."""

    side: Side
    underlying: str
    wanted: tuple[Place, ...]
    offered: tuple[Place, ...]


class Offers:
    """Where a piece lies as a replacement, and where a loss looks for one."""

    def __init__(self, names: Identities, rules: WashRules) -> None:
        self._rules = rules
        self._names = names
        self._known: dict[tuple[str, bool], _Known | None] = {}
        self._unjudged: dict[UUID, date] = {}

    def of(self, pieces: Sequence[AnyPiece]) -> Iterator[tuple[Place, Offer]]:
        """Yield every place of every piece that is a security and was acquired."""
        has_shorts = any(not each.owned and each.asset.contract is None for each in pieces)
        for appearance, piece in enumerate(pieces):
            known = self._known_of(piece)
            if known is None:
                continue
            source = piece.source
            if piece.purchase is not None:
                offer = (source.opened, piece.rank, appearance, piece.purchase, piece)
                for place in known.offered:
                    yield place, offer
                if known.side is Side.PUTS_WRITTEN and self._acquires(piece):
                    yield (Side.ACQUIRES, known.underlying), offer
            if has_shorts and isinstance(source, Disposal) and self._is_sale_of_shares(source):
                place = (Side.SOLD, known.underlying)
                # No purchase has this number: what was sold was not bought together with a loss.
                yield place, (source.closed, 0, appearance, -1 - appearance, piece)

    def wanted(self, piece: AnyPiece) -> tuple[Place, ...]:
        """Return where a loss of this piece finds its replacements: nowhere if it has no rule."""
        known = self._known_of(piece)
        return () if known is None else known.wanted

    def unjudged_near(self, days: Sequence[date], window: timedelta) -> tuple[UUID, ...]:
        """Return lots of puts sold within the window of one of `days`, which are in order, of which
        nobody knows how deep in the money they were.
        """
        found = []
        for lot, opened in self._unjudged.items():
            at = bisect_left(days, opened - window)
            if at < len(days) and days[at] <= opened + window:
                found.append(lot)
        return tuple(found)

    def replaces_shares(self, piece: AnyPiece) -> bool:
        """True for what a contract to acquire would replace: shares owned, and calls on them."""
        known = self._known_of(piece)
        return known is not None and known.side is Side.ACQUIRES

    def _known_of(self, piece: AnyPiece) -> _Known | None:
        asset, owned = piece.asset, piece.owned
        key = (asset.key, owned)
        if key not in self._known:
            self._known[key] = self._look_at(asset, owned=owned) if has_wash_rule(asset) else None
        return self._known[key]

    def _look_at(self, asset: Asset, *, owned: bool) -> _Known:
        underlying = self._names.underlying(asset)
        narrow = self._rules.reading is WashReading.NARROW
        name = self._names.exact(asset) if narrow else underlying
        side = side_of(asset, owned=owned)
        own: Place = (side, name)
        # An option to acquire a share stands beside it, in any reading.
        also = side is Side.ACQUIRES and name != underlying
        return _Known(
            side=side,
            underlying=underlying,
            wanted=(own, (Side.SOLD, underlying)) if side is Side.SHORT else (own,),
            offered=(own, (side, underlying)) if also else (own,),
        )

    def _acquires(self, piece: AnyPiece) -> bool:
        """True for a put sold that counts as a contract to acquire: Rev. Rul. 85-87."""
        rules, contract = self._rules, piece.asset.contract
        if rules.short_puts:
            return True
        if rules.reading is WashReading.NARROW or contract is None:
            return False
        price = rules.prices.get((underlying_of(contract.root), piece.source.opened))
        if price is None:
            self._unjudged[lot_of(piece)] = piece.source.opened
            return False
        return contract.strike_milli >= price * 1000 * (1 + DEEP_SHARE)

    def _is_sale_of_shares(self, source: Disposal) -> bool:
        return (
            source.kind is DisposalKind.SALE
            and source.taxable
            and source.quantity > 0
            and source.asset.contract is None
            and source.account not in self._rules.sheltered
        )
