"""When a supervisor is told: words that are meant, a mood that stays low, a raised voice; each once, with evidence."""

from pathlib import Path

import pytest

from callcue.core.errors import ModelError
from callcue.core.feelings import Escalation, Feeling
from callcue.core.speech import Utterance
from tagger.alerts import EscalationWatch, read_alerts, shipped_alerts

RULES = shipped_alerts()


class Caller:
    """Speaks to a watch; ``negative`` is what the classifier says."""

    def __init__(self) -> None:
        self.watch = EscalationWatch(RULES)
        self.said = 0
        self.trend = 0.0

    def say(
        self, text: str, negative: float, arousal: float | None = None, gap_ms: int = 5000, *, plain: bool = False
    ) -> list[Escalation]:
        self.said += 1
        self.trend += 0.35 * (-negative - self.trend)
        at = self.said * gap_ms
        u = Utterance(
            call_id="c",
            channel="caller",
            segment_id=f"s{self.said}",
            start_ms=at,
            end_ms=at + 2000,
            raw_text=text,
            text=text,
            language="zh",
            confidence=0.9,
        )
        label = "负面" if negative > 0.5 else "中性"
        feeling = Feeling(
            channel="caller",
            segment_id=u.segment_id,
            label=label,
            probability=0.8,
            score=-negative,
            arousal=arousal,
            trend=self.trend,
        )
        return self.watch.hear(u, feeling, negative, plain=plain)


@pytest.fixture
def caller() -> Caller:
    return Caller()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("再这样我就打12315", "outside_complaint"),
        ("你们等着，我找记者曝光", "outside_complaint"),
        ("我要投诉你", "complaint"),
        ("把你们主管叫来听电话", "wants_superior"),
        ("算了，我要销户", "cancelling"),
        ("这都第四次打电话了", "repeat_contact"),
        ("同一件事我反映过好多遍", "repeat_contact"),
        ("I want to speak to your manager", "wants_superior"),
    ],
)
def test_words_that_are_meant(caller: Caller, text: str, kind: str) -> None:
    (found,) = caller.say(text, 0.9)
    assert found.kind == kind
    assert found.evidence == ("s1",)
    assert "“" in found.reason, "the supervisor sees the words"


@pytest.mark.parametrize(
    "text",
    [
        "请问投诉电话是多少",
        "我不是要投诉，就是问问",
        "我们领导让我来问价格",
        "曝光补偿怎么调",
        "怎么注销账户，需要什么材料",
        "这是第三次在你们家买了",
        "律师费可以分期吗",
    ],
)
def test_words_that_only_look_so(caller: Caller, text: str) -> None:
    assert caller.say(text, 0.9) == []


def test_the_same_words_without_ill_feeling_are_none(caller: Caller) -> None:
    assert caller.say("把你们主管叫来听电话", 0.05) == []
    assert caller.say("我要销户", 0.3) == []


def test_each_cause_is_told_once(caller: Caller) -> None:
    assert len(caller.say("我要投诉你", 0.9)) == 1
    assert caller.say("我一定投诉你", 0.9) == []


def test_what_comes_on_top_of_two_is_critical(caller: Caller) -> None:
    first, second = caller.say("我要投诉你", 0.6), caller.say("叫你们经理来", 0.6)
    third = caller.say("马上给我销户", 0.6)
    assert [one.severity for one in (*first, *second, *third)] == ["warning", "warning", "critical"]


def test_a_mood_that_stays_low_is_told_once_and_again_after_it_recovered(caller: Caller) -> None:
    told = [found for _ in range(8) for found in caller.say("东西还是没有", 0.95, plain=True)]
    assert [one.kind for one in told] == ["mood_fell"]
    assert len(told[0].evidence) >= RULES.mood.least_negative
    for _ in range(8):
        assert caller.say("这样就可以了", 0.0) == []
    again = [found for _ in range(8) for found in caller.say("怎么还是没有", 0.95, gap_ms=20_000, plain=True)]
    assert [one.kind for one in again] == ["mood_fell"]


def test_a_mood_that_hovers_does_not_ring_again(caller: Caller) -> None:
    told = [
        found
        for n in range(40)
        for found in caller.say("东西还是没有", 0.9 if n % 4 else 0.2, gap_ms=30_000, plain=True)
    ]
    assert [one.kind for one in told] == ["mood_fell"]


def test_guesses_of_the_classifier_alone_are_no_mood(caller: Caller) -> None:
    assert [caller.say("水库的堤坝垮了一段", 0.95) for _ in range(10)] == [[]] * 10
    (found,) = caller.say("太气人了", 0.95, plain=True)
    assert found.kind == "mood_fell"


def test_a_raised_voice_needs_words_of_complaint(caller: Caller) -> None:
    assert [caller.say("你说什么我听不清", 0.1, arousal=1.5) for _ in range(4)] == [[]] * 4
    assert caller.say("你们一直拖着", 0.6, arousal=1.2) == []
    (found,) = caller.say("到现在没人管", 0.6, arousal=1.2)
    assert found.kind == "raised_voice"
    assert found.evidence == ("s5", "s6")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('severity = "critical"', 'severity = "loud"', "severity"),
        ("needs = 0.3", "needs = 3", "needs"),
        ("[mood]", "[moods]", "mood"),
        ("rearm_ms", "rearm_min", "rearm_min"),
        ("'消协|", "'消协(|", "cannot be used"),
        ("[[cause]]", "[[cause", "cannot be used"),
    ],
)
def test_a_bad_file_is_refused_with_what_is_wrong(tmp_path: Path, old: str, new: str, says: str) -> None:
    text = (Path(__file__).parents[3] / "tagger/data/alerts.toml").read_text(encoding="utf-8")
    file = tmp_path / "alerts.toml"
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ModelError, match=says):
        read_alerts(file)
