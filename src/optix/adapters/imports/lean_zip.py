"""Lean's zips: bars of options, stocks and indices, one member for each contract.

Prices are in ten-thousandths of a dollar, those of indices in points. A minute is told in
milliseconds since midnight, in New York but in Chicago for indices; hours and days as a date with a
time. A quote bar becomes a quote at the instant its bar ends, because only then it was known: for a
day that is the close of its session. A trade bar stays a bar and begins where it began. Open
interest is published before the session and stands for the end of the one before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import polars as pl

from optix.adapters.imports import contracts, times
from optix.adapters.imports.csv_text import read_rows
from optix.adapters.imports.files import iter_members, member_names
from optix.adapters.imports.quotes import impossible, option_batch
from optix.adapters.imports.records import (
    Fault,
    Raw,
    at,
    make_batch,
    not_numbers,
    number,
    rejected_batch,
    shortened,
)
from optix.adapters.imports.securities import bar_batch
from optix.adapters.market_data.replay.lean_files import DAY_MS, DECI_CENTS
from optix.kernel import limits
from optix.kernel.quote import Quality, SecurityKind
from optix.kernel.symbols import kind_of
from optix.ports.history import DatasetName, ImportBatch, Rejected, UnreadableFile

SOURCE: Final = "lean"
# A day's quote ends at the instant of its last minute's and is another one: the day's has what was
# withdrawn right after the close.
_QUOTE_SOURCES: Final = {"1m": SOURCE, "1h": "lean_hour", "1d": "lean_day"}
_MEMBER: Final = re.compile(
    r"(?:(?P<day>\d{8})_)?(?P<root>[a-z0-9.]{1,8})_(?:minute_)?"
    r"(?P<type>quote|trade|openinterest)_(?:american|european)_"
    r"(?P<right>call|put)_(?P<strike>\d{1,12})_(?P<expiration>\d{8})\.csv",
    re.ASCII | re.IGNORECASE,
)
_SECURITY: Final = re.compile(
    r"(?:(?P<day>\d{8})_)?(?P<symbol>[a-z0-9.]{1,8})(?P<minute>_minute_trade)?\.csv",
    re.ASCII | re.IGNORECASE,
)
_LINE: Final = re.compile(rb"(?:\d{1,8}|\d{8} \d\d:\d\d)(?:,-?\d*(?:\.\d+)?){5}\s*(?:\n|\r|\Z)")
_NAMES: Final = {
    "quote": (
        *("bid_open", "bid_high", "bid_low", "bid", "bid_size"),
        *("ask_open", "ask_high", "ask_low", "ask", "ask_size"),
    ),
    "trade": ("open", "high", "low", "close", "volume"),
    "openinterest": ("open_interest",),
}
_MINUTE_NS, _HOUR_NS = 60 * times.SECOND, 3_600 * times.SECOND
_INTEREST_NS: Final = 390 * _MINUTE_NS  # 06:30 in New York, when it is published
_DAY_TIME: Final = "%Y%m%d %H:%M"


class _Member(NamedTuple):
    name: str
    root: str
    right: str
    strike_milli: int | None
    expiration: str
    day: str


@dataclass(slots=True)
class _Block:
    """Members of one kind, joined: each line begins with the place of its member."""

    members: list[_Member] = field(default_factory=list)
    body: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, member: _Member, text: bytes) -> None:
        mark = b"%d," % len(self.members)
        self.members.append(member)
        lines = text.replace(b"\r\n", b"\n").strip(b"\n")
        if lines:
            self.body.append(mark + lines.replace(b"\n", b"\n" + mark))
            self.size += len(self.body[-1])


class LeanOptionBars:
    """Minute, hour and day bars of option quotes and trades, and open interest."""

    name = "lean_options"
    label = "Lean option bars (zip)"

    def __init__(self, calendar: times.SessionCalendar) -> None:
        self._calendar = calendar

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its members
        names = member_names(path)
        return bool(names) and _MEMBER.fullmatch(names[0]) is not None

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        blocks = {kind: _Block() for kind in _NAMES}
        strange: list[str] = []
        for name, text in iter_members(path):
            found = _MEMBER.fullmatch(name)
            if found is None:
                strange += [f"{name}: {line}" for line in _lines(text)]
                continue
            block = blocks[found["type"].lower()]
            block.add(_member(found), text)
            if block.size >= limits.IMPORT_BLOCK_BYTES_MAX:
                yield self._batch(found["type"].lower(), block)
                blocks[found["type"].lower()] = _Block()
        for kind, block in blocks.items():
            if block.size:
                yield self._batch(kind, block)
        if strange:
            yield _strange(strange)

    def _batch(self, kind: str, block: _Block) -> ImportBatch:
        raw = _with_members(block, kind)
        interval, start = _clock(raw)
        if kind == "quote":
            return self._quotes(raw, interval, start)
        if kind == "trade":
            return _trades(raw, interval, start)
        return self._interest(raw, interval, start)

    def _quotes(self, raw: Raw, interval: str, start: pl.Expr) -> ImportBatch:
        ends = {"1m": start + _MINUTE_NS, "1h": start + _HOUR_NS}
        return option_batch(
            raw,
            {
                "ts_event": ends[interval] if interval in ends else self._close(start),
                **_contract(),
                "bid": number("bid") / DECI_CENTS,
                "ask": number("ask") / DECI_CENTS,
                "bid_size": number("bid_size"),
                "ask_size": number("ask_size"),
            },
            source=_QUOTE_SOURCES[interval],
            quality=Quality.DELAYED,
            faults=[not_numbers(raw, _NAMES["quote"])],
        )

    def _interest(self, raw: Raw, interval: str, start: pl.Expr) -> ImportBatch:
        day = times.exchange_date(start)
        # Files of hours and days have lost the minute at which it was published.
        published = start if interval == "1m" else times.midnight(day) + _INTEREST_NS
        columns = {
            "ts_event": published,
            **_contract(),
            "open_interest": number("open_interest"),
        }
        marks = {
            "underlying": contracts.underlying_column(),
            "date": day.map_batches(self._session_before, return_dtype=pl.Date),
            "source": pl.lit(SOURCE),
            "quality": pl.lit(str(Quality.DELAYED)),
        }
        faults = [
            times.undated(),
            contracts.malformed(),
            not_numbers(raw, ["open_interest"]),
            Fault("missing_field", "It has no number.", pl.col("open_interest").is_null()),
            *impossible(frozenset(columns)),
        ]
        return make_batch(DatasetName.OPEN_INTEREST, raw, [columns, marks], faults)

    def _session_before(self, days: pl.Series) -> pl.Series:
        return times.sessions_before(self._calendar, days)

    def _close(self, start: pl.Expr) -> pl.Expr:
        """Return when the bar of a day ends: at the close of its session for that root."""
        keys = pl.struct(root=at("root"), day=times.exchange_date(start))
        return keys.map_batches(
            lambda pairs: times.closes_of(self._calendar, pairs), return_dtype=pl.Int64
        )


class LeanSecurityBars:
    """Minute and day bars of stocks, ETFs and indices, as traded and not adjusted."""

    name = "lean_securities"
    label = "Lean stock and index bars (zip)"

    def recognises(self, path: Path, head: bytes) -> bool:
        names = member_names(path)
        known = len(names) == 1 and _SECURITY.fullmatch(names[0]) is not None
        return known and _LINE.match(head) is not None

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        for name, text in iter_members(path):
            found = _SECURITY.fullmatch(name)
            symbol = contracts.find_symbol(found["symbol"].upper()) if found else None
            if found is None or symbol is None:
                raise UnreadableFile(f"{path.name} holds {name[:80]}, which names no symbol.")
            block = _Block()
            block.add(_Member(name, "", "", None, "", found["day"] or ""), text)
            raw = _with_members(block, "trade")
            index = kind_of(symbol) is SecurityKind.INDEX
            interval, start = _clock(
                raw, times.CHICAGO if index and found["minute"] else times.NEW_YORK
            )
            scale = 1 if index else DECI_CENTS
            columns = {
                "ts_event": start,
                "underlying": pl.lit(symbol),
                "symbol": pl.lit(symbol),
                **{price: number(price) / scale for price in ("open", "high", "low", "close")},
            }
            if not index:  # what stands there for an index counts ticks
                columns["volume"] = number("volume")
            yield bar_batch(
                raw,
                columns,
                interval=interval,
                source=SOURCE,
                quality=Quality.DELAYED,
                faults=[not_numbers(raw, _NAMES["trade"])],
            )


def _trades(raw: Raw, interval: str, start: pl.Expr) -> ImportBatch:
    # The terms are checked before they are made into a symbol, which is null where one is missing.
    terms = _contract()
    frame = raw.frame.with_columns(**terms)
    symbol = pl.when(~contracts.malformed().when).then(contracts.occ_symbol())
    return bar_batch(
        Raw(frame, raw.describe, raw.rejected),
        {
            "ts_event": start,
            "underlying": contracts.underlying_column(),
            "symbol": symbol,
            **{price: number(price) / DECI_CENTS for price in ("open", "high", "low", "close")},
            "volume": number("volume"),
        },
        interval=interval,
        source=SOURCE,
        quality=Quality.DELAYED,
        faults=[not_numbers(raw, _NAMES["trade"])],
    )


def _member(found: re.Match[str]) -> _Member:
    ten_thousandths = int(found["strike"])
    return _Member(
        name=found[0],
        root=found["root"].upper(),
        right=found["right"][0].upper(),
        strike_milli=None if ten_thousandths % 10 else ten_thousandths // 10,
        expiration=found["expiration"],
        day=found["day"] or "",
    )


def _with_members(block: _Block, kind: str) -> Raw:
    """Return the lines of a block with what the names of their members say."""
    lines = read_rows(b"\n".join(block.body), ("member", "time", *_NAMES[kind]), _NAMES[kind])
    columns = {
        f"@{name}": pl.Series([getattr(member, name) for member in block.members])
        for name in ("root", "right", "expiration", "day")
    }
    strikes = [member.strike_milli for member in block.members]
    table = pl.DataFrame({**columns, "@strike": pl.Series(strikes, dtype=pl.Int64)})
    place = lines.frame["@member"].cast(pl.UInt32)
    frame = lines.frame.drop("@member").hstack(table[place])

    def describe(position: int) -> str:
        member, _, line = lines.describe(position).partition(",")
        return f"{block.members[int(member)].name}: {line}"

    return Raw(frame, describe, lines.rejected)


def _contract() -> dict[str, pl.Expr]:
    return {
        "root": at("root"),
        "expiration": at("expiration").str.to_date("%Y%m%d", strict=False),
        "right": at("right"),
        "strike_milli": at("strike"),
    }


def _clock(raw: Raw, zone: str = times.NEW_YORK) -> tuple[str, pl.Expr]:
    """Return the interval of a file's bars and when each begins."""
    text = raw.frame["@time"]
    with_date = bool(text.str.contains(" ", literal=True).first())
    if not with_date:
        day = at("day").str.to_date("%Y%m%d", strict=False)
        ms = at("time").cast(pl.Int64, strict=False)
        # The wall clock and not the length of the day: clocks change on some of them.
        naive = day.cast(pl.Datetime("us")) + pl.duration(milliseconds=ms)
        within = pl.when(ms.is_between(0, DAY_MS, closed="left")).then(naive)
        return "1m", times.local_instant(within, zone)
    start = at("time").str.to_datetime(_DAY_TIME, time_unit="us", strict=False)
    daily = bool(text.str.ends_with(" 00:00").all())
    return "1d" if daily else "1h", times.local_instant(start, zone)


def _lines(text: bytes) -> list[str]:
    return [line for line in text.decode("utf-8", errors="replace").splitlines() if line.strip()]


def _strange(lines: Sequence[str]) -> ImportBatch:
    reason = "The file in the zip has not the name of a contract."
    entry = Rejected(
        code="malformed_contract", reason=reason, count=len(lines), example=shortened(lines[0])
    )
    return rejected_batch(DatasetName.OPTION_QUOTES, [entry])
