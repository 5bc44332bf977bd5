"""Numbers of vendors for conditions and exchanges, as the letters that OPRA itself uses."""

from __future__ import annotations

from typing import Final

import polars as pl

UNKNOWN: Final = "?"  # a condition of which nobody knows the letter: not a regular print either
CANCELS: Final = ("A", "C", "E", "G")
_FROM_A: Final = "abcdefghijklmnopqrst"

THETADATA_CONDITIONS: Final = {
    0: "",
    50: "",
    18: "I",
    95: "S",
    21: "J",
    40: "A",
    41: "C",
    42: "E",
    43: "G",
    44: "A",
    2: "B",
    20: "D",
    6: "F",
    5: "H",
    **{125 + place: letter for place, letter in enumerate(_FROM_A)},
    147: "u",
    148: "v",
    118: "v",
}
THETADATA_EXCHANGES: Final = {
    1: "Q",
    4: "A",
    5: "C",
    6: "I",
    7: "N",
    9: "X",
    11: "B",
    22: "J",
    31: "H",
    42: "W",
    43: "M",
    46: "D",
    47: "T",
    60: "Z",
    65: "E",
    69: "P",
    73: "U",
}
POLYGON_CONDITIONS: Final = {
    **{201 + place: letter for place, letter in enumerate("ABCDEFGHIJ")},
    219: "S",
    **{227 + place: letter for place, letter in enumerate(_FROM_A + "uv")},
}
POLYGON_EXCHANGES: Final = {300 + ord(letter) - ord("A"): letter for letter in "ABCDEHIJMNPQSTUWXZ"}
# Publishers of the consolidated feed, in the order of their letters, MEMX as the youngest.
DATABENTO_EXCHANGES: Final = {
    20 + place: letter for place, letter in enumerate("ABCDEHIJMNOPQTWXZU") if letter != "O"
}


def letters(codes: pl.Expr, table: dict[int, str], default: str | None) -> pl.Expr:
    """Return the letter of each number; `default` where the table has none, null for null."""
    found = codes.replace_strict(table, default=default, return_dtype=pl.String)
    return pl.when(codes.is_not_null()).then(found)
