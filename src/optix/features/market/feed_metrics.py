"""Figures of the feed for operators: lag, freshness, gaps, rejects, pricing time and backlog.

The feed counts in plain numbers; Prometheus asks when it wants to know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from optix.features.market.normalise import Rejects
from optix.kernel.clock import NANOSECONDS


@dataclass(slots=True)
class FeedCounts:
    """What the feed did since it began. Units: seconds, bytes."""

    updates: int = 0
    gaps: int = 0
    messages: int = 0
    message_bytes: int = 0
    quotes_published: int = 0
    chains_published: int = 0
    pricing_runs: int = 0
    pricing_seconds: float = 0.0
    pricing_seconds_last: float = 0.0
    surface_runs: int = 0
    surface_seconds: float = 0.0
    receive_lag_seconds: float = 0.0  # of the last update: from the venue's instant to ours
    last_update_ns: int = 0


@dataclass(slots=True, eq=False)  # a registry keeps its collectors by identity
class FeedMetrics(Collector):
    """A Prometheus collector of the feed's counts."""

    counts: FeedCounts
    rejects: Rejects
    now_ns: Callable[[], int]
    pricing_backlog: Callable[[], int]
    surface_backlog: Callable[[], int]
    chains_held: Callable[[], int]
    source: Callable[[], str] = field(default=lambda: "")

    def freshness_seconds(self) -> float | None:
        """Return how long ago the last update came, None before the first."""
        if self.counts.last_update_ns == 0:
            return None
        return max(0.0, (self.now_ns() - self.counts.last_update_ns) / NANOSECONDS)

    def collect(self) -> Iterator[Metric]:
        """Return the figures as they are now."""
        counts = self.counts
        for name, text, total in (
            ("updates", "Updates taken from the provider.", counts.updates),
            ("gaps", "Gaps that the provider told of.", counts.gaps),
            ("messages", "Messages published.", counts.messages),
            ("message_bytes", "Bytes of the messages published.", counts.message_bytes),
            ("quotes_published", "Quotes published.", counts.quotes_published),
            ("chains_published", "States of chains published.", counts.chains_published),
            ("pricing_runs", "Runs of the pricing.", counts.pricing_runs),
            ("pricing_seconds", "Time spent on pricing.", counts.pricing_seconds),
            ("surface_runs", "Fits of surfaces.", counts.surface_runs),
            ("surface_seconds", "Time spent on surfaces.", counts.surface_seconds),
        ):
            yield CounterMetricFamily(f"optix_feed_{name}", text, value=total)
        rejects = CounterMetricFamily(
            "optix_feed_rejects", "What was not taken in, by reason.", labels=["reason"]
        )
        for reason, number in sorted(self.rejects.by_reason.items()):
            rejects.add_metric([reason], number)
        yield rejects
        for name, text, value in (
            ("lag_seconds", "Of the last update: venue to feed.", counts.receive_lag_seconds),
            ("pricing_last_seconds", "The last run of pricing.", counts.pricing_seconds_last),
            ("pricing_backlog", "Followed chains that wait.", self.pricing_backlog()),
            ("surface_backlog", "Underlyings whose surface waits.", self.surface_backlog()),
            ("chains_held", "Chains in memory.", self.chains_held()),
            ("freshness_seconds", "Since the last update.", self.freshness_seconds()),
        ):
            if value is not None:
                yield GaugeMetricFamily(f"optix_feed_{name}", text, value=value)
