"""What a root means. The tables are the exchanges' terms (MARKET_RULES 1 and 2)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from optix.kernel.instrument import ExerciseStyle, Settlement
from optix.kernel.roots import (
    DeliverableShare,
    class_of,
    deliverable_of,
    is_adjusted,
    is_cash_settled,
    is_flex,
    roots_of,
    settlement_of,
    style_of,
    underlying_of,
)

DAY = date(2026, 1, 16)
AM, PM = Settlement.AM, Settlement.PM
EUROPEAN, AMERICAN = ExerciseStyle.EUROPEAN, ExerciseStyle.AMERICAN


@pytest.mark.parametrize(
    ("root", "underlying", "style", "settlement"),
    [
        ("SPX", "SPX", EUROPEAN, AM),
        ("SPXW", "SPX", EUROPEAN, PM),
        ("XSP", "XSP", EUROPEAN, PM),
        ("NDX", "NDX", EUROPEAN, AM),
        ("NDXP", "NDX", EUROPEAN, PM),
        ("RUT", "RUT", EUROPEAN, AM),
        ("RUTW", "RUT", EUROPEAN, PM),
        ("MRUT", "MRUT", EUROPEAN, PM),
        ("VIX", "VIX", EUROPEAN, AM),
        ("VIXW", "VIX", EUROPEAN, AM),
        ("DJX", "DJX", EUROPEAN, AM),
        ("OEX", "OEX", AMERICAN, PM),
        ("XEO", "XEO", EUROPEAN, PM),
        ("SPY", "SPY", AMERICAN, PM),
        ("BRKB", "BRK.B", AMERICAN, PM),
        ("GOOGL", "GOOGL", AMERICAN, PM),
        ("AAPL1", "AAPL", AMERICAN, PM),
        ("BRKB1", "BRK.B", AMERICAN, PM),
        ("SPY7", "SPY", AMERICAN, PM),
        ("2SPY", "SPY", EUROPEAN, PM),
        ("1SPY", "SPY", AMERICAN, PM),
        ("9SPY", "SPY", AMERICAN, PM),
        ("2SPX", "SPX", EUROPEAN, AM),
        ("3SPX", "SPX", AMERICAN, PM),
        ("4SPX", "SPX", EUROPEAN, PM),
    ],
)
def test_a_root_has_its_terms(
    root: str, underlying: str, style: ExerciseStyle, settlement: Settlement
) -> None:
    assert underlying_of(root) == underlying
    assert style_of(root) == style
    assert settlement_of(root, DAY) == settlement


def test_a_symbol_has_its_roots() -> None:
    assert roots_of("SPX") == ("SPX", "SPXW")
    assert roots_of("VIX") == ("VIX", "VIXW")
    assert roots_of("XSP") == ("XSP",)
    assert roots_of("BRK.B") == ("BRKB",)
    assert roots_of("IWM") == ("IWM",)


def test_every_root_of_a_symbol_leads_back_to_it() -> None:
    for symbol in ("SPX", "NDX", "RUT", "VIX", "OEX", "BRK.B", "SPY"):
        assert {underlying_of(root) for root in roots_of(symbol)} == {symbol}


def test_digits_tell_adjusted_and_flex_series() -> None:
    assert [is_adjusted(root) for root in ("AAPL1", "SPY7", "AAPL", "2SPY")] == [
        True,
        True,
        False,
        False,
    ]
    assert [is_flex(root) for root in ("2SPY", "4SPX", "SPX", "AAPL1")] == [
        True,
        True,
        False,
        False,
    ]
    assert class_of("2AAPL") == class_of("AAPL1") == "AAPL"


def test_a_root_without_letters_is_our_own_mistake() -> None:
    with pytest.raises(AssertionError, match="letters"):
        underlying_of("123")


class TestDeliverable:
    def test_is_a_hundred_shares_as_a_rule(self) -> None:
        found = deliverable_of("BRKB", DAY)
        assert found is not None
        assert found.shares == (DeliverableShare("BRK.B", Decimal(100)),)
        assert found.multiplier == 100
        assert found.cash == Decimal(0)
        assert not found.cash_settled

    def test_is_cash_for_an_index(self) -> None:
        found = deliverable_of("SPXW", DAY)
        assert found is not None
        assert found.cash_settled
        assert found.shares == ()
        assert found.multiplier == 100
        assert is_cash_settled("2SPX")
        assert not is_cash_settled("SPY")

    @pytest.mark.parametrize("root", ["AAPL1", "TSLA2", "BRKB1", "META7"])
    def test_of_an_adjusted_root_is_unknown(self, root: str) -> None:
        assert deliverable_of(root, DAY) is None

    def test_of_a_mini_was_ten_shares_while_minis_were_listed(self) -> None:
        mini = deliverable_of("AAPL7", date(2015, 1, 17))
        assert mini is not None
        assert mini.shares == (DeliverableShare("AAPL", Decimal(10)),)
        assert mini.multiplier == 10
        assert deliverable_of("AAPL7", date(2026, 1, 16)) is None
