"""Login, large chains and the streamer's numbered fields, on servers that speak Schwab's words."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog
from tests.contracts.market_data import listening
from tests.fakes.provider_server import Reply
from tests.fakes.schwab_server import (
    APP_KEY,
    APP_SECRET,
    QUOTED_MS,
    REFRESH_TOKEN,
    FakeSchwab,
    contract_row,
    quote_row,
    usual_symbols,
)
from tests.fixtures.waiting import until

from optix.adapters.market_data import schwab
from optix.adapters.market_data.failures import ProviderRefused, Unreadable
from optix.adapters.market_data.schwab.adapter import CAPABILITIES, SchwabMarketData
from optix.adapters.market_data.schwab.client import SchwabClient, StreamerInfo
from optix.adapters.market_data.schwab.stream import (
    KEYS_KEPT_MAX,
    SILENCE_SECONDS,
    SYMBOLS_MAX,
    SchwabStream,
)
from optix.adapters.market_data.streaming import (
    Ack,
    Channel,
    Complaint,
    Endpoint,
    Heartbeat,
    Tick,
    Topic,
    Trouble,
)
from optix.adapters.market_data.tiers import disagreements, load_quality
from optix.kernel.clock import SystemClock
from optix.kernel.quote import TradingState, TradingStatus
from optix.platform.provider_settings import SchwabSettings
from optix.ports.market_data import (
    BarInterval,
    ChainKey,
    Demand,
    ProviderUnavailable,
    UnknownSymbol,
)

CHAIN = ChainKey("SPY", date(2025, 12, 19))
CALL, KEY = "SPY251219C00650000", "SPY   251219C00650000"
NOW_NS = (QUOTED_MS + 60_000) * 1_000_000


class FixedSource:
    """A streamer that is never connected to."""

    async def fetch_streamer_info(self) -> StreamerInfo:
        return StreamerInfo("wss://streamer.example/ws", "customer", "correl", "N9", "APIAPP")

    async def access_token(self) -> str:
        return "access"

    async def renew_access(self) -> None:
        raise AssertionError("nobody renews here")


async def stream() -> SchwabStream:
    vendor = SchwabStream(FixedSource())
    assert await vendor.endpoint() == Endpoint("wss://streamer.example/ws")
    return vendor


def data(content: dict[str, Any], service: str = "LEVELONE_OPTIONS", sent: int = QUOTED_MS) -> str:
    entry = {"service": service, "timestamp": sent, "command": "SUBS", "content": [content]}
    return orjson.dumps({"data": [entry]}).decode()


def tick_of(vendor: SchwabStream, content: dict[str, Any]) -> Tick:
    (tick,) = vendor.decode(data({"key": KEY} | content), NOW_NS)
    assert isinstance(tick, Tick)
    return tick


class TestLogin:
    async def test_a_token_that_ended_is_renewed_once(
        self, server: FakeSchwab, client: SchwabClient
    ) -> None:
        await client.fetch_expirations("SPY")
        server.rest.access += 1  # the one in use is worth nothing now
        assert await client.fetch_expirations("SPY")
        assert server.rest.counts["/v1/oauth/token"] == 2

    async def test_a_login_of_a_week_ago_asks_for_another_and_is_not_repeated(
        self, server: FakeSchwab, client: SchwabClient
    ) -> None:
        server.rest.refused = True
        for _ in range(3):
            with pytest.raises(ProviderRefused) as caught:
                await client.fetch_expirations("SPY")
        assert "Log in at Schwab again" in caught.value.next_step
        assert "seven days" in caught.value.next_step
        assert server.rest.counts["/v1/oauth/token"] == 1
        told = f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
        assert REFRESH_TOKEN.get_secret_value() not in told

    async def test_a_rotated_refresh_token_is_kept_in_memory_and_said_so(
        self, server: FakeSchwab, client: SchwabClient
    ) -> None:
        server.rest.rotate = "another-refresh-token"
        with structlog.testing.capture_logs() as logs:
            await client.fetch_expirations("SPY")
            server.rest.access += 1
            await client.fetch_expirations("SPY")
        (told,) = [entry for entry in logs if entry["event"] == "refresh_token_rotated"]
        assert "memory" in told["kept"]
        assert "another-refresh-token" not in str(logs)
        assert server.rest.counts["/v1/oauth/token"] == 2, "the second one with the new token"

    async def test_many_questions_renew_together(
        self, server: FakeSchwab, client: SchwabClient
    ) -> None:
        await client.fetch_expirations("SPY")
        server.rest.access += 1
        await asyncio.gather(*(client.fetch_expirations("SPY") for _ in range(4)))
        assert server.rest.counts["/v1/oauth/token"] == 2

    async def test_an_app_without_the_trader_product_has_no_streamer(
        self, server: FakeSchwab, client: SchwabClient
    ) -> None:
        await client.tokens.get()
        server.rest.scripted.append(Reply({"streamerInfo": []}))
        with pytest.raises(Unreadable, match="streamer"):
            await client.fetch_streamer_info()

    def test_without_a_login_there_is_no_provider(self) -> None:
        clock = SystemClock()
        assert schwab.build_provider(SchwabSettings(schwab_app_key=APP_KEY), clock) is None
        whole = SchwabSettings(
            schwab_app_key=APP_KEY,
            schwab_app_secret=APP_SECRET,
            schwab_refresh_token=REFRESH_TOKEN,
        )
        built = schwab.build_provider(whole, clock)
        assert built is not None
        assert built.capabilities == CAPABILITIES

    def test_the_quality_file_says_what_the_adapter_does(self) -> None:
        quality = load_quality(Path(schwab.__file__).with_name("quality.toml"))
        assert disagreements(quality, CAPABILITIES) == []


class TestChains:
    async def test_a_chain_that_is_too_large_is_asked_for_by_side(
        self, server: FakeSchwab, provider: SchwabMarketData
    ) -> None:
        server.rest.rows_max = 3
        assert len(await provider.fetch_chain(CHAIN)) == 6
        asked = [r.query["contractType"] for r in server.rest.asked if "/chains" in r.path]
        assert asked == ["ALL", "CALL", "PUT"], "a refusal of the size is not repeated"

    async def test_a_listing_is_cut_by_dates_until_it_fits(
        self, server: FakeSchwab, provider: SchwabMarketData
    ) -> None:
        days = tuple(f"2026-0{month}-16" for month in range(1, 8))
        server.rest.rows = [contract_row(symbol) for symbol in usual_symbols(dates=days)]
        server.rest.rows_max, server.rest.truncates = 12, True
        expirations = await provider.fetch_expirations("SPY")
        assert [entry.contracts for entry in expirations] == [6] * 7
        assert len(await provider.fetch_expirations("SPY")) == 7
        spans = {
            (r.query["fromDate"], r.query["toDate"])
            for r in server.rest.asked
            if "/chains" in r.path
        }
        assert ("2026-01-16", "2026-07-16") in spans
        assert len(spans) > 3

    async def test_a_side_that_is_cut_short_is_an_error(
        self, server: FakeSchwab, provider: SchwabMarketData
    ) -> None:
        server.rest.rows_max, server.rest.truncates = 2, True
        with pytest.raises(ProviderUnavailable, match="short"):
            await provider.fetch_chain(CHAIN)

    async def test_an_index_is_asked_for_with_its_dollar(
        self, server: FakeSchwab, provider: SchwabMarketData
    ) -> None:
        symbols = [f"{root:<6}251219C06700000" for root in ("SPX", "SPXW")]
        server.rest.rows = [contract_row(symbol) for symbol in symbols]
        table = await provider.fetch_chain(ChainKey("SPX", CHAIN.expiration))
        assert {contract.root for contract in table.contracts} == {"SPX", "SPXW"}
        assert server.rest.asked[-1].query["symbol"] == "$SPX"

    async def test_weeks_and_hours_are_joined(
        self, server: FakeSchwab, provider: SchwabMarketData
    ) -> None:
        def candle(at: int, close: float) -> dict[str, Any]:
            prices = {"open": 1.0, "high": 9.0, "low": 1.0, "close": close}
            return {"datetime": at} | prices | {"volume": 10}

        half = 1763562600000  # 09:30 in New York, 19 November
        server.rest.candles["SPY minute"] = [candle(half + n * 1_800_000, 2 + n) for n in range(3)]
        server.rest.candles["SPY daily"] = [candle(half - n * 86_400_000, 2 + n) for n in (2, 1, 0)]
        day = date(2025, 11, 19)
        hours = await provider.fetch_bars("SPY", BarInterval.HOUR_1, start=day, end=day)
        assert [(bar.close, bar.volume) for bar in hours.rows] == [(2, 10), (4, 20)]
        week = await provider.fetch_bars(
            "SPY", BarInterval.WEEK_1, start=date(2025, 11, 17), end=day
        )
        assert [(bar.close, bar.volume) for bar in week.rows] == [(2, 30)]

    async def test_no_candles_of_an_unknown_symbol(
        self, server: FakeSchwab, provider: SchwabMarketData
    ) -> None:
        server.rest.scripted.append(Reply(status=404))
        with pytest.raises(UnknownSymbol):
            await provider.fetch_bars(
                "NOPE", BarInterval.DAY_1, start=CHAIN.expiration, end=CHAIN.expiration
            )


class TestRequests:
    async def test_the_first_message_of_a_service_is_subs_and_later_ones_add(self) -> None:
        vendor = await stream()
        topics = [Topic(CALL, Channel.QUOTE), Topic("SPY", Channel.QUOTE)]
        (frame,) = vendor.subscribe(topics)
        requests = orjson.loads(frame)["requests"]
        assert [(r["service"], r["command"]) for r in requests] == [
            ("LEVELONE_OPTIONS", "SUBS"),
            ("LEVELONE_EQUITIES", "SUBS"),
        ]
        assert requests[0]["parameters"]["keys"] == KEY
        fields = requests[0]["parameters"]["fields"].split(",")
        assert {"0", "2", "3", "9", "10", "28", "38", "39"} <= set(fields)
        (frame,) = vendor.subscribe([Topic("SPY251219P00650000", Channel.QUOTE)])
        (added,) = orjson.loads(frame)["requests"]
        assert added["command"] == "ADD", "another SUBS would wipe the keys before it"
        assert added["requestid"] != requests[0]["requestid"]
        (frame,) = vendor.unsubscribe([topics[0]])
        assert orjson.loads(frame)["requests"][0]["command"] == "UNSUBS"

    async def test_there_are_no_prints(self) -> None:
        vendor = await stream()
        assert not vendor.accepts(Topic(CALL, Channel.TRADE))
        assert not vendor.accepts(Topic("NO CONTRACT AT ALL", Channel.QUOTE))
        assert vendor.accepts(Topic(CALL, Channel.QUOTE))
        assert vendor.traits.topics_max[Channel.QUOTE] == SYMBOLS_MAX == 500
        assert vendor.traits.frame_silence_seconds == SILENCE_SECONDS == 30.0
        assert vendor.heartbeat() is None


class TestFrames:
    async def test_fields_are_merged_for_each_key(self) -> None:
        vendor = await stream()
        first = tick_of(vendor, {"2": 1.05, "3": 1.07, "38": QUOTED_MS})
        assert first == Tick(CALL, QUOTED_MS * 1_000_000, {"bid": 1.05, "ask": 1.07})
        second = tick_of(vendor, {"3": 1.08})
        assert second.fields == {"bid": 1.05, "ask": 1.08}
        assert second.ts_event == first.ts_event, "a time that did not change still counts"

    async def test_a_first_frame_may_be_partial(self) -> None:
        vendor = await stream()
        assert tick_of(vendor, {"9": 8133}).fields == {"open_interest": 8133}
        assert tick_of(vendor, {"2": 1.05, "38": QUOTED_MS - 50}).fields["bid"] == 1.05

    async def test_what_is_older_is_not_merged(self) -> None:
        vendor = await stream()
        tick_of(vendor, {"2": 1.05, "38": QUOTED_MS})
        assert tick_of(vendor, {"2": 0.5, "38": QUOTED_MS - 60_000}).ts_event < QUOTED_MS * 10**6
        assert tick_of(vendor, {"3": 1.07}).fields == {"bid": 1.05, "ask": 1.07}

    async def test_analytics_are_fractions_or_missing(self) -> None:
        vendor = await stream()
        tick = tick_of(vendor, {"10": 18.658, "28": -999.0, "29": "NaN", "38": QUOTED_MS})
        assert tick.fields["vendor_iv"] == pytest.approx(0.18658)
        assert tick.fields["vendor_delta"] != tick.fields["vendor_delta"]  # NaN
        assert tick.fields["vendor_gamma"] != tick.fields["vendor_gamma"]  # NaN

    async def test_an_underlying_has_numbers_of_its_own_and_tells_halts(self) -> None:
        vendor = await stream()
        content = {"key": "$SPX", "1": 1, "3": 6712.5, "8": 5, "32": "Halted", "35": QUOTED_MS}
        tick, status = vendor.decode(data(content, "LEVELONE_EQUITIES"), NOW_NS)
        assert isinstance(tick, Tick)
        assert (tick.symbol, tick.fields["last"]) == ("SPX", 6712.5)
        assert isinstance(status, TradingStatus)
        assert (status.symbol, status.state) == ("SPX", TradingState.HALTED)
        again = vendor.decode(data(content | {"3": 6713.0}, "LEVELONE_EQUITIES"), NOW_NS)
        assert len(again) == 1, "the state did not change"
        odd = vendor.decode(data({"key": "SPY", "32": "Napping"}, "LEVELONE_EQUITIES"), NOW_NS)
        assert [event.state for event in odd if isinstance(event, TradingStatus)] == [
            TradingState.UNKNOWN
        ]

    async def test_other_services_and_odd_keys_say_nothing(self) -> None:
        vendor = await stream()
        assert vendor.decode(data({"key": "SPY"}, "CHART_EQUITY"), NOW_NS) == []
        (complaint,) = vendor.decode(data({"key": 7}), NOW_NS)
        assert isinstance(complaint, Complaint)

    async def test_keys_that_nobody_asked_for_are_bounded(self) -> None:
        vendor = await stream()
        for number in range(KEYS_KEPT_MAX):
            vendor.decode(data({"key": f"SPY   251219C{number + 1:08d}", "2": 1.0}), NOW_NS)
        (event,) = vendor.decode(data({"key": KEY, "2": 1.0}), NOW_NS)
        assert isinstance(event, Complaint)

    @pytest.mark.parametrize(
        ("code", "trouble"),
        [
            (3, Trouble.TOKEN_EXPIRED),
            (19, Trouble.SYMBOLS_MAX),
            (12, Trouble.RECONNECT),
            (21, Trouble.OTHER),
            ("3", Trouble.OTHER),
        ],
    )
    async def test_codes_have_their_meaning(self, code: object, trouble: Trouble) -> None:
        answer = {"service": "ADMIN", "command": "LOGIN", "content": {"code": code, "msg": "…"}}
        (event,) = (await stream()).decode(orjson.dumps({"response": [answer]}), NOW_NS)
        assert isinstance(event, Complaint)
        assert event.trouble is trouble

    async def test_success_and_heartbeat(self) -> None:
        vendor = await stream()
        answer = {"service": "LEVELONE_OPTIONS", "command": "SUBS", "content": {"code": 0}}
        assert vendor.decode(orjson.dumps({"response": [answer]}), NOW_NS) == [Ack()]
        beat = orjson.dumps({"notify": [{"heartbeat": "1763650800123"}]})
        assert vendor.decode(beat, NOW_NS) == [Heartbeat()]


class TestConnection:
    async def test_a_token_that_ended_is_replaced_in_the_login(
        self, server: FakeSchwab, provider: SchwabMarketData
    ) -> None:
        provider.set_demand(Demand(chains=frozenset((CHAIN,))))
        async with listening(provider):
            await until(lambda: CALL in server.subscribed())
            await server.expire_token()
            await until(lambda: len(server.connects) == 2 and CALL in server.subscribed())
        assert server.rest.counts["/v1/oauth/token"] == 2

    async def test_later_demand_does_not_wipe_earlier_keys(
        self, server: FakeSchwab, provider: SchwabMarketData
    ) -> None:
        provider.set_demand(Demand(chains=frozenset((CHAIN,))))
        other = ChainKey("SPY", date(2026, 1, 16))
        async with listening(provider):
            await until(lambda: CALL in server.subscribed())
            provider.set_demand(Demand(chains=frozenset((CHAIN, other))))
            await until(lambda: "SPY260116C00650000" in server.subscribed())
            assert CALL in server.subscribed()
            provider.set_demand(Demand(chains=frozenset((other,))))
            await until(lambda: CALL not in server.subscribed())

    async def test_a_symbol_limit_that_was_not_documented_is_learned(
        self, server: FakeSchwab, provider: SchwabMarketData
    ) -> None:
        server.symbols_max = 4
        server.rest.quotes["SPY"] = quote_row()
        provider.set_demand(Demand(chains=frozenset((CHAIN,))))
        async with listening(provider):
            await until(lambda: 0 < len(server.subscribed()) <= 4)
        assert len(server.connects) == 1
