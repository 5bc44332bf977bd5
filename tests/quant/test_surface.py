"""Surfaces: near their quotes, free of arbitrage whatever the quotes, silent where nothing is."""

from __future__ import annotations

import numpy as np
import pytest
from tests.quant.surfaces import YEARS, calm_slices, dense_k, quotes_of, two_outcomes

from optix.quant import arbitrage, black_scholes, svi
from optix.quant.overlay import PRICE_SLACK
from optix.quant.slice_quotes import SliceQuotes
from optix.quant.surface import (
    SliceMethod,
    fit_surface,
    slice_variance,
    surface_violations,
    total_variance,
    vol,
)
from optix.quant.svi_fit import fit_svi


def humped(rows: int = 3, half: float = 0.003) -> SliceQuotes:
    """Return quotes of which the first expiries wait for one of two outcomes."""
    slices = calm_slices()
    deviation = np.sqrt(svi.total_variance(slices, np.zeros((len(slices), 1))))
    span = (-2.6, 2.6)
    k = deviation * np.linspace(*span, 41)
    shift = np.zeros(k.shape)
    for row in range(rows):
        bent = two_outcomes(float(deviation[row, 0]), k[row])
        usual = np.sqrt(svi.total_variance(slices[row : row + 1], k[row])[0])
        shift[row] = (bent - usual) / np.sqrt(YEARS[row])
    return quotes_of(slices, shift=shift, half=half, span=span)


class TestCalmQuotes:
    surface = fit_surface(quotes_of(calm_slices()))

    def test_the_slices_that_were_quoted_come_back(self) -> None:
        assert self.surface.quality.rmse.max() < 2e-4
        assert self.surface.quality.inside == pytest.approx(1.0)
        assert set(self.surface.method.tolist()) <= {SliceMethod.SVI, SliceMethod.SVI_MOVED}

    def test_nothing_allows_arbitrage(self) -> None:
        assert surface_violations(self.surface) == 0

    def test_a_start_from_the_last_fit_gives_the_same(self) -> None:
        again = fit_surface(quotes_of(calm_slices()), start=self.surface.slices)
        k = np.linspace(-0.1, 0.05, 7)
        expected = slice_variance(self.surface, k)
        assert slice_variance(again, k) == pytest.approx(expected, rel=5e-3)

    def test_between_expiries_total_variance_is_linear_in_time(self) -> None:
        middle = 0.5 * (YEARS[3] + YEARS[4])
        ends = total_variance(self.surface, 0.02, YEARS[3:5])
        assert total_variance(self.surface, 0.02, middle) == pytest.approx(ends.mean())

    def test_at_an_expiry_it_is_the_slice(self) -> None:
        w = total_variance(self.surface, -0.05, YEARS)
        expected = slice_variance(self.surface, np.array([-0.05]))[:, 0]
        assert w == pytest.approx(expected)

    @pytest.mark.parametrize("years", [YEARS[0] * 0.99, YEARS[-1] * 1.01])
    def test_nothing_is_extrapolated_in_time(self, years: float) -> None:
        assert np.isnan(vol(self.surface, 0.0, years))

    def test_shapes_broadcast(self) -> None:
        found = vol(self.surface, np.zeros((3, 1)), np.full(2, YEARS[2]))
        assert found.shape == (3, 2)
        assert found == pytest.approx(0.2, abs=1e-3)


class TestNastyQuotes:
    @pytest.mark.parametrize("seed", range(10))
    def test_nothing_allows_arbitrage(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        size = 10.0 ** random.uniform(-3, -0.5)
        noise = random.normal(0, size, (len(YEARS), 41)) + random.normal(0, size, (len(YEARS), 1))
        surface = fit_surface(quotes_of(calm_slices(), shift=noise))
        assert surface_violations(surface) == 0
        g = arbitrage.butterfly_g(surface.slices, dense_k(surface.slices))
        assert g.min() >= -1e-9
        k = np.linspace(-1.5, 1.0, 4001)
        price = black_scholes.price(
            forward=1.0,
            strike=np.exp(k),
            expiry_years=1.0,
            vol=np.sqrt(slice_variance(surface, k)),
            rate=0.0,
            is_call=k >= 0,
        )
        assert np.diff(price, axis=0).min() > -2 * PRICE_SLACK

    def test_terms_that_fall_are_moved_and_say_so(self) -> None:
        falling = calm_slices()
        falling[4:] *= np.array([0.2, 0.2, 0.2, 1.0, 1.0])
        surface = fit_surface(quotes_of(falling), overlay_years=0.0)
        assert surface_violations(surface) == 0
        assert (surface.method != SliceMethod.SVI).any()
        assert surface.quality.inside.min() < 0.5  # such quotes cannot all be met

    def test_the_guard_stands_where_no_slice_is_allowed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The last resort: the ways to an allowed slice are taken away."""
        monkeypatch.setattr("optix.quant.svi_fit._best_allowed", lambda *_: None)
        falling = calm_slices()[::-1].copy()
        guard = calm_slices()
        fit = fit_svi(quotes_of(falling), guard)
        assert fit.fallen_back
        assert fit.slices == pytest.approx(guard)

    def test_three_quotes_make_a_slice(self) -> None:
        quotes = quotes_of(calm_slices())
        weight = quotes.weight.copy()
        weight[2] = 0.0
        weight[2, [15, 25, 30]] = quotes.weight[2, [15, 25, 30]]
        surface = fit_surface(quotes._replace(weight=weight))
        assert surface.quality.quotes[2] == 3
        assert surface.quality.rmse[2] < 0.002
        assert surface_violations(surface) == 0

    def test_one_expiry_alone_is_a_surface(self) -> None:
        surface = fit_surface(quotes_of(calm_slices()[:1], YEARS[:1]))
        assert surface.quality.rmse[0] < 1e-3
        assert surface_violations(surface) == 0


class TestHumps:
    def test_no_svi_slice_has_two_humps(self) -> None:
        plain = fit_surface(humped(), overlay_years=0.0)
        assert plain.quality.inside[:3].max() < 0.7

    def test_an_overlay_holds_them(self) -> None:
        surface = fit_surface(humped())
        assert (surface.method[:3] == SliceMethod.OVERLAY).all()
        assert surface.quality.inside[:3].min() > 0.85
        assert surface.quality.rmse[:3].max() < 0.004
        assert surface_violations(surface) == 0

    def test_only_expiries_up_to_the_given_time_begin_with_one(self) -> None:
        surface = fit_surface(humped(rows=8), overlay_years=YEARS[1])
        assert surface.method[0] == SliceMethod.OVERLAY
        assert surface.overlays[0] is not None


class TestQuality:
    def test_it_names_the_quote_furthest_off(self) -> None:
        shift = np.zeros((len(YEARS), 41))
        shift[3, 30] = 0.05
        quotes = quotes_of(calm_slices(), shift=shift)
        surface = fit_surface(quotes, overlay_years=0.0)
        assert surface.quality.worst_k[3] == pytest.approx(quotes.k[3, 30])
        assert surface.quality.worst[3] == pytest.approx(-0.05, abs=0.01)

    def test_an_expiry_without_quotes_has_none(self) -> None:
        quotes = quotes_of(calm_slices())
        weight = quotes.weight.copy()
        weight[3] = 0.0
        quality = fit_surface(quotes._replace(weight=weight)).quality
        assert quality.quotes[3] == 0
        assert np.isnan(quality.rmse[3])
        assert np.isnan(quality.worst_k[3])
