"""Pages, plans, the key and the socket's words, on a server that speaks them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import orjson
import pytest
from tests.contracts.market_data import listening
from tests.fakes.polygon_server import CONTRACTS, KEY, FakePolygon, chain_row, stock_row
from tests.fakes.provider_server import Reply
from tests.fixtures.waiting import until

from optix.adapters.market_data import polygon
from optix.adapters.market_data.failures import ProviderRefused, Unreadable
from optix.adapters.market_data.polygon.adapter import PolygonMarketData
from optix.adapters.market_data.polygon.client import PolygonClient
from optix.adapters.market_data.polygon.stream import QUOTED_CONTRACTS_MAX, PolygonStream
from optix.adapters.market_data.streaming import (
    Ack,
    Channel,
    Complaint,
    Heartbeat,
    MalformedFrame,
    Tick,
    Topic,
    Trouble,
)
from optix.adapters.market_data.tiers import disagreements, load_quality
from optix.kernel.clock import SystemClock
from optix.kernel.quote import Quality
from optix.platform.provider_settings import PolygonSettings
from optix.ports.market_data import BarInterval, ChainKey, Demand, UnknownSymbol

DAY = date(2025, 12, 19)
SECRET = KEY.get_secret_value()


class TestPages:
    async def test_a_chain_is_all_its_pages(
        self, server: FakePolygon, provider: PolygonMarketData
    ) -> None:
        server.page_rows = 2
        table = await provider.fetch_chain(ChainKey("SPY", DAY))
        assert len(table) == 6
        pages = [r for r in server.rest.asked if r.path == "/v3/snapshot/options/SPY"]
        assert len(pages) == 3
        assert {page.query["limit"] for page in pages} == {"250"}, "ten is the default"
        assert all(SECRET not in str(page.query) for page in pages)

    async def test_the_next_page_of_the_old_name_is_asked_of_the_host_in_use(
        self, server: FakePolygon, client: PolygonClient
    ) -> None:
        server.page_rows, server.next_host = 4, "https://api.polygon.io"
        assert len(await client.fetch_chain("SPY", DAY)) == 6

    @pytest.mark.parametrize(
        "host", ["https://evil.example", "https://api.polygon.io@evil.example", "http://[", "//x"]
    )
    async def test_a_next_page_elsewhere_is_not_followed(
        self, server: FakePolygon, client: PolygonClient, host: str
    ) -> None:
        server.page_rows, server.next_host = 4, host
        with pytest.raises(Unreadable) as caught:
            await client.fetch_chain("SPY", DAY)
        assert SECRET not in str(caught.value)

    async def test_pages_in_a_circle_end(self, server: FakePolygon, client: PolygonClient) -> None:
        page = {"status": "OK", "results": [], "next_url": f"{server.rest.base_url}/v3/again?c=1"}
        server.rest.scripted.extend([Reply(page), Reply(page), Reply(page)])
        with pytest.raises(Unreadable, match="again and again"):
            await client.fetch_chain("SPY", DAY)


class TestPlans:
    async def test_a_wrong_key_is_said_when_it_opens(self, server: FakePolygon) -> None:
        other = KEY.__class__("not-the-key")
        client = PolygonClient(other, SystemClock(), base_url=server.rest.base_url)
        stream = PolygonStream(other, quality=Quality.DELAYED, url=server.stream_url)
        provider = PolygonMarketData(client, stream, quality=Quality.DELAYED, clock=SystemClock())
        with pytest.raises(ProviderRefused) as caught:
            await provider.open()
        assert "not-the-key" not in f"{caught.value} {caught.value.__cause__!r} {client!r}"
        await provider.close()

    async def test_a_plan_without_stocks_is_named(
        self, server: FakePolygon, provider: PolygonMarketData
    ) -> None:
        server.stocks["SPY"] = {"ticker": "SPY", "error": "NOT_ENTITLED"}
        with pytest.raises(ProviderRefused) as caught:
            await provider.fetch_quote("SPY")
        assert "underlyings" in caught.value.next_step
        server.stocks["QQQ"] = stock_row("QQQ")
        quotes = await provider.fetch_quotes(["SPY", "QQQ"])
        assert set(quotes) == {"QQQ"}, "one that is not in the plan does not take the others along"

    async def test_too_many_requests_pause_all(
        self, server: FakePolygon, client: PolygonClient
    ) -> None:
        server.rest.scripted.append(Reply(status=429, headers={"Retry-After": "40"}))
        for _ in range(2):
            with pytest.raises(Exception, match=r"slow down|allows no more") as caught:
                await client.fetch_chain("SPY", DAY)
        assert caught.value.code == "provider_rate_limited"  # type: ignore[attr-defined]  # every error of ours has a code
        assert server.rest.counts["/v3/snapshot/options/SPY"] == 1

    def test_without_a_key_there_is_no_provider(self) -> None:
        assert polygon.build_provider(PolygonSettings(polygon_api_key=None), SystemClock()) is None
        built = polygon.build_provider(PolygonSettings(polygon_api_key=KEY), SystemClock())
        assert built is not None
        assert built.capabilities.quality is Quality.DELAYED
        assert built.capabilities.delay_seconds == 900
        live = PolygonSettings(polygon_api_key=KEY, polygon_delayed=False)
        built = polygon.build_provider(live, SystemClock())
        assert built is not None
        assert built.capabilities.notice == ""

    def test_the_quality_file_says_what_the_adapter_does(self) -> None:
        quality = load_quality(Path(polygon.__file__).with_name("quality.toml"))
        built = polygon.build_provider(PolygonSettings(polygon_api_key=KEY), SystemClock())
        assert built is not None
        assert disagreements(quality, built.capabilities) == []


class TestAnswers:
    async def test_an_index_is_asked_for_by_its_prefix(
        self, server: FakePolygon, provider: PolygonMarketData
    ) -> None:
        server.rows = [
            chain_row(f"O:{root}251219C06700000", underlying_asset={"value": 6712.5})
            for root in ("SPX", "SPXW")
        ]
        table = await provider.fetch_chain(ChainKey("SPX", DAY))
        assert {contract.root for contract in table.contracts} == {"SPX", "SPXW"}
        assert server.rest.asked[-1].path == "/v3/snapshot/options/I:SPX"
        roots = [entry.root for entry in await provider.fetch_expirations("SPX")]
        assert roots == ["SPX", "SPXW"]
        assert server.rest.asked[-1].query["underlying_ticker"] == "SPX", "here without it"

    async def test_a_listing_is_kept(
        self, server: FakePolygon, provider: PolygonMarketData
    ) -> None:
        for _ in range(3):
            await provider.fetch_expirations("SPY")
        assert server.rest.counts["/v3/reference/options/contracts"] == 1

    async def test_a_chain_most_of_which_cannot_be_read_is_refused(
        self, server: FakePolygon, provider: PolygonMarketData
    ) -> None:
        for row in server.rows[:4]:
            row["last_quote"]["bid"] = "cheap"
        with pytest.raises(Unreadable, match="4 of 6"):
            await provider.fetch_chain(ChainKey("SPY", DAY))

    async def test_weeks_are_joined_from_days_and_begin_on_monday(
        self, server: FakePolygon, provider: PolygonMarketData
    ) -> None:
        days = [1763096400000, 1763355600000, 1763442000000]  # Friday, Monday, Tuesday
        server.bars["SPY 1 day"] = [
            {"t": day, "o": 1.0 + i, "h": 5.0, "l": 1.0, "c": 2.0 + i, "v": 10}
            for i, day in enumerate(days)
        ]
        bars = await provider.fetch_bars(
            "SPY", BarInterval.WEEK_1, start=date(2025, 11, 17), end=date(2025, 11, 21)
        )
        assert [(bar.ts_event, bar.close, bar.volume) for bar in bars.rows] == [
            (1763355600 * 10**9, 4.0, 20)
        ]

    async def test_no_bars_of_a_known_symbol_are_no_bars(
        self, server: FakePolygon, provider: PolygonMarketData
    ) -> None:
        bars = await provider.fetch_bars("SPY", BarInterval.MINUTE_5, start=DAY, end=DAY)
        assert bars.rows == []
        with pytest.raises(UnknownSymbol):
            await provider.fetch_bars("NOPE", BarInterval.MINUTE_5, start=DAY, end=DAY)


class TestSocketWords:
    def stream(self) -> PolygonStream:
        return PolygonStream(KEY, quality=Quality.DELAYED)

    def test_the_plan_decides_the_host(self) -> None:
        delayed = PolygonStream(KEY, quality=Quality.DELAYED)
        assert "delayed." in delayed._url
        assert "socket." in PolygonStream(KEY, quality=Quality.REALTIME)._url

    def test_what_is_asked_has_the_letter_of_its_channel(self) -> None:
        topics = [Topic("SPXW251219C06700000", channel) for channel in Channel]
        (frame,) = self.stream().subscribe(topics)
        asked = orjson.loads(frame)
        assert asked == {
            "action": "subscribe",
            "params": "Q.O:SPXW251219C06700000,T.O:SPXW251219C06700000",
        }
        (frame,) = self.stream().unsubscribe(topics)
        assert orjson.loads(frame)["action"] == "unsubscribe"

    def test_securities_are_not_on_this_socket(self) -> None:
        stream = self.stream()
        assert not stream.accepts(Topic("SPY", Channel.QUOTE))
        assert not stream.accepts(Topic("THIS IS NO CONTRACT", Channel.QUOTE))
        assert stream.accepts(Topic("SPY251219C00650000", Channel.TRADE))
        assert stream.subscribe([Topic("SPY", Channel.QUOTE)]) == []

    @pytest.mark.parametrize(
        ("status", "words", "trouble"),
        [
            ("auth_failed", "authentication failed", Trouble.REFUSED),
            ("max_connections", "Maximum number of connections exceeded.", Trouble.RECONNECT),
            ("auth_timeout", "", Trouble.RECONNECT),
            ("error", "You are not authorized to subscribe to Q.*", Trouble.REFUSED),
            ("error", "not a topic", Trouble.OTHER),
            (7, None, Trouble.OTHER),
        ],
    )
    def test_errors_have_their_meaning(
        self, status: object, words: object, trouble: Trouble
    ) -> None:
        frame = orjson.dumps([{"ev": "status", "status": status, "message": words}])
        (event,) = self.stream().decode(frame, 1)
        assert isinstance(event, Complaint)
        assert event.trouble is trouble

    def test_a_confirmation_is_one(self) -> None:
        frame = '[{"ev":"status","status":"success","message":"subscribed to: Q.O:X"}]'
        assert self.stream().decode(frame, 1) == [Ack()]
        assert Heartbeat() not in self.stream().decode("[]", 1)

    def test_one_bad_message_leaves_the_others(self) -> None:
        now_ns = SystemClock().now_ns()
        good = {"ev": "Q", "sym": CONTRACTS[0], "bp": 1, "ap": 2, "t": now_ns // 1_000_000}
        events = self.stream().decode(orjson.dumps([{"ev": "Q", "sym": "?"}, good]), now_ns)
        assert [type(event) for event in events] == [Complaint, Tick]
        with pytest.raises(MalformedFrame):
            self.stream().decode('[{"ev":"Q","sym":"?"}]', now_ns)


class TestSocket:
    async def test_at_most_a_thousand_quotes_nearest_the_money_first(
        self, server: FakePolygon, provider: PolygonMarketData
    ) -> None:
        server.rows = [
            chain_row(f"O:SPY251219{right}{strike:08d}")
            for strike in range(100_000, 1_200_000, 1_000)
            for right in "CP"
        ]
        provider.set_demand(
            Demand(quotes=frozenset(("SPY",)), chains=frozenset((ChainKey("SPY", DAY),)))
        )
        async with listening(provider):
            await until(lambda: len(server.subscribed()) == QUOTED_CONTRACTS_MAX)
            strikes = {int(symbol[-8:]) for symbol in server.subscribed()}
        assert min(strikes) > 395_000
        assert max(strikes) < 905_000

    async def test_a_second_connection_ends_the_first_which_comes_back(
        self, server: FakePolygon, provider: PolygonMarketData
    ) -> None:
        provider.set_demand(Demand(chains=frozenset((ChainKey("SPY", DAY),))))
        async with listening(provider):
            await until(server.subscribed)
            (first,) = server.signed_in
            await first.send('[{"ev":"status","status":"max_connections","message":"one only"}]')
            await until(lambda: len(server.connects) == 2 and server.subscribed())
        assert provider.health()[0].reconnects == 1

    async def test_the_quality_of_a_quote_travels_with_it(
        self, server: FakePolygon, provider: PolygonMarketData
    ) -> None:
        late = {"bid": 1, "ask": 2, "timeframe": "DELAYED"}
        server.stocks["SPY"] = stock_row(last_quote=late)
        assert (await provider.fetch_quote("SPY")).quality is Quality.DELAYED
