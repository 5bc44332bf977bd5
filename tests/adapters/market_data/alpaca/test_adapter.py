"""What is Alpaca's own: two feeds, two hosts, an allowance, a list that one odd name spoils."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import SecretStr
from tests.adapters.market_data.alpaca.test_contract import provider_of
from tests.contracts.market_data import listening
from tests.fakes.alpaca_server import KEY, SECRET, FakeAlpaca
from tests.fakes.provider_server import Reply
from tests.fixtures.waiting import until

from optix.adapters.market_data.alpaca import build_provider
from optix.adapters.market_data.alpaca.adapter import INDICATIVE, OPRA, AlpacaMarketData
from optix.adapters.market_data.failures import ProviderRefused, Unreadable
from optix.kernel.chain import ChainTable
from optix.kernel.clock import SystemClock
from optix.kernel.quote import QuoteFlag
from optix.platform.provider_settings import AlpacaSettings
from optix.ports.market_data import BarInterval, ChainKey, Demand


def test_without_both_halves_of_a_key_there_is_no_provider() -> None:
    assert build_provider(AlpacaSettings(alpaca_key_id=KEY), SystemClock()) is None
    settings = AlpacaSettings(
        alpaca_key_id=KEY, alpaca_secret_key=SecretStr(SECRET), alpaca_feed="opra"
    )
    provider = build_provider(settings, SystemClock())
    assert provider is not None
    assert provider.capabilities is OPRA
    assert SECRET not in repr(provider)


async def test_a_wrong_key_is_refused_without_showing_it() -> None:
    async with FakeAlpaca().serve() as server:
        provider = AlpacaMarketData(
            key_id="K",
            secret_key="another-secret",
            feed="opra",
            clock=SystemClock(),
            data_url=server.base_url,
        )
        with pytest.raises(ProviderRefused) as caught:
            await provider.open()
        assert "another-secret" not in str(caught.value)
        await provider.close()


async def test_a_feed_is_asked_for_and_its_quotes_say_what_they_are() -> None:
    async with FakeAlpaca().serve() as server:
        for feed, flags, stocks in (
            ("indicative", QuoteFlag.INDICATIVE, "iex"),
            ("opra", QuoteFlag.NONE, "sip"),
        ):
            provider = provider_of(server, feed=feed)
            table = await provider.fetch_chain(ChainKey("SPY", server.expirations[0]))
            assert table.flags is flags
            asked = {request.path: request.query.get("feed") for request in server.asked}
            assert asked["/v1beta1/options/snapshots/SPY"] == feed
            assert asked["/v2/stocks/snapshots"] == stocks
            await provider.close()
    assert (OPRA.symbols_max, INDICATIVE.symbols_max) == (1_000, 200)


async def test_pages_are_joined_and_each_is_a_request() -> None:
    async with FakeAlpaca().serve() as server:
        provider = provider_of(server)
        day = server.expirations[0]
        table = await provider.fetch_chain(ChainKey("SPY", day))
        assert len(table) == len(server.contracts(day)) == 10
        assert server.counts["/v1beta1/options/snapshots/SPY"] == 3
        assert server.counts["/v2/options/contracts"] == 5
        assert provider.health()[0].requests_left is not None
        await provider.close()


async def test_a_chain_of_another_shape_cannot_be_read() -> None:
    async with FakeAlpaca().serve() as server:
        provider = provider_of(server)
        await provider.fetch_expirations("SPY")
        server.scripted.append(Reply({"snapshots": []}))
        with pytest.raises(Unreadable):
            await provider.fetch_chain(ChainKey("SPY", server.expirations[0]))
        await provider.close()


async def test_one_odd_name_does_not_spoil_the_others() -> None:
    async with FakeAlpaca().serve() as server:
        provider = provider_of(server)
        server.scripted.append(Reply({"message": "invalid symbol"}, status=400))
        quotes = await provider.fetch_quotes(["SPY", "ODD"])
        assert list(quotes) == ["SPY"]
        await provider.close()


async def test_a_limit_below_the_documented_one_is_learned_and_the_rest_is_polled() -> None:
    async with FakeAlpaca().serve() as server:
        server.symbols_max = 8
        provider = provider_of(server)
        chain = ChainKey("SPY", server.expirations[0])
        provider.set_demand(Demand(chains=frozenset((chain,))))
        async with listening(provider) as updates:
            await updates.find(ChainTable)
            await until(lambda: 0 < len(server.subscribed()) <= 8)
            strikes = {symbol[-8:] for symbol in server.subscribed()}
            assert "00600000" in strikes, "nearest the money comes first"
            await until(lambda: provider.health()[0].symbols_max == len(server.subscribed()))
            assert len(server.connects) == 1
        await provider.close()


async def test_a_plan_without_a_stream_is_polled_and_says_so() -> None:
    async with FakeAlpaca().serve() as server:
        server.refuse = True
        provider = provider_of(server)
        chain = ChainKey("SPY", server.expirations[0])
        provider.set_demand(Demand(chains=frozenset((chain,))))
        async with listening(provider) as updates:
            await updates.find(ChainTable)
            await until(lambda: provider.health()[0].state == "stale")
            assert "refuses" in provider.health()[0].reason
        assert len(server.connects) == 1
        await provider.close()


async def test_bars_end_before_what_the_free_plan_may_not_see() -> None:
    async with FakeAlpaca().serve() as server:
        provider = provider_of(server)
        today = datetime.now(UTC).date()  # house: allow(clock) because the bound is the present
        await provider.fetch_bars("SPY", BarInterval.MINUTE_5, start=date(2026, 11, 18), end=today)
        asked = next(r for r in reversed(server.asked) if r.path == "/v2/stocks/bars")
        end = datetime.fromisoformat(asked.query["end"])
        assert datetime.now(UTC) - end >= timedelta(minutes=15)  # house: allow(clock) because of it
        contract = server.contracts()[0]
        bars = await provider.fetch_bars(
            contract, BarInterval.DAY_1, start=date(2026, 11, 18), end=date(2026, 11, 20)
        )
        assert len(bars.rows) == 3
        assert server.counts["/v1beta1/options/bars"] == 1
        await provider.close()
