"""Books for the tests of taxes, made by hand: who holds what since when, and what was closed."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID, uuid5

from optix.features.portfolio.ledger.values import Disposal, DisposalKind, Entry, FamilyBook, Lot
from optix.kernel.holding import Asset, AssetKind
from optix.kernel.instrument import parse_option

SPACE = UUID("6f9c0f6e-25d1-4bb0-9f0a-0b6a3e3b1a11")
TAXED = uuid5(SPACE, "taxed")
OTHER = uuid5(SPACE, "other")
IRA = uuid5(SPACE, "ira")
START = date(2025, 1, 6)


def day(number: int) -> date:
    return START + timedelta(days=number)


def named(name: str) -> UUID:
    return uuid5(SPACE, name)


def share(symbol: str = "XYZ", cusip: str = "") -> Asset:
    return Asset(kind=AssetKind.STOCK, symbol=symbol, cusip=cusip)


def option(key: str) -> Asset:
    contract = parse_option(key)
    return Asset(kind=AssetKind.OPTION, symbol=contract.key, contract=contract, multiplier=100)


XYZ = share()
CALL = option("XYZ250620C00050000")
OTHER_CALL = option("XYZ250919C00060000")
PUT = option("XYZ250620P00050000")
SPX = option("SPX251219C06000000")


def exact(*amounts: str | int) -> tuple[Decimal, ...]:
    return tuple(Decimal(each) for each in amounts)


def closed(
    name: str,
    opened: int,
    until: int,
    quantity: str | int | Decimal,
    paid: str | int | Decimal,
    received: str | int | Decimal,
    *,
    asset: Asset = XYZ,
    account: UUID = TAXED,
    lot: str = "",
    sale: str = "",
    kind: DisposalKind | None = None,
    taxable: bool = True,
) -> Disposal:
    """What one lot's closing gave: `paid` is the basis, `received` the proceeds."""
    size = Decimal(quantity)
    return Disposal(
        id=named(name),
        account=account,
        asset=asset,
        lot=named(f"lot {lot or name}"),
        opening_line=named(f"buy {lot or name}"),
        line=named(f"sell {sale or name}"),
        kind=kind or (DisposalKind.SALE if size > 0 else DisposalKind.COVER),
        opened=day(opened),
        held_since=day(opened),
        closed=day(until),
        closed_at=None,
        quantity=size,
        proceeds=Decimal(received),
        basis=Decimal(paid),
        taxable=taxable,
    )


def held(
    name: str,
    opened: int,
    quantity: str | int | Decimal,
    basis: str | int | Decimal,
    *,
    asset: Asset = XYZ,
    account: UUID = TAXED,
) -> Lot:
    return Lot(
        id=named(f"lot {name}"),
        account=account,
        asset=asset,
        line=named(f"buy {name}"),
        opened=day(opened),
        opened_at=None,
        held_since=day(opened),
        quantity=Decimal(quantity),
        basis=Decimal(basis),
    )


def book(*things: Disposal | Lot | Entry) -> FamilyBook:
    return FamilyBook(
        entries=tuple(each for each in things if isinstance(each, Entry)),
        lots=tuple(each for each in things if isinstance(each, Lot)),
        disposals=tuple(each for each in things if isinstance(each, Disposal)),
    )
