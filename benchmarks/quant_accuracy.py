"""Accuracy of the quant core on a table of exact values.

`make -s bench NAME=quant_accuracy FILE=…`: the header of the CSV says what it is, European with
`iv_of_double_price` (columns S, K, T, r, q, vol, cp, the price, eleven Greeks), American with
`price_ref`. The last line of stdout is one JSON object; the exit code is 1 when a figure misses
what docs/budgets.md asks.

A volatility counts where the price holds it: attainable accuracy, what half a unit in the last
place of the price or the forward moves it, is better than 1e-3. Errors are in units of that.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import json
import sys
from pathlib import Path
from typing import Final

import numpy as np

from optix.quant import black_scholes, kernels
from optix.quant.arrays import BoolArray, FloatArray
from optix.quant.black_scholes import AllGreeks
from optix.quant.implied_vol import IvStatus, implied_vol

EPS: Final = float(np.finfo(np.float64).eps)
ATTAINABLE_MAX: Final = 1e-3
WRONG: Final = 1e200  # finite, so that percentiles stay numbers
EUROPEAN: Final = "iv_of_double_price"
AMERICAN: Final = "price_ref"
AT_MOST: Final[dict[str, float]] = {
    "failures": 0.0,
    "iv_err_over_attainable_max": 25.0,
    "iv_err_over_attainable_p99": 2.5,
    "greeks_rel_err_p99_worst": 2e-11,
    "family_err_max_k": 2e-7,
    "single_err_p99_k": 1e-7,
    "precise_err_max_k": 5e-9,
}

Rows = list[dict[str, str]]


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def relative_error(found: FloatArray, exact: FloatArray) -> FloatArray:
    """Return |found/exact − 1|, and WRONG where there is no number, or one in place of 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.abs(found / exact - 1.0)
    error = np.where(exact == 0.0, np.where(found == 0.0, 0.0, WRONG), error)
    return np.where(np.isfinite(error), error, WRONG)


def european(rows: Rows) -> dict[str, float]:
    def column(name: str) -> FloatArray:
        return np.array([float(row[name]) for row in rows])

    S, K, T, r, q, v = (column(name) for name in ("S", "K", "T", "r", "q", "vol"))
    is_call: BoolArray = column("cp") > 0
    forward = S * np.exp((r - q) * T)
    price, iv = column("price"), column(EUROPEAN)
    moved = np.maximum(price, np.abs(S * column("delta")))
    with np.errstate(divide="ignore"):
        attainable = EPS * np.maximum(1.0, moved / (column("vega") * v))
    solved = implied_vol(
        price=price, forward=forward, strike=K, expiry_years=T, rate=r, is_call=is_call
    )
    held = attainable < ATTAINABLE_MAX
    error = (relative_error(solved.vol, iv) / attainable)[held]
    found = black_scholes.greeks(
        spot=S,
        forward=forward,
        strike=K,
        expiry_years=T,
        vol=v,
        rate=r,
        is_call=is_call,
        dividend_yield=q,
    )
    p99: dict[str, float] = {}
    for name in AllGreeks._fields:
        errors = relative_error(getattr(found, name), column(name))
        p50, p99[name], worst = np.percentile(errors, [50, 99, 100])
        say(f"  {name:<6} p50 {p50:.1e}, p99 {p99[name]:.1e}, max {worst:.1e}")
    failed = held & (solved.status != IvStatus.OK)
    broken = ~np.isfinite(np.stack(found)).all(axis=0)
    say(f"  {held.sum()} of {len(rows)} prices hold their volatility")
    return {
        "n": len(rows),
        "failures": int((failed | broken).sum()),
        "iv_err_over_attainable_max": float(error.max()),
        "iv_err_over_attainable_p99": float(np.percentile(error, 99)),
        "greeks_rel_err_p99_worst": max(p99.values()),
    }


def accuracy_of(path: Path) -> dict[str, float]:
    """Return the figures of one table. Errors: ValueError if its header is of neither kind."""
    with path.open(newline="") as file:
        rows: Rows = list(csv.DictReader(file))
    header = rows[0].keys() if rows else ()
    if EUROPEAN in header:
        return european(rows)
    if AMERICAN in header:
        american = importlib.import_module("benchmarks.quant_accuracy_american")
        figures: dict[str, float] = american.accuracy(rows)
        return figures
    raise ValueError(f"{path} has neither a column {EUROPEAN} nor {AMERICAN}.")


def main() -> int:
    parser = argparse.ArgumentParser(description="Accuracy of the quant core on a table")
    parser.add_argument("file", type=Path)
    given = parser.parse_args()
    say(f"{given.file}: {kernels.describe()}")
    figures = accuracy_of(given.file)
    missed = [name for name, value in figures.items() if value > AT_MOST.get(name, np.inf)]
    for name in missed:
        say(f"MISSED {name} is {figures[name]:.4g}, above {AT_MOST[name]:g}")
    print(json.dumps({name: float(f"{value:.4g}") for name, value in figures.items()}))
    return int(bool(missed))


if __name__ == "__main__":
    raise SystemExit(main())
