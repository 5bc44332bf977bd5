"""Matrices against legs that are priced one by one at each point."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.features.portfolio.test_greeks import BETAS, BOOK, book
from tests.fixtures.broker_books import option, position, stock
from tests.fixtures.marked import WrittenMarks, holding_of, marks_of, valued

from optix.features.portfolio.axes import AxisUnreadable, axes_of
from optix.features.portfolio.comovement import Beta
from optix.features.portfolio.scenarios import Axes, copied, scenarios_of
from optix.features.portfolio.valuing import Valuer
from optix.kernel import limits

__all__ = ["book"]
AXES = Axes(spot=(-0.1, 0.0, 0.05), vol=(-0.05, 0.0, 0.1), days=(0.0, 14.0, 40.0))
AMERICAN = 2e-7  # of the strike: what families of boundaries are apart from options alone


def alone(valuer: Valuer, key: str, *, factor: float, shift: float, days: float) -> float:
    """Price one contract at one point; past its expiry it is worth what exercise pays."""
    marks = valuer.marks
    assert isinstance(marks, WrittenMarks)
    row = marks.rows[key]
    vol = BOOK[key][1] + shift
    if days < BOOK[key][2]:
        return float(marks.alone(key, vol, factor=factor, days=days).price)
    paid = marks.columns.terms[3, row] * factor - marks.columns.strike[row]
    return max(float(paid if marks.columns.is_call[row] else -paid), 0.0)


class TestMatrix:
    @pytest.mark.parametrize("key", list(BOOK))
    def test_every_leg_gains_what_it_gains_alone(self, book: Valuer, key: str) -> None:
        """European legs to 1e-10 of the strike; American ones as their families are accurate."""
        still = copied(book)
        units = np.zeros(len(still.names))
        units[book.marks.rows[key]] = 100.0
        found = scenarios_of(replace(still, units=units), AXES)
        (gains,) = found.gains.values()
        row = book.marks.rows[key]
        strike = float(book.marks.columns.strike[row])
        near = AMERICAN if book.marks.columns.american[row] else 1e-10
        now = alone(book, key, factor=1.0, shift=0.0, days=0.0)
        for d, days in enumerate(AXES.days):
            for v, shift in enumerate(AXES.vol):
                for s, spot in enumerate(AXES.spot):
                    then = alone(book, key, factor=1.0 + spot, shift=shift, days=days)
                    assert gains[d, v, s] == pytest.approx(
                        100 * (then - now), abs=100 * strike * near
                    )
        assert found.value == pytest.approx(100 * now, abs=100 * strike * near)

    def test_the_whole_is_the_sum_of_its_legs(self, book: Valuer) -> None:
        still = copied(book)
        whole = sum(scenarios_of(still, AXES).gains.values())
        parts = np.zeros((3, 3, 3))
        for row in np.flatnonzero(still.units).tolist():
            units = np.zeros_like(still.units)
            units[row] = still.units[row]
            parts += sum(scenarios_of(replace(still, units=units), AXES).gains.values())
        np.testing.assert_allclose(whole, parts, rtol=1e-6, atol=1e-2)

    def test_a_point_without_now_is_against_the_same_value(self, book: Valuer) -> None:
        still = copied(book)
        whole = scenarios_of(still, AXES)
        apart = scenarios_of(still, replace(AXES, spot=(-0.1, 0.05)))
        for symbol, gains in apart.gains.items():
            np.testing.assert_allclose(gains, whole.gains[symbol][:, :, [0, 2]], atol=0.05)

    def test_shares_gain_their_move_and_beta_links_it(self, book: Valuer) -> None:
        holding = holding_of([position(stock("XYZ"), "10")])
        marks = marks_of(holding)
        marks.quote("SPY", 600.0)
        marks.quote("XYZ", 50.0)
        still = copied(valued(holding, marks))
        axes = Axes((-0.1, 0.0), (0.0,), (0.0,))
        assert scenarios_of(still, axes).gains["XYZ"].ravel().tolist() == [-50.0, 0.0]
        linked = scenarios_of(still, axes, {**BETAS, "XYZ": Beta(1.5, 0.5, 252)})
        assert linked.gains["XYZ"].ravel() == pytest.approx([-75.0, 0.0])
        lacking = scenarios_of(still, axes, BETAS)
        assert (dict(lacking.gains), lacking.legs[0].reason) == ({}, "no_beta")

    def test_each_leg_says_its_model_or_why_it_has_none(self, book: Valuer) -> None:
        models = {leg.symbol: leg.model for leg in scenarios_of(copied(book), AXES).legs}
        assert models["SPY"] == "shares"
        assert models["SPY261218C00600000"] == "american"
        assert models["SPXW261218C06100000"] == "european"
        holding = holding_of([position(option("SPY261218C00600000"), "1")])
        marks = marks_of(holding)
        marks.quote("SPY", 600.0)
        marks.list("SPY261218C00600000", bid=1.0, ask=1.1, status="no_forward")
        (leg,) = scenarios_of(copied(valued(holding, marks)), AXES).legs
        assert (leg.model, leg.reason) == ("none", "no_forward")

    def test_opposite_positions_of_two_accounts_are_nothing(self, book: Valuer) -> None:
        holding = holding_of([position(stock(), "10"), position(stock(), "-10")])
        marks = marks_of(holding)
        marks.quote("SPY", 600.0)
        assert scenarios_of(copied(valued(holding, marks)), AXES).gains == {}


class TestAxes:
    def test_are_read_from_texts(self) -> None:
        found = axes_of("-0.1, 0,0.1", "", "0,7")
        assert (found.spot, found.vol, found.days) == (
            *((-0.1, 0.0, 0.1), (-0.05, 0.0, 0.05)),
            (0.0, 7.0),
        )

    @pytest.mark.parametrize("text", ["x", "nan", "1,,2", "-1", "inf", "11"])
    def test_what_is_no_axis_is_refused(self, text: str) -> None:
        with pytest.raises(AxisUnreadable):
            axes_of(text, "", "")

    @pytest.mark.parametrize(
        ("place", "most"),
        [
            (0, limits.SCENARIO_SPOTS_MAX),
            (1, limits.SCENARIO_VOLS_MAX),
            (2, limits.SCENARIO_DAYS_MAX),
        ],
    )
    def test_have_so_many_points_at_the_most(self, place: int, most: int) -> None:
        texts = ["", "", ""]
        texts[place] = ",".join(["0"] * most)
        axes_of(*texts)
        texts[place] += ",0"
        with pytest.raises(AxisUnreadable, match=f"more than {most}"):
            axes_of(*texts)
