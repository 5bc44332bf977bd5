"""Every recorded chain through forward, IV and surface: `python -m benchmarks.real_chains`.

Writes two tables into docs/quant.md, between their markers, and prints them: what each file gave,
and the VIX formula on recorded SPX chains against the published index. With arguments only those
sources are read (cboe optionsdesk researchlab lean) and nothing is written. The data is read in
place: OPTIX_SHARED_DATA, else ../shared/data beside the repository.
"""

from __future__ import annotations

import csv
import os
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from benchmarks.recorded_chains import NEW_YORK, Snapshot, iter_snapshots

from optix.quant.arrays import FloatArray
from optix.quant.chain_analytics import ChainAnalytics, RowStatus, analyse_chain
from optix.quant.model_free import (
    MINUTES_30_DAYS,
    MINUTES_PER_YEAR,
    IndexLevel,
    Strip,
    StripStatus,
    index_level,
    strip_variance,
)
from optix.quant.surface import surface_violations

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "quant.md"
SOURCES = ("cboe", "optionsdesk", "researchlab", "lean")
DELTAS = (0.05, 0.95)  # of rows whose vendor IV is compared
MINUTES_9_DAYS = 9 * 24 * 60


CHAIN_COLUMNS = (
    "file",
    "snapshots",
    "quoted rows",
    "solved",
    "slices",
    "violations",
    "RMSE, points",
    "inside bid/ask (worst)",
    "IV difference p50 / p90 / p99, points",
    "of its tail: in the spread / under 2 days",
    "delta difference p50 / p90",
)
INDEX_COLUMNS = (
    "chain",
    "quotes of (New York)",
    "index",
    "by our formula",
    "published close (low to high)",
    "difference to the close",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one snapshot gave."""

    file: str
    rows: int
    quoted: int  # with a bid and an ask that does not cross, not settled
    solved: int
    slices: int
    violations: int
    rmse: float
    inside: float  # mean over slices
    iv_difference: FloatArray
    delta_difference: FloatArray
    explained: FloatArray  # whether half the spread holds each IV difference
    short: FloatArray  # whether its row has less than two days


def market_data() -> Path:
    beside = ROOT / ".." / "shared" / "data"
    return Path(os.environ.get("OPTIX_SHARED_DATA") or beside).resolve() / "market"


@lru_cache(maxsize=1)
def _fed_funds(root: Path) -> tuple[list[str], list[float]]:
    text = (root / "vix" / "fred_DFF_fed_funds_rate.csv").read_text()
    rows = list(csv.DictReader(text.splitlines()))
    return [row["date"] for row in rows], [float(row["value"]) / 100.0 for row in rows]


def rate_on(root: Path, day: date) -> float:
    """Return the federal funds rate last published by a day, as a continuous rate."""
    days, rates = _fed_funds(root)
    place = int(np.searchsorted(days, day.isoformat(), side="right")) - 1
    return float(np.log1p(rates[place]))


def analyse(root: Path, snapshot: Snapshot) -> ChainAnalytics:
    return analyse_chain(snapshot.chain, spot=snapshot.spot, rate=rate_on(root, snapshot.at.date()))


def outcome_of(snapshot: Snapshot, found: ChainAnalytics) -> Outcome:
    solved = found.status == RowStatus.OK
    unquoted = (RowStatus.NO_BID, RowStatus.NO_ASK, RowStatus.CROSSED, RowStatus.EXPIRED)
    quoted = ~np.isin(found.status, unquoted)
    delta = np.abs(found.greeks.delta)
    compared = solved & (delta > DELTAS[0]) & (delta < DELTAS[1]) & np.isfinite(snapshot.vendor_iv)
    difference = np.abs(found.iv - snapshot.vendor_iv)[compared]
    half = 0.5 * (found.iv_ask - found.iv_bid)[compared]
    surface = found.surface
    inside = np.nan
    if surface is not None and snapshot.two_sided:
        inside = float(np.nanmean(surface.quality.inside))
    by_delta = np.abs(delta - np.abs(snapshot.vendor_delta))[compared]
    return Outcome(
        file=snapshot.file,
        rows=len(solved),
        quoted=int(quoted.sum()),
        solved=int(solved.sum()),
        slices=0 if surface is None else len(surface.years),
        violations=0 if surface is None else surface_violations(surface),
        rmse=np.nan if surface is None else float(np.sqrt(np.nanmean(surface.quality.rmse**2))),
        inside=inside,
        iv_difference=difference,
        delta_difference=by_delta[np.isfinite(by_delta)],
        explained=(difference <= np.nan_to_num(half, nan=np.inf)).astype(np.float64),
        short=(snapshot.chain.expiry_years[snapshot.chain.expiry][compared] < 2 / 365).astype(
            float
        ),
    )


def table_of(outcomes: Iterable[Outcome]) -> list[str]:
    """Return the lines of the table, one file each."""
    files: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        files[outcome.file].append(outcome)
    return [*_head(CHAIN_COLUMNS), *(_line(file, found) for file, found in files.items())]


def _head(columns: Sequence[str]) -> list[str]:
    return [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]


def _line(file: str, found: Sequence[Outcome]) -> str:
    quoted = sum(one.quoted for one in found)
    solved = sum(one.solved for one in found)
    difference = np.concatenate([one.iv_difference for one in found])
    explained = np.concatenate([one.explained for one in found])
    short = np.concatenate([one.short for one in found])
    delta = np.concatenate([one.delta_difference for one in found])
    inside = [one.inside for one in found if np.isfinite(one.inside)]
    rmse = [one.rmse for one in found if np.isfinite(one.rmse)]
    tail = "–"
    if difference.size:
        far = difference >= np.quantile(difference, 0.9)
        tail = f"{explained[far].mean():.0%} / {short[far].mean():.0%}"
    worst = f"{np.mean(inside):.1%} ({min(inside):.1%})" if inside else "–"
    return (
        f"| {file.removeprefix('lean/Data/')} | {len(found)} | {quoted:,} "
        f"| {solved / quoted if quoted else 0:.1%} | {sum(one.slices for one in found):,} "
        f"| {sum(one.violations for one in found)} "
        f"| {f'{100 * np.median(rmse):.2f}' if rmse else '–'} | {worst} "
        f"| {_quantiles(100 * difference, (0.5, 0.9, 0.99), 2)} | {tail} "
        f"| {_quantiles(delta, (0.5, 0.9), 4)} |"
    )


def _quantiles(values: FloatArray, shares: Sequence[float], digits: int) -> str:
    if values.size == 0:
        return "–"
    return " / ".join(f"{value:.{digits}f}" for value in np.quantile(values, shares))


def strips_of(snapshot: Snapshot, rate: float) -> list[tuple[float, Strip, str, date]]:
    """Return minutes, strip, root and date of every expiry of a chain that has a strip."""
    chain = snapshot.chain
    found = []
    for index, (root, expiration) in enumerate(snapshot.keys):
        rows = np.flatnonzero(chain.expiry == index)
        strikes = np.unique(chain.strike[rows])
        quotes = {}
        for side, is_call in (("call", True), ("put", False)):
            own = rows[chain.is_call[rows] == is_call]
            place = np.searchsorted(strikes, chain.strike[own])
            for name, column in (("bid", chain.bid), ("ask", chain.ask)):
                quotes[f"{side}_{name}"] = values = np.full(strikes.size, np.nan)
                values[place] = column[own]
        years = float(chain.expiry_years[index])
        strip = strip_variance(strike=strikes, expiry_years=years, rate=rate, **quotes)
        if strip.status is StripStatus.OK:
            found.append((years * MINUTES_PER_YEAR, strip, root, expiration))
    return sorted(found, key=lambda entry: entry[0])


def volatility_index(snapshot: Snapshot, rate: float, minutes: int) -> IndexLevel | None:
    """Return the index of one maturity from the Fridays around it, as the Cboe takes them.

    Third Fridays count by the morning root, other Fridays by the weekly.
    """
    strips = [
        entry
        for entry in strips_of(snapshot, rate)
        if entry[3].weekday() == 4 and (entry[2] == "SPX") == (15 <= entry[3].day <= 21)
    ]
    near = [entry for entry in strips if entry[0] <= minutes]
    following = [entry for entry in strips if entry[0] > minutes]
    if not near or not following:
        return None
    first, second = near[-1], following[0]
    return index_level(
        first[1],
        second[1],
        near_minutes=first[0],
        following_minutes=second[0],
        wanted_minutes=minutes,
    )


class Published(NamedTuple):
    """One day of a published index."""

    low: float
    high: float
    close: float


@lru_cache(maxsize=2)
def published(root: Path, name: str) -> dict[str, Published]:
    """Return a published index by date."""
    path = root / "vix" / ("vix-daily_PDDL.csv" if name == "VIX" else f"{name}_History.csv")
    days = {}
    for row in csv.DictReader(path.read_text().splitlines()):
        day = row["DATE"]
        if "/" in day:
            month, number, year = day.split("/")
            day = f"{year}-{month}-{number}"
        days[day] = Published(float(row["LOW"]), float(row["HIGH"]), float(row["CLOSE"]))
    return days


def index_lines(root: Path, snapshot: Snapshot) -> list[str]:
    """Return what an SPX chain says of the indices that were published on its day."""
    if snapshot.symbol != "SPX" or snapshot.source not in {"cboe", "researchlab"}:
        return []
    at = snapshot.at.astimezone(NEW_YORK)
    lines = []
    for name, minutes in (("VIX", MINUTES_30_DAYS), ("VIX9D", MINUTES_9_DAYS)):
        day = published(root, name).get(at.date().isoformat())
        level = volatility_index(snapshot, rate_on(root, at.date()), minutes)
        if level is None or day is None:
            continue
        apart = f"{level.level - day.close:+.2f}" if at.hour >= 16 else "–"
        lines.append(
            f"| {snapshot.file} | {at:%Y-%m-%d %H:%M} | {name} | {level.level:.2f} "
            f"| {day.close:.2f} ({day.low:.2f} to {day.high:.2f}) | {apart} |"
        )
    return lines


def write_between(document: Path, name: str, lines: Sequence[str]) -> None:
    """Replace what stands between the markers of a name."""
    text = document.read_text(encoding="utf-8")
    begin, end = f"<!-- {name}: made by benchmarks/real_chains.py -->", f"<!-- end of {name} -->"
    head, rest = text.split(begin)
    _, tail = rest.split(end)
    document.write_text("\n".join((head + begin, *lines, end + tail)), encoding="utf-8")


def main(sources: Sequence[str]) -> None:
    warnings.simplefilter("error")
    root = market_data()
    outcomes: list[Outcome] = []
    indices: list[str] = []
    for source in sources or SOURCES:
        for snapshot in iter_snapshots(root, source):
            outcomes.append(outcome_of(snapshot, analyse(root, snapshot)))
            indices += index_lines(root, snapshot)
        print(f"{source}: done", file=sys.stderr)
    chains = table_of(outcomes)
    found = [*_head(INDEX_COLUMNS), *indices]
    print("\n".join([*chains, "", *found]))
    if not sources:
        write_between(DOCUMENT, "real-chains", chains)
        write_between(DOCUMENT, "volatility-index", found)


if __name__ == "__main__":
    main(sys.argv[1:])
