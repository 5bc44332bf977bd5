"""What operators read: the engine's counts through a registry, as Prometheus would."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import cast

from prometheus_client import CollectorRegistry
from tests.fakes.bus import ScriptedBus
from tests.fakes.scripted import ScriptedProvider
from tests.fixtures.chains import EXPIRATION, NOW_NS, spot_of
from tests.fixtures.waiting import until

from optix.features.market.engine import FeedEngine
from optix.features.market.terms import ListedTerms
from optix.kernel.clock import NANOSECONDS, SystemClock
from optix.platform.bus import Bus
from optix.ports.market_data import ChainKey, FeedNotice, NoticeState


async def test_updates_gaps_rejects_and_pricing_are_counted() -> None:
    provider, bus = ScriptedProvider(), ScriptedBus()
    key = provider.list_small_chain()
    bus.topics = [f"c:SPY:{EXPIRATION.isoformat()}"]
    engine = FeedEngine(
        provider, cast("Bus", bus), terms=ListedTerms(), clock=SystemClock(), rate_fallback=0.04
    )
    registry = CollectorRegistry()
    registry.register(engine.metrics)

    def figure(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"optix_feed_{name}", labels)

    assert figure("freshness_seconds") is None
    assert figure("updates_total") == 0
    running = asyncio.create_task(engine.run())
    provider.emit(provider.chains[key])
    provider.emit(replace(spot_of(), ts_event=NOW_NS + 999 * NANOSECONDS))
    provider.emit(FeedNotice(state=NoticeState.GAP, reason="", ts_event=NOW_NS))
    await until(lambda: (figure("surface_runs_total") or 0) >= 1)
    assert figure("gaps_total") == 1
    assert figure("rejects_total", reason="future_time") == 1
    assert (figure("pricing_runs_total") or 0) >= 1
    assert (figure("pricing_seconds_total") or 0) > 0
    assert (figure("message_bytes_total") or 0) > 100
    assert figure("chains_held") == 1
    assert (figure("freshness_seconds") or 0) >= 0
    assert engine.rejects()["future_time"] == 1
    assert figure("lag_seconds") is not None
    state = engine.find_chain(ChainKey("SPY", EXPIRATION))
    assert state is not None
    header = state.header
    assert header is not None
    await until(lambda: "sound quotes" in str((state.header or {}).get("roots")))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
