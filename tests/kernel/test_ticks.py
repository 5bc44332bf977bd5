"""Increments by class and price, and limits that never move against the customer."""

from __future__ import annotations

from decimal import Decimal

import pytest

from optix.kernel.money import Price
from optix.kernel.ticks import order_price, package_tick_of, tick_of


@pytest.mark.parametrize(
    ("root", "price", "tick"),
    [
        ("SPY", "0.50", "0.01"),
        ("SPY", "250.00", "0.01"),
        ("XSP", "5.00", "0.01"),
        ("AAPL", "2.99", "0.01"),
        ("AAPL", "3.00", "0.05"),
        ("AAPL1", "3.00", "0.05"),
        ("VIX", "2.99", "0.01"),
        ("VIXW", "3.00", "0.05"),
        ("SPX", "2.95", "0.05"),
        ("SPXW", "3.00", "0.10"),
        ("NDXP", "1.00", "0.05"),
        ("ZZZZ", "2.99", "0.05"),
        ("ZZZZ", "3.00", "0.10"),
    ],
)
def test_the_class_and_the_price_decide(root: str, price: str, tick: str) -> None:
    assert tick_of(root, Decimal(price)) == Decimal(tick)


def test_packages_trade_in_cents_but_spx_in_nickels_unless_boxed() -> None:
    assert package_tick_of("AAPL") == Decimal("0.01")
    assert package_tick_of("SPXW") == Decimal("0.05")
    assert package_tick_of("SPX", box=True) == Decimal("0.01")


@pytest.mark.parametrize(
    ("root", "asked", "bid", "offer"),
    [
        ("SPXW", "3.07", "3.00", "3.10"),
        ("SPXW", "2.97", "2.95", "3.00"),
        ("AAPL", "2.995", "2.99", "3.00"),
        ("AAPL", "3.02", "3.00", "3.05"),
        ("SPY", "12.34", "12.34", "12.34"),
    ],
)
def test_an_order_price_is_never_worse_than_asked(
    root: str, asked: str, bid: str, offer: str
) -> None:
    price = Price.parse(asked)
    assert order_price(root, price, buying=True) == Price.parse(bid)
    assert order_price(root, price, buying=False) == Price.parse(offer)
