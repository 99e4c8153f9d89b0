"""What is denied, objected to, changed or hangs on a condition: none of it becomes a value that is wrong."""

import random
from datetime import datetime
from itertools import pairwise

import pytest

from callcue.core.speech import Channel, Utterance
from tagger.action_clauses import Step, denied, steps_of
from tagger.contact import Preference, preference_of
from tagger.deadlines import deadline
from tagger.next_actions import MAX_ACTIONS, ActionBook, next_actions
from tagger.traces import traces_told
from tests.unit.tagger.test_next_actions import actions, done
from tests.unit.tagger.test_summary import MONDAY, heard

RESET: tuple[Channel, str] = ("agent", "已经帮您重置好了")


@pytest.mark.parametrize(
    "said",
    [
        "还是不行", "没用啊", "没有到账", "可是没到账啊", "没有收到钱啊你们搞错了", "好像还是登录不上去啊",
        "没收到", "可我真的没收到", "不对，还是原来的",
        "我不信", "好的，可是还登不上", "还那样", "谢谢，不过没变化", "密码错了", "钱呢",
        "可以了，我要投诉你们", "好了，但是慢", "it still doesn't work",
        "no, it's wrong", "我要找你们领导", "退钱", "再说一遍",
    ],
)  # fmt: skip
def test_a_caller_who_objects_leaves_it_open(said: str) -> None:
    assert done(("caller", "我的账号登不上"), RESET, ("caller", said)) is None
    assert done(RESET, ("caller", said), ("agent", "那没办法了，抱歉"), ("caller", "好吧，再见")) is None


@pytest.mark.parametrize(
    "said",
    [
        "好的谢谢", "嗯，好，知道了，谢谢您。", "没有了，谢谢", "没问题", "好嘞，辛苦了，再见",
        "不用了，不用打电话。", "哦，可以了，谢谢", "现在快了", "我输一下……好了，进去了。",
        "okay, thanks, bye", "没什么问题了", "哦，好的，我看到话费到账了。",
    ],
)  # fmt: skip
def test_consent_and_success_close_it(said: str) -> None:
    assert done(("caller", "我的账号登不上"), RESET, ("caller", said)) == "线上已处理"


@pytest.mark.parametrize(
    "said",
    [
        "抱歉，我们不会转给门店检测的", "我们不能给您安排明天上门", "没有安排师傅明天上门",
        "明天不能给您回电话了", "不会在明天给您打电话", "很抱歉明天无法安排师傅上门",
        "目前没办法安排明天上门", "门店明天不能给您安排检测", "明天没人给您打电话", "我们从不给您发短信",
        "明天打不了电话给您", "三天内回电话是来不及的", "明天上门不行",
        "我们未安排明天的回访", "您不用明天到店", "I can't call you back tomorrow.",
        "We won't send you an email tomorrow.",
        "我们不会给您打电话要验证码的",
    ],
)  # fmt: skip
def test_what_is_refused_is_no_promise(said: str) -> None:
    assert actions(("agent", said), ("caller", "哦")) == []


@pytest.mark.parametrize("said", ["我明天不去门店了", "我后天没时间过去门店", "明天不能把照片发邮件给你们"])
def test_what_the_caller_will_not_do_is_no_action(said: str) -> None:
    assert actions(("caller", said)) == []


@pytest.mark.parametrize(
    ("said", "due"),
    [
        ("不好意思，明天给您回电", "2026-11-24"),
        ("不好意思明天给您回电", "2026-11-24"),
        ("没问题，明天给您回电话", "2026-11-24"),
        ("不用担心，明天给您回电话", "2026-11-24"),
        ("没有收到的包裹明天给您补寄", "2026-11-24"),
        ("未来三天内给您回电话", "2026-11-26"),
        ("Don't worry, I'll call you back tomorrow.", "2026-11-24"),
    ],
)
def test_words_that_only_look_like_a_refusal(said: str, due: str) -> None:
    assert [one.due for one in actions(("agent", said))] == [due]


def test_a_question_that_offers_both_is_not_denied() -> None:
    assert not denied("明天给您回电话行不行")
    assert not denied("能不能明天上门")


@pytest.mark.parametrize(
    ("said", "condition", "due"),
    [
        ("如果明天还不行，我会给您安排师傅上门", "如果明天还不行", ""),
        ("要是没到账，我后天给您回电话", "要是没到账", "2026-11-25"),
        ("我后天给您回电话，如果没到账的话", "如果没到账的话", "2026-11-25"),
        ("If it fails, I'll call you back tomorrow.", "If it fails", "2026-11-24"),
    ],
)
def test_a_condition_stays_with_what_hangs_on_it(said: str, condition: str, due: str) -> None:
    (one,) = actions(("agent", said))
    assert condition in one.what
    assert one.due == due


OFFER: tuple[Channel, str] = ("agent", "我明天下午三点给您回电话，可以吗")


@pytest.mark.parametrize("settled", ["好的，那后天下午三点给您回电话", "好的，那后天下午三点"])
def test_a_changed_time_takes_the_place_of_the_first(settled: str) -> None:
    (one,) = actions(OFFER, ("caller", "明天不行，后天吧"), ("agent", settled), ("caller", "好"))
    assert (one.channel, one.due) == ("电话回访", "2026-11-25T15:00+08:00")
    assert "后天下午三点" in one.what
    assert "明天" not in one.what


def test_a_time_that_was_turned_down_is_none_until_the_agent_says_yes() -> None:
    turned: tuple[Channel, str] = ("caller", "明天没空，周五吧")
    assert actions(OFFER, turned) == []
    assert actions(OFFER, turned, ("agent", "周五不行")) == []
    assert [one.due[:10] for one in actions(OFFER, turned, ("agent", "好的，没问题"))] == ["2026-11-27"]


@pytest.mark.parametrize("said", ["一周太久了吧", "还是不行", "现在登不上，不方便"])
def test_a_complaint_leaves_what_was_promised(said: str) -> None:
    assert [one.due for one in actions(("agent", "一周之内给您回电话"), ("caller", said))] == ["2026-11-30"]


@pytest.mark.parametrize("said", ["不行", "我没空", "明天我不在家", "明天有事"])
def test_an_offer_at_a_time_that_does_not_suit_is_dropped(said: str) -> None:
    assert actions(OFFER, ("caller", said), ("agent", "哦")) == []


def test_a_promise_that_is_taken_back_and_given_anew() -> None:
    first: tuple[Channel, str] = ("agent", "我今天下午给您回电话")
    for said in ("算了，我明天给您回电话吧", "算了我明天给您回电话吧", "我改成明天给您回电话"):
        assert [one.due for one in actions(first, ("caller", "好"), ("agent", said))] == ["2026-11-24"]
    both = actions(first, ("caller", "好"), ("agent", "另外周五再给您打一次电话"))
    assert [one.due for one in both] == ["2026-11-23", "2026-11-27"], "one more, not the same"
    other = actions(first, ("caller", "好"), ("agent", "明天师傅上门"))
    assert [one.channel for one in other] == ["电话回访", "上门"]


def test_of_too_many_the_soonest_stay() -> None:
    promises = [
        "我后天给您发邮件", "我明天给您发短信", "周五安排师傅上门", "下周一给您建个工单",
        "下周二给您补寄一个充电器", "下周三微信通知您", "另外主管今天下午三点一定给您回电话",
    ]  # fmt: skip
    found = actions(*[turn for said in promises for turn in (("agent", said), ("caller", "好"))])
    assert len(found) == MAX_ACTIONS
    assert found[-1].due == "2026-11-23T15:00+08:00"
    assert "2026-12-02" not in [one.due for one in found], "the latest due gives way"


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("两三天内给您回电", "2026-11-26"), ("三五天之内", "2026-11-28"), ("一两天之内", "2026-11-25"),
        ("五六天内", "2026-11-29"), ("十五六天内", "2026-12-09"),
        ("二三十天内", "2026-12-23"), ("2,3天内", "2026-11-26"), ("两三个小时内", "2026-11-23T13:00+08:00"),
        ("一两周之内", "2026-12-07"),
        ("二十三天内", "2026-12-16"), ("23天内", "2026-12-16"), ("两三个工作日内", "2026-11-26"),
    ],
)  # fmt: skip
def test_numerals_side_by_side_are_a_range(words: str, value: str) -> None:
    found = deadline(words, MONDAY)
    assert found is not None
    assert found.value == value


@pytest.mark.parametrize("words", ["五三天内", "一二三天内", "二五天内"])
def test_other_numerals_side_by_side_are_no_number_of_days(words: str) -> None:
    assert deadline(words, MONDAY) is None


def wish(*said: str) -> Preference:
    return preference_of(heard([("caller", text) for text in said]))


@pytest.mark.parametrize(
    "said",
    [
        "打电话联系不上你们", "电话联系不上", "我在微信上说过了", "他说电话通知我",
        "你们客服微信联系我说可以退", "上班的时候电话联系不到我的", "电话联系过好几次了",
        "打电话给我没说清楚", "你们每次打电话给我都听不清", "微信上跟我说已经发了", "电话联系你们三次",
        "发短信给我的那个是谁",
    ],
)  # fmt: skip
def test_what_is_told_of_a_channel_is_no_wish(said: str) -> None:
    assert wish(said).wanted == ()


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("千万别电话联系我", "电话回访"), ("不要电话联系", "电话回访"), ("不用微信联系我", "微信"),
        ("别给我打电话", "电话回访"), ("不想再接你们的电话", "电话回访"),
        ("不要再给我发短信", "短信"), ("以后别老打电话给我", "电话回访"), ("短信就不用了", "短信"),
        ("不希望你们打电话", "电话回访"),
    ],
)  # fmt: skip
def test_a_channel_that_the_caller_will_not_have(said: str, name: str) -> None:
    assert (wish(said).wanted, wish(said).refused) == ((), (name,))


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("微信联系我吧", "微信"), ("能不能发短信给我", "短信"), ("要不打电话给我", "电话回访"),
        ("不如微信联系我", "微信"), ("不要打电话微信联系我", "微信"),
        ("让师傅打电话给我", "电话回访"), ("不好意思发短信就行", "短信"),
    ],
)  # fmt: skip
def test_a_channel_that_the_caller_asks_for(said: str, name: str) -> None:
    assert wish(said).wanted == (name,)


@pytest.mark.parametrize(
    "said",
    [
        "我没在你们门店买过", "不是在门店买的", "我不是在京东买的", "我从来没去过你们门店",
        "我在你们门店没买过", "这个又不是我在官网下单的", "没有在淘宝上买过",
        "我从未在你们专柜试过",
    ],
)  # fmt: skip
def test_what_the_caller_did_not_do_is_no_trace(said: str) -> None:
    found = traces_told(heard([("caller", said)]))
    assert not found["offline_trace"]
    assert not found["online_history"]


@pytest.mark.parametrize(
    ("said", "side"),
    [
        ("没声音的那个是在门店买的", "offline_trace"),
        ("没多久前在你们门店买过", "offline_trace"),
        ("上周在京东下单了没发货", "online_history"),
    ],
)
def test_a_denial_of_something_else_leaves_the_trace(said: str, side: str) -> None:
    found = traces_told(heard([("caller", said)]))
    assert [name for name, entries in found.items() if entries] == [side]


TURNS: list[tuple[Channel, str]] = [
    OFFER,
    ("caller", "明天不行，后天吧"),
    ("agent", "好的，那后天下午三点"),
    ("agent", "我给您提交一个工单，三天内给您回电话。"),
    ("caller", "好。"),
    ("caller", "不用了。"),
    ("caller", "微信联系我吧"),
    ("agent", "明天之前给您答复"),
    ("agent", "算了，周五给您回电话吧"),
    ("agent", "师傅后天上午上门可以吗？"),
    ("caller", "可以，我明天去门店看看"),
    ("agent", "如果没到账，我给您发邮件"),
    ("agent", " "),
    ("caller", "别打电话给我"),
    ("agent", "好的"),
]


@pytest.mark.parametrize("seed", range(25))
def test_utterance_by_utterance_it_is_what_the_whole_call_gives(seed: int) -> None:
    """In the order in which utterances come, which is not quite that of their times."""
    chance = random.Random(seed)
    call = heard([chance.choice(TURNS) for _ in range(chance.randint(1, 60))])
    arrival = list(call)
    for place in range(len(arrival) - 1):
        if chance.random() < 0.3:
            arrival[place], arrival[place + 1] = arrival[place + 1], arrival[place]
    book = ActionBook(started_at=MONDAY)
    for count, utterance in enumerate(arrival, 1):
        book.add(utterance)
        so_far = sorted(arrival[:count], key=lambda u: u.start_ms)
        wanted = preference_of(so_far)
        assert book.actions(wanted) == next_actions(so_far, MONDAY, wanted)
    assert all(a.start_ms < b.start_ms for a, b in pairwise(call))


def test_one_more_utterance_costs_the_same_in_a_long_call(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []

    def counted(utterance: Utterance, after: Utterance | None, started_at: datetime) -> tuple[Step, ...]:
        parsed.append(utterance.segment_id)
        return steps_of(utterance, after, started_at)

    monkeypatch.setattr("tagger.next_actions.steps_of", counted)
    book = ActionBook(started_at=MONDAY)
    call = heard([TURNS[number % len(TURNS)] for number in range(200)])
    for utterance in call:
        book.add(utterance)
    assert len(call) <= len(parsed) <= 2 * len(call)
