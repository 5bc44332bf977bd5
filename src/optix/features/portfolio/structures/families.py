"""What can make structures together: the holdings of one company, as parts with counts.

Standard contracts and the shares are one family. An adjusted series delivers something else than
100 shares and is a family by itself; where it delivers only shares of one company, and no standard
contract is held, the shares belong to it, in lots of what it delivers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from optix.features.portfolio.structures.shapes import CALL, PUT, STOCK, Part
from optix.features.portfolio.structures.values import Holding
from optix.kernel.holding import Asset, AssetKind
from optix.kernel.instrument import Right
from optix.kernel.roots import STANDARD_SHARES, is_adjusted, underlying_of

_SHARES: Final = frozenset({AssetKind.STOCK, AssetKind.ETF})


@dataclass(slots=True)
class Family:
    """Holdings with their parts and how many of each there are; parts have quantities of ±1.

    All are in the order of their parts: shares, calls, puts, by date and strike.
    `odd` are shares that make no lot, by their place.
    """

    underlying: str
    lot: Decimal
    holdings: list[Holding]
    parts: list[Part] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    odd: dict[int, Decimal] = field(default_factory=dict)


def underlying_symbol(asset: Asset) -> str | None:
    """Return whose price moves shares or an option; None for anything else."""
    if asset.kind is AssetKind.OPTION and asset.contract is not None:
        return underlying_of(asset.contract.root)
    return asset.symbol if asset.kind in _SHARES else None


def series_of(asset: Asset) -> str:
    """Return '' for shares and standard contracts, else what names an adjusted series."""
    contract = asset.contract
    if contract is None or not (asset.deliverables or is_adjusted(contract.root)):
        return ""
    return contract.root


def shares_per_contract(asset: Asset) -> Decimal | None:
    """Return how many shares of its own company a contract delivers.

    None for what delivers something else, or where nobody says what an adjusted one delivers.
    """
    if not series_of(asset):
        return Decimal(STANDARD_SHARES)
    if len(asset.deliverables) != 1:
        return None
    (only,) = asset.deliverables
    return only.quantity if only.symbol == underlying_symbol(asset) else None


def families_of(holdings: Sequence[Holding]) -> tuple[list[Family], list[Holding]]:
    """Return families by underlying and series, and the holdings that have no shape."""
    found: dict[tuple[str, str], list[Holding]] = {}
    left_out = []
    for holding in sorted(holdings, key=lambda each: each.asset.key):
        name = underlying_symbol(holding.asset)
        if name is None:
            left_out.append(holding)
        else:
            found.setdefault((name, series_of(holding.asset)), []).append(holding)
    _lend_shares(found)
    return [_family(name, own) for (name, _), own in sorted(found.items()) if own], left_out


def _lend_shares(found: dict[tuple[str, str], list[Holding]]) -> None:
    """Give shares to the first adjusted series that they can be delivered for."""
    for (name, series), own in sorted(found.items()):
        plain = found.get((name, ""), [])
        if not series or any(each.asset.contract is not None for each in plain):
            continue
        if shares_per_contract(own[0].asset) is not None:
            own.extend(plain)
            plain.clear()


def _family(underlying: str, holdings: list[Holding]) -> Family:
    delivered = [
        shares_per_contract(each.asset) for each in holdings if each.asset.contract is not None
    ]
    lot = next((each for each in delivered if each), Decimal(STANDARD_SHARES))
    ordered = sorted((*_part(each.asset, lot), each.asset.key, each) for each in holdings)
    family = Family(underlying, lot, [holding for _, _, _, holding in ordered])
    for place, (part, unit, _, holding) in enumerate(ordered):
        sign = 1 if holding.quantity > 0 else -1
        count = int(abs(holding.quantity) // unit)
        family.parts.append(part._replace(quantity=sign))
        family.counts.append(count)
        odd = holding.quantity - count * sign * unit
        if odd:
            family.odd[place] = odd
    return family


def _part(asset: Asset, lot: Decimal) -> tuple[Part, Decimal]:
    contract = asset.contract
    if contract is None:
        return Part(STOCK, 0, 0, 1), lot
    kind = CALL if contract.right is Right.CALL else PUT
    expiry = contract.expiration.toordinal()
    return Part(kind, expiry, contract.strike_milli, 1), Decimal(1)
