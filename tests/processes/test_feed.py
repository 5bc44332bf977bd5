"""Which market feed runs: as the settings say, and with `auto` the real one where it answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from tests.fakes.bus import ScriptedBus
from tests.fakes.cboe import FakeCboe, quote_document
from tests.fakes.scripted import ScriptedProvider
from tests.fixtures.waiting import until

from optix.adapters.market_data import cboe as cboe_package
from optix.adapters.market_data.cboe import CboeMarketData
from optix.adapters.market_data.failover import FailoverMarketData
from optix.adapters.market_data.sim import SimulatedMarket
from optix.kernel.clock import Clock, SystemClock, to_ns
from optix.kernel.errors import OptixError, Unavailable
from optix.platform.bus import Bus
from optix.platform.settings import Settings, load_settings
from optix.processes import feed
from optix.processes.feed import FeedComponent, FeedNotOffered, choose_provider
from optix.processes.providers import PROVIDERS


def settings(**options: Any) -> Settings:
    return load_settings(**options)


@pytest.fixture
async def cboe(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeCboe]:
    """A server in Cboe's place."""
    async with FakeCboe().serve() as server:

        def over_http(**_: object) -> CboeMarketData:
            return CboeMarketData.over_http(base_url=server.base_url)

        monkeypatch.setattr(cboe_package, "CboeMarketData", _Namespace(over_http))
        yield server


class _Namespace:
    def __init__(self, over_http: Any) -> None:
        self.over_http = over_http


async def test_each_feed_is_chosen_by_its_name() -> None:
    clock = SystemClock()
    simulated = await choose_provider(settings(feed="sim"), clock)
    assert isinstance(simulated, SimulatedMarket)
    assert simulated.capabilities.notice  # it says what it is
    real = await choose_provider(settings(feed="cboe"), clock)
    assert isinstance(real, CboeMarketData)
    await real.close()


async def test_the_same_seed_is_the_same_market() -> None:
    clock = SystemClock()
    quotes = []
    for seed in (7, 7, 8):
        provider = await choose_provider(settings(feed="sim", sim_seed=seed), clock)
        await provider.open()
        quotes.append((await provider.fetch_quote("SPY")).previous_close)
        await provider.close()
    assert quotes[0] == quotes[1] != quotes[2]


async def test_auto_is_cboe_where_it_answers(cboe: FakeCboe) -> None:
    cboe.put("quotes/SPY.json", quote_document(symbol="SPY"))
    provider = await choose_provider(settings(feed="auto"), SystemClock())
    assert isinstance(provider, CboeMarketData)
    await provider.close()


async def test_auto_is_the_simulator_where_it_does_not(cboe: FakeCboe) -> None:
    provider = await choose_provider(settings(feed="auto"), SystemClock())
    assert isinstance(provider, SimulatedMarket)


async def test_auto_waits_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mute(ScriptedProvider):
        closed = False

        async def open(self) -> None:
            await asyncio.Event().wait()

        async def close(self) -> None:
            self.closed = True

    mute = Mute()
    monkeypatch.setattr(cboe_package, "CboeMarketData", _Namespace(lambda **_: mute))
    monkeypatch.setattr(feed, "PROBE_SECONDS_MAX", 0.05)
    provider = await choose_provider(settings(feed="auto"), SystemClock())
    assert isinstance(provider, SimulatedMarket)
    assert mute.closed


async def test_a_recording_that_is_none_is_refused_with_a_sentence(tmp_path: Path) -> None:
    empty = tmp_path / "empty.parquet"
    empty.touch()
    provider_settings = settings(feed="replay", replay=empty)
    with pytest.raises(OptixError) as caught:
        await choose_provider(provider_settings, SystemClock())
    assert "empty" in caught.value.detail
    assert caught.value.next_step


async def test_the_component_runs_the_feed_and_says_how_it_is() -> None:
    bus = ScriptedBus()
    component = FeedComponent(cast("Bus", bus), settings(feed="sim"), SystemClock())
    with pytest.raises(Unavailable, match="starting"):
        await component.ping()
    running = asyncio.create_task(component.run())
    await until(lambda: any(message.get("state") == "live" for message in bus.published))
    await component.ping()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    with pytest.raises(Unavailable):
        await component.ping()


class TestSeveralFeeds:
    @pytest.fixture(autouse=True)
    def accounts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPTIX_TRADIER_TOKEN", "token-of-the-tests")

        def scripted(chosen: Settings, clock: Clock) -> ScriptedProvider | None:
            token = chosen.tradier.tradier_token
            assert token is not None
            if token.get_secret_value() == "no":
                return None
            provider = ScriptedProvider(clock=clock)
            provider.capabilities = replace(provider.capabilities, name="tradier")
            return provider

        monkeypatch.setattr(feed, "PROVIDERS", {**PROVIDERS, "tradier": scripted})

    async def test_they_are_one_provider_in_the_order_of_the_settings(self) -> None:
        chosen = settings(feed="cboe,tradier", feed_bars="cboe")
        provider = await choose_provider(chosen, SystemClock())
        assert isinstance(provider, FailoverMarketData)
        assert [row.name for row in provider.health()] == ["cboe", "tradier"]
        assert provider.capabilities.name == "tradier"  # real time, so it is the preferred one
        kept = settings(feed="cboe,tradier", feed_keep_order=True)
        provider = await choose_provider(kept, SystemClock())
        assert provider.capabilities.name == "cboe"

    async def test_one_that_cannot_be_built_is_an_error_with_a_name(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPTIX_TRADIER_TOKEN", "no")
        with pytest.raises(FeedNotOffered, match="tradier has no account here"):
            await choose_provider(settings(feed="cboe,tradier"), SystemClock())
        monkeypatch.setattr(feed, "PROVIDERS", {})
        with pytest.raises(FeedNotOffered, match="cboe is not part of this release"):
            await choose_provider(settings(feed="cboe"), SystemClock())


@pytest.mark.parametrize(
    ("moment", "moving"),
    [
        (datetime(2026, 11, 18, 15, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 18, 22, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 22, 15, 0, tzinfo=UTC), False),  # a Sunday
        (datetime(1950, 1, 2, 15, 0, tzinfo=UTC), True),  # nobody knows: rather watchful
    ],
)
def test_silence_means_something_while_the_exchange_is_open(moment: datetime, moving: bool) -> None:
    assert feed.prices_move(to_ns(moment)) is moving
