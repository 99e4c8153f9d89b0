"""Derived tags: what counts, what each asks for every value, and rule files that say what is wrong with them."""

from dataclasses import replace

import pytest

from callcue.core.customer_events import CustomerEvent
from callcue.core.errors import BadInput
from tagger.event_rules import DerivedTag, apply_rules, fired_since, parse_event_rules, shipped_event_rules

DAY = 86_400_000
NOW = 1_800_000_000_000


def event(number: int, kind: str, days_ago: float, subject: str = "", source: str = "") -> CustomerEvent:
    return CustomerEvent(
        event_id=f"e{number}",
        kind=kind,
        at_ms=NOW - int(days_ago * DAY),
        phone="13800138000",
        subject=subject,
        source=source,
    )


def views(count: int, subject: str = "无线耳机", first: int = 1) -> list[CustomerEvent]:
    return [event(first + n, "page_view", n + 0.5, subject, "小程序") for n in range(count)]


def tags(rule: str, *events: CustomerEvent) -> list[str]:
    return [tag.tag for tag in apply_rules(parse_event_rules(rule, "mine.toml"), events, NOW)]


def test_three_views_of_one_thing_are_a_tag_with_their_events() -> None:
    (tag,) = apply_rules(shipped_event_rules(), views(3), NOW)
    assert (tag.tag, tag.evidence) == ("小程序浏览3次无线耳机", ("event:e1", "event:e2", "event:e3"))
    assert 0 < tag.probability < 1


def test_views_of_different_things_are_not_added_up() -> None:
    assert apply_rules(shipped_event_rules(), [*views(2), *views(2, "手表", first=9)], NOW) == []


def test_a_place_is_named_only_where_all_of_it_was_there() -> None:
    mixed = [*views(2), event(9, "page_view", 1, "无线耳机", "官网")]
    assert [tag.tag for tag in apply_rules(shipped_event_rules(), mixed, NOW)] == ["浏览3次无线耳机"]


def test_what_is_too_old_or_has_not_happened_yet_does_not_count() -> None:
    rule = '[[tag]]\ntag="到店"\nall=[{kind="visit", within="7d"}]'
    assert tags(rule, event(1, "visit", 6.9)) == ["到店"]
    assert tags(rule, event(1, "visit", 7.1)) == []
    assert tags(rule, event(1, "visit", -0.1)) == []
    assert tags(rule, event(1, "order", 1)) == []


@pytest.mark.parametrize(("newest", "found"), [(1.0, ["x"]), (4.0, [])])
def test_the_newest_has_to_be_recent(newest: float, found: list[str]) -> None:
    rule = '[[tag]]\ntag="x"\nall=[{kind="visit", within="30d", at_least=2, newest_within="3d"}]'
    assert tags(rule, event(1, "visit", newest), event(2, "visit", 20)) == found


def test_conditions_combine() -> None:
    rule = """[[tag]]
    tag = "看了没买"
    all = [{kind="visit", within="14d"}]
    any = [{kind="page_view", subject_matches="耳机", within="14d"}, {kind="inquiry", within="14d"}]
    none = [{kind="order", within="14d"}]"""
    seen = event(1, "visit", 3)
    assert tags(rule, seen) == []
    assert tags(rule, seen, event(2, "inquiry", 1)) == ["看了没买"]
    assert tags(rule, seen, event(2, "page_view", 1, "无线耳机")) == ["看了没买"]
    assert tags(rule, seen, event(2, "page_view", 1, "手表")) == []
    assert tags(rule, seen, event(2, "inquiry", 1), event(3, "order", 2)) == []


def test_at_most_alone_holds_for_none_at_all() -> None:
    rule = '[[tag]]\ntag="x"\nall=[{kind="visit", within="30d"}, {kind="order", within="30d", at_most=1}]'
    assert tags(rule, event(1, "visit", 1)) == ["x"]
    assert tags(rule, event(1, "visit", 1), event(2, "order", 1), event(3, "order", 2)) == []


def test_other_conditions_of_an_each_rule_look_at_everything() -> None:
    rule = """[[tag]]
    tag = "{count}次{subject}未购"
    all = [{kind="page_view", within="14d", at_least=2, each="subject"}]
    none = [{kind="order", within="14d"}]"""
    assert tags(rule, *views(2)) == ["2次无线耳机未购"]
    assert tags(rule, *views(2), event(9, "order", 1, "手表")) == []


def test_a_rule_speaks_for_at_most_three_values() -> None:
    rule = '[[tag]]\ntag="{subject}"\nall=[{kind="page_view", within="14d", each="subject"}]'
    many = [one for n, name in enumerate("甲乙丙丁戊") for one in views(n + 1, name, first=n * 10)]
    assert tags(rule, *many) == ["戊", "丁", "丙"]


def test_a_count_that_grew_replaces_its_tag() -> None:
    before, now = (apply_rules(shipped_event_rules(), views(n), NOW) for n in (3, 4))
    ((tag, replaced),) = fired_since(before, now)
    assert (tag.tag, replaced) == ("小程序浏览4次无线耳机", "小程序浏览3次无线耳机")
    assert fired_since(now, now) == []


def test_a_subject_with_braces_is_only_text() -> None:
    (tag,) = apply_rules(shipped_event_rules(), views(3, "{count}{0}"), NOW)
    assert tag.tag == "小程序浏览3次{count}{0}"


def test_a_long_subject_makes_no_endless_tag() -> None:
    found: list[DerivedTag] = apply_rules(shipped_event_rules(), views(3, "耳" * 120), NOW)
    assert len(found[0].tag) == 64


ONE = 'all=[{kind="visit", within="7d"}]'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f'[[tag]]\ntag=""\n{ONE}', "1 to 64 characters"),
        (f'[[tag]]\ntag="x"\ncolour="red"\n{ONE}', "unknown keys colour"),
        (f'[[tag]]\ntag="{{who}}"\n{ONE}', "not {who}"),
        (f'[[tag]]\ntag="{{subject.__class__}}"\n{ONE}', "not {subject.__class__}"),
        (f'[[tag]]\ntag="{{count"\n{ONE}', "braces"),
        (f'[[tag]]\ntag="x"\nprobability=2.0\n{ONE}', "probability"),
        ('[[tag]]\ntag="x"', "at least one condition"),
        ('[[tag]]\ntag="x"\nnone=[{kind="visit", within="7d"}]', "at least one condition"),
        ('[[tag]]\ntag="x"\nall=[{within="7d"}]', "needs kind"),
        ('[[tag]]\ntag="x"\nall=[{kind="visit"}]', "needs within"),
        ('[[tag]]\ntag="x"\nall=[{kind="visit", within="7 days"}]', "a time such as"),
        ('[[tag]]\ntag="x"\nall=[{kind="visit", within="9999d"}]', "at most 730d"),
        ('[[tag]]\ntag="x"\nall=[{kind="visit", within="7d", at_least=-1}]', "whole number"),
        ('[[tag]]\ntag="x"\nall=[{kind="visit", within="7d", at_least=3, at_most=2}]', "never hold"),
        ('[[tag]]\ntag="x"\nall=[{kind="visit", within="7d", subject_matches="("}]', "regular expression"),
        ('[[tag]]\ntag="x"\nall=[{kind="visit", within="7d", subject="a", subject_matches="a"}]', "exclude"),
        ('[[tag]]\ntag="x"\nall=[{kind="visit", within="7d", each="phone"}]', "each is subject or source"),
        ('[[tag]]\ntag="x"\nall="visit"', "a list of conditions"),
        ("tag = 3", "[[tag]] table"),
        ("[[tag]", "is not TOML"),
        ("[[tags]]", "unknown keys tags"),
    ],
)
def test_a_broken_rule_file_is_refused_with_the_place(text: str, problem: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_event_rules(text, "mine.toml")
    assert caught.value.message.startswith("mine.toml")
    assert problem in caught.value.message


def test_events_of_the_same_moment_have_one_order() -> None:
    same = [replace(one, at_ms=NOW - DAY) for one in views(4)]
    assert apply_rules(shipped_event_rules(), same, NOW) == apply_rules(shipped_event_rules(), same[::-1], NOW)
