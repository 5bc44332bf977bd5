"""Money is exact, signed by one convention, and refuses what could lose a cent."""

from __future__ import annotations

import json
from decimal import Decimal, Inexact
from typing import Any

import pytest

from optix.kernel.limits import MONEY_DIGITS_MAX, MONEY_PLACES_MAX, PRICE_MAX
from optix.kernel.money import (
    MalformedAmount,
    MixedCurrencies,
    Money,
    Price,
    Rounding,
    parse_decimal,
    total,
)

CENT = Decimal("0.01")


def usd(text: str) -> Money:
    return Money.parse(text)


class TestParsing:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            " 1",
            "1 ",
            "1e3",
            "1_000",
            "1,000.00",
            "$5",
            ".5",
            "5.",
            "--5",
            "NaN",
            "Infinity",
            "٣",
            "１",
            "0x10",
            "9" * (MONEY_DIGITS_MAX + 1),
            "0." + "1" * (MONEY_PLACES_MAX + 1),
            "1" * 10_000,
        ],
        ids=lambda text: text[:20],
    )
    def test_refuses_what_is_no_plain_decimal(self, text: str) -> None:
        with pytest.raises(MalformedAmount) as refused:
            parse_decimal(text)
        assert len(refused.value.detail) < 120

    @pytest.mark.parametrize("value", [None, 5, 5.0, b"5", Decimal(5)])
    def test_refuses_what_is_no_text(self, value: Any) -> None:
        with pytest.raises(MalformedAmount, match="is a text, not"):
            parse_decimal(value)

    @pytest.mark.parametrize(
        "text", ["0", "-1234.50", "9" * MONEY_DIGITS_MAX, "0." + "1" * MONEY_PLACES_MAX]
    )
    def test_reads_up_to_the_bounds(self, text: str) -> None:
        assert usd(text).text == text

    @pytest.mark.parametrize("currency", ["", "usd", "US", "USDT", "U$D", "ＵＳＤ"])
    def test_refuses_an_odd_currency(self, currency: str) -> None:
        with pytest.raises(MalformedAmount, match="currency"):
            Money(Decimal(1), currency)


class TestConstruction:
    @pytest.mark.parametrize("value", [1.5, 1.0, "1", True, None])
    def test_takes_nothing_inexact(self, value: Any) -> None:
        with pytest.raises(TypeError):
            Money(value)

    @pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "1E+999999", "1E-99999"])
    def test_takes_no_amount_that_is_none(self, text: str) -> None:
        with pytest.raises(MalformedAmount):
            Money(Decimal(text))

    def test_has_no_negative_zero(self) -> None:
        assert Money(Decimal("-0.00")).text == "0.00"
        assert (-Money.zero()).text == "0"

    def test_signs_cash_by_its_direction(self) -> None:
        assert Money.received(5) == usd("5")
        assert Money.paid(Decimal("1.30")) == usd("-1.30")
        with pytest.raises(AssertionError, match="no sign"):
            Money.paid(-1)

    def test_is_the_same_whatever_its_trailing_zeros(self) -> None:
        assert usd("1.50") == usd("1.5")
        assert hash(usd("1.50")) == hash(usd("1.5"))
        assert usd("1.50").text == "1.50"


class TestArithmetic:
    def test_adds_and_scales(self) -> None:
        assert usd("0.10") + usd("0.20") == usd("0.30")
        assert usd("0.10") - usd("0.30") == usd("-0.2")
        assert 3 * usd("-0.65") == usd("-1.95")
        assert usd("0.65") * Decimal("0.5") == usd("0.325")
        assert abs(usd("-2")) == usd("2")
        assert usd("-1") < usd("0") <= usd("0.00")
        assert not usd("0.00")
        assert usd("0.01")

    def test_mixes_no_currencies(self) -> None:
        euro = Money(Decimal(1), "EUR")
        with pytest.raises(MixedCurrencies, match="USD and EUR"):
            usd("1") + euro
        with pytest.raises(MixedCurrencies):
            usd("1") - euro
        with pytest.raises(MixedCurrencies):
            assert usd("1") < euro
        with pytest.raises(MixedCurrencies):
            usd("1").ratio_to(euro)
        with pytest.raises(MixedCurrencies):
            total([euro])
        assert usd("1") != euro

    @pytest.mark.parametrize("other", [1.0, 1, Decimal(1), None])
    def test_adds_only_money(self, other: Any) -> None:
        with pytest.raises(TypeError):
            usd("1") + other
        with pytest.raises(TypeError):
            assert usd("1") < other
        assert usd("1") != other

    @pytest.mark.parametrize("factor", [1.0, "2", True, None])
    def test_scales_only_exactly(self, factor: Any) -> None:
        with pytest.raises(TypeError):
            usd("1") * factor

    def test_does_not_divide(self) -> None:
        with pytest.raises(TypeError, match="does not divide exactly"):
            usd("1") / 3

    def test_fails_rather_than_round_in_silence(self) -> None:
        wide = Money(Decimal("1E+40")) + Money(Decimal("1E-39"))
        with pytest.raises(Inexact):
            wide * Decimal("1.00000000000000000000000000000000000001")

    def test_tells_its_share_of_another(self) -> None:
        assert usd("1").ratio_to(usd("4")) == Decimal("0.25")

    def test_sums_from_nothing(self) -> None:
        assert total([]) == Money.zero()
        assert total([], "EUR") == Money.zero("EUR")
        assert total([usd("0.10"), usd("0.20"), usd("-0.30")]) == usd("0")


class TestRounding:
    @pytest.mark.parametrize(
        ("rule", "up", "down", "above", "below"),
        [
            # 0.125, -0.125, 0.126, -0.126 in cents
            (Rounding.BOOK, "0.12", "-0.12", "0.13", "-0.13"),
            (Rounding.STATEMENT, "0.13", "-0.13", "0.13", "-0.13"),
            (Rounding.FEE, "0.13", "-0.13", "0.13", "-0.13"),
            (Rounding.KEEP, "0.12", "-0.12", "0.12", "-0.12"),
            (Rounding.BID, "0.12", "-0.13", "0.12", "-0.13"),
            (Rounding.OFFER, "0.13", "-0.12", "0.13", "-0.12"),
        ],
    )
    def test_follows_its_name(
        self, rule: Rounding, up: str, down: str, above: str, below: str
    ) -> None:
        texts = ("0.125", "-0.125", "0.126", "-0.126")
        assert [usd(text).rounded(rule).text for text in texts] == [up, down, above, below]

    @pytest.mark.parametrize("rule", list(Rounding))
    def test_leaves_whole_units_alone(self, rule: Rounding) -> None:
        assert usd("-7.35").rounded(rule, unit=Decimal("0.05")) == usd("-7.35")

    def test_halves_go_to_the_even_unit(self) -> None:
        assert usd("0.135").rounded(Rounding.BOOK) == usd("0.14")
        assert usd("-0.135").rounded(Rounding.BOOK) == usd("-0.14")

    def test_needs_a_positive_unit(self) -> None:
        with pytest.raises(AssertionError, match="positive"):
            usd("1").rounded(Rounding.BOOK, unit=Decimal(0))

    def test_splits_without_losing_a_cent(self) -> None:
        assert [share.text for share in usd("100.00").split([1, 1, 1])] == [
            "33.34",
            "33.33",
            "33.33",
        ]
        assert usd("-0.05").split([0, 3, 1]) == [usd("0"), usd("-0.04"), usd("-0.01")]
        assert usd("0.001").split([1, 1]) == [usd("0.001"), usd("0")]

    @pytest.mark.parametrize("weights", [[], [0, 0], [2, -1]])
    def test_splits_only_over_something(self, weights: list[int]) -> None:
        with pytest.raises(AssertionError):
            usd("1").split(weights)


class TestText:
    def test_is_plain_digits(self) -> None:
        assert Money(Decimal("1E+3")).text == "1000"
        assert Money(Decimal("1E-7")).text == "0.0000001"
        assert str(usd("-12.30")) == "-12.30 USD"

    @pytest.mark.parametrize("value", [Money(Decimal(1)), Price(Decimal(1))])
    def test_is_asked_for_because_json_would_make_it_a_float(self, value: Money | Price) -> None:
        with pytest.raises(TypeError, match="not JSON serializable"):
            json.dumps({"value": value})
        assert json.dumps({"value": value.text}) == '{"value": "1"}'


class TestPrice:
    @pytest.mark.parametrize(
        ("value", "tick", "text"),
        [
            (0.1 + 0.2, "0.01", "0.30"),
            (2.675, "0.01", "2.67"),  # the float is below the half
            (1.0049999, "0.01", "1.00"),
            (-1.25, "0.05", "-1.25"),
            (0.0, "0.01", "0.00"),
            (5e-324, "0.01", "0.00"),
            (412.3701, "0.0001", "412.3701"),
        ],
    )
    def test_comes_in_by_its_precision(self, value: float, tick: str, text: str) -> None:
        assert Price.from_float(value, Decimal(tick)).text == text

    @pytest.mark.parametrize(
        "value", [float("nan"), float("inf"), float("-inf"), PRICE_MAX * 2, -PRICE_MAX * 2]
    )
    def test_refuses_what_is_no_price(self, value: float) -> None:
        with pytest.raises(MalformedAmount, match="not a price"):
            Price.from_float(value, CENT)

    def test_leaves_as_the_nearest_float(self) -> None:
        assert Price.parse("0.30").to_float() == 0.3

    @pytest.mark.parametrize("value", [1.0, "1", True])
    def test_has_no_other_door(self, value: Any) -> None:
        with pytest.raises(TypeError):
            Price(value)

    def test_calculates_exactly(self) -> None:
        assert Price.parse("3.05") - Price.parse("1.10") == Price.parse("1.95")
        assert Price.parse("3.05") + Price.parse("1.10") == Price.parse("4.15")
        assert -Price.parse("1.28") < Price.parse("0")
        assert str(Price.parse("1.50")) == "1.50"

    @pytest.mark.parametrize("other", [1.0, Decimal(1), Money(Decimal(1))])
    def test_mixes_with_nothing_else(self, other: Any) -> None:
        with pytest.raises(TypeError, match="do not mix"):
            Price.parse("1") + other
        with pytest.raises(TypeError, match="do not mix"):
            assert Price.parse("1") < other

    def test_knows_its_grid(self) -> None:
        assert Price.parse("3.05").is_on(Decimal("0.05"))
        assert not Price.parse("3.07").is_on(Decimal("0.05"))
        assert Price.parse("3.07").snapped(Decimal("0.05"), Rounding.BID).text == "3.05"
        assert Price.parse("3.07").snapped(Decimal("0.05"), Rounding.OFFER).text == "3.10"

    @pytest.mark.parametrize(
        ("quantity", "cash"),
        [(2, "-250.00"), (-2, "250.00"), (0, "0"), (Decimal("0.5"), "-62.50")],
    )
    def test_buying_pays_and_selling_receives(self, quantity: Decimal | int, cash: str) -> None:
        assert Price.parse("1.25").cash(quantity, 100) == usd(cash)

    def test_a_package_that_pays_its_buyer_has_a_negative_price(self) -> None:
        assert Price.parse("-1.28").cash(1, 100) == usd("128")

    def test_cash_takes_no_float(self) -> None:
        with pytest.raises(TypeError):
            Price.parse("1").cash(1.0, 100)  # type: ignore[arg-type]  # what a careless caller does
