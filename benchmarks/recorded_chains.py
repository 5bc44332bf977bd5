"""Chains of recorded markets, whatever form they were kept in, as columns for `optix.quant`.

Read in place from the shared data folder, which is no part of this repository. A file may hold many
snapshots; a snapshot is one underlying at one instant.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from benchmarks.iwm_accuracy import load as load_cboe

from optix.adapters.market_data.replay.lean import LeanTape, find_lean
from optix.features.market.calendar import settles_at
from optix.features.market.pricing import reference_spot
from optix.kernel.chain import ChainTable
from optix.kernel.instrument import ExerciseStyle, Right
from optix.kernel.roots import style_of
from optix.quant.arrays import FloatArray
from optix.quant.chain_analytics import ChainColumns, RootKey
from optix.quant.daycount import expiry_years

NEW_YORK = ZoneInfo("America/New_York")
# Classes whose third Fridays carry two roots that a file without roots mixes: morning, afternoon.
_TWO_ROOTS = {"SPX": ("SPX", "SPXW"), "VIX": ("VIX", "VIXW"), "NDX": ("NDX", "NDXP")}
_SETTLED_AFTERNOON = {"SPX": "SPXW", "NDX": "NDXP"}  # the root of every other date
_LEAN_UNIT = 10_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One underlying at one instant."""

    source: str  # cboe, optionsdesk, researchlab, lean
    file: str  # within the shared market data
    symbol: str
    at: datetime
    spot: float
    chain: ChainColumns
    keys: Sequence[RootKey]
    vendor_iv: FloatArray
    vendor_delta: FloatArray
    two_sided: bool = True  # False: one price per contract, no bid and ask


@dataclass(frozen=True, slots=True)
class _Row:
    root: str
    expiration: date
    is_call: bool
    strike: float
    bid: float
    ask: float
    iv: float
    delta: float


def iter_snapshots(root: Path, source: str) -> Iterator[Snapshot]:
    """Yield every snapshot of one source, file by file."""
    readers = {
        "cboe": _iter_cboe,
        "optionsdesk": _iter_optionsdesk,
        "researchlab": _iter_researchlab,
        "lean": _iter_lean,
    }
    yield from readers[source](root)


def _snapshot(  # noqa: PLR0917  # names of the fields in their order
    source: str,
    file: str,
    symbol: str,
    at: datetime,
    spot: float,
    rows: Sequence[_Row],
    *,
    two_sided: bool = True,
) -> Snapshot:
    ids: dict[RootKey, int] = {}
    expiry = [ids.setdefault((row.root, row.expiration), len(ids)) for row in rows]
    keys = list(ids)
    chain = ChainColumns(
        strike=np.array([row.strike for row in rows]),
        is_call=np.array([row.is_call for row in rows]),
        bid=np.array([row.bid for row in rows]),
        ask=np.array([row.ask for row in rows]),
        expiry=np.array(expiry, dtype=np.intp),
        expiry_years=expiry_years(
            now_ns=int(at.timestamp()) * 1_000_000_000,
            settles_at_ns=np.array([settles_at(*key) for key in keys], dtype=np.int64),
        ),
        is_american=np.array([style_of(key[0]) is ExerciseStyle.AMERICAN for key in keys]),
    )
    return Snapshot(
        source=source,
        file=file,
        symbol=symbol,
        at=at,
        spot=spot,
        chain=chain,
        keys=keys,
        vendor_iv=np.array([row.iv for row in rows]),
        vendor_delta=np.array([row.delta for row in rows]),
        two_sided=two_sided,
    )


def _of_table(source: str, file: str, table: ChainTable) -> Snapshot:
    columns = {name: np.asarray(values) for name, values in table.columns.items()}
    rows = [
        _Row(
            contract.root,
            contract.expiration,
            contract.right is Right.CALL,
            contract.strike_milli / 1000.0,
            *(float(columns[name][place]) for name in ("bid", "ask", "vendor_iv", "vendor_delta")),
        )
        for place, contract in enumerate(table.contracts)
    ]
    at = datetime.fromtimestamp(table.ts_event / 1e9, UTC)
    return _snapshot(source, file, table.underlying, at, reference_spot(table.spot), rows)


def _iter_cboe(root: Path) -> Iterator[Snapshot]:
    for path in sorted((root / "cboe").rglob("*")):
        if path.name.endswith((".json.gz", ".csv.gz", ".json")):
            yield _of_table("cboe", path.relative_to(root).as_posix(), load_cboe(path))


def _iter_optionsdesk(root: Path) -> Iterator[Snapshot]:
    for path in sorted((root / "optionsdesk").glob("*.json.gz")):
        document = json.loads(gzip.decompress(path.read_bytes()))
        rows = [
            _Row(
                str(re.sub(r"\d{6}[CP]\d{8}$", "", quote["symbol"])),
                date.fromisoformat(quote["expiration"]),
                quote["side"] == "call",
                float(quote["strike"]),
                _number(quote["bid"]),
                _number(quote["ask"]),
                _iv(quote["iv"]),
                _number(quote["delta"]),
            )
            for quote in document["quotes"]
        ]
        at = datetime.fromisoformat(document["updated"])
        spot = _number(document["underlyingPrice"])
        file = path.relative_to(root).as_posix()
        yield _snapshot("optionsdesk", file, document["symbol"], at, spot, rows)


def _iter_researchlab(root: Path) -> Iterator[Snapshot]:
    folder = root / "researchlab"
    for path in sorted((*folder.glob("eod/*.csv.gz"), *folder.glob("intraday/*.csv.gz"))):
        groups: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
        text = gzip.decompress(path.read_bytes()).decode()
        for row in csv.DictReader(io.StringIO(text)):
            groups[row["quote_ts_et"], row["symbol"]].append(row)
        for (stamp, symbol), found in groups.items():
            at = datetime.fromisoformat(stamp).replace(tzinfo=NEW_YORK)
            rows = [
                _Row(
                    symbol,
                    date.fromisoformat(row["expiration"]),
                    row["type"] == "C",
                    float(row["strike"]),
                    _number(row["bid"]),
                    _number(row["ask"]),
                    _iv(row["iv"]),
                    np.nan,
                )
                for row in found
            ]
            file = path.relative_to(root).as_posix()
            spot = _number(found[0]["spot"])
            yield _snapshot("researchlab", file, symbol, at, spot, _with_roots(symbol, rows))
    for path in sorted((root / "researchlab" / "raw").glob("*.json")):
        yield _raw_researchlab(root, path)


def _raw_researchlab(root: Path, path: Path) -> Snapshot:
    document = json.loads(path.read_bytes())
    symbol = str(document["sym"])
    rows = [
        _Row(
            symbol,
            datetime.fromtimestamp(row["e"], NEW_YORK).date(),
            row["t"] == "C",
            float(row["k"]),
            _number(row["b"]),
            _number(row["a"]),
            _iv(row["iv"]),
            np.nan,
        )
        for row in document["o"]
    ]
    at = datetime.fromisoformat(document["asof"]).replace(tzinfo=NEW_YORK)
    file = path.relative_to(root).as_posix()
    spot = float(document["spot"])
    return _snapshot("researchlab", file, symbol, at, spot, _with_roots(symbol, rows))


def _with_roots(symbol: str, rows: Sequence[_Row]) -> list[_Row]:
    """Give rows of index classes their roots back.

    Where one contract stands twice, the dearer set of the two is the one that lives longer: the
    afternoon root.
    """
    if symbol not in _TWO_ROOTS:
        return list(rows)
    seen: dict[tuple[date, bool, float], int] = defaultdict(int)
    numbered = []
    for row in rows:
        key = (row.expiration, row.is_call, row.strike)
        numbered.append((row, seen[key]))
        seen[key] += 1
    twice = {key[0] for key, count in seen.items() if count > 1}
    total = {
        (day, number): sum(
            row.bid + row.ask
            for row, place in numbered
            if row.expiration == day
            and place == number
            and seen[day, row.is_call, row.strike] > 1
            and np.isfinite(row.bid + row.ask)
        )
        for day in twice
        for number in (0, 1)
    }
    morning, afternoon = _TWO_ROOTS[symbol]
    found = []
    for row, number in numbered:
        name = _SETTLED_AFTERNOON.get(symbol, symbol)
        if row.expiration in twice:
            longer = total[row.expiration, number] >= total[row.expiration, 1 - number]
            name = afternoon if longer else morning
        found.append(_Row(name, *(getattr(row, field) for field in _Row.__slots__[1:])))
    return found


def _iter_lean(root: Path) -> Iterator[Snapshot]:
    data = root / "lean" / "Data"
    for path in sorted(data.glob("*/usa/minute/*/*_quote_*.zip*")):
        yield _last_minutes(root, path)
    for path in sorted(data.glob("*/usa/universes/*/*.csv")):
        yield _universe(root, path)
    for path in sorted((*data.glob("*/usa/daily/*_quote_*"), *data.glob("*/usa/hour/*_quote_*"))):
        yield from _bars(root, path)


def _last_minutes(root: Path, path: Path) -> Snapshot:
    """Return what every contract was quoted at ten minutes before the last bar of the file."""
    tape = LeanTape([file for file in find_lean(path) if file.path == path])
    quotes: dict[object, _Row] = {}
    spot = np.nan
    instant = tape.end_ns - 10 * 60 * 1_000_000_000
    for tick in tape.iter_ticks():
        if tick.instant_ns > instant:
            break
        for update in tick.updates:
            if not isinstance(update, ChainTable):
                continue
            spot = reference_spot(update.spot)
            for place, contract in enumerate(update.contracts):
                quotes[contract] = _Row(
                    contract.root,
                    contract.expiration,
                    contract.right is Right.CALL,
                    contract.strike_milli / 1000.0,
                    float(update.columns["bid"][place]),
                    float(update.columns["ask"][place]),
                    np.nan,
                    np.nan,
                )
    at = datetime.fromtimestamp(instant / 1e9, UTC)
    file = path.relative_to(root).as_posix()
    return _snapshot("lean", file, path.parent.name.upper(), at, spot, list(quotes.values()))


def _universe(root: Path, path: Path) -> Snapshot:
    """Return the closing prices of a universe file: one price per contract, with IV and delta."""
    name = path.parent.name.upper()
    lines = list(csv.reader(io.StringIO(path.read_text())))
    rows = [
        _Row(
            name,
            datetime.strptime(line[0], "%Y%m%d").date(),  # noqa: DTZ007 - a date, no instant
            line[2] == "C",
            float(line[1]),
            _number(line[6]),
            _number(line[6]),
            _iv(line[9]),
            _number(line[10]),
        )
        for line in lines[2:]
    ]
    day = datetime.strptime(path.stem, "%Y%m%d").replace(hour=16, tzinfo=NEW_YORK)
    file = path.relative_to(root).as_posix()
    return _snapshot("lean", file, name, day, _number(lines[1][6]), rows, two_sided=False)


def _bars(root: Path, path: Path) -> Iterator[Snapshot]:
    """Yield the last quote bar of each day of a daily or hourly file."""
    name = path.name.split("_")[0].upper()
    hourly = path.parent.name == "hour"
    days: dict[str, list[_Row]] = defaultdict(list)
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            parts = member.removesuffix(".csv").split("_")
            expiration = datetime.strptime(parts[-1], "%Y%m%d").date()  # noqa: DTZ007 - a date
            strike, is_call = int(parts[-2]) / _LEAN_UNIT, parts[-3] == "call"
            last: dict[str, list[str]] = {}
            for line in archive.read(member).decode().splitlines():
                fields = line.split(",")
                if not hourly or fields[0].endswith("15:00"):
                    last[fields[0][:8]] = fields
            for day, fields in last.items():
                bid, ask = _number(fields[4]) / _LEAN_UNIT, _number(fields[9]) / _LEAN_UNIT
                row = _Row(name, expiration, is_call, strike, bid, ask, np.nan, np.nan)
                if day <= parts[-1]:
                    days[day].append(row)
    closes = _closes(root, name)
    file = path.relative_to(root).as_posix()
    for day, rows in sorted(days.items()):
        at = datetime.strptime(day, "%Y%m%d").replace(hour=15, minute=59, tzinfo=NEW_YORK)
        yield _snapshot("lean", file, name, at, closes.get(day, np.nan), rows)


def _closes(root: Path, name: str) -> dict[str, float]:
    path = root / "lean" / "Data" / "equity" / "usa" / "daily" / f"{name.lower()}.zip"
    if not path.exists():
        return {}
    with zipfile.ZipFile(path) as archive:
        text = archive.read(archive.namelist()[0]).decode()
    return {line[:8]: float(line.split(",")[4]) / _LEAN_UNIT for line in text.splitlines()}


def _number(text: object) -> float:
    return float(str(text)) if text not in {None, ""} else np.nan


def _iv(text: object) -> float:
    """Return a vendor's IV; its ways of saying "none" are zero and next to zero."""
    value = _number(text)
    return value if value > 1e-4 else np.nan
