"""The golden book: hand-worked cases of the ledger, as text that a person can check.

A file is TOML with `[[case]]` tables:

    name      a sentence
    rule      where the rule stands
    working   the arithmetic, by hand
    methods   {A = "lifo"}: how an account's lots are chosen; FIFO where it is not said
    choices   ["t2 0 50"]: line name, number of a lot in the order they were opened, quantity
    lines     one line of history each:
              "2025-01-10 A trade AAPL +100 -15000.00 price=150 fees=-1 effect=opening group=g1
               name=t1 replaces=t0 status=cancelled at=10:30 deliver=AAPL:100,:50 own"
              (day, account, kind, symbol or -, quantity or -, cash, then what else it has)
    cash      {A = "-15000.00"}
    lots      ["A AAPL +100 15000.00 2025-01-10"], with ` since=2024-05-05`, ` rolled=-200.00`
    disposals ["A AAPL sale 2025-01-10 2025-03-01 +100 16000.00 15000.00"]: account, symbol, kind,
              opened, closed, quantity, proceeds, basis; with ` untaxed` or ` since=…`
    problems  ["boot_unresolved"]

Everything a case does not expect must not be there: all lots, disposals and problems are compared.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from optix.features.portfolio.ledger.values import (
    Book,
    BookingRules,
    Disposal,
    FamilyBook,
    LedgerLine,
    LineSource,
    Lot,
    LotChoice,
    LotMethod,
)
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus, PositionEffect
from optix.kernel.holding import Asset, AssetKind, Deliverable
from optix.kernel.instrument import MalformedContract, parse_option
from optix.kernel.money import Money, Price

FOLDER = Path(__file__).parent / "golden"
SPACE = UUID("6f1d5f9e-7c44-4a52-9a3e-0f1d6a8f2b11")


@dataclass(frozen=True)
class Case:
    file: str
    told: dict[str, Any]

    @property
    def title(self) -> str:
        return f"{self.file}: {self.told['name']}"


def cases() -> list[Case]:
    """Return every case of every file, in order."""
    return [
        Case(path.stem, told)
        for path in sorted(FOLDER.glob("*.toml"))
        for told in tomllib.loads(path.read_text())["case"]
    ]


def account_of(name: str) -> UUID:
    return uuid5(SPACE, f"account {name}")


def asset_of(symbol: str, deliver: str = "") -> Asset:
    try:
        contract = parse_option(symbol)
    except MalformedContract:
        kind = AssetKind.CASH_EQUIVALENT if symbol.endswith("XX") else AssetKind.STOCK
        return Asset(kind=kind, symbol=symbol)
    parts = [each.split(":") for each in deliver.split(",") if each]
    return Asset(
        kind=AssetKind.OPTION,
        symbol=contract.key,
        contract=contract,
        multiplier=100,
        deliverables=tuple(Deliverable(symbol, Decimal(size)) for symbol, size in parts),
    )


def parse_line(text: str, place: int) -> LedgerLine:
    day, account, kind, symbol, quantity, cash, *rest = text.split()
    words = {word.partition("=")[0]: word.partition("=")[2] for word in rest}
    on = date.fromisoformat(day)
    at = words.get("at")
    effect = words.get("effect")
    return LedgerLine(
        id=uuid5(SPACE, f"line {words.get('name', place)}"),
        account=account_of(account),
        seen=place,
        source=LineSource.OWN if "own" in words else LineSource.BROKER,
        activity=Activity(
            id=words.get("name", ""),
            kind=ActivityKind(kind),
            status=ActivityStatus(words.get("status", "posted")),
            day=on,
            at=datetime.combine(on, time.fromisoformat(at), UTC) if at else None,
            asset=None if symbol == "-" else asset_of(symbol, words.get("deliver", "")),
            quantity=None if quantity == "-" else Decimal(quantity),
            cash=Money(Decimal(cash)),
            price=Price(Decimal(words["price"])) if "price" in words else None,
            fees=Money(Decimal(words["fees"])) if "fees" in words else None,
            effect=PositionEffect(effect) if effect else None,
            group=words.get("group", ""),
            replaces=words.get("replaces", ""),
        ),
    )


def lines_of(case: Case) -> list[LedgerLine]:
    return [parse_line(text, place) for place, text in enumerate(case.told["lines"])]


def rules_of(case: Case, lots: list[Lot]) -> BookingRules:
    """Return how lots are chosen; `lots` are those of a booking before anything was closed."""
    methods = {
        account_of(name): LotMethod(word) for name, word in case.told.get("methods", {}).items()
    }
    choices = {}
    for text in case.told.get("choices", ()):
        name, *parts = text.split()
        line = uuid5(SPACE, f"line {name}")
        pairs = zip(parts[::2], parts[1::2], strict=True)
        chosen = tuple((lots[int(at)].id, Decimal(size)) for at, size in pairs)
        choices[line] = LotChoice(line=line, lots=chosen)
    return BookingRules(methods=methods, choices=choices)


def cash_of(book: FamilyBook) -> dict[UUID, Decimal]:
    cash: dict[UUID, Decimal] = {}
    for entry in book.entries:
        for posting in entry.postings:
            if posting.book is Book.CASH:
                cash[entry.account] = cash.get(entry.account, Decimal(0)) + posting.amount
    return cash


def plain(value: Decimal) -> str:
    return f"{value.normalize():+f}"


def shown_lot(lot: Lot) -> str:
    text = f"{lot.asset.symbol} {plain(lot.quantity)} {lot.basis:.2f} {lot.opened}"
    if lot.held_since != lot.opened:
        text += f" since={lot.held_since}"
    return text + (f" rolled={lot.rolled:.2f}" if lot.rolled else "")


def shown_disposal(disposal: Disposal) -> str:
    text = (
        f"{disposal.asset.symbol} {disposal.kind} {disposal.opened} {disposal.closed} "
        f"{plain(disposal.quantity)} {disposal.proceeds:.2f} {disposal.basis:.2f}"
    )
    if disposal.held_since != disposal.opened:
        text += f" since={disposal.held_since}"
    return text if disposal.taxable else f"{text} untaxed"
