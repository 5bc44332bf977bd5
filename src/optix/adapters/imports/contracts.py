"""Contracts as columns: root, expiration, right and strike, out of symbols or out of parts.

Roots are never merged: SPX and SPXW of one date and strike are two contracts. A symbol is read from
the right, where its fifteen characters are fixed; what stands before them is the root.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

import polars as pl

from optix.adapters.imports.records import Fault
from optix.kernel.limits import STRIKE_MILLI_MAX
from optix.kernel.roots import underlying_of
from optix.kernel.symbols import MalformedSymbol, parse_symbol, root_of

KEY: Final = ("root", "expiration", "right", "strike_milli")
_ROOT: Final = r"^[0-9]?[A-Z]{1,6}[0-9]?$"
_ROOT_LENGTH_MAX: Final = 6
_STRIKE_NOISE_MAX: Final = 0.01  # of a thousandth: what floats of other programs add
_RIGHTS: Final = {"C": "C", "P": "P", "CALL": "C", "PUT": "P"}


def of_symbol(symbol: pl.Expr) -> dict[str, pl.Expr]:
    """Return the columns of a contract out of its OCC symbol, padded or not, with O: or not."""
    plain = symbol.str.strip_prefix("O:").str.replace_all(" ", "", literal=True)
    tail = plain.str.tail(15)
    regular = tail.str.contains(r"^[0-9]{6}[CP][0-9]{8}$")
    root = plain.str.head(-15)
    return {
        "root": pl.when(regular).then(root),
        "expiration": (pl.lit("20") + tail.str.head(6)).str.to_date("%Y%m%d", strict=False),
        "right": pl.when(regular).then(tail.str.slice(6, 1)),
        "strike_milli": tail.str.tail(8).cast(pl.Int64, strict=False),
    }


def of_parts(
    *, root: pl.Expr, expiration: pl.Expr, right: pl.Expr, strike: pl.Expr
) -> dict[str, pl.Expr]:
    """Return the columns of a contract out of its terms; `strike` in dollars, with float noise."""
    milli = strike * 1000
    exact = milli.round(0)
    fits = (milli - exact).abs() <= _STRIKE_NOISE_MAX
    return {
        "root": root,
        "expiration": expiration,
        "right": right.str.to_uppercase().replace_strict(_RIGHTS, default=None),
        "strike_milli": pl.when(fits).then(exact.cast(pl.Int64, strict=False)),
    }


def malformed() -> Fault:
    """Reject records whose contract cannot be read, or cannot exist."""
    good = (
        pl.col("root").str.contains(_ROOT)
        & (pl.col("root").str.len_bytes() <= _ROOT_LENGTH_MAX)
        & pl.col("expiration").dt.year().is_between(2000, 2099)
        & pl.col("right").is_not_null()
        & pl.col("strike_milli").is_between(1, STRIKE_MILLI_MAX)
    )
    reason = "Its root, expiration, right or strike is no option contract's."
    return Fault("malformed_contract", reason, ~good.fill_null(value=False))


def other_underlying(underlying: pl.Expr) -> Fault:
    """Reject contracts that are not on the underlying their record or document names."""
    different = underlying_column() != underlying
    reason = "The contract is of another underlying than its record or document says."
    return Fault("other_underlying", reason, different.fill_null(value=False))


def underlying_column() -> pl.Expr:
    """Return the underlying of each root."""
    return pl.col("root").map_batches(_underlyings, return_dtype=pl.String)


def _underlyings(roots: pl.Series) -> pl.Series:
    known = {root: name for root in roots.unique() if root and (name := _underlying(root))}
    return roots.replace_strict(known, default=None, return_dtype=pl.String)


@lru_cache(maxsize=16_384)
def _underlying(root: str) -> str | None:
    if not root.isascii() or not root.strip("0123456789").isalpha():
        return None
    return underlying_of(root)


def occ_symbol() -> pl.Expr:
    """Return the OCC symbol of each contract, without padding."""
    return pl.concat_str(
        pl.col("root"),
        pl.col("expiration").dt.strftime("%y%m%d"),
        pl.col("right"),
        pl.col("strike_milli").cast(pl.String).str.zfill(8),
    )


def canonical(symbols: pl.Expr) -> pl.Expr:
    """Return the canonical symbols of stocks and indices: SPX for ^SPX, _SPX, I:SPX and $SPX."""
    return symbols.map_batches(_canonical, return_dtype=pl.String)


def _canonical(symbols: pl.Series) -> pl.Series:
    known = _known_symbols(symbols.unique())
    return symbols.replace_strict(known, default=None, return_dtype=pl.String)


def _known_symbols(symbols: Iterable[object]) -> Mapping[str, str]:
    known = {}
    for text in symbols:
        name = find_symbol(text)
        if name is not None:
            known[str(text)] = name
    return known


@lru_cache(maxsize=16_384)
def find_symbol(text: object) -> str | None:
    """Return the canonical symbol, or None for what is no symbol."""
    if not isinstance(text, str):
        return None
    try:
        return parse_symbol(text.removeprefix("I:"))
    except MalformedSymbol:
        return None


def standard_root(symbols: pl.Expr) -> pl.Expr:
    """Return the root of a symbol's standard contracts: BRKB for BRK.B."""
    return symbols.map_batches(_roots, return_dtype=pl.String)


def _roots(symbols: pl.Series) -> pl.Series:
    known = {text: root_of(name) for text, name in _known_symbols(symbols.unique()).items()}
    return symbols.replace_strict(known, default=None, return_dtype=pl.String)
