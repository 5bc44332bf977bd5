"""Laws of American options over wide terms: bounds, monotonicity, homogeneity, the way back."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from optix.quant import american
from optix.quant.american_rows import AmericanStatus
from optix.quant.implied_vol import IvStatus

YEARS = st.floats(1e-5, 5.0)
VOLS = st.floats(0.02, 3.0)
RATES = st.floats(-0.2, 0.2)
SIDES = st.booleans()
STRIKES = np.geomspace(40.0, 250.0, 13)
TOLERANCE = 1e-3  # of a spot of 100: what the terms at the ends of these ranges cost


def terms_of(years: float, rate: float, dividend_yield: float, is_call: bool) -> dict[str, Any]:
    return {
        "spot": 100.0,
        "strike": STRIKES,
        "expiry_years": years,
        "rate": rate,
        "dividend_yield": dividend_yield,
        "is_call": is_call,
    }


class TestPrices:
    @settings(max_examples=30, deadline=None)
    @given(YEARS, VOLS, RATES, RATES, SIDES)
    def test_lie_between_exercise_and_the_maximum_and_rise_with_vol_and_time(
        self, years: float, vol: float, rate: float, dividend_yield: float, is_call: bool
    ) -> None:
        terms = terms_of(years, rate, dividend_yield, is_call)
        value = american.price(vol=vol, **terms)
        gap = 100.0 - STRIKES if is_call else STRIKES - 100.0
        assert (value >= np.maximum(gap, 0.0)).all()
        top = 100.0 * max(1.0, np.exp(-dividend_yield * years)) if is_call else STRIKES
        top = top if is_call else top * max(1.0, np.exp(-rate * years))
        assert (value <= top + TOLERANCE).all()
        assert (american.price(vol=vol * 1.01, **terms) >= value - TOLERANCE).all()
        later = terms | {"expiry_years": years * 1.01}
        assert (american.price(vol=vol, **later) >= value - TOLERANCE).all()
        rising = 1.0 if not is_call else -1.0
        assert (rising * np.diff(value) >= -TOLERANCE).all()

    @settings(max_examples=20, deadline=None)
    @given(YEARS, VOLS, RATES, RATES, SIDES, st.floats(1e-3, 1e3))
    def test_scale_with_spot_and_strike(
        self,
        years: float,
        vol: float,
        rate: float,
        dividend_yield: float,
        is_call: bool,
        unit: float,
    ) -> None:
        terms = terms_of(years, rate, dividend_yield, is_call)
        scaled = terms | {"spot": 100.0 * unit, "strike": STRIKES * unit}
        np.testing.assert_allclose(
            american.price(vol=vol, **scaled),
            unit * american.price(vol=vol, **terms),
            rtol=1e-9,
            atol=1e-9 * unit,
        )

    @settings(max_examples=15, deadline=None)
    @given(st.floats(0.02, 3.0), st.floats(0.05, 1.5), RATES, RATES, SIDES)
    def test_are_found_again_from_their_volatility(
        self, years: float, vol: float, rate: float, dividend_yield: float, is_call: bool
    ) -> None:
        terms = terms_of(years, rate, dividend_yield, is_call)
        value = american.price(vol=vol, **terms)
        found = american.implied_vol(price=value, **terms)
        solved = found.status == IvStatus.OK
        assert set(found.status[~solved].tolist()) <= {
            IvStatus.NO_TIME_VALUE,
            IvStatus.ABOVE_MAXIMUM,
        }
        again = american.price(vol=np.where(solved, found.vol, vol), **terms)
        np.testing.assert_allclose(again[solved], value[solved], rtol=0, atol=TOLERANCE)
        assert np.isnan(found.vol[~solved]).all()


ANY = st.floats(allow_nan=False, allow_infinity=False)
POSITIVE = st.floats(min_value=1e-300, allow_nan=False, allow_infinity=False)


class TestAnything:
    @settings(max_examples=60, deadline=None)
    @given(POSITIVE, POSITIVE, POSITIVE, POSITIVE, ANY, ANY, SIDES)
    def test_no_finite_option_has_a_nan(
        self,
        spot: float,
        strike: float,
        years: float,
        vol: float,
        rate: float,
        dividend_yield: float,
        is_call: bool,
    ) -> None:
        found = american.greeks(
            spot=spot,
            strike=strike,
            expiry_years=years,
            vol=vol,
            rate=rate,
            dividend_yield=dividend_yield,
            is_call=is_call,
        )
        assert int(found.status) in {AmericanStatus.OK, AmericanStatus.EXERCISED}
        assert not any(np.isnan(column) for column in found[:10])
        assert found.price >= 0.0
