"""The figures of ``eval.summary``: what counts as found, what the baselines pick, and a file that is wrong."""

from pathlib import Path

import pytest

from callcue.core.errors import BadInput
from callcue.testing.embedder import HashEmbedder
from eval.summary import SPEAKER, candidates, measure, pickers, rates
from eval.summary_set import SHIPPED, read_marked

CALL = """## one zh test a note
a - 您好
c W 我的耳机左边没声音了
a D 查到了，还在保修期内
a P@2026-11-24 明天之前给您回电
"""


def test_marks_and_days_are_read(tmp_path: Path) -> None:
    file = tmp_path / "calls.txt"
    file.write_text("# comment\n" + CALL, encoding="utf-8")
    (call,) = read_marked(file)
    assert [u.segment_id for u in call.heard] == ["s1", "s2", "s3", "s4"]
    assert (call.marks["wanted"], call.marks["promised"]) == ({"s2"}, {"s4"})
    assert call.due == {"s4": "2026-11-24"}


@pytest.mark.parametrize(
    ("text", "line"), [("## one zh later x\n", "line 1"), (CALL + "x W text\n", "line 6"), ("c W text\n", "line 1")]
)
def test_a_file_that_is_wrong_names_the_line(tmp_path: Path, text: str, line: str) -> None:
    file = tmp_path / "calls.txt"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=line):
        read_marked(file)


def test_a_call_without_mistakes_scores_one(tmp_path: Path) -> None:
    file = tmp_path / "calls.txt"
    file.write_text(CALL, encoding="utf-8")
    figures = measure(read_marked(file), HashEmbedder())
    for part in ("wanted", "done", "promised"):
        assert figures["methods"]["product"][part] == {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert figures["methods"]["lead"]["promised"]["f1"] == 0.0
    assert figures["deadlines"] == {"marked": 1, "right": 1, "wrong": 0, "not_shown": 0, "unmarked": 0}
    assert figures["not_said"] == 0


def test_baselines_pick_as_many_as_they_are_told() -> None:
    heard = candidates(read_marked(SHIPPED)[0].heard, "agent")
    for pick in pickers(HashEmbedder()).values():
        assert len(set(pick(heard, 2))) == 2
        assert pick(heard, 0) == []


def test_rates() -> None:
    assert rates(1, 2, 4) == {"precision": 0.5, "recall": 0.25, "f1": pytest.approx(1 / 3)}
    assert rates(0, 0, 0) == {"precision": 0.0, "recall": 0.0, "f1": 0.0}


def test_the_set_marks_every_part_and_both_languages() -> None:
    calls = [call for call in read_marked(SHIPPED) if call.set == "test"]
    assert len(calls) >= 12
    assert {call.language for call in calls} == {"zh", "en"}
    for part in SPEAKER:
        assert sum(len(call.marks[part]) for call in calls) >= 5
