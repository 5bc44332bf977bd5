"""Laws that hold for every option: parity, bounds, monotone prices, Greeks as slopes, round trips.

Hypothesis looks for a counterexample over wide ranges, whole arrays at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optix.quant import american, black_scholes, kernels
from optix.quant.implied_vol import IvStatus, implied_vol

MONEYNESS = st.floats(-1.5, 1.5)
YEARS = st.floats(60 / 31_536_000, 3.0)
VOLS = st.floats(0.01, 3.0)
RATES = st.floats(-0.02, 0.12)
SIDES = st.booleans()
EPS = float(np.finfo(np.float64).eps)


def terms(moneyness: float, years: float, rate: float, *, is_call: bool = True) -> dict[str, Any]:
    return {
        "forward": 100.0,
        "strike": 100.0 * np.exp(moneyness),
        "expiry_years": years,
        "rate": rate,
        "is_call": is_call,
    }


class TestEuropeanPrices:
    @given(MONEYNESS, YEARS, VOLS, RATES)
    def test_call_less_put_is_the_discounted_forward_less_strike(
        self, moneyness: float, years: float, vol: float, rate: float
    ) -> None:
        chain = terms(moneyness, years, rate) | {"is_call": np.array([True, False])}
        call, put = black_scholes.price(vol=vol, **chain)
        discount = np.exp(-rate * years)
        assert abs(call - put - discount * (100 - chain["strike"])) <= 8 * EPS * (call + put)

    @given(MONEYNESS, YEARS, VOLS, RATES, SIDES)
    def test_prices_stay_between_intrinsic_value_and_the_maximum(
        self, moneyness: float, years: float, vol: float, rate: float, is_call: bool
    ) -> None:
        chain = terms(moneyness, years, rate, is_call=is_call)
        value = float(black_scholes.price(vol=vol, **chain))
        discount, strike = np.exp(-rate * years), chain["strike"]
        sign = 1 if is_call else -1
        assert value >= discount * max(sign * (100 - strike), 0.0) * (1 - 4 * EPS)
        assert value <= discount * (100 if is_call else strike) * (1 + 4 * EPS)

    @given(MONEYNESS, YEARS, RATES, SIDES)
    def test_prices_rise_with_volatility(
        self, moneyness: float, years: float, rate: float, is_call: bool
    ) -> None:
        vols = np.geomspace(0.01, 5.0, 60)
        values = black_scholes.price(vol=vols, **terms(moneyness, years, rate, is_call=is_call))
        assert (np.diff(values) >= -8 * EPS * values[1:]).all()

    @given(YEARS, VOLS, RATES)
    def test_calls_fall_and_puts_rise_with_the_strike_and_both_are_convex(
        self, years: float, vol: float, rate: float
    ) -> None:
        strikes = np.linspace(60, 160, 101)
        chain = terms(0.0, years, rate) | {"strike": strikes, "is_call": [[True], [False]]}
        calls, puts = black_scholes.price(vol=vol, **chain)
        noise = 100 * 8 * EPS
        assert (np.diff(calls) <= noise).all()
        assert (np.diff(puts) >= -noise).all()
        assert (np.diff(calls, 2) >= -4 * noise).all()
        assert (np.diff(puts, 2) >= -4 * noise).all()

    @given(st.floats(-0.5, 0.5), st.floats(0.02, 3.0), st.floats(0.05, 2.0), RATES, RATES, SIDES)
    def test_greeks_are_the_slopes_of_the_price(
        self, moneyness: float, years: float, vol: float, rate: float, drift: float, is_call: bool
    ) -> None:
        strike = 100 * np.exp(moneyness)

        def value(spot: Any = 100.0, t: Any = years, v: Any = vol, r: Any = rate) -> Any:
            return black_scholes.price(
                forward=spot * np.exp((r - rate + drift) * t),
                strike=strike,
                expiry_years=t,
                vol=v,
                rate=r,
                is_call=is_call,
            )

        def slope(name: str, at: float, step: float) -> float:
            return float(value(**{name: at + step}) - value(**{name: at - step})) / (2 * step)

        found = black_scholes.greeks(
            spot=100.0,
            forward=100 * np.exp(drift * years),
            strike=strike,
            expiry_years=years,
            vol=vol,
            rate=rate,
            is_call=is_call,
        )
        for name, argument, at, step in (
            ("delta", "spot", 100.0, 1e-3),
            ("vega", "v", vol, 1e-5),
            ("rho", "r", rate, 1e-5),
            ("theta", "t", years, 1e-5 * years),
        ):
            expected = slope(argument, at, step) * (-1 if name == "theta" else 1)
            scale = abs(expected) + 1e-9 / step  # what rounding does to a difference
            assert abs(float(getattr(found, name)) - expected) <= 1e-4 * scale + 1e-6, name
        step = 0.02
        bend = float(value(spot=100 + step) - 2 * value() + value(spot=100 - step)) / step**2
        assert abs(float(found.gamma) - bend) <= 2e-2 * abs(bend) + 1e-8

    @given(MONEYNESS, YEARS, VOLS, RATES, SIDES, st.integers(-40, 40))
    def test_a_change_of_currency_changes_the_unit_and_nothing_else(
        self, moneyness: float, years: float, vol: float, rate: float, is_call: bool, power: int
    ) -> None:
        chain = terms(moneyness, years, rate, is_call=is_call)
        unit = 2.0**power  # exact, so that the results are too
        scaled = chain | {name: chain[name] * unit for name in ("forward", "strike")}
        found = black_scholes.greeks(spot=99.0, vol=vol, **chain)
        again = black_scholes.greeks(spot=99.0 * unit, vol=vol, **scaled)
        for name, column in found._asdict().items():
            order = {"gamma": -1, "zomma": -1, "color": -1, "speed": -2, "delta": 0}.get(name, 1)
            order = 0 if name in {"vanna", "charm"} else order
            # What passes through numbers below the smallest normal one loses digits on the way.
            np.testing.assert_allclose(
                getattr(again, name), column * unit**order, rtol=1e-12, atol=1e-275
            )

    @given(MONEYNESS, YEARS, VOLS, RATES)
    def test_greeks_of_call_and_put_differ_by_those_of_the_forward(
        self, moneyness: float, years: float, vol: float, rate: float
    ) -> None:
        chain = terms(moneyness, years, rate) | {"is_call": np.array([True, False])}
        found = black_scholes.greeks(spot=100.0, vol=vol, **chain)
        for name in ("gamma", "vega", "vanna", "vomma", "speed", "zomma", "color"):
            call, put = getattr(found, name)
            assert call == pytest.approx(put, rel=1e-12, abs=1e-275), name
        discount = np.exp(-rate * years)
        assert found.delta[0] - found.delta[1] == pytest.approx(discount, rel=1e-12)
        strike_part = discount * years * chain["strike"]
        assert found.rho[0] - found.rho[1] == pytest.approx(strike_part, rel=1e-12)


ANY_POSITIVE = st.floats(min_value=5e-324, allow_infinity=False)
ANY_RATE = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("kernel", sorted({kernels.available()[0], kernels.NUMPY}))
class TestTheWholeRangeOfDoubles:
    @settings(
        max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
    )
    @given(ANY_POSITIVE, ANY_POSITIVE, ANY_POSITIVE, ANY_POSITIVE, ANY_POSITIVE, ANY_RATE, SIDES)
    def test_finite_valid_input_never_gives_nan(
        self,
        kernel: str,
        use_kernel: Callable[[str], None],
        spot: float,
        forward: float,
        strike: float,
        years: float,
        vol: float,
        rate: float,
        is_call: bool,
    ) -> None:
        use_kernel(kernel)
        chain: dict[str, Any] = {
            "forward": forward,
            "strike": strike,
            "expiry_years": years,
            "rate": rate,
            "is_call": is_call,
        }
        value = float(black_scholes.price(vol=vol, **chain))
        assert value >= 0
        found = black_scholes.greeks(spot=spot, vol=vol, **chain)
        assert not np.isnan(np.stack(found)).any()
        for price in (value, spot):
            answer = implied_vol(price=min(price, 1e308), **chain)
            assert np.isfinite(answer.vol) == (answer.status == IvStatus.OK)


class TestImpliedVol:
    @settings(max_examples=300)
    @given(MONEYNESS, YEARS, VOLS, RATES, SIDES)
    def test_gives_back_the_volatility_as_far_as_the_price_holds_it(
        self, moneyness: float, years: float, vol: float, rate: float, is_call: bool
    ) -> None:
        chain = terms(moneyness, years, rate, is_call=is_call)
        found = black_scholes.greeks(spot=100.0, vol=vol, **chain)
        answer = implied_vol(price=found.price, **chain)
        price = float(found.price)
        # Below the smallest normal number a price holds fewer digits.
        digits = max(EPS, float(np.spacing(price)) / price) if price > 0 else 1.0
        per_digit = max(price, 100 * abs(float(found.delta))) / max(float(found.vega) * vol, 1e-300)
        attainable = digits * max(1.0, per_digit)
        status = IvStatus(int(answer.status))
        if status is IvStatus.OK:
            assert abs(answer.vol / vol - 1) <= 50 * attainable
        else:
            # Only prices that lost their time value, or all of it to the ceiling, have none.
            assert status in {IvStatus.NO_TIME_VALUE, IvStatus.ABOVE_MAXIMUM} or (
                status is IvStatus.BELOW_INTRINSIC and attainable > 1e-3
            )
            assert attainable > 1e-3 or float(found.price) == 0.0

    @settings(max_examples=300)
    @given(
        st.floats(allow_nan=True, allow_infinity=True),
        st.floats(allow_nan=True, allow_infinity=True),
        st.floats(allow_nan=True, allow_infinity=True),
        st.floats(-1.0, 10.0),
        SIDES,
    )
    def test_any_input_has_a_number_or_a_reason(
        self, price: float, forward: float, strike: float, years: float, is_call: bool
    ) -> None:
        with np.errstate(all="ignore"):
            found = implied_vol(
                price=price,
                forward=forward,
                strike=strike,
                expiry_years=years,
                rate=0.04,
                is_call=is_call,
            )
        assert np.isfinite(found.vol) == (found.status == IvStatus.OK)
        assert int(found.status) in set(IvStatus)
        if found.status == IvStatus.OK:
            assert found.vol > 0


class TestAmericanPrices:
    @settings(max_examples=60)
    @given(
        st.floats(0.05, 2.0), st.floats(0.08, 0.8), st.floats(0.0, 0.1), st.floats(0.0, 0.08), SIDES
    )
    def test_are_worth_exercise_value_and_the_european_price_at_least(
        self, years: float, vol: float, rate: float, dividend_yield: float, is_call: bool
    ) -> None:
        strikes = np.linspace(60, 160, 51)
        given_terms: dict[str, Any] = {
            "spot": 100.0,
            "strike": strikes,
            "expiry_years": years,
            "rate": rate,
            "dividend_yield": dividend_yield,
            "is_call": is_call,
        }
        value = american.price(vol=vol, **given_terms)
        european = black_scholes.price(
            forward=100 * np.exp((rate - dividend_yield) * years),
            strike=strikes,
            expiry_years=years,
            vol=vol,
            rate=rate,
            is_call=is_call,
        )
        sign = 1 if is_call else -1
        assert (value >= np.maximum(sign * (100 - strikes), 0) - 1e-9).all()
        assert (value >= european - 1e-9).all()
        assert (value <= (100 if is_call else strikes) + 1e-9).all()

        found = american.implied_vol(price=value, **given_terms)
        solved = found.status == IvStatus.OK
        again = american.price(vol=np.where(solved, found.vol, vol), **given_terms)
        np.testing.assert_allclose(again[solved], value[solved], rtol=1e-7, atol=1e-7)
        assert np.isnan(found.vol[~solved]).all()
