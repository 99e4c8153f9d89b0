"""Synthetic calls: the same for the same seed, half silent, and honest about when who speaks."""

import json
import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from callcue.core.errors import BadInput
from callcue.core.speech import Channel
from eval.live_calls import CHANNELS, Clip, LiveCall, Talk, make_call, make_calls, read_clips

RATE = 8000


def clip(seconds: float, text: str, *, margin_ms: int = 100, level: int = 8000) -> Clip:
    samples = np.full(int(seconds * RATE), level, dtype="<i2")
    return Clip(
        pcm=samples.tobytes(),
        rate=RATE,
        speech_start_ms=margin_ms,
        speech_end_ms=int(seconds * 1000) - margin_ms,
        text=text,
        language="zh",
    )


CLIPS = [clip(2.0 + number / 4, f"第{number}句") for number in range(8)]


def call(number: int = 0, seconds: float = 60.0, talk: Talk | None = None) -> LiveCall:
    return make_call(CLIPS, number, seconds=seconds, seed=7, talk=talk or Talk())


def level(made: LiveCall, channel: Channel, start_ms: int, end_ms: int) -> float:
    samples = np.frombuffer(made.tracks[channel], dtype="<i2")[start_ms * RATE // 1000 : end_ms * RATE // 1000]
    return float(np.abs(samples.astype(np.float64)).mean())


def test_a_seed_and_a_number_always_make_the_same_call_and_others_make_others() -> None:
    assert call(3) == call(3)
    assert call(3).spoken != call(4).spoken
    assert make_call(CLIPS, 3, seconds=60, seed=8, talk=Talk()).spoken != call(3).spoken


def test_people_take_turns_with_pauses_and_half_of_each_channel_is_silent() -> None:
    made = call(talk=Talk(interruptions=0.0))
    assert len(made.spoken) > 8
    for before, after in pairwise(made.spoken):
        assert before.channel != after.channel
        # the clips have 100 ms around their speech on either side
        assert 500 + 200 <= after.start_ms - before.end_ms <= 2500 + 200
    for channel in CHANNELS:
        assert sum(one.end_ms - one.start_ms for one in made.of(channel)) <= made.duration_ms / 2


def test_interruptions_overlap_the_other_side_and_never_the_own() -> None:
    made = call(seconds=300, talk=Talk(interruptions=1.0))
    pairs = list(pairwise(made.spoken))
    assert any(after.start_ms < before.end_ms for before, after in pairs)
    for channel in CHANNELS:
        own = made.of(channel)
        assert all(after.start_ms >= before.end_ms for before, after in pairwise(own))


def test_sound_is_where_the_call_says_that_somebody_speaks() -> None:
    made = call(talk=Talk(interruptions=0.0))
    for one in made.spoken:
        other = CHANNELS[1 - CHANNELS.index(one.channel)]
        assert level(made, one.channel, one.start_ms, one.end_ms) > 7000
        assert level(made, other, one.start_ms, one.end_ms) < 20
    assert level(made, "caller", made.duration_ms - 1000, made.duration_ms) < 20, "a call ends with silence"
    assert all(len(track) == 2 * RATE * 60 for track in made.tracks.values())


def test_the_line_is_mu_law() -> None:
    made = make_call([clip(2.0, "一", level=8001)], 0, seconds=20, seed=1, talk=Talk())
    samples = np.frombuffer(made.tracks[made.spoken[0].channel], dtype="<i2")
    middle = (made.spoken[0].start_ms + 500) * RATE // 1000
    assert abs(int(samples[middle])) != 8001
    assert abs(int(samples[middle])) == pytest.approx(8001, rel=0.04)


def test_a_call_that_is_too_short_is_refused() -> None:
    with pytest.raises(BadInput, match="too short"):
        call(seconds=3)


def test_calls_of_a_mixed_set_keep_to_one_language_each() -> None:
    english = [
        Clip(pcm=one.pcm, rate=RATE, speech_start_ms=0, speech_end_ms=2000, text="yes", language="en") for one in CLIPS
    ]
    calls = make_calls([*CLIPS, *english], 4, seconds=30, seed=1)
    assert [made.language for made in calls] == ["en", "zh", "en", "zh"]
    assert all((one.text == "yes") == (made.language == "en") for made in calls for one in made.spoken)


def test_clips_are_cut_to_their_speech_and_single_words_left_out(tmp_path: Path) -> None:
    def write(name: str, speech_s: float) -> None:
        tone = 9000 * np.sin(np.arange(int(16000 * speech_s)) * 2 * np.pi * 440 / 16000)
        samples = np.concatenate([np.zeros(16000), tone, np.zeros(32000)]).astype("<i2")
        with wave.open(str(tmp_path / name), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16000)
            file.writeframes(samples.tobytes())

    write("long.wav", 2.0)
    write("word.wav", 0.3)
    rows = [{"file": name, "transcript": "好", "lang": "zh"} for name in ("long.wav", "word.wav")]
    (tmp_path / "manifest.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    (found,) = read_clips(tmp_path)
    assert found.rate == 8000
    assert found.duration_ms == pytest.approx(2240, abs=45)
    assert found.speech_start_ms == pytest.approx(120, abs=25)
    assert found.speech_end_ms == pytest.approx(2120, abs=45)
    assert read_clips(tmp_path, line="clean")[0].rate == 16000
    (tmp_path / "manifest.jsonl").write_text(json.dumps(rows[1]), encoding="utf-8")
    with pytest.raises(BadInput, match="no utterance between"):
        read_clips(tmp_path)
