"""What the gateway tells about itself, read when somebody asks: it costs no socket anything."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from optix.features.streaming.gateway import Gateway


class GatewayMetrics(Collector):
    """Shows one gateway in a registry."""

    def __init__(self, gateway: Gateway, registry: CollectorRegistry) -> None:
        self._gateway = gateway
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        gateway = self._gateway
        sockets = GaugeMetricFamily(
            "optix_stream_sockets", "Sockets that are signed in, by market.", labels=["market"]
        )
        late = GaugeMetricFamily(
            "optix_stream_tick_late_seconds",
            "The most by which a flush came late since this was last asked for.",
            labels=["market"],
        )
        topics = GaugeMetricFamily(
            "optix_stream_topics", "Topics that somebody follows.", labels=["market"]
        )
        sent = CounterMetricFamily(
            "optix_stream_sent",
            "What the fan did. skipped: writes that a client did not take.",
            labels=["market", "what"],
        )
        ended = CounterMetricFamily(
            "optix_stream_ended", "Sockets that the fan ended, by why.", labels=["market", "why"]
        )
        for stream in gateway.streams:
            sockets.add_metric([stream.name], stream.sockets)
            topics.add_metric([stream.name], len(stream.followed.topics))
            late.add_metric([stream.name], stream.take_late_seconds())
            for what, count in stream.fan.stats.items():
                sent.add_metric([stream.name, what], count)
            for ending, count in stream.endings.items():
                ended.add_metric([stream.name, ending.name.lower()], count)
        yield from (sockets, late, topics, sent, ended)
        yield GaugeMetricFamily(
            "optix_stream_waiting", "Sockets that have not signed in yet.", value=gateway.waiting
        )
        yield GaugeMetricFamily(
            "optix_stream_openings", "Topics that wait for being opened.", value=gateway.openings
        )
        refused = CounterMetricFamily(
            "optix_stream_refused", "Connections that were not let in, by why.", labels=["why"]
        )
        for why, count in gateway.refused.items():
            refused.add_metric([why], count)
        yield refused
        closed = CounterMetricFamily(
            "optix_stream_closed", "Sockets that are gone, by close code.", labels=["code"]
        )
        for code, count in gateway.closed.items():
            closed.add_metric([str(code)], count)
        yield closed
