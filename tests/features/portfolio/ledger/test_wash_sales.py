"""Wash sales: examples of the law's sources and of each rule, worked by hand in dollars."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from tests.features.portfolio.ledger.tax_books import (
    CALL,
    IRA,
    OTHER,
    OTHER_CALL,
    PUT,
    SPX,
    TAXED,
    XYZ,
    book,
    closed,
    day,
    exact,
    held,
    named,
    option,
    share,
)

from optix.features.portfolio.ledger.securities import WashReading, WashRules
from optix.features.portfolio.ledger.values import (
    Book,
    Entry,
    EntryKind,
    Posting,
)
from optix.features.portfolio.ledger.wash_sales import AdjustedDisposal, WashSales, find_wash_sales
from optix.kernel.holding import Asset

NARROW = WashRules(reading=WashReading.NARROW)


def disallowed(found: WashSales) -> dict[str, Decimal]:
    """Sums by the book's disposals that have any."""
    sums: dict[str, Decimal] = {}
    for each in found.disposals:
        if each.disallowed:
            sums[str(each.source)] = sums.get(str(each.source), Decimal(0)) + each.disallowed
    return sums


def of(found: WashSales, name: str) -> list[AdjustedDisposal]:
    return [each for each in found.disposals if each.source == named(name)]


def only(amounts: dict[str, int | str]) -> dict[str, Decimal]:
    return {str(named(name)): Decimal(amount) for name, amount in amounts.items()}


class TestWindow:
    @pytest.mark.parametrize(
        ("bought", "washes"), [(69, False), (70, True), (100, True), (130, True), (131, False)]
    )
    def test_it_has_thirty_days_on_either_side(self, bought: int, *, washes: bool) -> None:
        """By purchases on the edges: a sale on day 100, at a loss of 200."""
        found = find_wash_sales(
            book(closed("a", 0, 100, 100, 1000, 800), held("b", bought, 100, 750))
        )
        assert disallowed(found) == (only({"a": 200}) if washes else {})
        assert found.lots[0].basis == (950 if washes else 750)

    def test_the_end_of_a_year_is_no_border(self) -> None:
        """By a sale in December and a purchase in January."""
        december, january = 350, 370
        assert (day(december).year, day(january).year) == (2025, 2026)
        found = find_wash_sales(
            book(closed("a", 0, december, 100, 1000, 800), held("b", january, 100, 750))
        )
        assert disallowed(found) == only({"a": 200})

    def test_a_gain_is_nobodys_business(self) -> None:
        """By the same trades at a gain."""
        found = find_wash_sales(book(closed("a", 0, 100, 100, 1000, 1200), held("b", 90, 100, 750)))
        assert not found.sales
        assert found.lots[0].basis == 750


class TestExamplesOfTheSources:
    def test_publication_550_more_or_less_stock_bought_than_sold(self) -> None:
        """By its figures: 100 shares sold at a loss of 1,000 with 75 bought within 30 days before.
        The loss on 75 shares is not allowed, that on 25 is.
        """
        found = find_wash_sales(
            book(
                closed("old", 0, 105, 100, 5000, 4000),
                held("december", 85, 50, 2750),
                held("later", 95, 25, 1125),
            )
        )
        assert disallowed(found) == only({"old": 750})
        assert of(found, "old")[0].recognised == -250
        assert [(lot.basis, lot.washed) for lot in found.lots] == [
            exact(3250, 500),
            exact(1375, 250),
        ]

    def test_section_1_1091_2_basis_and_holding_period(self) -> None:
        """By its first example: a share bought for 100, sold for 80 and bought back for 90 has a
        basis of 110, and its holding period begins as long before as the first one was held.
        """
        found = find_wash_sales(book(closed("a", 0, 50, 1, 100, 80), held("b", 60, 1, 90)))
        (lot,) = found.lots
        assert lot.basis == 110
        assert lot.held_since == day(60) - timedelta(days=50)
        assert lot.opened == day(60)
        assert found.sales[0].days_tacked == 50

    def test_revenue_ruling_56_602_a_part_of_one_purchase(self) -> None:
        """By its facts: a part of what one purchase brought is sold soon after; the rest was not
        bought to replace it.
        """
        found = find_wash_sales(book(closed("a", 0, 10, 40, 400, 300), held("a", 0, 60, 600)))
        assert not found.sales

    def test_fills_of_one_order_are_one_purchase(self) -> None:
        """By the same in two fills, with and without knowing that they are of one order."""
        made = book(closed("a", 0, 10, 40, 400, 300), held("b", 0, 60, 600))
        orders = {named("buy a"): "7", named("buy b"): "7"}
        assert not find_wash_sales(made, WashRules(orders=orders)).sales
        assert find_wash_sales(made).sales

    def test_revenue_ruling_2008_5_a_purchase_in_a_retirement_account(self) -> None:
        """By its facts: 100 shares of 1,000 sold for 600 and bought in the retirement account."""
        found = find_wash_sales(
            book(closed("a", 0, 50, 100, 1000, 600), held("b", 51, 100, 600, account=IRA)),
            WashRules(sheltered=frozenset({IRA})),
        )
        assert disallowed(found) == only({"a": 400})
        assert (found.lost, found.deferred) == exact(400, 0)
        assert found.lots[0].basis == 600
        assert found.lots[0].held_since == day(51)

    @pytest.mark.parametrize(
        ("price", "counts"), [("45", True), ("45.46", False), ("50", False), (None, False)]
    )
    def test_revenue_ruling_85_87_a_put_sold_deep_in_the_money(
        self, price: str | None, *, counts: bool
    ) -> None:
        """By a put of strike 50 sold at prices of the share around a tenth below it."""
        prices = {} if price is None else {("XYZ", day(60)): Decimal(price)}
        found = find_wash_sales(
            book(closed("a", 0, 50, 100, 6000, 4500), held("p", 60, -1, -900, asset=PUT)),
            WashRules(prices=prices),
        )
        assert disallowed(found) == (only({"a": 1500}) if counts else {})
        assert found.unjudged == ((named("lot p"),) if price is None else ())
        # What was received is less by the loss: closing the put brings a smaller gain.
        assert found.lots[0].basis == (600 if counts else -900)


class TestMatching:
    def test_losses_come_in_the_order_of_sales_and_replacements_in_that_of_purchases(self) -> None:
        """By two losses that want 160 shares and two purchases that have 120."""
        found = find_wash_sales(
            book(
                closed("first", 0, 50, 100, 1000, 900),
                closed("second", 1, 55, 60, 600, 480),
                held("b", 60, 70, 700),
                held("c", 61, 50, 500),
            )
        )
        assert [(each.disposal, each.lot, each.shares) for each in found.sales] == [
            (named("first"), named("lot b"), Decimal(70)),
            (named("first"), named("lot c"), Decimal(30)),
            (named("second"), named("lot c"), Decimal(20)),
        ]
        assert disallowed(found) == only({"first": 100, "second": 40})

    def test_purchases_of_one_day_come_in_the_order_of_the_journal(self) -> None:
        """By two purchases of one day, told in the other order."""
        entries = [
            Entry(
                id=named(f"entry {name}"),
                account=TAXED,
                line=named(f"buy {name}"),
                day=day(60),
                at=None,
                kind=EntryKind.TRADE,
                postings=(),
            )
            for name in ("c", "b")
        ]
        found = find_wash_sales(
            book(
                *entries,
                closed("a", 0, 50, 100, 1000, 900),
                held("b", 60, 100, 750),
                held("c", 60, 100, 750),
            )
        )
        assert [each.lot for each in found.sales] == [named("lot c")]

    def test_of_one_purchase_those_that_are_sold_first_replace_first(self) -> None:
        """By a lot of which half was sold since."""
        found = find_wash_sales(
            book(
                closed("a", 0, 50, 50, 500, 400),
                closed("b", 60, 95, 50, 400, 450, lot="b"),
                held("b", 60, 50, 400),
            )
        )
        assert [each.closed_by for each in found.sales] == [named("b")]

    def test_a_lot_that_replaces_in_part_becomes_two(self) -> None:
        """By 40 of 100 shares: only they have the loss and the days of the ones sold."""
        found = find_wash_sales(book(closed("a", 0, 50, 40, 400, 300), held("b", 60, 100, 1000)))
        first, rest = found.lots
        assert (first.quantity, first.basis, first.washed) == exact(40, 500, 100)
        assert (rest.quantity, rest.basis, rest.washed) == exact(60, 600, 0)
        assert rest.held_since == day(60)
        assert first.held_since == day(10)
        assert rest.id == named("lot b")
        assert first.id != rest.id

    def test_what_is_sold_together_washes_nothing_of_itself(self) -> None:
        """By two lots, the younger bought 10 days before, that one line sells."""
        found = find_wash_sales(
            book(
                closed("a", 0, 50, 100, 1000, 800, sale="both"),
                closed("b", 40, 50, 100, 1000, 800, sale="both"),
            )
        )
        assert not found.sales

    def test_a_purchase_is_one_wherever_its_parts_went(self) -> None:
        """By a part that was moved and sold: the line that bought it is the same."""
        first = replace(closed("a", 0, 10, 40, 400, 300), bought=named("buy b"))
        second = replace(closed("b", 0, 20, 60, 600, 700))
        assert not find_wash_sales(book(first, second)).sales
        assert find_wash_sales(book(replace(first, bought=None), second)).sales

    def test_fills_of_one_order_are_one_sale(self) -> None:
        """By the same in two fills of one order."""
        made = book(closed("a", 0, 50, 100, 1000, 800), closed("b", 40, 50, 100, 1000, 800))
        orders = {named("sell a"): "9", named("sell b"): "9"}
        assert not find_wash_sales(made, WashRules(orders=orders)).sales
        assert find_wash_sales(made).sales

    def test_what_was_sold_before_replaces_nothing(self) -> None:
        """By shares that were bought 15 and sold 5 days before the loss: none were kept for it."""
        found = find_wash_sales(
            book(closed("b", 35, 45, 100, 900, 950), closed("a", 0, 50, 100, 1000, 800))
        )
        assert not found.sales

    def test_a_chain_carries_the_loss_to_the_last(self) -> None:
        """By three purchases and two losses, 200 and 100: the last shares carry 300, and as many
        days as all were held.
        """
        found = find_wash_sales(
            book(
                closed("a", 0, 50, 100, 1000, 800),
                closed("b", 60, 70, 100, 800, 700),
                held("c", 80, 100, 650),
            )
        )
        assert disallowed(found) == only({"a": 200, "b": 300})
        (lot,) = found.lots
        assert (lot.basis, lot.washed) == exact(950, 300)
        assert lot.held_since == day(80) - timedelta(days=50 + 10)
        assert found.deferred == 300

    def test_a_replacement_sold_since_has_the_loss_in_its_result(self) -> None:
        """By shares bought back and sold at a gain of 150: 200 less are 50 of loss, and final."""
        found = find_wash_sales(
            book(closed("a", 0, 50, 100, 1000, 800), closed("b", 60, 200, 100, 800, 950))
        )
        (later,) = of(found, "b")
        assert (later.recognised, later.washed) == exact(-50, 200)
        assert found.sales[0].closed_by == named("b")
        assert found.deferred == 0

    def test_cents_of_a_loss_are_not_lost(self) -> None:
        """By a loss of 1.00 over three shares replaced one by one: 33, 34 and 33 cents."""
        found = find_wash_sales(
            book(
                closed("a", 0, 50, 3, 31, 30),
                *(held(f"b{number}", 60 + number, 1, 10) for number in range(3)),
            )
        )
        assert [each.disallowed for each in found.sales] == [
            Decimal("0.33"),
            Decimal("0.34"),
            Decimal("0.33"),
        ]

    def test_accounts_of_one_owner_are_one(self) -> None:
        """By a purchase in another account."""
        found = find_wash_sales(
            book(
                closed("a", 0, 50, 100, 1000, 800, account=TAXED),
                held("b", 60, 100, 750, account=OTHER),
            )
        )
        assert disallowed(found) == only({"a": 200})
        assert found.sales[0].replacement_account == OTHER

    def test_losses_of_a_retirement_account_are_nobodys_business(self) -> None:
        """By a loss there with a purchase elsewhere."""
        found = find_wash_sales(
            book(closed("a", 0, 50, 100, 1000, 800, account=IRA), held("b", 60, 100, 750)),
            WashRules(sheltered=frozenset({IRA})),
        )
        assert not found.sales


class TestReadings:
    """Who replaces whom, by one loss of 100 and one purchase: narrow, then conservative."""

    @pytest.mark.parametrize(
        ("lost", "bought", "narrow", "conservative"),
        [
            (XYZ, XYZ, True, True),
            (XYZ, CALL, True, True),
            (XYZ, PUT, False, False),
            (XYZ, share("ABC"), False, False),
            (CALL, CALL, True, True),
            (CALL, OTHER_CALL, False, True),
            (CALL, XYZ, False, True),
            (PUT, PUT, True, True),
            (PUT, XYZ, False, False),
            (PUT, option("XYZ250919P00040000"), False, True),
            (SPX, SPX, False, False),
        ],
    )
    def test_purchases(
        self, lost: Asset, bought: Asset, *, narrow: bool, conservative: bool
    ) -> None:
        """By what is bought within the window."""
        units = 100 if lost.contract is None else 1
        replaced = 100 if bought.contract is None else 1
        made = book(
            closed("a", 0, 50, units, 1000, 900, asset=lost),
            held("b", 60, replaced, 950, asset=bought),
        )
        assert bool(find_wash_sales(made, NARROW).sales) is narrow
        assert bool(find_wash_sales(made).sales) is conservative

    def test_options_stand_for_what_they_deliver(self) -> None:
        """By 250 shares sold and two calls bought: 200 are replaced."""
        found = find_wash_sales(
            book(closed("a", 0, 50, 250, 5000, 4750), held("b", 60, 2, 300, asset=CALL)), NARROW
        )
        assert found.sales[0].shares == 200
        assert disallowed(found) == only({"a": 200})
        assert found.lots[0].basis == 500

    @pytest.mark.parametrize("reading", list(WashReading))
    def test_every_put_sold_counts_where_the_owner_says_so(self, reading: WashReading) -> None:
        """By a put far out of the money, with and without the switch."""
        made = book(closed("a", 0, 50, 100, 9000, 8000), held("p", 60, -1, -20, asset=PUT))
        prices = {("XYZ", day(60)): Decimal(80)}
        rules = WashRules(reading=reading, prices=prices)
        assert not find_wash_sales(made, rules).sales
        rules = WashRules(reading=reading, prices=prices, short_puts=True)
        assert disallowed(find_wash_sales(made, rules)) == only({"a": 1000})

    def test_a_put_of_unknown_depth_is_named_only_near_a_loss(self) -> None:
        """By puts sold 30 and 31 days after one, and by a loss that shares replaced in full."""
        loss = closed("a", 0, 50, 100, 9000, 8000)
        near, far = (
            held("p", 80, -1, -20, asset=PUT),
            held("q", 81, -1, -20, asset=PUT),
        )
        assert find_wash_sales(book(loss, near, far)).unjudged == (named("lot p"),)
        assert not find_wash_sales(book(loss, held("b", 60, 100, 1), near)).unjudged

    def test_one_cusip_is_one_security(self) -> None:
        """By two symbols of one CUSIP."""
        made = book(
            closed("a", 0, 50, 1, 10, 9, asset=share("OLD", cusip="123456789")),
            held("b", 60, 1, 10, asset=share("NEW", cusip="123456789")),
        )
        assert find_wash_sales(made, NARROW).sales

    def test_a_symbol_that_changed_is_one_security(self) -> None:
        """By an entry of the journal that says so."""
        old, new = share("OLD"), share("NEW")
        change = Entry(
            id=named("change"),
            account=TAXED,
            line=named("line of change"),
            day=day(55),
            at=None,
            kind=EntryKind.SYMBOL_CHANGE,
            postings=tuple(
                Posting(
                    book=Book.SECURITIES,
                    amount=Decimal(amount),
                    currency="USD",
                    asset=asset.key,
                    quantity=Decimal(amount),
                )
                for asset, amount in ((old, -1), (new, 1))
            ),
        )
        things = closed("a", 0, 50, 1, 10, 9, asset=old), held("b", 60, 1, 10, asset=new)
        assert not find_wash_sales(book(*things), NARROW).sales
        assert find_wash_sales(book(change, *things), NARROW).sales
