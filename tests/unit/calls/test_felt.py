"""How the speakers feel goes into the log: per utterance, as an alert where a supervisor is needed, and at the end."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from callcue.core.events import Alert, AnyEvent, SentimentHeard, SentimentSummary
from callcue.core.ports import Prediction
from callcue.testing.calls import ScriptedCall, ScriptedLine
from tests.unit.calls.conftest import Store
from tests.unit.calls.pipeline import Pipeline, request

COMPLAINT = "我要投诉你们公司"
CALL = ScriptedCall(
    [
        ScriptedLine(channel="caller", start_ms=0, end_ms=1500, text="订单一直没有发货"),
        ScriptedLine(channel="agent", start_ms=3500, end_ms=5000, text="马上帮您核实订单"),
        ScriptedLine(channel="caller", start_ms=7500, end_ms=9000, text=COMPLAINT),
        ScriptedLine(channel="caller", start_ms=12000, end_ms=13500, text=COMPLAINT),
    ],
    duration_ms=15000,
)


class Displeased:
    """Hears a complaint where somebody complains."""

    name = "displeased"
    labels = ("正面", "中性", "负面")

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        return [self._one(0.9 if "投诉" in text else 0.1) for text in texts]

    def _one(self, negative: float) -> Prediction:
        distribution = {"正面": 0.05, "中性": 0.95 - negative, "负面": negative}
        label = max(distribution, key=lambda name: distribution[name])
        return Prediction(label=label, probability=distribution[label], distribution=distribution)


@pytest.fixture
async def events(store: Store, tmp_path: Path) -> AsyncIterator[list[AnyEvent]]:
    pipeline = Pipeline(store, tmp_path, engine=CALL.engine())
    object.__setattr__(pipeline.manager._stages, "sentiment", Displeased())
    await pipeline.start()
    link = await pipeline.manager.start(request("c1"))
    await link.audio(CALL.interleaved())
    await link.hangup()
    yield await pipeline.events("c1")
    await pipeline.close()


async def test_every_utterance_of_both_sides_has_its_feeling(events: list[AnyEvent]) -> None:
    heard = [event for event in events if isinstance(event, SentimentHeard)]
    finals = {event.segment_id: event.text for event in events if event.type == "FinalTranscript"}
    assert [event.feeling.segment_id for event in heard] == list(finals)
    assert all((event.feeling.label == "负面") == ("投诉" in finals[event.feeling.segment_id]) for event in heard)
    trends = [event.feeling.trend for event in heard if event.feeling.channel == "caller"]
    assert trends == sorted(trends, reverse=True)
    assert trends[-1] < trends[0]


async def test_a_supervisor_is_told_once_with_the_words(events: list[AnyEvent]) -> None:
    (alert,) = [event for event in events if isinstance(event, Alert)]
    assert (alert.kind, alert.severity) == ("complaint", "warning")
    said = {event.segment_id: event.text for event in events if event.type == "FinalTranscript"}
    assert [said[segment] for segment in alert.evidence] == [COMPLAINT]


async def test_the_end_says_what_became_of_it(events: list[AnyEvent]) -> None:
    (summary,) = [event for event in events if isinstance(event, SentimentSummary)]
    assert {speaker.channel: speaker.utterances for speaker in summary.speakers} == {"caller": 3, "agent": 1}
    assert events[-1].type == "CallEnded"
    assert summary.seq < events[-1].seq
