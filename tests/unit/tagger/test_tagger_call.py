"""A call: only news is reported, with evidence; thresholds, corrections and end-of-call values."""

from datetime import datetime
from pathlib import Path

import pytest

from callcue.core.records import ISSUE_TYPES, SENTIMENTS, TagSuggestion
from callcue.core.speech import Channel, Utterance
from tagger.call import CallTagger
from tagger.rules import RuleSet, read_rules
from tests.unit.tagger.fakes import KeywordModel

ISSUES = KeywordModel(ISSUE_TYPES, {"连不上": "技术", "发票": "账单", "快递": "物流"}, "其他")
FEELINGS = KeywordModel(SENTIMENTS, {"糟糕": "负面", "满意": "正面"}, "中性")


class Call:
    def __init__(self, threshold: float = 0.6, issue: KeywordModel = ISSUES, rules: RuleSet | None = None) -> None:
        self.tagger = CallTagger(
            issue=issue,
            sentiment=FEELINGS,
            fill_threshold=threshold,
            started_at=datetime.fromisoformat("2026-11-23T10:00+08:00"),
            rules=rules,
        )
        self.said = 0

    def say(self, channel: Channel, text: str) -> list[TagSuggestion]:
        self.said += 1
        start = self.said * 3000
        return self.tagger.observe(
            Utterance(
                call_id="c",
                channel=channel,
                segment_id=f"s{self.said}",
                start_ms=start,
                end_ms=start + 2000,
                raw_text=text,
                text=text,
                language="zh",
                confidence=0.9,
            )
        )


def of(field: str, found: list[TagSuggestion]) -> list[TagSuggestion]:
    return [suggestion for suggestion in found if suggestion.field == field]


def only(field: str, found: list[TagSuggestion]) -> TagSuggestion:
    (suggestion,) = of(field, found)
    return suggestion


@pytest.fixture
def call() -> Call:
    return Call()


def test_a_greeting_says_nothing(call: Call) -> None:
    assert call.say("agent", "您好，请问有什么可以帮您？") == []
    assert call.say("caller", "喂，你好，听得到吗？") == []


def test_a_problem_is_reported_once_with_its_segment(call: Call) -> None:
    issue = only("issue_type", call.say("caller", "我家的网络从早上开始就连不上"))
    assert (issue.value, issue.evidence, issue.fills, issue.source) == ("技术", ("s1",), True, "model")
    assert issue.model == "keywords/1"
    again = call.say("caller", "对，就是网络一直连不上呢")
    assert of("issue_type", again) == []
    assert of("tags", again) == []


def test_a_side_question_does_not_change_the_matter(call: Call) -> None:
    call.say("caller", "家里的网络突然连不上了")
    call.say("caller", "重启以后还是一样连不上")
    for text in ("你们那边周末上班的吧", "我小区在公园旁边住着", "那个活动什么时候结束呀"):
        assert of("issue_type", call.say("caller", text)) == []


def test_below_the_threshold_is_a_suggestion() -> None:
    unsure = Call(threshold=0.99)
    issue = only("issue_type", unsure.say("caller", "家里的网络突然连不上了"))
    assert issue.probability < 0.99
    assert not issue.fills


def test_a_bare_number_answers_the_agents_question(call: Call) -> None:
    assert of("facts.order_no", call.say("caller", "20459911")) == []
    call.say("agent", "请报一下订单号。")
    order = only("facts.order_no", call.say("caller", "20459911"))
    assert (order.value, order.source, order.fills) == ("20459911", "rule", True)


def test_a_number_read_in_two_portions_is_joined(call: Call) -> None:
    call.say("agent", "留个手机号好吗？")
    assert of("facts.phone", call.say("caller", "1370555")) == []
    phone = only("facts.phone", call.say("caller", "1234"))
    assert phone.value == "13705551234"
    assert phone.evidence == ("s2", "s3")


def test_a_corrected_phone_replaces_a_read_back_does_not_repeat(call: Call) -> None:
    assert only("facts.phone", call.say("caller", "手机13705551234")).value == "13705551234"
    assert of("facts.phone", call.say("agent", "13705551234，对吗？")) == []
    assert only("facts.phone", call.say("caller", "不对，是13705551235")).value == "13705551235"


def test_last_digits_do_not_replace_the_whole_number(call: Call) -> None:
    call.say("caller", "手机13705551234")
    assert of("facts.phone", call.say("agent", "发到您尾号1234的手机")) == []


def test_the_disputed_sum_replaces_a_price_and_stays(call: Call) -> None:
    assert only("facts.amount", call.say("caller", "这台是一千二百块")).value == "1200"
    assert only("facts.amount", call.say("caller", "你们多扣了我三百块")).value == "300"
    assert of("facts.amount", call.say("caller", "我还买了五十块的线")) == []


def test_a_plain_call_ends_with_defaults(call: Call) -> None:
    call.say("caller", "快递什么时候能送到我家")
    found = {suggestion.field: suggestion for suggestion in call.tagger.finish()}
    assert found["sentiment"].value == "中性"
    assert found["priority"].value == 3
    assert found["needs_offline_inspection"].value is False
    assert all(found[field].fills for field in ("sentiment", "priority", "needs_offline_inspection"))
    assert "follow_up" not in found


def test_anger_and_a_demand_for_a_superior_are_urgent(call: Call) -> None:
    found = call.say("caller", "太过分了，叫你们经理来！")
    assert only("priority", found).value == 1
    assert only("sentiment", found).value == "负面"
    assert "要求升级" in {tag.value for tag in of("tags", found)}
    assert of("priority", call.tagger.finish()) == []


def test_a_polite_complaint_is_negative_and_routine_thanks_is_not_positive() -> None:
    polite, routine = Call(), Call()
    assert only("sentiment", polite.say("caller", "也不是怪你，就是有点失望")).value == "负面"
    assert of("sentiment", polite.say("caller", "好的，谢谢你")) == []
    assert of("sentiment", polite.tagger.finish()) == []
    routine.say("caller", "快递什么时候能送到")
    routine.say("caller", "好的，谢谢你")
    assert only("sentiment", routine.tagger.finish()).value == "中性"


def test_one_sure_guess_is_not_a_mood_two_are(call: Call) -> None:
    assert of("sentiment", call.say("caller", "这个东西糟糕得很呀")) == []
    assert of("sentiment", call.tagger.finish())[0].value == "中性"
    call.say("caller", "送来的时候也糟糕")
    assert only("sentiment", call.say("caller", "说明书写得糟糕透顶")).value == "负面"


def test_inspection_needs_a_fault(call: Call) -> None:
    call.say("caller", "我想买台电脑，预算五千，有什么推荐？")
    found = call.say("agent", "您可以到店里看看样机")
    assert of("needs_offline_inspection", found) == []
    faulty = Call()
    faulty.say("caller", "洗衣机不脱水了")
    found = faulty.say("agent", "给您安排师傅上门检修")
    assert only("needs_offline_inspection", found).value is True
    assert {"需线下检测", "上门检测"} <= {tag.value for tag in of("tags", found)}


def test_a_lead_has_a_budget_and_a_choice(call: Call) -> None:
    found = call.say("caller", "我想买台电脑，预算五千，有什么推荐？")
    assert {"★高价值线索", "电脑选购"} <= {tag.value for tag in of("tags", found)}
    assert only("lifecycle", found).value == "潜客"
    assert only("priority", found).value == 2
    assert only("facts.amount", found).value == "5000"


def test_a_tag_goes_on_the_record_under_the_name_that_it_has_here(tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text('extends = "shipped"\n[rename]\n"发票" = "开票"\n', encoding="utf-8")
    call = Call(rules=read_rules(own))
    assert [tag.value for tag in of("tags", call.say("caller", "帮我开一张发票"))] == ["开票"]
    assert of("tags", call.say("caller", "帮我开一张发票")) == []


def test_every_finding_has_a_probability_and_evidence(call: Call) -> None:
    found = [
        *call.say("caller", "我都打第三次电话了，退款还没到，一千二百块"),
        *call.say("agent", "两个小时内给您回电。"),
        *call.tagger.finish(),
    ]
    for suggestion in found:
        if suggestion.source == "default":  # says of itself that nothing was found
            assert (suggestion.probability, suggestion.evidence) == (0.0, ())
            continue
        assert 0.0 < suggestion.probability < 1.0
        if suggestion.field not in ("needs_offline_inspection",):
            assert suggestion.evidence
            assert set(suggestion.evidence) <= {"s1", "s2"}


def test_finishing_twice_adds_nothing(call: Call) -> None:
    call.say("caller", "家里的网络突然连不上了")
    assert call.tagger.finish()
    assert call.tagger.finish() == []


@pytest.mark.parametrize(
    "text", ["想给" * 5000, "1" * 9000, "一百万" * 3000, "上上个月" * 2500, "a " * 5000, "", "。", "\ud800"]
)
def test_any_text_is_survived(call: Call, text: str) -> None:
    for channel in ("caller", "agent"):
        call.say(channel, text)  # type: ignore[arg-type]
    assert {found.field for found in call.tagger.finish()} >= {"priority", "needs_offline_inspection"}


def test_an_unclear_opening_is_not_yet_a_matter(call: Call) -> None:
    """The model may call it other; the record waits until more was said or the call is over."""
    assert not [
        s for s in call.say("caller", "那个东西就是这样子的嘛") if s.field == "issue_type" and s.value == "其他"
    ]


def test_anger_before_the_matter_is_not_the_matter(call: Call) -> None:
    call.say("caller", "你们到底还管不管我这个事情了")
    found = [*call.say("caller", "我家的网络还是连不上"), *call.tagger.finish()]
    assert [one.value for one in of("issue_type", found) if one.fills] == ["技术"]


def test_what_the_customer_cares_for_is_a_field_of_its_own_too(call: Call) -> None:
    found = call.say("caller", "这也太贵了吧")
    assert only("demand_tags", found).value == only("tags", found).value == "价格敏感"
    again = call.say("caller", "能不能再便宜一点，着急要用，最快多久能到")
    assert not [one for one in again if one.value == "价格敏感"]
    assert not of("demand_tags", call.say("caller", "我要开发票"))
