"""What can replace what, by the reading that the owner chose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


class Offers:
    """Where a piece lies as a replacement, and where a loss looks for one."""

    def __init__(self, names: Identities, rules: WashRules) -> None:
        self._rules = rules
        self._names = names
        self._known: dict[str, tuple[str, str]] = {}
        self.unjudged: dict[UUID, None] = {}  # in the order in which they were met

    def of(self, pieces: Sequence[AnyPiece]) -> Iterator[tuple[Place, Offer]]:
        """Yield every place of every piece that is a security and was acquired."""
        has_shorts = any(not each.owned and each.asset.contract is None for each in pieces)
        for appearance, piece in enumerate(pieces):
            if not has_wash_rule(piece.asset):
                continue
            source = piece.source
            if piece.purchase is not None:
                offer = (source.opened, piece.rank, appearance, piece.purchase, piece)
                for place in self._places(piece):
                    yield place, offer
            if has_shorts and isinstance(source, Disposal) and self._is_sale_of_shares(source):
                place = (Side.SOLD, self._name(piece.asset))
                yield place, (source.closed, 0, appearance, piece.sale, piece)

    def wanted(self, piece: AnyPiece) -> tuple[Place, ...]:
        """Return where a loss of this piece finds its replacements."""
        name = self._name(piece.asset)
        side = side_of(piece.asset, owned=piece.owned)
        return ((side, name), (Side.SOLD, name)) if side is Side.SHORT else ((side, name),)

    def _places(self, piece: AnyPiece) -> Iterator[Place]:
        asset = piece.asset
        side, name = side_of(asset, owned=piece.owned), self._name(asset)
        yield side, name
        if asset.contract is None:
            return
        underlying = self._named(asset)[1]
        if side is Side.ACQUIRES and name != underlying:
            yield side, underlying
        if side is Side.PUTS_WRITTEN and self._acquires(piece):
            yield Side.ACQUIRES, underlying

    def _acquires(self, piece: AnyPiece) -> bool:
        """True for a put sold that counts as a contract to acquire: Rev. Rul. 85-87."""
        rules, contract = self._rules, piece.asset.contract
        if rules.short_puts:
            return True
        if rules.reading is WashReading.NARROW or contract is None:
            return False
        price = rules.prices.get((underlying_of(contract.root), piece.source.opened))
        if price is None:
            self.unjudged[lot_of(piece)] = None
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

    def _name(self, asset: Asset) -> str:
        exact, underlying = self._named(asset)
        return exact if self._rules.reading is WashReading.NARROW else underlying

    def _named(self, asset: Asset) -> tuple[str, str]:
        known = self._known.get(asset.key)
        if known is None:
            known = (self._names.exact(asset), self._names.underlying(asset))
            self._known[asset.key] = known
        return known
