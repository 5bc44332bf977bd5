"""American options beside QuantLib, in turns: the section `american` of `benchmarks/quant.py`.

QuantLib prices one option a call, as its Python interface does; the engines and options are made
before the clock starts. The clock is the processor time of the one thread that works. Rates are
medians over the rounds; a ratio is the median of its rounds' ratios, since both sides of a round
see the same machine.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypedDict

import numpy as np
import QuantLib as ql  # noqa: N813  # its usual name

from optix.quant import american
from optix.quant.american_family import AmericanFamily
from optix.quant.arrays import BoolArray, FloatArray

RATE, DIVIDEND_YIELD, SPOT, DAYS = 0.045, 0.013, 100.0, 182
YEARS: Final = DAYS / 365.0
PEER_ROWS, FAMILY_ROWS, SINGLE_ROWS = 200, 8_000, 1_600
EXPIRIES, STRIKES = 10, 200
ROUNDS_MIN: Final = 5


class _Book(NamedTuple):
    strike: FloatArray
    vol: FloatArray
    is_call: BoolArray


def _book(rows: int) -> _Book:
    """Return strikes within two deviations and vols of a skewed equity smile, calls and puts."""
    random = np.random.default_rng(4)
    strike = SPOT * np.exp(random.uniform(-0.3, 0.3, rows))
    vol = np.clip(0.25 - 0.35 * np.log(strike / SPOT) + random.normal(0, 0.02, rows), 0.1, 0.8)
    return _Book(strike, vol, random.random(rows) < 0.5)


class _Terms(TypedDict):
    """What every American calculation is told."""

    spot: FloatArray
    strike: FloatArray
    expiry_years: FloatArray
    rate: FloatArray
    dividend_yield: FloatArray
    is_call: BoolArray


class _QuantLib:
    """Price the first rows of a book one by one with a QdFp engine."""

    def __init__(self, book: _Book, scheme: str) -> None:
        self._settings = ql.Settings.instance()
        today = ql.Date(2, 1, 2026)
        self._settings.evaluationDate = today
        count = ql.Actual365Fixed()

        def curve(rate: float) -> Any:
            return ql.YieldTermStructureHandle(ql.FlatForward(today, rate, count))

        self._vol = ql.SimpleQuote(0.2)
        surface = ql.BlackConstantVol(today, ql.NullCalendar(), ql.QuoteHandle(self._vol), count)
        process = ql.BlackScholesMertonProcess(
            ql.QuoteHandle(ql.SimpleQuote(SPOT)),
            curve(DIVIDEND_YIELD),
            curve(RATE),
            ql.BlackVolTermStructureHandle(surface),
        )
        engine = ql.QdFpAmericanEngine(process, getattr(ql.QdFpAmericanEngine, scheme)())
        exercise = ql.AmericanExercise(today, today + DAYS)
        self._options = []
        for strike, is_call in zip(book.strike.tolist(), book.is_call.tolist(), strict=True):
            side = ql.Option.Call if is_call else ql.Option.Put
            option = ql.VanillaOption(ql.PlainVanillaPayoff(side, strike), exercise)
            option.setPricingEngine(engine)
            self._options.append(option)
        self._vols = book.vol.tolist()

    def price(self) -> FloatArray:
        found = []
        for option, vol in zip(self._options, self._vols, strict=True):
            self._vol.setValue(vol)
            found.append(option.NPV())
        return np.array(found)


def _per_second(rows: int, work: Callable[[], object]) -> float:
    start = time.thread_time()
    work()
    return rows / (time.thread_time() - start)


def _chain_work() -> tuple[int, Callable[[], None]]:
    """Return the contracts of a chain, and a call for their IV and Greeks, families included."""
    years = np.repeat(np.linspace(0.05, 1.5, EXPIRIES), 2 * STRIKES)
    is_call = np.tile(np.repeat([True, False], STRIKES), EXPIRIES)
    ladder = np.tile(np.linspace(-2.0, 2.0, STRIKES), 2 * EXPIRIES)
    strike = SPOT * np.exp(0.25 * np.sqrt(years) * ladder)
    vol = np.clip(0.25 - 0.1 * ladder * np.sqrt(years), 0.1, 0.9)
    terms = _Terms(
        spot=np.full(years.size, SPOT),
        strike=strike,
        expiry_years=years,
        rate=np.full(years.size, RATE),
        dividend_yield=np.full(years.size, DIVIDEND_YIELD),
        is_call=is_call,
    )
    price = american.price(vol=vol, **terms)

    def work() -> None:
        american.implied_vol_and_greeks(price=price, **terms)

    return years.size, work


def measure(seconds: float) -> dict[str, float]:
    """Return the figures of this section, after about `seconds`."""
    peer, many, some = _book(PEER_ROWS), _book(FAMILY_ROWS), _book(SINGLE_ROWS)
    fast, accurate = _QuantLib(peer, "fastScheme"), _QuantLib(peer, "accurateScheme")
    family = AmericanFamily(
        rate=RATE, dividend_yield=DIVIDEND_YIELD, expiry_years=YEARS, vol_min=0.1, vol_max=0.8
    )

    def priced(book: _Book) -> FloatArray:
        return family.price(spot=SPOT, strike=book.strike, vol=book.vol, is_call=book.is_call)

    def single() -> FloatArray:
        return american.price(
            spot=SPOT,
            strike=some.strike,
            expiry_years=YEARS,
            vol=some.vol,
            rate=RATE,
            dividend_yield=DIVIDEND_YIELD,
            is_call=some.is_call,
            mode="single",
        )

    contracts, chain = _chain_work()
    tasks: dict[str, tuple[int, Callable[[], object]]] = {
        "QdFp fast": (PEER_ROWS, fast.price),
        "family": (FAMILY_ROWS, lambda: priced(many)),
        "QdFp accurate": (PEER_ROWS, accurate.price),
        "single": (SINGLE_ROWS, single),
        "IV and Greeks": (contracts, chain),
    }
    rounds: dict[str, list[float]] = {name: [] for name in tasks}
    apart = np.abs(priced(peer) - accurate.price()).max() / SPOT
    end = time.perf_counter() + seconds
    while len(rounds["family"]) < ROUNDS_MIN or time.perf_counter() < end:
        for name, (rows, work) in tasks.items():
            rounds[name].append(_per_second(rows, work))
    rates = {name: float(np.median(found)) for name, found in rounds.items()}
    for name, rate in rates.items():
        print(f"  {name:<14} {rate:12,.0f} /s", file=sys.stderr)
    print(f"  family and QdFp accurate are {apart:.1e} apart at most", file=sys.stderr)

    def ratio(ours: str, theirs: str) -> float:
        return float(np.median(np.array(rounds[ours]) / np.array(rounds[theirs])))

    return {
        "american_family_vs_qdfp_fast": ratio("family", "QdFp fast"),
        "american_single_vs_qdfp_accurate": ratio("single", "QdFp accurate"),
        "american_iv_greeks_per_s_core": float(max(rounds["IV and Greeks"])),
    }
