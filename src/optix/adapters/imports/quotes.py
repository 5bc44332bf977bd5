"""Rows of option quotes: bounds, the vendors' sentinels, flags.

A quote that cannot be (a negative price, a text for a number) costs its row, with the reason. An
analytic that cannot be costs only itself: it becomes null, because a good quote must not vanish for
a bad Greek. An implied volatility is kept within (0.01 %, 500 %]: zero, 1e-5 and -999 are words for
"none found", and above 500 % stands what a solver makes of a price that was old or below intrinsic
value. Crossed and locked quotes are kept and flagged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from optix.adapters.imports import contracts
from optix.adapters.imports.records import Fault, Raw, any_of, make_batch
from optix.adapters.imports.times import exchange_date, undated
from optix.adapters.market_data import rows
from optix.kernel.quote import Quality, QuoteFlag
from optix.kernel.symbols import kind_of
from optix.ports.history import DatasetName, ImportBatch

PRICE_MAX: Final = rows.PRICE_MAX
COUNT_MAX: Final = rows.COUNT_MAX
IV_MIN: Final = rows.IV_MIN
IV_MAX: Final = 5.0
GREEKS: Final = ("vendor_delta", "vendor_gamma", "vendor_theta", "vendor_vega", "vendor_rho")
_PRICES: Final = ("bid", "ask", "last", "previous_close", "spot")
_COUNTS: Final = ("bid_size", "ask_size", "volume", "open_interest")
_DELTA_MAX: Final = 1.001
_ROUNDING: Final = 1e-6  # a gamma of -1e-14 is zero


def option_batch(
    raw: Raw,
    columns: Mapping[str, pl.Expr],
    *,
    source: str,
    quality: Quality,
    first: Sequence[Fault] = (),
    faults: Sequence[Fault] = (),
    flags: QuoteFlag = QuoteFlag.NONE,
) -> ImportBatch:
    """Return the batch of a block of option quotes.

    `columns` gives `ts_event`, the contract (`contracts.KEY`) and any number of a chain;
    `first` are faults that are told before anything else, `faults` those of the source's own
    numbers. `flags` are set on every row.
    """
    given = frozenset(columns)
    steps = [
        columns,
        {"underlying": contracts.underlying_column(), **_cleaned(given)},
        {
            **_without_computation(given),
            "flags": quote_flags(given) | int(flags),
            "source": pl.lit(source),
            "quality": pl.lit(str(quality)),
        },
    ]
    own = [*first, undated(), contracts.malformed(), expired(), *faults, *impossible(given)]
    return make_batch(DatasetName.OPTION_QUOTES, raw, steps, own)


def expired() -> Fault:
    """Reject what sources still list on days after a contract's last one."""
    reason = (
        "The contract had expired before the day of the quote: the numbers are of an older day."
    )
    late = pl.col("expiration") < exchange_date(pl.col("ts_event"))
    return Fault("expired_contract", reason, late.fill_null(value=False))


def impossible(given: frozenset[str]) -> list[Fault]:
    """Reject numbers that no market has."""
    prices = [pl.col(name) for name in _PRICES if name in given]
    counts = [pl.col(name) for name in _COUNTS if name in given]
    negative = [column < 0 for column in (*prices, *counts)]
    absurd = [column > PRICE_MAX for column in prices] + [column > COUNT_MAX for column in counts]
    return [
        Fault("negative_number", "A price or a count is negative.", _any(negative)),
        Fault("absurd_number", "A price or a count is beyond any market.", _any(absurd)),
    ]


def _any(masks: Sequence[pl.Expr]) -> pl.Expr:
    return any_of([mask.fill_null(value=False) for mask in masks])


def _cleaned(given: frozenset[str]) -> dict[str, pl.Expr]:
    """Blank what is a vendor's word for "none" or cannot be."""
    bounds = {
        "vendor_delta": (-_DELTA_MAX, _DELTA_MAX),
        "vendor_gamma": (-_ROUNDING, PRICE_MAX),
        "vendor_theta": (-PRICE_MAX, PRICE_MAX),
        "vendor_vega": (-_ROUNDING, PRICE_MAX),
        "vendor_rho": (-PRICE_MAX, PRICE_MAX),
        "vendor_price": (0.0, PRICE_MAX),
    }
    cleaned = {}
    for name, (low, high) in bounds.items():
        if name in given:
            value = pl.col(name)
            within = pl.when(value.is_between(low, high)).then(value)
            cleaned[name] = within.clip(0.0) if low == -_ROUNDING else within
    if "vendor_iv" in given:
        iv = pl.col("vendor_iv")
        cleaned["vendor_iv"] = pl.when((iv > IV_MIN) & (iv <= IV_MAX)).then(iv)
    for name in ("last", "previous_close"):  # no trade has a price of zero
        if name in given:
            cleaned[name] = pl.when(pl.col(name) != 0).then(pl.col(name))
    if "spot" in given:
        cleaned["spot"] = pl.when(pl.col("spot") != 0).then(pl.col("spot"))
    return cleaned


def _without_computation(given: frozenset[str]) -> dict[str, pl.Expr]:
    """Blank the Greeks of a row in which nothing was computed: no volatility, all of them zero."""
    names = [name for name in GREEKS if name in given]
    if "vendor_iv" not in given or not names:
        return {}
    zeros = pl.all_horizontal([pl.col(name).fill_null(0.0) == 0.0 for name in names])
    nothing = pl.col("vendor_iv").is_null() & zeros
    blanked = [*names, *(["vendor_price"] if "vendor_price" in given else [])]
    return {name: pl.when(~nothing).then(pl.col(name)) for name in blanked}


def quote_flags(given: frozenset[str]) -> pl.Expr:
    """Return the flags of two-sided quotes, as `kernel.quote.quote_flags` gives one's."""
    if not {"bid", "ask"} <= given:
        return pl.lit(int(QuoteFlag.NO_QUOTE), dtype=pl.Int64)
    bid, ask = pl.col("bid").fill_null(0.0), pl.col("ask").fill_null(0.0)
    wide = pl.when(ask - bid > 0.25 * (ask + bid)).then(int(QuoteFlag.WIDE)).otherwise(0)
    locked = pl.when(bid == ask).then(int(QuoteFlag.LOCKED)).otherwise(0)
    return (
        pl.when((bid <= 0) & (ask <= 0))
        .then(int(QuoteFlag.NO_QUOTE))
        .when(bid <= 0)
        .then(int(QuoteFlag.NO_BID))
        .when(ask <= 0)
        .then(int(QuoteFlag.NO_ASK))
        .when(bid > ask)
        .then(int(QuoteFlag.CROSSED))
        .otherwise(wide | locked)
        .cast(pl.Int64)
    )


def security_batch(
    raw: Raw,
    columns: Mapping[str, pl.Expr],
    *,
    source: str,
    quality: Quality,
    faults: Sequence[Fault] = (),
) -> ImportBatch:
    """Return the batch of a block of quotes of securities: `ts_event`, `symbol` and numbers."""
    given = frozenset(columns)
    prices: dict[str, pl.Expr] = {
        name: pl.when(pl.col(name) != 0).then(pl.col(name))
        for name in ("last", "open", "high", "low", "previous_close")
        if name in given
    }
    marks: dict[str, pl.Expr] = {
        **prices,
        "kind": pl.col("symbol").map_batches(_kinds, return_dtype=pl.String),
        "flags": quote_flags(given),
        "source": pl.lit(source),
        "quality": pl.lit(str(quality)),
    }
    own = [
        undated(),
        Fault("malformed_symbol", "Its symbol cannot be read.", pl.col("symbol").is_null()),
        *faults,
        *impossible(given - {"volume"}),
    ]
    return make_batch(DatasetName.SECURITY_QUOTES, raw, [columns, marks], own)


def _kinds(symbols: pl.Series) -> pl.Series:
    known = {name: str(kind_of(name)) for name in symbols.unique() if name}
    return symbols.replace_strict(known, default=None, return_dtype=pl.String)
