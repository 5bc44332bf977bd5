"""Variance along time: linear in total variance, never beyond the ends, events taken apart."""

from __future__ import annotations

import numpy as np
import pytest

from optix.quant.variance import (
    DAY,
    EventStatus,
    MaturityStatus,
    constant_maturity,
    event_variance,
    forward_variance,
)

YEARS = np.array([7, 14, 30, 60, 91, 182]) / 365


class TestConstantMaturity:
    def test_at_an_expiry_it_is_the_expiry(self) -> None:
        w = np.array([0.2, 0.25, 0.22, 0.21, 0.2, 0.19]) ** 2 * YEARS
        found = constant_maturity(YEARS, w, YEARS)
        assert found.vol == pytest.approx(np.sqrt(w / YEARS))
        assert (found.status == MaturityStatus.OK).all()

    def test_a_flat_term_structure_stays_flat(self) -> None:
        at = np.linspace(YEARS[0], YEARS[-1], 50)
        assert constant_maturity(YEARS, 0.09 * YEARS, at).vol == pytest.approx(0.3)

    def test_between_expiries_total_variance_is_linear(self) -> None:
        w = np.array([0.01, 0.03])
        found = constant_maturity([0.1, 0.3], w, 0.15)
        assert found.vol == pytest.approx(np.sqrt(0.015 / 0.15))

    def test_nothing_is_extrapolated(self) -> None:
        found = constant_maturity(YEARS, 0.09 * YEARS, np.array([1.0, 400.0]) / 365)
        assert np.isnan(found.vol).all()
        assert found.status.tolist() == [MaturityStatus.BEFORE_FIRST, MaturityStatus.AFTER_LAST]

    def test_falling_total_variance_is_flagged_and_not_hidden(self) -> None:
        found = constant_maturity([0.1, 0.2, 0.3], [0.02, 0.01, 0.03], [0.15, 0.25])
        assert found.status.tolist() == [MaturityStatus.NEGATIVE_FORWARD, MaturityStatus.OK]
        assert found.vol[0] == pytest.approx(np.sqrt(0.015 / 0.15))

    def test_unknown_variances_are_left_out(self) -> None:
        w = 0.09 * YEARS
        w[2] = np.nan
        assert constant_maturity(YEARS, w, YEARS[2]).vol == pytest.approx(0.3)
        nothing = constant_maturity(YEARS, np.full(6, np.nan), [0.1])
        assert nothing.status.tolist() == [MaturityStatus.NO_EXPIRIES]

    def test_expiries_out_of_order_are_refused(self) -> None:
        with pytest.raises(ValueError, match="ascending"):
            constant_maturity([0.2, 0.1], [0.1, 0.1], 0.15)


class TestForwardVariance:
    def test_it_is_the_slope_and_a_fall_is_flagged(self) -> None:
        found = forward_variance([0.1, 0.2, 0.4], [0.01, 0.03, 0.02])
        assert found.variance == pytest.approx([0.2, -0.05])
        assert found.negative.tolist() == [False, True]

    def test_expiries_out_of_order_are_refused(self) -> None:
        with pytest.raises(ValueError, match="ascending"):
            forward_variance([0.2, 0.2], [0.1, 0.1])


class TestEvent:
    @pytest.mark.parametrize("move", [0.02, 0.06, 0.15])
    def test_the_move_that_was_put_in_comes_out(self, move: float) -> None:
        behind = YEARS > 20 * DAY
        base = 0.3 - 0.05 * (1 - np.exp(-YEARS)) / YEARS
        w = base**2 * np.where(behind, YEARS - DAY, YEARS) + move**2 * behind
        found = event_variance(YEARS, w, 20 * DAY)
        assert found.status is EventStatus.OK
        assert found.move == pytest.approx(move, rel=0.03)
        assert found.move_expected == pytest.approx(found.move * np.sqrt(2 / np.pi))
        assert found.base_vol == pytest.approx(base, abs=0.004)

    def test_a_day_like_any_other_moves_like_any_other(self) -> None:
        """The event's move holds what that day would have moved anyway."""
        found = event_variance(YEARS, 0.09 * YEARS, 20 * DAY)
        assert found.move == pytest.approx(0.3 * np.sqrt(DAY), rel=1e-6)
        assert found.base_vol == pytest.approx(0.3)

    def test_an_event_behind_all_expiries_cannot_be_seen(self) -> None:
        found = event_variance(YEARS, 0.09 * YEARS, 1.0)
        assert found.status is EventStatus.NO_EVENT
        assert np.isnan(found.move)
        assert found.base_vol == pytest.approx(0.3)

    def test_two_expiries_do_not_tell_base_and_event_apart(self) -> None:
        found = event_variance(YEARS[:2], 0.09 * YEARS[:2], 10 * DAY)
        assert found.status is EventStatus.TOO_FEW
        assert np.isnan(found.move)

    def test_variance_that_is_missing_behind_the_event_is_no_negative_one(self) -> None:
        w = 0.09 * YEARS - 0.001 * (YEARS > 20 * DAY)
        found = event_variance(YEARS, w, 20 * DAY)
        assert found.status is EventStatus.NOT_POSITIVE
        assert found.move == 0.0

    def test_expiries_out_of_order_are_refused(self) -> None:
        with pytest.raises(ValueError, match="ascending"):
            event_variance([0.2, 0.1], [0.1, 0.1], 0.05)
