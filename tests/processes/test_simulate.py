"""`optix simulate`: the same bytes every time, whole files whatever happens, and their replay."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from tests.fakes.simulated_day import write_simulated_day

from optix.adapters.market_data.recording import iter_recorded
from optix.adapters.market_data.replay import open_recording
from optix.adapters.market_data.sim.days import SimulatedDays
from optix.adapters.market_data.sim.files import NothingToSimulate, OtherSimulation
from optix.cli import main
from optix.kernel.chain import CHAIN_COLUMNS, ChainTable
from optix.kernel.trade import Trade
from optix.ports.market_data import UnknownSymbol
from optix.processes.simulate import Written, simulate

DAY = date(2026, 11, 25)  # the day before Thanksgiving
EARLY_CLOSE = date(2026, 11, 27)
OPTIONS: dict[str, Any] = {
    "symbols": ["DIS", "VIX"],
    "seed": 3,
    "eod": True,
    "intraday_seconds": 7_200.0,
    "tape": True,
    "activity": 0.05,
    "expirations": 3,
    "say": lambda _: None,
}
# Of every number that these options write. Prices are on ticks and counts are whole, so that the
# last bit of a logarithm, which differs between processors, does not show.
STORED_HASH = "ab7c4c02f57c95849244f54e9dd5649fa2553785ee2f31d699c05ba62c8099f8"


def run(out: Path, start: date = DAY, end: date = EARLY_CLOSE, **changes: Any) -> Written:
    return simulate(out, start=start, end=end, **(OPTIONS | changes))


def files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def content_hash(folder: Path) -> str:
    """Hash what the files say, not how a version of Parquet writes it."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.parquet")):
        digest.update(str(path.relative_to(folder)).encode())
        for row in pq.read_table(path).to_pylist():
            digest.update(repr(row).encode())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("simulated")
    run(out)
    return out


class TestSameBytes:
    def test_another_process_writes_the_same_bytes(self, simulated: Path, tmp_path: Path) -> None:
        words = "simulate --start 2026-11-25 --end 2026-11-27 --symbols DIS,VIX --seed 3 --eod"
        words += f" --intraday 7200 --tape --activity 0.05 --expirations 3 --out {tmp_path}"
        environment = {**os.environ, "PYTHONHASHSEED": "12345", "TZ": "Asia/Tokyo"}
        subprocess.run(
            [sys.executable, "-m", "optix.cli", *words.split()],
            check=True,
            env=environment,
            capture_output=True,
        )
        assert files(tmp_path) == files(simulated)

    def test_the_numbers_are_the_stored_ones(self, simulated: Path) -> None:
        assert content_hash(simulated) == STORED_HASH

    def test_another_seed_writes_others(self, simulated: Path, tmp_path: Path) -> None:
        run(tmp_path, end=DAY, seed=4)
        theirs, mine = files(tmp_path), files(simulated)
        told = [name for name in theirs if "settlements" not in name]
        assert len(told) == 7
        assert all(theirs[name] != mine[name] for name in told)

    def test_a_day_does_not_depend_on_the_days_before(
        self, simulated: Path, tmp_path: Path
    ) -> None:
        run(tmp_path, start=EARLY_CLOSE)
        assert files(tmp_path).items() <= files(simulated).items()


class TestFiles:
    def test_thanksgiving_has_no_file_and_the_day_after_is_short(self, simulated: Path) -> None:
        days = sorted(path.stem for path in (simulated / "intraday").iterdir())
        assert days == ["2026-11-25", "2026-11-27"]
        spans = [
            tuple(recorded.at_ns for recorded in iter_recorded(path))
            for path in sorted((simulated / "intraday").iterdir())
        ]
        hours = [(span[-1] - span[0]) / 3.6e12 for span in spans]
        assert hours == [pytest.approx(6.5, abs=0.2), pytest.approx(3.5, abs=0.2)]

    def test_a_second_run_goes_on_and_writes_nothing_again(
        self, simulated: Path, tmp_path: Path
    ) -> None:
        assert run(tmp_path, end=DAY).days == 1
        (tmp_path / "truth" / "orders" / f"{DAY}.parquet").unlink()
        again = run(tmp_path)
        assert (again.days, again.skipped) == (2, 0)
        assert run(tmp_path)[:3] == (0, 2, 0)
        assert files(tmp_path) == files(simulated)

    def test_breaking_off_leaves_whole_files_alone(
        self, simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        original = SimulatedDays.closing
        calls = []

        def interrupted(self: SimulatedDays, day: Any) -> Any:
            calls.append(day)
            if len(calls) == 4:
                raise KeyboardInterrupt
            return original(self, day)

        monkeypatch.setattr(SimulatedDays, "closing", interrupted)
        words = "simulate --start 2026-11-25 --end 2026-11-27 --symbols DIS,VIX --seed 3 --eod"
        words += " --intraday 7200 --tape --activity 0.05 --expirations 3 --out"
        result = CliRunner().invoke(main, [*words.split(), str(tmp_path)])
        assert result.exit_code == 130
        assert "run it again" in result.output
        left = files(tmp_path)
        assert 0 < len(left) < len(files(simulated))
        assert left.items() <= files(simulated).items()
        monkeypatch.undo()
        result = CliRunner().invoke(main, [*words.split(), str(tmp_path)])
        assert result.exit_code == 0
        assert "1 days were there" in result.output
        assert files(tmp_path) == files(simulated)

    def test_a_folder_of_other_options_is_refused(self, simulated: Path) -> None:
        with pytest.raises(OtherSimulation):
            run(simulated, seed=9)

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"symbols": []}, NothingToSimulate),
            ({"eod": False, "intraday_seconds": None}, NothingToSimulate),
            ({"symbols": ["ZZZZ"]}, UnknownSymbol),
        ],
    )
    def test_what_cannot_be_simulated_is_said(
        self, tmp_path: Path, changes: dict[str, Any], error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            run(tmp_path, **changes)

    def test_a_range_without_a_session_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(NothingToSimulate, match="no session"):
            run(tmp_path, start=date(2026, 11, 26), end=date(2026, 11, 26))

    def test_a_world_may_begin_before_the_usual_one(self, tmp_path: Path) -> None:
        day = date(2016, 1, 13)
        run(tmp_path, start=day, end=day, intraday_seconds=None, tape=False)
        (path,) = (tmp_path / "eod").iterdir()
        tables = [r.update for r in iter_recorded(path) if isinstance(r.update, ChainTable)]
        assert tables


class TestReplay:
    def test_a_simulated_day_plays_the_same_every_time(self, tmp_path: Path) -> None:
        path = write_simulated_day(
            tmp_path, symbols=("SPY", "AAPL"), seconds=3_600.0, expirations=2, activity=0.002
        )
        first, second = played(path), played(path)
        assert first == second
        assert first[1] > 100, "prints"
        assert first[2] > 20, "chains"


def played(path: Path) -> tuple[str, int, int]:
    """Play a recording; return the hash of what came out, and how many prints and chains."""
    digest = hashlib.sha256()
    prints = chains = 0
    for tick in open_recording(path).iter_ticks():
        for update in tick.updates:
            digest.update(f"{tick.instant_ns}".encode())
            if isinstance(update, ChainTable):
                chains += 1
                digest.update("".join(c.key for c in update.contracts).encode())
                for name in CHAIN_COLUMNS:
                    digest.update(update.columns[name].tobytes())
            else:
                prints += isinstance(update, Trade)
                digest.update(repr(update).encode())
    return digest.hexdigest(), prints, chains
