"""Odd quotes are planted in sound ladders: the rules must find those and no others."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fixtures.chains import EXPIRATION, NOW_NS, contracts_of, spot_of

from optix.features.market import normalise
from optix.features.market.listing import Layout, layout_of, listing_of
from optix.features.market.normalise import Past, RejectReason, Rejects
from optix.kernel.chain import CHAIN_COLUMNS
from optix.kernel.clock import NANOSECONDS
from optix.kernel.quote import QuoteFlag
from optix.quant import black_scholes
from optix.quant.arrays import FloatArray

STRIKES = list(range(500, 705, 5))
LAYOUT = layout_of([listing_of(contracts_of(STRIKES))])
SECOND = NANOSECONDS


def ladder(years: float = 0.1, spot: float = 600.0) -> tuple[FloatArray, FloatArray]:
    """Return bid and ask of a smooth chain."""
    price = black_scholes.price(
        forward=spot,
        strike=LAYOUT.strike,
        expiry_years=years,
        vol=0.2,
        rate=0.0,
        is_call=LAYOUT.is_call,
    )
    return np.maximum(price - 0.05, 0.0), price + 0.05


def neighbours(layout: Layout, bid: FloatArray, ask: FloatArray) -> list[int]:
    flags = normalise.quote_flags_column(bid, ask)
    found: list[int] = np.flatnonzero(
        normalise.neighbour_outliers(layout, flags, bid, ask)
    ).tolist()
    return found


class TestNeighbours:
    @pytest.mark.parametrize("years", [1e-4, 0.003, 0.1, 2.0])
    def test_a_sound_chain_has_no_outlier_however_its_prices_bend(self, years: float) -> None:
        assert neighbours(LAYOUT, *ladder(years)) == []

    @pytest.mark.parametrize("row", [8, 33, 41, 60])
    @pytest.mark.parametrize("factor", [0.2, 3.0])
    def test_a_planted_error_is_found_and_its_neighbours_are_not(
        self, row: int, factor: float
    ) -> None:
        bid, ask = ladder()
        middle = 0.5 * (bid[row] + ask[row])
        bid[row], ask[row] = max(factor * middle - 0.05, 0.01), factor * middle + 0.05
        far = abs(factor - 1.0) * middle > 1.0  # else the error is within the noise
        assert neighbours(LAYOUT, bid, ask) == ([row] if far else [])

    def test_a_wide_quote_that_holds_the_truth_is_wide_and_no_outlier(self) -> None:
        bid, ask = ladder()
        bid[40], ask[40] = 0.05, ask[40] + 20.0
        assert neighbours(LAYOUT, bid, ask) == []

    def test_the_ends_of_a_ladder_are_not_judged(self) -> None:
        bid, ask = ladder()
        bid[0], ask[0] = bid[0] + 50, ask[0] + 50
        assert 0 not in neighbours(LAYOUT, bid, ask)

    @settings(max_examples=25)
    @given(st.permutations(range(82)), st.integers(10, 70))
    def test_the_order_of_rows_does_not_matter(self, order: list[int], planted: int) -> None:
        bid, ask = ladder()
        bid[planted], ask[planted] = bid[planted] + 30, ask[planted] + 30
        contracts = contracts_of(STRIKES)
        mixed = layout_of([listing_of([contracts[row] for row in order])])
        found = neighbours(mixed, bid[order], ask[order])
        assert sorted(order[row] for row in found) == neighbours(LAYOUT, bid, ask)

    def test_too_few_rows_judge_nothing(self) -> None:
        layout = layout_of([listing_of(contracts_of([600, 610]))])
        assert neighbours(layout, np.array([1.0, 90, 1, 2]), np.array([2.0, 91, 2, 3])) == []


class TestBounds:
    def judged(self, bid: FloatArray, ask: FloatArray, forward: float = 600.0) -> list[int]:
        one = np.ones(1)
        found: list[int] = np.flatnonzero(
            normalise.bound_outliers(
                LAYOUT,
                bid,
                ask,
                forward=forward * one,
                discount=one,
                years=0.1 * one,
                spot=600.0 * one,
                american=one > 0,
            )
        ).tolist()
        return found

    def test_offers_below_exercise_and_bids_above_the_share_are_impossible(self) -> None:
        bid, ask = ladder()
        assert self.judged(bid, ask) == []
        ask[0] = 90.0  # a call on 500 with the share at 600
        bid[80] = 610.0  # a call on 700
        assert self.judged(bid, ask) == [0, 80]

    def test_a_spot_that_ran_away_from_the_options_accuses_nobody(self) -> None:
        bid, ask = ladder(spot=612.0)
        assert self.judged(bid, ask, forward=612.0) == []

    def test_without_a_forward_nothing_is_judged(self) -> None:
        bid, ask = ladder()
        ask[1] = 0.01
        bid[81] = 1e6
        assert self.judged(bid, ask, forward=float("nan")) == []


class TestPast:
    """Rows 0 and 1 of a chain; row 0 is what the story is about."""

    def after(self, *quotes: tuple[float, int], spot: float = 600.0) -> tuple[list[bool], Past]:
        past, told = normalise.no_past(2), []
        for mid, second in quotes:
            bid, ask = np.array([mid - 0.05, 5.0]), np.array([mid + 0.05, 5.1])
            flags = normalise.quote_flags_column(bid, ask)
            now = {"spot": np.full(2, spot), "ns": np.full(2, NOW_NS + second * SECOND)}
            jumped = normalise.jumped_rows(past, flags, bid, ask, **now)
            flags[jumped] |= np.uint8(QuoteFlag.OUTLIER)
            past = normalise.past_after(past, flags, jumped, bid, ask, **now)
            told.append(bool(jumped[0]))
            assert not jumped[1]
        return told, past

    def test_a_price_that_comes_once_is_an_outlier_and_the_next_good_one_is_not(self) -> None:
        assert self.after((5.0, 0), (15.0, 1), (5.1, 2))[0] == [False, True, False]

    def test_a_price_that_is_said_again_is_believed(self) -> None:
        told, past = self.after((5.0, 0), (15.0, 1), (15.1, 2), (15.0, 3))
        assert told == [False, True, False, False]
        assert past.mid[0] == pytest.approx(15.0)

    def test_the_same_quote_twice_is_one_quote(self) -> None:
        assert self.after((5.0, 0), (15.0, 1), (15.0, 1), (15.0, 1))[0] == [
            False,
            True,
            True,
            True,
        ]

    def test_an_old_past_is_no_measure(self) -> None:
        assert self.after((5.0, 0), (15.0, 61))[0] == [False, False]

    @given(st.floats(4.0, 6.0), st.floats(4.0, 6.0))
    def test_what_volatility_may_do_is_no_error(self, first: float, second: float) -> None:
        near = abs(second - first) <= normalise.PAST_SHARE * first
        assert self.after((first, 0), (second, 1))[0] == [False, False] or not near


class TestSpot:
    def test_a_jump_that_comes_once_is_an_outlier(self) -> None:
        good = spot_of(price=600.0)
        wrong = spot_of(price=700.0, ts_event=NOW_NS + SECOND)
        assert normalise.is_spot_outlier(wrong, good, good)
        assert not normalise.is_spot_outlier(replace(wrong, bid=699.0), good, wrong)
        assert not normalise.is_spot_outlier(spot_of(price=630.0), good, good)
        assert not normalise.is_spot_outlier(wrong, None, None)
        late = spot_of(price=700.0, ts_event=NOW_NS + 61 * SECOND)
        assert not normalise.is_spot_outlier(late, good, good)

    def test_a_price_nobody_stands_behind_is_indicative(self) -> None:
        assert normalise.flags_of_quote(spot_of()) == QuoteFlag.NONE
        idle = replace(spot_of(), bid_size=0.0, ask_size=0.0)
        assert normalise.flags_of_quote(idle) == QuoteFlag.INDICATIVE
        bid, ask = np.array([1.0, 1.0, 0.0]), np.array([1.1, 1.1, 1.1])
        flags = normalise.quote_flags_column(bid, ask)
        sizes = np.array([0.0, 5.0, 0.0]), np.array([0.0, 0.0, 0.0])
        assert normalise.indicative_rows(flags, *sizes).tolist() == [True, False, False]


class TestDoor:
    @pytest.mark.parametrize(
        ("ts_event", "reason"),
        [
            (NOW_NS, None),
            (NOW_NS + 60 * SECOND, None),
            (NOW_NS + 61 * SECOND, RejectReason.FUTURE),
            (0, RejectReason.BEFORE_LISTING),
            (NOW_NS - 10 * SECOND, RejectReason.BEFORE_SPLIT),
        ],
    )
    def test_an_impossible_instant_has_its_reason(
        self, ts_event: int, reason: RejectReason | None
    ) -> None:
        assert normalise.time_fault(ts_event, now_ns=NOW_NS, since_ns=NOW_NS - 5 * SECOND) == reason

    def test_nothing_is_listed_more_than_six_years_ahead(self) -> None:
        since = normalise.listed_since_ns(EXPIRATION)
        assert 5.9 < (NOW_NS - since) / SECOND / 86_400 / 365 < 6.1
        assert normalise.listed_since_ns(date(1971, 1, 1)) == 1

    def test_prices_that_cannot_be_become_none_and_are_counted(self) -> None:
        values = np.full((len(CHAIN_COLUMNS), 2), 1.0)
        values[0, 0], values[1, 1] = -1.0, 2e9
        values[CHAIN_COLUMNS.index("vendor_theta"), 0] = -3.0
        assert normalise.blank_impossible(values) == 2
        assert np.isnan(values[0, 0])
        assert np.isnan(values[1, 1])
        assert np.count_nonzero(np.isnan(values)) == 2

    def test_rejects_are_counted_by_reason_and_cannot_be_changed_by_readers(self) -> None:
        rejects = Rejects()
        rejects.count(RejectReason.FUTURE, 3)
        rejects.count(RejectReason.OLDER, 0)
        assert dict(rejects.by_reason) == {"future_time": 3}
        with pytest.raises(TypeError):
            rejects.by_reason["future_time"] = 0  # type: ignore[index]  # that is the point
