"""Rules: signals and tags with their negations, homophones of the trade, follow-ups, and a checked rule file."""

from pathlib import Path

import pytest

from callcue.core.errors import ModelError
from callcue.core.speech import Channel
from tagger.follow_up import FollowUp
from tagger.rules import read_rules, shipped_rules
from tagger.sounds import Speller


def tags(text: str, channel: Channel = "caller") -> set[str]:
    return {signal.tag for signal in shipped_rules().scan(text, channel) if signal.tag}


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("我都打第四次电话了", "重复来电"),
        ("叫你们经理来", "要求升级"),
        ("退的钱到现在还没到", "退款未到账"),
        ("耳机右边没声音", "耳机故障"),
        ("赠品没有给我", "赠品漏发"),
        ("箱子都压瘪了", "外箱破损"),
        ("旧手机能抵多少钱", "以旧换新"),
        ("能分期付款吗", "分期"),
        ("同一笔你们重复扣款了", "扣费争议"),
        ("服务没以前那么仔细了", "委婉不满"),
        ("帮我开一张发票", "发票"),
        ("I was charged twice", "扣费争议"),
        ("这也太贵了吧", "价格敏感"),
        ("能不能再便宜一点", "价格敏感"),
        ("别家同款便宜三百", "价格敏感"),
        ("贵一点也行，售后要有保障", "服务优先"),
        ("我就图个省心", "服务优先"),
        ("我真的快急死了", "情绪安抚"),
        ("我不想留手机号", "隐私顾虑"),
        ("想去门店对比一下", "线下对比"),
        ("有没有会讲英语的", "外语沟通"),
        ("能讲粤语吗", "方言沟通"),
        ("这个是清真的吗", "宗教习俗"),
        ("楼层不要带四的", "数字忌讳"),
        ("买来送长辈的", "节日送礼"),
    ],
)
def test_tag(text: str, tag: str) -> None:
    assert tag in tags(text)


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("不需要开发票", "发票"),
        ("上次开的发票已经收到了", "发票"),
        ("不用找你们经理", "要求升级"),
        ("上次的分期早就还清了", "分期"),
        ("说好上周五送的洗衣机", "赠品漏发"),
        ("我不投诉你们", "投诉"),
        ("用了五年的老机器", "老客户"),
        ("箱子没有破", "外箱破损"),
        ("信号不太好", "委婉不满"),
        ("这个价格不贵", "价格敏感"),
        ("我的快递到哪了", "价格敏感"),
        ("你们服务态度太差", "服务优先"),
        ("我已经到门店了", "线下对比"),
        ("尾号4321的手机", "数字忌讳"),
        ("我会讲清楚的", "方言沟通"),
        ("说好送我的支架没有", "节日送礼"),
    ],
)
def test_no_tag(text: str, tag: str) -> None:
    assert tag not in tags(text)


def test_what_only_an_agent_can_promise_is_not_heard_from_callers() -> None:
    assert "门店检测" in tags("建议您带到门店做一次检测", "agent")
    assert "门店检测" not in tags("我带到门店做过检测了", "caller")


def test_homophones_of_trade_words_are_put_right_and_nothing_else() -> None:
    speller = Speller(["退款", "订单号", "消费者协会"])
    assert speller.respell("推款还没到，定单好是123") == "退款还没到，订单号是123"
    assert speller.respell("我打给消费这斜会") == "我打给消费者协会"
    assert speller.respell("五六七八 abc") == "五六七八 abc"


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ('signal="a"\npattern="("\nprobability=0.8', "not a regular expression"),
        ('signal="a"\npattern="x"\nprobability=1.5', "probability"),
        ('signal="a"\npattern="x"\nprobability=0.8\nspeaker="boss"', "caller, agent or any"),
        ('signal="a"\npattern="x"\nprobability=0.8\ncolour="red"', "unknown keys colour"),
    ],
)
def test_a_broken_rule_is_named(tmp_path: Path, rule: str, problem: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(f"[[rule]]\n{rule}\n", encoding="utf-8")
    with pytest.raises(ModelError, match=r"rule 1 \(a\)") as caught:
        read_rules(path)
    assert problem in caught.value.message


def test_every_tag_has_one_kind() -> None:
    words = shipped_rules().vocabulary
    assert {words["价格敏感"], words["宗教习俗"], words["发票"], words["耳机故障"]} == {"demand", "culture", "base"}


def test_own_rules_go_onto_the_shipped_ones(tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text(
        'extends = "shipped"\noff = ["luggage"]\n[rename]\n"发票" = "开票"\n'
        '[[rule]]\nsignal = "exchange"\ntag = "换新"\npattern = "以换代修"\nprobability = 0.8\n',
        encoding="utf-8",
    )
    rules = read_rules(own)
    assert {signal.tag for signal in rules.scan("能不能以换代修", "caller")} == {"换新"}
    assert rules.scan("我想换货", "caller") == []
    assert "行李异常" in tags("行李丢了")
    assert "行李异常" not in {signal.tag for signal in rules.scan("行李丢了", "caller")}
    assert rules.call("发票") == "开票"
    spoken = {signal.tag for signal in rules.scan("帮我开一张发票", "caller")}
    assert spoken == {"发票"}, "names are changed on the record"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('extends = "mine"', 'only be "shipped"'),
        ('extends = "shipped"\noff = ["x"]', "no shipped rule gives: x"),
        ('extends = "shipped"\nrename = 3', "rename"),
        ("colour = 3", "unknown parts colour"),
        ('[[rule]]\nsignal="a"\npattern="x"\nprobability=0.8\nkind="mood"', "kind must be base, demand, culture"),
    ],
)
def test_a_broken_vocabulary_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ModelError) as caught:
        read_rules(path)
    assert problem in caught.value.message


def test_follow_up_keeps_promises_in_the_agents_words() -> None:
    follow_up = FollowUp()
    follow_up.agent("您好，请问有什么可以帮您？", "s1")
    follow_up.agent("请提供一下订单号。", "s2")
    assert follow_up.value() is None
    follow_up.agent("好的，我为您转交主管，两个小时内回电。", "s3")
    assert follow_up.value() == ("电话→主管回电：转交主管，两个小时内回电", ("s3",))


def test_a_proposal_counts_once_the_caller_agrees() -> None:
    agreed, refused = FollowUp(), FollowUp()
    for follow_up, answer in ((agreed, "可以的"), (refused, "那天没空")):
        follow_up.agent("明天下午到中山路门店检测可以吗？", "s1")
        follow_up.caller(answer)
    assert agreed.value() == ("电话→门店检测：明天下午到中山路门店检测", ("s1",))
    assert refused.value() is None
