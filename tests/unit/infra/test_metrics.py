"""The figures say what happened, under stable names."""

from prometheus_client.parser import text_string_to_metric_families

from callcue.infra.bus import InProcessBus
from callcue.infra.metrics import Metrics
from tests.unit.infra.samples import final, partial


def values(metrics: Metrics) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


async def test_what_others_count_is_read_when_asked() -> None:
    metrics, bus = Metrics(), InProcessBus()
    live = [3.0]
    metrics.watch_bus(bus.stats)
    metrics.watch_live(lambda: live[0])
    metrics.watch_lag(lambda: 1.5)
    metrics.watch_decoding(lambda: {"finals": 7})
    async with bus.subscribe(capacity=1):
        for event in (partial(revision=1), partial(revision=2), final()):
            await bus.publish(event)
        live[0] = 4.0
        found = values(metrics)
    assert found["callcue_calls_live",] == 4.0
    assert found["callcue_lag_seconds",] == 1.5
    assert found["callcue_decodes_total", "finals"] == 7
    assert found["callcue_events_total", "PartialTranscript"] == 2
    assert found["callcue_events_total", "FinalTranscript"] == 1
    assert found["callcue_bus_dropped_total", "lossy"] == 2
    assert found["callcue_bus_dropped_total", "durable"] == 0
    assert found["callcue_bus_subscriptions",] == 1


def test_two_in_one_process_do_not_meet() -> None:
    first, second = Metrics(), Metrics()
    first.socket_errors.labels("audio", "bad_audio").inc()
    first.card_latency.observe(0.4)
    assert values(first)["callcue_socket_errors_total", "bad_audio", "audio"] == 1
    assert values(first)["callcue_card_latency_seconds_bucket", "0.5"] == 1
    assert ("callcue_socket_errors_total", "bad_audio", "audio") not in values(second)
