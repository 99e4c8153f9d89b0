"""Facts: digit strings exactly, sums by what they are about, dates resolved, and silence where nothing was said."""

from datetime import datetime

import pytest

from tagger.facts import AMOUNT, DATE, ORDER, PHONE, asked_for, extract_facts

MONDAY = datetime.fromisoformat("2026-11-23T10:00+08:00")


_FOUR = (PHONE, ORDER, AMOUNT, DATE)


def facts(text: str, **more: object) -> dict[str, str]:
    found = extract_facts(text, MONDAY, **more)  # type: ignore[arg-type]
    return {fact.field: fact.value for fact in found if fact.field in _FOUR and fact.state != "incomplete"}


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("我的手机是13705551234", "13705551234"),
        ("幺三七零五五五幺二三四", "13705551234"),
        ("电话 137 0555 1234", "13705551234"),
        ("137，0555，1234", "13705551234"),
        ("137零五五五1234", "13705551234"),
        ("手机137055要1234", "13705511234"),  # 要 is how a recogniser writes a spoken 幺
        ("座机零二一六二三四五六七八", "02162345678"),
        ("手机尾号7788", "尾号7788"),
        ("你打我尾号七七八八那个电话", "尾号7788"),
        ("快递单号发到尾号7788的手机", "尾号7788"),
        ("call me at 415 555 0132", "4155550132"),
    ],
)
def test_phone(text: str, phone: str) -> None:
    assert facts(text) == {PHONE: phone}


@pytest.mark.parametrize(
    "text",
    [
        "银行卡尾号7788",
        "尾号7788的信用卡",
        "我等了1300分钟",
        "身份证号110101199001011234",
        "订单号后四位是3186",
        "一三五七",
        "13705551",
    ],
)
def test_no_phone(text: str) -> None:
    assert PHONE not in facts(text)


def test_agents_own_numbers_are_not_the_customers() -> None:
    assert facts("我们的热线是4008001234", speaker="agent") == {}
    assert facts("门店电话02162345678", speaker="agent") == {}
    assert facts("13705551234，对吗？", speaker="agent") == {PHONE: "13705551234"}
    assert facts("会发到您尾号7788的手机", speaker="agent") == {PHONE: "尾号7788"}


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("订单号20459911", "20459911"),
        ("订单号是二零四五九九一一", "20459911"),
        ("单号 AB-2045-9911", "AB20459911"),
        ("运单号sf1029384756", "SF1029384756"),
        ("订单号20459911，2个箱子", "20459911"),
        ("my order number is 4 5 5 2 1 0 9", "4552109"),
        ("confirmation number four five five two one oh nine", "4552109"),
    ],
)
def test_order_number(text: str, order: str) -> None:
    assert facts(text) == {ORDER: order}


def test_a_bare_number_is_what_the_agent_asked_for() -> None:
    assert facts("20459911") == {}
    assert facts("20459911", asked=asked_for("请您报一下订单号")) == {ORDER: "20459911"}
    both = asked_for("提供一下订单号和手机号")
    assert facts("20459911，手机13705551234", asked=both) == {ORDER: "20459911", PHONE: "13705551234"}


def test_identity_and_card_numbers_are_no_orders() -> None:
    assert facts("卡号6222020012345678", asked=frozenset({ORDER})) == {}
    assert facts("验证码是204599", asked=frozenset({ORDER})) == {}


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("一共一千二百九十九块", "1299"),
        ("花了1299块", "1299"),
        ("预算一万块以内", "10000"),
        ("预算八千左右", "8000"),
        ("预算三千到五千", "5000"),
        ("一万二千元的电视", "12000"),
        ("十五万左右的预算", "150000"),
        ("九块九买的", "9.9"),
        ("128块5毛", "128.5"),
        ("扣了1280", "1280"),
        ("it cost $1,299", "1299"),
        ("一百零五块钱", "105"),
    ],
)
def test_amount(text: str, amount: str) -> None:
    assert facts(text).get(AMOUNT) == amount


@pytest.mark.parametrize(
    "text", ["角上凹进去一块", "一百分等于一块钱", "买了1280个", "用了五年", "三百天", "满三百减五十元"]
)
def test_no_amount(text: str) -> None:
    assert AMOUNT not in facts(text)


def test_the_disputed_sum_weighs_more_than_the_price_of_the_plan() -> None:
    found = [f for f in extract_facts("我的套餐是59元一个月，你们多扣了我200块", MONDAY) if f.field == AMOUNT]
    assert max(found, key=lambda fact: fact.weight).value == "200"


def test_an_agents_rebate_is_not_what_the_call_is_about() -> None:
    assert facts("到店评估，最高抵1500元", speaker="agent") == {}
    assert facts("维修费一共380元", speaker="agent") == {AMOUNT: "380"}


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("今年九月十二号在网上买的", "2026-09-12"),
        ("9月12号买的", "2026-09-12"),
        ("12月5号买的", "2025-12-05"),  # the latest one that is not after the call
        ("去年9月12日下的单", "2025-09-12"),
        ("上周六买的", "2026-11-21"),
        ("上上周三在店里买的", "2026-11-11"),
        ("昨天买的", "2026-11-22"),
        ("十天前买的", "2026-11-13"),
        ("两个星期前下的单", "2026-11-09"),
        ("5号买的", "2026-11-05"),
        ("双十一买的", "2026-11-11"),
        ("买的时候是10月1号", "2026-10-01"),
        ("I bought it last Saturday", "2026-11-21"),
        ("I bought it on September 12th", "2026-09-12"),
    ],
)
def test_purchase_date(text: str, date: str) -> None:
    assert facts(text) == {DATE: date}


@pytest.mark.parametrize(
    "text",
    [
        "十天前就寄回去了",
        "昨天收到的音箱",
        "我想这周六去买一台",
        "我订的洗衣机说好上周五送",
        "前天收到货，我下单的是四升的",
        "13月45号买的",
        "明天再买",
    ],
)
def test_no_purchase_date(text: str) -> None:
    assert DATE not in facts(text)


def test_only_a_month_is_said_as_a_month_and_below_the_threshold() -> None:
    (fact,) = (found for found in extract_facts("上个月买的", MONDAY) if found.field == DATE)
    assert (fact.value, fact.field) == ("2026-10", DATE)
    assert fact.probability < 0.6


def test_a_date_that_was_asked_for_needs_no_cue() -> None:
    assert facts("上周六", asked=asked_for("请问是什么时候买的？")) == {DATE: "2026-11-21"}


def test_spans_point_at_the_words() -> None:
    text = "麻烦记一下，订单号20459911。"
    (fact,) = extract_facts(text, MONDAY)
    assert text[fact.start : fact.end] == "20459911"
