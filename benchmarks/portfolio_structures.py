"""Grouping of legs into structures: a part of `make -s bench NAME=portfolio`.

`grouping_accuracy` is the share of labelled books (tests/features/portfolio/structures/labelled)
that are called, whole, what a trader calls them. The times are of a book of 2,000 positions in ten
accounts: once with the orders that opened it, once without any history, which is the dearest. They
are CPU time, the best of several rounds, because others use the machine too.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from tests.features.portfolio.structures.labelled_books import books

from optix.features.portfolio.structures.grouping import group
from optix.features.portfolio.structures.margin import Prices, margins_of
from optix.features.portfolio.structures.shapes import classify
from optix.features.portfolio.structures.values import Holding, Opening
from optix.kernel.holding import Asset, AssetKind
from optix.kernel.instrument import contract_of

ACCOUNTS: Final = 10
UNDERLYINGS: Final = 50  # of each account, with four legs each
ROUNDS: Final = 5
BUDGETS: Final[dict[str, tuple[float, float]]] = {
    "grouping_accuracy": (0.97, 1.0),
    "grouping_ms": (0.0, 100.0),
}
TODAY: Final = date(2026, 11, 23)
EXPIRATION: Final = date(2026, 12, 18)
# A put spread and a call spread around 100: right, the lowest strike, direction.
LEGS: Final = (("P", 88, 1), ("P", 93, -1), ("C", 103, -1), ("C", 108, 1))

Account = tuple[Holding, ...]


def book(*, with_orders: bool) -> list[Account]:
    """Return accounts of uneven condors at strikes that differ from company to company."""
    chance = random.Random(8)  # a book, no secret
    return [
        tuple(
            holding
            for number in range(UNDERLYINGS)
            for holding in _condor(chance, account, number, with_orders=with_orders)
        )
        for account in range(ACCOUNTS)
    ]


def _condor(
    chance: random.Random, account: int, number: int, *, with_orders: bool
) -> list[Holding]:
    root = f"Q{chr(65 + account)}{chr(65 + number // 26)}{chr(65 + number % 26)}"
    at = datetime(2026, 10, 1 + number % 28, 15, tzinfo=UTC)
    found = []
    for place, (right, strike, sign) in enumerate(LEGS):
        contract = contract_of(root, EXPIRATION, right, strike + chance.randint(0, 4))
        quantity = Decimal(sign * chance.randint(1, 5))
        opening = Opening(
            quantity=quantity,
            opened=quantity,
            day=at.date(),
            at=at,
            order=f"{root} {place // 2}",
        )
        found.append(
            Holding(
                asset=Asset(
                    kind=AssetKind.OPTION, symbol=contract.key, contract=contract, multiplier=100
                ),
                quantity=quantity,
                openings=(opening,) if with_orders else (),
            )
        )
    return found


def _best_ms(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        classify.cache_clear()
        began = time.process_time()
        work()
        taken.append((time.process_time() - began) * 1_000)
    return min(taken)


def _group_all(accounts: list[Account]) -> int:
    found = [group(UUID(int=place), own) for place, own in enumerate(accounts)]
    return sum(len(each.structures) for each in found)


def _margin_all(accounts: list[Account]) -> int:
    known = {}
    for holding in (each for own in accounts for each in own):
        known[holding.asset.symbol] = Decimal("1.50")
        assert holding.asset.contract is not None, "all of it is options"
        known[holding.asset.contract.root] = Decimal(100)
    prices = Prices(underlyings=known, marks=known)
    found = [margins_of(own, prices, today=TODAY, margin=True) for own in accounts]
    return sum(len(each) for each in found)


def measure() -> dict[str, float]:
    ordered, bare = book(with_orders=True), book(with_orders=False)
    right = sum(each.is_right for each in books())
    return {
        "grouping_accuracy": right / len(books()),
        "grouping_cases": float(len(books())),
        "grouping_ms": _best_ms(lambda: _group_all(ordered)),
        "grouping_bare_ms": _best_ms(lambda: _group_all(bare)),
        "margin_ms": _best_ms(lambda: _margin_all(ordered)),
    }
