"""Research-lab's recordings: chains that lost their roots, daily bars, the Treasury's curve, hours.

Its recorder keeps Cboe's rows in Cboe's order but not their roots; `lost_roots` says how they are
found again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import polars as pl

from optix.adapters.imports import contracts, times
from optix.adapters.imports.csv_text import header_of, read_table
from optix.adapters.imports.files import read_whole
from optix.adapters.imports.json_text import as_raw, load_json, member, names_of, objects, shown
from optix.adapters.imports.lost_roots import indexed, root_lost, roots_by_order
from optix.adapters.imports.quotes import option_batch
from optix.adapters.imports.records import Raw, at, not_numbers, number
from optix.adapters.imports.securities import bar_batch, code_batch, rate_rows
from optix.kernel.quote import Quality
from optix.ports.history import ImportBatch, UnreadableFile

SOURCE: Final = "cboe_research_lab"
BARS_SOURCE: Final = "yahoo_research_lab"
RATES_SOURCE: Final = "treasury_research_lab"
HOURS_SOURCE: Final = "nyse_research_lab"
HEADER: Final = (
    *("quote_ts_et", "symbol", "spot", "expiration", "expiry_epoch", "type", "strike"),
    *("bid", "ask", "last", "iv", "open_interest", "volume"),
)
_TENORS: Final = {"y3m": 91, "y2": 730, "y5": 1826, "y10": 3652, "y20": 7305, "y30": 10957}
_CHAIN: Final = {
    "bid": "bid",
    "ask": "ask",
    "last": "last",
    "volume": "volume",
    "open_interest": "open_interest",
    "vendor_iv": "iv",
}


class ResearchLabChains:
    """Chains as CSV: one line for each contract and capture."""

    name = "research_lab_csv"
    label = "Research-lab chains (CSV)"

    def __init__(self, calendar: times.SessionCalendar) -> None:
        self._calendar = calendar

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its header
        return header_of(head) == HEADER

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        raw = read_table(path, read_whole(path), HEADER, ["strike", "spot", *_CHAIN.values()])
        yield _chain_batch(
            raw,
            self._calendar,
            ts_event=times.local_text(at("quote_ts_et"), times.NEW_YORK),
            symbol=at("symbol"),
            expiration=times.day_of(at("expiration")),
            strike=number("strike"),
            right=at("type"),
            numbers=_CHAIN,
            spot=number("spot"),
        )


class ResearchLabDocument:
    """Chains as the recorder wrote them: one document for each capture."""

    name = "research_lab_json"
    label = "Research-lab chain (JSON)"

    def __init__(self, calendar: times.SessionCalendar) -> None:
        self._calendar = calendar

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its names
        return {"sym", "asof", "o"} <= names_of(head)[0]

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        document = load_json(path)
        symbol, asof = member(document, "sym"), member(document, "asof")
        rows = member(document, "o")
        if not isinstance(symbol, str) or not isinstance(asof, str) or not isinstance(rows, list):
            raise UnreadableFile(f"{path.name} has no symbol, no time or no list of contracts.")
        raw = as_raw(
            rows, texts=["t"], numbers=["e", "k", "b", "a", "l", "v", "oi"], analytics=["iv"]
        )
        raw = replace(raw, frame=raw.frame.with_columns(pl.lit(symbol).alias("@symbol")))
        spot = member(document, "spot")
        seconds = at("e").cast(pl.Int64, strict=False)
        yield _chain_batch(
            raw,
            self._calendar,
            ts_event=times.local_instant(times.wall_clock(pl.lit(asof)), times.NEW_YORK),
            symbol=at("symbol"),
            expiration=times.exchange_date(times.epoch_instant(seconds, "s")),
            strike=number("k"),
            right=at("t"),
            numbers={
                "bid": "b",
                "ask": "a",
                "last": "l",
                "volume": "v",
                "open_interest": "oi",
                "vendor_iv": "iv",
            },
            spot=pl.lit(float(spot) if isinstance(spot, (int, float)) else None, dtype=pl.Float64),
        )


def _chain_batch(
    raw: Raw,
    calendar: times.SessionCalendar,
    *,
    ts_event: pl.Expr,
    symbol: pl.Expr,
    expiration: pl.Expr,
    right: pl.Expr,
    strike: pl.Expr,
    numbers: Mapping[str, str],
    spot: pl.Expr,
) -> ImportBatch:
    keys = raw.frame.select(
        capture=ts_event, symbol=contracts.canonical(symbol), expiration=expiration
    )
    frame = raw.frame.with_columns(roots_by_order(keys, calendar), indexed(keys))
    return option_batch(
        Raw(frame, raw.describe, raw.rejected),
        {
            "ts_event": ts_event,
            **contracts.of_parts(
                root=at("root"), expiration=expiration, right=right, strike=strike
            ),
            **{ours: number(theirs) for ours, theirs in numbers.items()},
            "spot": spot,
        },
        source=SOURCE,
        quality=Quality.DELAYED,
        first=[root_lost()],
        faults=[not_numbers(raw, [*numbers.values(), "spot"])],
    )


class ResearchLabBars:
    """Daily bars of two years. Closes are adjusted for splits, as Yahoo has them."""

    name = "research_lab_bars"
    label = "Research-lab daily bars (JSON)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its names
        return {"sym", "interval", "rows"} <= names_of(head)[0]

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        document = load_json(path)
        symbol = contracts.find_symbol(member(document, "sym"))
        if symbol is None or member(document, "interval") != "1d":
            raise UnreadableFile(f"{path.name} has no symbol or no daily bars.")
        raw = as_raw(objects(member(document, "rows")), numbers=["t", "o", "h", "l", "c", "v"])
        opened = times.epoch_instant(at("t").cast(pl.Int64, strict=False), "ms")
        yield bar_batch(
            raw,
            {
                # Stamped at the open; a bar of ours begins with its day.
                "ts_event": times.midnight(times.exchange_date(opened)),
                "underlying": pl.lit(symbol),
                "symbol": pl.lit(symbol),
                "open": number("o"),
                "high": number("h"),
                "low": number("l"),
                "close": number("c"),
                "volume": pl.when(number("v") > 0).then(number("v")),
            },
            interval="1d",
            source=BARS_SOURCE,
            quality=Quality.DELAYED,
            faults=[not_numbers(raw, ())],
        )


class ResearchLabRates:
    """The Treasury's par yields, nominal and real, in percent."""

    name = "research_lab_rates"
    label = "Treasury curve of research-lab (JSON)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its names
        top, second, _ = names_of(head)
        return "families" in top and "nominal" in second

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        families = member(load_json(path), "families")
        if not isinstance(families, dict):
            raise UnreadableFile(f"{path.name} has no curves.")
        points: list[dict[str, Any]] = []
        for family, content in families.items():
            for row in objects(member(content, "rows")):
                curve = f"treasury_par_{family}"
                day = member(row, "date")
                points += [
                    {"curve": curve, "day": day, "tenor_days": _TENORS.get(name), "percent": value}
                    for name, value in (row.items() if isinstance(row, dict) else ())
                    if name != "date" and value is not None
                ]
        yield rate_rows(points, convention="par_bond", source=RATES_SOURCE)


class ResearchLabHours:
    """Days on which the exchange is closed or closes early."""

    name = "research_lab_hours"
    label = "Exchange hours of research-lab (JSON)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its names
        top = names_of(head)[0]
        return "contractVersion" in top and bool({"calendarId", "regularHours"} & top)

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        document = load_json(path)
        closed = [("holiday", row) for row in objects(member(document, "holidays"))]
        early = [("early_close", row) for row in objects(member(document, "earlyCloses"))]
        days = [(member(row, "dateState"), row) for row in objects(member(document, "rows"))]
        table = "xnys_days" if days else "nyse_hours"
        rows = []
        bad = []
        for state, row in [*closed, *early, *days]:
            day = member(row, "date") or member(row, "tradingDate")
            if isinstance(day, str) and isinstance(state, str):
                hours = member(row, "regular")
                told = member(row, "closureLabel") or _span(hours)
                rows.append({"code": day, "name": state, "description": told})
            else:
                bad.append(shown(row))
        yield code_batch(table, rows, source=HOURS_SOURCE, bad=bad)


def _span(hours: object) -> str:
    start, end = member(hours, "startLocal"), member(hours, "endLocal")
    return f"{start} to {end}" if start and end else ""
