"""What the provider adds to its client: sharing, pace, drift, and a word on a lost source."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import orjson
import pytest
from structlog.testing import capture_logs
from tests.contracts.market_data import listening
from tests.fakes.cboe import (
    Answer,
    FakeCboe,
    minutes_document,
    option_row,
    options_document,
    quote_document,
    usual_rows,
)
from tests.fixtures.waiting import until

from optix.adapters.market_data.cboe import CboeMarketData
from optix.adapters.market_data.cboe.client import CboeClient
from optix.adapters.market_data.cboe.documents import (
    DOCUMENTS_MAX,
    POLLED_CHAINS_MAX,
    RETRY_SECONDS_MAX,
    DocumentKey,
    DocumentStore,
    Kind,
)
from optix.adapters.market_data.cboe.wire import UnreadableDocument
from optix.kernel.chain import ChainTable
from optix.kernel.clock import to_datetime
from optix.kernel.quote import Quote
from optix.ports.market_data import (
    BarInterval,
    ChainKey,
    Demand,
    ProviderUnavailable,
    UnknownSymbol,
)

JULY = ChainKey("IWM", date(2026, 7, 17))


def rows(count: int) -> list[dict[str, object]]:
    return [option_row(f"IWM260717C{(200 + i) * 1000:08d}") for i in range(count)]


@pytest.fixture
async def server() -> AsyncIterator[FakeCboe]:
    async with FakeCboe().serve() as fake:
        fake.put("options/IWM.json", options_document(usual_rows()))
        fake.put("quotes/IWM.json", quote_document())
        fake.put("quotes/SPY.json", quote_document(symbol="SPY"))
        yield fake


def provider_of(server: FakeCboe, *, poll_seconds: float = 60.0) -> CboeMarketData:
    client = CboeClient(base_url=server.base_url, spacing_seconds=0.0)
    return CboeMarketData(client, poll_seconds=poll_seconds, retry_seconds_first=0.01)


@pytest.fixture
async def provider(server: FakeCboe) -> AsyncIterator[CboeMarketData]:
    made = provider_of(server)
    yield made
    await made.close()


@pytest.fixture
async def hasty(server: FakeCboe) -> AsyncIterator[CboeMarketData]:
    """A provider that polls without the politeness that only a vendor needs."""
    made = provider_of(server, poll_seconds=0.01)
    yield made
    await made.close()


class TestPoliteness:
    async def test_ten_who_ask_at_once_cost_one_request(
        self, provider: CboeMarketData, server: FakeCboe
    ) -> None:
        server.hold = asyncio.Event()
        asking = [asyncio.create_task(provider.fetch_chain(JULY)) for _ in range(10)]
        await until(lambda: server.asked)
        server.hold.set()
        assert {len(table) for table in await asyncio.gather(*asking)} == {6}
        await provider.fetch_expirations("IWM")
        assert server.asked == ["options/IWM.json"]

    async def test_one_who_gives_up_does_not_take_it_from_the_others(
        self, provider: CboeMarketData, server: FakeCboe
    ) -> None:
        server.hold = asyncio.Event()
        patient = asyncio.create_task(provider.fetch_chain(JULY))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(provider.fetch_chain(JULY), 0.05)
        server.hold.set()
        assert len(await patient) == 6
        assert len(server.asked) == 1

    async def test_a_demanded_document_is_not_asked_again_within_its_minute(
        self, provider: CboeMarketData, server: FakeCboe
    ) -> None:
        provider.set_demand(Demand(quotes=frozenset({"IWM"}), chains=frozenset({JULY})))
        async with listening(provider) as updates:
            await updates.find(ChainTable)
            await updates.settle()
            await provider.fetch_quote("IWM")
        assert server.asked == ["options/IWM.json"], "the chain's document brings the quote along"

    async def test_a_poll_never_overlaps_itself(
        self, hasty: CboeMarketData, server: FakeCboe
    ) -> None:
        hasty.set_demand(Demand(chains=frozenset({JULY})))
        async with listening(hasty) as updates:
            for minute in range(5):
                stamp = f"2026-06-17 17:{45 + minute}:00"
                server.put("options/IWM.json", options_document(usual_rows(), timestamp=stamp))
                await updates.find(ChainTable)
        assert server.overlap_max == 1

    async def test_an_unknown_symbol_is_not_asked_again_soon(
        self, hasty: CboeMarketData, server: FakeCboe
    ) -> None:
        for _ in range(3):
            with pytest.raises(UnknownSymbol):
                await hasty.fetch_quote("ZZQXW")
        assert server.asked == ["quotes/ZZQXW.json", "quotes/_ZZQXW.json"]

    def test_the_vendor_itself_is_never_polled_faster_than_once_a_minute(self) -> None:
        with pytest.raises(ValueError, match="60 s"):
            CboeMarketData.over_http(poll_seconds=59)
        with pytest.raises(ValueError, match="60 s"):
            CboeMarketData.over_http(base_url="https://cdn.cboe.com/x", poll_seconds=1)
        CboeMarketData.over_http(base_url="http://127.0.0.1:1", poll_seconds=1)

    async def test_more_underlyings_than_are_polled_are_left_out(
        self, provider: CboeMarketData, server: FakeCboe
    ) -> None:
        keys = [ChainKey(f"Q{i:03d}", JULY.expiration) for i in range(POLLED_CHAINS_MAX + 20)]
        provider.set_demand(Demand(chains=frozenset([*keys, JULY])))
        async with listening(provider) as updates:
            await updates.find(ChainTable)
            await until(lambda: len(set(server.asked)) >= 2 * POLLED_CHAINS_MAX - 1)
            await updates.settle()
        assert len({path.removeprefix("options/_") for path in server.asked}) <= (
            2 * POLLED_CHAINS_MAX
        )
        assert DOCUMENTS_MAX["options"] >= POLLED_CHAINS_MAX


class TestDrift:
    async def test_a_chain_that_lost_most_contracts_is_refused_until_it_stays_so(
        self, hasty: CboeMarketData, server: FakeCboe
    ) -> None:
        server.put("options/IWM.json", options_document(rows(20)))
        assert len(await hasty.fetch_chain(JULY)) == 20
        server.put("options/IWM.json", options_document(rows(9)))
        for _ in range(2):
            await asyncio.sleep(0.05)  # until the vendor may be asked again
            with pytest.raises(UnreadableDocument, match="from 20 contracts to 9"):
                await hasty.fetch_chain(JULY)
        await asyncio.sleep(0.05)  # until the vendor may be asked again
        assert len(await hasty.fetch_chain(JULY)) == 9

    async def test_a_chain_of_mostly_bad_rows_is_refused_with_an_example(
        self, provider: CboeMarketData, server: FakeCboe
    ) -> None:
        bad = [row | {"bid": -1} for row in rows(6)]
        server.put("options/IWM.json", options_document([*bad, *rows(8)[6:]]))
        with pytest.raises(UnreadableDocument, match=r"6 of 8 options.*negative"):
            await provider.fetch_chain(JULY)

    async def test_a_lost_key_is_named(self, provider: CboeMarketData, server: FakeCboe) -> None:
        document = options_document(usual_rows())
        for row in document["data"]["options"]:
            row["ask_price"] = row.pop("ask")
        server.put("options/IWM.json", document)
        with pytest.raises(UnreadableDocument, match="lost their 'ask'"):
            await provider.fetch_chain(JULY)

    async def test_a_damaged_document_is_unavailable_and_the_next_one_is_taken(
        self, hasty: CboeMarketData, server: FakeCboe
    ) -> None:
        whole = orjson.dumps(options_document(usual_rows()))
        server.scripted.append(Answer(200, whole, cut=60))
        server.scripted.append(Answer(200, whole[:-60]))
        for _ in range(2):
            with pytest.raises(ProviderUnavailable):
                await hasty.fetch_chain(JULY)
            await asyncio.sleep(0.05)  # until the vendor may be asked again
        assert len(await hasty.fetch_chain(JULY)) == 6


class TestLostSource:
    async def test_the_updates_say_that_the_source_is_lost_and_go_on_when_called_again(
        self, hasty: CboeMarketData, server: FakeCboe
    ) -> None:
        server.scripted.extend([Answer(503)])
        hasty.set_demand(Demand(chains=frozenset({JULY})))
        with pytest.raises(ProviderUnavailable, match="503"):
            async for _ in hasty.iter_updates():
                pass
        await asyncio.sleep(0.02)
        async with listening(hasty) as updates:
            assert len(await updates.find(ChainTable)) == 6

    async def test_one_lost_symbol_among_others_is_not_a_lost_source(
        self, provider: CboeMarketData, server: FakeCboe
    ) -> None:
        server.put("options/QQQ.json", b"{")
        provider.set_demand(
            Demand(quotes=frozenset({"IWM"}), chains=frozenset({ChainKey("QQQ", JULY.expiration)}))
        )
        async with listening(provider) as updates:
            assert (await updates.find(Quote)).symbol == "IWM"
            await updates.settle()
            assert not updates.task.done()

    async def test_opening_without_a_network_says_so(self) -> None:
        client = CboeClient(base_url="http://127.0.0.1:9", spacing_seconds=0.0)
        provider = CboeMarketData(client)
        with pytest.raises(ProviderUnavailable, match="cannot be reached"):
            await provider.open()
        await provider.close()

    async def test_opening_where_everything_is_refused_says_so(
        self, provider: CboeMarketData, server: FakeCboe
    ) -> None:
        server.documents.clear()
        with pytest.raises(ProviderUnavailable, match="refuses requests"):
            await provider.open()


class TestHealth:
    def test_nobody_looks(self, provider: CboeMarketData) -> None:
        (health,) = provider.health()
        assert (health.state, health.reason, health.last_update_ns) == ("idle", "", 0)
        assert health.serves == provider.capabilities.kinds

    async def test_it_is_connecting_until_the_first_update_and_live_then(
        self, provider: CboeMarketData
    ) -> None:
        provider.set_demand(Demand(quotes=frozenset({"IWM", "ZZQXW"})))
        assert provider.health()[0].state == "connecting"
        async with listening(provider) as updates:
            await updates.find(Quote)
            (health,) = provider.health()
        assert (health.state, health.error_rate) == ("live", 0.0)
        assert health.last_update_ns > 0

    async def test_a_lost_document_makes_it_stale_and_all_of_them_down(
        self, provider: CboeMarketData, server: FakeCboe
    ) -> None:
        server.put("options/QQQ.json", b"{")
        qqq = ChainKey("QQQ", JULY.expiration)
        provider.set_demand(Demand(quotes=frozenset({"IWM"}), chains=frozenset({qqq})))
        async with listening(provider) as updates:
            await updates.find(Quote)
            await until(lambda: provider.health()[0].error_rate > 0)
            (health,) = provider.health()
        assert health.state == "stale"
        assert health.reason.endswith(".")
        assert health.errors_per_minute > 0
        provider.set_demand(Demand(chains=frozenset({qqq})))
        assert provider.health()[0].state == "down"


class TestAnswers:
    async def test_a_holiday_document_is_of_the_session_before(
        self, provider: CboeMarketData, server: FakeCboe
    ) -> None:
        trade = "2026-06-18T16:14:57"
        holiday = [row | {"last_trade_time": trade, "ask": 0.0} for row in usual_rows()]
        server.put(
            "options/IWM.json",
            options_document(holiday, timestamp="2026-06-19 20:17:50", last_trade_time=trade),
        )
        table = await provider.fetch_chain(JULY)
        assert to_datetime(table.ts_event) == datetime(2026, 6, 18, 20, 14, 57, tzinfo=UTC)
        assert set(table.columns["ask"]) == {0.0}

    async def test_minutes_are_joined_to_the_asked_interval(
        self, provider: CboeMarketData, server: FakeCboe
    ) -> None:
        server.put(
            "charts/intraday/IWM.json",
            minutes_document(
                [
                    (f"2026-06-17T09:{minute}:00", 10.0, 10.0 + minute, 9.0, 11.0, 5)
                    for minute in (31, 34, 35)
                ]
            ),
        )
        day = date(2026, 6, 17)
        bars = await provider.fetch_bars("IWM", BarInterval.MINUTE_5, start=day, end=day)
        assert [(bar.high, bar.volume) for bar in bars.rows] == [(44.0, 10.0), (45.0, 5.0)]


class TestStore:
    async def test_failures_are_kept_for_a_growing_while(self) -> None:
        async def load(_: DocumentKey) -> None:
            raise ProviderUnavailable("No.")

        store = DocumentStore(load, seconds=lambda _: 60.0, retry_seconds_first=5.0)
        key = DocumentKey(Kind.QUOTE, "IWM")
        waits = []
        for _ in range(7):
            with pytest.raises(ProviderUnavailable):
                await store.get(key)
            waits.append(round(store.due_in(key)))
            entry = store._find(key)
            assert entry is not None
            entry.retry_at = 0.0
        assert waits == [5, 10, 20, 40, 60, 60, 60]
        assert max(waits) <= RETRY_SECONDS_MAX

    async def test_the_oldest_documents_are_forgotten_first(self) -> None:
        async def load(key: DocumentKey) -> str:
            return key.symbol

        store = DocumentStore(load, seconds=lambda _: 60.0)
        keys = [DocumentKey(Kind.DAILY, f"S{i}") for i in range(DOCUMENTS_MAX["daily"] + 1)]
        for key in keys:
            await store.get(key)
        assert store.peek(keys[0]) == (None, 0)
        assert store.peek(keys[-1]) == (keys[-1].symbol, 1)


class TestLog:
    async def test_an_outage_and_its_bad_rows_are_told_once(
        self, hasty: CboeMarketData, server: FakeCboe
    ) -> None:
        odd = [*usual_rows(), option_row("IWM260717C00400000", bid=-1)]
        with capture_logs() as logs:
            for minute in range(3):
                stamp = f"2026-06-17 17:{45 + minute}:00"
                server.put("options/IWM.json", options_document(odd, timestamp=stamp))
                await hasty.fetch_chain(JULY)
                await asyncio.sleep(0.02)
        told = [entry for entry in logs if entry["event"] == "cboe_rows_rejected"]
        assert [entry["rejected"] for entry in told] == [{"negative_number": 1}]

    async def test_an_outage_is_one_line_and_its_end_another(
        self, hasty: CboeMarketData, server: FakeCboe
    ) -> None:
        hasty.set_demand(Demand(quotes=frozenset({"IWM"})))
        with capture_logs() as logs:
            for _ in range(2):
                server.scripted.extend([Answer(503)] * 3)
                while server.scripted:
                    with pytest.raises(ProviderUnavailable):
                        async for _update in hasty.iter_updates():
                            pass
                    await asyncio.sleep(0.1)  # until the vendor may be asked again
                async with listening(hasty) as updates:
                    await updates.find(Quote)
                    await until(lambda: logs[-1]["event"] == "cboe_document_back")
        assert [entry["event"] for entry in logs] == [
            "cboe_document_failed",
            "cboe_document_back",
        ] * 2
