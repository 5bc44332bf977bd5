"""What the feed tells Prometheus of its providers, read when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from optix.kernel.clock import NANOSECONDS, Clock
from optix.ports.market_data import (
    HealthReporter,
    MarketDataProvider,
    ProviderHealth,
    ProviderSwitch,
    RejectReporter,
    SwitchReporter,
)

STATES: Final = ("live", "stale", "connecting", "idle", "down")


class FeedMetrics(Collector):
    """Reports of whatever provider the feed runs now; nothing while it runs none."""

    def __init__(self, registry: CollectorRegistry, clock: Clock) -> None:
        self._clock = clock
        self._provider: MarketDataProvider | None = None
        self._others: Sequence[Collector] = ()
        self._switches: dict[tuple[str, str, str], int] = {}
        self._counted_ns = 0
        registry.register(self)

    def watch(self, provider: MarketDataProvider, *others: Collector) -> None:
        """Report of this provider from now on, and what `others` of the same run collect."""
        self._provider, self._others = provider, others

    def describe(self) -> list[Metric]:
        return []  # or the registry would collect once before there is anything

    def collect(self) -> Iterator[Metric]:
        for other in self._others:
            yield from other.collect()
        provider = self._provider
        if provider is None:
            return
        if isinstance(provider, HealthReporter):
            yield from _families(provider.health(), self._clock.now_ns())
        if isinstance(provider, SwitchReporter):
            yield self._switch_family(provider.switches())
        if isinstance(provider, RejectReporter):
            rejects = CounterMetricFamily(
                "optix_provider_rejects",
                "Rows that a provider refused to pass on, by reason.",
                labels=("reason",),
            )
            for reason, count in sorted(provider.rejects().items()):
                rejects.add_metric((reason,), count)
            yield rejects

    def _switch_family(self, switches: Sequence[ProviderSwitch]) -> Metric:
        """Count each switch once, though the provider tells those of the last hour each time."""
        for switch in switches:
            if switch.source and switch.ts > self._counted_ns:
                labels = (str(switch.kind), switch.source, switch.target)
                self._switches[labels] = self._switches.get(labels, 0) + 1
        self._counted_ns = max([self._counted_ns, *(switch.ts for switch in switches)])
        family = CounterMetricFamily(
            "optix_provider_switches",
            "How often another provider took over a kind of data.",
            labels=("kind", "source", "target"),
        )
        for labels, count in sorted(self._switches.items()):
            family.add_metric(labels, count)
        return family


def _families(rows: Sequence[ProviderHealth], now_ns: int) -> Iterator[Metric]:
    state = GaugeMetricFamily(
        "optix_provider_state", "1 for the state a provider is in.", labels=("provider", "state")
    )
    serves = GaugeMetricFamily(
        "optix_provider_serves",
        "1 for each kind of data a provider is the one in use for.",
        labels=("provider", "kind"),
    )
    errors = CounterMetricFamily(
        "optix_provider_errors", "What went wrong, by reason.", labels=("provider", "reason")
    )
    for row in rows:
        for name in STATES:
            state.add_metric((row.name, name), float(row.state == name))
        for kind in sorted(row.serves):
            serves.add_metric((row.name, str(kind)), 1.0)
        for reason, count in sorted(row.errors.items()):
            errors.add_metric((row.name, reason), count)
    yield from (state, serves, errors)
    reconnects = CounterMetricFamily(
        "optix_provider_reconnects", "How often it was opened again.", labels=("provider",)
    )
    for row in rows:
        reconnects.add_metric((row.name,), row.reconnects)
    yield reconnects
    for name, says, values in (
        ("error_ratio", "Share of the last requests and updates that failed.", _error_rates(rows)),
        ("lag_seconds", "From the venue to us, of the last update.", _lags(rows)),
        ("freshness_seconds", "Since the last update.", _ages(rows, now_ns)),
        ("subscribed", "Symbols followed, contracts included.", _subscribed(rows)),
        ("requests_left", "Requests left in this window.", _requests_left(rows)),
    ):
        family = GaugeMetricFamily(f"optix_provider_{name}", says, labels=("provider",))
        for provider, value in values:
            family.add_metric((provider,), value)
        yield family


def _error_rates(rows: Sequence[ProviderHealth]) -> Iterator[tuple[str, float]]:
    return ((row.name, row.error_rate) for row in rows)


def _lags(rows: Sequence[ProviderHealth]) -> Iterator[tuple[str, float]]:
    return ((row.name, row.lag_seconds) for row in rows if isfinite(row.lag_seconds))


def _ages(rows: Sequence[ProviderHealth], now_ns: int) -> Iterator[tuple[str, float]]:
    return (
        (row.name, (now_ns - row.last_update_ns) / NANOSECONDS)
        for row in rows
        if row.last_update_ns
    )


def _subscribed(rows: Sequence[ProviderHealth]) -> Iterator[tuple[str, float]]:
    return ((row.name, float(row.subscribed)) for row in rows)


def _requests_left(rows: Sequence[ProviderHealth]) -> Iterator[tuple[str, float]]:
    return ((row.name, float(row.requests_left)) for row in rows if row.requests_left is not None)
