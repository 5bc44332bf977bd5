"""What a closing chain says about volatility, in the few numbers that are kept for every session.

Constant maturities are linear in total variance between the expiries around and never beyond them
(FORMULAS): a measure that cannot be told is left out. Names are stable, they are keys of the store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Final

import numpy as np

from optix.features.market.pricing import reference_spot
from optix.features.market.terms import ListedTerms
from optix.kernel.chain import CHAIN_COLUMNS, ChainTable
from optix.kernel.instrument import ExerciseStyle, OptionContract
from optix.kernel.roots import is_adjusted, is_flex
from optix.ports.market_data import Bar
from optix.quant.arrays import FloatArray
from optix.quant.chain_analytics import ChainAnalytics, ChainColumns, analyse_chain, chain_columns
from optix.quant.model_free import StripStatus, strip_variance
from optix.quant.realised import close_to_close, parkinson, yang_zhang
from optix.quant.smile import smile_measures
from optix.quant.variance import constant_maturity

TENORS: Final = (7, 14, 30, 60, 90, 180, 365)  # calendar days
WINDOWS: Final = (10, 20, 60, 252)  # sessions of realised volatility
_DAYS_PER_YEAR: Final = 365.0


@dataclass(frozen=True, slots=True)
class Measure:
    """`tenor_days` are calendar days of a maturity; of realised volatilities, sessions."""

    name: str
    tenor_days: int
    value: float


@dataclass(frozen=True, slots=True)
class _Rows:
    """Contracts and quotes of all expirations together, as `chain_columns` reads them."""

    contracts: Sequence[OptionContract]
    columns: Mapping[str, Sequence[float]]


def implied_measures(tables: Sequence[ChainTable], *, rate: float) -> list[Measure]:
    """Return the implied measures of the chains of one underlying at one instant.

    Adjusted and FLEX contracts take no part: their prices are not of 100 shares of the underlying.
    """
    if not tables:
        return []
    rows = _together(tables)
    if not rows.contracts:
        return []
    listed = ListedTerms()
    pairs = {(contract.root, contract.expiration) for contract in rows.contracts}
    terms = {pair: listed.terms_of(*pair) for pair in pairs}
    chain, _ = chain_columns(
        rows,
        now_ns=max(table.ts_event for table in tables),
        settles_at_ns={pair: term.settles_at_ns for pair, term in terms.items()},
        american_roots=frozenset(
            term.root for term in terms.values() if term.style is ExerciseStyle.AMERICAN
        ),
    )
    spot = reference_spot(next((table.spot for table in tables if table.spot), None))
    analysed = analyse_chain(chain, spot=spot, rate=rate)
    return [*_smiles(analysed, spot), *_strips(chain, analysed)]


def realised_measures(bars: Sequence[Bar]) -> list[Measure]:
    """Return realised volatilities at the end of ascending daily bars, adjusted ones."""
    columns = np.array([(bar.open, bar.high, bar.low, bar.close) for bar in bars]).reshape(-1, 4)
    found: list[Measure] = []
    for window in WINDOWS:
        if len(columns) <= window:
            continue
        open_, high, low, close = columns[-window - 1 :].T
        found += [
            Measure("realised_close", window, close_to_close(close)),
            Measure("realised_parkinson", window, parkinson(high[1:], low[1:])),
            Measure("realised_yang_zhang", window, yang_zhang(open_, high, low, close)),
        ]
    return [measure for measure in found if isfinite(measure.value)]


def _together(tables: Sequence[ChainTable]) -> _Rows:
    contracts = [contract for table in tables for contract in table.contracts]
    kept = [
        position
        for position, contract in enumerate(contracts)
        if not is_adjusted(contract.root) and not is_flex(contract.root)
    ]
    columns = {
        name: np.concatenate([np.asarray(table.columns[name]) for table in tables])[kept]
        for name in CHAIN_COLUMNS
    }
    return _Rows([contracts[position] for position in kept], columns)  # type: ignore[arg-type]  # arrays are sequences of floats


def _smiles(analysed: ChainAnalytics, spot: float) -> Iterator[Measure]:
    surface = analysed.surface
    if surface is None:
        return
    expiry_of = np.argsort(
        np.where(analysed.slice_of < 0, np.iinfo(np.intp).max, analysed.slice_of)
    )
    expiries = expiry_of[: len(surface.years)]
    forward, discount = analysed.forward.forward[expiries], analysed.discount[expiries]
    at_spot = spot if isfinite(spot) else forward * discount
    smile = smile_measures(surface, forward=forward, discount=discount, spot=at_spot)
    level = spot if isfinite(spot) else float("nan")
    vols = {
        name: _constant(surface.years, column)
        for name, column in (("atm", smile.atm), ("call25", smile.call25), ("put25", smile.put25))
    }
    for position, tenor in enumerate(TENORS):
        atm, call, put = (float(vols[name][position]) for name in ("atm", "call25", "put25"))
        yield from _known(
            tenor,
            atm_iv=atm,
            call25_iv=call,
            put25_iv=put,
            rr25=call - put,
            fly25=0.5 * (call + put) - atm,
            expected_move=level * atm * sqrt(tenor / _DAYS_PER_YEAR),
        )


def _constant(years: FloatArray, vols: FloatArray) -> FloatArray:
    """Return vols at the tenors; where two expiries share an instant, the first counts."""
    at, first = np.unique(years, return_index=True)
    wanted = np.array(TENORS) / _DAYS_PER_YEAR
    return constant_maturity(at, vols[first] ** 2 * at, wanted).vol


def _strips(chain: ChainColumns, analysed: ChainAnalytics) -> Iterator[Measure]:
    """Yield the volatility of the strips of out-of-the-money options, without any model."""
    years: list[float] = []
    vols: list[float] = []
    for expiry in np.argsort(chain.expiry_years):
        variance = _strip(chain, int(expiry), float(analysed.forward.rate[expiry]))
        if isfinite(variance) and variance >= 0:
            years.append(float(chain.expiry_years[expiry]))
            vols.append(sqrt(variance))
    if years:
        found = _constant(np.array(years), np.array(vols))
        for tenor, vol in zip(TENORS, found.tolist(), strict=True):
            yield from _known(tenor, model_free_iv=vol)


def _strip(chain: ChainColumns, expiry: int, rate: float) -> float:
    rows = chain.expiry == expiry
    strikes = np.unique(chain.strike[rows])
    sides = {}
    for is_call in (True, False):
        of_side = rows & (chain.is_call == is_call)
        place = np.searchsorted(strikes, chain.strike[of_side])
        for name, column in (("bid", chain.bid), ("ask", chain.ask)):
            values = np.full(strikes.size, np.nan)
            values[place] = column[of_side]
            sides[f"{'call' if is_call else 'put'}_{name}"] = values
    if not isfinite(rate):
        return float("nan")
    years = float(chain.expiry_years[expiry])
    strip = strip_variance(strike=strikes, **sides, expiry_years=years, rate=rate)
    return strip.variance if strip.status is StripStatus.OK else float("nan")


def _known(tenor: int, **values: float) -> Iterator[Measure]:
    for name, value in values.items():
        if isfinite(value):
            yield Measure(name, tenor, value)
