"""Surface section of the quant benchmark: fitting 50 expiries, and what the fit is worth.

`measure` is called by benchmarks/quant.py, which merges the sections. Alone:
`python -m benchmarks.quant_surface`. The chain is made here: 50 expiries from six hours to two
years, 200 strikes each, skewed, quoted in ticks with noise inside the spread.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

import numpy as np

from optix.quant import black_scholes, essvi, svi
from optix.quant.implied_vol import implied_vol
from optix.quant.slice_quotes import SliceQuotes, slice_quotes
from optix.quant.surface import fit_surface, surface_violations

EXPIRIES = 50
STRIKES = 200
FORWARD = 5000.0
RATE = 0.04


def index_quotes(seed: int = 0, *, bent: bool = False) -> SliceQuotes:
    """Return out-of-the-money quotes of an index. `bent`: its first week waits for an outcome."""
    random = np.random.default_rng(seed)
    near = np.array([0.25, 1.25, 2.25, 3.25, 4.25]) / 365
    years = np.concatenate((near, np.geomspace(6 / 365, 2.0, EXPIRIES - near.size)))
    theta = (0.13**2 + (0.16**2 - 0.13**2) * np.exp(-3.0 * years)) * years
    root = np.sqrt(theta)
    slices = essvi.to_svi(np.stack((theta, 0.35 * root, 1.2 * root), axis=1))
    columns: dict[str, list[np.ndarray]] = {name: [] for name in ("e", "k", "mid", "bid", "ask")}
    for index, (own, deviation) in enumerate(zip(slices, root, strict=True)):
        places = np.linspace(-6.0, 3.5, STRIKES) * max(deviation, 0.004)
        strike = np.unique(np.round(FORWARD * np.exp(places) / 5.0) * 5.0)
        k = np.log(strike / FORWARD)
        vol = np.sqrt(svi.total_variance(own[np.newaxis], k)[0] / years[index])
        call = k >= 0
        apart, narrow = 0.0, vol
        if bent and years[index] < 7 / 365:  # one of two outcomes: a W, and a real density
            apart = 0.8 * deviation
            narrow = 0.6 * deviation / np.sqrt(years[index])
        price = np.zeros(k.shape)
        for side in (1.0, -1.0):
            price += 0.5 * black_scholes.price(
                forward=FORWARD * np.exp(side * apart) / np.cosh(apart),
                strike=strike,
                expiry_years=years[index],
                vol=narrow,
                rate=RATE,
                is_call=call,
            )
        half, tick = np.maximum(0.025, 0.01 * price), np.where(price < 3.0, 0.05, 0.1)
        mid = price + 0.3 * half * random.uniform(-1.0, 1.0, price.size)
        bid, ask = np.floor((mid - half) / tick) * tick, np.ceil((mid + half) / tick) * tick
        good = bid > 0
        columns["e"].append(np.full(int(good.sum()), index))
        columns["k"].append(k[good])
        for name, value in (("mid", 0.5 * (bid + ask)), ("bid", bid), ("ask", ask)):
            found = implied_vol(
                price=value,
                forward=FORWARD,
                strike=strike,
                expiry_years=years[index],
                rate=RATE,
                is_call=call,
            )
            columns[name].append(found.vol[good])
    joined = {name: np.concatenate(parts) for name, parts in columns.items()}
    return slice_quotes(
        expiry=joined["e"],
        k=joined["k"],
        vol=joined["mid"],
        vol_bid=joined["bid"],
        vol_ask=joined["ask"],
        years=years,
    )


def median_ms(work: Callable[[], object], seconds: float) -> float:
    """Return the median of calls during so many seconds, five at least."""
    taken: list[float] = []
    work()
    end = time.perf_counter() + seconds
    while len(taken) < 5 or time.perf_counter() < end:
        begin = time.perf_counter()
        work()
        taken.append(1000.0 * (time.perf_counter() - begin))
    return statistics.median(taken)


def measure(seconds: float) -> dict[str, float]:
    """Return the figures of this section. `seconds` is how long each timing may take."""
    quotes, waiting = index_quotes(), index_quotes(bent=True)
    surface, bent = fit_surface(quotes), fit_surface(waiting)
    plain = fit_surface(waiting, overlay_years=0.0)
    first = waiting.years < 7 / 365
    return {
        "surface50_ms": median_ms(lambda: fit_surface(quotes), seconds),
        "surface50_again_ms": median_ms(lambda: fit_surface(quotes, start=surface.slices), seconds),
        "surface50_overlays_ms": median_ms(lambda: fit_surface(waiting), seconds),
        "surface_violations": float(surface_violations(surface) + surface_violations(bent)),
        "surface_rmse_points": 100.0 * float(np.median(surface.quality.rmse)),
        "surface_rmse_points_max": 100.0 * float(surface.quality.rmse.max()),
        "surface_inside": float(surface.quality.inside.mean()),
        "surface_outcomes_rmse_points_svi": 100.0 * float(plain.quality.rmse[first].mean()),
        "surface_outcomes_rmse_points": 100.0 * float(bent.quality.rmse[first].mean()),
        "surface_outcomes_inside_svi": float(plain.quality.inside[first].mean()),
        "surface_outcomes_inside": float(bent.quality.inside[first].mean()),
    }


if __name__ == "__main__":
    print(json.dumps({name: round(value, 4) for name, value in measure(2.0).items()}))
