"""Summaries in a call's own words: nothing that was not said, and the right things in the right places."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcue.core.ports import TextRole, Vectors
from callcue.core.speech import Channel, Language, Utterance
from callcue.core.summaries import Part, Summary, SummaryPart, written_out
from callcue.testing import HashEmbedder
from models.memo import MemoEmbedder
from tagger.summary import Known, TriedStep, summarise
from tagger.summary_select import Hints
from tagger.summary_text import sentences

MONDAY = datetime.fromisoformat("2026-11-23T10:00+08:00")
ROUTER: tuple[tuple[Channel, str], ...] = (
    ("agent", "您好，请问有什么可以帮您？"),
    ("caller", "呃，你好，我家宽带一到晚上就断，一断就是十来分钟。"),
    ("caller", "路由器我重启过好多次了，没用。"),
    ("agent", "我看到后台显示，您家线路的光衰确实偏高。"),
    ("agent", "我给您补一张十元的券好吗？"),
    ("caller", "不用了。"),
    ("agent", "明天之前我们的主管给您回电话。"),
    ("agent", "您把光猫的盒子准备好，师傅要看型号。"),
    ("caller", "那断网这几天的钱能不能退？"),
)


def heard(lines: Sequence[tuple[Channel, str]], language: Language = "zh") -> list[Utterance]:
    return [
        Utterance(
            call_id="c1",
            channel=channel,
            segment_id=f"s{number}",
            start_ms=number * 4000,
            end_ms=number * 4000 + 3000,
            raw_text=text,
            text=text,
            language=language,
            confidence=1.0,
        )
        for number, (channel, text) in enumerate(lines)
    ]


def part(found: Summary, name: Part) -> SummaryPart:
    return next(one for one in found.parts if one.part == name)


def segments(found: Summary, name: Part) -> list[str]:
    return [sentence.segments[0] for sentence in part(found, name).sentences]


def only_said(lines: Sequence[Utterance], found: Summary) -> bool:
    """Every sentence is put together from its quotes, in their order, out of one segment that is there."""
    texts = {u.segment_id: u.text for u in lines}
    for sentence in (sentence for one in found.parts for sentence in one.sentences):
        places = [(q.segment_id, q.start, q.end) for q in sentence.quotes]
        quoted = sentence.text == "".join(texts[segment][start:end] for segment, start, end in places)
        ordered = places == sorted(places) and all(start < end for _, start, end in places)
        if not (quoted and ordered and {q.segment_id for q in sentence.quotes} == {sentence.segments[0]}):
            return False
    return True


def test_each_part_points_to_what_says_it() -> None:
    lines = heard(ROUTER)
    found = summarise(lines, moment="transfer", started_at=MONDAY)
    assert segments(found, "wanted") == ["s1", "s8"]
    assert segments(found, "done") == ["s3"]
    assert segments(found, "promised") == ["s6"]
    assert segments(found, "next") == ["s7"]
    assert segments(found, "tried") == ["s2"]
    assert segments(found, "open") == ["s8"], "nobody has answered the last question"
    assert only_said(lines, found)


def test_a_promise_says_who_gave_it_and_until_when() -> None:
    (promise,) = part(summarise(heard(ROUTER), moment="end", started_at=MONDAY), "promised").sentences
    assert (promise.by, promise.due, promise.due_words) == ("agent", "2026-11-24", "明天之前")


def test_an_offer_that_was_turned_down_is_no_promise() -> None:
    lines: list[tuple[Channel, str]] = [
        ("caller", "你们送错东西了，我要退钱。"),
        ("agent", "我三天内给您补寄一份。"),
        ("caller", "不用了，我就要退钱。"),
    ]
    refused = summarise(heard(lines), moment="end", started_at=MONDAY)
    assert part(refused, "promised").sentences == ()
    lines[2] = ("caller", "好的。")
    taken = summarise(heard(lines), moment="end", started_at=MONDAY)
    assert segments(taken, "promised") == ["s1"]


def test_a_part_of_which_nothing_was_said_says_so() -> None:
    found = summarise(heard([("caller", "我的电视坏了。")]), moment="end", started_at=MONDAY)
    assert part(found, "wanted").missing == ""
    assert [part(found, name).missing for name in ("done", "promised", "next")] == ["not_said"] * 3
    assert "承诺：未提及" in written_out(found.parts, "zh")
    nothing = summarise([], moment="end", started_at=MONDAY)
    assert {one.missing for one in nothing.parts} == {"not_said"}


def test_what_comes_next_is_what_was_promised_where_nothing_else_was_arranged() -> None:
    lines: list[tuple[Channel, str]] = [("caller", "我的订单丢了"), ("agent", "我三天内给您补发")]
    assert part(summarise(heard(lines), moment="end", started_at=MONDAY), "next").missing == "as_promised"


def test_fillers_and_false_starts_go_and_numbers_stay() -> None:
    (line,) = heard([("caller", "呃，那个那个我我我想查一下想查一下订单88552233，嗯")])
    (piece,) = sentences(line, 0)
    assert piece.text == "我想查一下订单88552233"
    (english,) = heard([("caller", "Um, I, I want to uh move it to the the thirteenth.")], "en")
    assert sentences(english, 0)[0].text == "I want to move it to the thirteenth."


def test_steps_that_were_ticked_off_come_in_the_words_of_their_card() -> None:
    steps = (TriedStep(text="灯亮吗？ → 不亮", segments=("s2",), card_id="flow"),)
    found = summarise(heard(ROUTER), moment="transfer", started_at=MONDAY, known=Known(steps=steps))
    (only,) = part(found, "tried").sentences
    assert (only.text, only.segments, only.card_id) == ("灯亮吗？ → 不亮", ("s2",), "flow"), "not said twice"


def test_the_mood_is_the_records_and_shows_its_words() -> None:
    known = Known(sentiment="负面", sentiment_shown=("s5", "s1"))
    mood = part(summarise(heard(ROUTER), moment="transfer", started_at=MONDAY, known=known), "mood")
    assert mood.value == "负面"
    assert [sentence.segments for sentence in mood.sentences] == [("s5",)]


def test_a_card_that_was_used_speaks_for_the_sentence_that_brought_it() -> None:
    lines: list[tuple[Channel, str]] = [("caller", f"我想问一下第{word}件事怎么办理") for word in "甲乙丙丁戊己"]
    plain = summarise(heard(lines), moment="end", started_at=MONDAY)
    assert "s5" not in segments(plain, "wanted")
    hints = Hints(cards={"s5": 1.0})
    hinted = summarise(heard(lines), moment="end", started_at=MONDAY, known=Known(hints=hints))
    assert len(segments(hinted, "wanted")) <= 3


_WORDS = st.sampled_from(
    [
        "我我",
        "想退货",
        "呃",
        "，",
        "。",
        "那个那个",
        "88",
        "明天",
        "给您回电",
        "没收到",
        "uh ",
        "I I ",
        "refund",
        "？",
        "嗯",
        " ",
    ]
)
_LINES = st.lists(
    st.tuples(st.sampled_from(["caller", "agent"]), st.lists(_WORDS, max_size=12).map("".join) | st.text(max_size=40)),
    max_size=12,
)


@given(_LINES, st.sampled_from(["zh", "en"]))
def test_whatever_is_said_no_word_is_added(lines: list[tuple[Channel, str]], language: Language) -> None:
    said = heard(lines, language)
    assert only_said(said, summarise(said, moment="transfer", started_at=MONDAY))


@given(st.lists(st.sampled_from(ROUTER), min_size=1, max_size=60))
def test_it_stays_short(lines: list[tuple[Channel, str]]) -> None:
    found = summarise(heard(lines), moment="end", started_at=MONDAY)
    assert len(written_out(found.parts, "zh").splitlines()) == 4
    assert sum(len(sentence.text) for one in found.parts for sentence in one.sentences) <= 200


@pytest.mark.parametrize("moment", ["running", "end"])
def test_only_a_transfer_has_what_a_colleague_needs(moment: str) -> None:
    found = summarise(heard(ROUTER), moment=moment, started_at=MONDAY)  # type: ignore[arg-type]
    assert [one.part for one in found.parts] == ["wanted", "done", "promised", "next"]


def test_the_end_of_a_call_needs_no_vector_that_was_not_made_while_it_ran() -> None:
    class Counting(HashEmbedder):
        asked: list[str]

        def embed(self, texts: Sequence[str], *, role: TextRole) -> Vectors:
            self.asked.extend(texts)
            return super().embed(texts, role=role)

    inner = Counting()
    inner.asked = []
    memo = MemoEmbedder(inner)
    said = heard(ROUTER)
    for utterance in said:
        memo.embed([utterance.text], role="query")
    before = len(inner.asked)
    made = summarise(said, moment="end", started_at=MONDAY, embedder=memo)
    assert inner.asked[before:] == []
    assert made == summarise(said, moment="end", started_at=MONDAY, embedder=HashEmbedder())


def test_words_that_the_recogniser_doubts_are_not_quoted_while_there_are_others() -> None:
    said = heard(
        [("caller", "我的耳机左边没有声音。"), ("caller", "退款要退到东边鱼塘。"), ("agent", "明天给您回电话。")]
    )
    doubted = [replace(u, confidence=0.3) if u.segment_id in ("s1", "s2") else u for u in said]
    found = summarise(doubted, moment="end", started_at=MONDAY)
    wanted, promised = part(found, "wanted"), part(found, "promised")
    assert [(s.text, s.unsure) for s in wanted.sentences] == [("我的耳机左边没有声音", False)]
    assert [s.unsure for s in promised.sentences] == [True], "the only words there are say that they are doubtful"
    assert "[识别不清，坐席，截至 2026-11-24]" in written_out(found.parts, "zh")
