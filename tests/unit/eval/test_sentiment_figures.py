"""The sentiment evaluation's own parts: splits that do not leak, errors that stay the same, figures of alerts."""

import json
from pathlib import Path

import pytest

from callcue.core.errors import BadInput
from callcue.core.feelings import Escalation
from callcue.core.ports import Prediction
from eval.alert_calls import AlertCall, own_calls
from eval.alerts import Outcome, score_alerts
from eval.sentiment import reliability
from eval.sentiment_sets import MOST_CHARS, hard, own_sets, public_set, with_errors


def data(tmp_path: Path, texts: list[str]) -> Path:
    (tmp_path / "text").mkdir(exist_ok=True)
    lines = [json.dumps({"text": text, "sentiment": "正面"}, ensure_ascii=False) for text in texts]
    (tmp_path / "text" / "sentiment_hotel.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def test_a_text_is_learnt_or_told_never_both(tmp_path: Path) -> None:
    texts = [f"第{n}间房很好" for n in range(200)]
    one = public_set(data(tmp_path, [*texts, *texts]), "hotel")
    learnt, told = {t.text for t in one.learn}, {t.text for t in one.test}
    assert not learnt & told
    assert len(one.learn) + len(one.test) == 200
    assert 20 < len(told) < 60
    again = public_set(data(tmp_path, texts[100:]), "hotel")
    assert {t.text for t in again.test} <= told, "a row's side does not depend on the others"


def test_reviews_longer_than_an_utterance_are_cut(tmp_path: Path) -> None:
    one = public_set(data(tmp_path, ["好" * 1000, "坏"]), "hotel")
    assert max(len(told.text) for told in (*one.learn, *one.test)) == MOST_CHARS


def test_a_set_without_its_label_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "sentiment_hotel.jsonl").write_text('{"text": "好"}\n', encoding="utf-8")
    with pytest.raises(BadInput, match="line 1"):
        public_set(tmp_path, "hotel")


def test_errors_are_the_same_every_time_and_change_the_text() -> None:
    test = hard()
    assert with_errors(test) == with_errors(test)
    assert sum(a.text != b.text for a, b in zip(test, with_errors(test), strict=True)) > len(test) / 2
    assert [told.label for told in with_errors(test)] == [told.label for told in test]


def test_the_hard_utterances_are_enough_and_trained_on_by_nobody() -> None:
    one = next(one for one in own_sets() if one.name == "hard")
    assert len(one.test) >= 150
    assert len({told.text for told in one.test}) == len(one.test)
    learnt = "\n".join(told.text for told in one.learn)
    assert not [told.text for told in one.test if len(told.text) > 8 and told.text in learnt]


def test_reliability_says_how_often_a_probability_was_right() -> None:
    found = [Prediction(label="正面", probability=p, distribution={}) for p in (0.92, 0.98, 0.55)]
    assert reliability(["正面", "负面", "正面"], found) == [(0.55, 1.0), (pytest.approx(0.95), 0.5)]


def test_alerts_are_counted_by_the_hour_and_missed_calls_named() -> None:
    calls = list(own_calls())
    calm = next(call for call in calls if not call.kinds)
    angry = [call for call in calls if call.kinds][:2]
    wrong = Escalation(kind="complaint", reason="r", evidence=(), severity="warning")

    def outcome(call: AlertCall, kind: str | None) -> Outcome:
        made = Escalation(kind=kind, reason="r", evidence=(), severity="warning") if kind else None
        return Outcome(call=call, alerts=((call.utterances[0], made),) if made else ())

    figures = score_alerts([outcome(calm, wrong.kind), outcome(angry[0], angry[0].kinds[0]), outcome(angry[1], None)])
    assert figures["calm"]["alerts_per_hour"] == pytest.approx(1 / calm.hours)
    assert figures["angry"]["told"] == 0.5
    assert figures["angry"]["missed"] == [angry[1].name]


def test_our_calls_expect_kinds_that_there_are() -> None:
    from tagger.alerts import shipped_alerts

    rules = shipped_alerts()
    known = {*(cause.kind for cause in rules.causes), rules.mood.kind, rules.voice.kind}
    calls = list(own_calls())
    assert sum(bool(call.kinds) for call in calls) >= 10
    assert sum(not call.kinds for call in calls) >= 10
    assert {kind for call in calls for kind in call.kinds} <= known
