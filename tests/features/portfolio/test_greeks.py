"""Sums of Greeks against legs that were priced one by one, and what sums say they lack."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from tests.fixtures.broker_books import option, position, stock
from tests.fixtures.marked import WrittenMarks, account, holding_of, marks_of, valued

from optix.features.portfolio import greeks
from optix.features.portfolio.comovement import (
    DAYS_MIN,
    Beta,
    beta_of,
    correlation_of,
    herfindahl,
)
from optix.features.portfolio.day import Day
from optix.features.portfolio.holding import compile_holding
from optix.features.portfolio.valuing import Valuer
from optix.quant.arrays import FloatArray

# American on a share and European on an index, in two expirations, long and short.
BOOK = {
    "SPY261218C00600000": (-3, 0.21, 30, 601.5),
    "SPY261218P00580000": (5, 0.24, 30, 601.5),
    "SPY270319C00640000": (-2, 0.19, 121, 604.0),
    "SPX261218P06000000": (1, 0.18, 30, 6031.0),
    "SPXW261218C06100000": (-4, 0.16, 30, 6031.0),
}
SPOTS = {"SPY": 600.0, "SPX": 6011.0}
BETAS = {"SPY": Beta(1.0, 1.0, 252), "SPX": Beta(0.98, 0.99, 252)}


@pytest.fixture
def book() -> Valuer:
    held = [position(option(key), str(row[0])) for key, row in BOOK.items()]
    accounts = [account([*held[:3], position(stock(), "150")]), account(held[3:], "two")]
    holding = compile_holding(accounts, Day())
    marks = marks_of(holding)
    for symbol, price in SPOTS.items():
        marks.quote(symbol, price)
    for key, (_, vol, days, forward) in BOOK.items():
        marks.list(key, bid=10.0, ask=10.2, vol=vol, years=days / 365, rate=0.04, forward=forward)
    return valued(holding, marks)


def legs(book: Valuer) -> dict[str, float]:
    """Return the sums of legs that are priced alone, in the units of FORMULAS."""
    sums = dict.fromkeys(greeks.NAMES, 0.0)
    marks = book.marks
    assert isinstance(marks, WrittenMarks)
    for key, (quantity, vol, _, _) in BOOK.items():
        spot = SPOTS[marks.underlying_of(marks.rows[key])]
        alone = marks.alone(key, vol)
        units = quantity * 100
        sums["delta"] += alone.delta * units
        sums["dollar_delta"] += alone.delta * units * spot
        sums["gamma"] += alone.gamma * units
        sums["gamma_percent"] += alone.gamma * units * spot**2 / 100
        sums["theta"] += alone.theta / 365 * units
        sums["vega"] += alone.vega / 100 * units
        sums["rho"] += alone.rho / 100 * units
    sums["delta"] += 150
    sums["dollar_delta"] += 150 * 600.0
    return sums


class TestSums:
    def test_the_total_is_the_sum_of_legs_priced_alone(self, book: Valuer) -> None:
        found = greeks.exposures_of(book, BETAS)
        total = greeks.cover(book, found)
        for name, value in zip(greeks.NAMES, total.sums, strict=True):
            assert value == pytest.approx(legs(book)[name], rel=1e-10, abs=1e-10)
        assert (total.covered, total.total, total.missing) == (6, 6, {})

    def test_accounts_and_underlyings_add_up_to_the_total(self, book: Valuer) -> None:
        found = greeks.exposures_of(book, BETAS)
        total = np.array(greeks.cover(book, found).sums)
        rows = book.holding.rows
        for keys in (
            [row.account for row in rows],
            [book.marks.names[name] for name in book.underlying],
        ):
            parts = [greeks.cover(book, found, each) for each in greeks.groups_of(keys).values()]
            assert len(parts) == 2
            np.testing.assert_allclose(sum(np.array(part.sums) for part in parts), total, 1e-12)

    def test_beta_weighted_delta_is_beta_times_dollars_over_the_benchmark(
        self, book: Valuer
    ) -> None:
        found = greeks.exposures_of(book, BETAS)
        by_row = {
            row.position.asset.symbol: found.beta_delta[place]
            for place, row in enumerate(book.holding.rows)
        }
        assert by_row["SPY"] == pytest.approx(150.0)
        assert isinstance(book.marks, WrittenMarks)
        alone = book.marks.alone("SPX261218P06000000", 0.18)
        assert by_row["SPX261218P06000000"] == pytest.approx(
            0.98 * alone.delta * 100 * 6011.0 / 600.0
        )

    def test_without_a_beta_the_weight_is_missing_and_the_rest_is_not(self, book: Valuer) -> None:
        lacking = Beta(None, None, 12, "too_few_days")
        found = greeks.exposures_of(book, {**BETAS, "SPX": lacking})
        total = greeks.cover(book, found)
        assert (total.covered, total.beta_covered) == (6, 4)
        assert total.beta_missing == {"too_few_days": 2}
        nothing = greeks.cover(book, greeks.exposures_of(book, {}))
        assert (nothing.beta_delta, nothing.beta_missing) == (None, {"no_history": 6})


class TestCoverage:
    def test_says_why_positions_have_none(self) -> None:
        keys = ["SPY261218C00600000", "SPY261218C00610000", "XYZ261218C00010000"]
        held = [position(option(key), "1") for key in keys]
        holding = holding_of([*held, position(stock(), None), position(stock("XYZ"), "5")])
        marks = marks_of(holding)
        marks.quote("SPY", 600.0)
        marks.list(keys[0], bid=0.0, ask=0.05, status="no_bid")
        marks.columns.reasons[marks.rows["XYZ"]] = "unknown_symbol"
        book = valued(holding, marks)
        total = greeks.cover(book, greeks.exposures_of(book, BETAS))
        assert (total.covered, total.total) == (0, 5)
        assert total.missing == {
            "direction_unknown": 1,
            "no_bid": 1,
            "no_underlying_price": 2,
            "pending": 1,
        }


def closes_of(moves: FloatArray) -> dict[date, float]:
    prices = 100.0 * np.cumprod(1.0 + np.concatenate(([0.0], moves)))
    first = date(2025, 1, 1)
    return {first + timedelta(days=n): price for n, price in enumerate(prices.tolist())}


class TestBetas:
    dice = np.random.default_rng(8)
    market = dice.normal(0, 0.01, 252)
    noise = dice.normal(0, 0.01, 252)

    def test_are_the_slope_that_least_squares_finds(self) -> None:
        """NumPy's own fit of a line and its correlation are the other side."""
        own = 1.7 * self.market + self.noise
        found = beta_of(closes_of(own), closes_of(self.market))
        slope = np.polyfit(self.market, own, 1)[0]
        assert found.value == pytest.approx(slope, rel=1e-9)
        assert found.r2 == pytest.approx(np.corrcoef(own, self.market)[0, 1] ** 2, rel=1e-9)
        assert (found.n, found.reason) == (252, "")

    def test_stand_on_common_days_of_the_window_only(self) -> None:
        market, own = closes_of(self.market), closes_of(2 * self.market)
        del market[min(market)], own[max(own)]
        found = beta_of(own, market, window=100)
        assert found.n == 100
        assert found.value == pytest.approx(2.0, rel=1e-2)

    def test_need_enough_days_and_moves(self) -> None:
        few = closes_of(self.market[: DAYS_MIN - 1])
        assert beta_of(few, few) == Beta(None, None, DAYS_MIN - 1, "too_few_days")
        enough = closes_of(self.market[:DAYS_MIN])
        assert beta_of(enough, enough).value == pytest.approx(1.0)
        still = closes_of(np.zeros(100))
        assert beta_of(still, closes_of(self.market)).reason == "no_moves"

    def test_correlations_have_the_sign_and_are_no_more_than_one(self) -> None:
        own = closes_of(-0.5 * self.market + self.noise)
        found = correlation_of(own, closes_of(self.market))
        expected = np.corrcoef(-0.5 * self.market + self.noise, self.market)[0, 1]
        assert found.value == pytest.approx(expected, rel=1e-9)
        assert correlation_of(own, own).value == pytest.approx(1.0)


def test_the_herfindahl_index_is_one_over_equal_holdings() -> None:
    assert herfindahl([2.0, 2.0, 2.0, 2.0]) == pytest.approx(0.25)
    assert herfindahl([]) is None
