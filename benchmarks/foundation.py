"""Start, latency, throughput, memory and truth of the foundation: `make -s bench NAME=foundation`.

Everything is measured on the real program from outside, in data folders of its own. Progress,
verdicts and what stands beside the figures go to stderr; the last line of stdout is one JSON object
of figure → number. A figure that cannot be measured here is null, with the reason on stderr. The
exit code is 1 when a figure is over its budget.
"""

from __future__ import annotations

import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from math import isfinite
from pathlib import Path
from typing import Any, Final

import orjson
import psutil
from benchmarks import iwm_accuracy
from benchmarks.program import POLL_SECONDS, DidNotStart, Program
from benchmarks.reader import Reader, Served, frames, quote_rows, subscribe

from optix.adapters.market_data.cboe.quotedata import read_quotedata, translate_quotedata
from optix.adapters.market_data.recording import RecordingWriter
from optix.kernel.clock import NANOSECONDS, SystemClock
from optix.kernel.quote import Quality, Quote, SecurityKind

ROOT: Final = Path(__file__).resolve().parents[1]
IWM: Final = "market/cboe/json/IWM_20260617T203253Z.json.gz"
SPX: Final = "market/cboe/csv/SPX_2023-09-14.csv.gz"

# What a figure may be at the most; figures without one are reported.
BUDGETS: Final[dict[str, float]] = {
    "second_start_s": 10.0,
    "idle_rss_mb": 350.0,
    "first_screen_gzip_kb": 600.0,
    "iwm_iv_median_abs_diff": 0.005,
    "iwm_rows_unaccounted": 0.0,
    "spx_duplicate_keys_lost": 0.0,
}

STARTS: Final = 3
IDLE_SECONDS: Final = 20.0
CHAIN_ROWS_MIN: Final = 200
CHAIN_REQUESTS: Final = 2_000
TICK_SYMBOLS: Final = ("AAPL", "AMD", "AMZN", "BAC", "DIA", "F", "GLD", "INTC")
TICK_SECONDS: Final = 0.05  # eight symbols: each has 0.4 s until its next tick replaces this one
TICKS: Final = 1_200
TICKS_SEEN: Final = 600
TICKS_START_NS: Final = 1_781_704_800 * NANOSECONDS  # 2026-06-17 14:00 UTC
MIB: Final = 1024 * 1024

Figures = dict[str, float | None]


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def measure_starts(folder: Path) -> Figures:
    """The first start makes the folder; the others are warm. Medians of those."""
    with Program.up(folder) as program:
        say(f"first start in an empty data folder: {program.wait_until_ready():.2f} s")
    ready, quoted = [], []
    for _ in range(STARTS):
        with Program.up(folder) as program:
            ready.append(program.wait_until_ready())
            with Reader.try_it(program.url) as reader:
                quote = reader.get("/api/v1/quotes/SPY")
                quoted.append(time.perf_counter() - program.started)
                assert quote["last"] > 0, "a quote has a price"
    say(f"second starts: {_seconds(ready)}; until the first quote: {_seconds(quoted)}")
    return {
        "second_start_s": statistics.median(ready),
        "first_quote_s": statistics.median(quoted),
    }


def measure_idle(folder: Path) -> Figures:
    """Memory of everything that was started, with nobody looking."""
    with Program.up(folder) as program:
        program.wait_until_ready()
        time.sleep(IDLE_SECONDS)
        resident: Counter[str] = Counter()
        proportional = 0
        for process in program.everything():
            memory = process.memory_full_info()
            resident[process.name()] += memory.rss
            proportional += getattr(memory, "pss", memory.rss)
    for name, size in resident.most_common():
        say(f"  {name}: {size / MIB:.1f} MB")
    return {
        "idle_rss_mb": resident.total() / MIB,
        "idle_pss_mb": proportional / MIB,
    }


def measure_chain(folder: Path) -> Figures:
    """Chain answers for each second of CPU of a process that serves only the API.

    The feed is in the other process and changes the chain meanwhile, as it does on a market day.
    """
    with Program.up(folder) as market:
        market.wait_until_ready()
        with Reader.try_it(market.url) as reader:
            path, rows = _long_chain(reader)
            with Program.component("api", folder) as api:
                api.wait_until_ready()
                alone = _load(api, path, reader.token)
                together = _load(market, path, reader.token)
    say(f"chain of {rows} rows, {alone['bytes'] / 1024:.0f} kB: p99 {alone['p99_ms']:.1f} ms")
    say(f"  in one process with the feed: {together['rps_core']:.0f} a second and core")
    return {"chain_rps_core": alone["rps_core"], "chain_p99_ms": alone["p99_ms"]}


def _long_chain(reader: Reader) -> tuple[str, int]:
    listed = reader.get("/api/v1/options/expirations/SPY")["expirations"]
    day, rows = next(
        (expiration["date"], contracts)
        for expiration in listed
        if (contracts := sum(root["contracts"] for root in expiration["roots"])) >= CHAIN_ROWS_MIN
    )
    return f"/api/v1/options/chain/SPY?expiration={day}", rows


def _load(program: Program, path: str, token: str) -> dict[str, float]:
    before = program.cpu_seconds()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.load"),
            *(program.url, path, token, str(CHAIN_REQUESTS)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found | {"rps_core": found["requests"] / (program.cpu_seconds() - before)}


def measure_stream(folder: Path, recording: Path) -> Figures:
    """From the instant of a recorded tick to the frame that brings it.

    The replay's clock runs with the wall clock; each heartbeat tells both, to the millisecond.
    """
    write_ticks(recording)
    clock = SystemClock()
    delays_ms: list[float] = []
    offset_ms: float | None = None  # server time less market time
    with Program.up(folder, replay=recording) as program:
        program.wait_until_ready()
        reader = Reader.try_it(program.url)
        while reader.get("/api/v1/market/status")["feed"]["state"] != "live":
            time.sleep(POLL_SECONDS)  # before that the market clock is the wall clock
        known: dict[str, int] = {}
        with reader, reader.socket() as socket:
            subscribe(socket, 1, list(TICK_SYMBOLS))
            for frame in frames(socket, seconds=15):
                now_ms = clock.now_ns() / 1e6
                if frame[0] == "heartbeat":
                    offset_ms = frame[1] - frame[2]
                elif frame[0] in {"snapshot", "changes"}:
                    fresh = [r for r in quote_rows(frame) if known.get(r["symbol"]) != r["as_of"]]
                    known |= {row["symbol"]: row["as_of"] for row in fresh}
                    if frame[0] == "changes" and offset_ms is not None:
                        delays_ms += [now_ms - row["as_of"] - offset_ms for row in fresh]
                if len(delays_ms) >= TICKS_SEEN:
                    break
    cuts = statistics.quantiles(delays_ms, n=100)
    say(f"{len(delays_ms)} ticks to the socket: median {cuts[49]:.0f} ms, p90 {cuts[89]:.0f} ms")
    return {"feed_to_socket_p99_ms": cuts[98]}


def write_ticks(path: Path) -> None:
    """Record one symbol's tick after the other."""
    with RecordingWriter(path) as writer:
        for number in range(TICKS):
            symbols = TICK_SYMBOLS if number == 0 else [TICK_SYMBOLS[number % len(TICK_SYMBOLS)]]
            at_ns = TICKS_START_NS + int(number * TICK_SECONDS * NANOSECONDS)
            for symbol in symbols:
                last = 100.0 + number / 100
                quote = Quote(
                    symbol=symbol,
                    kind=SecurityKind.STOCK,
                    bid=last - 0.01,
                    ask=last + 0.01,
                    last=last,
                    source="benchmark",
                    quality=Quality.REALTIME,
                    ts_event=at_ns,
                    ts_received=at_ns,
                )
                writer.append(quote, at_ns)


def measure_first_screen() -> Figures:
    """What the app says that its first screen loads, compressed."""
    app = ROOT / "app"
    reason = ""
    if not (app / "dist" / "index.html").is_file():
        reason = "the web app is not built: run make setup"
    elif not (app / "node_modules").is_dir():
        reason = "the app's packages are not installed: run make setup"
    else:
        done = subprocess.run(
            ["npm", "run", "--silent", "size"],
            cwd=app,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        size = _size_in(done.stdout)
        if size is not None:
            return {"first_screen_gzip_kb": size}
        reason = f"`npm run size` told no size: {(done.stderr or done.stdout).strip()[-200:]}"
    say(f"first_screen_gzip_kb is not measured: {reason}")
    return {"first_screen_gzip_kb": None}


def _size_in(output: str) -> float | None:
    start, end = output.find("{"), output.rfind("}")
    try:
        kilobytes = json.loads(output[start : end + 1])["first_screen_gzip_kb"]
    except (ValueError, KeyError):
        return None
    return float(kilobytes)


def measure_truth(folder: Path) -> Figures:
    """What the API serves of recorded markets, against the files themselves."""
    data = Path(os.environ.get("OPTIX_SHARED_DATA") or ROOT / ".." / "shared" / "data")
    names = ("iwm_iv_median_abs_diff", "iwm_rows_unaccounted", "spx_duplicate_keys_lost")
    if not (data / IWM).is_file():
        say(f"the recorded markets are not at {data}: set OPTIX_SHARED_DATA")
        return dict.fromkeys(names)
    accuracy = iwm_accuracy.measure(data / IWM)
    rows = len(orjson.loads(gzip.decompress((data / IWM).read_bytes()))["data"]["options"])
    iwm = _served(folder, data / IWM, "IWM")
    say(f"IWM: {iwm.rows} of {rows} rows served or listed, {len(iwm.rejected)} of them rejected")
    body = gzip.decompress((data / SPX).read_bytes())
    contracts = translate_quotedata(read_quotedata(body)).contracts
    listed = Counter((str(c.expiration), c.strike, str(c.right)) for c in contracts)
    shared = {place: count for place, count in listed.items() if count > 1}
    spx = _served(folder, data / SPX, "SPX")
    lost = sum(max(count - spx.shared[place], 0) for place, count in shared.items())
    say(f"SPX: {len(shared)} places shared by {' and '.join(sorted(spx.roots))}, {lost} lost")
    return {
        "iwm_iv_median_abs_diff": accuracy.median,
        "iwm_rows_unaccounted": abs(rows - iwm.rows) + len(iwm.twice),
        "spx_duplicate_keys_lost": lost,
    }


def _served(folder: Path, recording: Path, symbol: str) -> Served:
    with Program.up(folder, replay=recording) as program:
        program.wait_until_ready()
        with Reader.try_it(program.url) as reader:
            return Served(reader, symbol)


def measure(folder: Path) -> Figures:
    """Measure everything. A part that fails leaves its figures out and says why."""
    data = folder / "data"
    parts: list[Callable[[], Figures]] = [
        lambda: measure_starts(data),
        lambda: measure_idle(data),
        lambda: measure_chain(data),
        lambda: measure_stream(data, folder / "ticks.parquet"),
        measure_first_screen,
        lambda: measure_truth(data),
    ]
    figures: Figures = {}
    for part in parts:
        figures |= part()
    return figures


def verdicts(figures: Figures) -> Iterator[tuple[bool, str]]:
    """Yield for each figure whether it is within its budget, and a line that says so."""
    for name, value in figures.items():
        budget = BUDGETS.get(name)
        if value is None or budget is None:
            yield True, f"{name}: {'not measured' if value is None else f'{value:.4g}'}"
            continue
        good = isfinite(value) and value <= budget
        yield good, f"{name}: {value:.4g}, budget {budget:g}: {'kept' if good else 'EXCEEDED'}"


def main() -> int:
    load, _, _ = psutil.getloadavg()
    say(f"{psutil.cpu_count()} cores, load {load:.1f} before the measurement")
    with tempfile.TemporaryDirectory(prefix="optix-bench-") as folder:
        try:
            figures = measure(Path(folder))
        except DidNotStart as error:
            say(f"the program did not start:\n{error}")
            return 1
    kept = True
    for good, line in verdicts(figures):
        kept &= good
        say(line)
    print(json.dumps(_rounded(figures)))
    return 0 if kept else 1


def _rounded(figures: Figures) -> dict[str, Any]:
    return {
        name: value if value is None else float(f"{value:.4g}") for name, value in figures.items()
    }


def _seconds(values: list[float]) -> str:
    return ", ".join(f"{value:.2f}" for value in values) + " s"


if __name__ == "__main__":
    raise SystemExit(main())
