"""Section of `make -s bench NAME=quant`: European volatilities and Greeks beside other libraries.

Each library has a process of its own that stays up; every round asks all of them one after the
other, and ratios are taken within a round (benchmarks/libraries.py).
"""

from __future__ import annotations

import math
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np
from benchmarks.libraries import Library, peers_python, say
from benchmarks.quant_chain import RATE, SPOT, SPREAD, spx_like

from optix.quant import black_scholes, kernels
from optix.quant.implied_vol import implied_vol

IV_PEERS: Final = ("lbriv", "iv-engine", "vanilla-option-pricers", "pyvolr")
ALL_PEERS: Final = (*IV_PEERS, "vollib", "fast-vollib", "QuantLib")
ROUND_SECONDS: Final = 6.0
ROUNDS_MIN: Final = 3

Rates = dict[str, list[float]]


def measure(seconds: float) -> dict[str, float]:
    chain = spx_like()
    with tempfile.TemporaryDirectory(prefix="optix-bench-") as folder, ExitStack() as stack:
        path = Path(folder) / "chain.npz"
        np.savez(path, **chain._asdict())
        python = peers_python()
        script = "quant_peers.py"
        libraries = [Library("optix", Path(sys.executable), script, path)]
        libraries += [Library(name, python, script, path) for name in ALL_PEERS]
        for library in libraries:
            stack.callback(library.close)
        iv: Rates = {library.name: [] for library in libraries}
        greeks: Rates = {library.name: [] for library in libraries}
        for _ in range(max(ROUNDS_MIN, round(seconds / ROUND_SECONDS))):
            for library in libraries:
                iv[library.name].append(library.ask("iv") or math.nan)
                greeks[library.name].append(library.ask("greeks") or math.nan)
        for library in libraries:
            _report(library, iv[library.name], greeks[library.name])
    best = [max(round_) for round_ in zip(*(iv[name] for name in IV_PEERS), strict=True)]
    return {
        "iv_m_per_s": statistics.median(iv["optix"]) / 1e6,
        "iv_vs_best_peer": _ratio(iv["optix"], best),
        "iv_vs_vollib": _ratio(iv["optix"], iv["vollib"]),
        "greeks12_m_per_s": statistics.median(greeks["optix"]) / 1e6,
        "greeks12_vs_fast_vollib5": _ratio(greeks["optix"], greeks["fast-vollib"]),
        "greeks_vs_quantlib": _ratio(greeks["optix"], greeks["QuantLib"]),
        "chain20k_ms": _chain_ms(),
    }


def _report(library: Library, iv: list[float], greeks: list[float]) -> None:
    error = library.ask("error")
    said = "" if error is None else f", IV error at most {error:.1e}"
    rates = ", ".join(
        f"{statistics.median(values) / 1e6:.3f} M {what}/s"
        for what, values in (("IV", iv), ("Greeks", greeks))
        if not math.isnan(values[0])
    )
    kernel = f" ({kernels.active()})" if library.name == "optix" else ""
    say(f"  {library.name + kernel:<24} {rates}{said}")


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def _chain_ms() -> float:
    """CPU time for IV of bid, middle and ask and Greeks at the middle of 20,000 contracts."""
    chain = spx_like()
    terms: dict[str, Any] = {
        "forward": chain.forward,
        "strike": chain.strike,
        "expiry_years": chain.years,
        "rate": RATE,
        "is_call": chain.is_call,
    }
    quotes = [chain.price * side for side in (1.0 - SPREAD, 1.0, 1.0 + SPREAD)]
    best = math.inf
    for _ in range(30):
        started = time.process_time()
        _, middle, _ = (implied_vol(price=quote, **terms) for quote in quotes)
        black_scholes.greeks(spot=SPOT, vol=middle.vol, **terms)
        best = min(best, time.process_time() - started)
    return best * 1e3
