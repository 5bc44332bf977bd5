"""Tables that hold no prices: earnings dates, exchange days, ThetaData's codes; and documents.

A document (a licence, a readme, a note of how a file was captured) has no record. It is recognised
all the same, so that a folder is accounted for to its last file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import polars as pl

from optix.adapters.imports import contracts, times
from optix.adapters.imports.csv_text import first_lines, header_of, read_table
from optix.adapters.imports.files import read_whole
from optix.adapters.imports.json_text import names_of
from optix.adapters.imports.records import Fault, at, make_batch
from optix.ports.history import DatasetName, ImportBatch, UnreadableFile

EARNINGS: Final = "swing_trading_usa"
EXCHANGE: Final = "exchange_calendars"
THETADATA: Final = "thetadata"
_EARNINGS: Final = ("symbol", "report_date")
_HOLIDAYS: Final = ("date",)
_EARLY: Final = ("", "open_et", "close_et")
# The header of each of ThetaData's tables: its name, then the columns of code, name, description.
_TABLES: Final[Mapping[tuple[str, ...], tuple[str, str, str, str]]] = {
    ("code", "name", "symbol"): ("exchanges", "code", "symbol", "name"),
    ("Code", "Name", "Firm", "Halted"): ("quote_conditions", "Code", "Name", ""),
    (
        *("Code", "Name", "Cancel", "LateReport", "AutoExecuted", "OpenReport"),
        *("Volume", "High", "Low", "Last", "Description"),
    ): ("trade_conditions", "Code", "Name", "Description"),
    ("condition", "rust_variant", "python_exception", "cpp_exception"): (
        *("errors", "condition", "rust_variant"),
        "python_exception",
    ),
}
_NAMES: Final = re.compile(r"(licen[cs]e|notice|readme|provenance)\b", re.IGNORECASE)
_SUFFIXES: Final = (".md", ".txt", ".rst", ".toml", ".license", "")
_TEXT_LENGTH_MAX: Final = 250
_LINES_PROVING: Final = 3


class EarningsDates:
    name = "earnings_dates"
    label = "Earnings dates (CSV)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its header
        return header_of(head) == _EARNINGS

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        raw = read_table(path, read_whole(path), _EARNINGS)
        columns = {
            "symbol": contracts.canonical(at("symbol")),
            "date": times.day_of(at("report_date")),
            "source": pl.lit(EARNINGS),
        }
        faults = [
            Fault("malformed_symbol", "Its symbol cannot be read.", pl.col("symbol").is_null()),
            times.undated("date"),
        ]
        yield make_batch(DatasetName.EARNINGS, raw, [columns], faults)


class ExchangeDays:
    """Holidays, and days that close early."""

    name = "exchange_days"
    label = "Exchange holidays and early closes (CSV)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its lines
        if header_of(head) == _EARLY:
            return True
        days = first_lines(head, _LINES_PROVING)[1:]
        dated = all(re.fullmatch(r"\d{4}-\d\d-\d\d", day) for day in days)
        return header_of(head) == _HOLIDAYS and bool(days) and dated

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        body = read_whole(path)
        early = header_of(body) == _EARLY
        raw = read_table(path, body, ["index", *_EARLY[1:]] if early else _HOLIDAYS)
        told = (
            pl.concat_str(at("open_et"), pl.lit(" to "), at("close_et")) if early else pl.lit(None)
        )
        columns = {
            "code": times.day_of(at("index" if early else "date")).dt.strftime("%Y-%m-%d"),
            "name": pl.lit("early_close" if early else "holiday"),
            "description": told.cast(pl.String),
            "table": pl.lit("xnys_early_closes" if early else "xnys_holidays"),
            "source": pl.lit(EXCHANGE),
        }
        yield make_batch(DatasetName.CODES, raw, [columns], [times.undated("code")])


class ThetaDataCodes:
    name = "thetadata_codes"
    label = "ThetaData code table (CSV)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its header
        return header_of(head) in _TABLES

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        body = read_whole(path)
        names = header_of(body)
        if names not in _TABLES:
            raise UnreadableFile(f"{path.name} has not the columns of a code table.")
        table, code, name, description = _TABLES[names]
        columns = {
            "code": _text(code),
            "name": _text(name),
            "table": pl.lit(table),
            "source": pl.lit(THETADATA),
        }
        if description:
            columns["description"] = _text(description)
        nothing = Fault("no_code", "The row has no code.", pl.col("code").is_null())
        yield make_batch(DatasetName.CODES, read_table(path, body, names), [columns], [nothing])


def _text(name: str) -> pl.Expr:
    return at(name).str.strip_chars().str.head(_TEXT_LENGTH_MAX)


class Documents:
    name = "documents"
    label = "Licences, readmes and notes"

    def recognises(self, path: Path, head: bytes) -> bool:
        if b"\x00" in head or any(names_of(head)):
            return False
        if path.name.lower().endswith(".meta.toml"):
            return True
        named = _NAMES.match(path.name) or path.suffix.lower() == ".license"
        return bool(named) and path.suffix.lower() in _SUFFIXES

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        read_whole(path)  # so that an unreadable one is told
        return iter(())
