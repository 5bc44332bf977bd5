"""The provider on a fake terminal: plans, statuses, what is asked how often, closes of the past."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from math import isnan
from pathlib import Path

import pytest
from tests.adapters.market_data.thetadata.test_contract import (
    DAYS,
    FAR,
    KNOWN,
    TODAY,
    build,
    fake_terminal,
    symbols_of,
)
from tests.fakes.provider_server import Reply, Request
from tests.fakes.thetadata_server import (
    FakeStream,
    FakeTerminal,
    close_row,
    day_row,
    greeks_row,
    interest_row,
    quote_row,
    security_ohlc,
)
from tests.fixtures.waiting import until

from optix.adapters.market_data.failures import ProviderRefused, Unreadable
from optix.adapters.market_data.thetadata import adapter as adapter_module
from optix.adapters.market_data.thetadata.adapter import (
    ThetaDataMarketData,
    build_provider,
    capabilities_of,
)
from optix.adapters.market_data.thetadata.client import AT_ONCE, ThetaDataClient, stream_url
from optix.adapters.market_data.tiers import disagreements, load_quality
from optix.kernel import limits
from optix.kernel.clock import SystemClock, to_datetime
from optix.kernel.instrument import parse_option
from optix.kernel.quote import Quality
from optix.platform.provider_settings import ThetaDataSettings
from optix.ports.market_data import (
    BarInterval,
    ChainHistorySource,
    ChainKey,
    DataKind,
    Demand,
    ProviderUnavailable,
    UnknownSymbol,
    UnsupportedRequest,
)


@pytest.fixture
async def fake() -> AsyncIterator[FakeTerminal]:
    made = fake_terminal()
    async with made.serve_http():
        yield made


@pytest.fixture
async def provider(fake: FakeTerminal) -> AsyncIterator[ThetaDataMarketData]:
    made = build(fake)
    yield made
    await made.close()


def asked(fake: FakeTerminal, path: str) -> list[Request]:
    return [request for request in fake.asked if request.path == f"/v3{path}"]


class TestPlans:
    async def test_without_a_terminal_it_is_not_offered(self) -> None:
        assert build_provider(ThetaDataSettings(), SystemClock()) is None
        made = build_provider(
            ThetaDataSettings(thetadata_url="http://127.0.0.1:25503/v3"), SystemClock()
        )
        assert isinstance(made, ChainHistorySource)
        assert made.capabilities.quality is Quality.DELAYED

    def test_a_plan_says_what_there_is(self) -> None:
        assert DataKind.QUOTES not in capabilities_of("free").kinds
        assert DataKind.TRADES not in capabilities_of("value").kinds
        pro = capabilities_of("pro")
        assert (pro.streaming, pro.quality, pro.delay_seconds) == (True, Quality.REALTIME, 0)
        assert DataKind.TRADES in pro.kinds

    async def test_the_free_plan_asks_for_nothing_it_has_not(self, fake: FakeTerminal) -> None:
        provider = build(fake, plan="free")
        for call in (
            provider.fetch_quotes(["IWM"]),
            provider.fetch_chain(KNOWN.chain),
            provider.fetch_expirations("IWM"),
        ):
            with pytest.raises(UnsupportedRequest):
                await call
        assert not fake.asked
        await provider.close()

    async def test_a_better_plan_asks_for_greeks(self, fake: FakeTerminal) -> None:
        for plan, path in (("standard", "first_order"), ("pro", "all")):
            rows = [greeks_row(each, "") for each in symbols_of("IWM", FAR)]
            fake.tables[f"/option/snapshot/greeks/{path}"] = rows
            provider = build(fake, plan=plan)
            table = await provider.fetch_chain(KNOWN.chain)
            assert table.columns["vendor_iv"][0] == 0.3075
            await provider.close()
        value = build(fake)
        table = await value.fetch_chain(KNOWN.chain)
        assert isnan(table.columns["vendor_iv"][0])
        await value.close()

    async def test_no_more_is_asked_at_once_than_the_plan_allows(self, fake: FakeTerminal) -> None:
        client = ThetaDataClient(fake.url, SystemClock(), plan="value")
        running = most = 0
        real = client.rest.get

        async def counted(*given: object, **named: object) -> object:
            nonlocal running, most
            running += 1
            most = max(most, running)
            try:
                return await real(*given, **named)  # type: ignore[arg-type]  # as it was called
            finally:
                running -= 1

        client.rest.get = counted  # type: ignore[assignment,method-assign]  # counts, and asks
        day = date(2026, 6, 17)
        await asyncio.gather(*(client.fetch_open_interest("IWM", day) for _ in range(9)))
        assert most == AT_ONCE["value"] == 2
        await client.rest.close()


class TestStatuses:
    @pytest.mark.parametrize("status", [474, 476, 571, 500])
    async def test_a_terminal_that_cannot_now_is_an_outage(
        self, provider: ThetaDataMarketData, fake: FakeTerminal, status: int
    ) -> None:
        fake.statuses["/stock/history/eod"] = status
        with pytest.raises(ProviderUnavailable) as caught:
            await provider.open()
        assert caught.value.detail.endswith(".")
        assert caught.value.code == "provider_unavailable"

    async def test_what_the_plan_has_not_says_what_to_do(
        self, provider: ThetaDataMarketData, fake: FakeTerminal
    ) -> None:
        fake.statuses["/option/snapshot/quote"] = 471
        with pytest.raises(ProviderRefused) as caught:
            await provider.fetch_chain(KNOWN.chain)
        assert "OPTIX_THETADATA_PLAN" in caught.value.next_step

    async def test_no_data_is_normal(
        self, provider: ThetaDataMarketData, fake: FakeTerminal
    ) -> None:
        for path in ("/option/snapshot/ohlc", "/option/snapshot/open_interest"):
            fake.tables[path] = []
        table = await provider.fetch_chain(KNOWN.chain)
        assert len(table) == 6
        assert all(isnan(value) for value in table.columns["volume"])

    async def test_a_chain_lives_without_its_spot(
        self, provider: ThetaDataMarketData, fake: FakeTerminal
    ) -> None:
        fake.statuses["/stock/snapshot/quote"] = 471
        assert (await provider.fetch_chain(KNOWN.chain)).spot is None

    async def test_a_chain_that_is_mostly_unreadable_is_refused(
        self, provider: ThetaDataMarketData, fake: FakeTerminal
    ) -> None:
        for row in fake.tables["/option/snapshot/quote"]:
            row["bid"] = "many"
        with pytest.raises(Unreadable, match="6 of 6"):
            await provider.fetch_chain(KNOWN.chain)


class TestAsking:
    async def test_open_interest_is_asked_for_once_a_day(
        self, provider: ThetaDataMarketData, fake: FakeTerminal
    ) -> None:
        for _ in range(3):
            await provider.fetch_chain(KNOWN.chain)
        assert len(asked(fake, "/option/snapshot/open_interest")) == 1
        assert len(asked(fake, "/option/snapshot/quote")) == 3

    async def test_open_interest_that_is_remembered_is_bounded(
        self, provider: ThetaDataMarketData, monkeypatch: pytest.MonkeyPatch, fake: FakeTerminal
    ) -> None:
        assert limits.CHAINS_KEPT_MAX > 1
        monkeypatch.setattr(limits, "CHAINS_KEPT_MAX", 1)
        for key in (KNOWN.chain, KNOWN.other_chain, KNOWN.chain):
            await provider.fetch_chain(key)
        assert len(asked(fake, "/option/snapshot/open_interest")) == 3

    async def test_on_a_day_without_a_session_the_last_one_is_listed(
        self, provider: ThetaDataMarketData, fake: FakeTerminal
    ) -> None:
        rows = fake.tables["/option/list/contracts/quote"]
        for row in rows:
            row["_date"] = TODAY - timedelta(days=4)
        if (TODAY - timedelta(days=4)).weekday() > 4:
            for row in rows:
                row["_date"] = TODAY - timedelta(days=6)
        listed = await provider.fetch_expirations("IWM")
        assert [entry.contracts for entry in listed] == [6, 6]
        assert 1 < len(asked(fake, "/option/list/contracts/quote")) <= 5

    async def test_an_index_is_asked_for_as_one_with_both_roots(
        self, provider: ThetaDataMarketData, fake: FakeTerminal
    ) -> None:
        at = fake.tables["/stock/snapshot/ohlc"][0]["timestamp"]
        fake.tables["/index/snapshot/ohlc"] = [security_ohlc("SPX", at)]
        fake.tables["/option/snapshot/quote"] = [
            quote_row(f"{root}{FAR:%y%m%d}C05000000", at) for root in ("SPX", "SPXW")
        ]
        table = await provider.fetch_chain(ChainKey("SPX", FAR))
        assert {contract.root for contract in table.contracts} == {"SPX", "SPXW"}
        assert table.spot is not None
        assert table.spot.last == 295.4
        assert not asked(fake, "/stock/snapshot/quote")


class TestBars:
    async def test_years_are_asked_for_one_by_one(
        self, provider: ThetaDataMarketData, fake: FakeTerminal
    ) -> None:
        await provider.fetch_bars(
            "IWM", BarInterval.DAY_1, start=date(2024, 1, 1), end=date(2026, 6, 17)
        )
        spans = asked(fake, "/stock/history/eod")
        assert [request.query["start_date"] for request in spans] == [
            "20240101",
            "20241231",
            "20251231",
        ]

    async def test_minutes_are_asked_for_by_the_month_and_not_beyond_the_bound(
        self, provider: ThetaDataMarketData, fake: FakeTerminal
    ) -> None:
        bar = {"timestamp": "2026-06-17T09:30:00", "volume": 5, "_of": "IWM"}
        fake.tables["/stock/history/ohlc"] = [
            bar | dict.fromkeys(("open", "high", "low", "close"), 2.0)
        ]
        bars = await provider.fetch_bars(
            "IWM", BarInterval.MINUTE_5, start=date(2020, 1, 1), end=date(2026, 6, 17)
        )
        assert [bar.volume for bar in bars.rows] == [5]
        requests = asked(fake, "/stock/history/ohlc")
        assert len(requests) == 4
        assert {request.query["interval"] for request in requests} == {"5m"}

    async def test_weeks_are_joined_from_days(self, provider: ThetaDataMarketData) -> None:
        bars = await provider.fetch_bars(
            "IWM", BarInterval.WEEK_1, start=date(2026, 6, 15), end=date(2026, 6, 19)
        )
        assert [bar.volume for bar in bars.rows] == [2700]


class TestHistory:
    async def test_the_closes_of_each_session_come_in_order(
        self, provider: ThetaDataMarketData, fake: FakeTerminal
    ) -> None:
        contract = "IWM260717C00295000"
        fake.tables["/option/history/eod"] = [
            close_row(contract, DAYS[0]),
            close_row("IWM260821C00295000", DAYS[0]),
            close_row(contract, DAYS[2]),
        ]
        fake.tables["/option/history/open_interest"] = [
            interest_row(contract, f"{DAYS[0]}T06:30:13", _date=DAYS[0])
        ]
        history = provider.iter_chain_history("IWM", start=DAYS[0], end=DAYS[2])
        tables = [table async for table in history]
        assert [len(table) for table in tables] == [2, 1]  # the 16th has no data
        first, last = tables
        assert to_datetime(first.ts_event).date() == DAYS[0]
        assert first.ts_event < last.ts_event
        assert first.columns["open_interest"][0] == 8066
        assert isnan(last.columns["open_interest"][0])
        assert first.spot is not None
        assert first.spot.last == 293.0
        assert all(
            request.query["expiration"] == "*" for request in asked(fake, "/option/history/eod")
        )

    async def test_an_unknown_underlying_is_named_as_such(
        self, provider: ThetaDataMarketData
    ) -> None:
        history = provider.iter_chain_history("ZZQXW", start=DAYS[0], end=DAYS[2])
        with pytest.raises(UnknownSymbol):
            await anext(history)

    async def test_a_span_without_sessions_is_empty(self, provider: ThetaDataMarketData) -> None:
        history = provider.iter_chain_history("IWM", start=date(2001, 1, 1), end=date(2001, 1, 2))
        assert [table async for table in history] == []

    async def test_a_better_plan_has_greeks_of_the_past_and_the_free_one_no_interest(
        self, fake: FakeTerminal
    ) -> None:
        row = close_row("IWM260717C00295000", DAYS[0]) | {
            name: value
            for name, value in greeks_row("IWM260717C00295000", f"{DAYS[0]}T17:16:00").items()
            if name not in {"timestamp", "bid", "ask"}
        }
        fake.tables["/option/history/greeks/eod"] = [row]
        fake.tables["/option/history/eod"] = [close_row("IWM260717C00295000", DAYS[0])]
        standard, free = build(fake, plan="standard"), build(fake, plan="free")
        (table,) = [
            table async for table in standard.iter_chain_history("IWM", start=DAYS[0], end=DAYS[0])
        ]
        assert table.columns["vendor_iv"][0] == 0.3075
        before = len(asked(fake, "/option/history/open_interest"))
        (plain,) = [
            table async for table in free.iter_chain_history("IWM", start=DAYS[0], end=DAYS[0])
        ]
        assert isnan(plain.columns["vendor_iv"][0])
        assert len(asked(fake, "/option/history/open_interest")) == before
        await standard.close()
        await free.close()


class TestTrades:
    async def test_prints_come_with_the_quote_strictly_before(
        self, provider: ThetaDataMarketData, fake: FakeTerminal
    ) -> None:
        row = {
            "symbol": "IWM",
            "trade_timestamp": "2026-06-17T10:13:39.652",
            "quote_timestamp": "2026-06-17T10:13:39.403",
            "sequence": -5,
            "condition": 125,
            "size": 1,
            "exchange": 5,
            "price": 40.48,
            "bid": 40.03,
            "ask": 40.89,
        }
        fake.tables["/option/history/trade_quote"] = [row, row | {"size": 0, "sequence": -4}]
        contract = parse_option("IWM260717P00037500")
        (trade,) = await provider.fetch_trades(contract, date(2026, 6, 17))
        assert (trade.conditions, trade.bid, trade.ask) == ("a", 40.03, 40.89)
        query = asked(fake, "/option/history/trade_quote")[0].query
        assert (query["strike"], query["right"], query["exclusive"]) == ("37.500", "put", "true")


class TestStream:
    def test_it_is_beside_the_terminal(self) -> None:
        assert stream_url("http://10.0.0.5:25503/v3") == "ws://10.0.0.5:25520/v1/events"
        assert stream_url("http://[::1]:25503/v3") == "ws://[::1]:25520/v1/events"

    async def test_a_terminal_that_is_cut_off_is_not_live(self, fake: FakeTerminal) -> None:
        stream = FakeStream()
        async with stream.serve_all():
            provider = build(fake, plan="standard", stream=stream.stream_url)
            provider.set_demand(Demand(chains=frozenset((KNOWN.chain,))))

            async def follow() -> None:
                async for _ in provider.iter_updates():
                    pass

            task = asyncio.create_task(follow())
            await until(lambda: provider.health()[0].state == "live" and bool(stream.subscribed()))
            stream.status = "DISCONNECTED"
            await until(lambda: provider.health()[0].state != "live")
            assert "disconnected" in provider.health()[0].reason
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await provider.close()


def test_the_fake_never_sends_what_only_it_knows() -> None:
    reply = FakeTerminal()
    reply.tables["/x"] = [day_row("IWM", DAYS[0])]
    answer = reply._table(Request("GET", "/v3/x", {"symbol": "IWM"}, {}, b""))  # the fake itself
    assert isinstance(answer, Reply)
    assert b"_of" not in answer.body


def test_its_quality_file_agrees_with_the_code() -> None:
    file = Path(adapter_module.__file__).with_name("quality.toml")
    assert disagreements(load_quality(file), adapter_module.capabilities_of("value")) == []
