"""Delta strikes invert the delta, measures follow their definitions, nothing is extrapolated."""

from __future__ import annotations

import numpy as np
import pytest
from tests.quant.surfaces import YEARS, calm_slices, quotes_of
from tests.quant.test_surface import humped

from optix.quant import black_scholes
from optix.quant.smile import STRADDLE_SHARE, SmileStatus, atm_vols, delta_strikes, smile_measures
from optix.quant.surface import fit_surface

SURFACE = fit_surface(quotes_of(calm_slices()))
RATE = 0.04


@pytest.mark.parametrize("is_call", [True, False], ids=["call", "put"])
@pytest.mark.parametrize("delta", [0.10, 0.25, 0.5])
def test_the_option_at_the_strike_has_the_delta(delta: float, is_call: bool) -> None:
    spot, forward, discount = 100.0, 100 * np.exp(0.03 * YEARS), np.exp(-RATE * YEARS)
    found = delta_strikes(SURFACE, delta, is_call=is_call, growth=forward * discount / spot)
    assert (found.status == SmileStatus.OK).all()
    greeks = black_scholes.greeks(
        spot=spot,
        forward=forward,
        strike=forward * np.exp(found.k),
        expiry_years=YEARS,
        vol=found.vol,
        rate=RATE,
        is_call=is_call,
    )
    assert np.abs(greeks.delta) == pytest.approx(delta, abs=1e-7)


def test_it_inverts_on_an_overlay_too() -> None:
    surface = fit_surface(humped())
    found = delta_strikes(surface, 0.25, is_call=False)
    greeks = black_scholes.greeks(
        spot=1.0,
        forward=1.0,
        strike=np.exp(found.k),
        expiry_years=YEARS,
        vol=found.vol,
        rate=0.0,
        is_call=False,
    )
    assert greeks.delta == pytest.approx(-0.25, abs=1e-6)


def test_a_strike_beyond_the_quotes_is_not_invented() -> None:
    found = delta_strikes(SURFACE, 1e-6, is_call=True)
    assert (found.status == SmileStatus.OUTSIDE_QUOTES).all()
    assert np.isnan(found.vol).all()
    assert np.isnan(found.k).all()


def test_an_expiry_without_quotes_says_so() -> None:
    quotes = quotes_of(calm_slices())
    weight = quotes.weight.copy()
    weight[1] = 0.0
    surface = fit_surface(quotes._replace(weight=weight))
    assert delta_strikes(surface, 0.25, is_call=True).status[1] == SmileStatus.NO_QUOTES
    assert np.isnan(atm_vols(surface)[1])


@pytest.mark.parametrize("delta", [0.0, 1.0, -0.25])
def test_a_delta_outside_of_nothing_and_one_is_refused(delta: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        delta_strikes(SURFACE, delta, is_call=True)


def test_measures_are_what_their_names_say() -> None:
    forward, discount = 100 * np.exp(0.03 * YEARS), np.exp(-RATE * YEARS)
    told = smile_measures(SURFACE, forward=forward, discount=discount, spot=100.0)
    assert told.atm == pytest.approx(0.2, abs=5e-4)
    assert told.rr25 == pytest.approx(told.call25 - told.put25)
    assert told.fly25 == pytest.approx((told.call25 + told.put25) / 2 - told.atm)
    assert told.put_skew25 == pytest.approx(told.put25 - told.atm)
    assert told.rr10 == pytest.approx(told.call10 - told.put10)
    assert (told.rr25 < 0).all()  # puts of an index cost more
    assert told.expected_move == pytest.approx(100 * told.atm * np.sqrt(YEARS))
    legs = [
        black_scholes.price(
            forward=forward,
            strike=forward,
            expiry_years=YEARS,
            vol=told.atm,
            rate=RATE,
            is_call=side,
        )
        for side in (True, False)
    ]
    assert told.expected_move_straddle == pytest.approx(STRADDLE_SHARE * (legs[0] + legs[1]))
