"""Accuracy of American prices on a table of reference values; called by `quant_accuracy`.

Columns S, K, T, r, q, vol, cp, price_ref and, where there is one, uncert_abs: how far the two
methods behind the reference are apart. Errors are in units of the strike.
"""

from __future__ import annotations

import sys

import numpy as np

from optix.quant import american
from optix.quant.american_family import AmericanFamily
from optix.quant.arrays import FloatArray

Rows = list[dict[str, str]]


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _column(rows: Rows, name: str) -> FloatArray:
    return np.array([float(row[name]) for row in rows])


def _family_prices(rows: Rows) -> FloatArray:
    """Price each row from a family that spans the volatilities of the whole table."""
    vol, is_call = _column(rows, "vol"), _column(rows, "cp") > 0
    terms = list(zip(*(_column(rows, name).tolist() for name in ("r", "q", "T")), strict=True))
    families = {
        (rate, dividend_yield, years): AmericanFamily(
            rate=rate,
            dividend_yield=dividend_yield,
            expiry_years=years,
            vol_min=float(vol.min()),
            vol_max=float(vol.max()),
        )
        for rate, dividend_yield, years in set(terms)
    }
    spot, strike = _column(rows, "S"), _column(rows, "K")
    return np.array(
        [
            float(families[key].price(spot=s, strike=k, vol=v, is_call=side))
            for key, s, k, v, side in zip(terms, spot, strike, vol, is_call, strict=True)
        ]
    )


def _direct_prices(rows: Rows, mode: american.Mode) -> FloatArray:
    return american.price(
        spot=_column(rows, "S"),
        strike=_column(rows, "K"),
        expiry_years=_column(rows, "T"),
        vol=_column(rows, "vol"),
        rate=_column(rows, "r"),
        dividend_yield=_column(rows, "q"),
        is_call=_column(rows, "cp") > 0,
        mode=mode,
    )


def accuracy(rows: Rows) -> dict[str, float]:
    """Return the figures of one table.

    `precise_err_max_k` leaves out rows within the table's own uncertainty; stderr has the greatest
    error of all rows.
    """
    exact, strike = _column(rows, "price_ref"), _column(rows, "K")
    prices = {
        "family": _family_prices(rows),
        "single": _direct_prices(rows, "single"),
        "precise": _direct_prices(rows, "precise"),
    }
    errors: dict[str, FloatArray] = {}
    for mode, found in prices.items():
        error = np.abs(found - exact)
        errors[mode] = np.where(np.isnan(error), np.inf, error)
        p50, p99, worst = np.percentile(errors[mode] / strike, [50, 99, 100])
        _say(f"  {mode:<7} p50 {p50:.1e}, p99 {p99:.1e}, max {worst:.1e} of the strike")
    known = "uncert_abs" in rows[0]
    uncertainty = _column(rows, "uncert_abs") if known else np.zeros(exact.size)
    beyond = np.where(errors["precise"] > uncertainty, errors["precise"] / strike, 0.0)
    failed = ~np.isfinite(np.stack(list(prices.values()))).all(axis=0)
    return {
        "n": len(rows),
        "failures": int(failed.sum()),
        "family_err_max_k": float((errors["family"] / strike).max()),
        "single_err_p99_k": float(np.percentile(errors["single"] / strike, 99)),
        "precise_err_max_k": float(beyond.max()),
    }
