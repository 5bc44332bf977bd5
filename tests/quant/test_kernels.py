"""Every implementation that this machine has gives the same numbers, and one of them can be forced.

Rows are drawn over all that a market quotes and beyond; blocks mix near and far strikes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optix.quant import black_scholes, kernels
from optix.quant.arrays import FloatArray
from optix.quant.implied_vol import IvStatus, implied_vol

OTHERS = kernels.available()[1:]
ROWS = 5003  # no multiple of a block or a vector


def book() -> dict[str, Any]:
    draw = np.random.default_rng(20261122)
    years = np.exp(draw.uniform(np.log(2e-6), np.log(10.0), ROWS))
    vol = np.exp(draw.uniform(np.log(0.01), np.log(4.0), ROWS))
    forward = np.exp(draw.uniform(np.log(0.01), np.log(1e5), ROWS))
    distance = draw.normal(size=ROWS) * 3.0
    distance[::10] = 0.0
    return {
        "forward": forward,
        "strike": forward * np.exp(distance * vol * np.sqrt(years)),
        "expiry_years": years,
        "vol": vol,
        "rate": draw.normal(size=ROWS) * 0.05,
        "is_call": draw.random(ROWS) < 0.5,
    }


def close(found: FloatArray, expected: FloatArray, tolerance: float) -> None:
    """Relative to the value, or to the typical size of the column where signs cancel."""
    scale = np.abs(expected) + 1e-3 * np.median(np.abs(expected))
    assert np.nanmax(np.abs(found - expected) / scale) < tolerance


@pytest.mark.parametrize("name", OTHERS)
class TestAgreement:
    def test_prices(self, name: str, use_kernel: Callable[[str], None]) -> None:
        best = black_scholes.price(**book())
        use_kernel(name)
        np.testing.assert_allclose(black_scholes.price(**book()), best, rtol=2e-12, atol=1e-290)

    @pytest.mark.parametrize("known", [{}, {"dividend_yield": 0.013}], ids=["forward", "yield"])
    def test_greeks(
        self, name: str, known: dict[str, Any], use_kernel: Callable[[str], None]
    ) -> None:
        terms = book()
        if known:
            growth = (terms["rate"] - 0.013) * terms["expiry_years"]
            terms["spot"] = terms["forward"] / np.exp(growth)
        else:
            terms["spot"] = terms["forward"] * 0.99
        best = black_scholes.greeks(**terms, **known)
        use_kernel(name)
        again = black_scholes.greeks(**terms, **known)
        for one, other in zip(again, best, strict=True):
            close(one, other, 1e-9)

    def test_volatilities_and_their_statuses(
        self, name: str, use_kernel: Callable[[str], None]
    ) -> None:
        terms = book()
        price = black_scholes.price(**terms)
        price[::50] *= 1.0 + 1e-3
        price[1::50] = np.nan
        price[2::50] = terms["forward"][2::50] * 1e3
        price[3::50] = 0.0
        del terms["vol"]
        best = implied_vol(price=price, **terms)
        use_kernel(name)
        again = implied_vol(price=price, **terms)
        # Where the price has lost its time value, its last place decides between two reasons.
        differs = again.status != best.status
        assert differs.mean() < 0.01
        both = (best.status == IvStatus.OK) & ~differs
        assert both.mean() > 0.5
        error = np.abs(again.vol / best.vol - 1.0)[both]
        assert np.median(error) < 1e-15
        # A price deep in the money may hold no digit of the volatility, but it comes back.
        back = black_scholes.price(vol=again.vol, **terms)
        np.testing.assert_allclose(back[both], price[both], rtol=1e-12)


class TestThreads:
    def test_their_number_does_not_change_a_digit(self) -> None:
        terms = book()
        one = black_scholes.greeks(spot=terms["forward"], **terms)
        for threads in (2, 3, 64):
            more = black_scholes.greeks(spot=terms["forward"], threads=threads, **terms)
            assert all(np.array_equal(a, b) for a, b in zip(one, more, strict=True))
        price = black_scholes.price(**terms)
        assert np.array_equal(black_scholes.price(**terms, threads=2), price)
        del terms["vol"]
        found = implied_vol(price=price, **terms)
        again = implied_vol(price=price, threads=2, **terms)
        assert np.array_equal(found.vol, again.vol, equal_nan=True)
        assert np.array_equal(found.status, again.status)


@pytest.mark.skipif(not OTHERS, reason="nothing is compiled here")
class TestNative:
    def test_refuses_columns_of_different_length(self) -> None:
        native = kernels.native()
        assert native is not None
        two, three = np.ones(2), np.ones(3)
        flags, out = np.ones(2, dtype=np.bool_), np.empty(2)
        with pytest.raises(ValueError, match="one entry per row"):
            native.european_price(two, three, two, two, two, flags, out, flags.copy(), 1)

    def test_refuses_a_result_that_lacks_greeks(self) -> None:
        native = kernels.native()
        assert native is not None
        one, flags = np.ones(1), np.ones(1, dtype=np.bool_)
        with pytest.raises(ValueError, match="per Greek"):
            native.european_greeks(
                *(one,) * 6, flags, np.empty(0), np.empty((6, 1)), flags.copy(), 1
            )

    def test_does_not_copy_other_types_silently(self) -> None:
        native = kernels.native()
        assert native is not None
        one, flags = np.ones(1), np.ones(1, dtype=np.bool_)
        with pytest.raises(TypeError):
            native.european_price(
                one.astype(np.float32), one, one, one, one, flags, one, flags.copy(), 1
            )

    def test_refuses_an_instruction_set_that_is_not_there(self) -> None:
        native = kernels.native()
        assert native is not None
        with pytest.raises(ValueError, match="no such instruction set"):
            native.use("abacus")


def spoken(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


class TestChoice:
    code = "from optix.quant import kernels; print(kernels.active(), '|', kernels.describe())"

    def test_the_best_of_the_machine_is_taken(self) -> None:
        assert spoken(self.code, OPTIX_QUANT_KERNEL="").startswith(kernels.available()[0])

    @pytest.mark.parametrize("name", kernels.available())
    def test_a_variable_forces_one(self, name: str) -> None:
        assert spoken(self.code, OPTIX_QUANT_KERNEL=name).startswith(f"{name} |")

    def test_one_that_is_not_there_is_refused(self) -> None:
        said = spoken(self.code, OPTIX_QUANT_KERNEL="abacus")
        assert "This machine has no kernel abacus" in said

    def test_where_nothing_is_compiled_numpy_works_and_says_so(self) -> None:
        hidden = "import sys; sys.modules['optix.quant._native'] = None; "
        said = spoken(hidden + self.code, OPTIX_QUANT_KERNEL="")
        assert said.startswith("numpy | NumPy, because no kernels are compiled here")

    def test_forced_numpy_says_that_it_was_asked_for(
        self, use_kernel: Callable[[str], None]
    ) -> None:
        use_kernel(kernels.NUMPY)
        assert kernels.native() is None
        expected = kernels.VARIABLE if OTHERS else "no kernels"
        assert expected in kernels.describe()


def test_the_core_loads_nothing_of_the_product() -> None:
    code = (
        "import sys; import optix.quant; "
        "print(sorted(name for name in sys.modules if name.startswith('optix.') "
        "and not name.startswith('optix.quant')))"
    )
    assert spoken(code).strip() == "[]"
