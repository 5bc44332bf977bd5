"""Bars of the store, as traded and on the footing of a later day."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from tests.fakes.history_rows import at, store_in, write

from optix.adapters.history import HistoryStore
from optix.kernel import limits
from optix.kernel.corporate import ActionKind
from optix.kernel.instrument import parse_option
from optix.ports.history import DatasetName
from optix.ports.market_data import BarInterval

CALL = parse_option("SPY240315C00480000")


def daily_bars(symbol: str, closes: dict[date, float], source: str = "made_up") -> pl.DataFrame:
    days = list(closes)
    values = list(closes.values())
    return pl.DataFrame(
        {
            "ts_event": [at(day.year, day.month, day.day, 4) for day in days],
            "underlying": [symbol] * len(days),
            "symbol": [symbol] * len(days),
            "interval": ["1d"] * len(days),
            **dict.fromkeys(("open", "high", "low", "close"), values),
            "volume": [700.0] * len(days),
            "source": [source] * len(days),
            "quality": ["delayed"] * len(days),
        }
    )


AAPL = {
    date(2014, 6, 5): 647.35,
    date(2014, 6, 6): 645.57,
    date(2014, 6, 9): 93.70,
    date(2014, 6, 10): 94.25,
}


def with_actions(store: HistoryStore, *actions: dict[str, object]) -> None:
    with store.writing("a test") as writer:
        for action in actions:
            row = {"symbol": "AAPL", "source": "made_up", **action}
            writer.write_columns(
                DatasetName.CORPORATE_ACTIONS, {name: [value] for name, value in row.items()}
            )


SPLIT = {"kind": "split", "ex_date": date(2014, 6, 9), "ratio": 7.0}


class TestBars:
    def read(self, store: HistoryStore, adjusted_to: date | None) -> list[float]:
        bars = store.reader().bars(
            "AAPL",
            BarInterval.DAY_1,
            start=date(2014, 6, 1),
            end=date(2014, 6, 30),
            adjusted_to=adjusted_to,
        )
        assert bars is not None
        assert bars.adjusted is (adjusted_to is not None)
        return [bar.close for bar in bars.rows]

    def test_the_seven_for_one_split_of_apple_comes_right(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        write(store, daily_bars("AAPL", AAPL), dataset=DatasetName.BARS)
        with_actions(store, SPLIT)
        assert self.read(store, None) == [647.35, 645.57, 93.70, 94.25]
        assert self.read(store, date(2014, 7, 1)) == pytest.approx(
            [92.478571, 92.224286, 93.70, 94.25]
        )
        bars = store.reader().bars(
            "AAPL",
            BarInterval.DAY_1,
            start=date(2014, 6, 5),
            end=date(2014, 6, 9),
            adjusted_to=date(2014, 7, 1),
        )
        assert bars is not None
        assert [bar.volume for bar in bars.rows] == [4900.0, 4900.0, 700.0]

    def test_before_its_ex_date_nobody_sees_a_split(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        write(store, daily_bars("AAPL", AAPL), dataset=DatasetName.BARS)
        with_actions(store, {**SPLIT, "announced": date(2014, 4, 23)})
        assert self.read(store, date(2014, 6, 8))[:2] == [647.35, 645.57]

    def test_a_dividend_scales_what_is_before_it_and_estimates_nothing(
        self, tmp_path: Path
    ) -> None:
        store = store_in(tmp_path)
        write(store, daily_bars("AAPL", AAPL), dataset=DatasetName.BARS)
        with_actions(
            store,
            {"kind": "cash_dividend", "ex_date": date(2014, 6, 6), "amount": 6.4735},
            {
                "kind": "cash_dividend",
                "ex_date": date(2014, 6, 10),
                "amount": 9.0,
                "estimated": True,
            },
            {"kind": "cash_dividend", "ex_date": date(2014, 6, 1), "amount": 9.0},
        )
        assert self.read(store, date(2014, 7, 1)) == pytest.approx(
            [647.35 * 0.99, 645.57, 93.70, 94.25]
        )

    def test_an_action_that_two_sources_tell_counts_once(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        write(store, daily_bars("AAPL", AAPL), dataset=DatasetName.BARS)
        with_actions(store, SPLIT, {**SPLIT, "source": "another", "estimated": True})
        (action,) = store.reader().corporate_actions(
            "AAPL", start=date(2014, 1, 1), end=date(2014, 12, 31)
        )
        assert (action.kind, action.ratio, action.estimated) == (ActionKind.SPLIT, 7.0, False)
        assert self.read(store, date(2014, 7, 1))[0] == pytest.approx(647.35 / 7)

    def test_of_too_many_bars_the_latest_are_given(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "HISTORY_BARS_MAX", 2)
        store = store_in(tmp_path)
        write(store, daily_bars("AAPL", AAPL), dataset=DatasetName.BARS)
        assert self.read(store, None) == [93.70, 94.25]

    def test_one_source_answers_and_what_is_not_stored_is_none(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        write(
            store,
            daily_bars("AAPL", AAPL),
            daily_bars("AAPL", {date(2014, 6, 5): 1.0}, source="aaa"),
            dataset=DatasetName.BARS,
        )
        assert self.read(store, None)[0] == 647.35
        reader = store.reader()
        day = date(2014, 6, 5)
        bars = reader.bars("AAPL", BarInterval.DAY_1, start=day, end=day, source="aaa")
        assert bars is not None
        assert [bar.close for bar in bars.rows] == [1.0]
        assert reader.bars("AAPL", BarInterval.MINUTE_1, start=day, end=day) is None

    def test_bars_of_a_contract_lie_with_its_underlying(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        rows = daily_bars("SPY", {date(2024, 1, 8): 5.0}).with_columns(symbol=pl.lit(CALL.key))
        write(store, rows, dataset=DatasetName.BARS)
        bars = store.reader().bars(
            CALL.key, BarInterval.DAY_1, start=date(2024, 1, 1), end=date(2024, 1, 31)
        )
        assert bars is not None
        assert bars.rows[0].close == 5.0
