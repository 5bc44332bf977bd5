"""`optix history`: what is there, and filling it from a feed that knows the past."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.fakes.history_rows import at, option_rows, store_in, write
from tests.fakes.past_market import PastMarket
from tests.fakes.scripted import ScriptedProvider

from optix.cli import main
from optix.features.market import calendar
from optix.processes import history_work

DAYS = list(calendar.iter_sessions(date(2026, 3, 2), date(2026, 3, 6)))


class PastFeed(ScriptedProvider, PastMarket):
    """A feed that also knows the past."""

    def __init__(self, vols: dict[date, float]) -> None:
        ScriptedProvider.__init__(self)
        PastMarket.__init__(self, vols)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPTIX_HISTORY_DIR", str(tmp_path))
    return tmp_path


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["history", *arguments])


@contextmanager
def feed(monkeypatch: pytest.MonkeyPatch, provider: Any) -> Iterator[None]:
    async def choose(*_: object) -> Any:
        return provider

    with monkeypatch.context() as patch:
        patch.setattr(history_work, "choose_provider", choose)
        yield


class TestCoverage:
    def test_holes_are_shown_by_date(self, folder: Path) -> None:
        write(store_in(folder), option_rows(at(2026, 3, 2)), option_rows(at(2026, 3, 5)))
        table = invoke("coverage")
        assert table.exit_code == 0
        assert "missing: 2026-03-03 2026-03-04" in table.stdout
        (row,) = json.loads(invoke("coverage", "spy", "--json").stdout)
        assert (row["symbol"], row["sessions"], row["present"]) == ("SPY", 4, 2)
        assert row["missing"] == ["2026-03-03", "2026-03-04"]

    def test_a_long_list_is_cut_and_an_empty_store_says_what_to_do(self, folder: Path) -> None:
        assert "optix import" in invoke("coverage").stdout
        write(store_in(folder), option_rows(at(2026, 1, 5)), option_rows(at(2026, 3, 5)))
        assert " and 20 more" in invoke("coverage").stdout


class TestFilling:
    def test_a_range_is_filled_and_a_second_run_finds_it_there(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        provider = PastFeed(dict.fromkeys(DAYS, 0.2))
        with feed(monkeypatch, provider):
            arguments = ("backfill", "SPX", "--start", f"{DAYS[0]}", "--end", f"{DAYS[-1]}")
            first, second = invoke(*arguments), invoke(*arguments)
        assert "5 sessions, 0 there already, 5 filled" in first.stdout
        assert "[5/5] SPX" in first.stderr
        assert "5 there already, 0 filled" in second.stdout

    def test_repair_asks_only_for_the_holes(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for day in (DAYS[0], DAYS[4]):
            write(store_in(folder), option_rows(calendar.closes_at(day), underlying="SPX"))
        provider = PastFeed(dict.fromkeys(DAYS[:3], 0.2))
        with feed(monkeypatch, provider):
            done = invoke("repair")
        assert provider.ranges == [(DAYS[1], DAYS[3])]
        assert "3 sessions, 0 there already, 2 filled" in done.stdout
        assert "1 that the feed does not know" in done.stdout

    def test_a_feed_without_a_past_and_a_range_without_a_start_are_told(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with feed(monkeypatch, ScriptedProvider()):
            refused = invoke("backfill", "SPX", "--start", "2026-03-02")
        assert refused.exit_code == 2
        assert "does not know chains of the past" in refused.stderr
        with feed(monkeypatch, PastFeed({})):
            assert "from when on" in invoke("backfill", "SPX").stderr
            assert "Nothing of SPX is stored" in invoke("repair", "SPX").stderr
