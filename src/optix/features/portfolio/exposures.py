"""Where a book is exposed: by underlying, expiry, kind and account, how concentrated, how alike.

Gross is the sum of absolute values, net the signed one; both are of dollars, because currencies are
not added. A slice with a position that has no mark has neither. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from optix.features.portfolio import schemas_exposure as schemas
from optix.features.portfolio.closes import PENDING
from optix.features.portfolio.comovement import (
    WINDOW,
    Closes,
    Correlation,
    correlation_of,
    herfindahl,
)
from optix.features.portfolio.encoding import cents_text, total_cents
from optix.features.portfolio.greeks import NAMES, Exposures, Positions, groups_of
from optix.features.portfolio.holding import DOLLARS, UNKNOWN, underlying_symbol
from optix.features.portfolio.valuing import Valuer

TOP: Final = 10  # holdings whose correlations are shown
_DOLLAR_DELTA: Final = NAMES.index("dollar_delta")
_SECTORS: Final = "No source of sectors is connected."


def top_underlyings(valuer: Valuer) -> list[str]:
    """Return whose values are greatest, the greatest first."""
    held = valuer.holding
    sizes: dict[str, int] = {}
    for row, cents in zip(held.rows, valuer.valued.value.tolist(), strict=True):
        name = underlying_symbol(row.position.asset)
        if name is not None and cents != UNKNOWN and row.position.asset.currency == DOLLARS:
            sizes[name] = sizes.get(name, 0) + abs(cents)
    return sorted((name for name in sizes if sizes[name]), key=lambda n: (-sizes[n], n))[:TOP]


def exposure_of(
    valuer: Valuer, found: Exposures, closes: Mapping[str, Closes | str]
) -> dict[str, Any]:
    """Return the fields of `schemas.PortfolioExposure` but its moment."""
    rows = valuer.holding.rows
    shown = [not row.closed and row.position.asset.currency == DOLLARS for row in rows]
    everything = np.flatnonzero(np.array(shown, np.bool_))
    whole = int(_gross(valuer, everything))

    def sliced(keys: Sequence[Any]) -> list[schemas.ExposureSlice]:
        kept = [key if take else None for key, take in zip(keys, shown, strict=True)]
        parts = groups_of(kept)
        return [
            _slice(valuer, found, str(key), parts[key], whole)
            for key in sorted(parts, key=lambda key: (-_gross(valuer, parts[key]), str(key)))
        ]

    contracts = [row.position.asset.contract for row in rows]
    underlyings = sliced([underlying_symbol(row.position.asset) for row in rows])
    return {
        "currency": DOLLARS,
        "total": _slice(valuer, found, "", everything, whole),
        "underlyings": underlyings,
        "expirations": sliced([None if one is None else one.expiration for one in contracts]),
        "kinds": sliced([str(row.position.asset.kind) for row in rows]),
        "accounts": sliced([valuer.holding.accounts[row.account].id for row in rows]),
        "sectors": None,
        "sectors_reason": _SECTORS,
        "concentration": _concentration(underlyings),
        "correlations": _correlations(top_underlyings(valuer), closes),
        "foreign": sum(not row.closed and row.position.asset.currency != DOLLARS for row in rows),
    }


def _gross(valuer: Valuer, rows: Positions) -> int:
    values = valuer.valued.value[rows]
    return int(np.abs(values[values != UNKNOWN]).sum())


def _slice(
    valuer: Valuer, found: Exposures, key: str, rows: Positions, whole: int
) -> schemas.ExposureSlice:
    values = valuer.valued.value[rows]
    unvalued = int((values == UNKNOWN).sum())
    gross = _gross(valuer, rows)
    needed = rows[valuer.holding.needs_greeks[rows]]
    inside = needed[found.covered[needed]]
    deltas = found.values[_DOLLAR_DELTA, inside]
    return schemas.ExposureSlice(
        key=key,
        gross=None if unvalued else cents_text(gross),
        net=cents_text(total_cents(values)),
        share=gross / whole if whole else None,
        dollar_delta=deltas.sum().item() if inside.size or not needed.size else None,
        gross_delta=np.abs(deltas).sum().item() if inside.size or not needed.size else None,
        positions=rows.size,
        unvalued=unvalued,
        without_greeks=int(needed.size - inside.size),
    )


def _concentration(slices: Sequence[schemas.ExposureSlice]) -> schemas.Concentration:
    shares = [each.share for each in slices if each.share is not None]
    index = herfindahl(shares)
    largest = max(slices, key=lambda each: each.share or 0.0, default=None)
    known = index is not None and largest is not None
    return schemas.Concentration(
        largest=largest.key if known and largest is not None else None,
        largest_share=max(shares) / sum(shares) if index is not None else None,
        hhi=index,
        effective=None if index is None else 1.0 / index,
        reason="" if index is not None else "nothing_valued",
    )


def _correlations(
    symbols: Sequence[str], closes: Mapping[str, Closes | str]
) -> schemas.Correlations:
    cells = [[_pair(one, other, closes) for other in symbols] for one in symbols]
    return schemas.Correlations(
        symbols=list(symbols),
        window=WINDOW,
        values=[[cell.value for cell in row] for row in cells],
        days=[[cell.n for cell in row] for row in cells],
        reasons=[[cell.reason for cell in row] for row in cells],
    )


def _pair(one: str, other: str, closes: Mapping[str, Closes | str]) -> Correlation:
    first, second = closes.get(one, PENDING), closes.get(other, PENDING)
    if isinstance(first, str):
        return Correlation(None, 0, first)
    if isinstance(second, str):
        return Correlation(None, 0, second)
    return correlation_of(first, second)
