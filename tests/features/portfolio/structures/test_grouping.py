"""What grouping promises beside its labels: owners' words, steadiness, bounds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.features.portfolio.structures.labelled_books import ACCOUNT, Book, books, leg_of

from optix.features.portfolio.structures import atoms, cover
from optix.features.portfolio.structures.grouping import group
from optix.features.portfolio.structures.shapes import Part
from optix.features.portfolio.structures.values import (
    Holding,
    Opening,
    Override,
    Shape,
    Structure,
    Why,
)
from optix.kernel import limits
from optix.kernel.holding import Asset, AssetKind, Deliverable


def held(text: str, *openings: Opening) -> Holding:
    asset, quantity = leg_of(text)
    return Holding(asset=asset, quantity=quantity, openings=openings)


def override(number: int, *legs: str, name: str = "") -> Override:
    found = [leg_of(leg) for leg in legs]
    return Override(
        id=UUID(int=number), name=name, legs=tuple((asset.key, each) for asset, each in found)
    )


def legs(structure: Structure) -> dict[str, Decimal]:
    return {leg.asset.symbol: leg.quantity for leg in structure.legs}


CONDOR = [held("1 570P Dec"), held("-1 580P Dec"), held("-1 620C Dec"), held("1 630C Dec")]


class TestTheOwnersWord:
    def test_legs_that_the_owner_put_together_stay_so_whatever_they_look_like(self) -> None:
        """By an override of two legs that a condor would take."""
        mine = override(1, "-1 580P Dec", "-1 620C Dec", name="my strangle")
        found = group(ACCOUNT, CONDOR, overrides=[mine]).structures
        (own,) = [each for each in found if each.why is Why.OWNER]
        assert (own.id, own.name, own.shape) == (mine.id, "my strangle", Shape.SHORT_STRANGLE)
        assert own.confidence == 1.0
        assert Shape.IRON_CONDOR not in {each.shape for each in found}

    def test_it_takes_its_share_and_leaves_the_rest(self) -> None:
        """By a position of ten of which the owner put two together."""
        mine = override(1, "2 600C Dec", "1 550P Jan")
        positions = [held("10 600C Dec"), held("1 550P Jan")]
        found = group(ACCOUNT, positions, overrides=[mine]).structures
        assert sorted(each.legs[0].quantity for each in found) == [2, 8]
        assert {each.shape for each in found} == {Shape.CUSTOM, Shape.LONG_CALL}

    def test_it_falls_apart_visibly_when_a_leg_is_gone(self) -> None:
        """By a snapshot without one of its legs: told with its name, the others grouped anew."""
        mine = override(1, "1 600C Dec", "-1 620C Jan")
        found = group(ACCOUNT, [held("1 600C Dec")], overrides=[mine])
        (fallen,) = found.fallen
        assert fallen.override == mine
        assert fallen.missing == (leg_of("-1 620C Jan")[0].key,)
        assert [each.shape for each in found.structures] == [Shape.LONG_CALL]

    def test_a_leg_that_turned_around_is_gone(self) -> None:
        """By the other sign: what is owed now is not what was owned."""
        mine = override(1, "1 600C Dec", "-1 620C Dec")
        found = group(ACCOUNT, [held("-1 600C Dec"), held("-1 620C Dec")], overrides=[mine])
        assert [each.missing for each in found.fallen] == [(leg_of("1 600C Dec")[0].key,)]

    def test_it_shrinks_with_its_legs_by_whole_sets(self) -> None:
        """By four sets of which two and a half are left."""
        mine = override(1, "4 600C Dec", "-8 620C Dec")
        found = group(ACCOUNT, [held("3 600C Dec"), held("-5 620C Dec")], overrides=[mine])
        (own,) = [each for each in found.structures if each.why is Why.OWNER]
        assert sorted(legs(own).values()) == [-4, 2]
        assert found.fallen == ()

    def test_less_than_one_set_is_fallen(self) -> None:
        """By a ratio of one to two of which one short leg is left."""
        mine = override(1, "1 600C Dec", "-2 620C Dec")
        found = group(ACCOUNT, [held("1 600C Dec"), held("-1 620C Dec")], overrides=[mine])
        assert len(found.fallen) == 1
        assert [each.shape for each in found.structures] == [Shape.BULL_CALL_SPREAD]

    def test_legs_of_two_companies_may_belong_together(self) -> None:
        """By a pair trade, which no shape knows."""
        mine = override(1, "1 AAPL 200C Dec", "-1 MSFT 400C Dec", name="pair")
        positions = [held("1 AAPL 200C Dec"), held("-1 MSFT 400C Dec")]
        (own,) = group(ACCOUNT, positions, overrides=[mine]).structures
        assert (own.shape, own.why) == (Shape.CUSTOM, Why.OWNER)

    def test_odd_shares_may_be_put_together_with_an_option(self) -> None:
        """By 37 shares and a put: what is odd has no shape, and is together all the same."""
        mine = override(1, "37 shares", "1 550P Dec")
        found = group(ACCOUNT, [held("37 shares"), held("1 550P Dec")], overrides=[mine])
        (own,) = found.structures
        assert (own.shape, legs(own)["XYZ"]) == (Shape.CUSTOM, Decimal(37))


class TestSteadiness:
    @settings(max_examples=60, deadline=None)
    @given(book=st.sampled_from(books()), seed=st.randoms(use_true_random=False))
    def test_the_order_of_positions_changes_nothing(self, book: Book, seed: Random) -> None:
        """By shuffling the positions of a labelled book: same structures with the same ids."""
        mixed = list(book.holdings)
        seed.shuffle(mixed)
        first = group(ACCOUNT, book.holdings, cash=book.cash)
        assert group(ACCOUNT, mixed, cash=book.cash) == first

    def test_ids_stay_when_quantities_change(self) -> None:
        """By closing one of three condors."""
        more = [Holding(asset=each.asset, quantity=each.quantity * 3) for each in CONDOR]
        fewer = [Holding(asset=each.asset, quantity=each.quantity * 2) for each in CONDOR]
        one, other = (group(ACCOUNT, book).structures[0] for book in (more, fewer))
        assert one.id == other.id
        assert (one.units, other.units) == (Decimal(3), Decimal(2))

    def test_ids_of_two_accounts_differ(self) -> None:
        """By the same book in another account."""
        ids = {group(UUID(int=number), CONDOR).structures[0].id for number in (1, 2)}
        assert len(ids) == 2

    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["570", "580", "590", "600", "610"]),
                st.sampled_from("CP"),
                st.sampled_from(["Nov", "Dec", "Jan"]),
                st.integers(-5, 5).filter(bool),
            ),
            max_size=9,
            unique_by=lambda each: each[:3],
        )
    )
    def test_nothing_is_lost_or_doubled(self, wanted: list[tuple[str, str, str, int]]) -> None:
        """By adding up the legs of any book's structures."""
        book = [held(f"{many} {strike}{right} {month}") for strike, right, month, many in wanted]
        shared: dict[str, Decimal] = {}
        for structure in group(ACCOUNT, book).structures:
            for symbol, quantity in legs(structure).items():
                shared[symbol] = shared.get(symbol, Decimal(0)) + quantity
        assert shared == {each.asset.symbol: each.quantity for each in book}


class TestWhatHasNoShape:
    def test_bonds_and_futures_are_left_out_and_told(self) -> None:
        """By a bond beside a condor."""
        bond = Holding(asset=Asset(kind=AssetKind.BOND, symbol="912828YK0"), quantity=Decimal(3))
        found = group(ACCOUNT, [*CONDOR, bond])
        assert found.left_out == (bond,)
        assert [each.shape for each in found.structures] == [Shape.IRON_CONDOR]

    def test_shares_cover_an_adjusted_call_that_delivers_them(self) -> None:
        """By a series that delivers 150 shares of its own company."""
        asset, _ = leg_of("-1 AAPL1 200C Dec")
        adjusted = Asset(
            kind=asset.kind,
            symbol=asset.symbol,
            contract=asset.contract,
            multiplier=100,
            deliverables=(Deliverable("AAPL", Decimal(150)),),
        )
        shares = held("200 AAPL shares")
        found = group(ACCOUNT, [Holding(asset=adjusted, quantity=Decimal(-1)), shares]).structures
        by_shape = {each.shape: legs(each) for each in found}
        assert by_shape[Shape.COVERED_CALL]["AAPL"] == 150
        assert by_shape[Shape.LONG_STOCK] == {"AAPL": 50}

    def test_rows_of_one_asset_are_one_position(self) -> None:
        """By a broker that tells lots in rows of their own, one bought and one sold."""
        rows = [held("1 600C Dec"), held("2 600C Dec"), held("1 610C Dec"), held("-1 610C Dec")]
        (only,) = group(ACCOUNT, rows).structures
        assert legs(only) == {leg_of("1 600C Dec")[0].symbol: 3}

    def test_half_a_contract_is_no_lot_of_anything(self) -> None:
        """By a fraction of an option, as a broker may tell after a split."""
        (only,) = group(ACCOUNT, [held("0.5 600C Dec")]).structures
        assert (only.shape, only.units) == (Shape.LONG_CALL, Decimal("0.5"))


class TestBounds:
    @pytest.mark.parametrize(
        ("seconds", "shapes"),
        [(0, {Shape.LONG_STRANGLE}), (1, {Shape.LONG_CALL, Shape.LONG_PUT})],
    )
    def test_a_strangle_of_two_days_needs_its_minutes(
        self, seconds: int, shapes: set[Shape]
    ) -> None:
        """By legs that are STRUCTURE_WINDOW_SECONDS apart, and a second more, over midnight."""
        first = datetime(2026, 10, 1, 23, 58, tzinfo=UTC)
        second = first + timedelta(seconds=limits.STRUCTURE_WINDOW_SECONDS + seconds)

        def opened(at: datetime) -> Opening:
            one = Decimal(1)
            return Opening(quantity=one, opened=one, day=at.date(), at=at)

        found = group(
            ACCOUNT, [held("1 630C Dec", opened(first)), held("1 570P Dec", opened(second))]
        ).structures
        assert {each.shape for each in found} == shapes

    def test_beyond_so_many_pieces_shapes_are_made_of_fewer_at_once(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By STRUCTURE_ATOMS_MAX of three: a condor of singles is then found spread by spread."""
        monkeypatch.setattr(limits, "STRUCTURE_ATOMS_MAX", 3)
        most = limits.STRUCTURE_ATOMS_MAX
        sizes = [atoms._size_max(count) for count in (most, most + 1, 2 * most, 2 * most + 1)]
        assert sizes == [4, 3, 3, 2]
        assert [each.shape for each in group(ACCOUNT, CONDOR).structures] == [Shape.IRON_CONDOR]

    def test_a_huge_book_is_looked_at_in_chunks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """By STRUCTURE_CHUNK_MAX: more pieces are never looked at together, and none is lost."""
        seen: list[int] = []
        real = atoms.join

        def counted(
            parts: Sequence[Part], own: Sequence[atoms.Atom], *, near: bool
        ) -> list[atoms.Atom]:
            seen.append(len(own))
            return real(parts, own, near=near)

        monkeypatch.setattr("optix.features.portfolio.structures.grouping.join", counted)
        strikes = range(100, 100 + 3 * limits.STRUCTURE_CHUNK_MAX)
        book = [held(f"{1 if strike % 2 else -1} {strike}C Dec") for strike in strikes]
        found = group(ACCOUNT, book).structures
        assert max(seen) == limits.STRUCTURE_CHUNK_MAX
        assert sum(len(each.legs) for each in found) == len(book)

    def test_a_shape_is_put_together_from_so_many_legs(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By STRUCTURE_SHAPE_LEGS_MAX of three: no condor can be made then."""
        assert len(CONDOR) < limits.STRUCTURE_SHAPE_LEGS_MAX
        monkeypatch.setattr(limits, "STRUCTURE_SHAPE_LEGS_MAX", 3)
        assert Shape.IRON_CONDOR not in {each.shape for each in group(ACCOUNT, CONDOR).structures}

    def test_a_search_ends_with_the_best_so_far(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """By STRUCTURE_SEARCH_NODES_MAX of one: the most valuable candidate is taken, no more."""
        candidates = [
            cover.Candidate(10, ((0, 1), (1, 1))),
            cover.Candidate(9, ((0, 1), (2, 1))),
            cover.Candidate(9, ((1, 1), (3, 1))),
        ]
        assert cover.best_cover([1, 1, 1, 1], candidates) == (cover.Use(1, 1), cover.Use(2, 1))
        assert len(candidates) < limits.STRUCTURE_SEARCH_NODES_MAX
        monkeypatch.setattr(limits, "STRUCTURE_SEARCH_NODES_MAX", 1)
        assert cover.best_cover([1, 1, 1, 1], candidates) == (cover.Use(0, 1),)


class TestCover:
    @settings(max_examples=80, deadline=None)
    @given(
        counts=st.lists(st.integers(1, 1), min_size=3, max_size=6),
        data=st.data(),
    )
    def test_it_is_the_best_of_all_divisions(self, counts: list[int], data: st.DataObject) -> None:
        """By trying every set of candidates where each item is there once."""
        pairs = st.lists(st.integers(0, len(counts) - 1), min_size=2, max_size=3, unique=True).map(
            sorted
        )
        wanted = data.draw(st.lists(st.tuples(st.integers(1, 30), pairs), max_size=8))
        candidates = [
            cover.Candidate(value, tuple((item, 1) for item in items)) for value, items in wanted
        ]
        best = 0
        for chosen in range(1 << len(candidates)):
            own = [each for place, each in enumerate(candidates) if chosen >> place & 1]
            used = [item for each in own for item, _ in each.needs]
            if len(used) == len(set(used)):
                best = max(best, sum(each.value for each in own))
        found = cover.best_cover(counts, candidates)
        assert sum(candidates[use.candidate].value * use.times for use in found) == best
