"""One channel's audio in, updates out: independent of chunks, in order, complete."""

import asyncio
import hashlib
import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.scheduler import DecodeScheduler
from asr.streaming import ChannelRecogniser, StreamConfig, TranscriptUpdate
from callcue.core.errors import BadAudio, EngineFailed
from callcue.core.settings import SpeechSettings
from callcue.core.speech import Hypothesis, Window, Word
from tests.unit.asr.fakes import GatedEngine, LoudIsSpeech, StillClock, pcm, settle

CALL = pcm(
    ("talk", 900), ("quiet", 1200), ("talk", 2600), ("quiet", 500), ("talk", 400), ("quiet", 1200), ("talk", 350)
)


def spell(pcm: bytes) -> str:
    return hashlib.sha256(pcm).hexdigest()


class Updates(list[TranscriptUpdate]):
    async def __call__(self, update: TranscriptUpdate) -> None:
        self.append(update)

    @property
    def finals(self) -> list[TranscriptUpdate]:
        return [update for update in self if update.final]


def recogniser(engine: GatedEngine, emit: Any, **config: Any) -> ChannelRecogniser:
    return ChannelRecogniser(
        channel="caller",
        sample_rate=8000,
        language="zh",
        scheduler=DecodeScheduler(engine, StillClock()),
        vad=LoudIsSpeech(),
        config=StreamConfig(**{"first_partial_s": 9.0, **config}),
        emit=emit,
    )


async def transcribe(
    audio: bytes, sizes: Sequence[int], mark: bool = False, **config: Any
) -> tuple[Updates, GatedEngine]:
    engine, updates = (
        GatedEngine(say=lambda window: f"{window.duration_ms}ms{spell(window.pcm) if mark else ''}"),
        Updates(),
    )
    engine.open = True
    channel = recogniser(engine, updates, **config)
    at = i = 0
    while at < len(audio):
        size = sizes[i % len(sizes)]
        await channel.feed(audio[at : at + size])
        at, i = at + size, i + 1
    await channel.finish()
    assert channel.lag_ms == 0
    return updates, engine


def shape(updates: Updates) -> list[tuple[str, int, int, str]]:
    return [(u.segment_id, u.start_ms, u.end_ms, u.stable) for u in updates.finals]


async def test_segments_times_and_windows() -> None:
    updates, _ = await transcribe(CALL, [320])
    assert [(u.segment_id, u.start_ms, u.end_ms) for u in updates.finals] == [
        ("caller-1", 0, 900),
        ("caller-2", 2100, 5600),
        ("caller-3", 6800, 7150),
    ]
    assert [u.stable for u in updates.finals] == ["1100ms", "4000ms", "650ms"]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 32_000), min_size=1, max_size=8))
def test_any_chunk_size_gives_the_same_segments(sizes: list[int]) -> None:
    async def both() -> None:
        one, _ = await transcribe(CALL, [320], mark=True)
        other, _ = await transcribe(CALL, sizes, mark=True)
        assert shape(one) == shape(other)  # the text spells the window's samples

    asyncio.run(both())


async def test_single_bytes_are_chunks_too() -> None:
    by_byte, _ = await transcribe(CALL[:40_000], [1])
    whole, _ = await transcribe(CALL[:40_000], [40_000])
    assert shape(by_byte) == shape(whole)


async def test_the_last_samples_are_decoded() -> None:
    audio = pcm(("quiet", 500), ("talk", 1003))
    updates, engine = await transcribe(audio + b"\0", [333])
    (window,) = [w for batch in engine.batches for w in batch if w.final]
    assert window.duration_ms == 300 + 1003
    assert updates.finals[0].end_ms == 1503


async def test_hanging_up_right_after_a_cut_loses_neither_part() -> None:
    """The last 10 ms make the segment too long: what was cut off and what goes on after it are both decoded."""
    audio = pcm(("talk", 13_990))
    assert len(audio) // 2 % 160 == 80
    updates, engine = await transcribe(audio, [3200])
    first, second = [(update.start_ms, update.end_ms) for update in updates.finals]
    assert (first[0], second[1]) == (0, 13_990)
    assert first[1] == second[0]
    assert sum(w.duration_ms for batch in engine.batches for w in batch if w.final) == 13_990


async def test_a_long_chunk_lets_the_others_have_a_turn() -> None:
    engine = GatedEngine()
    channel = recogniser(engine, Updates())
    feeding = asyncio.create_task(channel.feed(pcm(("quiet", 20_000), ("talk", 10_000))))
    turns = 0
    while not feeding.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 30_000 // 500
    await channel.abort()


async def test_a_chunk_whose_feeding_was_cancelled_is_not_lost() -> None:
    engine, updates = GatedEngine(say=lambda window: spell(window.pcm)), Updates()
    engine.open = True
    channel = recogniser(engine, updates)
    feeding = asyncio.create_task(channel.feed(CALL))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    feeding.cancel()
    await asyncio.wait([feeding])
    assert feeding.cancelled()
    await channel.finish()
    whole, _ = await transcribe(CALL, [len(CALL)])
    assert [(u.start_ms, u.end_ms) for u in updates.finals] == [(u.start_ms, u.end_ms) for u in whole.finals]


async def test_silence_is_never_decoded() -> None:
    updates, engine = await transcribe(pcm(("quiet", 5000)), [320])
    assert (list(updates), engine.batches) == ([], [])


async def test_partials_come_before_their_final_and_stable_text_grows() -> None:
    says = iter(["我", "我的耳", "我的耳机", "我的耳机坏", "我的耳机坏了", "我的耳机坏了吗"])
    engine, updates = GatedEngine(say=lambda w: next(says)), Updates()
    engine.open = True
    channel = recogniser(engine, updates, partial_interval_s=0.5)
    audio = pcm(("talk", 2400), ("quiet", 1200))
    for at in range(0, len(audio), 3200):
        await channel.feed(audio[at : at + 3200])
        await settle()
    await channel.finish()
    assert [u.final for u in updates] == [False] * (len(updates) - 1) + [True]
    assert len(updates) >= 4
    assert [u.revision for u in updates] == list(range(1, len(updates) + 1))
    for before, after in itertools.pairwise(updates):
        assert after.stable.startswith(before.stable)
    assert {u.segment_id for u in updates} == {"caller-1"}


async def test_the_first_partial_comes_sooner_than_the_next_and_each_goes_on_from_what_is_settled() -> None:
    says = iter(["我的耳", "我的耳机", "我的耳机坏了"])
    engine, updates = GatedEngine(say=lambda w: next(says)), Updates()
    engine.open = True
    channel = recogniser(engine, updates, first_partial_s=0.6, partial_interval_s=1.0)
    for _ in range(28):
        await channel.feed(pcm(("talk", 100)))
        await settle()
    windows = [window for batch in engine.batches for window in batch]
    assert [round(window.duration_ms / 500) for window in windows] == [1, 3, 5]  # less what the resampler holds
    assert [window.begin for window in windows] == ["", "", "我的耳"]
    await channel.abort()


async def test_results_that_overtake_each_other_are_emitted_in_order() -> None:
    """The second segment is decoded first; its partial and final wait for the first one's final."""
    first, second, partial = asyncio.Event(), asyncio.Event(), asyncio.Event()

    class Overtaking:
        partial_stretch = 1.0

        async def final(self, window: Window, key: str) -> Hypothesis:
            await (first if window.duration_ms < 2000 else second).wait()
            return Hypothesis(text=f"{window.duration_ms}", language="zh", language_probability=1.0)

        async def partial(self, window: Window, key: str, *, urgent: bool = False) -> Hypothesis | None:
            partial.set()
            return Hypothesis(text="在说", language="zh", language_probability=1.0)

    updates = Updates()
    channel = ChannelRecogniser(
        channel="agent", sample_rate=8000, language="zh", scheduler=Overtaking(), vad=LoudIsSpeech(),
        config=StreamConfig(first_partial_s=9.0), emit=updates,
    )  # fmt: skip
    await channel.feed(pcm(("talk", 900), ("quiet", 1200), ("talk", 2600), ("quiet", 1200)))
    second.set()
    await settle()
    assert partial.is_set()
    assert list(updates) == []
    assert channel.lag_ms > 3000
    first.set()
    await channel.finish()
    assert [u.start_ms for u in updates.finals] == [0, 2100]


async def test_the_final_decode_begins_in_the_pause() -> None:
    """By the time the silence is long enough the text is there; going on to speak makes that decode a partial."""
    engine, updates = GatedEngine(), Updates()
    channel = recogniser(engine, updates)
    await channel.feed(pcm(("talk", 900), ("quiet", 800)))
    await settle()
    assert [[w.final for w in batch] for batch in engine.batches] == [[True]]
    await engine.release()
    assert [(u.final, u.unstable) for u in updates] == [(False, "1100ms")]
    await channel.feed(pcm(("quiet", 400)))
    await settle()
    assert len(engine.batches) == 1
    assert [(u.final, u.stable) for u in updates] == [(False, ""), (True, "1100ms")]


async def test_an_early_decode_is_not_the_final_when_speech_goes_on() -> None:
    engine, updates = GatedEngine(), Updates()
    engine.open = True
    channel = recogniser(engine, updates, partial_interval_s=0.0)
    await channel.feed(pcm(("talk", 900), ("quiet", 800)))
    await settle()
    await channel.feed(pcm(("talk", 900), ("quiet", 460)))
    await channel.finish()
    assert len(engine.batches) == 2
    assert [u.stable for u in updates.finals] == [f"{900 + 800 + 900 + 200}ms"]


async def test_feed_waits_when_too_many_finals_are_out() -> None:
    engine, updates = GatedEngine(max_batch=1), Updates()
    channel = recogniser(engine, updates, max_pending_finals=2, partial_interval_s=0.0)
    feeding = asyncio.create_task(channel.feed(pcm(("talk", 400), ("quiet", 1200)) * 6))
    await settle()
    assert not feeding.done()
    for _ in range(8):
        await engine.release()
    assert feeding.done()
    await channel.finish()
    assert len(updates.finals) == 6


async def test_a_rejected_final_takes_its_partial_down_and_is_silent_otherwise() -> None:
    def verdicts(partial_text: str) -> Any:
        class Rejecting:
            partial_stretch = 1.0

            async def final(self, window: Window, key: str) -> Hypothesis:
                return Hypothesis(text="", language="zh", language_probability=1.0, rejected="no_speech")

            async def partial(self, window: Window, key: str, *, urgent: bool = False) -> Hypothesis | None:
                return Hypothesis(text=partial_text, language="zh", language_probability=1.0)

        return Rejecting()

    for text, expected in (("啊啊", [(False, ""), (True, "")]), ("", [])):
        updates = Updates()
        channel = ChannelRecogniser(
            channel="caller", sample_rate=8000, language="zh", scheduler=verdicts(text), vad=LoudIsSpeech(),
            config=StreamConfig(partial_interval_s=1.0), emit=updates,
        )  # fmt: skip
        await channel.feed(pcm(("talk", 1500)))
        await settle()
        await channel.feed(pcm(("quiet", 1200)))
        await channel.finish()
        assert [(u.final, u.stable) for u in updates] == expected


async def test_word_times_are_call_time() -> None:
    class Wordy(GatedEngine):
        async def decode(self, windows: Sequence[Window]) -> list[Hypothesis]:
            word = Word(text="好", start_ms=350, end_ms=600, probability=0.9)
            return [Hypothesis(text="好", language="zh", language_probability=1.0, words=(word,)) for _ in windows]

    updates = Updates()
    channel = recogniser(Wordy(), updates)
    await channel.feed(pcm(("quiet", 2000), ("talk", 500), ("quiet", 600)))
    await settle()
    await channel.feed(pcm(("quiet", 800)))
    await channel.finish()
    assert len(updates) == 2
    assert all(update.hypothesis is not None and not update.hypothesis.words for update in updates if not update.final)
    assert updates.finals[0].hypothesis is not None
    (word,) = updates.finals[0].hypothesis.words
    assert (word.start_ms, word.end_ms) == (1700 + 350, 1700 + 600)


async def test_a_segment_that_cannot_be_decoded_is_reported_once_and_the_rest_goes_on() -> None:
    engine, updates = GatedEngine(), Updates()
    engine.open = True
    engine.failing = lambda windows: any(w.duration_ms < 2000 for w in windows)
    channel = recogniser(engine, updates, partial_interval_s=0.0)
    audio = pcm(("talk", 900), ("quiet", 1200), ("talk", 2600), ("quiet", 1200))
    reports = []
    for step in (channel.feed(audio), settle(), channel.feed(b""), channel.feed(audio), settle(), channel.finish()):
        try:
            await step
        except EngineFailed as error:
            reports.append(error)
    await channel.finish()
    assert len(reports) == 2
    assert [update.start_ms for update in updates.finals] == [2100, 5900 + 2100]


async def test_an_error_of_the_receiver_is_not_swallowed() -> None:
    async def broken(update: TranscriptUpdate) -> None:
        raise RuntimeError("the receiver is gone")

    engine = GatedEngine()
    engine.open = True
    channel = recogniser(engine, broken)
    await channel.feed(pcm(("talk", 900), ("quiet", 1200)))
    with pytest.raises(RuntimeError, match="receiver"):
        await channel.finish()


async def test_abort_stops_a_chunk_in_the_middle() -> None:
    engine, updates = GatedEngine(), Updates()
    engine.open = True
    channel = recogniser(engine, updates)
    feeding = asyncio.create_task(channel.feed(CALL))
    await asyncio.sleep(0)
    await channel.abort()
    await feeding
    await settle()
    assert list(updates) == []
    assert channel.lag_ms == 0


async def test_abort_stops_everything() -> None:
    engine, updates = GatedEngine(), Updates()
    channel = recogniser(engine, updates)
    await channel.feed(pcm(("talk", 900), ("quiet", 1200)))
    await settle()
    await channel.abort()
    await engine.release()
    assert list(updates) == []
    with pytest.raises(ValueError, match="finished"):
        await channel.feed(b"")


def test_only_telephone_and_engine_rates() -> None:
    with pytest.raises(BadAudio, match="44100"):
        ChannelRecogniser(
            channel="caller", sample_rate=44100, language="zh", scheduler=DecodeScheduler(GatedEngine(), StillClock()),
            vad=LoudIsSpeech(), config=StreamConfig(), emit=Updates(),
        )  # fmt: skip


def test_every_setting_gives_a_config_that_works() -> None:
    for end_silence_ms in (200, 560, 5000):
        for max_segment_s in (2.0, 28.0):
            settings_ = SpeechSettings(end_silence_ms=end_silence_ms, max_segment_s=max_segment_s)
            assert StreamConfig.from_settings(settings_).endpointing.end_silence_ms == end_silence_ms
