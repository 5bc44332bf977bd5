"""The spot model against other methods, against what must hold of any model, and at its edges."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import QuantLib
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.quant.dividend_oracles import Case, integral_price
from tests.quant.golden_dividends import GOLDEN_DIVIDENDS

from optix.quant import black_scholes, kernels
from optix.quant.arrays import FloatArray
from optix.quant.dividend_options import (
    dividend_greeks,
    dividend_implied_vol,
    dividend_price,
)
from optix.quant.dividends import Dividend, DividendKind, DividendSchedule
from optix.quant.implied_vol import IvStatus

TWO = DividendSchedule((Dividend(0.12, 0.5), Dividend(0.37, 0.5)))
NONE = DividendSchedule()
STRIKES = np.arange(70.0, 131.0, 5.0)
TOLERANCE = 3e-4  # of prices on a 100 $ stock


def terms(**changes: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "spot": 100.0,
        "strike": STRIKES,
        "expiry_years": 0.5,
        "vol": 0.3 - 0.2 * np.log(STRIKES / 100),
        "rate": 0.045,
        "is_call": True,
        "schedule": TWO,
    }
    return usual | changes


class TestAgainstOtherMethods:
    @pytest.mark.parametrize("name", [kernels.available()[0], kernels.NUMPY])
    def test_golden_points_within_three_hundredths_of_a_cent(
        self, name: str, use_kernel: Callable[[str], None]
    ) -> None:
        use_kernel(name)
        found = [
            dividend_price(
                spot=100.0,
                strike=point.strike,
                expiry_years=point.days / 365,
                vol=point.vol,
                rate=point.rate,
                is_call=point.is_call,
                is_american=point.is_american,
                schedule=point.schedule,
            )
            for point in GOLDEN_DIVIDENDS
        ]
        errors = np.abs(np.array(found) - [point.price for point in GOLDEN_DIVIDENDS])
        assert errors.max() < TOLERANCE
        assert np.median(errors) < TOLERANCE / 10

    def test_a_fine_grid_meets_the_integral(self) -> None:
        for is_american in (False, True):
            case = Case(100.0, 95.0, 0.6, 0.25, 0.03, True, is_american, [(0.2, 3.0), (0.5, 2.0)])
            schedule = DividendSchedule(tuple(Dividend(*row) for row in case.dividends))
            found = dividend_price(
                spot=case.spot,
                strike=case.strike,
                expiry_years=case.years,
                vol=case.vol,
                rate=case.rate,
                is_call=case.is_call,
                is_american=is_american,
                schedule=schedule,
                nodes=801,
                steps=800,
            )
            assert float(found) == pytest.approx(integral_price(case), abs=1e-5)

    @pytest.mark.parametrize(
        ("rate", "borrow"),
        [(0.045, 0.0), (0.045, 0.03), (0.045, 0.1), (-0.01, 0.02), (-0.01, -0.03), (-0.02, -0.04)],
    )
    def test_without_dividends_meets_quantlib_on_a_yield(self, rate: float, borrow: float) -> None:
        # With borrow < rate < 0 puts have two exercise boundaries.
        today = QuantLib.Date(1, 1, 2026)
        QuantLib.Settings.instance().evaluationDate = today
        days = QuantLib.Actual365Fixed()
        process = QuantLib.BlackScholesMertonProcess(
            QuantLib.QuoteHandle(QuantLib.SimpleQuote(100.0)),
            QuantLib.YieldTermStructureHandle(QuantLib.FlatForward(today, borrow, days)),
            QuantLib.YieldTermStructureHandle(QuantLib.FlatForward(today, rate, days)),
            QuantLib.BlackVolTermStructureHandle(
                QuantLib.BlackConstantVol(today, QuantLib.NullCalendar(), 0.3, days)
            ),
        )
        exercise = QuantLib.AmericanExercise(today, today + 180)

        def value(is_call: bool, strike: float, engine: Any) -> float:
            side = QuantLib.Option.Call if is_call else QuantLib.Option.Put
            option = QuantLib.VanillaOption(QuantLib.PlainVanillaPayoff(side, strike), exercise)
            option.setPricingEngine(engine)
            return float(option.NPV())

        # The fast engine has no second boundary. Differences lose 1/steps at a boundary, else its
        # square.
        if borrow < rate < 0:
            coarse, fine = (
                QuantLib.FdBlackScholesVanillaEngine(process, steps, steps) for steps in (400, 800)
            )
        else:
            scheme = QuantLib.QdFpAmericanEngine.highPrecisionScheme()
            coarse = fine = QuantLib.QdFpAmericanEngine(process, scheme)
        for is_call in (True, False):
            error = 1 / 3 if is_call else 1.0
            expected = [
                (1 + error) * value(is_call, strike, fine) - error * value(is_call, strike, coarse)
                for strike in STRIKES.tolist()
            ]
            found = dividend_price(
                **terms(
                    vol=0.3,
                    expiry_years=180 / 365,
                    rate=rate,
                    borrow=borrow,
                    is_call=is_call,
                    schedule=NONE,
                )
            )
            np.testing.assert_allclose(found, expected, atol=1.5 * TOLERANCE)

    def test_europeans_without_dividends_are_black_scholes(self) -> None:
        found = dividend_greeks(**terms(schedule=NONE, is_american=False, borrow=0.01))
        exact = black_scholes.greeks(
            spot=100.0,
            forward=100 * np.exp(0.035 * 0.5),
            strike=STRIKES,
            expiry_years=0.5,
            vol=terms()["vol"],
            rate=0.045,
            is_call=True,
        )
        np.testing.assert_allclose(found.price, exact.price, atol=1e-4)
        np.testing.assert_allclose(found.delta, exact.delta, atol=1e-5)
        np.testing.assert_allclose(found.gamma, exact.gamma, atol=1e-5)
        np.testing.assert_allclose(found.theta, exact.theta, atol=5e-3)
        np.testing.assert_allclose(found.vega, exact.vega, rtol=2e-3, atol=5e-3)
        np.testing.assert_allclose(found.rho, exact.rho, atol=2e-3)


class TestWhatMustHold:
    def test_parity_of_europeans_with_dividends(self) -> None:
        forward = TWO.forward(spot=100.0, expiry_years=0.5, rate=0.045)
        call = dividend_price(**terms(is_american=False))
        put = dividend_price(**terms(is_american=False, is_call=False))
        np.testing.assert_allclose(
            call - put, np.exp(-0.0225) * (float(forward) - STRIKES), atol=TOLERANCE
        )

    @pytest.mark.parametrize("is_call", [True, False])
    def test_american_is_worth_no_less_than_european_and_payoff(self, is_call: bool) -> None:
        american = dividend_price(**terms(is_call=is_call))
        european = dividend_price(**terms(is_call=is_call, is_american=False))
        payoff = np.maximum((100 - STRIKES) * (1 if is_call else -1), 0)
        assert np.all(american >= european - 1e-9)
        assert np.all(american >= payoff)
        assert np.any(american > european + 0.001)

    def test_a_call_without_dividends_is_never_exercised(self) -> None:
        american = dividend_price(**terms(schedule=NONE))
        european = dividend_price(**terms(schedule=NONE, is_american=False))
        np.testing.assert_allclose(american, european, atol=1e-9)

    def test_a_call_is_exercised_only_right_before_an_ex_date(self) -> None:
        # What is left above the payoff is the interest on the strike until the evening before.
        for days in (0.5, 5.0, 50.0):
            schedule = DividendSchedule((Dividend(days / 365, 3.0),))
            found = dividend_greeks(**terms(strike=70.0, vol=0.15, schedule=schedule))
            interest = 70 * (1 - np.exp(-0.045 * days / 365))
            assert not found.exercised
            assert float(found.price) == pytest.approx(30.0 + interest, abs=TOLERANCE)

    def test_a_put_waits_for_the_dividend(self) -> None:
        def exercised(ex_years: float) -> bool:
            schedule = DividendSchedule((Dividend(ex_years, 2.0),))
            put = terms(strike=130.0, vol=0.15, is_call=False, schedule=schedule)
            return bool(dividend_greeks(**put).exercised)

        assert not exercised(3 / 365)
        assert exercised(0.49)

    @pytest.mark.parametrize("is_call", [True, False])
    def test_small_dividends_lead_to_none(self, is_call: bool) -> None:
        gaps = []
        plain = dividend_price(**terms(is_call=is_call, schedule=NONE))
        for amount in (1.0, 0.1, 0.01):
            schedule = DividendSchedule((Dividend(0.2, amount),))
            gaps.append(np.abs(dividend_price(**terms(is_call=is_call, schedule=schedule)) - plain))
        assert np.max(gaps[2]) < 0.0105  # a cent less of stock is a cent less of option at the most
        assert np.max(gaps[2]) < np.max(gaps[1]) < np.max(gaps[0])

    def test_more_dividends_make_calls_cheaper_and_puts_dearer(self) -> None:
        schedules = [DividendSchedule((Dividend(0.2, a),)) for a in (0.0, 0.5, 1.0, 2.0, 4.0)]
        calls = [dividend_price(**terms(schedule=schedule)) for schedule in schedules]
        puts = [dividend_price(**terms(schedule=s, is_call=False)) for s in schedules]
        assert np.all(np.diff(calls, axis=0) <= TOLERANCE)
        assert np.all(np.diff(puts, axis=0) >= -TOLERANCE)

    @pytest.mark.parametrize("is_call", [True, False])
    def test_value_rises_with_vol_and_bends_with_strike(self, is_call: bool) -> None:
        vols = np.linspace(0.1, 1.0, 10)[:, np.newaxis]
        value = dividend_price(**terms(vol=vols, is_call=is_call))
        assert np.all(np.diff(value, axis=0) >= -1e-6)
        assert np.all(np.diff(value[4], 2) >= -2 * TOLERANCE)
        assert np.all(np.diff(value[4]) * (-1 if is_call else 1) > 0)

    def test_a_proportional_dividend_is_a_lower_spot_for_europeans(self) -> None:
        schedule = DividendSchedule((Dividend(0.2, 0.03, DividendKind.PROPORTIONAL),))
        found = dividend_price(**terms(schedule=schedule, is_american=False))
        plain = dividend_price(**terms(spot=97.0, schedule=NONE, is_american=False))
        np.testing.assert_allclose(found, plain, atol=1e-4)

    def test_a_stock_below_its_dividend_stays_at_zero(self) -> None:
        # Spot 5, dividend 4: half of the paths end at zero, and parity gains what they do not owe.
        schedule = DividendSchedule((Dividend(0.5, 4.0),))
        given = terms(spot=5.0, strike=5.0, expiry_years=1.0, vol=0.8, is_american=False)
        call = float(dividend_price(**(given | {"schedule": schedule}), nodes=641, steps=400))
        case = Case(5.0, 5.0, 1.0, 0.8, 0.045, True, False, [(0.5, 4.0)])
        assert call == pytest.approx(integral_price(case), abs=2e-3)
        put = float(dividend_price(**(given | {"schedule": schedule, "is_call": False})))
        owed = np.exp(-0.045) * (
            float(schedule.forward(spot=5.0, expiry_years=1.0, rate=0.045)) - 5
        )
        assert call - put > owed + 0.3


class TestGreeks:
    @pytest.mark.parametrize("is_call", [True, False])
    def test_are_the_slopes_of_the_price(self, is_call: bool) -> None:
        fine: dict[str, Any] = {"nodes": 321, "steps": 300, "is_call": is_call}
        found = dividend_greeks(**terms(**fine))
        alive = np.abs(found.delta) < 0.9  # next to the boundary slopes differ by side

        def slope(name: str, step: float) -> FloatArray:
            base = terms(**fine).get(name, 0.0)
            up = dividend_price(**terms(**(fine | {name: base + step})))
            down = dividend_price(**terms(**(fine | {name: base - step})))
            return np.asarray((up - down) / (2 * step))

        np.testing.assert_allclose(found.delta, slope("spot", 0.5), atol=2e-3)
        np.testing.assert_allclose(found.vega[alive], slope("vol", 0.01)[alive], atol=0.03)
        np.testing.assert_allclose(found.rho[alive], slope("rate", 0.002)[alive], atol=0.05)

    def test_theta_is_what_a_day_costs(self) -> None:
        day = 1 / 365
        tomorrow = DividendSchedule(
            tuple(Dividend(d.ex_years - day, d.cash) for d in TWO.dividends)
        )
        for is_call in (True, False):
            found = dividend_greeks(**terms(is_call=is_call))
            later = dividend_price(
                **terms(is_call=is_call, schedule=tomorrow, expiry_years=0.5 - day)
            )
            alive = ~found.exercised
            np.testing.assert_allclose(
                found.theta[alive] * day, (later - found.price)[alive], atol=6e-4
            )

    def test_an_exercised_option_is_stock(self) -> None:
        deep = dividend_greeks(**terms(strike=200.0, vol=0.1, is_call=False))
        assert bool(deep.exercised)
        assert [float(column) for column in deep[:-1]] == [100.0, -1.0, 0.0, 0.0, 0.0, 0.0]

    def test_at_expiry_are_the_payoff(self) -> None:
        found = dividend_greeks(**terms(expiry_years=0.0, strike=np.array([90.0, 110.0]), vol=0.3))
        assert found.price.tolist() == [10.0, 0.0]
        assert found.delta.tolist() == [1.0, 0.0]
        assert dividend_price(**terms(expiry_years=0.0, strike=90.0, vol=0.3)) == 10.0


class TestImpliedVol:
    @pytest.mark.parametrize("is_american", [True, False])
    @pytest.mark.parametrize("is_call", [True, False])
    def test_returns_to_the_volatility_of_the_price(self, is_call: bool, is_american: bool) -> None:
        years = np.array([[0.05], [0.25], [1.0]])
        given = terms(is_call=is_call, is_american=is_american, expiry_years=years)
        greeks = dividend_greeks(**given)
        vol = np.broadcast_to(given.pop("vol"), greeks.price.shape)
        found = dividend_implied_vol(price=greeks.price, **given)
        certain = (greeks.vega > 0.05) & ~greeks.exercised
        assert certain.sum() > 20
        assert np.all(found.status[certain] == IvStatus.OK)
        np.testing.assert_allclose(found.vol[certain], vol[certain], atol=1e-5)
        assert np.all(np.isnan(found.vol) == (found.status != IvStatus.OK))

    def test_says_why_there_is_none(self) -> None:
        given = terms(strike=np.array([80.0] * 6 + [50.0]))
        del given["vol"]
        given["expiry_years"] = np.array([0.5] * 5 + [0.0, 0.5])
        prices = np.array([19.9, 20.0 + 1.5, 100.0, np.nan, -1.0, 20.0, 50.2])
        found = dividend_implied_vol(price=prices, **given)
        assert [IvStatus(code) for code in found.status.tolist()] == [
            IvStatus.BELOW_INTRINSIC,
            IvStatus.OK,
            IvStatus.ABOVE_MAXIMUM,
            IvStatus.INVALID,
            IvStatus.INVALID,
            IvStatus.EXPIRED,
            IvStatus.BELOW_INTRINSIC,  # waiting for expiry or the eve of an ex-date is worth more
        ]

    def test_an_exercised_price_holds_no_volatility(self) -> None:
        given = terms(strike=200.0, is_call=False)
        del given["vol"]
        found = dividend_implied_vol(price=100.0, **given)
        assert found.status == IvStatus.NO_TIME_VALUE

    def test_a_price_no_volatility_reaches_is_above_the_maximum(self) -> None:
        given = terms(is_call=False, strike=100.0, expiry_years=0.001)
        del given["vol"]
        found = dividend_implied_vol(price=60.0, **given)
        assert found.status == IvStatus.ABOVE_MAXIMUM


class TestEdges:
    def test_bad_rows_are_nan_and_leave_the_others_alone(self) -> None:
        bad = {
            "spot": [np.nan, -1.0, 0.0, np.inf],
            "strike": [np.nan, -1.0, 0.0, np.inf],
            "vol": [np.nan, -0.1, 0.0, 30.0],
            "rate": [np.nan, np.inf, 1000.0],
            "expiry_years": [np.nan, np.inf],
        }
        good = float(dividend_price(**terms(strike=100.0, vol=0.3)))
        for name, values in bad.items():
            usual = terms(strike=100.0, vol=0.3)
            mixed = np.array([usual[name], *values])
            for column in (
                dividend_price(**(usual | {name: mixed})),
                dividend_greeks(**(usual | {name: mixed})).price,
            ):
                assert column[0] == pytest.approx(good, rel=1e-12)
                assert np.isnan(column[1:]).all()

    def test_dividends_beyond_the_share_leave_no_price(self) -> None:
        schedule = DividendSchedule((Dividend(0.2, 101.0),))
        assert np.isnan(dividend_price(**terms(strike=100.0, vol=0.3, schedule=schedule)))

    def test_as_many_ex_dates_as_allowed_and_no_more(self) -> None:
        def of(count: int) -> DividendSchedule:
            return DividendSchedule(
                tuple(Dividend(0.4 * (i + 1) / count, 0.01) for i in range(count))
            )

        assert np.isfinite(dividend_price(**terms(strike=100.0, vol=0.3, schedule=of(64))))
        with pytest.raises(ValueError, match="64"):
            dividend_price(**terms(schedule=of(65)))

    def test_an_ex_date_on_expiry_counts(self) -> None:
        schedule = DividendSchedule((Dividend(0.5, 2.0),))
        found = dividend_price(**terms(schedule=schedule, is_american=False))
        forward = float(schedule.forward(spot=100.0, expiry_years=0.5, rate=0.045))
        put = dividend_price(**terms(schedule=schedule, is_american=False, is_call=False))
        np.testing.assert_allclose(
            found - put, np.exp(-0.0225) * (forward - STRIKES), atol=2 * TOLERANCE
        )

    @settings(max_examples=60, deadline=None)
    @given(
        spot=st.floats(1e-3, 1e5),
        moneyness=st.floats(-3.0, 3.0),
        years=st.floats(2e-6, 6.0),
        vol=st.floats(1e-4, 6.0),
        rate=st.floats(-0.2, 0.3),
        borrow=st.floats(-0.2, 0.5),
        shares=st.lists(st.tuples(st.floats(1e-4, 1.2), st.floats(0.0, 0.3)), max_size=4),
        is_american=st.booleans(),
    )
    def test_finite_input_gives_finite_output(
        self,
        spot: float,
        moneyness: float,
        years: float,
        vol: float,
        rate: float,
        borrow: float,
        shares: list[tuple[float, float]],
        is_american: bool,
    ) -> None:
        schedule = DividendSchedule(tuple(Dividend(t * years, a * spot) for t, a in shares))
        forward = schedule.forward(spot=spot, expiry_years=years, rate=rate, borrow=borrow)
        strike = spot * np.exp(moneyness)
        found = dividend_greeks(
            spot=spot,
            strike=strike,
            expiry_years=years,
            vol=vol,
            rate=rate,
            borrow=borrow,
            is_call=np.array([True, False]),
            is_american=is_american,
            schedule=schedule,
            nodes=81,
            steps=40,
        )
        if np.isnan(forward):
            assert np.isnan(found.price).all()
            return
        for column in found[:-1]:
            assert np.isfinite(column).all()
        assert np.all(found.price >= 0)
        if is_american:
            assert np.all(
                found.price >= np.maximum([spot - strike, strike - spot], 0) * (1 - 1e-12)
            )

    @settings(max_examples=60, deadline=None)
    @given(
        numbers=st.lists(st.floats(), min_size=6, max_size=6),
        dividend=st.tuples(
            st.floats(0, exclude_min=True, allow_infinity=False),
            st.floats(0, allow_infinity=False),
        ),
        is_call=st.booleans(),
    )
    def test_any_doubles_give_a_whole_row_or_none(
        self, numbers: list[float], dividend: tuple[float, float], is_call: bool
    ) -> None:
        usual = [100.0, 95.0, 0.5, 0.3, 0.03, 0.01]
        # Row i has the i-th odd number among usual ones; the last row is odd throughout.
        rows = np.tile(usual, (7, 1))
        np.fill_diagonal(rows, numbers)
        rows[6] = numbers
        spot, strike, years, vol, rate, borrow = rows.T
        given = terms(
            spot=spot,
            strike=strike,
            expiry_years=years,
            rate=rate,
            borrow=borrow,
            is_call=is_call,
            schedule=DividendSchedule((Dividend(*dividend),)),
            nodes=41,
            steps=12,
        )
        del given["vol"]
        found = dividend_greeks(vol=vol, **given)
        whole = np.isfinite(np.stack(found[:-1])).all(axis=0)
        assert np.all(whole | np.isnan(np.stack(found[:-1])).all(axis=0))
        solved = dividend_implied_vol(price=vol, **given)
        assert np.all(np.isfinite(solved.vol) == (solved.status == IvStatus.OK))


@pytest.fixture(autouse=True)
def _quantlib_date_afterwards() -> Iterator[None]:
    before = QuantLib.Settings.instance().evaluationDate
    yield
    QuantLib.Settings.instance().evaluationDate = before
