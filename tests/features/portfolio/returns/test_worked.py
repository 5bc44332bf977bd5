"""Returns against a data set whose arithmetic is written out beside it, and against SciPy."""

from __future__ import annotations

import math
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from scipy.optimize import brentq

from optix.features.portfolio.returns.daily import period_returns, time_weighted
from optix.features.portfolio.returns.money_weighted import (
    modified_dietz,
    money_weighted,
    xirr,
)
from optix.features.portfolio.returns.risk import drawdowns, growth
from optix.features.portfolio.returns.values import Flow, PeriodReturn, ValuedDay

WORKED: dict[str, Any] = tomllib.loads(
    (Path(__file__).parent / "worked.toml").read_text(encoding="utf-8")
)
EXACT = 1e-9


def days() -> list[ValuedDay]:
    return [
        ValuedDay(
            day=date.fromisoformat(day),
            value=Decimal(value),
            flows=(Flow(amount=Decimal(flow)),) if Decimal(flow) else (),
        )
        for day, value, flow, _ in WORKED["daily"]["rows"]
    ]


def test_each_day_has_the_return_that_was_worked_out() -> None:
    """Each factor stands in the file with the division that it comes from."""
    wanted = [float(rate) for *_, rate in WORKED["daily"]["rows"] if rate]
    found = [each.rate for each in period_returns(days()) if isinstance(each, PeriodReturn)]
    assert found == pytest.approx(wanted, abs=EXACT)


def test_the_chain_of_days_is_the_product_that_was_worked_out() -> None:
    """The product of four factors, multiplied by hand."""
    figure = time_weighted(days())
    assert figure.value == pytest.approx(float(WORKED["daily"]["time_weighted"]), abs=EXACT)
    assert (figure.first, figure.last, figure.n) == (date(2026, 1, 5), date(2026, 1, 9), 4)


def test_modified_dietz_is_the_quotient_that_was_worked_out() -> None:
    """Weights from the middle of the day, worked out beside the rows."""
    given = WORKED["daily"]
    wanted = float(given["modified_dietz_gain"]) / float(given["modified_dietz_base"])
    assert modified_dietz(days()).value == pytest.approx(wanted, abs=EXACT)


def test_the_only_fall_is_the_one_day_that_lost() -> None:
    """The growth of the rows falls once and is past its peak the day after."""
    returns = [each for each in period_returns(days()) if isinstance(each, PeriodReturn)]
    deepest = drawdowns(growth(returns)).deepest
    assert deepest is not None
    assert deepest.depth == pytest.approx(float(WORKED["daily"]["deepest_drawdown"]), abs=EXACT)
    assert (deepest.peak, deepest.recovered) == (date(2026, 1, 7), date(2026, 1, 9))


@pytest.mark.parametrize("case", WORKED["cash"], ids=lambda case: case["why"])
def test_xirr_finds_the_rate_that_can_be_read_off(case: dict[str, Any]) -> None:
    """Flows whole years apart: the rate is in the sentence."""
    flows = [(date.fromisoformat(day), Decimal(amount)) for day, amount in case["flows"]]
    assert xirr(flows).value == pytest.approx(float(case["rate"]), rel=EXACT, abs=EXACT)


def test_xirr_is_where_scipy_finds_the_definition_to_be_zero() -> None:
    """The five flows of Microsoft's page on XIRR, whose 0.373362535 has nine digits."""
    flows = [
        (date(2008, 1, 1), Decimal(-10000)),
        (date(2008, 3, 1), Decimal(2750)),
        (date(2008, 10, 30), Decimal(4250)),
        (date(2009, 2, 15), Decimal(3250)),
        (date(2009, 4, 1), Decimal(2750)),
    ]

    def worth(rate: float) -> float:
        start = flows[0][0]
        return math.fsum(
            float(amount) * math.pow(1 + rate, -(day - start).days / 365) for day, amount in flows
        )

    found = xirr(flows).value
    assert found == pytest.approx(brentq(worth, -0.9, 10, xtol=1e-14), abs=EXACT)
    assert found == pytest.approx(0.373362535, abs=1e-8)


def test_the_money_weighted_return_of_the_rows_is_where_scipy_finds_it() -> None:
    """Five dates within a week: a rate per year in the millions, which a power still reaches."""
    flows = [(0, -1000.0), (2, -100.0), (3, 60.0), (4, 1250.70)]

    def worth(logarithm: float) -> float:
        return math.fsum(amount * math.exp(-day / 365 * logarithm) for day, amount in flows)

    found = money_weighted(days()).value
    assert found is not None
    logarithm = brentq(worth, -20, 20, xtol=1e-14)
    assert found == pytest.approx(2.718281828459045**logarithm - 1, rel=EXACT)
