"""Figures about the running service in Prometheus' text form.

What other parts count already is read from them when it is asked for (``watch_…``); only what nobody else counts is
counted here. Labels never hold a call's id, a name or a number: their values would be personal, and without bound.
"""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from callcue import __version__
from callcue.infra.bus import BusStats

LATENCY_BUCKETS_S = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 15.0, 30.0)


class Metrics:
    """Every metric of one process, in a registry of its own."""

    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        Info("callcue", "The running version", registry=registry).info({"version": __version__})
        self.calls_live = Gauge("callcue_calls_live", "Calls running now", registry=registry)
        self.lag_seconds = Gauge(
            "callcue_lag_seconds",
            "Ended speech without its final text, of the call that is furthest behind",
            registry=registry,
        )
        self.final_wait_seconds = Gauge(
            "callcue_final_wait_seconds",
            "Seconds that the oldest segment without its final text has waited",
            registry=registry,
        )
        self.updates_dropped = Counter(
            "callcue_updates_dropped", "Partials that a call's later stages were too slow for", registry=registry
        )
        self.packets = Counter(
            "callcue_packets", "Packets of calls that send packets, by what became of them", ["what"], registry=registry
        )
        self.audio_lost_seconds = Counter(
            "callcue_audio_lost_seconds", "Audio that did not reach the service in time", registry=registry
        )
        self.calls_refused = Counter(
            "callcue_calls_refused", "Calls that were not accepted", ["code"], registry=registry
        )
        self.socket_errors = Counter(
            "callcue_socket_errors", "Errors told to a WebSocket's client", ["socket", "code"], registry=registry
        )
        self.final_latency = Histogram(
            "callcue_final_latency_seconds",
            "From the end of a segment to its final transcript",
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
        self.card_latency = Histogram(
            "callcue_card_latency_seconds",
            "From the end of a segment to the card that it brought",
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )

    def watch_live(self, calls: Callable[[], float]) -> None:
        """Read the number of live calls from here."""
        self.calls_live.set_function(calls)

    def watch_lag(self, seconds: Callable[[], float]) -> None:
        """Read the recogniser's lag from here."""
        self.lag_seconds.set_function(seconds)

    def watch_wait(self, seconds: Callable[[], float]) -> None:
        """Read how late the recogniser is from here."""
        self.final_wait_seconds.set_function(seconds)

    def watch_bus(self, stats: Callable[[], BusStats]) -> None:
        """Read what was announced and what was dropped from the bus."""
        self.registry.register(_BusCollector(stats))

    def watch_decoding(self, counters: Callable[[], Mapping[str, float]]) -> None:
        """Read the scheduler's counters (name -> ever growing number) from here."""
        self.registry.register(_CounterCollector("callcue_decodes", "Decoding, by what happened", "what", counters))

    def render(self) -> bytes:
        """All of it, as ``content_type`` says."""
        return generate_latest(self.registry)


class _CounterCollector(Collector):
    def __init__(self, name: str, help_text: str, label: str, counters: Callable[[], Mapping[str, float]]) -> None:
        self._name, self._help, self._label = name, help_text, label
        self._counters = counters

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily(self._name, self._help, labels=[self._label])
        for key, value in self._counters().items():
            family.add_metric([key], value)
        yield family


class _BusCollector(Collector):
    def __init__(self, stats: Callable[[], BusStats]) -> None:
        self._stats = stats

    def collect(self) -> Iterable[Metric]:
        stats = self._stats()
        events = CounterMetricFamily("callcue_events", "Events announced, by type", labels=["type"])
        for name, count in stats.published.items():
            events.add_metric([name], count)
        yield events
        dropped = CounterMetricFamily(
            "callcue_bus_dropped", "Events that did not fit into a slow reader's queue", labels=["delivery"]
        )
        dropped.add_metric(["lossy"], stats.dropped_lossy)
        dropped.add_metric(["durable"], stats.dropped_durable)
        yield dropped
        yield GaugeMetricFamily("callcue_bus_subscriptions", "Readers of the bus now", value=stats.subscriptions)
