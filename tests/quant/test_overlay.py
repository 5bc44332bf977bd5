"""Overlays: a density that is never negative, nothing changed outside, nothing crossed."""

from __future__ import annotations

import numpy as np
import pytest
from tests.quant.surfaces import YEARS, calm_slices, quotes_of
from tests.quant.test_surface import humped

from optix.quant import overlay, svi
from optix.quant.surface import fit_surface


def laid() -> tuple[overlay.Overlay, np.ndarray]:
    surface = fit_surface(humped())
    entry = surface.overlays[0]
    assert entry is not None
    return entry, surface.slices[0]


def calls(entry: overlay.Overlay, slice_: np.ndarray, strike: np.ndarray) -> np.ndarray:
    """Return call prices at all strikes, by parity below the money."""
    k = np.log(strike)
    return overlay.price(entry, slice_, k) + np.maximum(1.0 - strike, 0.0)


def test_butterflies_have_no_negative_value() -> None:
    entry, slice_ = laid()
    strike = np.linspace(0.9, 1.06, 3001)
    value = calls(entry, slice_, strike)
    assert np.diff(value).max() <= 0
    assert np.diff(value, 2).min() >= -1e-15


def test_calls_and_puts_meet_at_the_forward() -> None:
    entry, slice_ = laid()
    both = overlay.price(entry, slice_, np.array([-1e-12, 0.0]))
    assert both[0] == pytest.approx(both[1], rel=1e-9)


def test_the_correction_has_no_mass_and_no_mean() -> None:
    entry, _ = laid()
    mass = np.trapezoid(entry.height, entry.node)
    steps = np.diff(entry.node)
    left, right = entry.height[:-1], entry.height[1:]
    mean = steps * (entry.node[:-1] * (2 * left + right) + entry.node[1:] * (left + 2 * right)) / 6
    assert abs(mass) < 1e-9 * np.abs(entry.height).max()
    assert abs(mean.sum()) < 1e-9 * np.abs(entry.height).max()


def test_outside_its_nodes_the_slice_is_what_it_was() -> None:
    entry, slice_ = laid()
    ends = np.log(entry.node[[0, -1]]) + np.array([-1e-6, 1e-6])
    w = overlay.total_variance(entry, slice_, ends)
    assert w == pytest.approx(svi.total_variance(slice_[np.newaxis], ends)[0], rel=1e-12)


def test_quotes_of_pure_noise_leave_a_density_and_no_crossing() -> None:
    random = np.random.default_rng(5)
    noise = random.normal(0, 0.03, (len(YEARS), 41))
    surface = fit_surface(quotes_of(calm_slices(), shift=noise))
    found = [index for index, entry in enumerate(surface.overlays) if entry is not None]
    assert found
    for index in found:
        entry = surface.overlays[index]
        assert entry is not None
        strike = np.linspace(entry.node[0], entry.node[-1], 4001)
        assert np.diff(calls(entry, surface.slices[index], strike), 2).min() >= -1e-15
    assert overlay.count_crossings(surface.overlays, surface.slices) == 0


def test_overlays_that_lean_on_each_other_go_when_one_cannot_stand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The last resort: a later overlay that is always below the earlier one is not kept."""
    usual = overlay._Problem.keep_above
    monkeypatch.setattr(overlay._Problem, "keep_above", lambda *_: None)
    quotes = humped(rows=1)
    surface = fit_surface(quotes)
    assert overlay.count_crossings(surface.overlays, surface.slices) == 0
    monkeypatch.setattr(overlay._Problem, "keep_above", usual)


def test_a_crossing_is_counted() -> None:
    entry, slice_ = laid()
    tall = entry._replace(height=np.zeros_like(entry.height))
    same = np.stack((slice_, slice_ * np.array([0.9, 0.9, 0.9, 1.0, 1.0])))
    assert overlay.count_crossings((tall, tall), same) == 1
    assert overlay.count_crossings((None, None), same) == 0  # of SVI slices alone it says nothing


def test_too_few_quotes_make_no_overlay() -> None:
    quotes = humped()
    weight = quotes.weight.copy()
    weight[0, overlay.QUOTES_MIN - 1 :] = 0.0
    chosen = np.arange(len(YEARS)) == 0
    laid_now = overlay.fit_overlays(quotes._replace(weight=weight), calm_slices(), chosen)
    assert laid_now[0] is None


@pytest.mark.parametrize("seed", range(5))
def test_the_bounded_least_squares_are_the_least(seed: int) -> None:
    """No feasible step improves: the slope is nothing where x > 0 and not negative elsewhere."""
    random = np.random.default_rng(seed)
    design = random.normal(size=(60, 25))
    target = random.normal(size=60)
    normal, right = design.T @ design, design.T @ target
    x = overlay._non_negative(normal, right, np.ones(25))
    slope = normal @ x - right
    assert (x >= 0).all()
    assert np.abs(slope[x > 1e-9]).max() < 1e-6
    assert slope[x <= 1e-9].min() > -1e-6
