"""Every interval is made of the same minutes, and the last of them closes at the live price."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from tests.adapters.market_data.sim.world import make_market, new_york

from optix.adapters.market_data.bars import join_bars, new_york_date
from optix.adapters.market_data.sim.provider import SimulatedMarket
from optix.features.market import calendar
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS
from optix.ports.market_data import Bar, BarInterval, UnknownSymbol

NOON = new_york(2026, 11, 18, 12, 0, 30)
TODAY = date(2026, 11, 18)
SUNDAY = new_york(2026, 11, 22, 11)
INTRADAY = [
    BarInterval.MINUTE_1,
    BarInterval.MINUTE_5,
    BarInterval.MINUTE_30,
    BarInterval.HOUR_1,
]


@pytest.fixture(scope="module")
def market() -> SimulatedMarket:
    return make_market(NOON)[0]


async def bars_of(
    market: SimulatedMarket,
    interval: BarInterval,
    start: date = TODAY,
    end: date = TODAY,
    symbol: str = "AAPL",
) -> list[Bar]:
    bars = await market.fetch_bars(symbol, interval, start=start, end=end)
    assert (bars.symbol, bars.interval, bars.source) == (symbol, interval, "sim")
    return list(bars.rows)


@pytest.mark.parametrize("interval", list(BarInterval))
@pytest.mark.parametrize("symbol", ["AAPL", "SPX", "SPY", "VIX"])
async def test_the_last_bar_closes_at_the_live_price(
    market: SimulatedMarket, interval: BarInterval, symbol: str
) -> None:
    start = TODAY - timedelta(days=9)
    rows = await bars_of(market, interval, start, symbol=symbol)
    assert rows[-1].close == (await market.fetch_quote(symbol)).last


@pytest.mark.parametrize("interval", list(BarInterval))
async def test_bars_ascend_and_are_sound(market: SimulatedMarket, interval: BarInterval) -> None:
    rows = await bars_of(market, interval, TODAY - timedelta(days=40))
    instants = [bar.ts_event for bar in rows]
    assert instants == sorted(set(instants))
    for bar in rows:
        assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert bar.volume >= 0


@pytest.mark.parametrize("interval", INTRADAY[1:])
async def test_longer_bars_are_joined_minutes(
    market: SimulatedMarket, interval: BarInterval
) -> None:
    start = TODAY - timedelta(days=5)
    minutes = await bars_of(market, BarInterval.MINUTE_1, start)
    assert join_bars(minutes, interval) == await bars_of(market, interval, start)


async def test_a_day_is_its_minutes(market: SimulatedMarket) -> None:
    yesterday = date(2026, 11, 17)
    minutes = await bars_of(market, BarInterval.MINUTE_1, yesterday, yesterday)
    (day,) = await bars_of(market, BarInterval.DAY_1, yesterday, yesterday)
    assert len(minutes) == 390
    assert day.open == minutes[0].open
    assert day.close == minutes[-1].close
    assert day.high == max(bar.high for bar in minutes)
    assert day.low == min(bar.low for bar in minutes)
    assert day.volume == sum(bar.volume for bar in minutes)


async def test_the_live_day_agrees_with_the_quote(market: SimulatedMarket) -> None:
    (day,) = await bars_of(market, BarInterval.DAY_1)
    quote = await market.fetch_quote("AAPL")
    assert (day.open, day.high, day.low, day.close, day.volume) == (
        quote.open,
        quote.high,
        quote.low,
        quote.last,
        quote.volume,
    )
    (before,) = await bars_of(market, BarInterval.DAY_1, date(2026, 11, 17), date(2026, 11, 17))
    assert before.close == quote.previous_close


async def test_daily_bars_are_on_trading_days_alone(market: SimulatedMarket) -> None:
    start = date(2026, 3, 1)
    days = [new_york_date(bar.ts_event) for bar in await bars_of(market, BarInterval.DAY_1, start)]
    assert days == list(calendar.iter_sessions(start, TODAY))


async def test_weeks_begin_on_monday_and_are_joined_days(market: SimulatedMarket) -> None:
    start = date(2026, 8, 3)
    days = await bars_of(market, BarInterval.DAY_1, start)
    weeks = await bars_of(market, BarInterval.WEEK_1, start)
    assert weeks == join_bars(days, BarInterval.WEEK_1)
    assert {new_york_date(bar.ts_event).weekday() for bar in weeks} == {0}


async def test_an_early_close_has_a_short_day() -> None:
    market, _ = make_market(new_york(2026, 11, 30, 12))
    day = date(2026, 11, 27)
    rows = await bars_of(market, BarInterval.MINUTE_1, day, day)
    assert len(rows) == 210


async def test_on_a_sunday_the_pause_is_shown_and_later_forgotten() -> None:
    market, clock = make_market(SUNDAY)
    friday = date(2026, 11, 20)
    rows = await bars_of(market, BarInterval.MINUTE_30, friday, date(2026, 11, 22))
    quote = await market.fetch_quote("AAPL")
    assert rows[-1].close == quote.last
    assert SUNDAY - rows[-1].ts_event <= 30 * 60 * NANOSECONDS
    (day,) = await bars_of(market, BarInterval.DAY_1, friday, date(2026, 11, 22))
    assert day.close == quote.last

    clock.advance_to(new_york(2026, 11, 23, 9, 31))
    rows = await bars_of(market, BarInterval.MINUTE_30, friday, date(2026, 11, 22))
    (day,) = await bars_of(market, BarInterval.DAY_1, friday, date(2026, 11, 22))
    monday = await market.fetch_quote("AAPL")
    assert len(rows) == 13
    assert day.close == rows[-1].close == monday.previous_close


async def test_finished_bars_never_change() -> None:
    market, clock = make_market(NOON)
    before = await bars_of(market, BarInterval.MINUTE_5, TODAY - timedelta(days=3))
    clock.advance_to(NOON + 3_600 * NANOSECONDS)
    after = await bars_of(market, BarInterval.MINUTE_5, TODAY - timedelta(days=3))
    assert after[: len(before) - 1] == before[:-1]
    assert len(after) == len(before) + 12


async def test_history_is_bounded_to_its_latest_bars(market: SimulatedMarket) -> None:
    rows = await bars_of(market, BarInterval.MINUTE_1, TODAY - timedelta(days=60))
    assert len(rows) == limits.HISTORY_BARS_MAX
    assert rows[-1].close == (await market.fetch_quote("AAPL")).last


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (date(2026, 11, 19), date(2026, 12, 31)),
        (date(1990, 1, 1), date(1999, 12, 31)),
        (TODAY, date(2026, 11, 1)),
        (date(2026, 11, 14), date(2026, 11, 15)),
    ],
    ids=["future", "before the world", "turned round", "weekend"],
)
@pytest.mark.parametrize("interval", list(BarInterval))
async def test_a_span_without_sessions_is_empty(
    market: SimulatedMarket, interval: BarInterval, start: date, end: date
) -> None:
    assert await bars_of(market, interval, start, end) == []


async def test_an_absurd_span_gives_all_there_is(market: SimulatedMarket) -> None:
    rows = await bars_of(market, BarInterval.DAY_1, date.min, date.max)
    assert new_york_date(rows[0].ts_event) == date(2026, 1, 2)


async def test_an_unknown_symbol_has_no_history(market: SimulatedMarket) -> None:
    with pytest.raises(UnknownSymbol):
        await market.fetch_bars("NOSUCH", BarInterval.DAY_1, start=TODAY, end=TODAY)


async def test_five_years_of_days_are_there_by_default() -> None:
    market, _ = make_market(NOON, first_day=date(2020, 6, 1))
    start = date(2021, 11, 18)
    rows = await bars_of(market, BarInterval.DAY_1, start)
    assert len(rows) == len(list(calendar.iter_sessions(start, TODAY)))
