"""The portfolio: `make -s bench NAME=portfolio`, or parts with `ARGS="--parts tick scenarios"`.

What is measured is said where it is: `portfolio_ledger`, `portfolio_structures`, `portfolio_value`.
Progress goes to stderr; the last line of stdout is one JSON object. The exit code is 1 when a
figure is over its budget.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

import psutil
from benchmarks import portfolio_ledger, portfolio_structures, portfolio_value

BUDGETS = portfolio_ledger.BUDGETS | portfolio_structures.BUDGETS | portfolio_value.BUDGETS


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="The portfolio at 2,000 positions")
    everything = [*portfolio_ledger.PARTS, "grouping", *portfolio_value.PARTS]
    parser.add_argument("--parts", nargs="+", default=everything, choices=everything)
    given = parser.parse_args()
    load, _, _ = psutil.getloadavg()
    say(f"{psutil.cpu_count()} cores, load {load:.1f}")
    figures = asyncio.run(portfolio_ledger.measure(given.parts))
    if "grouping" in given.parts:
        figures |= portfolio_structures.measure()
    valued = [part for part in given.parts if part in portfolio_value.PARTS]
    if valued:
        figures |= asyncio.run(portfolio_value.measure(valued))
    missed = [
        f"{name} is {figures[name]:.4g}, not within {least:g} to {most:g}"
        for name, (least, most) in BUDGETS.items()
        if name in figures and not least <= figures[name] <= most
    ]
    for sentence in missed:
        say(f"MISSED {sentence}")
    print(json.dumps({name: float(f"{value:.6g}") for name, value in figures.items()}))
    return int(bool(missed))


if __name__ == "__main__":
    raise SystemExit(main())
