"""Cards that come by who the customer is: exactly on their occasion, and never for what is not known."""

from datetime import date

import pytest

from callcue.core.cards import Card, When
from callcue.core.customers import CustomerProfile
from callcue.core.errors import BadInput
from nlu.occasions import customer_of, days_to_birthday, due, holds

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("birthday", "today", "days"),
    [
        ("1990-11-23", TODAY, 0),
        ("--11-24", TODAY, 1),
        ("1990-11-22", TODAY, 364),
        ("1990-01-02", date(2026, 12, 30), 3),  # across the end of the year
        ("--12-31", date(2026, 12, 31), 0),
        ("--01-01", date(2026, 12, 31), 1),
        ("2000-02-29", date(2026, 2, 27), 1),  # kept on the 28th
        ("2000-02-29", date(2026, 3, 1), 364),
        ("--02-29", date(2028, 2, 28), 1),
        ("--02-29", date(2028, 2, 29), 0),
        ("--02-29", date(2027, 12, 31), 60),
    ],
)
def test_days_to_a_birthday(birthday: str, today: date, days: int) -> None:
    assert days_to_birthday(birthday, today) == days


KNOWN = CustomerProfile(
    birthday="--11-25", segment=("企业", "VIP"), lifecycle="忠诚", region="香港", language="yue", risk=("投诉3次以上",)
)


@pytest.mark.parametrize(
    ("when", "told"),
    [
        (When(birthday_within_days=2), "birthday_in_days: 2"),
        (When(birthday_within_days=1), None),
        (When(segment=("VIP", "SVIP")), "segment: VIP"),
        (When(segment=("个人",)), None),
        (When(risk=("投诉3次以上",)), "risk: 投诉3次以上"),
        (When(segment=("VIP",), region=("香港", "澳门")), "segment: VIP; region: 香港"),
        (When(segment=("VIP",), region=("上海",)), None),
        (When(lifecycle=("忠诚",), language=("yue",)), "lifecycle: 忠诚; language: yue"),
        (When(sentiment=("负面",)), None),
    ],
)
def test_every_condition_must_hold(when: When, told: str | None) -> None:
    assert holds(when, KNOWN, "", TODAY) == told


@pytest.mark.parametrize(
    "when", [When(birthday_within_days=60), When(segment=("",)), When(risk=("",)), When(region=("",)), When()]
)
def test_what_is_not_known_holds_for_nothing(when: When) -> None:
    assert holds(when, CustomerProfile(), "", TODAY) is None


def test_a_feeling_is_a_condition_like_any_other() -> None:
    when = When(sentiment=("负面",), risk=("投诉3次以上",))
    assert holds(when, KNOWN, "负面", TODAY) == "risk: 投诉3次以上; sentiment: 负面"
    assert holds(when, CustomerProfile(), "负面", TODAY) is None


def test_the_most_important_card_comes_first() -> None:
    cards = [
        Card(id=name, title=name, body="…", priority=priority, when=When(segment=("VIP",)))
        for name, priority in (("b", 10), ("c", 90), ("a", 10))
    ]
    assert [card.id for card, _ in due([*cards, Card(id="d", title="d", body="…")], KNOWN, "", TODAY)] == [
        "c",
        "a",
        "b",
    ]


def test_the_gate_learns_what_the_profile_says() -> None:
    customer = customer_of(KNOWN)
    assert (customer.segment, customer.lifecycle, customer.region, customer.language) == (
        ("企业", "VIP"),
        "忠诚",
        "香港",
        "yue",
    )


@pytest.mark.parametrize(
    ("profile", "says"),
    [
        (CustomerProfile(birthday="23.11.1990"), "is no date"),
        (CustomerProfile(birthday="--02-30"), "is no date"),
        (CustomerProfile(birthday="2027-02-29"), "is no date"),
        (CustomerProfile(birthday="0000-05-01"), "is no date"),
        (CustomerProfile(birthday="19901123"), "is no date"),
        (CustomerProfile(birthday="2026-11-24"), "lies in the future"),
        (CustomerProfile(name="x" * 61), "customer.name has 61"),
        (CustomerProfile(region="上\n海"), "customer.region holds a character"),
        (CustomerProfile(segment=("a",) * 21), "customer.segment has 21 values"),
        (CustomerProfile(risk=("x" * 61,)), "customer.risk has 61"),
    ],
)
def test_a_profile_that_cannot_be_is_refused_by_field(profile: CustomerProfile, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        profile.checked(TODAY)


def test_a_profile_is_kept_without_blanks_and_repeats() -> None:
    told = CustomerProfile(name=" 林 ", segment=("VIP", " VIP", ""), birthday="--02-29")
    assert told.checked(TODAY) == CustomerProfile(name="林", segment=("VIP",), birthday="--02-29")
