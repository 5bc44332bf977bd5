"""Many clients for a long time: `make -s bench NAME=stream_soak SECONDS=600`.

16,000 connections on one gateway process, then 24,000 on two, while the feed is given 100,000 ticks
a second. Every few seconds: how late rows are, how much memory and processor time the gateways use,
what was refused, ended or missed. Writes one SVG for each run into .bench/, and prints one JSON
object; the exit code is 1 where anything was lost or memory did not stay flat.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import time
from contextlib import ExitStack
from typing import Any, Final

from benchmarks.stream_clients import connect, over_flush
from benchmarks.stream_plot import HEIGHT, chart, page
from benchmarks.stream_processes import CACHE, cores
from benchmarks.stream_product import Gateway, Product, product

TICKS_PER_S: Final = 100_000.0
RUNS: Final = {"one_gateway": [16_000], "two_gateways": [12_000, 12_000]}
SECONDS: Final = 600.0
WINDOW_SECONDS: Final = 10.0
SETTLE_SECONDS: Final = 10.0
INTERVAL_MS: Final = 1_000  # at this many ticks every row of every client is new within it
RAMP_PER_S: Final = 1_000.0
GROWTH_KB_PER_CONN_MAX: Final = 0.5  # after everybody is there

Sample = dict[str, float]


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def soak(there: Product, name: str, crowds: list[int], seconds: float) -> dict[str, Any]:
    """Return what one run found, and write its picture."""
    server, load = cores()
    with ExitStack() as stack:
        gateways = [
            stack.enter_context(Gateway(there.folder, core=core))
            for core in [server, load][: len(crowds)]
        ]
        readers = [
            # The feed has a core to itself, but for what it leaves to a second gateway.
            stack.enter_context(
                there.readers(
                    gateway, crowd, interval_ms=INTERVAL_MS, per_second=RAMP_PER_S, core=server
                )
            )
            for gateway, crowd in zip(gateways, crowds, strict=True)
        ]
        for each, crowd in zip(readers, crowds, strict=True):
            connect(each, crowd)
        for each in readers:
            each.tell(f"measure {SETTLE_SECONDS}")
        for each in readers:
            each.answer()
        before = [gateway.rss_kb() for gateway in gateways]
        samples: list[Sample] = []
        found: list[dict[str, Any]] = []
        began, first = time.monotonic(), there.ticks()
        while time.monotonic() - began < seconds:
            cpu = [gateway.cpu_seconds() for gateway in gateways]
            at = time.monotonic()
            for each in readers:
                each.tell(f"measure {WINDOW_SECONDS}")
            found = [each.answer() for each in readers]
            spent = time.monotonic() - at
            samples.append(_sample(gateways, cpu, spent, found, time.monotonic() - began))
            say(f"{name}: {json.dumps(samples[-1])}")
        last = there.ticks()
        ticks_per_s = (last[0] - first[0]) / (last[1] - first[1])
        growth = [
            (gateway.rss_kb() - was) / crowd
            for gateway, was, crowd in zip(gateways, before, crowds, strict=True)
        ]
    _draw(name, samples, len(crowds))
    return {"ticks_per_s": ticks_per_s} | _summary(samples, found, growth, sum(crowds))


def _sample(
    gateways: list[Gateway],
    cpu: list[float],
    spent: float,
    found: list[dict[str, Any]],
    at: float,
) -> Sample:
    sample = {
        "at_s": at,
        "frames_per_s": sum(each["frames_per_s"] for each in found),
        "rows_per_s": sum(each["rows_per_s"] for each in found),
        "p50_ms": max(each["latency_ms"]["p50"] for each in found),
        "p99_ms": max(each["latency_ms"]["p99"] for each in found),
        "p999_ms": max(each["latency_ms"]["p999"] for each in found),
        "over_flush_ms": max(over_flush(each, INTERVAL_MS) for each in found),
    }
    for number, gateway in enumerate(gateways):
        sample[f"rss_mb_{number}"] = gateway.rss_kb() / 1024
        sample[f"core_share_{number}"] = (gateway.cpu_seconds() - cpu[number]) / spent
    return {name: round(value, 3) for name, value in sample.items()}


def _summary(
    samples: list[Sample], found: list[dict[str, Any]], growth: list[float], connections: int
) -> dict[str, Any]:
    lost = {
        name: sum(each[name] for each in found)
        for name in ("gaps", "unreadable", "slow", "skipped")
    }
    bad = [each[name] for each in found for name in ("refused", "ended", "errors") if each[name]]
    return {
        "connections": connections,
        "seconds": samples[-1]["at_s"],
        "p50_ms": statistics.median(sample["p50_ms"] for sample in samples),
        "p99_ms": statistics.median(sample["p99_ms"] for sample in samples),
        "p99_worst_ms": max(sample["p99_ms"] for sample in samples),
        "p999_ms": statistics.median(sample["p999_ms"] for sample in samples),
        "frames_per_s": statistics.median(sample["frames_per_s"] for sample in samples),
        "core_share": [
            statistics.median(sample[f"core_share_{number}"] for sample in samples)
            for number in range(len(growth))
        ],
        "rss_mb": [samples[-1][f"rss_mb_{number}"] for number in range(len(growth))],
        "growth_kb_per_conn": [round(each, 3) for each in growth],
        **lost,
        "bad": bad,
        "is_good": not bad
        and not lost["gaps"]
        and not lost["unreadable"]
        and max(growth) <= GROWTH_KB_PER_CONN_MAX,
    }


def _draw(name: str, samples: list[Sample], gateways: int) -> None:
    def line(field: str) -> list[tuple[float, float]]:
        return [(sample["at_s"], sample[field]) for sample in samples]

    numbers = range(gateways)
    latencies = {part: line(f"{part}_ms") for part in ("p50", "p99", "p999")}
    memory = {f"gateway {number + 1}": line(f"rss_mb_{number}") for number in numbers}
    shares = {f"gateway {number + 1}": line(f"core_share_{number}") for number in numbers}
    charts = [
        chart("From the tick to the client", latencies, x_unit="seconds", y_unit="ms"),
        chart("Memory", memory, x_unit="seconds", y_unit="MB", top=HEIGHT),
        chart("Processor", shares, x_unit="seconds", y_unit="cores", top=2 * HEIGHT),
    ]
    CACHE.mkdir(exist_ok=True)
    path = CACHE / f"stream_soak_{name}.svg"
    path.write_text(page(charts), encoding="utf-8")
    say(f"{name}: drawn in {path.name}")


def main(wanted: list[str]) -> int:
    """Run all, or those named, for SECONDS each; return the exit code."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    seconds = float(os.environ.get("SECONDS", SECONDS))
    summaries = {}
    with product(TICKS_PER_S) as there:
        for name, crowds in RUNS.items():
            if not wanted or name in wanted:
                summaries[name] = soak(there, name, crowds, seconds)
    print(json.dumps(summaries))
    return 0 if all(each["is_good"] for each in summaries.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
