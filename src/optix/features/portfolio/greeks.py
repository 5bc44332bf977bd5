"""Greeks of rows and of sums of rows, with what they cover and why not all. Pure.

Greeks are of the whole position: per share times signed quantity times multiplier, in the units of
FORMULAS. Beta-weighted delta is the shares of the benchmark that would move as much: beta times
dollar delta over the benchmark's price.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from optix.features.portfolio.comovement import BENCHMARK, Beta
from optix.features.portfolio.valuing import Valuer, why
from optix.quant.arrays import BoolArray, FloatArray

NAMES: Final = ("delta", "dollar_delta", "gamma", "gamma_percent", "theta", "vega", "rho")
_DOLLAR_DELTA: Final = NAMES.index("dollar_delta")
_NO_CLOSES: Final = "no_history"

Positions = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Exposures:
    """Greeks of all rows.

    Shapes:  values (7, rows) in the order of `NAMES`, beta_delta (rows,); NaN where there are none.
    """

    values: FloatArray
    covered: BoolArray
    beta_delta: FloatArray
    betas: Mapping[str, Beta]
    benchmark_price: float | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """Sums of those rows that have Greeks, and why others have none; the same for beta weights."""

    sums: tuple[float, ...]  # `NAMES`
    covered: int
    total: int
    missing: dict[str, int]
    beta_delta: float | None
    beta_covered: int
    beta_missing: dict[str, int]


def exposures_of(valuer: Valuer, betas: Mapping[str, Beta]) -> Exposures:
    """Return the Greeks of all rows of a holding as it is valued now."""
    held, columns = valuer.holding, valuer.marks.columns
    units, spot = held.now.floats, valuer.valued.spot
    per_unit = np.full((5, len(held)), nan)
    rows = np.flatnonzero(held.is_contract & (valuer.name >= 0))
    per_unit[:, rows] = columns.analytics[1:, valuer.name[rows]]
    shares = held.is_share & (valuer.name >= 0)
    per_unit[:, shares] = np.array([[1.0], [0.0], [0.0], [0.0], [0.0]])
    delta, gamma, theta, vega, rho = per_unit * units
    values = np.stack((delta, delta * spot, gamma, gamma * spot * spot * 0.01, theta, vega, rho))
    covered = np.isfinite(values).all(axis=0) & held.needs_greeks
    values[:, ~covered] = nan
    price = valuer.marks.spot_of(BENCHMARK)
    names = valuer.marks.names
    by_symbol = np.array(
        [_value(betas.get(names[row])) for row in range(valuer.marks.symbols)] + [nan]
    )
    at = np.where(valuer.underlying < 0, valuer.marks.symbols, valuer.underlying)
    weight = by_symbol[at] / (nan if price is None else price)
    return Exposures(values, covered, values[_DOLLAR_DELTA] * weight, betas, price)


def _value(beta: Beta | None) -> float:
    return nan if beta is None or beta.value is None else beta.value


def why_none(valuer: Valuer, row: int) -> str:
    """Return why a row has no Greeks."""
    held = valuer.holding
    if not held.now.known[row]:
        return "direction_unknown"
    if not (held.is_contract[row] or held.is_share[row]):
        return "not_modelled"
    if not held.in_dollars[row]:
        return "foreign_currency"
    if not np.isfinite(valuer.valued.spot[row]):
        return "no_underlying_price"
    return why(valuer.marks.columns, int(valuer.name[row])) or "no_greeks"


def _without_beta(valuer: Valuer, found: Exposures, rows: Positions) -> dict[str, int]:
    """Count why rows with Greeks have no beta-weighted delta: for all of an underlying the same."""
    if found.benchmark_price is None:
        return {"no_benchmark_price": rows.size} if rows.size else {}
    lacking: Counter[str] = Counter()
    names, counts = np.unique(valuer.underlying[rows], return_counts=True)
    for name, count in zip(names.tolist(), counts.tolist(), strict=True):
        beta = found.betas.get(valuer.marks.names[name])
        lacking[_NO_CLOSES if beta is None else beta.reason] += count
    return dict(sorted(lacking.items()))


def cover(valuer: Valuer, found: Exposures, rows: Positions | None = None) -> Coverage:
    """Sum what there is of some rows, of all where none are named, and count why the rest lacks."""
    needed = np.flatnonzero(valuer.holding.needs_greeks)
    if rows is not None:
        needed = rows[valuer.holding.needs_greeks[rows]]
    inside = needed[found.covered[needed]]
    lacking = needed[~found.covered[needed]]
    weighted = found.beta_delta[inside]
    has_beta = np.isfinite(weighted)
    return Coverage(
        sums=tuple(found.values[:, inside].sum(axis=1).tolist()),
        covered=inside.size,
        total=needed.size,
        missing=_counted([why_none(valuer, row) for row in lacking.tolist()]),
        beta_delta=weighted[has_beta].sum().item() if has_beta.any() else None,
        beta_covered=int(has_beta.sum()),
        beta_missing=_without_beta(valuer, found, inside[~has_beta]),
    )


def _counted(reasons: Sequence[str]) -> dict[str, int]:
    return dict(sorted(Counter(reasons).items()))


def groups_of(keys: Sequence[Any]) -> dict[Any, Positions]:
    """Return the rows of each key, in the order in which keys come up; None is no key."""
    found: dict[Any, list[int]] = {}
    for row, key in enumerate(keys):
        if key is not None:
            found.setdefault(key, []).append(row)
    return {key: np.array(rows, np.intp) for key, rows in found.items()}
