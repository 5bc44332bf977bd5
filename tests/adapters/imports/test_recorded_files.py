"""The whole recorded market data in a store: every file, every record, and the facts they hold.

Proved by importing it twice into a store of its own. Skipped where the recorded data is absent.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from tests.fixtures.recorded import recorded
from tools.market_data import DOCUMENT, import_all, table_in, table_of

from optix.adapters.history import HistoryStore, open_history
from optix.features.market import calendar
from optix.kernel.clock import SystemClock, to_ns
from optix.kernel.corporate import ActionKind
from optix.ports.history import DatasetName
from optix.ports.market_data import BarInterval
from optix.processes.import_history import ImportReport

pytestmark = pytest.mark.recorded


@pytest.fixture(scope="module")
def folder() -> Path:
    return recorded("market")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> HistoryStore:
    return open_history(tmp_path_factory.mktemp("history"), None, SystemClock())


@pytest.fixture(scope="module")
def report(store: HistoryStore, folder: Path) -> ImportReport:
    return import_all(store, folder)


def ns(*parts: int) -> int:
    return to_ns(datetime(*parts, tzinfo=UTC))  # type: ignore[arg-type, misc]  # year to microsecond


class TestEveryRecord:
    def test_every_file_is_imported_to_its_end(self, report: ImportReport, folder: Path) -> None:
        assert [(file.path.name, file.problem) for file in report.files if file.problem] == []
        assert len(report.files) == sum(path.is_file() for path in folder.rglob("*"))

    def test_records_are_stored_there_already_or_rejected_with_a_reason(
        self, report: ImportReport
    ) -> None:
        for file in report.files:
            assert file.records == file.stored + file.duplicates + file.rejected_count, file.path
            assert all(entry.reason and entry.count > 0 for entry in file.rejected.values())

    def test_a_second_import_adds_nothing(
        self, report: ImportReport, store: HistoryStore, folder: Path
    ) -> None:
        again = import_all(store, folder)
        first, second = report.as_json(), again.as_json()
        assert second["stored"] == 0
        assert second["duplicates"] == first["stored"] + first["duplicates"]
        assert second["rejected"] == first["rejected"]

    def test_the_document_shows_what_was_imported(self, report: ImportReport) -> None:
        shown = table_in(DOCUMENT.read_text(encoding="utf-8"))
        assert shown == table_of(report), "run .venv/bin/python -m tools.market_data"


@pytest.mark.usefixtures("report")
class TestFacts:
    def test_both_classes_of_the_third_friday_stay_distinct(self, store: HistoryStore) -> None:
        at = ns(2026, 7, 16, 20, 15)
        (table,) = store.reader().chain_as_of(
            "SPX", date(2026, 7, 17), at, since_ns=at - 60 * 10**9, source="cboe_research_lab"
        )
        roots = Counter(contract.root for contract in table.contracts)
        assert roots == {"SPX": 1_046, "SPXW": 944}
        shared = Counter((c.expiration, c.right, c.strike_milli) for c in table.contracts)
        assert sum(count == 2 for count in shared.values()) == 944

    def test_the_split_of_apple_makes_its_prices_one_line(self, store: HistoryStore) -> None:
        days = {"start": date(2014, 6, 6), "end": date(2014, 6, 9)}
        actions = store.reader().corporate_actions("AAPL", **days)
        assert [(action.kind, action.ex_date, action.ratio) for action in actions] == [
            (ActionKind.SPLIT, date(2014, 6, 9), 7.0)
        ]
        traded = store.reader().bars("AAPL", BarInterval.DAY_1, **days, source="lean")
        adjusted = store.reader().bars(
            "AAPL", BarInterval.DAY_1, **days, adjusted_to=date(2014, 6, 9), source="lean"
        )
        assert traded is not None
        assert adjusted is not None
        assert [bar.close for bar in traded.rows] == [645.57, 93.7]
        assert [bar.close for bar in adjusted.rows] == [pytest.approx(645.57 / 7), 93.7]

    def test_google_closes_early_on_christmas_eve(self, store: HistoryStore) -> None:
        reader = store.reader()
        close, minute = ns(2015, 12, 24, 18), 60 * 10**9
        # The minute after the close has the quotes that were withdrawn in it, and nothing follows.
        assert reader.last_instant("GOOG", ns(2015, 12, 25, 23)) == close + minute
        for source, rows in (("lean", 2_048), ("lean_day", 2_192)):
            at_close = reader.chain_as_of("GOOG", None, close, since_ns=close, source=source)
            assert sum(len(table) for table in at_close) == rows
        before = reader.chain_as_of("GOOG", None, close - 1, since_ns=close - minute)
        assert before
        assert all(table.ts_event < close for table in before)

    def test_the_june_monthly_of_2026_is_a_thursday(self, store: HistoryStore) -> None:
        at = ns(2026, 6, 15, 21)
        chains = store.reader().chain_as_of("IWM", None, at, since_ns=ns(2026, 6, 15, 12))
        interest = {
            table.contracts[0].expiration: sum(x for x in table.columns["open_interest"] if x == x)  # noqa: PLR0124  # not NaN
            for table in chains
        }
        june = {day: total for day, total in interest.items() if (day.year, day.month) == (2026, 6)}
        assert date(2026, 6, 19) not in june
        assert max(june, key=lambda day: june[day]) == date(2026, 6, 18)
        assert calendar.monthly_expiration(2026, 6) == date(2026, 6, 18)

    def test_the_prints_with_their_quotes_are_there(self, store: HistoryStore) -> None:
        days = store.reader().days(DatasetName.TRADES, "SPY")
        found = {(day.date, day.source): day.rows for day in days}
        assert found[date(2024, 6, 14), "thetadata"] == 98
