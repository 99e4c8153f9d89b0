"""The long call: where its utterances lie, and what its figures count."""

import itertools

import pytest

from asr.streaming import TranscriptUpdate
from callcue.core.speech import Channel, Hypothesis, Word
from eval.soak_call import CallAudio, Placed, place
from eval.soak_score import Timed, repeated, score, units
from eval.spoken import RATE, Spoken, demo_spoken


def spoken(text: str, ms: int, fill: int) -> Spoken:
    return Spoken(pcm=fill.to_bytes(2, "little") * (RATE * ms // 1000), text=text, language="zh")


def final(start_ms: int, text: str, *, number: int = 1, each_ms: int = 200) -> TranscriptUpdate:
    words = tuple(
        Word(text=char, start_ms=start_ms + n * each_ms, end_ms=start_ms + (n + 1) * each_ms, probability=1.0)
        for n, char in enumerate(text)
    )
    return TranscriptUpdate(
        final=True, channel="caller", segment_id=f"caller-{number}", revision=1, start_ms=start_ms,
        end_ms=start_ms + each_ms * len(text), stable=text, unstable="",
        hypothesis=Hypothesis(text=text, language="zh", language_probability=1.0, words=words),
    )  # fmt: skip


def test_turns_fill_the_call_without_meeting() -> None:
    pool = [spoken("一", 1000, 1), spoken("二", 3000, 2), spoken("三", 7000, 3)]
    placed = place(pool, 10)
    assert placed == place(pool, 10)
    assert {item.channel for item in placed} == {"caller", "agent"}
    assert 540_000 < placed[-1].end_ms <= 600_000
    for before, after in itertools.pairwise(placed):
        assert after.start_ms - before.end_ms >= (1_400 if after.channel == before.channel else 240)
    assert place(pool, 0.01) == []
    assert place([], 10) == []


def test_the_audio_holds_each_utterance_at_its_place_whatever_the_pieces() -> None:
    placed = [
        Placed(spoken=spoken("一", 250, 0x1111), channel="caller", start_ms=130),
        Placed(spoken=spoken("二", 400, 0x2222), channel="agent", start_ms=420),
        Placed(spoken=spoken("三", 100, 0x3333), channel="caller", start_ms=900),
    ]
    channels: tuple[Channel, ...] = ("caller", "agent")
    for step in (100, 70, 1000):
        audio = CallAudio(placed)
        heard: dict[Channel, bytes] = dict.fromkeys(channels, b"")
        for at in range(0, 1_100, step):
            for channel in channels:
                heard[channel] += audio.piece(channel, at, min(step, 1_100 - at))
        for item in placed:
            at = item.start_ms * 16
            assert heard[item.channel][at : at + len(item.spoken.pcm)] == item.spoken.pcm
            assert heard[item.channel][at - 2 : at] != item.spoken.pcm[:2]
        assert {len(pcm) for pcm in heard.values()} == {1_100 * 16}


ITEM = Placed(spoken=spoken("您好再见", 1000, 1), channel="caller", start_ms=50_000)
WANTED = tuple(Timed(text=char, start_ms=100.0 + 200 * n) for n, char in enumerate("您好再见"))


@pytest.mark.parametrize("late_ms", [0, 40, -30])
def test_word_times_are_compared_with_the_offline_decode_at_its_place(late_ms: int) -> None:
    found = score(ITEM, WANTED, [final(50_100 + late_ms, "您好再见"), final(60_000, "您好再见", number=2)])
    assert found.errors_ms == (late_ms,) * 4
    assert (found.lost, found.text.errors) == (False, 0)


def test_words_that_only_one_of_them_heard_have_no_time() -> None:
    found = score(ITEM, WANTED, [final(50_100, "您不再见")])
    assert len(found.errors_ms) == 3
    assert found.text.errors == 1


def test_an_utterance_without_text_is_lost_unless_nobody_hears_any() -> None:
    elsewhere = [final(80_000, "您好再见")]
    assert score(ITEM, WANTED, elsewhere).lost
    assert not score(ITEM, (), elsewhere).lost


def test_speech_that_came_twice_is_counted() -> None:
    once = [final(1000, "您好再见"), final(2000, "您好", number=2)]
    assert repeated(once) == 0
    assert repeated([*once, final(1100, "您好再见", number=3)]) == 1
    assert repeated([*once, final(9000, "您好", number=2)]) == 1


def test_a_token_of_several_characters_tells_the_time_of_its_first() -> None:
    assert units(" 您好，", 120.0) == (Timed(text="您", start_ms=120.0),)
    assert units(" Don't!", 5.0) == (Timed(text="don't", start_ms=5.0),)
    assert units("，", 0.0) == ()


def test_the_demo_call_gives_utterances() -> None:
    found = demo_spoken(1500, 6000)
    assert len(found) >= 8
    assert all(1500 <= item.duration_ms <= 6000 and item.text and item.language == "zh" for item in found)
