"""What has no name. What has one is in the labelled books."""

from __future__ import annotations

import pytest
from tests.features.portfolio.structures.labelled_books import leg_of

from optix.features.portfolio.structures.families import families_of
from optix.features.portfolio.structures.shapes import Part, classify
from optix.features.portfolio.structures.values import Holding, Shape


def shape(*legs: str) -> Shape | None:
    """Return the shape of legs as one, through the parts that grouping makes of them."""
    found = [Holding(asset=asset, quantity=quantity) for asset, quantity in map(leg_of, legs)]
    ((family,), _) = families_of(found)
    parts = [
        Part(part.kind, part.expiry, part.strike, part.quantity * many)
        for part, many in zip(family.parts, family.counts, strict=True)
    ]
    return classify(tuple(parts))


@pytest.mark.parametrize(
    "legs",
    [
        ["1 600C Dec", "1 610C Dec"],
        ["2 600C Dec", "-1 610C Dec"],
        ["1 600C Dec", "-2 600P Dec"],
        ["1 600C Nov", "-1 600C Dec", "1 600C Jan"],
        ["1 590C Dec", "1 600C Dec", "1 610C Dec"],
        ["2 590C Dec", "-1 600C Dec", "3 610C Dec"],
        ["1 580C Dec", "-2 590C Dec", "2 600C Dec", "-1 610C Dec"],
        ["1 580C Dec", "-1 590C Dec", "1 600P Dec", "1 610P Dec"],
        ["1 580C Dec", "-1 620C Dec", "1 580P Dec", "-1 620P Dec"],
        ["1 580C Dec", "-1 590C Dec", "1 550P Dec", "-1 560P Dec"],
        ["100 shares", "-1 620C Dec", "-1 600P Jan"],
        ["100 shares", "1 620C Dec", "1 600P Jan"],
        ["100 shares", "-2 620C Dec", "1 600P Dec"],
        ["100 shares", "-1 620C Dec", "1 600P Dec", "1 590P Dec"],
        ["100 shares", "-1 620C Dec", "1 630C Dec"],
        ["-1 580P Dec", "-1 570C Dec", "1 590C Dec"],
        ["-1 600C Nov", "1 600C Dec", "-1 610C Dec", "1 620C Dec"],
        ["-1 600C Nov", "1 600C Dec", "-1 610C Nov", "-1 610C Dec"],
        ["-1 600C Nov", "1 610C Dec", "-1 610C Nov", "1 620C Dec"],
        ["-1 600C Nov", "1 600C Dec", "1 580P Nov", "-1 580P Dec"],
        ["-1 600C Nov", "1 600P Dec"],
    ],
)
def test_these_legs_have_no_common_name(legs: list[str]) -> None:
    assert shape(*legs) is None


@pytest.mark.parametrize(
    ("legs", "expected"),
    [
        (["-1 580C Dec", "-1 620P Dec"], Shape.SHORT_GUTS),
        (["-2 600C Dec", "-1 600P Dec"], Shape.SHORT_STRADDLE),
        (["300 shares", "-1 620C Dec"], Shape.COVERED_CALL),
        (["-1 600C Nov", "3 600C Dec"], Shape.CALENDAR),
        (["1 600P Dec", "-1 580P Dec", "-1 560P Dec"], Shape.LADDER),
        (["-1 600C Dec", "1 590P Dec", "-1 600P Dec"], Shape.BIG_LIZARD),
        (["1 600P Dec", "-1 580P Dec", "-1 620C Dec"], Shape.SEAGULL),
    ],
)
def test_rarer_names(legs: list[str], expected: Shape) -> None:
    assert shape(*legs) is expected


def test_how_often_a_shape_is_held_changes_nothing() -> None:
    """By seven times the same proportions."""
    assert shape("7 590C Dec", "-14 600C Dec", "7 610C Dec") is Shape.LONG_BUTTERFLY
