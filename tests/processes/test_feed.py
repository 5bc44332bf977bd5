"""Which market feed runs: as the settings say, and with `auto` the real one where it answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
from tests.fakes.bus import ScriptedBus
from tests.fakes.cboe import FakeCboe, quote_document
from tests.fakes.scripted import ScriptedProvider
from tests.fixtures.waiting import until

from optix.adapters.market_data import cboe as cboe_package
from optix.adapters.market_data.cboe import CboeMarketData
from optix.adapters.market_data.sim import SimulatedMarket
from optix.kernel.clock import SystemClock
from optix.kernel.errors import OptixError, Unavailable
from optix.platform.bus import Bus
from optix.platform.settings import Settings, load_settings
from optix.processes import feed
from optix.processes.feed import FeedComponent, choose_provider


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
