"""Simulated days as files: recordings that replay plays, and the truth of their tapes.

    simulation.json             seed, names and what is written, so that a run can go on
    eod/2026-11-18.parquet      the closing quotes and chains of a day, a recording
    intraday/2026-11-18.parquet a day in the order of time, a recording
    truth/orders/2026-11-18.parquet, and likewise legs, prints, positions, settlements

Each file is written beside its place and renamed: what has its name is whole.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date
from heapq import merge
from operator import itemgetter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from optix.adapters.market_data.recording import RecordingWriter, parts_of
from optix.adapters.market_data.sim.days import NameDay, SimulatedDays, Timed, make_days
from optix.adapters.market_data.sim.dynamics import EDITION
from optix.adapters.market_data.sim.names import DEFAULT_NAMES
from optix.adapters.market_data.sim.path import FIRST_DAY
from optix.adapters.market_data.sim.sessions import ListingPrograms, SessionCalendar
from optix.adapters.market_data.sim.tape.truth import TRUTH_SCHEMAS, truth_tables
from optix.kernel.chain import ChainTable
from optix.kernel.errors import Conflict, InvalidInput
from optix.ports.market_data import UnknownSymbol

MANIFEST = "simulation.json"
_NEVER_SECONDS = 1e9  # a day is sealed by rows and at its end, not by its clock


class OtherSimulation(Conflict):
    """The folder holds another simulation."""

    code = "other_simulation"
    next_step = "Choose another folder, or give the options that are in its simulation.json."


class NothingToSimulate(InvalidInput):
    """No output, no symbol or no session is asked for."""

    code = "nothing_to_simulate"
    next_step = "Name symbols and a range with sessions, and --eod or --intraday SECONDS."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is simulated, and what is written of it."""

    seed: int
    symbols: tuple[str, ...]
    activity: float  # part of the usual volume and open interest
    eod: bool
    intraday_seconds: float | None
    tape: bool
    expirations: int | None = None  # the nearest dates of each name; all of them


class SimulationFolder:
    """Writes days into a folder. Blocks on the disk.

    Effects: writes below `out`.
    Errors:  UnknownSymbol, NothingToSimulate, OtherSimulation.
    """

    def __init__(
        self,
        out: Path,
        wanted: Wanted,
        *,
        sessions: SessionCalendar,
        programs: ListingPrograms,
        start: date,
    ) -> None:
        known = {name.symbol for name in DEFAULT_NAMES}
        unknown = [symbol for symbol in wanted.symbols if symbol not in known]
        if unknown:
            raise UnknownSymbol(f"The simulated market has no symbol {unknown[0][:40]!r}.")
        if not wanted.symbols or not (wanted.eod or wanted.intraday_seconds):
            raise NothingToSimulate("There is nothing to write.")
        self.out, self.wanted = out, wanted
        self._days, names = make_days(
            sessions, programs, seed=wanted.seed, start=start, activity=wanted.activity
        )
        self._names = [names[symbol] for symbol in wanted.symbols]
        self._claim(start)

    def _claim(self, start: date) -> None:
        world = None if start >= FIRST_DAY else start.year
        manifest = {"edition": EDITION, "world": world, **asdict(self.wanted)}
        text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
        path = self.out / MANIFEST
        if not path.exists():
            self.out.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif path.read_text(encoding="utf-8") != text:
            raise OtherSimulation(f"{self.out.name} was simulated with other options.")

    def files_of(self, day: date) -> list[Path]:
        """Return every file that a day is made of."""
        wanted = self.wanted
        kinds = ["eod"] * wanted.eod + ["intraday"] * (wanted.intraday_seconds is not None)
        kinds += [f"truth/{table}" for table in TRUTH_SCHEMAS] * wanted.tape
        return [self.out / kind / f"{day}.parquet" for kind in kinds]

    def write_day(self, day: date) -> int:
        """Write what is missing of a day; return the contract rows that were written."""
        if all(path.exists() for path in self.files_of(day)):
            return 0
        number = self._days.number_of(day)
        wanted = self.wanted
        name_days = [
            self._days.name_day(name, number, tape=wanted.tape, expirations=wanted.expirations)
            for name in self._names
        ]
        rows = 0
        if wanted.eod:
            closing = (update for name in name_days for update in self._days.closing(name))
            rows += _record(self.out / "eod" / f"{day}.parquet", closing)
        if wanted.intraday_seconds is not None:
            streams = [self._days.intraday(name, wanted.intraday_seconds) for name in name_days]
            in_order = merge(*streams, key=itemgetter(0))
            rows += _record(self.out / "intraday" / f"{day}.parquet", in_order)
        if wanted.tape:
            _write_truth(self.out / "truth", day, self._days, name_days)
        return rows


def truth_of(days: SimulatedDays, day: NameDay) -> dict[str, pa.Table]:
    """Return what really happened on a day with a tape (see `tape.truth`)."""
    assert day.tape is not None, "only a tape has a truth"
    return truth_tables(day.tape, days.date_of(day), days.settlements(day))


def _record(path: Path, updates: Iterable[Timed]) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(parts_of(path), ignore_errors=True)  # of a run that was broken off
    path.unlink(missing_ok=True)
    rows = 0
    writer = RecordingWriter(path, part_seconds=_NEVER_SECONDS)
    try:
        for at_ns, update in updates:
            writer.append(update, at_ns)
            rows += len(update) if isinstance(update, ChainTable) else 0
        writer.close()
    except BaseException:
        shutil.rmtree(parts_of(path), ignore_errors=True)
        raise
    return rows


def _write_truth(
    folder: Path, day: date, days: SimulatedDays, name_days: Sequence[NameDay]
) -> None:
    truths = [truth_of(days, day_) for day_ in name_days if day_.tape is not None]
    for name, schema in TRUTH_SCHEMAS.items():
        target = folder / name / f"{day}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        table = pa.concat_tables([truth[name] for truth in truths] or [schema.empty_table()])
        temporary = target.with_name(f".{target.name}.tmp")
        try:
            pq.write_table(table, temporary, compression="zstd")
            temporary.replace(target)
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()
