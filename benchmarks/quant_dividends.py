"""Options with cash dividends: speed against QuantLib at equal error, and a whole fund's chain.

`measure` returns figures for `make -s bench NAME=quant`; what stands beside them goes to stderr.
Run alone: `python -m benchmarks.quant_dividends`.

Both sides get 48 American options of half a year with two dividends and are measured against a grid
of 1,201 nodes and 1,500 steps, which the golden points of tests/quant bind to other methods within
8e-5 $. QuantLib (spot model, Crank-Nicolson) takes part with the cheapest of its grids whose worst
error is no larger than ours, with the most accurate one if none is. Its options and engines are
built beforehand; our time includes everything. All times are the processor's, on one thread, so
that other work on the machine does not count.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import QuantLib
from numpy.typing import NDArray

from optix.quant import kernels
from optix.quant.dividend_grid import GridInputs, grid_values
from optix.quant.dividend_options import dividend_greeks, dividend_implied_vol, dividend_price
from optix.quant.dividend_rows import NODES, STEPS, option_rows, plans_of
from optix.quant.dividends import Dividend, DividendSchedule

SPOT: Final = 100.0
RATE: Final = 0.045
DAYS: Final = 182
EX_DAYS: Final = ((44, 0.5), (135, 0.5))
# (time steps, nodes), cheap to dear.
PEER_GRIDS: Final = (
    (50, 100),
    (100, 200),
    (100, 400),
    (200, 400),
    (200, 800),
    (400, 800),
    (800, 800),
    (800, 1600),
)
OPTIONS: Final = 48
BATCH: Final = 3_200
CHAIN: Final = (20, 75)  # expiries, strikes; calls and puts: 3,000 contracts

Floats = NDArray[np.float64]


class Book(NamedTuple):
    strike: Floats
    vol: Floats
    is_call: NDArray[np.bool_]


def note(text: str) -> None:
    print(text, file=sys.stderr)


def book(count: int) -> Book:
    rng = np.random.default_rng(7)
    return Book(
        strike=rng.uniform(80, 120, count),
        vol=rng.uniform(0.18, 0.35, count),
        is_call=np.arange(count) % 2 == 0,
    )


def schedule() -> DividendSchedule:
    return DividendSchedule(tuple(Dividend(day / 365, cash) for day, cash in EX_DAYS))


def ours(options: Book, **grid: int) -> Floats:
    return dividend_price(
        spot=SPOT,
        strike=options.strike,
        expiry_years=DAYS / 365,
        vol=options.vol,
        rate=RATE,
        is_call=options.is_call,
        schedule=schedule(),
        **grid,
    )


def peer_options(options: Book, steps: int, nodes: int) -> list[Any]:
    today = QuantLib.Date(2, 1, 2026)
    QuantLib.Settings.instance().evaluationDate = today
    days = QuantLib.Actual365Fixed()

    def flat(rate: float) -> Any:
        return QuantLib.YieldTermStructureHandle(QuantLib.FlatForward(today, rate, days))

    spot = QuantLib.QuoteHandle(QuantLib.SimpleQuote(SPOT))
    paid = [QuantLib.FixedDividend(cash, today + day) for day, cash in EX_DAYS]
    exercise = QuantLib.AmericanExercise(today, today + DAYS)
    made = []
    for strike, vol, is_call in zip(*(column.tolist() for column in options), strict=True):
        surface = QuantLib.BlackConstantVol(today, QuantLib.NullCalendar(), vol, days)
        process = QuantLib.BlackScholesMertonProcess(
            spot, flat(0.0), flat(RATE), QuantLib.BlackVolTermStructureHandle(surface)
        )
        side = QuantLib.Option.Call if is_call else QuantLib.Option.Put
        option = QuantLib.VanillaOption(QuantLib.PlainVanillaPayoff(side, strike), exercise)
        option.setPricingEngine(
            QuantLib.FdBlackScholesVanillaEngine(
                process, paid, steps, nodes, 2, QuantLib.FdmSchemeDesc.CrankNicolson()
            )
        )
        made.append(option)
    return made


def peer_prices(options: list[Any]) -> Floats:
    for option in options:
        option.recalculate()
    return np.array([option.NPV() for option in options])


def seconds_of(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def against_quantlib(seconds: float) -> dict[str, float]:
    options, many = book(OPTIONS), book(BATCH)
    truth = ours(options, nodes=1201, steps=1500)
    error = np.abs(ours(options) - truth)
    note(
        f"dividends: ours {NODES} nodes: error median {np.median(error):.1e} max {error.max():.1e}"
    )
    chosen, peers = PEER_GRIDS[-1], peer_options(options, *PEER_GRIDS[-1])
    for steps, nodes in PEER_GRIDS:
        candidates = peer_options(options, steps, nodes)
        taken = seconds_of(lambda c=candidates: peer_prices(c))  # type: ignore[misc]  # bound now
        gap = np.abs(peer_prices(candidates) - truth)
        note(
            f"dividends: QuantLib {steps}x{nodes}: error median {np.median(gap):.1e} "
            f"max {gap.max():.1e}, {OPTIONS / taken:,.0f}/s"
        )
        if gap.max() <= error.max():
            chosen, peers = (steps, nodes), candidates
            break
    ratios: list[float] = []
    speeds: list[float] = []
    until = time.perf_counter() + seconds
    while len(ratios) < 3 or time.perf_counter() < until:
        mine = seconds_of(lambda: ours(many)) / BATCH
        theirs = seconds_of(lambda: peer_prices(peers)) / OPTIONS
        ratios.append(theirs / mine)
        speeds.append(1 / mine)
    note(f"dividends: against QuantLib {chosen[0]}x{chosen[1]}, {len(ratios)} rounds")
    return {
        "dividend_fd_vs_quantlib": round(statistics.median(ratios), 1),
        "dividend_options_per_s_core": round(max(speeds)),
        "dividend_error_max": float(f"{error.max():.2e}"),
    }


def chain_seconds(rounds: int) -> float:
    """Return the best time for IV and Greeks of a chain over two years of dividends."""
    expiries, strikes = CHAIN
    given: dict[str, Any] = {
        "spot": SPOT,
        "strike": np.linspace(60, 150, strikes)[:, np.newaxis],
        "expiry_years": np.linspace(0.02, 2.0, expiries)[:, np.newaxis, np.newaxis],
        "rate": RATE,
        "is_call": np.array([True, False]),
        "schedule": DividendSchedule(tuple(Dividend(0.1 + i / 4, 0.5) for i in range(8))),
    }
    vol = 0.25 - 0.2 * np.log(given["strike"] / SPOT)
    price = dividend_price(vol=vol, **given)
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        found = dividend_implied_vol(price=price, **given)
        dividend_greeks(vol=found.vol, **given)
        times.append(time.process_time() - begin)
    solved = float(np.isfinite(found.vol).mean())
    note(f"dividends: chain of {price.size}: {solved:.1%} with a volatility, {min(times):.2f} s")
    return min(times)


def kernel_speed() -> float:
    """Return options per second of the grid alone, price, delta and gamma."""
    many = book(BATCH)
    _, rows = option_rows(
        spot=SPOT,
        strike=many.strike,
        years=DAYS / 365,
        rate=RATE,
        borrow=0.0,
        is_call=many.is_call,
        is_american=True,
        other=many.vol,
    )
    (_, plan), *_ = plans_of(rows, np.ones(BATCH, dtype=np.bool_), schedule(), NODES, STEPS)
    inputs: GridInputs = rows.inputs(rows.vols())
    return BATCH / min(seconds_of(lambda: grid_values(plan, inputs)) for _ in range(7))


def measure(seconds: float) -> dict[str, float]:
    """Return the figures of this section, in about so many seconds and some to begin with."""
    figures = against_quantlib(seconds)
    note(f"dividends: grid alone on {kernels.active()}: {kernel_speed():,.0f}/s")
    return figures | {"dividend_chain3000_s": round(chain_seconds(5), 3)}


if __name__ == "__main__":
    print(json.dumps(measure(5.0)))
