"""What is Tradier's own: its hosts, its sessions, its allowance."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest
from pydantic import SecretStr
from tests.adapters.market_data.tradier.test_contract import provider_of
from tests.contracts.market_data import listening
from tests.fakes.provider_server import Reply
from tests.fakes.tradier_server import TOKEN, FakeTradier
from tests.fixtures.waiting import until

from optix.adapters.market_data.failures import ProviderRefused
from optix.adapters.market_data.tradier import build_provider
from optix.adapters.market_data.tradier.adapter import PRODUCTION, SANDBOX, TradierMarketData
from optix.kernel.chain import ChainTable
from optix.kernel.clock import SystemClock
from optix.kernel.quote import Quality
from optix.platform.provider_settings import TradierSettings
from optix.ports.market_data import BarInterval, ChainKey, DataKind, Demand, ProviderUnavailable


def test_without_a_token_there_is_no_provider() -> None:
    assert build_provider(TradierSettings(), SystemClock()) is None
    settings = TradierSettings(tradier_token=SecretStr(TOKEN), tradier_environment="sandbox")
    provider = build_provider(settings, SystemClock())
    assert provider is not None
    assert provider.capabilities is SANDBOX
    assert TOKEN not in repr(provider)


def test_the_host_says_how_late_it_is() -> None:
    assert (PRODUCTION.quality, PRODUCTION.delay_seconds) == (Quality.REALTIME, 0)
    assert (SANDBOX.quality, SANDBOX.delay_seconds) == (Quality.DELAYED, 900)
    assert DataKind.TRADES in PRODUCTION.kinds - SANDBOX.kinds


async def test_a_wrong_token_is_refused_without_showing_it() -> None:
    async with FakeTradier().serve() as server:
        provider = TradierMarketData(
            token="another-secret",
            environment="production",
            clock=SystemClock(),
            base_url=server.base_url,
        )
        with pytest.raises(ProviderRefused) as caught:
            await provider.open()
        assert "another-secret" not in str(caught.value)
        assert caught.value.next_step
        await provider.close()


async def test_the_sandbox_opens_no_session() -> None:
    async with FakeTradier().serve() as server:
        provider = provider_of(server, environment="sandbox")
        chain = ChainKey("SPY", server.expirations[0])
        provider.set_demand(Demand(chains=frozenset((chain,))))
        async with listening(provider) as updates:
            await updates.find(ChainTable)
            assert provider.health()[0].state == "live"
        assert not server.connects
        assert server.session == 0
        await provider.close()


async def test_a_refused_session_is_not_asked_for_again_and_polling_goes_on() -> None:
    async with FakeTradier().serve() as server:
        server.sessions_refused = True
        provider = provider_of(server)
        chain = ChainKey("SPY", server.expirations[0])
        provider.set_demand(Demand(chains=frozenset((chain,))))
        async with listening(provider) as updates:
            await updates.find(ChainTable)
            await until(lambda: provider.health()[0].state == "stale")
            await asyncio.sleep(0.5)  # no second session may be asked for
            assert server.counts["/markets/events/session"] == 1
            assert "refuses" in provider.health()[0].reason
        await provider.close()


async def test_the_allowance_is_read_from_its_headers_in_milliseconds() -> None:
    async with FakeTradier().serve() as server:
        provider = provider_of(server)
        await provider.open()
        assert provider.health()[0].requests_left == 119
        await provider.close()


async def test_a_quota_violation_of_an_old_gateway_slows_down() -> None:
    async with FakeTradier().serve() as server:
        provider = provider_of(server)
        server.scripted.append(Reply(b"Quota Violation", status=400))
        with pytest.raises(ProviderUnavailable) as caught:
            await provider.fetch_quote("SPY")
        assert caught.value.code == "provider_rate_limited"
        assert caught.value.retry_after_seconds
        await provider.close()


@pytest.mark.parametrize(
    ("interval", "bars"),
    [
        (BarInterval.MINUTE_1, 90),
        (BarInterval.MINUTE_5, 18),
        (BarInterval.MINUTE_30, 3),
        (BarInterval.HOUR_1, 2),
    ],
)
async def test_bars_below_a_day_are_asked_or_joined(interval: BarInterval, bars: int) -> None:
    async with FakeTradier().serve() as server:
        provider = provider_of(server)
        day = date(2026, 11, 20)
        found = await provider.fetch_bars("SPY", interval, start=day, end=day)
        assert len(found.rows) == bars
        week = await provider.fetch_bars("SPY", BarInterval.WEEK_1, start=day, end=day)
        assert server.asked[-1].query["start"] == "2026-11-13"
        assert [bar.close for bar in week.rows] == [615]
        await provider.close()
