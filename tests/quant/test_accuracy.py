"""Accuracy over tables of exact values, by the same program that `make bench` runs.

The recorded table has 50-digit prices and Greeks; the small one here is made of the golden values,
and is spoilt on purpose to show that the program sees it.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import mpmath
import numpy as np
import pytest
from benchmarks import quant_accuracy
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fixtures.recorded import recorded
from tests.quant.golden_black import GOLDEN

from optix.quant import black_scholes, kernels
from optix.quant.black_scholes import AllGreeks

# ∂^(S, v, t, r) of the price for each Greek, t being the calendar: minus the time to expiry.
ORDERS = {
    "price": (0, 0, 0, 0),
    "delta": (1, 0, 0, 0),
    "gamma": (2, 0, 0, 0),
    "theta": (0, 0, 1, 0),
    "vega": (0, 1, 0, 0),
    "rho": (0, 0, 0, 1),
    "vanna": (1, 1, 0, 0),
    "charm": (1, 0, 1, 0),
    "vomma": (0, 2, 0, 0),
    "speed": (3, 0, 0, 0),
    "zomma": (2, 1, 0, 0),
    "color": (2, 0, 1, 0),
}


def exact(name: str, terms: tuple[float, ...], *, is_call: bool) -> float:
    """Return a Greek from the closed formula, differentiated numerically at 60 digits."""
    S, K, T, v, r, q = (mpmath.mpf(term) for term in terms)
    sign = 1 if is_call else -1

    def value(spot: mpmath.mpf, vol: mpmath.mpf, now: mpmath.mpf, rate: mpmath.mpf) -> mpmath.mpf:
        left = T - now
        s = vol * mpmath.sqrt(left)
        d1 = (mpmath.log(spot / K) + (rate - q) * left) / s + s / 2
        share = spot * mpmath.exp(-q * left) * mpmath.ncdf(sign * d1)
        return sign * (share - K * mpmath.exp(-rate * left) * mpmath.ncdf(sign * (d1 - s)))

    with mpmath.workdps(60):
        orders = ORDERS[name]
        if not any(orders):
            return float(value(S, v, mpmath.mpf(0), r))
        return float(mpmath.diff(value, (S, v, mpmath.mpf(0), r), orders))


class TestGreeks:
    @settings(max_examples=25, deadline=None)
    @given(
        st.floats(-3.0, 3.0),
        st.floats(1e-3, 3.0),
        st.floats(0.03, 1.5),
        st.floats(-0.02, 0.1),
        st.floats(-0.02, 0.1),
        st.booleans(),
    )
    def test_all_twelve_are_derivatives_of_the_price_at_sixty_digits(
        self, distance: float, T: float, v: float, r: float, q: float, is_call: bool
    ) -> None:
        S = 100.0
        K = S * float(np.exp(distance * v * np.sqrt(T)))
        found = black_scholes.greeks(
            spot=S,
            forward=S * np.exp((r - q) * T),
            strike=K,
            expiry_years=T,
            vol=v,
            rate=r,
            is_call=is_call,
            dividend_yield=q,
        )
        # Where the terms of a Greek cancel, a part of all of them is what rounding leaves.
        noise = 1e-14 * float(np.abs(np.stack(found)).sum())
        for name in AllGreeks._fields:
            expected = exact(name, (S, K, T, v, r, q), is_call=is_call)
            assert float(getattr(found, name)) == pytest.approx(expected, rel=1e-12, abs=noise)


class TestRecordedTable:
    @pytest.mark.recorded
    @pytest.mark.parametrize("name", kernels.available())
    def test_meets_what_is_asked(self, name: str, use_kernel: Callable[[str], None]) -> None:
        path = recorded("pricing/reference_european_shared.csv")
        use_kernel(name)
        figures = quant_accuracy.accuracy_of(path)
        assert figures["n"] == 1000
        for figure, most in quant_accuracy.AT_MOST.items():
            if figure in figures:
                assert figures[figure] <= most, figure
        # Far inside: a slip of a few digits would still meet the budget.
        assert figures["iv_err_over_attainable_max"] < 5
        assert figures["greeks_rel_err_p99_worst"] < 1e-12


def table(path: Path, **spoilt: float) -> Path:
    """Write the golden rows as a table; `spoilt` factors are applied to columns of the first."""
    rows = []
    for row in GOLDEN:
        terms = (row.spot, row.strike, row.years, row.vol, row.rate, row.dividend_yield)
        names = ("S", "K", "T", "vol", "r", "q")
        line = dict(zip(names, terms, strict=True)) | {"cp": 1 if row.is_call else -1}
        line |= {name: exact(name, terms, is_call=row.is_call) for name in ORDERS}
        line["iv_of_double_price"] = row.vol
        rows.append(line)
    for name, factor in spoilt.items():
        rows[0][name] *= factor
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return path


class TestProgram:
    def test_golden_values_have_no_failure(self, tmp_path: Path) -> None:
        figures = quant_accuracy.accuracy_of(table(tmp_path / "golden.csv"))
        assert figures["n"] == len(GOLDEN)
        assert figures["failures"] == 0
        assert figures["greeks_rel_err_p99_worst"] < 1e-11

    def test_a_wrong_greek_is_seen(self, tmp_path: Path) -> None:
        figures = quant_accuracy.accuracy_of(table(tmp_path / "spoilt.csv", speed=1.01))
        assert figures["greeks_rel_err_p99_worst"] > 1e-3

    def test_a_wrong_volatility_is_seen(self, tmp_path: Path) -> None:
        path = table(tmp_path / "spoilt.csv", iv_of_double_price=1.0 + 1e-9)
        assert quant_accuracy.accuracy_of(path)["iv_err_over_attainable_max"] > 1e3

    def test_a_price_without_a_volatility_is_a_failure(self, tmp_path: Path) -> None:
        figures = quant_accuracy.accuracy_of(table(tmp_path / "spoilt.csv", price=1e6))
        assert figures["failures"] == 1

    def test_a_table_of_another_kind_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "other.csv").write_text("a,b\n1,2\n")
        with pytest.raises(ValueError, match="neither"):
            quant_accuracy.accuracy_of(tmp_path / "other.csv")
