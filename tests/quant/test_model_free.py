"""The Cboe's strip: flat vols give their square, two zero bids end it, 30 days by minutes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optix.quant import black_scholes
from optix.quant.model_free import MINUTES_30_DAYS, StripStatus, index_level, strip_variance

YEARS = 30 / 365


def strip(strike: np.ndarray, *, vol: float = 0.2, forward: float = 100.0, **given: Any) -> Any:
    call, put = (
        black_scholes.price(
            forward=forward,
            strike=strike,
            expiry_years=YEARS,
            vol=vol,
            rate=0.04,
            is_call=side,
        )
        for side in (True, False)
    )
    columns = {"call_bid": call, "call_ask": call, "put_bid": put, "put_ask": put} | given
    return strip_variance(strike=strike, expiry_years=YEARS, rate=0.04, **columns)


def test_flat_vols_give_their_square_as_strikes_become_dense_and_wide() -> None:
    errors = []
    for step in (2.0, 1.0, 0.5, 0.25, 0.125):
        found = strip(np.arange(40.0, 260.0, step))
        assert found.status is StripStatus.OK
        errors.append(abs(found.variance / 0.04 - 1))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-4


@pytest.mark.parametrize("forward", [99.4, 100.0, 100.6])
def test_forward_and_its_strike_are_found(forward: float) -> None:
    found = strip(np.arange(80.0, 121.0), forward=forward)
    assert found.forward == pytest.approx(forward, abs=1e-9)
    assert found.strike_at == np.floor(forward)


def test_two_zero_bids_in_a_row_end_the_strip_and_one_does_not() -> None:
    strike = np.arange(80.0, 121.0)
    bid = strip_bids(strike)
    bid[[4, 9, 10]] = 0.0  # 84, and 89 with 90
    found = strip(strike, put_bid=bid)
    assert found.strike_low == 91.0
    bid[10] = 1.0
    found = strip(strike, put_bid=bid)
    assert found.strike_low == 80.0
    assert found.options == len(strike) - 2


def strip_bids(strike: np.ndarray) -> np.ndarray:
    return black_scholes.price(
        forward=100.0, strike=strike, expiry_years=YEARS, vol=0.2, rate=0.04, is_call=False
    )


def test_the_ends_have_the_whole_distance_to_their_neighbour() -> None:
    """By hand, on three strikes around a forward of 100."""
    strike = np.array([90.0, 100.0, 110.0])
    call, put = np.array([11.0, 3.0, 0.5]), np.array([0.4, 3.0, 10.6])
    found = strip_variance(
        strike=strike,
        call_bid=call,
        call_ask=call,
        put_bid=put,
        put_ask=put,
        expiry_years=0.1,
        rate=0.0,
    )
    total = 10 / 90**2 * 0.4 + 10 / 100**2 * 3.0 + 10 / 110**2 * 0.5
    assert found.variance == pytest.approx(20 * total)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"call_bid": np.zeros(3)}, StripStatus.NO_PAIR),
        ({"put_bid": np.array([0.0, 2.0, 2.0])}, StripStatus.TOO_FEW),
    ],
    ids=["no pair", "too few"],
)
def test_what_is_missing_is_said(given: dict[str, Any], status: StripStatus) -> None:
    found = strip(np.array([90.0, 100.0, 110.0]), **given)
    assert found.status is status
    assert np.isnan(found.variance)


def test_a_settled_expiry_has_no_strip() -> None:
    ones = np.ones(3)
    found = strip_variance(
        strike=[1.0, 2.0, 3.0],
        call_bid=ones,
        call_ask=ones,
        put_bid=ones,
        put_ask=ones,
        expiry_years=0.0,
        rate=0.0,
    )
    assert found.status is StripStatus.EXPIRED


def test_strikes_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="ascending"):
        strip(np.array([100.0, 90.0, 110.0]))


def test_the_index_weighs_total_variances_by_minutes() -> None:
    near, far = strip(np.arange(40.0, 260.0), vol=0.2), strip(np.arange(40.0, 260.0), vol=0.3)
    minutes = 23 * 1440, 37 * 1440
    level = index_level(near, far, near_minutes=minutes[0], following_minutes=minutes[1])
    assert level.weight_near == pytest.approx(0.5)
    total = 0.5 * (near.variance * minutes[0] + far.variance * minutes[1])
    assert level.level == pytest.approx(100 * np.sqrt(total / MINUTES_30_DAYS))


def test_the_near_expiry_must_come_first() -> None:
    near = strip(np.arange(40.0, 260.0))
    with pytest.raises(ValueError, match="before"):
        index_level(near, near, near_minutes=100.0, following_minutes=100.0)
