"""The daily capture, on a real feed and bus: what is due by the calendar, stored once, and jobs."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.fakes.history_rows import store_in
from tests.fakes.scripted import ScriptedProvider
from tests.fixtures.chains import EXPIRATION, contracts_of, spot_of, table_of
from tests.fixtures.market import Market

from optix.features.market.history.capture import HistoryCapture, NothingToCapture
from optix.features.market.tasks import CAPTURE_SYMBOL, MarketTasks
from optix.kernel.clock import ScaledClock, to_ns
from optix.kernel.quote import Quality
from optix.platform.db import Database
from optix.ports.history import DatasetName
from optix.ports.market_data import Bar, BarInterval, Bars, ChainKey

pytestmark = pytest.mark.stores

DAY = date(2026, 11, 18)
EARLY = date(2026, 11, 27)
AFTER = datetime(2026, 11, 18, 21, 25, tzinfo=UTC)  # 16:25 in New York
KEY = ChainKey("SPY", EXPIRATION)


async def capture_at(market: Market, folder: Path, moment: datetime) -> HistoryCapture:
    """A feed with one chain, true at `moment`, and the capture that listens to it."""
    now_ns = to_ns(moment)
    provider = ScriptedProvider(clock=ScaledClock(market.clock, origin_ns=now_ns, speed=0))
    provider.list_small_chain()
    contracts = contracts_of([590, 600, 610])
    provider.chains[KEY] = table_of(
        contracts,
        {
            "bid": [15.0, 4.0, 9.0, 8.0, 5.0, 14.0],
            "ask": [15.2, 4.2, 9.2, 8.2, 5.2, 14.2],
            "open_interest": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        },
        ts_event=now_ns,
        spot=spot_of(ts_event=now_ns),
    )
    provider.quotes["SPY"] = spot_of(ts_event=now_ns)
    market.provider = provider
    book = await market.start()
    return HistoryCapture(store_in(folder), book, symbols=["SPY"], rate=0.04)


class TestDue:
    @pytest.mark.parametrize(
        ("moment", "due"),
        [
            (datetime(2026, 11, 18, 21, 19, tzinfo=UTC), None),  # the last options just stopped
            (AFTER, DAY),
            (datetime(2026, 11, 19, 14, 29, tzinfo=UTC), DAY),  # before the next open
            (datetime(2026, 11, 19, 14, 30, tzinfo=UTC), None),
            (datetime(2026, 11, 27, 18, 19, tzinfo=UTC), None),  # 13:19 on an early close
            (datetime(2026, 11, 27, 18, 20, tzinfo=UTC), EARLY),
            (datetime(2026, 11, 29, 12, 0, tzinfo=UTC), EARLY),  # Sunday
        ],
    )
    async def test_a_session_is_due_from_its_end_until_the_next_one_opens(
        self, market: Market, tmp_path: Path, moment: datetime, due: date | None
    ) -> None:
        capture = await capture_at(market, tmp_path, moment)
        assert capture.due_session() == due


class TestCapture:
    async def test_the_closing_chain_is_stored_once(self, market: Market, tmp_path: Path) -> None:
        capture = await capture_at(market, tmp_path, AFTER)
        assert await capture.missing(DAY) == ["SPY"]
        first = await capture.capture("SPY", DAY)
        again = await capture.capture("SPY", DAY)
        assert first.rows == 12, "six quotes and their open interest"
        assert again.rows == 0
        (table,) = store_in(tmp_path).reader().chain_as_of("SPY", None, to_ns(AFTER), since_ns=0)
        assert list(table.columns["bid"])[:2] == [15.0, 4.0]
        assert list(table.columns["open_interest"]) == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
        assert table.source == "test"
        assert table.spot is not None
        assert table.spot.bid == pytest.approx(599.99)

    async def test_bars_of_the_feed_become_realised_volatility(
        self, market: Market, tmp_path: Path
    ) -> None:
        capture = await capture_at(market, tmp_path, AFTER)
        days = [2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 16, 17, 18]
        opens = [to_ns(datetime(2026, 11, day, 5, tzinfo=UTC)) for day in days]
        market.provider.bars["SPY"] = Bars(
            symbol="SPY",
            interval=BarInterval.DAY_1,
            source="test",
            quality=Quality.REALTIME,
            adjusted=False,
            rows=[
                Bar(ts_event=at, open=price, high=price, low=price, close=price, volume=1.0)
                for at, price in zip(opens, [600.0, 606.0] * 6 + [600.0], strict=True)
            ],
        )
        await capture.capture("SPY", DAY)
        reader = store_in(tmp_path).reader()
        assert reader.days(DatasetName.BARS, "SPY")[-1].date == DAY
        measures = {point.measure for point in reader.iv_history("SPY", start=DAY, end=DAY)}
        assert "realised_close" in measures

    async def test_quotes_of_another_day_are_not_this_session(
        self, market: Market, tmp_path: Path
    ) -> None:
        capture = await capture_at(market, tmp_path, AFTER)
        with pytest.raises(NothingToCapture, match="no quotes of SPY from 2026-11-17"):
            await capture.capture("SPY", date(2026, 11, 17))
        assert store_in(tmp_path).reader().names(DatasetName.OPTION_QUOTES) == []


class TestJobs:
    async def test_each_underlying_that_is_missing_gets_one_job(
        self, market: Market, database: Database, tmp_path: Path
    ) -> None:
        tasks = MarketTasks(database, await capture_at(market, tmp_path, AFTER))
        await tasks.capture({})
        await tasks.capture({})
        assert await waiting(database) == [CAPTURE_SYMBOL]

    async def test_a_job_whose_time_has_passed_does_nothing(
        self, market: Market, database: Database, tmp_path: Path
    ) -> None:
        tasks = MarketTasks(database, await capture_at(market, tmp_path, AFTER))
        await tasks.capture_symbol({"symbol": "SPY", "date": "2026-11-17"})
        assert not (tmp_path / "option_quotes").exists()

    async def test_outside_its_time_no_job_is_left(
        self, market: Market, database: Database, tmp_path: Path
    ) -> None:
        noon = datetime(2026, 11, 18, 17, tzinfo=UTC)
        await MarketTasks(database, await capture_at(market, tmp_path, noon)).capture({})
        assert await waiting(database) == []


async def waiting(database: Database) -> list[str]:
    async with database.reading() as session:
        rows = await session.execute(text("SELECT entrypoint FROM jobs.pgqueuer"))
        return [row[0] for row in rows]
