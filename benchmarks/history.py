"""Speed of the market's memory: `make -s bench NAME=history` (ARGS="--rows 2000000 --rounds 5").

An export of a vendor is generated as CSV and imported as `optix import` does it: read in blocks by
whole columns, checked, freed of repeats, stored and synced. The same chains in the format of a
collector whose importer the product has are `import_chains_…`. Ten million rows, a year of daily
chains, then lie in a store that answers one chain as of one instant and one contract's year. What
stands beside the figures goes to stderr, the slowest round too; the last line of stdout is one JSON
object of figure → number. The exit code is 1 when a figure misses its budget (docs/budgets.md).
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import psutil

from optix.adapters.history import HistoryStore
from optix.adapters.history.storage import Folder
from optix.adapters.imports.csv_text import header_of, read_rows, split_header
from optix.adapters.imports.files import iter_blocks
from optix.kernel.clock import to_ns
from optix.kernel.instrument import OptionContract, Right
from optix.ports.history import DatasetName, ImportBatch, Importer
from optix.processes.import_history import import_paths
from optix.processes.importers import all_importers

AT_LEAST: Final[dict[str, float]] = {"import_rows_per_s": 1_000_000}
AT_MOST: Final[dict[str, float]] = {"asof_chain_ms": 50, "contract_year_ms": 100}

UNDERLYINGS: Final = ("SPY", "QQQ", "IWM", "AAPL")
CONTRACTS: Final = 10_000  # of one underlying on one day: 25 expirations of 200 strikes
NEW_YORK: Final = ZoneInfo("America/New_York")
FIRST_DAY: Final = date(2023, 1, 3)


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def sessions() -> Iterator[date]:
    day = FIRST_DAY
    while True:
        if day.weekday() < 5:
            yield day
        day += timedelta(days=1)


@dataclass(slots=True)
class Market:
    """Chains of made-up underlyings, day after day: prices walk, the listing rolls."""

    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))
    level: dict[str, float] = field(default_factory=lambda: dict.fromkeys(UNDERLYINGS, 400.0))

    def chain(self, underlying: str, day: date) -> pl.DataFrame:
        """The closing chain of one underlying in a vendor's columns."""
        rng = self.rng
        self.level[underlying] *= float(np.exp(rng.normal(0, 0.01)))
        spot = round(self.level[underlying], 2)
        friday = day + timedelta(days=(4 - day.weekday()) % 7)
        expirations = np.repeat([friday + timedelta(weeks=week) for week in range(25)], 400)
        strikes = np.tile(np.repeat(np.arange(300.0, 500.0), 2), 25)
        calls = np.tile([True, False], CONTRACTS // 2)
        years = np.repeat(np.arange(25) + 0.5, 400) / 52
        iv = 0.2 + 0.1 * np.abs(np.log(strikes / spot)) + rng.normal(0, 0.005, CONTRACTS)
        inner = np.maximum(np.where(calls, spot - strikes, strikes - spot), 0)
        width = spot * iv * np.sqrt(years)
        bid = np.round(inner + 0.4 * width * np.exp(-(((strikes - spot) / width) ** 2) / 2), 2)
        delta = 1 / (1 + np.exp(-1.7 * (spot - strikes) / width)) - np.where(calls, 0, 1)
        return pl.DataFrame(
            {
                "quote_date": [f"{day}"] * CONTRACTS,
                "underlying": [underlying] * CONTRACTS,
                "expiration": [f"{expiration}" for expiration in expirations],
                "strike": strikes,
                "type": np.where(calls, "call", "put"),
                "bid": bid,
                "ask": np.round(bid + 0.01 * rng.integers(1, 20, CONTRACTS), 2),
                "bid_size": rng.integers(0, 800, CONTRACTS),
                "ask_size": rng.integers(0, 800, CONTRACTS),
                "last": np.round(bid + 0.05, 2),
                "volume": rng.poisson(30, CONTRACTS),
                "open_interest": rng.integers(0, 20_000, CONTRACTS),
                "implied_vol": np.round(iv, 4),
                "delta": np.round(delta, 4),
                "gamma": np.round(0.4 / width * np.exp(-(((strikes - spot) / width) ** 2) / 2), 6),
                "spot": [spot] * CONTRACTS,
            }
        )


def as_collected(chain: pl.DataFrame) -> pl.DataFrame:
    """Return a chain as the collector of `syzwang_csv` writes it."""
    return chain.select(
        pl.col("quote_date").alias("date"),
        (pl.col("quote_date") + " 16:00:00").alias("timestamp"),
        pl.col("underlying").alias("ticker"),
        *("spot", "expiration", "type", "strike", "last", "volume", "open_interest"),
        pl.col("implied_vol").alias("iv"),
        "delta",
    )


def write_csv(
    path: Path, rows: int, shape: Callable[[pl.DataFrame], pl.DataFrame] = pl.DataFrame.clone
) -> int:
    """Write a vendor's export; return its rows."""
    market, written = Market(), 0
    with path.open("wb") as file:
        for day in sessions():
            for underlying in UNDERLYINGS:
                if written >= rows:
                    return written
                chain = shape(market.chain(underlying, day))
                chain.write_csv(file, include_header=written == 0)
                written += CONTRACTS
    raise AssertionError("days never end")


def stored_columns(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Return a vendor's columns as those of the dataset: what an importer of such a file does."""
    day = pl.col("quote_date").str.to_date("%Y-%m-%d")
    close = (day.cast(pl.Datetime("us")) + pl.duration(hours=16)).dt.replace_time_zone(
        str(NEW_YORK)
    )
    return lines.select(
        (close.dt.epoch("us") * 1_000).alias("ts_event"),
        "underlying",
        pl.col("underlying").alias("root"),
        pl.col("expiration").str.to_date("%Y-%m-%d"),
        pl.when(pl.col("type") == "call").then(pl.lit("C")).otherwise(pl.lit("P")).alias("right"),
        (pl.col("strike") * 1000).round().cast(pl.Int64).alias("strike_milli"),
        "bid",
        "ask",
        "bid_size",
        "ask_size",
        "last",
        "volume",
        "open_interest",
        pl.col("implied_vol").alias("vendor_iv"),
        pl.col("delta").alias("vendor_delta"),
        pl.col("gamma").alias("vendor_gamma"),
        "spot",
        pl.lit("bench").alias("source"),
        pl.lit("delayed").alias("quality"),
    )


class Export:
    """The importer of the export, of the same parts as those of the product."""

    name = "bench"
    label = "A vendor's export (CSV)"
    texts = frozenset({"quote_date", "underlying", "expiration", "type"})

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its header
        return header_of(head)[:2] == ("quote_date", "underlying")

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        names: Sequence[str] = ()
        for block in iter_blocks(path):
            body = block
            if not names:
                names, body = split_header(block)
            raw = read_rows(body, names, set(names) - self.texts)
            frame = raw.frame.rename(lambda name: name.removeprefix("@"))
            rows = stored_columns(frame.lazy()).collect()
            yield ImportBatch(
                dataset=DatasetName.OPTION_QUOTES,
                rows=rows,
                records=rows.height + sum(entry.count for entry in raw.rejected),
                rejected=raw.rejected,
            )


def import_csv(
    path: Path, folder: Path, importers: Sequence[Importer], expected: int
) -> tuple[float, float]:
    """Import a file; return the seconds, and the CPU seconds, until every row is safe."""
    begin, cpu = time.perf_counter(), time.process_time()
    store = HistoryStore(Folder(folder))
    report = import_paths(store, importers, [path], dry_run=False, say=lambda _: None)
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    (file,) = report.files
    assert file.stored == expected, f"{file.stored} of {expected} rows were stored: {file}"
    return seconds, cpu


def measure_import(folder: Path, rows: int, rounds: int) -> dict[str, float]:
    wide = measure_file(
        folder, "import", rows, rounds, shape=pl.DataFrame.clone, importers=[Export()]
    )
    chains = measure_file(
        folder, "import_chains", rows, rounds, shape=as_collected, importers=all_importers()
    )
    return wide | chains


def measure_file(
    folder: Path,
    name: str,
    rows: int,
    rounds: int,
    *,
    shape: Callable[[pl.DataFrame], pl.DataFrame],
    importers: Sequence[Importer],
) -> dict[str, float]:
    path = folder / "export.csv"
    count = write_csv(path, rows, shape)
    size = path.stat().st_size
    with path.open("rb") as file:
        columns = len(header_of(file.readline()))
    say(f"{name}: {count} rows of {columns} columns, {size / 1e6:.0f} MB of CSV")
    spent = []
    for number in range(rounds):
        target = folder / f"{name}-{number}"
        spent.append(import_csv(path, target, importers, count))
        stored = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
        if number < rounds - 1:
            shutil.rmtree(target)
    again, _ = import_csv(path, target, importers, expected=0)
    seconds = [wall for wall, _ in spent]
    cpu = statistics.median(used for _, used in spent)
    say(f"  seconds: {', '.join(f'{value:.2f}' for value in seconds)}; once more: {again:.2f}")
    say(f"  CPU seconds: {cpu:.2f}")
    path.unlink()
    shutil.rmtree(target)
    figures = {
        f"{name}_rows_per_s": count / statistics.median(seconds),
        f"{name}_rows_per_s_best": count / min(seconds),
        f"{name}_rows_per_s_worst": count / max(seconds),
        f"{name}_rows_per_cpu_s": count / cpu,
        f"{name}_again_rows_per_s": count / again,
    }
    if name == "import":
        figures |= {"bytes_per_row": stored / count, "csv_bytes_per_row": size / count}
    return figures


def fill(folder: Path, rows: int) -> tuple[HistoryStore, list[date]]:
    """Write daily chains, as the capture would, day by day."""
    market, days, written = Market(), [], 0
    store = HistoryStore(Folder(folder))
    with store.writing("the benchmark") as writer:
        for day in sessions():
            if written >= rows:
                break
            days.append(day)
            for underlying in UNDERLYINGS:
                chain = stored_columns(market.chain(underlying, day).lazy()).collect()
                written += writer.write(
                    ImportBatch(dataset=DatasetName.OPTION_QUOTES, rows=chain, records=chain.height)
                ).stored
    say(f"store: {written} rows, {len(days)} sessions of {len(UNDERLYINGS)} underlyings")
    return store, days


def close_of(day: date) -> int:
    return to_ns(datetime.combine(day, clock_time(16), tzinfo=NEW_YORK))


def timed(name: str, rounds: int, ask: Callable[[int], int]) -> dict[str, float]:
    """Return the median and the worst milliseconds of one question, each round another one."""
    ask(0)
    spent = []
    for number in range(rounds):
        begin = time.perf_counter()
        found = ask(number)
        spent.append((time.perf_counter() - begin) * 1e3)
        assert found, "an answer without rows measures nothing"
    say(f"  {name}: {statistics.median(spent):.1f} ms, worst {max(spent):.1f}")
    return {name: statistics.median(spent), f"{name}_worst": max(spent)}


def measure_questions(folder: Path, rows: int, rounds: int) -> dict[str, float]:
    store, days = fill(folder / "year", rows)
    reader = store.reader()
    rng = np.random.default_rng(3)
    asked = rng.integers(1, len(days), rounds)

    def whole_chain(number: int) -> int:
        at_ns = close_of(days[asked[number]])
        underlying = UNDERLYINGS[number % len(UNDERLYINGS)]
        tables = reader.chain_as_of(underlying, None, at_ns, since_ns=at_ns - 86_400 * 10**9)
        return sum(len(table) for table in tables)

    def one_expiration(number: int) -> int:
        day = days[asked[number]]
        friday = day + timedelta(days=(4 - day.weekday()) % 7 + 28)
        at_ns = close_of(day) + 3_600 * 10**9
        tables = reader.chain_as_of("QQQ", friday, at_ns, since_ns=at_ns - 86_400 * 10**9)
        return sum(len(table) for table in tables)

    def year_of_contract(number: int) -> int:
        friday = days[0] + timedelta(days=(4 - days[0].weekday()) % 7 + 7 * (12 + number % 12))
        strike = 350_000 + 1_000 * int(rng.integers(0, 100))
        contract = OptionContract("IWM", friday, Right.CALL, strike)
        series = reader.contract_series(
            contract, start_ns=close_of(days[0]), end_ns=close_of(days[-1])
        )
        return 0 if series is None else len(series.ts_event)

    return {
        **timed("asof_chain_ms", rounds, whole_chain),
        **timed("asof_expiration_ms", rounds, one_expiration),
        **timed("contract_year_ms", rounds, year_of_contract),
    }


def misses(figures: dict[str, float]) -> Iterator[str]:
    for name, value in figures.items():
        if value < AT_LEAST.get(name, value):
            yield f"{name} is {value:.4g}, below {AT_LEAST[name]:g}"
        if value > AT_MOST.get(name, value):
            yield f"{name} is {value:.4g}, above {AT_MOST[name]:g}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Speed of the market's memory")
    parser.add_argument("--rows", type=int, default=2_000_000, help="of the imported file")
    parser.add_argument("--stored", type=int, default=10_000_000, help="rows that are asked")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--questions", type=int, default=40)
    given = parser.parse_args()
    load, _, _ = psutil.getloadavg()
    say(f"{psutil.cpu_count()} cores, load {load:.1f}")
    with tempfile.TemporaryDirectory(prefix="optix-history-") as name:
        figures = measure_import(Path(name), given.rows, given.rounds)
        figures |= measure_questions(Path(name), given.stored, given.questions)
    missed = list(misses(figures))
    for sentence in missed:
        say(f"MISSED {sentence}")
    print(json.dumps({name: float(f"{value:.4g}") for name, value in figures.items()}))
    return int(bool(missed))


if __name__ == "__main__":
    raise SystemExit(main())
