"""Lean's text files: universes, factors, names of the past, the interest rate.

A universe lists the contracts of one root at the end of one session, with open interest, implied
volatility (a fraction) and Greeks; its date is the file's name and its root the folder's. The
prices in it are bars of the mid price, so the last of them is the vendor's price and no trade. Its
row of the underlying is often of another minute or day and is not taken.

A line of a factor or map file says what held up to a date, so an action is the change from one line
to the next, effective on the session after that date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from itertools import pairwise
from math import isclose
from pathlib import Path
from typing import Final

import polars as pl

from optix.adapters.imports import contracts, times
from optix.adapters.imports.csv_text import (
    first_lines,
    header_of,
    read_rows,
    read_table,
    split_header,
)
from optix.adapters.imports.files import read_whole
from optix.adapters.imports.lean_zip import SOURCE
from optix.adapters.imports.quotes import option_batch
from optix.adapters.imports.records import Fault, at, not_numbers, number, shortened
from optix.adapters.imports.securities import action_batch, rate_batch
from optix.kernel.corporate import ActionKind, CorporateAction
from optix.kernel.quote import Quality
from optix.ports.history import ImportBatch, Rejected, UnreadableFile

# Not the source of the bars: at the close both have a row of the same contract and instant.
UNIVERSE_SOURCE: Final = "lean_universe"
UNIVERSE: Final = (
    *("expiry", "strike", "right", "open", "high", "low", "close", "volume", "open_interest"),
    *("implied_volatility", "delta", "gamma", "vega", "theta", "rho"),
)
RATE_HEADER: Final = ("DATE", "PCREDIT8")
_FACTOR: Final = re.compile(r"\d{8}(?:,\d+(?:\.\d+)?){3}", re.ASCII)
_MAP: Final = re.compile(r"\d{8},[a-z0-9.]{1,10}(?:,[A-Z]{1,2}){0,2}", re.ASCII)
_LINES_PROVING = 3
_FACTOR_NOISE = 2e-6  # factors are written with seven digits


class LeanUniverse:
    name = "lean_universe"
    label = "Lean option universe (CSV)"

    def __init__(self, calendar: times.SessionCalendar) -> None:
        self._calendar = calendar

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its header
        names = header_of(head)
        return bool(names) and (names[0].lstrip("#"), *names[1:]) == UNIVERSE

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        day, root = _day_of_name(path), path.parent.name.upper()
        closes = times.close_of(self._calendar, root, day)
        if closes is None:
            raise UnreadableFile(f"{path.name}: its date {day} has no session.")
        _, rest = split_header(read_whole(path))
        raw = read_rows(
            rest, UNIVERSE, [name for name in UNIVERSE if name not in {"expiry", "right"}]
        )
        columns = {
            "ts_event": pl.lit(closes),
            **contracts.of_parts(
                root=pl.lit(root),
                expiration=at("expiry").str.to_date("%Y%m%d", strict=False),
                right=at("right"),
                strike=number("strike"),
            ),
            "volume": number("volume"),
            "open_interest": number("open_interest"),
            "vendor_iv": number("implied_volatility"),
            **{
                f"vendor_{greek}": number(greek)
                for greek in ("delta", "gamma", "vega", "theta", "rho")
            },
            "vendor_price": pl.when(number("close") > 0).then(number("close")),
        }
        underlying = at("expiry").is_null() & at("strike").is_null() & at("right").is_null()
        reason = "The underlying's row of a universe is often of another minute or day."
        yield option_batch(
            raw,
            columns,
            source=UNIVERSE_SOURCE,
            quality=Quality.DELAYED,
            first=[Fault("underlying_row", reason, underlying)],
            faults=[not_numbers(raw, ["volume", "open_interest"])],
        )


class LeanFactors:
    name = "lean_factors"
    label = "Lean factor file (dividends and splits)"

    def __init__(self, calendar: times.SessionCalendar) -> None:
        self._calendar = calendar

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its lines
        return _all_match(_FACTOR, head)

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        symbol = _symbol_of_name(path)
        lines, rejected = _dated_lines(path, _FACTOR)
        actions: list[CorporateAction] = []
        for (day, fields), (_, following) in pairwise(lines):
            price, split, close = (float(value) for value in fields)
            next_price, next_split, _ = (float(value) for value in following)
            ex_date = times.session_after(self._calendar, day)
            if split and not isclose(split, next_split, rel_tol=_FACTOR_NOISE):
                ratio = next_split / split
                actions.append(_action(symbol, ActionKind.SPLIT, ex_date, ratio=_tidy(ratio)))
            # The first line has a close of 1: it is where the data begin, not a price.
            if next_price and close > 1 and not isclose(price, next_price, rel_tol=_FACTOR_NOISE):
                amount = round(close * (1 - price / next_price), 4)
                actions.append(_action(symbol, ActionKind.CASH_DIVIDEND, ex_date, amount=amount))
        yield action_batch(actions, rejected)


class LeanNames:
    name = "lean_names"
    label = "Lean map file (changes of symbols)"

    def __init__(self, calendar: times.SessionCalendar) -> None:
        self._calendar = calendar

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its lines
        return _all_match(_MAP, head) and not _all_match(_FACTOR, head)

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        lines, rejected = _dated_lines(path, _MAP)
        actions = []
        for (day, (old, *_)), (_, (new, *_)) in pairwise(lines):
            if old != new:
                ex_date = times.session_after(self._calendar, day)
                kind = ActionKind.SYMBOL_CHANGE
                actions.append(_action(old.upper(), kind, ex_date, new_symbol=new.upper()))
        yield action_batch(actions, rejected)


class LeanInterestRate:
    name = "lean_rates"
    label = "Lean interest rate (CSV)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its header
        return header_of(head) == RATE_HEADER

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        raw = read_table(path, read_whole(path), RATE_HEADER)
        yield rate_batch(
            raw,
            curve="fed_primary_credit",
            day=times.day_of(at("DATE")),
            rate=number("PCREDIT8") / 100,
            tenor_days=1,
            convention="simple_360",
            source=SOURCE,
        )


def _all_match(pattern: re.Pattern[str], head: bytes) -> bool:
    lines = first_lines(head, _LINES_PROVING)
    return len(lines) > 1 and all(pattern.fullmatch(line) for line in lines)


def _dated_lines(
    path: Path, pattern: re.Pattern[str]
) -> tuple[list[tuple[date, list[str]]], list[Rejected]]:
    """Return the lines by date, and those that cannot be read."""
    good: list[tuple[date, list[str]]] = []
    bad: list[str] = []
    for line in read_whole(path).decode("utf-8", errors="replace").splitlines():
        text = line.strip()
        if not text:
            continue
        day = _parse_day(text[:8]) if pattern.fullmatch(text) else None
        if day is None:
            bad.append(text)
        else:
            good.append((day, text.split(",")[1:]))
    rejected = []
    if bad:
        reason = "The line is not a date with what held up to it."
        example = shortened(bad[0])
        rejected = [Rejected(code="malformed_line", reason=reason, count=len(bad), example=example)]
    return sorted(good), rejected


def _parse_day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007  # a date, no instant
    except ValueError:
        return None


def _day_of_name(path: Path) -> date:
    day = _parse_day(path.name[:8])
    if day is None:
        raise UnreadableFile(f"{path.name}: a universe is called by its date, like 20140609.csv.")
    return day


def _symbol_of_name(path: Path) -> str:
    symbol = contracts.find_symbol(path.name.partition(".")[0].upper())
    if symbol is None:
        raise UnreadableFile(f"{path.name}: a factor file is called by its symbol, like aapl.csv.")
    return symbol


def _tidy(ratio: float) -> float:
    """Return a ratio without the rounding of the factors: 7.0000002 is 7."""
    whole = round(ratio)
    if whole and isclose(ratio, whole, rel_tol=1e-4):
        return float(whole)
    inverse = round(1 / ratio)
    return (
        1 / inverse
        if inverse > 1 and isclose(1 / ratio, inverse, rel_tol=1e-4)
        else round(ratio, 7)
    )


def _action(
    symbol: str,
    kind: ActionKind,
    ex_date: date,
    *,
    amount: float | None = None,
    ratio: float | None = None,
    new_symbol: str = "",
) -> CorporateAction:
    return CorporateAction(
        symbol=symbol,
        kind=kind,
        ex_date=ex_date,
        amount=amount,
        ratio=ratio,
        new_symbol=new_symbol,
        source=SOURCE,
    )
