"""Numbers of vendors for conditions and exchanges, as the letters that OPRA itself uses."""

from __future__ import annotations

from typing import Final

import polars as pl

from optix.adapters.market_data.polygon import codes as polygon
from optix.adapters.market_data.thetadata import codes as thetadata

UNKNOWN: Final = "?"  # a condition of which nobody knows the letter: not a regular print either
CANCELS: Final = ("A", "C", "E", "G")
THETADATA_CONDITIONS: Final = thetadata.CONDITIONS
THETADATA_EXCHANGES: Final = thetadata.EXCHANGES
POLYGON_CONDITIONS: Final = polygon.CONDITIONS
POLYGON_EXCHANGES: Final = polygon.EXCHANGES
# Publishers of the consolidated feed, in the order of their letters, MEMX as the youngest.
DATABENTO_EXCHANGES: Final = {
    20 + place: letter for place, letter in enumerate("ABCDEHIJMNOPQTWXZU") if letter != "O"
}


def letters(codes: pl.Expr, table: dict[int, str], default: str | None) -> pl.Expr:
    """Return the letter of each number; `default` where the table has none, null for null."""
    found = codes.replace_strict(table, default=default, return_dtype=pl.String)
    return pl.when(codes.is_not_null()).then(found)
