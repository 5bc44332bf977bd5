"""Chains are made from a known forward and rate, then found again, also with noise and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from benchmarks.iwm_accuracy import load, terms_of
from tests.fixtures.recorded import recorded

from optix.features.market.pricing import price_chain
from optix.quant import american, black_scholes
from optix.quant.arrays import FloatArray
from optix.quant.forward import (
    FORWARD_METHOD_TEXT,
    ForwardFit,
    ForwardMethod,
    implied_carry,
    implied_forward,
)
from optix.quant.rates import curve_from_zero_rates

STRIKES = np.arange(80.0, 121.0, 2.5)


def quotes(
    years: float,
    *,
    rate: float = 0.05,
    dividend_yield: float = 0.015,
    spot: float = 100.0,
    half_spread: float = 0.02,
    is_american: bool = False,
    strikes: FloatArray = STRIKES,
) -> dict[str, FloatArray]:
    """Return one expiry's quotes around model prices on a sloping smile."""
    vol = 0.25 - 0.2 * np.log(strikes / spot)
    forward = spot * np.exp((rate - dividend_yield) * years)
    mids = []
    for is_call in (True, False):
        if is_american:
            value = american.price(
                spot=spot,
                strike=strikes,
                expiry_years=years,
                vol=vol,
                rate=rate,
                dividend_yield=dividend_yield,
                is_call=is_call,
            )
        else:
            value = black_scholes.price(
                forward=forward,
                strike=strikes,
                expiry_years=years,
                vol=vol,
                rate=rate,
                is_call=is_call,
            )
        mids.append(value)
    call, put = mids
    return {
        "strike": strikes[np.newaxis],
        "call_bid": (call - half_spread)[np.newaxis],
        "call_ask": (call + half_spread)[np.newaxis],
        "put_bid": (put - half_spread)[np.newaxis],
        "put_ask": (put + half_spread)[np.newaxis],
    }


def fitted(market: dict[str, Any], years: float, **changes: Any) -> ForwardFit:
    given: dict[str, Any] = {
        "expiry_years": np.array([years]),
        "is_american": np.array([False]),
        "spot": 100.0,
        "rate": 0.04,
    }
    return implied_forward(**market, **(given | changes))


class TestEuropean:
    @pytest.mark.parametrize("years", [0.25, 1.0, 2.0])
    def test_finds_forward_and_rate_of_the_market(self, years: float) -> None:
        fit = fitted(quotes(years), years)
        assert fit.method[0] == ForwardMethod.PARITY_REGRESSION
        assert fit.forward[0] == pytest.approx(100 * np.exp(0.035 * years), rel=2e-5)
        # Given 0.04, the market says 0.05: the further the expiry, the surer.
        assert fit.rate[0] == pytest.approx(0.05, abs=0.002 / years)
        assert fit.pairs[0] >= 4
        assert fit.residual[0] < 0.02

    def test_keeps_the_given_rate_where_the_slope_cannot_tell(self) -> None:
        years = 1 / 365
        fit = fitted(quotes(years, half_spread=0.05), years)
        assert fit.method[0] == ForwardMethod.PARITY_AT_RATE
        assert fit.rate[0] == pytest.approx(0.04, abs=1e-3)
        assert fit.forward[0] == pytest.approx(100 * np.exp(0.035 * years), rel=1e-5)

    def test_one_wrong_quote_does_not_move_it(self) -> None:
        market = quotes(0.5)
        market["call_bid"][0, 8] += 3.0
        market["call_ask"][0, 8] += 3.0
        fit = fitted(market, 0.5)
        assert fit.forward[0] == pytest.approx(100 * np.exp(0.0175), rel=1e-4)
        assert fit.rate[0] == pytest.approx(0.05, abs=0.01)

    def test_tight_quotes_count_more_than_wide_ones(self) -> None:
        market = quotes(0.5, rate=0.04)
        market["call_ask"][0, ::2] += 2.0  # wide and therefore skewed upwards
        fit = fitted(market, 0.5)
        assert fit.forward[0] == pytest.approx(100 * np.exp(0.0125), rel=2e-4)

    def test_stays_inside_what_bids_and_asks_allow(self) -> None:
        market = quotes(0.5, rate=0.04)
        rng = np.random.default_rng(3)
        for name in ("call_bid", "put_bid"):
            market[name] -= rng.uniform(0, 1.5, STRIKES.size)
        for name in ("call_ask", "put_ask"):
            market[name] += rng.uniform(0, 1.5, STRIKES.size)
        fit = fitted(market, 0.5)
        growth = np.exp(fit.rate[0] * 0.5)
        near = np.abs(np.log(STRIKES / fit.forward[0])) < 0.1
        low = STRIKES + (market["call_bid"] - market["put_ask"])[0] * growth
        high = STRIKES + (market["call_ask"] - market["put_bid"])[0] * growth
        assert low[near].max() - 1e-9 <= fit.forward[0] <= high[near].min() + 1e-9

    def test_coarse_strikes_reach_further_out(self) -> None:
        strikes = np.array([80.0, 100.0, 125.0])
        fit = fitted(quotes(0.5, strikes=strikes), 0.5)
        assert fit.pairs[0] == 3
        assert fit.method[0] == ForwardMethod.PARITY_AT_RATE

    def test_one_pair_is_enough_for_a_forward(self) -> None:
        fit = fitted(quotes(0.5, strikes=np.array([100.0]), rate=0.04), 0.5)
        assert fit.pairs[0] == 1
        assert fit.forward[0] == pytest.approx(100 * np.exp(0.0125), rel=1e-9)

    def test_does_not_need_a_spot(self) -> None:
        fit = fitted(quotes(0.5), 0.5, spot=np.nan)
        assert fit.forward[0] == pytest.approx(100 * np.exp(0.0175), rel=2e-5)


class TestAmerican:
    @pytest.mark.parametrize("years", [0.1, 0.5, 2.0])
    def test_takes_the_exercise_premium_out(self, years: float) -> None:
        market = quotes(years, rate=0.05, is_american=True)
        fit = fitted(market, years, is_american=np.array([True]), rate=0.05)
        plain = fitted(market, years, rate=0.05)
        exact = 100 * np.exp(0.035 * years)
        assert fit.method[0] == ForwardMethod.PARITY_AMERICAN
        assert fit.rate[0] == 0.05
        assert fit.forward[0] == pytest.approx(exact, rel=2e-4)
        assert abs(fit.forward[0] - exact) < abs(plain.forward[0] - exact)

    def test_mixes_with_european_expiries_in_one_call(self) -> None:
        european, exercised = quotes(1.0), quotes(1.0, is_american=True)
        both = {name: np.concatenate([european[name], exercised[name]]) for name in european}
        fit = implied_forward(
            **both,
            expiry_years=np.array([1.0, 1.0]),
            is_american=np.array([False, True]),
            spot=100.0,
            rate=0.05,
        )
        assert fit.method.tolist() == [
            ForwardMethod.PARITY_REGRESSION,
            ForwardMethod.PARITY_AMERICAN,
        ]
        np.testing.assert_allclose(fit.forward, 100 * np.exp(0.035), rtol=2e-4)


class TestBounds:
    def test_say_what_bids_and_asks_allow(self) -> None:
        for style in (False, True):
            fit = fitted(
                quotes(0.5, rate=0.04, is_american=style), 0.5, is_american=np.array([style])
            )
            assert fit.low[0] <= fit.forward[0] <= fit.high[0]
            assert fit.high[0] - fit.low[0] == pytest.approx(0.08 * np.exp(0.02), abs=0.03)

    def test_there_are_none_without_pairs(self) -> None:
        market = quotes(0.5)
        market["put_bid"][:] = 0.0
        fit = fitted(market, 0.5)
        assert np.isnan([fit.low[0], fit.high[0]]).all()


class TestRates:
    def test_each_expiry_may_have_its_own_of_a_curve(self) -> None:
        curve = curve_from_zero_rates(years=[0.1, 1.0], rate=[0.05, 0.03])
        years = np.array([0.1, 0.5])
        rates = curve.at(years).rate
        both = [
            quotes(T, rate=float(r), is_american=True)
            for T, r in zip(years.tolist(), rates, strict=True)
        ]
        market = {name: np.concatenate([rows[name] for rows in both]) for name in both[0]}
        fit = implied_forward(
            **market, expiry_years=years, is_american=[True, True], spot=100.0, rate=rates
        )
        np.testing.assert_array_equal(fit.rate, rates)
        np.testing.assert_allclose(fit.forward, 100 * np.exp((rates - 0.015) * years), rtol=4e-4)


class TestFallbacks:
    def test_without_a_two_sided_pair_it_carries_the_spot(self) -> None:
        market = quotes(0.5)
        market["put_bid"][:] = 0.0
        fit = fitted(market, 0.5)
        assert fit.method[0] == ForwardMethod.SPOT_AT_RATE
        assert fit.forward[0] == 100 * np.exp(0.04 * 0.5)
        assert fit.pairs[0] == 0
        assert np.isnan(fit.residual[0])

    def test_without_a_spot_too_there_is_no_forward(self) -> None:
        market = {name: np.full((1, 0), np.nan) for name in quotes(0.5)}
        for spot in (np.nan, 0.0, -1.0, np.inf):
            fit = fitted(market, 0.5, spot=spot)
            assert fit.method[0] == ForwardMethod.NONE
            assert np.isnan(fit.forward[0])

    def test_an_expired_series_has_no_forward(self) -> None:
        fit = fitted(quotes(0.5), 0.0)
        assert fit.method[0] == ForwardMethod.NONE
        assert np.isnan(fit.forward[0])

    def test_crossed_missing_and_absurd_quotes_are_left_out(self) -> None:
        market = quotes(0.5)
        good = fitted(market, 0.5)
        market["call_bid"][0, 6] = 90.0  # crossed
        market["call_ask"][0, 7] = np.nan
        market["put_ask"][0, 8] = np.inf
        market["put_bid"][0, 9] = -1.0
        fit = fitted(market, 0.5)
        assert fit.pairs[0] == good.pairs[0] - 4
        assert fit.forward[0] == pytest.approx(good.forward[0], rel=1e-4)

    def test_quotes_that_contradict_parity_do_not_become_a_rate(self) -> None:
        market = quotes(0.5)
        for leg in ("call", "put"):
            market[f"{leg}_bid"][:] = 5.0
            market[f"{leg}_ask"][:] = 5.1
        fit = fitted(market, 0.5)
        assert fit.rate[0] == 0.04
        assert np.isfinite(fit.forward[0])

    def test_every_method_says_what_it_is(self) -> None:
        assert set(FORWARD_METHOD_TEXT) == set(ForwardMethod)
        assert all(FORWARD_METHOD_TEXT.values())


class TestCarry:
    def test_splits_a_forward_into_spot_and_yield(self) -> None:
        carry = implied_carry(spot=100.0, forward=101.0, expiry_years=1.0, rate=0.05)
        rebuilt = carry.spot * np.exp(0.05 - carry.dividend_yield)
        assert float(rebuilt) == pytest.approx(101.0, rel=1e-15)
        assert float(carry.dividend_yield) == pytest.approx(0.05 - np.log(1.01) - 1e-4)

    def test_a_spot_a_moment_old_is_not_read_as_a_yield(self) -> None:
        hour = 1 / (365 * 24)
        carry = implied_carry(spot=100.0, forward=100.01, expiry_years=hour, rate=0.05)
        assert carry.dividend_yield == 0.0
        assert float(carry.spot) == pytest.approx(100.01, rel=1e-5)

    def test_without_a_spot_the_yield_is_zero(self) -> None:
        for spot in (np.nan, 0.0, np.inf):
            carry = implied_carry(spot=spot, forward=101.0, expiry_years=1.0, rate=0.05)
            assert carry.dividend_yield == 0.0
            assert float(carry.spot) == pytest.approx(101 * np.exp(-0.05))

    def test_without_a_forward_there_is_nothing(self) -> None:
        carry = implied_carry(
            spot=100.0, forward=np.nan, expiry_years=np.array([0.0, 1.0]), rate=0.05
        )
        assert np.isnan(carry.spot).all()


@pytest.mark.recorded
@pytest.mark.parametrize(("day", "rate"), [("2023-09-14", 0.054), ("2022-06-11", 0.021)])
def test_recorded_index_chains_tell_forward_and_rate(day: str, rate: float) -> None:
    """The rate is not given: money cost about so much in the year after that day."""
    table = load(recorded(f"market/cboe/csv/SPX_{day}.csv.gz"))
    now = table.ts_event
    priced = price_chain(table, now_ns=now, terms=terms_of(table), rate_fallback=0.04)
    fitted_rates = [
        root.rate
        for root in priced.roots.values()
        if root.forward_method == FORWARD_METHOD_TEXT[ForwardMethod.PARITY_REGRESSION]
        and root.expiry_years > 0.2
    ]
    assert len(fitted_rates) > 15
    assert np.median(np.array(fitted_rates, dtype=np.float64)) == pytest.approx(rate, abs=0.006)
    # Neighbouring expiries are fitted apart; their forwards still grow without jumps.
    curve = sorted((root.expiry_years, root.forward or np.nan) for root in priced.roots.values())
    years, forwards = np.array(curve).T
    kept = np.isfinite(forwards) & (years > 0.02)
    growth = np.diff(np.log(forwards[kept])) / np.maximum(np.diff(years[kept]), 1 / 365)
    assert np.quantile(np.abs(growth), 0.9) < 0.1
