"""The provider as a whole: what it offers, what it counts, and what it asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.adapters.market_data.yahoo.test_contract import JULY, JUNE, OPENS, fake_market
from tests.fakes.yahoo_server import FakeYahoo, chart, option_row, usual_chain

from optix.adapters.market_data.failures import Unreadable
from optix.adapters.market_data.tiers import disagreements, load_quality
from optix.adapters.market_data.yahoo import adapter as adapter_module
from optix.adapters.market_data.yahoo.adapter import (
    CAPABILITIES,
    COUNTED_DATES_MAX,
    YahooMarketData,
    build_provider,
)
from optix.adapters.market_data.yahoo.client import YahooClient
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, SystemClock
from optix.kernel.corporate import ActionKind
from optix.platform.provider_settings import YahooSettings
from optix.ports.market_data import (
    BarInterval,
    ChainKey,
    CorporateActionSource,
    HealthReporter,
    UnknownExpiration,
)


class HandClock:
    ns = 1_781_717_460 * NANOSECONDS  # 17 June 2026, 13:31 in New York

    def now_ns(self) -> int:
        return self.ns


@pytest.fixture
async def fake() -> AsyncIterator[FakeYahoo]:
    made = fake_market()
    async with made.serve_http():
        yield made


@pytest.fixture
async def provider(fake: FakeYahoo) -> AsyncIterator[YahooMarketData]:
    url, clock = fake.base_url, HandClock()
    client = YahooClient(clock, base_url=url, cookie_url=url, spacing_seconds=0.0)
    made = YahooMarketData(client, clock)
    yield made
    await made.close()


async def test_it_is_offered_only_where_it_was_turned_on() -> None:
    assert build_provider(YahooSettings(), SystemClock()) is None
    made = build_provider(YahooSettings(yahoo_enabled=True), SystemClock())
    assert isinstance(made, CorporateActionSource)
    assert isinstance(made, HealthReporter)
    assert made.health()[0].state == "idle"
    assert "personal use" in CAPABILITIES.notice


class TestExpirations:
    async def test_only_the_nearest_dates_cost_a_request(
        self, provider: YahooMarketData, fake: FakeYahoo
    ) -> None:
        days = [JUNE + timedelta(days=7 * week) for week in range(8)]
        fake.chains["IWM"] = {day: usual_chain("IWM", day) for day in days}
        listed = await provider.fetch_expirations("IWM")
        assert [entry.contracts for entry in listed] == [6] * COUNTED_DATES_MAX + [0] * 5
        pages = [
            path
            for path in [request.path for request in fake.asked]
            if path.endswith("/options/IWM")
        ]
        assert len(pages) == 1 + COUNTED_DATES_MAX
        await provider.fetch_chain(ChainKey("IWM", days[-1]))
        assert (await provider.fetch_expirations("IWM"))[-1].contracts == 6

    async def test_a_date_without_a_page_does_not_take_the_list_away(
        self, provider: YahooMarketData, fake: FakeYahoo
    ) -> None:
        fake.chains["IWM"][JUNE] = []
        listed = await provider.fetch_expirations("IWM")
        assert [(entry.date, entry.contracts) for entry in listed] == [(JUNE, 0), (JULY, 6)]

    async def test_what_is_remembered_is_bounded(
        self, provider: YahooMarketData, monkeypatch: pytest.MonkeyPatch, fake: FakeYahoo
    ) -> None:
        monkeypatch.setattr("optix.adapters.market_data.yahoo.adapter.CHAINS_KEPT_MAX", 1)
        assert limits.CHAINS_KEPT_MAX > 1
        await provider.fetch_chain(ChainKey("IWM", JULY))
        await provider.fetch_chain(ChainKey("IWM", JUNE))
        assert [*provider._counts] == [ChainKey("IWM", JUNE)]  # the bound itself


class TestChains:
    async def test_a_page_of_another_date_is_not_taken_for_it(
        self, provider: YahooMarketData, fake: FakeYahoo
    ) -> None:
        fake.chains["IWM"][JULY] = []
        with pytest.raises(UnknownExpiration):
            await provider.fetch_chain(ChainKey("IWM", JULY))

    async def test_a_page_that_is_mostly_unreadable_is_refused(
        self, provider: YahooMarketData, fake: FakeYahoo
    ) -> None:
        rows = usual_chain("IWM", JULY)
        fake.chains["IWM"][JULY] = rows[:2] + [row | {"bid": "x"} for row in rows[2:]]
        with pytest.raises(Unreadable, match="4 of 6"):
            await provider.fetch_chain(ChainKey("IWM", JULY))

    async def test_an_index_is_asked_for_with_its_caret(
        self, provider: YahooMarketData, fake: FakeYahoo
    ) -> None:
        day = date(2026, 7, 17)
        rows = [option_row(f"{root}260717C05000000") for root in ("SPX", "SPXW")]
        fake.chains["^SPX"] = {day: rows}
        table = await provider.fetch_chain(ChainKey("SPX", day))
        assert {contract.root for contract in table.contracts} == {"SPX", "SPXW"}


class TestBars:
    async def test_weeks_are_joined_from_days(self, provider: YahooMarketData) -> None:
        bars = await provider.fetch_bars(
            "IWM", BarInterval.WEEK_1, start=date(2026, 6, 15), end=date(2026, 6, 19)
        )
        assert [bar.volume for bar in bars.rows] == [2700]
        assert not bars.adjusted

    async def test_minutes_are_asked_for_only_as_far_as_they_reach(
        self, provider: YahooMarketData, fake: FakeYahoo
    ) -> None:
        old = await provider.fetch_bars(
            "IWM", BarInterval.MINUTE_1, start=date(2026, 1, 2), end=date(2026, 1, 5)
        )
        assert not old.rows
        assert not fake.asked
        await provider.fetch_bars(
            "IWM", BarInterval.MINUTE_1, start=date(2026, 1, 2), end=date(2026, 6, 17)
        )
        params = fake.asked[-1].query
        days = (int(params["period2"]) - int(params["period1"])) / 86_400
        assert (days, params["interval"]) == (7.0, "1m")


class TestActions:
    async def test_splits_after_the_asked_days_are_taken_out_of_dividends(
        self, provider: YahooMarketData, fake: FakeYahoo
    ) -> None:
        fake.charts["IWM"] = chart([], dividends={OPENS[0]: 0.5}, splits={OPENS[2]: (2, 1)})
        day = date(2026, 6, 15)
        (dividend,) = await provider.fetch_corporate_actions("IWM", start=day, end=day)
        assert (dividend.kind, dividend.amount) == (ActionKind.CASH_DIVIDEND, 1.0)
        assert int(fake.asked[-1].query["period2"]) > OPENS[2]


def test_its_quality_file_agrees_with_the_code() -> None:
    file = Path(adapter_module.__file__).with_name("quality.toml")
    assert disagreements(load_quality(file), adapter_module.CAPABILITIES) == []
