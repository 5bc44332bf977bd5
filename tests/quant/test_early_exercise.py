"""Decisions and chances against closed forms for one dividend, and against a lattice for puts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from optix.quant import black_scholes
from optix.quant.dividends import Dividend, DividendSchedule
from optix.quant.early_exercise import early_exercise_probability, ex_date_decision

TOMORROW = DividendSchedule((Dividend(0.5 / 365, 0.8),))


def european_call(spot: float, strike: float, years: float, vol: float, rate: float) -> float:
    return float(
        black_scholes.price(
            forward=spot * np.exp(rate * years),
            strike=strike,
            expiry_years=years,
            vol=vol,
            rate=rate,
            is_call=True,
        )
    )


def decision(**changes: Any) -> Any:
    usual: dict[str, Any] = {
        "spot": 100.0,
        "strike": 90.0,
        "expiry_years": 20 / 365,
        "vol": 0.2,
        "rate": 0.04,
        "schedule": TOMORROW,
    }
    return ex_date_decision(**(usual | changes))


class TestDecision:
    def test_compares_exercise_with_the_call_on_the_dropped_share(self) -> None:
        found = decision()
        held = european_call(99.2, 90.0, 19.5 / 365, 0.2, 0.04)
        assert float(found.gain) == pytest.approx(10.0 - held, abs=3e-4)
        assert bool(found.by_model) is (held < 10.0)

    def test_exercises_from_the_critical_spot_on(self) -> None:
        critical = float(decision().critical_spot)
        exact = brentq(
            lambda s: s - 90 - european_call(s - 0.8, 90.0, 19.5 / 365, 0.2, 0.04), 90.5, 200.0
        )
        assert critical == pytest.approx(exact, abs=5e-3)
        spots = np.array([critical - 0.05, critical + 0.05])
        assert decision(spot=spots).by_model.tolist() == [False, True]

    def test_the_rule_compares_extrinsic_value_with_the_dividend(self) -> None:
        found = decision(call_price=np.array([10.5, 10.79, 10.81, 12.0, np.nan]))
        np.testing.assert_allclose(found.extrinsic[:4], [0.5, 0.79, 0.81, 2.0])
        assert found.by_rule.tolist() == [True, True, False, False, False]

    def test_the_put_of_the_strike_tells_the_same(self) -> None:
        found = decision(put_price=np.array([0.3, 0.79, 0.81, np.nan]))
        assert found.by_put.tolist() == [True, True, False, False]

    def test_model_and_rule_agree_away_from_the_critical_spot(self) -> None:
        # The rule sees the price before the drop, so it is eager; far from the edge both are right.
        spots = np.array([91.0, 130.0])
        prices = [european_call(s - 0.8, 90.0, 20 / 365, 0.2, 0.04) for s in spots.tolist()]
        found = decision(spot=spots, call_price=np.maximum(prices, spots - 90.0))
        assert found.by_model.tolist() == [False, True]
        assert found.by_rule.tolist() == [False, True]

    def test_out_of_the_money_nothing_is_exercised(self) -> None:
        found = decision(spot=85.0, call_price=0.1, put_price=0.1)
        assert not (found.by_rule | found.by_put | found.by_model).any()

    def test_dividends_of_one_day_count_together_and_later_ones_not(self) -> None:
        twice = DividendSchedule((Dividend(0.001, 0.4), Dividend(0.001, 0.4), Dividend(0.03, 5.0)))
        found = decision(schedule=twice, put_price=0.79)
        assert bool(found.by_put)
        assert float(found.gain) > float(decision().gain)  # what is held will drop once more

    def test_no_dividend_is_worth_waiting_for_where_interest_is_more(self) -> None:
        small = DividendSchedule((Dividend(0.001, 0.001),))
        found = decision(schedule=small, expiry_years=1.0, spot=200.0)
        assert not found.by_model
        assert np.isnan(found.critical_spot)

    def test_without_an_ex_date_there_is_nothing_to_decide(self) -> None:
        with pytest.raises(ValueError, match="empty"):
            decision(schedule=DividendSchedule())

    def test_a_call_that_expires_before_has_no_decision(self) -> None:
        found = decision(expiry_years=np.array([0.0005, np.nan]), call_price=10.1)
        assert np.isnan(found.gain).all()
        assert np.isnan(found.critical_spot).all()
        assert not (found.by_rule | found.by_model).any()


def probability(**changes: Any) -> Any:
    usual: dict[str, Any] = {
        "spot": 100.0,
        "strike": 95.0,
        "expiry_years": 0.4,
        "vol": 0.25,
        "rate": 0.04,
        "is_call": True,
        "schedule": DividendSchedule((Dividend(0.3, 2.0),)),
    }
    return early_exercise_probability(**(usual | changes))


def lattice_chance(strike: float, years: float, vol: float, rate: float, steps: int) -> float:
    """Return the chance that a put on a spot of 100 is exercised before the last step."""
    length = years / steps
    up = np.exp(vol * np.sqrt(length))
    p = (np.exp(rate * length) - 1 / up) / (up - 1 / up)
    value = np.maximum(strike - 100 * up ** np.arange(-steps, steps + 1, 2.0), 0.0)
    chance = np.zeros(value.shape)
    for step in range(steps - 1, -1, -1):
        spots = 100 * up ** np.arange(-step, step + 1, 2.0)
        value = np.exp(-rate * length) * (p * value[1:] + (1 - p) * value[:-1])
        chance = p * chance[1:] + (1 - p) * chance[:-1]
        chance = np.where(strike - spots > value, 1.0, chance)
        value = np.maximum(value, strike - spots)
    return float(chance[0])


class TestProbability:
    def test_of_a_call_is_that_of_a_spot_above_the_critical_one(self) -> None:
        critical = brentq(lambda s: s - 95 - european_call(s - 2, 95.0, 0.1, 0.25, 0.04), 95.5, 400)
        distance = (np.log(100 / critical) + (0.04 - 0.25**2 / 2) * 0.3) / (0.25 * np.sqrt(0.3))
        assert float(probability()) == pytest.approx(norm.cdf(distance), abs=0.002)

    def test_of_a_put_meets_the_lattice(self) -> None:
        for strike in (95.0, 105.0):
            found = probability(strike=strike, is_call=False, schedule=DividendSchedule())
            # The lattice looks at its steps only: from below, by the root of their length.
            coarse, fine = (lattice_chance(strike, 0.4, 0.25, 0.04, n) for n in (1000, 4000))
            assert float(found) == pytest.approx(2 * fine - coarse, abs=0.006)

    def test_of_a_put_is_above_that_of_ending_in_the_money(self) -> None:
        strikes = np.array([80.0, 100.0, 120.0])
        found = probability(strike=strikes, is_call=False, schedule=DividendSchedule())
        ends = norm.cdf((np.log(strikes / 100) - (0.04 - 0.25**2 / 2) * 0.4) / (0.25 * 0.4**0.5))
        assert np.all(found > ends)
        early = probability(
            strike=strikes, is_call=False, schedule=DividendSchedule(), within_years=0.39
        )
        assert np.all(early < found)

    def test_counts_only_up_to_the_given_day(self) -> None:
        schedule = DividendSchedule((Dividend(0.1, 2.0), Dividend(0.3, 2.0)))
        whole = float(probability(schedule=schedule))
        first = float(probability(schedule=schedule, within_years=0.1))
        assert 0 < first < whole < 1
        assert float(probability(schedule=schedule, within_years=0.05)) < 1e-12

    def test_without_a_dividend_no_call_is_exercised(self) -> None:
        assert probability(schedule=DividendSchedule(), strike=50.0) == 0

    def test_is_certain_where_exercise_is_best_today(self) -> None:
        assert probability(strike=250.0, vol=0.1, is_call=False, schedule=DividendSchedule()) == 1

    def test_bad_and_expired_rows_have_none(self) -> None:
        found = probability(expiry_years=np.array([0.4, 0.0, -1.0, np.nan]))
        assert np.isfinite(found).tolist() == [True, False, False, False]
