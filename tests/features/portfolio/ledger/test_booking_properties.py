"""What holds of the ledger for any history, also for one that no broker would write."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.features.portfolio.ledger.golden_book import account_of, asset_of

from optix.features.portfolio.ledger.booking import book_family
from optix.features.portfolio.ledger.families import STATELESS, families_of
from optix.features.portfolio.ledger.values import (
    Book,
    BookingRules,
    FamilyBook,
    LedgerLine,
    LineSource,
    LotMethod,
)
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus, PositionEffect
from optix.kernel.money import Money, Price

FIRST = date(2025, 1, 6)
ASSETS = [
    asset_of(symbol)
    for symbol in (
        *("AAA", "BBB", "CCC", "SWVXX"),
        *("AAA250321C00100000", "AAA250321P00100000", "AAA250321C00050000"),
        *("BBB250321C00100000", "SPXW250321C05000000"),
    )
] + [asset_of("AAA1250321C00100000", "AAA:33,DDD:10,:120")]

sizes = st.sampled_from(["1", "2", "3", "100", "0.5", "-1", "-2", "-3", "-100", "-0.5"])
currencies = st.sampled_from(["USD"] * 9 + ["EUR"])
amounts = st.decimals(-50_000, 50_000, places=2)


@st.composite
def lines(draw: st.DrawFn, number: int) -> LedgerLine:
    asset = draw(st.none() | st.sampled_from(ASSETS))
    return LedgerLine(
        id=UUID(int=number + 1),
        account=account_of(draw(st.sampled_from("AB"))),
        seen=number,
        source=draw(st.sampled_from([LineSource.BROKER] * 4 + [LineSource.OWN])),
        activity=Activity(
            id=f"n{number}",
            kind=draw(st.sampled_from([ActivityKind.TRADE, *ActivityKind])),
            status=draw(st.sampled_from([ActivityStatus.POSTED] * 6 + [*ActivityStatus])),
            day=FIRST + timedelta(days=draw(st.integers(0, 12))),
            cash=Money(draw(st.just(Decimal(0)) | amounts), draw(currencies)),
            asset=asset,
            quantity=draw(st.none() | sizes.map(Decimal)),
            price=draw(st.none() | st.just(Price(Decimal("12.34")))),
            fees=draw(st.none() | st.just(Money(Decimal("-0.65")))),
            order_id=draw(st.sampled_from(["", "o1"])),
            effect=draw(st.none() | st.sampled_from(PositionEffect)),
            group=draw(st.sampled_from(["", "", "g1", "g2"])),
            replaces=draw(st.sampled_from([""] * 8 + ["n0", "n1", "gone"])),
        ),
    )


@st.composite
def histories(draw: st.DrawFn) -> list[LedgerLine]:
    return [draw(lines(number)) for number in range(draw(st.integers(0, 25)))]


methods = st.sampled_from(LotMethod).map(
    lambda method: BookingRules(methods={account_of("A"): method})
)


def booked_by_family(history: list[LedgerLine], rules: BookingRules) -> list[FamilyBook]:
    families: defaultdict[str, list[LedgerLine]] = defaultdict(list)
    for line in history:
        name = families_of(history)[line.id]
        families[name if name != STATELESS else f"line {line.id}"].append(line)
    return [book_family(each, rules) for each in families.values()]


@given(histories(), methods)
@settings(max_examples=150, deadline=None)
def test_every_entry_balances_whatever_a_history_says(
    history: list[LedgerLine], rules: BookingRules
) -> None:
    """Nothing raises, each currency of each entry sums to zero, and all cash is there."""
    book = book_family(history, rules)
    for entry in book.entries:
        sums: defaultdict[str, Decimal] = defaultdict(Decimal)
        for posting in entry.postings:
            sums[posting.currency] += posting.amount
        assert set(sums.values()) == {Decimal(0)}
    posted = [line for line in history if line.activity.status is ActivityStatus.POSTED]
    replaced = {(line.account, line.activity.replaces) for line in posted}
    cash: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in posted:
        if (line.account, line.activity.id) not in replaced:
            cash[line.activity.cash.currency] += line.activity.cash.amount
    for entry in book.entries:
        for posting in entry.postings:
            if posting.book is Book.CASH:
                cash[posting.currency] -= posting.amount
    assert set(cash.values()) <= {Decimal(0)}


@given(histories(), methods)
@settings(max_examples=100, deadline=None)
def test_open_basis_and_gains_are_what_the_securities_took(
    history: list[LedgerLine], rules: BookingRules
) -> None:
    """The journal's books are held against lots and disposals, which are kept apart from them."""
    book = book_family(history, rules)
    assert _sum(book, Book.SECURITIES) == sum((lot.basis for lot in book.lots), Decimal(0))
    gains = sum((each.gain for each in book.disposals), Decimal(0))
    assert _sum(book, Book.GAINS) == -gains
    quantities: defaultdict[tuple[UUID, str], Decimal] = defaultdict(Decimal)
    for entry in book.entries:
        for posting in entry.postings:
            if posting.book is Book.SECURITIES and posting.asset and posting.quantity:
                quantities[entry.account, posting.asset] += posting.quantity
    for lot in book.lots:
        quantities[lot.account, lot.asset.key] -= lot.quantity
    assert set(quantities.values()) <= {Decimal(0)}


@given(histories(), methods)
@settings(max_examples=100, deadline=None)
def test_of_trades_nothing_is_lost_but_what_a_problem_names(
    history: list[LedgerLine], rules: BookingRules
) -> None:
    """Quantities and money are added up from the lines alone, and held against what came out.

    What is open is what was traded less what closed more than was there; the cash is what was
    gained, less what is still in what is open, and what waits in suspense.
    """
    trades = [_as_trade(line) for line in history if line.activity.asset]
    book = book_family(trades, rules)
    quantities: defaultdict[tuple[UUID, str], Decimal] = defaultdict(Decimal)
    for line in trades:
        assert line.activity.asset is not None
        quantities[line.account, line.activity.asset.key] += line.activity.quantity or 0
    for lot in book.lots:
        quantities[lot.account, lot.asset.key] -= lot.quantity
    for problem in book.problems:
        if problem.asset is not None:
            quantities[problem.account, problem.asset] -= problem.quantity or 0
    assert set(quantities.values()) <= {Decimal(0)}
    gained = sum((each.gain for each in book.disposals), Decimal(0))
    still = sum((lot.basis for lot in book.lots), Decimal(0))
    cash = sum((line.activity.cash.amount for line in trades), Decimal(0))
    assert cash == gained - still - _sum(book, Book.SUSPENSE)


def _as_trade(line: LedgerLine) -> LedgerLine:
    """Return the line as a trade in dollars that stands by itself."""
    activity = line.activity
    return replace(
        line,
        activity=replace(
            activity,
            kind=ActivityKind.TRADE,
            status=ActivityStatus.POSTED,
            cash=Money(activity.cash.amount),
            replaces="",
        ),
    )


@given(histories(), methods, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_in_which_lines_come_means_nothing(
    history: list[LedgerLine], rules: BookingRules, order: random.Random
) -> None:
    shuffled = list(history)
    order.shuffle(shuffled)
    assert book_family(shuffled, rules) == book_family(history, rules)


@given(histories(), methods)
@settings(max_examples=100, deadline=None)
def test_families_booked_one_by_one_are_what_all_at_once_are(
    history: list[LedgerLine], rules: BookingRules
) -> None:
    """So a new line needs nothing but its own family to be booked again."""
    whole = book_family(history, rules)
    parts = booked_by_family(history, rules)
    for name in ("entries", "lots", "disposals", "problems"):
        found = [each for part in parts for each in getattr(part, name)]
        wanted = list(getattr(whole, name))
        assert sorted(map(str, found)) == sorted(map(str, wanted))


@given(histories(), methods)
@settings(max_examples=80, deadline=None)
def test_ids_are_unique_and_made_from_the_lines(
    history: list[LedgerLine], rules: BookingRules
) -> None:
    book = book_family(history, rules)
    for rows in (book.entries, book.lots, book.disposals):
        ids = [row.id for row in rows]
        assert len(set(ids)) == len(ids)
    renamed = [replace(line, seen=line.seen + 7) for line in history]
    again = book_family(renamed, rules)
    assert [each.id for each in again.entries] == [each.id for each in book.entries]


def _sum(book: FamilyBook, which: Book) -> Decimal:
    return sum(
        (
            posting.amount
            for entry in book.entries
            for posting in entry.postings
            if posting.book is which
        ),
        Decimal(0),
    )
