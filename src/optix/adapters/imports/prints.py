"""Rows of prints. A cancel is a print of its own; what it undoes is not named by these sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from optix.adapters.imports import contracts
from optix.adapters.imports.codes import CANCELS
from optix.adapters.imports.quotes import COUNT_MAX, PRICE_MAX, impossible
from optix.adapters.imports.records import Fault, Raw, make_batch
from optix.adapters.imports.times import undated
from optix.kernel.quote import Quality
from optix.kernel.trade import TradeAction
from optix.ports.history import DatasetName, ImportBatch


def trade_batch(
    raw: Raw,
    columns: Mapping[str, pl.Expr],
    *,
    source: str,
    quality: Quality,
    faults: Sequence[Fault] = (),
) -> ImportBatch:
    """Return the batch of a block of prints of contracts.

    `columns` gives `ts_event`, the contract (`contracts.KEY`), `price`, `size`, and what there is
    of `exchange`, `conditions` (OPRA letters), `sequence`, `bid` and `ask`.
    """
    cancels = pl.col("conditions").str.contains_any(list(CANCELS)).fill_null(value=False)
    marks = {
        "underlying": contracts.underlying_column(),
        "symbol": contracts.occ_symbol(),
        "sequence": pl.col("sequence").fill_null(0) if "sequence" in columns else pl.lit(0),
        "refers_to": pl.lit(0, dtype=pl.Int64),
        "source": pl.lit(source),
        "quality": pl.lit(str(quality)),
    }
    action = pl.lit(str(TradeAction.NEW))
    if "conditions" in columns:
        action = pl.when(cancels).then(pl.lit(str(TradeAction.CANCEL))).otherwise(action)
        marks["conditions"] = pl.col("conditions").fill_null("")
    price, size = pl.col("price"), pl.col("size")
    # A spread may trade at nothing, so zero is a price here; a print without contracts is none.
    possible = price.is_between(0, PRICE_MAX) & (size > 0) & (size <= COUNT_MAX)
    own = [
        undated(),
        contracts.malformed(),
        *faults,
        Fault(
            "no_print",
            "Its price or its size is missing or beyond any market.",
            ~possible.fill_null(value=False),
        ),
        *impossible(frozenset(columns) & {"bid", "ask"}),
    ]
    return make_batch(DatasetName.TRADES, raw, [columns, marks, {"action": action}], own)
