"""OPTIX IV against Cboe's own on a recorded document: `python -m benchmarks.iwm_accuracy FILE…`.

Counted are two-sided quotes whose vendor |delta| is between 0.05 and 0.95. The groups show where
the differences are; docs/features/pricing.md says why.
"""

from __future__ import annotations

import gzip
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from optix.adapters.market_data.cboe.quotedata import (
    looks_like_quotedata,
    read_quotedata,
    translate_quotedata,
)
from optix.adapters.market_data.cboe.translate import translate_options
from optix.adapters.market_data.cboe.wire import read_options
from optix.adapters.market_data.tables import Snapshot, column_of
from optix.features.market.analytics import STATUS_WORDS, PricedChain, RootTerms
from optix.features.market.listing import RootKey
from optix.features.market.pricing import price_chain
from optix.features.market.terms import ListedTerms
from optix.kernel.chain import CHAIN_COLUMNS, ChainTable
from optix.kernel.instrument import Right

MEDIAN_MAX = 0.005
RATE = 0.04

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Differences of one part of the rows, in volatility (0.01 is one point)."""

    name: str
    rows: int
    median: float
    p90: float
    p99: float
    worst: float
    bias: float  # median with its sign: ours less theirs


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    rows: int  # of the document
    selected: int  # two-sided, |delta| in range
    unpriced: dict[str, int]  # selected rows without an IV of ours, by status
    compared: int  # selected rows where both have an IV
    median: float
    within_half_spread: float  # share of compared rows whose difference half the spread explains
    groups: list[Group]


def load(path: Path) -> ChainTable:
    """Return all expirations of a recorded Cboe document (JSON or quotedata CSV) as one table."""
    raw = path.read_bytes()
    body = gzip.decompress(raw) if path.suffix == ".gz" else raw
    if looks_like_quotedata(body[:1000].decode(errors="replace")):
        return _whole(translate_quotedata(read_quotedata(body)))
    return _whole(translate_options(read_options(body), fetched_ns=None))


def _whole(snapshot: Snapshot) -> ChainTable:
    return ChainTable(
        underlying=snapshot.underlying,
        contracts=snapshot.contracts,
        columns={name: column_of(snapshot.columns[name]) for name in CHAIN_COLUMNS},
        source=snapshot.source,
        quality=snapshot.quality,
        ts_event=snapshot.ts_event,
        ts_received=snapshot.ts_received,
        spot=snapshot.quote,
    )


def terms_of(table: ChainTable) -> dict[RootKey, RootTerms]:
    """Return the listed terms of every root of a table."""
    listed = ListedTerms()
    keys = {(contract.root, contract.expiration) for contract in table.contracts}
    return {key: listed.terms_of(*key) for key in keys}


def compare(table: ChainTable, priced: PricedChain) -> Accuracy:
    """Return how far our IVs are from the vendor's."""
    bid, ask, theirs, delta = (
        np.asarray(table.columns[name], dtype=np.float64)
        for name in ("bid", "ask", "vendor_iv", "vendor_delta")
    )
    with np.errstate(invalid="ignore"):
        selected = (bid > 0) & (ask >= bid) & (np.abs(delta) >= 0.05) & (np.abs(delta) <= 0.95)
        compared = selected & np.isfinite(priced.iv) & (theirs > 0)
    difference = (priced.iv - theirs)[compared]
    lost = priced.status[selected & ~np.isfinite(priced.iv)]
    half_spread = (0.5 * (ask - bid) / np.where(priced.vega > 0, priced.vega * 100.0, np.nan))[
        compared
    ]
    return Accuracy(
        rows=len(table),
        selected=int(selected.sum()),
        unpriced={STATUS_WORDS[code]: int((lost == code).sum()) for code in np.unique(lost)},
        compared=int(compared.sum()),
        median=float(np.median(np.abs(difference))),
        within_half_spread=float((np.abs(difference) <= half_spread).mean()),
        groups=[
            _group(name, difference[mask[compared]])
            for name, mask in _parts(table, priced, delta).items()
            if mask[compared].any()
        ],
    )


def _group(name: str, difference: Floats) -> Group:
    size = np.abs(difference)
    return Group(
        name=name,
        rows=size.size,
        median=float(np.median(size)),
        p90=float(np.percentile(size, 90)),
        p99=float(np.percentile(size, 99)),
        worst=float(size.max()),
        bias=float(np.median(difference)),
    )


def _parts(table: ChainTable, priced: PricedChain, delta: Floats) -> dict[str, Bools]:
    roots = [priced.roots[(c.root, c.expiration)] for c in table.contracts]
    forward = np.array([root.forward or np.nan for root in roots])
    days = np.array([root.expiry_years * 365 for root in roots])
    call = np.array([c.right is Right.CALL for c in table.contracts])
    strike = np.array([c.strike for c in table.contracts])
    out = np.where(call, strike >= forward, strike < forward)
    parts = {
        "all": np.ones(len(table), dtype=bool),
        "out of the money": out,
        "calls in the money": call & ~out,
        "puts in the money": ~call & ~out,
    }
    for low, high in ((0, 2), (2, 18), (18, 90), (90, 270), (270, 2000)):
        aged = (days >= low) & (days < high)
        parts[f"{low} to {high} days, out"] = aged & out
        parts[f"{low} to {high} days, calls in"] = aged & call & ~out
        parts[f"{low} to {high} days, puts in"] = aged & ~call & ~out
    for steep, flat in ((0.05, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 0.9), (0.9, 0.951)):
        parts[f"|delta| {steep:.2f} to {flat:.2f}"] = (np.abs(delta) >= steep) & (
            np.abs(delta) < flat
        )
    return parts


def measure(path: Path, *, rate: float = RATE) -> Accuracy:
    """Price a recorded document and compare. `Accuracy.median` is the figure of the benchmark."""
    table = load(path)
    priced = price_chain(table, now_ns=table.ts_event, terms=terms_of(table), rate_fallback=rate)
    return compare(table, priced)


def main(paths: list[str]) -> int:
    figures: dict[str, float] = {}
    for path in paths:
        found = measure(Path(path))
        print(f"{Path(path).name}: {found.rows} rows, {found.selected} selected, ", end="")
        print(f"{found.compared} compared, without an IV {found.unpriced}")
        print(f"  within half the spread: {found.within_half_spread:.1%}")
        for group in found.groups:
            print(
                f"  {group.name:26s} {group.rows:6d}  median {group.median:.5f}"
                f"  p90 {group.p90:.5f}  p99 {group.p99:.5f}  worst {group.worst:.4f}"
                f"  bias {group.bias:+.5f}"
            )
        figures[f"{Path(path).name.split('.')[0].lower()}_iv_median_abs_diff"] = found.median
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
