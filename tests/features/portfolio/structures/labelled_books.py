"""Reads the labelled books: what is held, how it came about, and what a trader calls it."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from optix.features.portfolio.structures.grouping import group
from optix.features.portfolio.structures.openings import openings_of
from optix.features.portfolio.structures.values import Holding, Structure
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus
from optix.kernel.holding import Asset, AssetKind
from optix.kernel.instrument import contract_of
from optix.kernel.money import Money

FOLDER = Path(__file__).with_name("labelled")
ACCOUNT = UUID(int=8)
YEAR = 2026
DATES = {
    "Nov": date(2026, 11, 20),
    "W1": date(2026, 11, 27),
    "Dec": date(2026, 12, 18),
    "Jan": date(2027, 1, 15),
    "Mar": date(2027, 3, 19),
    "Jun": date(2027, 6, 18),
    "Leap": date(2028, 1, 21),
}
KINDS = {"assignment": ActivityKind.ASSIGNMENT, "exercise": ActivityKind.EXERCISE}

Told = tuple[str, frozenset[tuple[str, Decimal]]]


@dataclass(frozen=True)
class Book:
    """One case: holdings with openings, cash, and its label."""

    file: str
    name: str
    holdings: tuple[Holding, ...]
    cash: Decimal | None
    expected: Counter[Told]

    def found(self) -> Counter[Told]:
        """Return what grouping makes of it, to be compared with `expected`."""
        return Counter(
            told(each) for each in group(ACCOUNT, self.holdings, cash=self.cash).structures
        )

    @property
    def is_right(self) -> bool:
        return self.found() == self.expected


def told(structure: Structure) -> Told:
    legs = ((leg.asset.symbol, leg.quantity) for leg in structure.legs)
    return structure.shape.value, frozenset(legs)


@lru_cache(maxsize=1)
def books() -> tuple[Book, ...]:
    return tuple(_read())


def _read() -> Iterator[Book]:
    for path in sorted(FOLDER.glob("*.toml")):
        for case in tomllib.loads(path.read_text(encoding="utf-8"))["case"]:
            yield _book(path.stem, case)


def _book(file: str, case: dict[str, Any]) -> Book:
    lines = [trade(number, text) for number, text in enumerate(case.get("trades", []))]
    if "positions" in case:
        held = dict(leg_of(text) for text in case["positions"])
    else:
        held = {}
        for line in lines:
            assert line.asset is not None
            assert line.quantity is not None
            held[line.asset] = held.get(line.asset, Decimal(0)) + line.quantity
    openings = openings_of(lines)
    holdings = tuple(
        Holding(asset=asset, quantity=quantity, openings=openings.get(asset.key, ()))
        for asset, quantity in held.items()
        if quantity
    )
    cash = Decimal(case["cash"]) if "cash" in case else None
    expected = Counter(_label(text) for text in case["expect"])
    return Book(file, case["name"], holdings, cash, expected)


def _label(text: str) -> Told:
    shape, _, legs = text.partition(": ")
    found = [leg_of(leg) for leg in legs.split(", ")]
    return shape, frozenset((asset.symbol, quantity) for asset, quantity in found)


def leg_of(text: str) -> tuple[Asset, Decimal]:
    """Return the asset and the quantity of "-2 590P Dec", "1 AAPL 200C Jan" or "300 shares"."""
    quantity, *words = text.split()
    if words[-1] == "shares":
        symbol = words[0] if len(words) == 2 else "XYZ"
        return Asset(kind=AssetKind.STOCK, symbol=symbol), Decimal(quantity)
    root = words[0] if len(words) == 3 else "XYZ"
    strike, month = words[-2:]
    contract = contract_of(root, DATES[month], strike[-1], strike[:-1])
    asset = Asset(kind=AssetKind.OPTION, symbol=contract.key, contract=contract, multiplier=100)
    return asset, Decimal(quantity)


def trade(number: int, text: str) -> Activity:
    """Return the line of "10-01 14:30:00 order -2 590P Dec"; "-" is what is not told."""
    day, time, order, *legs = text.split()
    kind = KINDS.get(legs[-1], ActivityKind.TRADE)
    asset, quantity = leg_of(" ".join(legs[:-1] if legs[-1] in KINDS else legs))
    month, _, of_month = day.partition("-")
    when = date(YEAR, int(month), int(of_month))
    at = None
    if time != "-":
        at = datetime.combine(when, datetime.strptime(time, "%H:%M:%S").time(), UTC)  # noqa: DTZ007  # a time of day
    return Activity(
        id=str(number).zfill(4),
        kind=kind,
        status=ActivityStatus.POSTED,
        day=when,
        at=at,
        cash=Money.zero(),
        asset=asset,
        quantity=quantity,
        order_id="" if order == "-" else order,
    )
