"""Wash sales: what holds for every book, and a model that goes share by share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
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
    held,
    named,
)

from optix.features.portfolio.ledger.pieces import cut
from optix.features.portfolio.ledger.securities import WashReading, WashRules, shares_of
from optix.features.portfolio.ledger.values import Disposal, FamilyBook, Lot
from optix.features.portfolio.ledger.wash_sales import find_wash_sales

ASSETS = {"XYZ": XYZ, "CALL": CALL, "OTHER_CALL": OTHER_CALL, "PUT": PUT, "SPX": SPX}
price = st.integers(1, 50_000).map(lambda amount: Decimal(amount).scaleb(-2))


@st.composite
def books(draw: st.DrawFn) -> FamilyBook:
    """Books of one underlying: long and short, shares and options, three accounts, odd cents."""
    disposals = []
    lots: list[Lot] = []
    for number in range(draw(st.integers(1, 12))):
        asset = ASSETS[draw(st.sampled_from(sorted(ASSETS)))]
        account = draw(st.sampled_from([TAXED, OTHER, IRA]))
        opened = draw(st.integers(0, 120))
        size = draw(st.integers(1, 7)) * (100 if asset is XYZ and draw(st.booleans()) else 1)
        quantity = size if draw(st.integers(0, 3)) else -size
        name = f"{number}"
        if draw(st.integers(0, 3)):
            until = opened + draw(st.integers(0, 60))
            sale = f"s{draw(st.integers(0, 9))}-{until}-{asset.key}-{account}"
            disposals.append(
                closed(
                    name,
                    opened,
                    until,
                    quantity,
                    draw(price),
                    draw(price),
                    asset=asset,
                    account=account,
                    sale=sale,
                )
            )
        else:
            basis = draw(price) * (1 if quantity > 0 else -1)
            lots.append(held(name, opened, quantity, basis, asset=asset, account=account))
    disposals.sort(key=lambda each: each.closed)
    return book(*disposals, *lots)


rules = st.builds(
    WashRules,
    reading=st.sampled_from(list(WashReading)),
    sheltered=st.sampled_from([frozenset(), frozenset({IRA})]),
    short_puts=st.booleans(),
)


def sources(made: FamilyBook) -> list[Disposal | Lot]:
    return [*made.disposals, *made.lots]


def gains(disposals: tuple[Disposal, ...], sheltered: frozenset[UUID]) -> Decimal:
    return sum(
        (each.gain for each in disposals if each.taxable and each.account not in sheltered),
        Decimal(0),
    )


class TestEveryBook:
    @given(books(), rules)
    def test_no_cent_is_made_or_lost(self, made: FamilyBook, chosen: WashRules) -> None:
        """By the sum of all gains before, and of where they are after."""
        found = find_wash_sales(made, chosen)
        recognised = sum(
            (
                each.recognised
                for each in found.disposals
                if each.disposal.taxable and each.disposal.account not in chosen.sheltered
            ),
            Decimal(0),
        )
        before = gains(made.disposals, chosen.sheltered)
        assert before == recognised - found.deferred - found.lost - found.left
        added = sum((lot.basis for lot in found.lots), Decimal(0)) - sum(
            (lot.basis for lot in made.lots), Decimal(0)
        )
        assert added == found.deferred == sum((lot.washed for lot in found.lots), Decimal(0))

    @given(books(), rules)
    def test_no_more_is_disallowed_than_was_lost(self, made: FamilyBook, chosen: WashRules) -> None:
        """By every disposal: nothing of a gain, at most all of a loss, and its parts agree."""
        found = find_wash_sales(made, chosen)
        for each in found.disposals:
            assert 0 <= each.lost <= each.disallowed <= max(-each.disposal.gain, Decimal(0))
        sums = Counter[UUID]()
        for sale in found.sales:
            assert sale.disallowed >= 0
            sums[sale.disposal] += sale.disallowed  # type: ignore[assignment]  # a sum of decimals
        for each in found.disposals:
            sums[each.source] -= each.disallowed  # type: ignore[assignment]  # the same
        assert not any(sums.values())

    @given(books(), rules)
    def test_no_share_replaces_twice_nor_is_replaced_twice(
        self, made: FamilyBook, chosen: WashRules
    ) -> None:
        """By counting shares on both sides against what was there."""
        found = find_wash_sales(made, chosen)
        there = {each.id: abs(each.quantity) * shares_of(each.asset) for each in sources(made)}
        replacing, replaced = dict.fromkeys(there, Decimal(0)), dict.fromkeys(there, Decimal(0))
        for sale in found.sales:
            assert abs((sale.acquired - sale.sold).days) <= 30
            replacing[sale.closed_by or sale.lot] += sale.shares
            replaced[sale.disposal] += sale.shares
        assert all(replacing[name] <= there[name] for name in there)
        assert all(replaced[name] <= there[name] for name in there)

    @given(books(), rules)
    def test_what_is_cut_sums_to_what_it_was(self, made: FamilyBook, chosen: WashRules) -> None:
        """By quantities, proceeds and bases of the parts; every part has an id of its own."""
        found = find_wash_sales(made, chosen)
        for whole in made.disposals:
            parts = [each for each in found.disposals if each.source == whole.id]
            assert sum(each.disposal.quantity for each in parts) == whole.quantity
            assert sum(each.disposal.proceeds for each in parts) == whole.proceeds
            assert sum(each.disposal.basis - each.washed for each in parts) == whole.basis
        assert sum(lot.quantity for lot in found.lots) == sum(lot.quantity for lot in made.lots)
        ids = [each.disposal.id for each in found.disposals] + [lot.id for lot in found.lots]
        assert len(set(ids)) == len(ids)

    @given(books(), rules)
    def test_the_same_book_gives_the_same_rows(self, made: FamilyBook, chosen: WashRules) -> None:
        assert find_wash_sales(made, chosen) == find_wash_sales(made, chosen)

    @given(books(), rules)
    def test_section_1256_contracts_pass_through(self, made: FamilyBook, chosen: WashRules) -> None:
        """By those of the book, before and after."""
        found = find_wash_sales(made, chosen)
        after = [each.disposal for each in found.disposals if each.disposal.asset == SPX]
        assert sorted(after, key=lambda each: each.id) == sorted(
            (each for each in made.disposals if each.asset == SPX), key=lambda each: each.id
        )


OPEN = 10_000  # the place in the order of sales of what was not sold


@dataclass
class Share:
    """One share of the model."""

    name: str
    opened: date
    order: int
    basis: Decimal
    proceeds: Decimal
    used: bool = False
    washed: Decimal = Decimal(0)


@st.composite
def plain_books(draw: st.DrawFn) -> FamilyBook:
    """Books of one share in one account, with whole dollars for each share. No two purchases are of
    one day: then the order of acquisition leaves no choice.
    """
    made: list[Disposal] = []
    lots: list[Lot] = []
    days = draw(st.lists(st.integers(0, 80), min_size=1, max_size=9, unique=True))
    for number, opened in enumerate(days):
        size = draw(st.integers(1, 4))
        paid = size * draw(st.integers(1, 20))
        if draw(st.integers(0, 3)):
            until = opened + draw(st.integers(0, 50))
            received = size * draw(st.integers(1, 20))
            made.append(closed(f"{number}", opened, until, size, paid, received))
        else:
            lots.append(held(f"{number}", opened, size, paid))
    made.sort(key=lambda each: each.closed)
    return book(*made, *lots)


def share_by_share(made: FamilyBook) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Return (disallowed by disposal, basis by lot), from a list of single shares."""
    shares = [
        Share(
            name=str(each.id),
            opened=each.opened,
            order=OPEN if isinstance(each, Lot) else order,
            basis=each.basis / each.quantity,
            proceeds=Decimal(0) if isinstance(each, Lot) else each.proceeds / each.quantity,
        )
        for order, each in enumerate(sources(made))
        for _ in range(int(each.quantity))
    ]
    disallowed = Counter[str]()
    for order, disposal in enumerate(made.disposals):
        # Those that replaced something come first, in the order in which they did.
        mine = [share for share in shares if share.order == order]
        mine.sort(key=lambda share: not share.used)
        for share in mine:
            loss = share.basis + share.washed - share.proceeds
            if loss <= 0:
                continue
            candidates = [
                other
                for other in sorted(shares, key=lambda each: each.opened)
                if other.order > order
                and not other.used
                and abs((other.opened - disposal.closed).days) <= 30
            ]
            if candidates:
                candidates[0].used = True
                candidates[0].washed += loss
                disallowed[share.name] += loss  # type: ignore[assignment]  # a sum of decimals
    bases = Counter[str]()
    for share in shares:
        if share.order == OPEN:
            bases[share.name] += share.basis + share.washed  # type: ignore[assignment]  # the same
    return dict(disallowed), dict(bases)  # type: ignore[arg-type]  # the same


class TestAgainstSharesOneByOne:
    @given(plain_books())
    def test_the_same_loss_is_disallowed(self, made: FamilyBook) -> None:
        """By a search without any of the shortcuts."""
        disallowed, bases = share_by_share(made)
        found = find_wash_sales(made)
        mine = Counter[str]()
        for each in found.disposals:
            if each.disallowed:
                mine[str(each.source)] += each.disallowed  # type: ignore[assignment]  # as above
        assert dict(mine) == disallowed
        assert sum(lot.basis for lot in found.lots) == sum(bases.values())


class TestCut:
    @given(
        st.decimals(-10_000, 10_000, places=6),
        st.integers(1, 999).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole))),
    )
    def test_a_share_of_an_amount_is_within_it(
        self, amount: Decimal, parts: tuple[int, int]
    ) -> None:
        """By amounts finer than a cent: no share is more than all, and all of it is itself."""
        done, whole = (Decimal(each) for each in parts)
        share = cut(amount, done, whole)
        assert min(amount, Decimal(0)) <= share <= max(amount, Decimal(0))
        assert cut(amount, whole, whole) == amount


class TestManySales:
    @pytest.mark.parametrize("span", [1, 5_000])
    def test_the_search_looks_at_what_is_free_and_no_more(
        self, monkeypatch: pytest.MonkeyPatch, span: int
    ) -> None:
        """By counting how often a purchase is asked for its next piece: 2,000 sales on one day, or
        over many, ask a few times each and not 2,000 times.
        """
        from optix.features.portfolio.ledger import wash_pool

        asked = 0
        first = wash_pool._Purchase.first

        def counted(self: wash_pool._Purchase) -> object:
            nonlocal asked
            asked += 1
            return first(self)

        monkeypatch.setattr(wash_pool._Purchase, "first", counted)
        made = [
            closed(f"{number}", number * span // 2_000, span + number % 7, 10, 100, 90)
            for number in range(2_000)
        ]
        found = find_wash_sales(book(*sorted(made, key=lambda each: each.closed)))
        assert len(found.disposals) >= 2_000
        assert asked <= 20_000
        assert named("0") in {each.source for each in found.disposals}
