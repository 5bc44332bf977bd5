"""Families: prices and Greeks as of the module's functions, within the range they were made for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optix.quant import american, american_kernels
from optix.quant.american_family import AmericanFamily
from optix.quant.american_rows import AmericanStatus
from optix.quant.american_tables import family_tables, many_family_tables

TERMS: dict[str, Any] = {"rate": 0.04, "dividend_yield": 0.015, "expiry_years": 0.5}
STRIKES = np.linspace(70.0, 140.0, 29)
VOLS = np.linspace(0.12, 0.78, 29)


def family(**changes: Any) -> AmericanFamily:
    return AmericanFamily(**({**TERMS, "vol_min": 0.1, "vol_max": 0.8} | changes))


class TestFamily:
    @pytest.mark.parametrize("is_call", [True, False])
    @pytest.mark.parametrize(
        ("rate", "dividend_yield"),
        [(0.04, 0.015), (0.0, 0.03), (0.03, 0.0), (0.01, 0.06), (-0.01, -0.04), (0.0, -0.02)],
    )
    def test_prices_are_those_of_precise_single_options(
        self, *, is_call: bool, rate: float, dividend_yield: float
    ) -> None:
        made = family(rate=rate, dividend_yield=dividend_yield)
        book: dict[str, Any] = {"spot": 100.0, "strike": STRIKES, "vol": VOLS, "is_call": is_call}
        exact = american.price(
            **book,
            rate=rate,
            dividend_yield=dividend_yield,
            expiry_years=0.5,
            mode="precise",
        )
        np.testing.assert_allclose(made.price(**book), exact, rtol=0, atol=1.5e-7 * 100)
        np.testing.assert_allclose(made.greeks(**book).price, exact, rtol=0, atol=1.5e-7 * 100)

    def test_greeks_are_those_of_the_function(self) -> None:
        book: dict[str, Any] = {
            "spot": 100.0,
            "strike": STRIKES,
            "vol": VOLS,
            "is_call": STRIKES > 105,
        }
        ours, theirs = family().greeks(**book), american.greeks(**book, **TERMS)
        assert ours.status.tolist() == theirs.status.tolist()
        for mine, other in zip(ours[:10], theirs[:10], strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-4)

    def test_keeps_the_shape_and_says_what_is_invalid(self) -> None:
        found = family().greeks(
            spot=np.array([[100.0], [np.nan]]), strike=[90.0, 300.0], vol=0.2, is_call=False
        )
        assert found.price.shape == (2, 2)
        assert found.status.tolist() == [
            [AmericanStatus.OK, AmericanStatus.EXERCISED],
            [AmericanStatus.INVALID] * 2,
        ]
        assert np.isnan(found.price[1]).all()

    @pytest.mark.parametrize("vol", [0.05, 0.9])
    def test_a_vol_outside_the_range_is_refused(self, vol: float) -> None:
        with pytest.raises(ValueError, match="outside the range"):
            family().price(spot=100.0, strike=100.0, vol=vol, is_call=True)

    @pytest.mark.parametrize(
        "bad",
        [
            {"rate": np.nan},
            {"dividend_yield": np.inf},
            {"expiry_years": 0.0},
            {"vol_min": 0.0},
            {"vol_min": 0.9},
            {"vol_max": np.inf},
        ],
    )
    def test_impossible_terms_are_refused(self, bad: dict[str, float]) -> None:
        with pytest.raises(ValueError, match="finite terms"):
            family(**bad)

    def test_a_range_of_every_width_is_held(self) -> None:
        for low, high in ((0.2, 0.2), (0.2, 0.3), (0.1, 0.6), (0.06, 1.0), (0.05, 3.0), (0.01, 5)):
            made = family(vol_min=low, vol_max=high, rate=0.02, dividend_yield=0.05)
            vol = np.geomspace(low, high, 25)
            book: dict[str, Any] = {"spot": 100.0, "strike": 104.0, "vol": vol, "is_call": False}
            exact = american.price(
                **book, rate=0.02, dividend_yield=0.05, expiry_years=0.5, mode="precise"
            )
            np.testing.assert_allclose(made.price(**book), exact, rtol=0, atol=2e-7 * 104)


class TestManyFamilies:
    def test_are_those_that_are_made_one_by_one(self) -> None:
        """Same rules to the last digits; boundaries as the same polynomials hold them."""
        rate = np.array([0.04, 0.04, 0.01, 0.03])
        dividend_yield = np.array([0.015, 0.0, 0.06, 0.03])
        years = np.array([0.5, 0.02, 2.0, 0.25])
        low, high = np.full(4, 0.1), np.full(4, 0.8)
        by_yield = np.array([False, True, False, True])
        many = many_family_tables(
            rate=rate,
            dividend_yield=dividend_yield,
            years=years,
            vol_min=low,
            vol_max=high,
            rho_by_yield=by_yield,
        )
        for number, found in enumerate(many):
            alone = family_tables(
                rate=rate[number],
                dividend_yield=dividend_yield[number],
                years=years[number],
                vol_min=0.1,
                vol_max=0.8,
                rho_by_yield=bool(by_yield[number]),
                greeks=False,
            )
            np.testing.assert_allclose(found.rule, alone.rule, rtol=1e-13, atol=1e-15)
            moneyness, vol = 100.0 / STRIKES, np.linspace(0.1, 0.8, STRIKES.size)
            price = american_kernels.family_values(found, moneyness, vol, full=False)
            expected = american_kernels.family_values(alone, moneyness, vol, full=False)
            np.testing.assert_allclose(price, expected, rtol=0, atol=1e-7)

    def test_none_are_none(self) -> None:
        nothing = np.zeros(0)
        assert (
            many_family_tables(
                rate=nothing,
                dividend_yield=nothing,
                years=nothing,
                vol_min=nothing,
                vol_max=nothing,
                rho_by_yield=np.zeros(0, np.bool_),
            )
            == []
        )
