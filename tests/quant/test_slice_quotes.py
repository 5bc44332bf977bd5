"""Padded quotes: rows go to their expiry in order, weights follow spreads, thinning keeps sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optix.quant.slice_quotes import slice_quotes


def made(**given: Any) -> Any:
    columns: dict[str, Any] = {
        "expiry": [1, 0, 1, 1],
        "k": [0.1, 0.0, -0.1, 0.0],
        "vol": [0.21, 0.2, 0.22, 0.2],
        "vol_bid": [0.20, 0.19, 0.21, np.nan],
        "vol_ask": [0.22, 0.21, 0.23, np.nan],
        "years": [0.1, 0.2],
    }
    return slice_quotes(**(columns | given))


def test_rows_go_to_their_expiry_ascending_in_strike() -> None:
    found = made()
    assert found.k.shape == (2, 3)
    assert found.k[1].tolist() == [-0.1, 0.0, 0.1]
    assert found.used.tolist() == [[True, False, False], [True, True, True]]


def test_weights_are_one_over_half_the_spread() -> None:
    assert made().weight[0, 0] == pytest.approx(100.0)


def test_a_quote_without_two_sides_counts_as_the_median_of_its_expiry() -> None:
    assert made().weight[1, 1] == pytest.approx(100.0)


def test_a_locked_quote_does_not_outweigh_all_others() -> None:
    locked = made(vol_bid=[0.21, 0.19, 0.21, 0.19], vol_ask=[0.21, 0.21, 0.23, 0.21])
    assert locked.weight[1].max() == pytest.approx(1000.0)  # a tenth of the median


def test_rows_without_a_vol_are_left_out() -> None:
    assert made(vol=[np.nan, 0.2, 0.22, 0.2]).used.sum() == 3


@pytest.mark.parametrize("years", [[0.2, 0.1], [0.0, 0.1]])
def test_expiries_must_ascend_and_have_time_left(years: list[float]) -> None:
    with pytest.raises(ValueError, match="ascending order"):
        made(years=years)


def test_thinning_joins_neighbours_by_weight() -> None:
    k = np.linspace(-1, 1, 100)
    quotes = slice_quotes(
        expiry=np.zeros(100, dtype=int),
        k=k,
        vol=0.2 + 0.1 * k,
        vol_bid=0.19 + 0.1 * k,
        vol_ask=0.21 + 0.1 * k,
        years=[0.5],
    )
    thin = quotes.thinned(25)
    assert thin.used.sum() == 25
    assert thin.vol[thin.used] == pytest.approx(0.2 + 0.1 * thin.k[thin.used])
    assert (thin.weight**2).sum() == pytest.approx((quotes.weight**2).sum())
    assert quotes.thinned(100) is quotes
