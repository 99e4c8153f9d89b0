"""What comes next, by which channel and until when; traces; progress; and the configuration that goes with them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from callcue.core.customer_events import CustomerEvent
from callcue.core.errors import BadInput
from callcue.core.field_values import MAX_ENTRY
from callcue.core.speech import Channel, Utterance
from tagger.action_clauses import Action
from tagger.contact import channel_of, preference_of, ranked
from tagger.next_actions import next_actions
from tagger.progress import done_in_call
from tagger.record_rules import RecordRules, category_path, parse_record_rules
from tagger.shorthand import Handoff, emit, parse
from tagger.traces import traces_of_events, traces_told
from tests.unit.tagger.test_summary import MONDAY, heard

Lines = Sequence[tuple[Channel, str]]


def actions(*lines: tuple[Channel, str]) -> list[Action]:
    said = heard(lines)
    return next_actions(said, MONDAY, preference_of(said))


def written(*lines: tuple[Channel, str]) -> list[str]:
    return [action.written() for action in actions(*lines)]


def test_a_promise_says_who_how_and_until_when() -> None:
    assert written(("agent", "好的，主管明天下午三点给您回电。")) == [
        "坐席→电话回访：主管明天下午三点给您回电（截至 2026-11-24 15:00）"
    ]
    assert written(("caller", "那我明天把发票拍照发邮件给你们。"))[0].startswith("客户→邮件：")


def test_a_sentence_with_two_channels_is_two_actions() -> None:
    found = actions(("agent", "我给您提交一个工单，三天内给您回电话。"))
    assert [(one.channel, one.due) for one in found] == [("线上工单", ""), ("电话回访", "2026-11-26")]


def test_an_offer_counts_by_the_callers_yes() -> None:
    offer: tuple[Channel, str] = ("agent", "师傅后天上午上门可以吗？")
    (agreed,) = actions(offer, ("caller", "可以。"))
    assert (agreed.channel, agreed.due, agreed.segments) == ("上门", "2026-11-25", ("s0", "s1"))
    assert actions(offer, ("caller", "不用了。")) == []
    assert actions(offer) == []


@pytest.mark.parametrize(
    "said",
    [
        "我帮您查一下，请稍等。",
        "请问您怎么称呼？",
        "验证码马上发短信给您，您看一下。",
        "一般三个工作日到账。",
        "感谢您的来电，再见。",
    ],
)
def test_what_is_done_in_the_call_or_is_general_is_no_action(said: str) -> None:
    assert actions(("agent", said)) == []


def test_an_answer_comes_by_the_channel_that_was_asked_for() -> None:
    found = actions(("agent", "明天之前给您答复。"), ("caller", "别打电话，微信联系我。"))
    assert [(one.channel, one.segments) for one in found] == [("微信", ("s0", "s1"))]


def test_the_wish_of_the_customer_goes_before_the_configured_order() -> None:
    wish = preference_of(heard([("caller", "别打电话给我，发短信就行。")]))
    assert (wish.wanted, wish.refused) == (("短信",), ("电话回访",))
    named = ("电话回访", "门店", "短信", "上门")
    assert ranked(named, wish, ("上门", "门店")) == ("短信", "上门", "门店", "电话回访")
    assert preference_of(heard([("caller", "上次你们发短信说到货了。"), ("agent", "微信联系您")])).wanted == ()


def test_how_somebody_is_told_comes_before_where_the_matter_lies() -> None:
    assert channel_of("门店今天下午给您回电") == "电话回访"
    assert channel_of("我把情况转给徐汇店") == "门店"
    assert channel_of("我们会处理的") == ""


def test_an_entry_is_short_and_reads_back_as_shorthand() -> None:
    one = Action(
        who="坐席", what="办" * 90, channel="门店", due="2026-11-24T15:00+08:00", segments=("s1",), probability=0.8
    )
    text = one.written()
    assert len(text) == MAX_ENTRY
    (item,) = parse(text)
    assert isinstance(item, Handoff)
    assert [(step.channel, step.action) for step in item.steps] == [("", "坐席"), ("门店", "")]
    assert emit([item]) == text
    assert "→" not in replace(one, channel="").written()


def event(kind: str, days: float, subject: str = "", source: str = "") -> CustomerEvent:
    at = MONDAY - timedelta(days=days)
    return CustomerEvent(
        event_id=f"{kind}-{days}",
        kind=kind,
        at_ms=int(at.timestamp() * 1000),
        phone="1",
        subject=subject,
        source=source,
    )


def test_events_go_where_they_happened_newest_first_and_old_ones_nowhere() -> None:
    rules = RecordRules()
    events = [
        event("visit", 5, "徐汇店"), event("page_view", 2, "耳机", "小程序"), event("page_view", 1, "耳机", "小程序"),
        event("order", 3, "耳机", "门店POS"), event("order", 4, "壳", "官网"), event("order", 6, "不知哪里买的"),
        event("visit", 31, "旧店"),
        event("order", 7, "两头说", "线下小程序"),
    ]  # fmt: skip
    found = traces_of_events(events, until=MONDAY, days=30, offline=rules.offline, online=rules.online)
    assert [one.text for one in found["offline_trace"]] == [
        "2026-11-20 下单：耳机（门店POS）",
        "2026-11-18 到店：徐汇店",
    ]
    assert [one.text for one in found["online_history"]] == [
        "2026-11-22 浏览：耳机 ×2（小程序）",
        "2026-11-19 下单：壳（官网）",
    ]
    assert found["online_history"][0].evidence == ("event:page_view-1", "event:page_view-2")


def test_what_the_caller_did_is_told_in_the_callers_words() -> None:
    found = traces_told(heard([("caller", "我上周六去徐汇店试过那个音箱，然后昨天在官网下单了。")]))
    assert [one.text for one in found["offline_trace"]] == ["客户称：我上周六去徐汇店试过那个音箱"]
    assert [one.text for one in found["online_history"]] == ["客户称：昨天在官网下单了"]


@pytest.mark.parametrize(
    "said",
    [
        "能去店里看看吗？",
        "我同事去店里买过。",
        "我周六去徐汇店看看。",
        "小程序上怎么下单的？",
        "我没去过你们店。",
        "如果去店里买了能退吗",
    ],
)
def test_plans_questions_and_others_are_no_traces(said: str) -> None:
    found = traces_told(heard([("caller", said)]))
    assert not found["offline_trace"]
    assert not found["online_history"]


def done(*lines: tuple[Channel, str]) -> str | None:
    said: list[Utterance] = heard(lines)
    found = done_in_call(said, actions(*lines))
    return None if found is None else found.value


def test_a_call_is_done_when_the_last_word_says_so() -> None:
    assert done(("agent", "我帮您重置一下。"), ("caller", "好了，能用了。")) == "线上已处理"
    assert done(("agent", "已经为您取消了。"), ("caller", "好，谢谢。")) == "线上已处理"
    assert done(("agent", "已经为您取消了。")) is None, "nobody said that it is all right"
    assert done(("agent", "已经为您取消了。"), ("caller", "可是我这边显示还在扣费，怎么回事？")) is None
    assert done(("caller", "好了，能用了。"), ("agent", "明天我再给您回个电话确认。")) is None, (
        "something is left to do"
    )


def test_a_category_ends_where_nothing_is_known() -> None:
    values = {"channel": "抖音", "issue_type": "", "issue_subtype": ""}
    assert category_path("售后/{channel}/{issue_type}", values) == "售后/抖音"
    assert category_path("{issue_type}/{channel}", values) == ""


def test_a_coordinator_is_the_one_whom_most_conditions_name() -> None:
    people = [
        {"name": "甲", "channel": "门店"},
        {"name": "乙", "channel": "门店", "issue_type": "技术"},
        {"name": "丙", "issue_type": "账单"},
        {"name": "丁", "issue_type": "账单"},
    ]
    rules = parse_record_rules({"coordinator": people})

    def who(channels: tuple[str, ...], issue: str) -> str | None:
        found = rules.coordinator(channels=channels, issue_type=issue, issue_subtype="")
        return None if found is None else found.name

    assert who(("门店",), "技术") == "乙"
    assert who(("门店",), "物流") == "甲"
    assert who((), "账单") is None, "two fit as well: nobody can tell"
    assert who((), "其他") is None


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"lines": []}, "lines"),
        ({"line": [{"channel": "抖音"}]}, "needs dialled"),
        ({"line": [{"dialled": "1234"}]}, "neither channel nor category"),
        ({"line": [{"dialled": "400-1", "channel": "a"}, {"dialled": "4001", "channel": "b"}]}, "two lines"),
        ({"category": "{phone}"}, "may name"),
        ({"category": "a/{channel"}, "brace"),
        ({"category": "a//b"}, "levels"),
        ({"coordinator": [{"name": "周"}]}, "when it is theirs"),
        ({"coordinator": [{"name": "周", "channel": "门店", "staff_no": "工 号"}]}, "staff_no"),
        ({"actions": {"order": ["", "门店"]}}, "order"),
        ({"trace": {"where": []}}, "where"),
    ],
)
def test_a_wrong_configuration_is_told(told: dict[str, object], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        parse_record_rules(told)


def test_the_day_of_a_trace_is_the_callers() -> None:
    late = datetime.fromisoformat("2026-11-22T23:30:00+08:00")
    seen = replace(event("visit", 0, "徐汇店"), at_ms=int(late.timestamp() * 1000))
    found = traces_of_events([seen], until=MONDAY, days=30, offline=(), online=())
    assert found["offline_trace"][0].text.startswith("2026-11-22")
