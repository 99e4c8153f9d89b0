"""How a call was spoken: talk, dead air, overlap and interruptions counted exactly, from stretches and from audio."""

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.cues import MAX_GAP_MS, Measures
from callcue.calls.start import StartCall
from callcue.calls.voice import MIN_HELD_MS, MIN_OVERLAP_MS, VoiceTally
from callcue.core.events import CallStarted, FinalTranscript, VoiceSummary
from callcue.core.speech import Channel, Language, VoiceCues
from callcue.testing.calls import ScriptedCall, ScriptedLine
from tests.unit.calls.conftest import Store
from tests.unit.calls.pipeline import Pipeline, request

Spans = Sequence[tuple[int, int]]


def measures(spans: Spans) -> Measures:
    found = Measures()
    for start_ms, end_ms in spans:
        found.speak(start_ms, end_ms)
    return found


def summary(duration_ms: int, caller: Spans, agent: Spans | None = None) -> VoiceSummary:
    channels: dict[Channel, Measures] = {"caller": measures(caller)}
    if agent is not None:
        channels["agent"] = measures(agent)
    return VoiceTally().summary("c1", channels, duration_ms)


def interruptions(found: VoiceSummary) -> dict[str, int | None]:
    return {side.channel: side.interruptions for side in found.channels}


def test_talk_silence_and_overlap_add_up() -> None:
    found = summary(20_000, [(1000, 4000), (9000, 12_000)], [(3500, 6000), (15_000, 16_000)])
    assert [side.talk_ms for side in found.channels] == [6000, 3500]
    assert found.overlap_ms == 500
    assert found.silence_ms == 1000 + 3000 + 3000 + 4000
    assert (found.longest_silence_ms, found.longest_silence_at_ms) == (4000, 16_000)


@pytest.mark.parametrize(
    ("caller", "agent", "expected"),
    [
        # the agent takes the word
        ([(0, 5000)], [(4000, 8000)], {"caller": 0, "agent": 1}),
        # a listener's "mm-hm"
        ([(0, 5000)], [(2000, 2400)], {"caller": 0, "agent": 0}),
        # the end of the turn was guessed too early
        ([(0, 5000)], [(5000 - MIN_OVERLAP_MS + 20, 8000)], {"caller": 0, "agent": 0}),
        ([(0, 5000)], [(5000 - MIN_OVERLAP_MS, 8000)], {"caller": 0, "agent": 1}),
        # both stop at once: nobody took the word
        ([(0, 5000)], [(4000, 5000 + MIN_HELD_MS - 20)], {"caller": 0, "agent": 0}),
        # one after the other, each into the other's speech
        ([(0, 3000), (5000, 9000)], [(2500, 6000)], {"caller": 1, "agent": 1}),
        # at the same moment
        ([(1000, 2000)], [(1000, 4000)], {"caller": 0, "agent": 0}),
        # one long turn over two of the other's
        ([(0, 3000), (5000, 6000)], [(2000, 9000)], {"caller": 0, "agent": 1}),
        ([], [(0, 1000)], {"caller": 0, "agent": 0}),
    ],
)
def test_interruptions(caller: Spans, agent: Spans, expected: dict[str, int]) -> None:
    assert interruptions(summary(10_000, caller, agent)) == expected


def test_one_channel_says_nothing_about_the_other() -> None:
    found = summary(5000, [(1000, 2000)])
    assert (found.overlap_ms, found.channels[0].interruptions) == (None, None)
    assert found.silence_ms == 4000


def test_a_call_without_a_word_is_silence_and_one_without_audio_is_nothing() -> None:
    found = summary(5000, [], [])
    assert (found.silence_ms, found.longest_silence_ms, found.longest_silence_at_ms) == (5000, 5000, 0)
    assert (found.overlap_ms, found.channels[0].voice, found.channels[0].language) == (0, VoiceCues(voiced_ms=0), None)
    empty = summary(0, [], [])
    assert (empty.silence_ms, empty.longest_silence_ms, empty.overlap_ms) == (0, 0, 0)


@st.composite
def spans(draw: st.DrawFn) -> list[tuple[int, int]]:
    """On a grid of 20 ms, in order, far enough apart to be stretches of their own; ends within 12 s."""
    found, at = [], 0
    for _ in range(draw(st.integers(0, 6))):
        start = at + draw(st.integers(0 if not found else MAX_GAP_MS // 20, 40)) * 20
        at = start + draw(st.integers(1, 50)) * 20
        found.append((start, at))
    return found


@given(spans(), spans())
def test_the_sums_are_those_of_counting_every_moment(caller: Spans, agent: Spans) -> None:
    duration_ms = max((end for _, end in (*caller, *agent)), default=0) + 400
    found = summary(duration_ms, caller, agent)
    ours, theirs = ({at for start, end in side for at in range(start, end, 20)} for side in (caller, agent))
    assert [side.talk_ms for side in found.channels] == [20 * len(ours), 20 * len(theirs)]
    assert found.overlap_ms == 20 * len(ours & theirs)
    assert found.silence_ms == duration_ms - 20 * len(ours | theirs)
    assert found.longest_silence_ms <= found.silence_ms
    silent = range(found.longest_silence_at_ms, found.longest_silence_at_ms + found.longest_silence_ms, 20)
    assert not (ours | theirs) & set(silent)
    mirrored = summary(duration_ms, agent, caller)
    assert [side.interruptions for side in mirrored.channels] == [
        side.interruptions for side in reversed(found.channels)
    ]


def final(channel: Channel, text: str, language: Language, voiced_ms: int | None) -> FinalTranscript:
    return FinalTranscript(
        call_id="c1", at_ms=0, channel=channel, segment_id="s", revision=1, start_ms=0, end_ms=0, raw_text=text,
        text=text, spans=(), words=(), confidence=1.0, language=language, engine="e",
        voice=None if voiced_ms is None else VoiceCues(voiced_ms=voiced_ms),
    )  # fmt: skip


def test_the_rate_is_that_of_the_language_mostly_spoken() -> None:
    tally = VoiceTally()
    tally.heard(final("caller", "hello", "en", 400))
    tally.heard(final("caller", "我想问一下保修", "zh", 1400))
    tally.heard(final("caller", "三年吗", "zh", 600))
    tally.heard(final("caller", "没有测量的不算", "zh", None))
    found = tally.summary("c1", {"caller": measures([(0, 3000)]), "agent": measures([])}, 5000)
    caller, agent = found.channels
    assert (caller.language, caller.voice.rate) == ("zh", 5.0)
    assert (agent.language, agent.voice.rate) == (None, None)


# --- through the whole pipeline -------------------------------------------------------------------------------------

TALK = ScriptedCall(
    [
        ScriptedLine(channel="caller", start_ms=1000, end_ms=4000, text="我的耳机左边没有声音"),
        ScriptedLine(channel="agent", start_ms=3400, end_ms=6000, text="您先别急我来查一下"),  # takes the word
        ScriptedLine(channel="caller", start_ms=9000, end_ms=13_000, text="我已经等了三天了没有人回复"),
        ScriptedLine(channel="agent", start_ms=10_500, end_ms=11_000, text="嗯嗯"),  # listens
        ScriptedLine(channel="agent", start_ms=18_000, end_ms=20_000, text="马上为您处理"),
    ],
    duration_ms=22_000,
)


@pytest.fixture
async def pipeline(store: Store, tmp_path: Path) -> AsyncIterator[Pipeline]:
    made = Pipeline(store, tmp_path, engine=TALK.engine())
    await made.start()
    yield made
    await made.close()


async def play(pipeline: Pipeline, opening: StartCall, sizes: Sequence[int]) -> list[FinalTranscript | VoiceSummary]:
    """What the call's events say of voices; the summary is last, and only CallEnded comes after it."""
    wire = TALK.interleaved(opening.channels, opening.sample_rate)
    link = await pipeline.manager.start(opening)
    at = nth = 0
    while at < len(wire):
        await link.audio(wire[at : at + sizes[nth % len(sizes)]])
        at, nth = at + sizes[nth % len(sizes)], nth + 1
    await link.hangup()
    events = await pipeline.events(link.call_id)
    assert [event.type for event in events[-2:]] == ["VoiceSummary", "CallEnded"]
    return [event for event in events if isinstance(event, FinalTranscript | VoiceSummary)]


@pytest.mark.parametrize("rate", [8000, 16_000])
async def test_known_overlaps_of_a_call_are_counted_exactly(pipeline: Pipeline, rate: int) -> None:
    *finals, found = await play(pipeline, replace(request("c1"), sample_rate=rate), [64_000])
    assert isinstance(found, VoiceSummary)
    assert (found.at_ms, found.overlap_ms, interruptions(found)) == (22_000, 1100, {"caller": 0, "agent": 1})
    assert [side.talk_ms for side in found.channels] == [7000, 5100]
    assert found.silence_ms == 1000 + 3000 + 5000 + 2000
    assert (found.longest_silence_ms, found.longest_silence_at_ms) == (5000, 13_000)
    assert len(finals) == 5
    for event in finals:
        assert isinstance(event, FinalTranscript)
        assert event.voice is not None
        assert event.voice.voiced_ms == event.end_ms - event.start_ms
        assert event.voice.rate == pytest.approx(len(event.text) * 1000 / event.voice.voiced_ms, abs=0.01)
    assert found.channels[0].voice.rate == pytest.approx((10 + 13) / 7, abs=0.01)


async def test_the_summary_does_not_depend_on_chunks(pipeline: Pipeline) -> None:
    noise = random.Random(4)
    ways = ([10_000_000], [320], [noise.randint(1, 5000) for _ in range(50)])
    heard = [await play(pipeline, request(f"c{nth}"), sizes) for nth, sizes in enumerate(ways)]
    summaries = [replace(found[-1], call_id="", seq=0) for found in heard]
    assert summaries[0] == summaries[1] == summaries[2]
    voices = [{e.segment_id: e.voice for e in found if isinstance(e, FinalTranscript)} for found in heard]
    assert voices[0] == voices[1] == voices[2]


async def test_a_call_of_one_channel(pipeline: Pipeline) -> None:
    opening = replace(request("c1"), channels=("caller",))
    found = (await play(pipeline, opening, [32_000]))[-1]
    assert isinstance(found, VoiceSummary)
    assert (found.overlap_ms, interruptions(found)) == (None, {"caller": None})
    assert found.channels[0].talk_ms == 7000


async def test_tones_that_nobody_said_are_silence(pipeline: Pipeline) -> None:
    """The engine finds no text in them: ring-back or music, not talk."""
    pipeline.engine.say([""] * 200)  # more than it will be asked, partials included
    found = (await play(pipeline, request("c1"), [32_000]))[-1]
    assert isinstance(found, VoiceSummary)
    assert [side.talk_ms for side in found.channels] == [0, 0]
    assert (found.silence_ms, found.overlap_ms) == (22_000, 0)


async def test_languages_per_channel_reach_the_engine_and_the_log(pipeline: Pipeline) -> None:
    opening = replace(request("c1"), languages={"caller": "auto", "agent": "en"})
    await play(pipeline, opening, [32_000])
    asked = {(window.language, window.final) for batch in pipeline.engine.batches for window in batch if window.final}
    assert asked == {(None, True), ("en", True)}
    (opened, *_) = await pipeline.events("c1")
    assert isinstance(opened, CallStarted)
    assert (opened.language, opened.languages) == ("auto", ("auto", "en"))
