"""One call: what fails costs only itself, what arrived is heard, and every call gets its end."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from asr.streaming import ChannelRecogniser
from callcue.calls.intake import Packet
from callcue.calls.understanding import Understanding
from callcue.core.errors import BadInput, Conflict, StorageFailed
from callcue.core.events import Alert, AnyEvent, CallEnded, FinalTranscript, VoiceSummary
from callcue.core.speech import Language
from callcue.testing.calls import ScriptedCall, ScriptedLine
from nlu.claims import Claim
from tests.unit.calls.conftest import Store, started
from tests.unit.calls.pipeline import BYTES_PER_MS, SAID, WIRE, Pipeline, QuickClock, request


@pytest.fixture
async def pipeline(store: Store, tmp_path: Path) -> AsyncIterator[Pipeline]:
    made = Pipeline(store, tmp_path)
    await made.start()
    yield made
    await made.close()


async def finish(pipeline: Pipeline, call_id: str) -> AnyEvent:
    """Play the call whole and hang up; the last event."""
    link = await pipeline.manager.start(request(call_id))
    async with asyncio.timeout(30):
        await link.audio(WIRE)
        await link.hangup()
    return (await pipeline.events(call_id))[-1]


async def test_a_call_is_heard_answered_and_closed(pipeline: Pipeline) -> None:
    end = await finish(pipeline, "c1")
    assert isinstance(end, CallEnded)
    assert (end.reason, end.duration_ms) == ("hangup", 8000)
    assert await pipeline.said("c1") == SAID
    assert [e.card_id for e in await pipeline.events("c1") if e.type == "CardPush"] == ["kb-invoice"]
    assert pipeline.manager.live("c1") is None


class _Renaming:
    """A corrector that knows one word better."""

    def claims(self, text: str, language: Language) -> Iterator[Claim]:
        assert language == "zh"
        yield from (Claim(m.start(), m.end(), "开专票", "hotword") for m in re.finditer("开发票", text))


async def test_a_final_has_its_hotwords_right_and_its_raw_text_as_heard(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = replace(pipeline.knowledge.view(), hotwords=_Renaming())  # type: ignore[arg-type]
    monkeypatch.setattr(pipeline.knowledge, "view", lambda: view)
    await finish(pipeline, "c1")
    finals = [event for event in await pipeline.events("c1") if isinstance(event, FinalTranscript)]
    (corrected,) = [final for final in finals if final.spans]
    assert (corrected.raw_text, corrected.text) == ("你好我要开发票", "你好我要开专票")
    assert [(span.kind, span.raw_start, span.raw_end) for span in corrected.spans] == [("hotword", 4, 7)]


async def test_a_stage_that_breaks_costs_its_own_result_and_nothing_else(pipeline: Pipeline) -> None:
    pipeline.issue.breaks = ValueError("a fault nobody thought of")
    end = await finish(pipeline, "c1")
    assert isinstance(end, CallEnded)
    assert await pipeline.said("c1") == SAID
    assert any(event.type == "CardPush" for event in await pipeline.events("c1"))
    pipeline.issue.breaks = None
    assert isinstance(await finish(pipeline, "c2"), CallEnded)


async def test_the_record_is_filled_when_the_cards_fail(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_utterance: object) -> None:
        raise RuntimeError("cards are gone")

    link = await pipeline.manager.start(request("c1"))
    session = pipeline.manager.live("c1")
    assert session is not None
    monkeypatch.setattr(session.assistant, "on_final", broken)
    await link.audio(WIRE)
    await link.hangup()
    assert await pipeline.said("c1") == SAID
    assert (await pipeline.records.get("c1")).value("priority") == 3


async def test_what_had_arrived_before_a_drop_is_heard_not_replaced_by_silence(pipeline: Pipeline) -> None:
    """The recogniser is behind; the connection breaks with audio still waiting, and another one takes over."""
    old = await pipeline.manager.start(request("c1"))
    pipeline.engine.hold()

    async def deliver() -> None:
        for offset in range(0, 7000 * BYTES_PER_MS, 500 * BYTES_PER_MS):
            await old.audio(WIRE[offset : offset + 500 * BYTES_PER_MS])
            await asyncio.sleep(0.01)
        await old.drop()

    delivering = asyncio.create_task(deliver())
    await asyncio.sleep(0.03)
    assert old.received_ms < 7000
    resuming = asyncio.create_task(pipeline.manager.resume("c1", 7000))
    pipeline.engine.release()
    new = await asyncio.wait_for(resuming, 20)
    await delivering
    assert new.received_ms == 7000
    await new.audio(WIRE[7000 * BYTES_PER_MS :])
    await new.hangup()
    assert await pipeline.said("c1") == SAID
    assert not [event for event in await pipeline.events("c1") if event.type == "Alert"]


async def test_audio_is_heard_whole_when_its_connection_is_cancelled(pipeline: Pipeline) -> None:
    link = await pipeline.manager.start(request("c1"))
    hearing = asyncio.create_task(link.audio(WIRE))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    hearing.cancel()
    await asyncio.wait_for(link.hangup(), 20)
    assert await pipeline.said("c1") == SAID


async def test_a_sender_that_keeps_its_audio_goes_on_where_the_call_stopped(pipeline: Pipeline) -> None:
    old = await pipeline.manager.start(request("c1"))
    await old.audio(WIRE[: 3000 * BYTES_PER_MS + 12])  # three samples into the next millisecond
    await old.drop()
    new = await pipeline.manager.resume("c1")
    assert new.received_ms == 3000
    with pytest.raises(Conflict, match="taken over"):
        await old.audio(WIRE[:320])
    await new.audio(WIRE[3000 * BYTES_PER_MS :])
    await new.hangup()
    assert await pipeline.said("c1") == SAID
    assert new.received_ms == 8000


async def test_audio_that_was_lost_is_silence_and_said_so(pipeline: Pipeline) -> None:
    old = await pipeline.manager.start(request("c1"))
    await old.audio(WIRE[: 2000 * BYTES_PER_MS])
    await old.drop()
    new = await pipeline.manager.resume("c1", 4500)
    await new.audio(WIRE[4500 * BYTES_PER_MS :])
    await new.hangup()
    events = await pipeline.events("c1")
    assert [event.kind for event in events if event.type == "Alert"] == ["audio_gap"]
    assert await pipeline.said("c1") == SAID - {"好的请稍等"}
    assert events[-1].at_ms == 8000


async def test_a_resume_that_cannot_be_leaves_the_call_waiting(pipeline: Pipeline) -> None:
    old = await pipeline.manager.start(request("c1"))
    await old.drop()
    with pytest.raises(BadInput, match="from_ms"):
        await pipeline.manager.resume("c1", 10_000_000)
    assert (await pipeline.manager.resume("c1", 0)).received_ms == 0


async def test_a_connection_that_does_not_come_back_ends_the_call(store: Store, tmp_path: Path) -> None:
    pipeline = Pipeline(store, tmp_path, QuickClock())
    await pipeline.start()
    link = await pipeline.manager.start(request("c1"))
    await link.audio(WIRE[: 2000 * BYTES_PER_MS])
    session = link.session
    await link.drop()
    await asyncio.wait_for(session.ended.wait(), 20)
    voice, end = (await pipeline.events("c1"))[-2:]
    assert isinstance(end, CallEnded)
    assert end.reason == "disconnected"
    assert voice.type == "VoiceSummary"
    assert await pipeline.said("c1") == {"你好我要开发票"}
    await pipeline.close()


ENDS_IN_PACKETS = ScriptedCall(
    [
        ScriptedLine(channel="caller", start_ms=0, end_ms=1500, text="你好我要开发票"),
        ScriptedLine(channel="caller", start_ms=6040, end_ms=6200, text="再见"),
    ],
    duration_ms=6200,
)


async def test_bad_packets_at_hang_up_cost_themselves_and_not_the_last_words(store: Store, tmp_path: Path) -> None:
    """The packet before the last words was lost, so they wait for it; then comes one with a wrong clock."""
    pipeline = Pipeline(store, tmp_path, engine=ENDS_IN_PACKETS.engine())
    await pipeline.start()
    link = await pipeline.manager.start(replace(request("c1"), channels=("caller",), framing="packets"))
    pcm = ENDS_IN_PACKETS.pcm("caller")
    for number in range(310):
        if number != 301:
            payload = pcm[number * 320 : (number + 1) * 320]
            await link.audio(Packet(channel="caller", seq=number, timestamp_ms=20 * number, payload=payload))
    await link.audio(Packet(channel="caller", seq=310, timestamp_ms=0, payload=bytes(320)))
    await asyncio.wait_for(link.hangup(), 20)
    events = await pipeline.events("c1")
    assert await pipeline.said("c1") == {"你好我要开发票", "再见"}
    (alert,) = [event for event in events if isinstance(event, Alert)]
    assert (alert.kind, alert.reason.split()[0]) == ("audio_gap", "40")
    assert isinstance(events[-1], CallEnded)
    assert (events[-1].reason, events[-1].duration_ms) == ("hangup", 6200)
    await pipeline.close()


async def test_a_record_that_cannot_be_completed_does_not_cost_how_the_call_was_spoken(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_self: Understanding, _at_ms: int) -> None:
        raise StorageFailed("the disk is full")

    monkeypatch.setattr(Understanding, "finish", broken)
    end = await finish(pipeline, "c1")
    assert isinstance(end, CallEnded)
    assert (end.reason, end.detail) == ("error", "the disk is full")
    (voice,) = [event for event in await pipeline.events("c1") if isinstance(event, VoiceSummary)]
    assert [side.talk_ms for side in voice.channels] == [3500, 1500]


async def test_a_channel_that_cannot_be_finished_does_not_cost_the_last_words_of_the_other(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ChannelRecogniser.finish

    async def finish_one(self: ChannelRecogniser) -> None:
        if self is first:
            raise RuntimeError("a fault nobody thought of")
        await real(self)

    monkeypatch.setattr(ChannelRecogniser, "finish", finish_one)
    link = await pipeline.manager.start(request("c1"))
    first = next(iter(link.session._recognisers.values()))
    await link.audio(WIRE[: 4000 * BYTES_PER_MS])
    await asyncio.wait_for(link.hangup(), 20)
    events = await pipeline.events("c1")
    assert "好的请稍等" in await pipeline.said("c1")
    assert [event.type for event in events[-2:]] == ["VoiceSummary", "CallEnded"]
    assert getattr(events[-1], "reason", None) == "error"


async def test_finals_outlast_a_database_that_is_away(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = QuickClock()
    pipeline = Pipeline(store, tmp_path, clock)
    await pipeline.start()
    link = await pipeline.manager.start(request("c1"))
    real = store.log.append
    failures = 0

    async def flaky(*events: AnyEvent) -> list[AnyEvent]:
        nonlocal failures
        if any(event.type in ("FinalTranscript", "CallEnded") for event in events) and failures < 40:
            failures += 1
            raise StorageFailed("the disk is full")
        return await real(*events)

    monkeypatch.setattr(store.log, "append", flaky)
    async with asyncio.timeout(30):
        await link.audio(WIRE)
        await link.hangup()
    assert failures == 40
    assert max(clock.slept) == 15.0
    assert await pipeline.said("c1") == SAID
    assert isinstance((await pipeline.events("c1"))[-1], CallEnded)
    await pipeline.close()


async def test_calls_that_a_crash_left_open_are_closed_at_the_time_they_had_reached(pipeline: Pipeline) -> None:
    await pipeline.store.log.append(started("old"))
    link = await pipeline.manager.start(request("running"))
    await pipeline.records.edit("old", {"priority": 1}, by="lin")
    assert await pipeline.manager.recover() == 1
    end = (await pipeline.events("old"))[-1]
    assert isinstance(end, CallEnded)
    assert end.reason == "interrupted"
    assert pipeline.manager.live("running") is not None
    await link.hangup()


async def test_shutdown_closes_calls_and_takes_no_more(pipeline: Pipeline) -> None:
    link = await pipeline.manager.start(request("c1"))
    await link.audio(WIRE)
    await asyncio.wait_for(pipeline.manager.shutdown(), 20)
    end = (await pipeline.events("c1"))[-1]
    assert isinstance(end, CallEnded)
    assert end.reason == "shutdown"
    assert await pipeline.said("c1") == SAID
