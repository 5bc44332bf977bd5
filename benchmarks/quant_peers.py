"""One library in one process, timed on request: `python quant_peers.py LIBRARY CHAIN.npz`.

Runs with the library's own interpreter, so it imports nothing of this repository at the top. Each
line on stdin is a task, `iv` or `greeks`, or `error`; the answer is one line of JSON: options per
second of the best repeat, or the largest relative error of a volatility out of the money above a
cent. A library that has no such task answers null. The caller asks the processes in turn, which
interleaves them.
"""

from __future__ import annotations

import importlib
import itertools
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE, DIVIDEND_YIELD, SPOT = 0.043, 0.013, 5000.0
SECONDS = 0.4
SLOW_ROWS = 1000  # what calls one option at a time is timed on every twentieth row

Columns = dict[str, NDArray[Any]]
Task = Callable[[], NDArray[np.float64]]


def slices(c: Columns) -> list[slice]:
    starts = c["slice_starts"].tolist()
    return [slice(a, b) for a, b in itertools.pairwise(starts)]


def over_slices(c: Columns, solve: Callable[[slice], Any]) -> Task:
    parts = slices(c)
    return lambda: np.concatenate([np.asarray(solve(part)) for part in parts])


def one_by_one(c: Columns, solve: Callable[..., float], *names: str) -> Task:
    rows = np.arange(0, c["strike"].size, c["strike"].size // SLOW_ROWS)
    arguments = list(zip(*(c[name][rows].tolist() for name in names), strict=True))
    return lambda: np.array([solve(*values) for values in arguments])


def optix(c: Columns) -> dict[str, Task]:
    black = importlib.import_module("optix.quant.black_scholes")
    solver = importlib.import_module("optix.quant.implied_vol")
    terms = {name: c[name] for name in ("forward", "strike", "is_call")}
    terms |= {"expiry_years": c["years"], "rate": np.full(c["years"].size, RATE)}
    spot = np.full(c["years"].size, SPOT)
    return {
        "iv": lambda: solver.implied_vol(price=c["price"], **terms).vol,
        "greeks": lambda: black.greeks(spot=spot, vol=c["vol"], **terms).price,
    }


def lbriv(c: Columns) -> dict[str, Task]:
    library = importlib.import_module("lbriv")
    root = np.sqrt(c["years"])

    def solve(part: slice) -> Any:
        first = part.start
        total = library.vectorized_implied_vol_strikes(
            c["undiscounted"][part],
            float(c["forward"][first]),
            c["strike"][part],
            1 if c["is_call"][first] else -1,
        )
        return total / root[part]

    return {"iv": over_slices(c, solve)}


def iv_engine(c: Columns) -> dict[str, Task]:
    library = importlib.import_module("iv_engine")

    def solve(part: slice) -> Any:
        columns = (c[name][part] for name in ("undiscounted", "forward", "strike", "years"))
        return library.implied_volatilities(
            *columns, is_call=bool(c["is_call"][part.start]), parallel=False
        )

    return {"iv": over_slices(c, solve)}


def vanilla_option_pricers(c: Columns) -> dict[str, Task]:
    library = importlib.import_module("vanilla_option_pricers")
    sides = np.where(c["is_call"], "C", "P")

    def solve(part: slice) -> Any:
        first, years = part.start, float(c["years"][part.start])
        return library.infer_bsm_ivols_from_slice_prices(
            years,
            float(c["forward"][first]),
            float(np.exp(-RATE * years)),
            c["strike"][part],
            sides[part],
            c["price"][part],
        )

    return {"iv": over_slices(c, solve)}


def pyvolr(c: Columns) -> dict[str, Task]:
    library = importlib.import_module("pyvolr").black76

    def solve(part: slice) -> Any:
        return library.implied_vol(
            c["price"][part],
            "c" if c["is_call"][part.start] else "p",
            F=c["forward"][part],
            K=c["strike"][part],
            T=c["years"][part],
            r=RATE,
            on_error="ignore",
        )

    return {"iv": over_slices(c, solve)}


def vollib(c: Columns) -> dict[str, Task]:
    solver = importlib.import_module("vollib.black.implied_volatility").implied_volatility
    names = ("price", "forward", "strike", "years", "flag")
    return {"iv": one_by_one(c, lambda p, F, K, T, flag: solver(p, F, K, RATE, T, flag), *names)}


def fast_vollib(c: Columns) -> dict[str, Task]:
    library = importlib.import_module("fast_vollib")
    ones = np.ones(c["years"].size)
    flags = c["flag"]

    def greeks() -> NDArray[np.float64]:
        found = library.get_all_greeks(
            flags,
            SPOT * ones,
            c["strike"],
            c["years"],
            RATE * ones,
            c["vol"],
            DIVIDEND_YIELD * ones,
            model="black_scholes_merton",
            return_as="dict",
        )
        return np.asarray(found["delta"])

    return {"greeks": greeks}


def quantlib(c: Columns) -> dict[str, Task]:
    ql = importlib.import_module("QuantLib")
    sides = {"c": ql.Option.Call, "p": ql.Option.Put}

    def solve(p: float, F: float, K: float, T: float, flag: str) -> float:
        discount = float(np.exp(-RATE * T))
        total = ql.blackFormulaImpliedStdDev(
            sides[flag], K, F, p, discount, 0.0, 0.2 * T**0.5, 1e-12, 100
        )
        return float(total / T**0.5)

    def greeks(F: float, K: float, T: float, v: float, flag: str) -> float:
        payoff = ql.PlainVanillaPayoff(sides[flag], K)
        found = ql.BlackCalculator(payoff, F, v * T**0.5, float(np.exp(-RATE * T)))
        values = (found.value(), found.delta(SPOT), found.gamma(SPOT), found.theta(SPOT, T))
        return float(sum(values) + found.vega(T) + found.rho(T))

    return {
        "iv": one_by_one(c, solve, "price", "forward", "strike", "years", "flag"),
        "greeks": one_by_one(c, greeks, "forward", "strike", "years", "vol", "flag"),
    }


LIBRARIES = {
    "optix": optix,
    "lbriv": lbriv,
    "iv-engine": iv_engine,
    "vanilla-option-pricers": vanilla_option_pricers,
    "pyvolr": pyvolr,
    "vollib": vollib,
    "fast-vollib": fast_vollib,
    "QuantLib": quantlib,
}


def rate_of(task: Task) -> float:
    """Return results per second of the fastest repeat."""
    best, ends = np.inf, time.perf_counter() + SECONDS
    count = 0
    while count == 0 or time.perf_counter() < ends:
        started = time.perf_counter()
        count = task().size
        best = min(best, time.perf_counter() - started)
    return count / best


def worst_error(c: Columns, task: Task) -> float:
    found = task()
    rows = np.arange(0, c["strike"].size, c["strike"].size // found.size)
    visible = ((c["strike"] >= c["forward"]) == c["is_call"]) & (c["price"] > 0.01)
    error = np.abs(found / c["vol"][rows] - 1.0)[visible[rows]]
    return float(np.max(np.where(np.isnan(error), np.inf, error)))


def main(library: str, path: str) -> None:
    with np.load(path) as file:
        columns: Columns = dict(file)
    columns["flag"] = np.where(columns["is_call"], "c", "p")
    columns["undiscounted"] = columns["price"] * np.exp(RATE * columns["years"])
    tasks = LIBRARIES[library](columns)
    for task in tasks.values():
        task()  # some compile now
    print("ready", flush=True)
    for line in sys.stdin:
        name = line.strip()
        answer: float | None = None
        if name == "error" and "iv" in tasks:
            answer = worst_error(columns, tasks["iv"])
        elif name in tasks:
            answer = rate_of(tasks[name])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
