"""Sign-in, tokens, the protocol's order and its keepalive, on servers that speak the words."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date
from pathlib import Path

import orjson
import pytest
from tests.contracts.market_data import listening
from tests.contracts.streaming_provider import CHAOS_TIMINGS
from tests.fakes.provider_server import Reply
from tests.fakes.tastytrade_server import (
    CLIENT_SECRET,
    REFRESH_TOKEN,
    FakeTastytrade,
    market_item,
    nested_item,
)
from tests.fixtures.waiting import until

from optix.adapters.market_data import tastytrade
from optix.adapters.market_data.failures import ProviderRefused, Unreadable
from optix.adapters.market_data.streaming import (
    Channel,
    Complaint,
    Heartbeat,
    MalformedFrame,
    Tick,
    Topic,
    Trouble,
)
from optix.adapters.market_data.tastytrade.adapter import TastytradeMarketData
from optix.adapters.market_data.tastytrade.client import TastytradeClient
from optix.adapters.market_data.tastytrade.stream import (
    FRAMES_HELD_MAX,
    KEEPALIVE_SECONDS,
    DxLinkStream,
)
from optix.adapters.market_data.tastytrade.symbols import StreamerSymbols
from optix.adapters.market_data.tiers import disagreements, load_quality
from optix.kernel.clock import SystemClock
from optix.kernel.quote import Quality, TradingStatus
from optix.platform.provider_settings import TastytradeSettings
from optix.ports.market_data import ChainKey, Demand

CHAIN = ChainKey("SPY", date(2025, 12, 19))
CALL, NAME = "SPY251219C00650000", ".SPY251219C650"


def stream(client: TastytradeClient | None = None) -> DxLinkStream:
    tokens = client or TastytradeClient(CLIENT_SECRET, REFRESH_TOKEN, SystemClock())
    return DxLinkStream(tokens, StreamerSymbols(), clock=SystemClock(), quality=Quality.REALTIME)


def config(**fields: list[str]) -> str:
    return orjson.dumps({"type": "FEED_CONFIG", "channel": 1, "eventFields": fields}).decode()


def data(*parts: object) -> str:
    return orjson.dumps({"type": "FEED_DATA", "channel": 1, "data": list(parts)}).decode()


class TestSignIn:
    async def test_an_access_token_is_asked_for_once(
        self, server: FakeTastytrade, client: TastytradeClient
    ) -> None:
        await asyncio.gather(*(client.fetch_nested_chain("SPY") for _ in range(3)))
        assert server.rest.counts["/oauth/token"] == 1

    async def test_a_token_that_ended_is_renewed_once(
        self, server: FakeTastytrade, client: TastytradeClient
    ) -> None:
        await client.fetch_nested_chain("SPY")
        server.rest.access += 1  # the one in use is worth nothing now
        assert await client.fetch_nested_chain("SPY")
        assert server.rest.counts["/oauth/token"] == 2

    async def test_a_refused_refresh_token_says_what_to_do_and_is_not_repeated(
        self, server: FakeTastytrade, client: TastytradeClient
    ) -> None:
        server.rest.refused = True
        for _ in range(3):
            with pytest.raises(ProviderRefused) as caught:
                await client.fetch_nested_chain("SPY")
        assert "OPTIX_TASTYTRADE_REFRESH_TOKEN" in caught.value.next_step
        assert server.rest.counts["/oauth/token"] == 1
        told = f"{caught.value!r} {caught.value.__cause__!r} {caught.value.detail}"
        assert REFRESH_TOKEN.get_secret_value() not in told
        assert CLIENT_SECRET.get_secret_value() not in told

    async def test_a_stream_without_encryption_gets_no_token(
        self, server: FakeTastytrade, client: TastytradeClient
    ) -> None:
        server.rest.stream_url = "ws://stream.example/realtime"
        with pytest.raises(Unreadable, match="encryption"):
            await client.fetch_quote_token()

    async def test_an_account_without_market_data_is_delayed(
        self, server: FakeTastytrade, client: TastytradeClient
    ) -> None:
        server.rest.level = "demo"
        provider = TastytradeMarketData(client, quality=Quality.REALTIME, clock=SystemClock())
        await provider.open()
        assert provider.capabilities.quality is Quality.DELAYED
        assert (await provider.fetch_quote("SPY")).quality is Quality.DELAYED
        await provider.close()

    def test_without_secrets_there_is_no_provider(self) -> None:
        clock = SystemClock()
        assert tastytrade.build_provider(TastytradeSettings(), clock) is None
        secrets = TastytradeSettings(
            tastytrade_client_secret=CLIENT_SECRET,
            tastytrade_refresh_token=REFRESH_TOKEN,
            tastytrade_environment="sandbox",
        )
        built = tastytrade.build_provider(secrets, clock)
        assert built is not None
        assert built.capabilities.quality is Quality.DELAYED

    def test_the_quality_file_says_what_the_adapter_does(self) -> None:
        quality = load_quality(Path(tastytrade.__file__).with_name("quality.toml"))
        secrets = TastytradeSettings(
            tastytrade_client_secret=CLIENT_SECRET, tastytrade_refresh_token=REFRESH_TOKEN
        )
        built = tastytrade.build_provider(secrets, SystemClock())
        assert built is not None
        assert disagreements(quality, built.capabilities) == []


class TestAnswers:
    async def test_a_large_chain_is_asked_for_in_hundreds(
        self, server: FakeTastytrade, provider: TastytradeMarketData
    ) -> None:
        strikes = tuple(range(500_000, 635_000, 1_000))
        server.rest.items["SPY"] = [nested_item(strikes=strikes)]
        table = await provider.fetch_chain(CHAIN)
        assert len(table) == 270
        asked = [r for r in server.rest.asked if "equity-option" in r.query]
        assert [len(r.query["equity-option"].split(",")) for r in asked] == [100, 100, 70]

    async def test_an_index_is_asked_for_as_one(
        self, server: FakeTastytrade, provider: TastytradeMarketData
    ) -> None:
        server.rest.quotes["SPX"] = market_item("SPX", last="6712.5")
        assert (await provider.fetch_quote("SPX")).last == 6712.5
        assert server.rest.asked[-1].query == {"index": "SPX"}

    async def test_a_chain_without_the_underlyings_price_is_served(
        self, server: FakeTastytrade, provider: TastytradeMarketData
    ) -> None:
        server.rest.quotes["SPY"] = {"symbol": "SPY"}
        table = await provider.fetch_chain(CHAIN)
        assert table.spot is None
        assert len(table) == 6

    async def test_an_outage_of_the_quotes_is_one_of_the_chain(
        self, server: FakeTastytrade, provider: TastytradeMarketData
    ) -> None:
        await provider.fetch_expirations("SPY")
        server.rest.scripted.append(Reply(status=429, headers={"Retry-After": "40"}))
        with pytest.raises(Exception, match="slow down"):
            await provider.fetch_chain(CHAIN)


class TestProtocol:
    def test_events_before_their_order_is_known_are_held_back(self) -> None:
        vendor, now_ns = stream(), SystemClock().now_ns()
        quote = data("Quote", [1.07, NAME, 1.05])
        assert vendor.decode(quote, now_ns) == [Heartbeat()]
        events = vendor.decode(config(Quote=["askPrice", "eventSymbol", "bidPrice"]), now_ns)
        (tick,) = [event for event in events if isinstance(event, Tick)]
        assert (tick.symbol, tick.fields["bid"], tick.fields["ask"]) == (CALL, 1.05, 1.07)

    def test_a_later_order_counts_from_then_on(self) -> None:
        vendor, now_ns = stream(), SystemClock().now_ns()
        vendor.decode(config(Quote=["eventSymbol", "bidPrice", "askPrice"]), now_ns)
        vendor.decode(config(Quote=["bidPrice", "eventSymbol"]), now_ns)
        (tick,) = vendor.decode(data("Quote", [1.05, NAME]), now_ns)
        assert isinstance(tick, Tick)
        assert tick.fields["bid"] == 1.05

    def test_what_is_held_back_is_bounded(self) -> None:
        vendor = stream()
        for _ in range(FRAMES_HELD_MAX):
            vendor.decode(data("Quote", [1.07, NAME, 1.05]), 1)
        with pytest.raises(MalformedFrame):
            vendor.decode(data("Quote", [1.07, NAME, 1.05]), 1)

    def test_a_bad_event_leaves_the_others(self) -> None:
        vendor, now_ns = stream(), SystemClock().now_ns()
        vendor.decode(config(Quote=["eventSymbol", "bidPrice"]), now_ns)
        events = vendor.decode(data("Quote", ["???", 1.0, NAME, 1.05]), now_ns)
        assert [type(event) for event in events] == [Complaint, Tick]

    @pytest.mark.parametrize(
        ("message", "trouble"),
        [
            ({"type": "ERROR", "error": "TIMEOUT", "message": "late"}, Trouble.RECONNECT),
            ({"type": "ERROR", "error": "UNAUTHORIZED"}, Trouble.TOKEN_EXPIRED),
            ({"type": "ERROR", "error": "BAD_ACTION", "message": "no"}, Trouble.OTHER),
            ({"type": "AUTH_STATE", "state": "UNAUTHORIZED"}, Trouble.TOKEN_EXPIRED),
            ({"type": "CHANNEL_CLOSED"}, Trouble.RECONNECT),
            ({"type": "NEWS"}, Trouble.OTHER),
        ],
    )
    def test_errors_have_their_meaning(self, message: dict[str, str], trouble: Trouble) -> None:
        (event,) = stream().decode(orjson.dumps({"channel": 0} | message), 1)
        assert isinstance(event, Complaint)
        assert event.trouble is trouble

    def test_what_lives_and_says_nothing_is_a_heartbeat(self) -> None:
        for kind in ("KEEPALIVE", "SETUP", "CHANNEL_OPENED"):
            assert stream().decode(orjson.dumps({"type": kind, "channel": 0}), 1) == [Heartbeat()]

    def test_a_topic_is_several_types_of_events(self) -> None:
        def asked(symbol: str, channel: Channel) -> list[str]:
            (frame,) = stream().subscribe([Topic(symbol, channel)])
            entries = orjson.loads(frame)["add"]
            return [entry["type"] for entry in entries]

        assert asked(CALL, Channel.QUOTE) == ["Quote", "Trade", "Greeks", "Summary"]
        assert asked("SPY", Channel.QUOTE) == ["Quote", "Trade", "Summary", "Profile"]
        assert asked(CALL, Channel.TRADE) == ["TimeAndSale"]
        (frame,) = stream().unsubscribe([Topic(CALL, Channel.TRADE)])
        assert orjson.loads(frame)["remove"] == [{"type": "TimeAndSale", "symbol": NAME}]

    def test_the_connection_is_kept_alive_every_thirty_seconds(self) -> None:
        assert stream().traits.heartbeat_seconds == KEEPALIVE_SECONDS == 30.0
        assert stream().traits.frame_silence_seconds == 60.0
        assert orjson.loads(stream().heartbeat() or "") == {"type": "KEEPALIVE", "channel": 0}


class TestConnection:
    async def test_keepalives_go_out_while_data_flows_one_way(
        self, server: FakeTastytrade, provider: TastytradeMarketData
    ) -> None:
        server.keepalive_timeout = 2  # a server that waits shorter is kept alive more often
        provider.set_demand(Demand(chains=frozenset((CHAIN,))))
        async with listening(provider):
            await until(lambda: CALL in server.subscribed())
            for _ in range(60):
                await server.quote(CALL, 1.0, 1.1, SystemClock().now_ns())
                await asyncio.sleep(0.02)
            await until(lambda: server.keepalives >= 1)
        assert len(server.connects) == 1

    async def test_a_token_that_ended_between_connections_is_replaced_in_the_handshake(
        self, server: FakeTastytrade, provider: TastytradeMarketData
    ) -> None:
        provider.set_demand(Demand(chains=frozenset((CHAIN,))))
        async with listening(provider):
            await until(lambda: CALL in server.subscribed())
            server.rest.quote_token += 1
            await server.drop()
            await until(lambda: len(server.connects) == 2 and CALL in server.subscribed())
        assert server.authorized == 3, "the old token, refused, and the new one at once"

    async def test_fields_that_are_announced_late_lose_nothing(
        self, server: FakeTastytrade, provider: TastytradeMarketData
    ) -> None:
        server.config_late = True
        provider.set_demand(Demand(quotes=frozenset(("SPY",)), chains=frozenset((CHAIN,))))
        async with listening(provider) as updates:
            await until(lambda: CALL in server.subscribed() and "SPY" in server.subscribed())
            halted = {"eventSymbol": "SPY", "tradingStatus": "HALTED", "haltStartTime": 0}
            await server.send(server.data_frame("Profile", halted))
            await server.send(server.config_frame({"Profile", "Quote"}))
            status = await updates.find(TradingStatus)  # type: ignore[type-var]  # the suite finds it as well
        assert status.symbol == "SPY"

    async def test_an_adjusted_contract_is_followed_by_the_chains_name(
        self, server: FakeTastytrade, client: TastytradeClient
    ) -> None:
        adjusted = nested_item("SPY1", dates=("2025-12-19",), strikes=(5_000,))
        strike = adjusted["expirations"][0]["strikes"][0]
        strike["call-streamer-symbol"] = ".SPY1X251219C5"
        server.rest.items["SPY"] = [nested_item(), adjusted]
        provider = TastytradeMarketData(
            client,
            quality=Quality.REALTIME,
            clock=SystemClock(),
            timings=replace(CHAOS_TIMINGS, idle=5.0),
            ticking=lambda _: False,
        )
        await provider.open()
        provider.set_demand(Demand(chains=frozenset((CHAIN,))))
        async with listening(provider):
            await until(lambda: ".SPY1X251219C5" in server.asked_of("Greeks"))
        await provider.close()
