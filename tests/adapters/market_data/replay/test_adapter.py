"""Playing in order, in step, in a loop and to the end, on the market clock of the recording."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from math import isnan
from pathlib import Path

import pytest
from tests.contracts.market_data import listening
from tests.fakes.recordings import (
    GOOG_DAYS,
    JULY,
    JUNE,
    START_NS,
    contracts_of,
    table_of,
    write_daily,
    write_documents,
    write_lean,
    write_recording,
)
from tests.fixtures.waiting import until

from optix.adapters.market_data.replay import adapter, open_replay
from optix.adapters.market_data.replay.adapter import ReplayMarketData
from optix.adapters.market_data.replay.tape import Tick
from optix.kernel.chain import ChainTable
from optix.kernel.clock import NANOSECONDS, to_datetime
from optix.kernel.quote import Quality, Quote
from optix.ports.market_data import (
    BarInterval,
    ChainKey,
    Demand,
    FeedNotice,
    MarketUpdate,
    NoticeState,
    UnknownSymbol,
)

SECOND = NANOSECONDS
IWM_JULY = ChainKey("IWM", JULY)
IWM_JUNE = ChainKey("IWM", JUNE)
GOOG_DEC = ChainKey("GOOG", date(2015, 12, 31))


class HandClock:
    """A machine's clock that a test moves."""

    def __init__(self) -> None:
        self.ns = 1_800_000_000 * SECOND

    def now_ns(self) -> int:
        return self.ns


async def opened(path: Path, **options: object) -> ReplayMarketData:
    provider = open_replay(path, **options)  # type: ignore[arg-type]  # the test knows them
    await provider.open()
    return provider


async def played_in_steps(path: Path, demand: Demand) -> list[MarketUpdate]:
    """Return everything a listener gets who was there from the first tick to the end."""
    provider = await opened(path, speed="step")
    provider.set_demand(demand)
    async with listening(provider) as updates:
        await updates.settle()
        while await provider.step() is not None:
            pass
        await updates.find(FeedNotice)
    return updates.seen


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "iwm.parquet")


@pytest.fixture
def minutes(tmp_path: Path) -> Path:
    write_daily(tmp_path, "goog", GOOG_DAYS)
    return write_lean(tmp_path)


class TestOrder:
    async def test_every_demanded_update_comes_once_in_the_order_of_the_tape(
        self, recording: Path
    ) -> None:
        demand = Demand(quotes=frozenset({"IWM", "SPY"}), chains=frozenset({IWM_JULY, IWM_JUNE}))
        updates = await played_in_steps(recording, demand)
        told = [(type(update).__name__, update.ts_event - START_NS) for update in updates]
        assert told[:3] == [("Quote", -1), ("ChainTable", -1), ("ChainTable", -1)]
        assert told[3:] == [
            ("Quote", SECOND - 1),
            ("ChainTable", 2 * SECOND - 1),
            ("Quote", 2 * SECOND - 1),
            ("ChainTable", 60 * SECOND - 1),
            ("FeedNotice", 60 * SECOND),
        ]

    async def test_changes_are_changes_and_the_book_is_whole(self, recording: Path) -> None:
        provider = await opened(recording, speed="step")
        await provider.step(START_NS + 2 * SECOND)
        table = await provider.fetch_chain(IWM_JULY)
        assert list(table.columns["bid"]) == [2.2, 3.0, 4.0, 5.0]
        assert table.complete
        assert table.row_ts_event is not None
        assert table.row_ts_event[0] > table.row_ts_event[1]

    async def test_what_was_handed_out_does_not_change_later(self, recording: Path) -> None:
        provider = await opened(recording, speed="step")
        before = await provider.fetch_chain(IWM_JULY)
        await provider.step(START_NS + 2 * SECOND)
        assert before.columns["bid"][0] == 2.0
        after = await provider.fetch_chain(IWM_JULY)
        assert after.columns["bid"][0] == 2.2

    async def test_a_contract_that_a_change_brings_is_added(self, tmp_path: Path) -> None:
        july = contracts_of(JULY)
        path = write_recording(
            tmp_path / "new.parquet",
            [
                (START_NS, table_of(july[:3])),
                (START_NS + SECOND, table_of(july[3:], bid=9.0, complete=False)),
            ],
        )
        provider = await opened(path, speed="step")
        assert len(await provider.fetch_chain(IWM_JULY)) == 3
        await provider.step()
        table = await provider.fetch_chain(IWM_JULY)
        assert list(table.contracts) == july
        assert list(table.columns["bid"]) == [2.0, 3.0, 4.0, 9.0]

    async def test_an_expiration_that_a_new_document_lacks_is_gone(self, tmp_path: Path) -> None:
        folder = write_documents(tmp_path / "days")
        from tests.fakes.cboe import options_document, usual_rows
        from tests.fakes.recordings import write_document

        only_july = [row for row in usual_rows() if "260717" in row["option"]]
        write_document(
            folder / "later.json", options_document(only_july, timestamp="2026-06-18 20:00:00")
        )
        provider = await opened(folder, speed="step")
        assert len(await provider.fetch_expirations("IWM")) == 2
        while await provider.step() is not None:
            pass
        assert [entry.date for entry in await provider.fetch_expirations("IWM")] == [JULY]


class TestClock:
    async def test_it_starts_with_the_recording_and_runs_at_its_speed(
        self, recording: Path
    ) -> None:
        machine = HandClock()
        provider = await opened(recording, speed=10.0, base_clock=machine)
        assert provider.clock.now_ns() == START_NS
        machine.ns += 2 * SECOND
        assert provider.clock.now_ns() == START_NS + 20 * SECOND
        assert (await provider.fetch_quote("IWM")).last == 295.6

    async def test_it_stands_still_at_the_end(self, recording: Path) -> None:
        machine = HandClock()
        provider = await opened(recording, base_clock=machine)
        machine.ns += 86_400 * SECOND
        assert provider.clock.now_ns() == START_NS + 60 * SECOND
        assert provider._clock.seconds_until(START_NS + 61 * SECOND) == 1.0

    async def test_before_it_is_opened_it_shows_the_start(self, recording: Path) -> None:
        machine = HandClock()
        provider = open_replay(recording, base_clock=machine)
        machine.ns += 100 * SECOND
        assert provider.clock.now_ns() == START_NS

    async def test_in_step_mode_only_a_step_moves_it(self, recording: Path) -> None:
        machine = HandClock()
        provider = await opened(recording, speed="step", base_clock=machine)
        machine.ns += 100 * SECOND
        assert provider.clock.now_ns() == START_NS
        assert provider._clock.seconds_until(START_NS + 1) is None
        assert await provider.step() == START_NS + SECOND
        assert await provider.step(START_NS + 59 * SECOND) == START_NS + 59 * SECOND
        assert await provider.step() == START_NS + 60 * SECOND
        assert await provider.step() is None

    async def test_a_step_back_is_refused(self, recording: Path) -> None:
        provider = await opened(recording, speed="step")
        await provider.step(START_NS + 30 * SECOND)
        with pytest.raises(ValueError, match="never goes back"):
            await provider.step(START_NS)

    async def test_a_step_reaches_who_listens(self, recording: Path) -> None:
        provider = await opened(recording, speed="step")
        provider.set_demand(Demand(quotes=frozenset({"IWM"})))
        async with listening(provider) as updates:
            assert (await updates.find(Quote)).last == 295.4
            await provider.step()
            assert (await updates.find(Quote)).last == 295.6


class TestEnd:
    async def test_the_end_is_said_once_and_answers_stay(self, recording: Path) -> None:
        provider = await opened(recording, speed=1_000_000.0)
        async with listening(provider) as updates:
            notice = await updates.find(FeedNotice)
            await updates.settle()
            assert notice.state is NoticeState.ENDED
            assert [u for u in updates.seen if isinstance(u, FeedNotice)] == [notice]
            provider.set_demand(Demand(chains=frozenset({IWM_JULY})))
            await updates.find(ChainTable)
            assert (await updates.find(FeedNotice)).state is NoticeState.ENDED

    async def test_a_loop_begins_again(self, recording: Path) -> None:
        provider = await opened(recording, speed=1_000_000.0, loop=True)
        provider.set_demand(Demand(quotes=frozenset({"IWM"})))
        async with listening(provider) as updates:
            assert (await updates.find(FeedNotice)).state is NoticeState.RESTARTED
            assert (await updates.find(Quote)).last == 295.4
            assert (await updates.find(Quote)).last == 295.6
            assert (await updates.find(FeedNotice)).state is NoticeState.RESTARTED


class TestAnswers:
    async def test_everything_is_marked_as_replay_and_the_day_is_said(
        self, recording: Path
    ) -> None:
        provider = await opened(recording)
        assert provider.capabilities.notice == "Replay Jun 17, 2026"
        assert provider.capabilities.quality is Quality.REPLAY
        table = await provider.fetch_chain(IWM_JULY)
        assert table.spot is not None
        assert {table.quality, table.spot.quality} == {Quality.REPLAY}
        assert table.source == "cboe", "where the numbers are from is not forgotten"

    async def test_several_days_are_said(self, tmp_path: Path) -> None:
        path = write_recording(
            tmp_path / "two.parquet",
            [(START_NS + day * 86_400 * SECOND, table_of(contracts_of(JULY))) for day in (0, 1)],
        )
        provider = await opened(path)
        assert provider.capabilities.notice == "Replay Jun 17, 2026 to Jun 18, 2026"

    async def test_a_recorded_simulation_stays_a_simulation(self, tmp_path: Path) -> None:
        from dataclasses import replace

        simulated = replace(table_of(contracts_of(JULY)), quality=Quality.SIMULATED)
        provider = await opened(write_recording(tmp_path / "sim.parquet", [(START_NS, simulated)]))
        assert provider.capabilities.notice == "Replay of simulated prices Jun 17, 2026"

    async def test_contracts_without_an_underlying_have_a_quote_of_nothing(
        self, tmp_path: Path
    ) -> None:
        provider = await opened(write_lean(tmp_path), speed="step")
        quote = await provider.fetch_quote("GOOG")
        assert isnan(quote.last)
        with pytest.raises(UnknownSymbol):
            await provider.fetch_quote("AAPL")

    async def test_bars_end_at_the_market_clock(self, minutes: Path) -> None:
        provider = await opened(minutes, speed="step")
        days = await provider.fetch_bars(
            "GOOG", BarInterval.DAY_1, start=date(2015, 12, 1), end=date(2016, 1, 31)
        )
        assert [bar.close for bar in days.rows] == [750.31], "the day itself is not over"
        weeks = await provider.fetch_bars(
            "GOOG", BarInterval.WEEK_1, start=date(2015, 12, 1), end=date(2016, 1, 31)
        )
        assert len(weeks.rows) == 1

    async def test_without_recorded_bars_they_are_of_the_played_prices(
        self, recording: Path
    ) -> None:
        provider = await opened(recording, speed="step")
        await provider.step()
        day = date(2026, 6, 17)
        bars = await provider.fetch_bars("IWM", BarInterval.MINUTE_1, start=day, end=day)
        # A price belongs to the minute in which it was true, a nanosecond before its delivery.
        assert [(bar.open, bar.close) for bar in bars.rows] == [(295.4, 295.4), (295.6, 295.6)]

    async def test_search_puts_what_is_recorded_first(self, recording: Path) -> None:
        provider = await opened(recording, speed="step")
        found = await provider.search("i", limit=50)
        assert found[0].symbol == "IWM"
        assert not await provider.search("", limit=5)


class TestMinuteBars:
    async def test_an_early_close_day_plays_in_order_to_its_end(self, minutes: Path) -> None:
        demand = Demand(quotes=frozenset({"GOOG"}), chains=frozenset({GOOG_DEC}))
        updates = await played_in_steps(minutes, demand)
        times = [to_datetime(update.ts_event).strftime("%H:%M") for update in updates]
        assert times == ["14:31", "14:31", "14:32", "14:33", "18:00", "18:00", "18:00"]
        closing = [update for update in updates if isinstance(update, Quote)][-1]
        assert (closing.last, closing.previous_close) == (748.4, 750.31)

    async def test_the_close_of_the_day_is_not_known_before_it(self, minutes: Path) -> None:
        provider = await opened(minutes, speed="step")
        quote = await provider.fetch_quote("GOOG")
        assert (quote.last, quote.open) == (749.55, 749.55)
        assert isnan(quote.high)

    async def test_nobody_listening_misses_nothing(self, minutes: Path) -> None:
        provider = await opened(minutes, speed=10_000_000.0)

        async def is_played() -> bool:
            return bool((await provider.fetch_chain(GOOG_DEC)).columns["volume"][0] == 7.0)

        await until(is_played)
        table = await provider.fetch_chain(GOOG_DEC)
        assert table.columns["open_interest"][0] == 1732.0


class TestReadingAhead:
    @pytest.mark.parametrize(("ticks", "rows"), [(2, 1_000), (1_000, 3)])
    async def test_ticks_are_read_in_bounded_handfuls(
        self, recording: Path, monkeypatch: pytest.MonkeyPatch, ticks: int, rows: int
    ) -> None:
        monkeypatch.setattr(adapter, "READ_AHEAD_TICKS", ticks)
        monkeypatch.setattr(adapter, "READ_AHEAD_ROWS", rows)
        original, taken = adapter._read_ahead, []

        def counted(source: Iterator[Tick]) -> list[Tick]:
            handful = original(source)
            taken.append(handful)
            return handful

        monkeypatch.setattr(adapter, "_read_ahead", counted)
        provider = await opened(recording, speed="step")
        while await provider.step() is not None:
            pass
        assert sum(map(len, taken)) == 4
        assert max(map(len, taken)) <= 2
        for handful in taken:
            assert sum(tick.rows for tick in handful[:-1]) < rows
