"""How speakers feel: words decide, a voice strengthens, the own past is the measure, and a call has a course."""

from collections.abc import Sequence

import pytest

from callcue.core.ports import Prediction
from callcue.core.speech import Channel, Utterance, VoiceCues
from tagger.arousal import LEAST_BEFORE, VoiceBaseline
from tagger.feelings import Feelings, course_of, fuse, summarise

CALM = VoiceCues(voiced_ms=2000, loudness_dbfs=-24.0, pitch_hz=180.0, rate=4.5)
LOUD = VoiceCues(voiced_ms=2000, loudness_dbfs=-18.0, pitch_hz=214.0, rate=6.1)
TORN = {"正面": 0.04, "中性": 0.52, "负面": 0.44}
NEUTRAL = {"正面": 0.10, "中性": 0.80, "负面": 0.10}


def prediction(positive: float, negative: float) -> Prediction:
    distribution = {"正面": positive, "中性": 1 - positive - negative, "负面": negative}
    label = max(distribution, key=lambda name: distribution[name])
    return Prediction(label=label, probability=distribution[label], distribution=distribution)


def said(number: int, channel: Channel = "caller", voice: VoiceCues | None = None) -> Utterance:
    text = "这台机器又送错地方"
    return Utterance(
        call_id="c",
        channel=channel,
        segment_id=f"s{number}",
        start_ms=number * 5000,
        end_ms=number * 5000 + 3000,
        raw_text=text,
        text=text,
        language="zh",
        confidence=0.9,
        voice=voice,
    )


def test_a_voice_decides_what_the_words_leave_open_and_nothing_else() -> None:
    assert max(TORN, key=lambda label: TORN[label]) == "中性"
    torn, neutral = fuse(TORN, {}, 1.0), fuse(NEUTRAL, {}, 5.0)
    assert max(torn, key=lambda label: torn[label]) == "负面"
    assert neutral == fuse(NEUTRAL, {}, None), "shouted or not, what is neutral by its words stays so"
    assert sum(torn.values()) == pytest.approx(1.0)


def test_no_voice_turns_words_that_are_neutral_for_two_thirds() -> None:
    for negative in (0.0, 0.1, 0.2, 0.3, 0.33):
        held = fuse({"正面": 0.0, "中性": 1 - negative, "负面": negative}, {}, 100.0)
        assert max(held, key=lambda label: held[label]) == "中性"


def test_a_calm_voice_makes_no_complaint_smaller() -> None:
    words = {"正面": 0.02, "中性": 0.30, "负面": 0.68}
    assert fuse(words, {}, -1.0) == fuse(words, {}, None)


def test_an_excited_voice_makes_joy_clearer_too() -> None:
    words = {"正面": 0.48, "中性": 0.50, "负面": 0.02}
    held = fuse(words, {}, 1.0)
    assert max(held, key=lambda label: held[label]) == "正面"


def test_plain_words_found_by_rules_count() -> None:
    assert fuse(NEUTRAL, {"负面": 1.15}, None)["负面"] > 2 * NEUTRAL["负面"]


def test_a_voice_is_measured_by_the_speakers_own_past() -> None:
    baseline = VoiceBaseline()
    assert [baseline.arousal("caller", CALM) for _ in range(LEAST_BEFORE)] == [None] * LEAST_BEFORE
    assert baseline.arousal("caller", CALM) == pytest.approx(0.0)
    assert baseline.arousal("caller", LOUD) == pytest.approx(1.0, abs=0.05)
    assert baseline.arousal("agent", LOUD) is None, "of the agent nothing is known yet"


@pytest.mark.parametrize("cues", [None, VoiceCues(voiced_ms=300, loudness_dbfs=0.0), VoiceCues(voiced_ms=3000)])
def test_too_little_voice_says_nothing(cues: VoiceCues | None) -> None:
    baseline = VoiceBaseline()
    for _ in range(5):
        baseline.arousal("caller", CALM)
    assert baseline.arousal("caller", cues) is None


def call(*scores: tuple[float, float], channel: Channel = "caller") -> Feelings:
    feelings = Feelings()
    for number, (positive, negative) in enumerate(scores):
        assert feelings.hear(said(number, channel), prediction(positive, negative), {}) is not None
    return feelings


BAD, FLAT, GOOD = (0.02, 0.9), (0.05, 0.05), (0.9, 0.02)


@pytest.mark.parametrize(
    ("scores", "course"),
    [
        ((BAD, BAD, FLAT, FLAT, GOOD, GOOD), "rose"),
        ((FLAT, FLAT, FLAT, BAD, BAD, BAD), "fell"),
        ((BAD, BAD, BAD, BAD), "steady"),
        ((BAD, BAD, FLAT, BAD, FLAT, FLAT), "rose"),
        ((BAD, GOOD), "unknown"),
    ],
)
def test_a_call_has_a_course(scores: Sequence[tuple[float, float]], course: str) -> None:
    (speaker,) = call(*scores).summary()
    assert speaker.course == course
    assert speaker.utterances == len(scores)
    assert speaker.negative == sum(one == BAD for one in scores)


def test_each_speaker_has_an_own_trend() -> None:
    feelings = Feelings()
    feelings.hear(said(1, "agent"), prediction(0.9, 0.0), {})
    low = feelings.hear(said(2), prediction(0.0, 0.9), {})
    lower = feelings.hear(said(3), prediction(0.0, 0.9), {})
    assert low is not None
    assert lower is not None
    assert 0 > low.trend > lower.trend >= -1
    assert [speaker.channel for speaker in feelings.summary()] == ["agent", "caller"]


def test_small_talk_has_no_feeling() -> None:
    feelings = Feelings()
    heard = said(1)
    for text in ("嗯", "喂，你好", "谢谢，再见"):
        hello = Utterance(**{**{name: getattr(heard, name) for name in heard.__dataclass_fields__}, "text": text})
        assert feelings.hear(hello, prediction(0.9, 0.0), {}) is None
    assert feelings.summary() == ()
    assert summarise([]) == ()


def test_what_a_change_is_called() -> None:
    assert [course_of(0.0, change) for change in (-0.5, -0.1, 0.1, 0.5)] == ["fell", "steady", "steady", "rose"]
