"""A session in the store says what its chain was made of, and says it once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from math import isclose, sqrt
from pathlib import Path

import pytest
from tests.fakes.history_rows import store_in
from tests.fakes.past_market import RATE, SPOT, PastMarket, flat_chain

from optix.features.market import calendar
from optix.features.market.history.filling import Filled, backfill
from optix.features.market.history.measures import TENORS, implied_measures, realised_measures
from optix.features.market.history.sessions import Stored, captured_days, store_session
from optix.kernel.quote import Quality
from optix.ports.history import DatasetName
from optix.ports.market_data import Bar, BarInterval, Bars

DAY = date(2026, 3, 10)
DAYS = list(calendar.iter_sessions(date(2026, 3, 2), date(2026, 3, 13)))


def daily(closes: Sequence[float], end: date = DAY, *, adjusted: bool = False) -> Bars:
    days = [end]
    while len(days) < len(closes):
        days.append(calendar.previous_session(days[-1]))
    rows = [
        Bar(
            ts_event=calendar.opens_at(day),
            open=close,
            high=close * 1.01,
            low=close * 0.99,
            close=close,
            volume=1e6,
        )
        for day, close in zip(reversed(days), closes, strict=True)
    ]
    return Bars(
        symbol="SPX",
        interval=BarInterval.DAY_1,
        source="past",
        quality=Quality.DELAYED,
        adjusted=adjusted,
        rows=rows,
    )


class TestMeasures:
    def test_a_flat_smile_is_the_same_at_every_maturity_by_every_measure(self) -> None:
        found = {
            (measure.name, measure.tenor_days): measure.value
            for measure in implied_measures([flat_chain(DAY, 0.2)], rate=RATE)
        }
        for tenor in TENORS:
            assert found["atm_iv", tenor] == pytest.approx(0.2, abs=1e-4)
            assert found["rr25", tenor] == pytest.approx(0.0, abs=3e-4)
            assert found["fly25", tenor] == pytest.approx(0.0, abs=3e-4)
            assert found["expected_move", tenor] == pytest.approx(
                SPOT * 0.2 * sqrt(tenor / 365), rel=1e-3
            )
        # The strip stops at the last quoted strike, so it is a little low for far expiries.
        assert found["model_free_iv", 30] == pytest.approx(0.2, abs=0.004)

    def test_nothing_is_extrapolated(self) -> None:
        table = flat_chain(DAY, 0.2)
        near = [
            position
            for position, contract in enumerate(table.contracts)
            if contract.expiration <= DAY + timedelta(days=50)
        ]
        columns = {
            name: type(column)("d", [column[position] for position in near])
            for name, column in table.columns.items()
        }
        short = replace(
            table, contracts=[table.contracts[position] for position in near], columns=columns
        )
        tenors = {measure.tenor_days for measure in implied_measures([short], rate=RATE)}
        assert tenors == {7, 14, 30}

    def test_a_chain_without_quotes_says_nothing(self) -> None:
        assert implied_measures([], rate=RATE) == []
        adjusted = flat_chain(DAY, 0.2, underlying="AAPL", root="AAPL1")
        assert implied_measures([adjusted], rate=RATE) == []

    def test_realised_volatility_needs_its_window(self) -> None:
        closes = [100.0, 101.0] * 6
        names = {(found.name, found.tenor_days) for found in realised_measures(daily(closes).rows)}
        assert names == {(f"realised_{name}", 10) for name in ("close", "parkinson", "yang_zhang")}


class TestStoring:
    def store(self, folder: Path, bars: Bars | None = None) -> Stored:
        return store_session(
            store_in(folder),
            "a test",
            underlying="SPX",
            day=DAY,
            tables=[flat_chain(DAY, 0.2)],
            bars=bars,
            rate=RATE,
        )

    def test_chains_interest_bars_and_measures_are_stored_once(self, tmp_path: Path) -> None:
        bars = daily([100.0, 101.0] * 15)
        first, second = self.store(tmp_path, bars), self.store(tmp_path, bars)
        reader = store_in(tmp_path).reader()
        chain = flat_chain(DAY, 0.2)
        assert first.rows == 2 * len(chain) + 30
        assert (second.rows, second.measures) == (0, 0)
        (interest,) = reader.days(DatasetName.OPEN_INTEREST, "SPX")
        assert interest.date == date(2026, 3, 9), "of the end of the session before"
        points = reader.iv_history("SPX", start=DAY, end=DAY)
        assert {point.source for point in points} == {"past"}
        measures = {(point.measure, point.tenor_days) for point in points}
        assert {("atm_iv", 30), ("realised_close", 20), ("realised_yang_zhang", 10)} <= measures
        assert captured_days(reader, "SPX", DAY, DAY) == {DAY}

    def test_adjusted_bars_serve_and_are_not_stored(self, tmp_path: Path) -> None:
        self.store(tmp_path, daily([100.0, 101.0] * 15, adjusted=True))
        reader = store_in(tmp_path).reader()
        assert reader.names(DatasetName.BARS) == []
        names = {point.measure for point in reader.iv_history("SPX", start=DAY, end=DAY)}
        assert "realised_close" in names

    def test_a_split_of_the_window_does_not_count_as_movement(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        split = calendar.previous_session(DAY)
        with store.writing("a test") as writer:
            writer.write_columns(
                DatasetName.CORPORATE_ACTIONS,
                {
                    "symbol": ["SPX"],
                    "kind": ["split"],
                    "ex_date": [split],
                    "ratio": [2.0],
                    "source": ["past"],
                },
            )
        self.store(tmp_path, daily([100.0] * 28 + [50.0, 50.0]))
        points = store.reader().iv_history("SPX", start=DAY, end=DAY)
        (realised,) = [p for p in points if (p.measure, p.tenor_days) == ("realised_close", 20)]
        assert isclose(realised.value, 0.0, abs_tol=1e-9)


class TestBackfill:
    async def fill(self, folder: Path, source: PastMarket, days: Sequence[date] = DAYS) -> Filled:
        return await backfill(
            store_in(folder), source, "SPX", days, rate=RATE, say=self.said.append
        )

    @pytest.fixture(autouse=True)
    def _nothing_said(self) -> None:
        self.said: list[str] = []

    async def test_sessions_are_stored_and_what_nobody_knows_is_counted(
        self, tmp_path: Path
    ) -> None:
        source = PastMarket(dict.fromkeys(DAYS[:-2], 0.2))
        filled = await self.fill(tmp_path, source)
        assert (filled.wanted, filled.filled, filled.unknown) == (10, 8, 2)
        assert len(self.said) == 8
        reader = store_in(tmp_path).reader()
        assert [entry.date for entry in reader.days(DatasetName.OPTION_QUOTES, "SPX")] == DAYS[:-2]

    async def test_a_run_that_was_cut_off_goes_on_where_it_was(self, tmp_path: Path) -> None:
        vols = dict.fromkeys(DAYS, 0.2)
        with pytest.raises(ConnectionError):
            await self.fill(tmp_path, PastMarket(vols, fails_after=4))
        source = PastMarket(vols)
        filled = await self.fill(tmp_path, source)
        # The fourth was still on its way when the line broke.
        assert source.ranges == [(DAYS[3], DAYS[-1])]
        assert (filled.there, filled.filled) == (3, 7)

    async def test_only_gaps_are_asked_for_each_at_once(self, tmp_path: Path) -> None:
        vols = dict.fromkeys(DAYS, 0.2)
        there = [day for number, day in enumerate(DAYS) if number not in {2, 3, 7}]
        await self.fill(tmp_path, PastMarket(vols), there)
        source = PastMarket(vols)
        await self.fill(tmp_path, source)
        assert source.ranges == [(DAYS[2], DAYS[3]), (DAYS[7], DAYS[7])]
        again = PastMarket(vols)
        await self.fill(tmp_path, again)
        assert again.ranges == []

    async def test_nothing_wanted_is_nothing_done(self, tmp_path: Path) -> None:
        source = PastMarket({})
        await self.fill(tmp_path, source, [])
        assert source.ranges == []
