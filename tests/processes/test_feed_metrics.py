"""What Prometheus reads of the feed, in its own text format, on a real failover."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from tests.adapters.market_data.failover.world import world_of
from tests.fakes.scripted import ScriptedProvider

from optix.kernel.errors import InvalidInput
from optix.processes.feed_metrics import FeedMetrics


class Rejecting(ScriptedProvider):
    def rejects(self) -> dict[str, int]:
        return {"too_wide": 3}


def lines(registry: CollectorRegistry) -> set[str]:
    return {line for line in generate_latest(registry).decode().splitlines() if line[0] != "#"}


async def test_each_provider_has_its_state_and_its_figures() -> None:
    async with world_of("first", "second") as world:
        registry = CollectorRegistry()
        metrics = FeedMetrics(registry, world.time)
        assert not lines(registry)
        metrics.watch(world.failover)
        await world.start()
        first, second = world.sources
        await world.live(3, first, second)
        told = lines(registry)
        assert 'optix_provider_state{provider="first",state="live"} 1.0' in told
        assert 'optix_provider_state{provider="first",state="down"} 0.0' in told
        assert 'optix_provider_serves{kind="quotes",provider="first"} 1.0' in told
        assert 'optix_provider_subscribed{provider="first"} 1.0' in told
        assert 'optix_provider_freshness_seconds{provider="first"} 0.5' in told
        assert 'optix_provider_lag_seconds{provider="first"} 0.0' in told
        assert not any(line.startswith("optix_provider_switches_total{") for line in told)


async def test_a_switch_is_counted_once_however_often_it_is_read() -> None:
    async with world_of("first", "second") as world:
        registry = CollectorRegistry()
        FeedMetrics(registry, world.time).watch(world.failover)
        await world.start()
        first, second = world.sources
        await world.live(3, first, second)
        first.refusal = InvalidInput("It does not open.")
        first.fail("The line is cut.")
        await world.live(4, second)
        for _ in range(3):
            told = lines(registry)
        switched = 'optix_provider_switches_total{kind="quotes",source="first",target="second"} 1.0'
        assert switched in told
        assert 'optix_provider_state{provider="first",state="down"} 1.0' in told
        assert any('optix_provider_errors_total{provider="first",reason="lost"}' in x for x in told)
        await world.live(3_700, second)  # the hour is over, a counter does not go back
        assert switched in lines(registry)


def test_rows_that_were_refused_are_told_by_reason() -> None:
    provider = Rejecting()
    registry = CollectorRegistry()
    other = CollectorRegistry()
    Gauge("optix_feed_backlog", "Of the engine.", registry=other).set(2)
    FeedMetrics(registry, provider.clock).watch(provider, other)
    assert lines(registry) == {
        'optix_provider_rejects_total{reason="too_wide"} 3.0',
        "optix_feed_backlog 2.0",
    }
