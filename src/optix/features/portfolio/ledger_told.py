"""What the ledger's rows are as values, and what both are as answers. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from optix.features.brokerage.service import asset_of_record, line_of_record
from optix.features.portfolio import schemas_ledger as schemas
from optix.features.portfolio.ledger.gains import TaxableGain
from optix.features.portfolio.ledger.section_1256 import Form6781, Marks
from optix.features.portfolio.ledger.securities import WashRules
from optix.features.portfolio.ledger.taxes import tax_family
from optix.features.portfolio.ledger.values import (
    Book,
    Disposal,
    DisposalKind,
    Entry,
    EntryKind,
    FamilyBook,
    Lot,
    LotMethod,
    Posting,
)
from optix.features.portfolio.models import (
    AccountSetting,
    LedgerDisposal,
    LedgerEntry,
    LedgerLot,
    OwnLine,
)
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus
from optix.kernel.errors import InvalidInput
from optix.kernel.holding import STANDARD_MULTIPLIER, Asset, AssetKind
from optix.kernel.instrument import MalformedContract, parse_option
from optix.kernel.money import Money, Price
from optix.kernel.quote import SecurityKind
from optix.kernel.symbols import MalformedSymbol, kind_of, parse_symbol

_KINDS = {
    SecurityKind.STOCK: AssetKind.STOCK,
    SecurityKind.ETF: AssetKind.ETF,
}


class OwnLineUnusable(InvalidInput):
    code = "own_line_unusable"
    next_step = "Give a symbol with a quantity, or an amount of cash."


@dataclass(frozen=True, slots=True)
class Taxes:
    gains: Sequence[TaxableGain]
    index_contracts: Sequence[Form6781]
    unmarked: int


def tax_books(books: Sequence[FamilyBook], sheltered: frozenset[UUID], marks: Marks) -> Taxes:
    rules = WashRules(sheltered=sheltered)
    found = [tax_family(book, marks, rules) for book in books]
    gains = [each for taxes in found for each in taxes.gains]
    gains.sort(key=lambda each: (each.found.disposal.closed, each.found.disposal.id))
    return Taxes(
        gains=gains,
        index_contracts=[each for taxes in found for each in taxes.index_contracts],
        unmarked=sum(len(taxes.problems) for taxes in found),
    )


def books_of(
    entries: Sequence[LedgerEntry],
    lots: Sequence[LedgerLot],
    disposals: Sequence[LedgerDisposal],
) -> list[FamilyBook]:
    """Return the books of all families that closed anything."""
    assets: dict[str, Asset] = {}
    told: defaultdict[str, tuple[list[Entry], list[Lot], list[Disposal]]] = defaultdict(
        lambda: ([], [], [])
    )
    for entry in entries:
        told[entry.family][0].append(_entry_value(entry))
    for lot in lots:
        told[lot.family][1].append(_lot_value(lot, assets))
    for disposal in disposals:
        told[disposal.family][2].append(_disposal_value(disposal, assets))
    return [
        FamilyBook(entries=tuple(a), lots=tuple(b), disposals=tuple(c))
        for a, b, c in told.values()
        if b or c
    ]


def _entry_value(row: LedgerEntry) -> Entry:
    return Entry(
        id=row.entry_id,
        account=row.account_id,
        line=row.line_id,
        day=row.day,
        at=row.at,
        kind=EntryKind(row.kind),
        also=tuple(row.also),
        postings=tuple(
            Posting(
                book=Book(each["book"]),
                amount=Decimal(each["amount"]),
                currency=each["currency"],
                asset=each.get("asset"),
                quantity=None if each.get("quantity") is None else Decimal(each["quantity"]),
            )
            for each in row.postings
        ),
    )


def _asset_value(record: Mapping[str, Any], assets: dict[str, Asset]) -> Asset:
    key = f"{record['kind']} {record['symbol']} {record['currency']} {record.get('deliverables')}"
    if key not in assets:
        assets[key] = asset_of_record(record)
    return assets[key]


def _lot_value(row: LedgerLot, assets: dict[str, Asset]) -> Lot:
    return Lot(
        id=row.id,
        account=row.account_id,
        asset=_asset_value(row.asset, assets),
        line=row.line_id,
        opened=row.opened,
        opened_at=row.opened_at,
        held_since=row.held_since,
        quantity=row.quantity,
        basis=row.basis,
        rolled=row.rolled,
        bought=row.bought,
        opening=row.opening,
    )


def _disposal_value(row: LedgerDisposal, assets: dict[str, Asset]) -> Disposal:
    return Disposal(
        id=row.id,
        account=row.account_id,
        asset=_asset_value(row.asset, assets),
        lot=row.lot_id,
        opening_line=row.opening_line_id,
        line=row.line_id,
        kind=DisposalKind(row.kind),
        opened=row.opened,
        held_since=row.held_since,
        closed=row.closed,
        closed_at=row.closed_at,
        quantity=row.quantity,
        proceeds=row.proceeds,
        basis=row.basis,
        taxable=row.taxable,
        bought=row.bought,
        opening=row.opening,
    )


def lot_of(row: LedgerLot) -> schemas.Lot:
    return schemas.Lot(
        id=row.id,
        account_id=row.account_id,
        symbol=row.symbol,
        kind=row.asset["kind"],
        currency=row.asset["currency"],
        quantity=plain(row.quantity),
        basis=plain(row.basis),
        rolled=plain(row.rolled),
        opened=row.opened,
        held_since=row.held_since,
        opening=row.opening,
        line_id=row.line_id,
    )


def entry_of(row: LedgerEntry) -> schemas.JournalEntry:
    return schemas.JournalEntry(
        id=row.id,
        account_id=row.account_id,
        day=row.day,
        kind=EntryKind(row.kind),
        line_id=row.line_id,
        postings=[
            schemas.Posting(
                book=Book(each["book"]),
                amount=each["amount"],
                currency=each["currency"],
                asset=each.get("asset"),
                quantity=each.get("quantity"),
            )
            for each in row.postings
        ],
        booked_at=row.booked_at,
        superseded_at=row.superseded_at,
    )


def gain_of(each: TaxableGain) -> schemas.Gain:
    disposal = each.found.disposal
    return schemas.Gain(
        disposal_id=disposal.id,
        account_id=disposal.account,
        symbol=disposal.asset.symbol,
        kind=disposal.kind,
        term=each.term,
        opened=disposal.opened,
        closed=disposal.closed,
        quantity=plain(disposal.quantity),
        proceeds=plain(disposal.proceeds),
        basis=plain(disposal.basis),
        disallowed=plain(each.found.disallowed),
        gain=plain(each.found.recognised),
        currency=disposal.asset.currency,
    )


def setting_of(account: UUID, row: AccountSetting | None) -> schemas.LedgerSetting:
    """Return the settings of an account, the usual ones where it has none."""
    return schemas.LedgerSetting(
        account_id=account,
        lot_method=LotMethod.FIFO if row is None else LotMethod(row.lot_method),
        tax_advantaged=row is not None and row.tax_advantaged,
    )


def activity_of(body: schemas.OwnLineCreate) -> Activity:
    """Return the line that an owner enters. Errors: OwnLineUnusable."""
    if body.symbol is None:
        if not body.cash or body.quantity is not None or body.price is not None:
            raise OwnLineUnusable("Cash without a symbol has an amount, and nothing else.")
    elif not body.quantity or body.cash is not None:
        raise OwnLineUnusable("A position has a quantity that is not zero, and no cash.")
    return Activity(
        id="",
        kind=ActivityKind.ADJUSTMENT,
        status=ActivityStatus.POSTED,
        day=body.day,
        cash=Money(body.cash or Decimal(0), body.currency),
        asset=None if body.symbol is None else _asset_named(body.symbol, body.currency),
        quantity=body.quantity,
        price=None if body.price is None else Price(body.price),
        description=body.note,
    )


def _asset_named(text: str, currency: str) -> Asset:
    try:
        contract = parse_option(text)
    except MalformedContract:
        pass
    else:
        return Asset(
            kind=AssetKind.OPTION,
            symbol=contract.key,
            contract=contract,
            multiplier=STANDARD_MULTIPLIER,
            currency=currency,
        )
    try:
        symbol = parse_symbol(text)
    except MalformedSymbol as error:
        raise OwnLineUnusable(error.detail, fields={"symbol": "is not readable"}) from None
    return Asset(
        kind=_KINDS.get(kind_of(symbol), AssetKind.OTHER), symbol=symbol, currency=currency
    )


def asset_of_key(key: str) -> Asset:
    """Return the asset that an `Asset.key` names, as far as a key tells."""
    kind, symbol, currency = key.split("|")
    contract = parse_option(symbol) if kind == AssetKind.OPTION else None
    multiplier = 1 if contract is None else STANDARD_MULTIPLIER
    return Asset(
        kind=AssetKind(kind),
        symbol=symbol,
        contract=contract,
        multiplier=multiplier,
        currency=currency,
    )


def own_line_of(row: OwnLine) -> schemas.OwnLine:
    """Return a line that its owner entered."""
    line = line_of_record(row.record)
    return schemas.OwnLine(
        id=row.id,
        account_id=row.account_id,
        kind=line.kind,
        day=line.day,
        symbol=row.symbol,
        quantity=text_of(line.quantity),
        price=None if line.price is None else plain(line.price.value),
        cash=plain(line.cash.amount),
        currency=line.cash.currency,
        note=row.note,
        created_at=row.created_at,
    )


def plain(value: Decimal) -> str:
    """Return a decimal as text without an exponent."""
    return format(value, "f")


def text_of(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)
