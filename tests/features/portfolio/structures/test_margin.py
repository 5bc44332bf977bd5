"""Margin by the strategy rules: worked by hand, and the least of all divisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.features.portfolio.structures.labelled_books import leg_of

from optix.features.portfolio.structures.margin import (
    NotEstimated,
    Prices,
    UnderlyingMargin,
    divide,
    has_margin,
    margins_of,
)
from optix.features.portfolio.structures.margin_rules import Rule, Terms, Unit, requirement
from optix.features.portfolio.structures.shapes import CALL, PUT, STOCK
from optix.features.portfolio.structures.values import Holding
from optix.kernel import limits

D = Decimal
TODAY = date(2026, 11, 20)


def margin(
    price: str, *held: tuple[str, str], margin: bool = True, symbol: str = "XYZ"
) -> UnderlyingMargin:
    """Return the estimate of legs with their marks, "" for shares."""
    found = [(leg_of(text), mark) for text, mark in held]
    marks = {asset.symbol: D(mark) for (asset, _), mark in found if mark}
    holdings = [Holding(asset=asset, quantity=quantity) for (asset, quantity), _ in found]
    prices = Prices(underlyings={symbol: D(price)}, marks=marks)
    (only,) = margins_of(holdings, prices, today=TODAY, margin=margin)
    return only


class TestOptionsAlone:
    """By the arithmetic of the rules, written out."""

    def test_a_long_option_is_paid(self) -> None:
        found = margin("600", ("2 600C Dec", "9.5"))
        assert (found.kept, found.paid, found.groups[0].rule) == (
            D(1900),
            D(1900),
            Rule.LONG_OPTION,
        )

    def test_one_of_more_than_nine_months_is_lent_a_quarter_of(self) -> None:
        found = margin("600", ("1 600C Leap", "80"))
        assert (found.kept, found.groups[0].rule) == (D(6000), Rule.LONG_TERM_OPTION)

    @pytest.mark.parametrize(
        ("expiry", "rule"),
        [(date(2027, 8, 20), Rule.LONG_OPTION), (date(2027, 8, 21), Rule.LONG_TERM_OPTION)],
    )
    def test_nine_months_are_nine_months(self, expiry: date, rule: Rule) -> None:
        unit = Unit(CALL, True, D(600), expiry, D(5), D(100))
        found = requirement([unit], Terms(price=D(600), today=TODAY))
        assert found is not None
        assert found.rule is rule

    def test_a_naked_call_needs_a_fifth_less_what_it_is_out_of_the_money(self) -> None:
        # 100 × (6 + 20 % × 600 - 30)
        assert margin("600", ("-1 630C Dec", "6")).kept == 9600

    def test_a_naked_call_far_out_needs_a_tenth_of_the_price(self) -> None:
        # 100 × (0.5 + 10 % × 600)
        assert margin("600", ("-1 750C Dec", "0.5")).kept == 6050

    def test_a_naked_put_far_out_needs_a_tenth_of_its_strike(self) -> None:
        # 100 × (0.5 + 10 % × 400)
        assert margin("600", ("-1 400P Dec", "0.5")).kept == 4050

    def test_an_index_needs_fifteen_percent(self) -> None:
        # 100 × (50 + 15 % × 6,000 - 100)
        found = margin("6000", ("-1 SPX 6100C Dec", "50"), symbol="SPX")
        assert found.kept == 85000

    def test_a_leveraged_fund_needs_as_much_more(self) -> None:
        # 100 × (2 + 3 × 20 % × 80 - 5)
        found = margin("80", ("-1 TQQQ 85C Dec", "2"), symbol="TQQQ")
        assert (found.kept, found.leverage) == (D(4500), D(3))


class TestSpreads:
    def test_a_credit_spread_needs_its_width_and_its_long_leg(self) -> None:
        found = margin("600", ("-1 590P Dec", "8"), ("1 580P Dec", "5"))
        assert (found.kept, found.paid, found.groups[0].rule) == (D(1500), D(500), Rule.SPREAD)

    def test_a_debit_spread_is_paid(self) -> None:
        assert margin("600", ("1 590C Dec", "15"), ("-1 600C Dec", "9")).kept == 1500

    def test_a_spread_wider_than_the_naked_leg_needs_no_more_than_that(self) -> None:
        # The width is 30,000; the put alone needs 100 × (2 + 20 % × 600 - 50).
        found = margin("600", ("-1 550P Dec", "2"), ("1 250P Dec", "0.1"))
        assert found.kept == 7200 + 10

    def test_a_calendar_that_buys_time_is_paid(self) -> None:
        assert margin("600", ("-1 600C Nov", "10"), ("1 600C Dec", "14")).kept == 1400

    def test_a_calendar_that_sells_time_is_naked(self) -> None:
        # 100 × (14 + 20 % × 600), and the near call is paid
        found = margin("600", ("1 600C Nov", "10"), ("-1 600C Dec", "14"))
        assert found.kept == 13400 + 1000

    def test_an_iron_condor_needs_its_wider_wing_once(self) -> None:
        found = margin(
            "600",
            *(("1 560P Dec", "1"), ("-1 580P Dec", "3")),
            *(("-1 620C Dec", "3"), ("1 630C Dec", "2")),
        )
        assert (found.kept, found.groups[0].rule) == (D(2000 + 300), Rule.PACKAGE)

    def test_a_butterfly_is_paid(self) -> None:
        found = margin("600", ("1 590C Dec", "20"), ("-2 600C Dec", "12"), ("1 610C Dec", "6"))
        assert (found.kept, found.paid) == (D(2600), D(2600))

    def test_a_short_box_needs_its_width(self) -> None:
        found = margin(
            "600",
            *(("-1 580C Dec", "25"), ("1 620C Dec", "4")),
            *(("-1 620P Dec", "23"), ("1 580P Dec", "4.2")),
        )
        # 40 wide, against 2 % more than the 39.8 that closing costs: 40.596 a share
        assert found.groups[0].rule is Rule.SHORT_BOX
        assert found.kept == D("820") + D("4059.60")

    def test_a_straddle_needs_its_greater_side_and_the_other_premium(self) -> None:
        # put: 100 × (5 + 120 - 20), call: 100 × (6 + 120 - 30) and premiums of the other
        found = margin("600", ("-1 580P Dec", "5"), ("-1 630C Dec", "6"))
        assert (found.kept, found.groups[0].rule) == (D(10500 + 600), Rule.STRADDLE)


class TestShares:
    @pytest.mark.parametrize(
        ("held", "initial", "kept"),
        [
            ("100 shares", 30000, 15000),
            ("-100 shares", 90000, 78000),
            ("150 shares", 45000, 22500),
        ],
    )
    def test_shares_alone(self, held: str, initial: int, kept: int) -> None:
        found = margin("600", (held, ""))
        assert (found.initial, found.kept) == (D(initial), D(kept))

    def test_shares_beyond_a_lot_stand_by_themselves(self) -> None:
        """By 250 shares and one call: 150 shares are not covered, 50 of them in no lot."""
        found = margin("600", ("250 shares", ""), ("-1 630C Dec", "6"), ("1 590P Dec", "8"))
        # a collar's 6,900 and the put, and a quarter of 90,000
        assert found.kept == 6900 + 800 + 22500

    def test_cheap_shares_sold_short_need_more(self) -> None:
        assert margin("8", ("-100 shares", "")).kept == 800 + 500
        assert margin("4", ("-100 shares", "")).kept == 400 + 400
        assert margin("2", ("-100 shares", "")).kept == 200 + 250

    def test_a_leveraged_fund_is_lent_less_on(self) -> None:
        assert margin("80", ("100 TQQQ shares", ""), symbol="TQQQ").kept == 6000

    def test_a_covered_call_needs_only_its_shares(self) -> None:
        found = margin("600", ("100 shares", ""), ("-1 630C Dec", "6"))
        assert (found.initial, found.kept) == (D(30000), D(15000))

    def test_a_protective_put_lowers_what_shares_need(self) -> None:
        # min(100 × (10 % × 590 + 10), 15,000) and the put
        found = margin("600", ("100 shares", ""), ("1 590P Dec", "8"))
        assert (found.kept, found.initial) == (D(6900 + 800), D(30000 + 800))

    def test_a_collar(self) -> None:
        # min(100 × (10 % × 590 + 10), 25 % × 63,000) and the put
        found = margin("600", ("100 shares", ""), ("1 590P Dec", "8"), ("-1 630C Dec", "6"))
        assert (found.kept, found.groups[0].rule) == (D(6900 + 800), Rule.COLLAR)

    def test_a_conversion(self) -> None:
        # 10 % of 60,000 and the 2,000 that the call is in the money, and the put
        found = margin("620", ("100 shares", ""), ("1 600P Dec", "4"), ("-1 600C Dec", "25"))
        assert (found.kept, found.groups[0].rule) == (D(8000 + 400), Rule.CONVERSION)

    def test_a_reversal(self) -> None:
        # the shares' proceeds, 10 % of 60,000, and the call
        found = margin("620", ("-100 shares", ""), ("-1 600P Dec", "4"), ("1 600C Dec", "25"))
        assert (found.kept, found.groups[0].rule) == (D(62000 + 6000 + 2500), Rule.REVERSAL)


class TestWithoutMargin:
    def test_a_put_has_its_strike_in_cash(self) -> None:
        found = margin("600", ("-2 550P Dec", "5"), margin=False)
        assert (found.kept, found.groups[0].rule) == (D(110000), Rule.CASH_SECURED)

    def test_shares_and_options_are_paid_in_full(self) -> None:
        found = margin("600", ("100 shares", ""), ("1 600C Leap", "80"), margin=False)
        assert found.kept == 60000 + 8000

    def test_a_call_without_shares_is_not_permitted(self) -> None:
        found = margin("600", ("-2 630C Dec", "6"), ("100 shares", ""), margin=False)
        assert found.reason is NotEstimated.NOT_PERMITTED

    @pytest.mark.parametrize(
        ("kind", "may"),
        [
            ("margin", True),
            ("Reg T Margin", True),
            ("CASH", False),
            ("roth ira", False),
            ("limited margin ira", True),
            ("", True),
            ("individual", True),
        ],
    )
    def test_the_brokers_word_decides(self, kind: str, may: bool) -> None:
        assert has_margin(kind) is may

    def test_a_put_and_shares_do_not_cover_each_other(self) -> None:
        found = margin("600", ("100 shares", ""), ("-1 550P Dec", "5"), margin=False)
        assert found.kept == 60000 + 55000

    def test_an_underlying_without_anything_needs_nothing(self) -> None:
        assert divide([], [], Terms(price=D(1), today=TODAY)).groups == ()


class TestWhatIsNotKnown:
    def test_without_a_price_there_is_no_estimate(self) -> None:
        holdings = [Holding(asset=leg_of("1 600C Dec")[0], quantity=D(1))]
        (found,) = margins_of(holdings, Prices(underlyings={}, marks={}), today=TODAY, margin=True)
        assert found.reason is NotEstimated.NO_PRICE

    def test_without_a_mark_there_is_none(self) -> None:
        assert margin("600", ("1 600C Dec", "")).reason is NotEstimated.NO_MARK

    def test_an_adjusted_contract_has_none(self) -> None:
        found = margin("600", ("-0.5 600C Dec", "5"))
        assert found.reason is NotEstimated.DELIVERABLE_UNKNOWN


class TestTheLeast:
    def test_the_long_call_covers_where_it_saves_most(self) -> None:
        """By LEAN's open case of covered first: shares free of a call, the spread on the other."""
        found = margin(
            "600",
            *(("100 shares", ""), ("-1 590C Dec", "20")),
            *(("-1 640C Dec", "3"), ("1 650C Dec", "2")),
        )
        # covered by shares, the far call by the long one: 15,000 + 200 + 1,000
        assert found.kept == 16200
        assert found.exact

    UNITS = (
        Unit(STOCK, True, D(0), None, D(100), D(100)),
        Unit(STOCK, False, D(0), None, D(100), D(100)),
        Unit(CALL, True, D(95), date(2026, 12, 18), D(7), D(100)),
        Unit(CALL, False, D(105), date(2026, 12, 18), D(2), D(100)),
        Unit(CALL, True, D(110), date(2027, 1, 15), D(2), D(100)),
        Unit(PUT, False, D(95), date(2026, 12, 18), D(2), D(100)),
        Unit(PUT, True, D(90), date(2026, 12, 18), D(1), D(100)),
        Unit(PUT, True, D(105), date(2026, 12, 18), D(7), D(100)),
        Unit(CALL, False, D(100), date(2027, 1, 15), D(5), D(100)),
        Unit(PUT, False, D(100), date(2026, 12, 18), D(4), D(100)),
    )
    TERMS = Terms(price=D(100), today=TODAY)

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(st.lists(st.sampled_from(range(10)), min_size=1, max_size=7))
    def test_it_equals_the_best_of_all_partitions(self, chosen: list[int]) -> None:
        """By trying every partition of up to seven contracts, each part by its own rule."""
        items = sorted(chosen)
        best = min(
            sum((cost for cost in costs), D(0))
            for costs in (self._costs(parts) for parts in partitions(items))
            if costs is not None
        )
        kinds = sorted(set(items))
        found = divide(
            [self.UNITS[kind] for kind in kinds], [items.count(kind) for kind in kinds], self.TERMS
        )
        assert found.exact
        assert sum((one.kept * times for _, times, one in found.groups), D(0)) == best
        assert found.at_least == best

    def _costs(self, parts: Sequence[Sequence[int]]) -> list[Decimal] | None:
        found = [requirement([self.UNITS[item] for item in part], self.TERMS) for part in parts]
        if any(each is None for each in found):
            return None
        return [each.kept for each in found if each is not None]

    @settings(max_examples=25, deadline=None, derandomize=True)
    @given(st.lists(st.integers(0, 3), min_size=10, max_size=10).filter(any))
    def test_what_is_not_exact_lies_above_its_bound(self, counts: list[int]) -> None:
        """By the exact answer of a small book against the bounded search for it."""
        units = [unit for unit, many in zip(self.UNITS, counts, strict=True) if many]
        held = [many for many in counts if many]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(limits, "MARGIN_STATES_MAX", 10**6)
            exact = divide(units, held, self.TERMS)
            patch.setattr(limits, "MARGIN_STATES_MAX", 0)
            searched = divide(units, held, self.TERMS)
        assert exact.exact
        assert not searched.exact
        kept = sum((one.kept * times for _, times, one in searched.groups), D(0))
        assert searched.at_least <= exact.at_least <= kept

    def test_a_large_position_is_divided_in_its_lowest_terms(self) -> None:
        """By MARGIN_STATES_MAX: forty condors have more states, and one of them has sixteen."""
        many = 40
        assert (many + 1) ** 4 > limits.MARGIN_STATES_MAX
        found = margin(
            "600",
            *((f"{many} 570P Dec", "1"), (f"-{many} 580P Dec", "3")),
            *((f"-{many} 620C Dec", "3"), (f"{many} 630C Dec", "2")),
        )
        assert (found.kept, found.exact) == (D(many * (1000 + 300)), False)
        assert found.at_least <= found.kept

    def test_many_different_legs_are_searched(self) -> None:
        """By MARGIN_LEGS_MAX and one more: the answer has a bound, and every leg is in it."""
        many = limits.MARGIN_LEGS_MAX + 1
        held = [(f"{1 if n % 2 else -1} {500 + 10 * n}P Dec", "5") for n in range(many)]
        found = margin("600", *held)
        assert not found.exact
        assert sum(len(group.legs) for group in found.groups) == many
        assert found.at_least <= found.kept


def partitions(items: Sequence[int]) -> Iterator[list[list[int]]]:
    """Yield every division of items into groups of at most four."""
    if not items:
        yield []
        return
    first, *rest = items
    for smaller in partitions(rest):
        yield [[first], *smaller]
        for place, group in enumerate(smaller):
            if len(group) < 4:
                yield [*smaller[:place], [first, *group], *smaller[place + 1 :]]
