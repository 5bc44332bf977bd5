"""A made-up year is the same each time, and adds up from whatever seed and day."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from optix.features.sandbox.rules import asset_of, cash_of, holdings_of, why_not
from optix.features.sandbox.seeding import year_of
from optix.kernel.activity import ActivityKind

TODAY = date(2026, 11, 23)
EXPECTED = {
    ActivityKind.TRADE,
    ActivityKind.EXPIRATION,
    ActivityKind.ASSIGNMENT,
    ActivityKind.DIVIDEND,
    ActivityKind.INTEREST,
    ActivityKind.FEE,
    ActivityKind.SPLIT,
    ActivityKind.DEPOSIT,
    ActivityKind.WITHDRAWAL,
}


def test_the_same_seed_gives_the_same_year_and_another_gives_another() -> None:
    first = year_of("a seed", TODAY, {})
    assert first == year_of("a seed", TODAY, {})
    assert first != year_of("another", TODAY, {})


def test_a_year_has_everything_that_makes_importers_stumble() -> None:
    lines = year_of("a seed", TODAY, {})
    assert {line.kind for line in lines} == EXPECTED
    assert len({line.id for line in lines}) == len(lines)
    orders = Counter(line.order_id for line in lines if line.order_id)
    assert {1, 2, 4} <= set(orders.values()), "orders of one, two and four legs"
    groups = Counter(line.group for line in lines if line.group)
    assert list(groups.values()) == [2], "the contract and the shares it delivered"


@settings(max_examples=60, deadline=None)
@given(
    seed=st.text(max_size=12),
    days=st.integers(min_value=0, max_value=700),
    price=st.decimals(min_value=150, max_value=900, places=2),
)
def test_cash_and_positions_are_the_sum_of_a_history_that_could_have_been(
    seed: str, days: int, price: Decimal
) -> None:
    today = date(2025, 6, 2) + timedelta(days=days)
    prices = dict.fromkeys(("SPY", "AAPL", "MSFT", "NVDA"), price)
    lines = year_of(seed, today, prices)
    assert [line.day for line in lines] == sorted(line.day for line in lines)
    assert all(line.day < today for line in lines)
    for count in range(1, len(lines) + 1):
        assert cash_of(lines[:count]) >= 0, "nothing is bought with money that is not there"
    held = holdings_of(lines)
    expired = [
        symbol
        for symbol in held
        if (contract := asset_of(symbol).contract) and contract.expiration < today
    ]
    assert not expired
    quantities: Counter[str] = Counter()
    for line in lines:
        if line.asset is not None and line.quantity is not None:
            quantities[line.asset.symbol] += line.quantity  # type: ignore[assignment]  # exact
            fees = line.fees.amount if line.fees else 0
            if line.price is not None:
                gross = line.price.cash(line.quantity, line.asset.multiplier)
                assert line.cash.amount == gross.amount + fees
    assert {s: q for s, q in quantities.items() if q} == {s: h.quantity for s, h in held.items()}
    assert why_not(lines) == "", "what is held could be traded into"
    assert held["NVDA"].quantity == 100, "25 shares, four for one"
    assert held["XOM"].quantity == 350, "250 bought and 100 delivered"
