"""A market and what people wait for in it: made-up series that walk, and watches around them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from optix.features.alerts.crossings import Phase, Side, Watches

TICKS_PER_S: Final = 20_000
COOLDOWN_NS: Final = 60 * 10**9

Columns = dict[str, NDArray[Any]]


def popularity(series: int) -> NDArray[np.float64]:
    """Return the share of each series in ticks and in watches: a few have much of both."""
    share = (np.arange(series) + 20.0) ** -0.9
    found: NDArray[np.float64] = share / share.sum()
    return found


def make_watches(rng: np.random.Generator, watches: int, base: NDArray[np.float64]) -> Watches:
    """Return watches within some ten percent of the base, in whole cents; half of them re-arm.

    Nine of ten have a level that is still to be reached; the others have been passed.
    """
    series = rng.choice(base.size, watches, p=popularity(base.size)).astype(np.int32)
    spot = base[series]
    levels = np.round(spot * np.exp(rng.normal(0, 0.05, watches)), 2)
    crosses = rng.random(watches) < 0.5
    passed = crosses & (rng.random(watches) < 0.2)
    rising = (levels > spot) ^ passed
    repeats = rng.random(watches) < 0.5
    band = np.where(repeats, 0.002 * levels, 0.0)
    return Watches(
        ids=rng.permutation(watches).astype(np.int64),
        series=series,
        sides=np.where(
            crosses,
            np.where(rising, Side.CROSSES_UP, Side.CROSSES_DOWN),
            np.where(rising, Side.ABOVE, Side.BELOW),
        ).astype(np.uint8),
        levels=levels,
        backs=np.where(rising, levels - band, levels + band),
        repeats=repeats.astype(np.uint8),
        cooldowns_ns=np.where(repeats & (rng.random(watches) < 0.5), COOLDOWN_NS, 0),
        phases=np.where(crosses, Phase.NEW, Phase.ARMED).astype(np.uint8),
        ready_ns=np.zeros(watches, np.int64),
    )


def make_ticks(
    rng: np.random.Generator, ticks: int, base: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return last prices in whole cents: each walks by 1.5 hundredths of a percent a tick, and
    jumps between bid and ask.
    """
    series = rng.choice(base.size, ticks, p=popularity(base.size)).astype(np.int32)
    order = np.argsort(series, kind="stable")
    steps = np.cumsum(rng.normal(0, 1.5e-4, ticks))
    first = np.searchsorted(series[order], np.arange(base.size))
    walked = steps - np.concatenate([[0.0], steps])[first][series[order]]
    mid = np.empty(ticks)
    mid[order] = base[series[order]] * np.exp(walked)
    return series, np.round(mid + rng.choice([-0.01, 0.01], ticks), 2)


def make_market(series: int, watches: int, ticks: int) -> Columns:
    """Return everything by name, as `alerts_peers.py` takes it; always the same."""
    rng = np.random.default_rng(9)
    base = np.asarray(np.round(np.exp(rng.normal(4.3, 0.8, series)), 2), np.float64)
    tick_series, tick_values = make_ticks(rng, ticks, base)
    return {
        **make_watches(rng, watches, base)._asdict(),
        "base": base,
        "tick_series": tick_series,
        "tick_values": tick_values,
        "tick_every_ns": np.array(10**9 // TICKS_PER_S),
    }
