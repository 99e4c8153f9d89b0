"""What a language model writes is shown only as far as the segments that it names bear it out."""

import json
from pathlib import Path

import pytest

from callcue.core.errors import BadInput
from tagger.summary_check import check
from tagger.summary_prompt import SHIPPED, Line, PromptTemplate

SEGMENTS = {
    1: "我的耳机左边没声音，订单号是[号码]",
    2: "已经给您登记，主管王磊两个小时内给您回电，退您1299元",
    3: "好的",
}
ENGLISH = {1: "My laptop won't charge", 2: "I'll email Dana Reed a prepaid label within two days for $20"}


def answer(text: str, *numbers: int, part: str = "promised") -> str:
    return json.dumps({part: [{"text": text, "segments": list(numbers)}]}, ensure_ascii=False)


@pytest.mark.parametrize(
    "text", ["主管王磊两小时内回电", "主管2个小时内给您回电，退1299元", "给您登记，王磊回电", "退您一千二百九十九元"]
)
def test_what_was_said_holds(text: str) -> None:
    found = check(answer(text, 2), SEGMENTS, ["promised"], "zh")
    assert found is not None
    assert [one.text for one in found.sentences] == [text]
    assert found.dropped == {}


@pytest.mark.parametrize(
    ("text", "numbers", "why"),
    [
        ("主管两个小时内给您回电", (), "no_segments"),
        ("主管两个小时内给您回电", (9,), "unknown_segment"),
        ("主管三个小时内给您回电", (2,), "number"),
        ("主管两个小时内给您回电，退您1300元", (2,), "number"),
        ("主管两个小时内给您回电", (3,), "number"),
        ("主管张伟明两个小时内给您回电", (2,), "name"),
        ("两个小时内给您回电，转Apple处理", (2,), "name"),
        ("主管会回电到[地址]", (2,), "name"),
        ("客户非常生气并且威胁要起诉公司", (2,), "words"),
        ("给您回电" * 40, (2,), "too_long"),
    ],
)
def test_what_was_not_said_is_dropped_and_counted(text: str, numbers: tuple[int, ...], why: str) -> None:
    found = check(answer(text, *numbers), SEGMENTS, ["promised"], "zh")
    assert found is not None
    assert found.sentences == ()
    assert found.dropped == {why: 1}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("The agent will email a prepaid label within two days.", ""),
        ("The agent will email a label within 2 days to Dana Reed.", ""),
        ("The agent will email a prepaid label within three days.", "number"),
        ("The agent will email Peter a prepaid label.", "name"),
        ("A technician visits the customer at home.", "words"),
    ],
)
def test_english(text: str, why: str) -> None:
    found = check(answer(text, 2), ENGLISH, ["promised"], "en")
    assert found is not None
    assert dict(found.dropped) == ({why: 1} if why else {})


def test_words_around_the_object_do_not_matter_and_strange_forms_do() -> None:
    fenced = f"Here you are:\n```json\n{answer('主管给您回电', 2)}\n```"
    found = check(fenced, SEGMENTS, ["promised"], "zh")
    assert found is not None
    assert len(found.sentences) == 1
    for text in ("", "no json", "{", "[1, 2]", "{'a': 1}"):
        assert check(text, SEGMENTS, ["promised"], "zh") is None
    odd = json.dumps(
        {"promised": ["text", {"text": 1}, {"text": "回电", "segments": "2"}, {"text": " ", "segments": [2]}]}
    )
    found = check(odd, SEGMENTS, ["promised"], "zh")
    assert found is not None
    assert found.dropped == {"form": 4}


@pytest.mark.parametrize(
    "more", ["<b>两小时</b>", "，看https://a.cn", "，发到a@b.cn", "{1}", "[点](x)", "，去evil.com看", "`rm`", "\\x"]
)
def test_a_link_or_markup_is_no_summary(more: str) -> None:
    segments = SEGMENTS | {4: f"主管两个小时内给您回电{more}"}
    found = check(answer(f"主管两个小时内给您回电{more}", 4), segments, ["promised"], "zh")
    assert found is not None
    assert (found.sentences, found.dropped) == ((), {"markup": 1}), "not even where a segment holds it"


def test_what_cannot_be_shown_is_left_out() -> None:
    found = check(answer("主管\x1b[31m两个\u202e小时\x00内\ud800给您\u2028回电", 2), SEGMENTS, ["promised"], "zh")
    assert found is not None
    assert all(one.text.isprintable() for one in found.sentences)
    odd = check(answer("\x00\u200b", 2), SEGMENTS, ["promised"], "zh")
    assert odd is not None
    assert odd.dropped == {"form": 1}


def test_a_part_that_was_not_asked_for_is_not_read() -> None:
    found = check(answer("主管给您回电", 2, part="mood"), SEGMENTS, ["promised"], "zh")
    assert found is not None
    assert found.sentences == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("$transcript", r"lacks \$parts"),
        ("$parts", r"lacks \$transcript"),
        ("$transcript $parts $customer", r"\$customer"),
        ("$transcript $parts 5$", "begins no name"),
        ("$transcript $parts" + "x" * 20_001, "longer"),
    ],
)
def test_a_template_that_cannot_work_is_refused(text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        PromptTemplate(text, "mine.txt")


def test_a_template_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.txt"):
        PromptTemplate.read(tmp_path / "none.txt")


def test_the_shipped_template_shows_the_segments_with_their_numbers() -> None:
    lines = [Line(number=n, channel="caller" if n == 1 else "agent", text=t) for n, t in SEGMENTS.items()]
    template = PromptTemplate(SHIPPED.read_text("utf-8"), "shipped")
    prompt = template.filled(lines, parts=["wanted", "next"], language="zh", moment="end", characters=200)
    assert "[1] 客户: 我的耳机左边没声音，订单号是[号码]\n[2] 坐席: " in prompt
    assert '- "wanted":' in prompt
    assert '- "tried":' not in prompt
