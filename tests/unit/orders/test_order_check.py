"""What was said, held against the order: what differs, whose it is, and which number was meant."""

from datetime import date

import pytest

from callcue.calls.order_check import CheckRules, mismatches, near_numbers, owner
from callcue.calls.orders import phone_of
from callcue.core.facts import FactCandidate, best
from callcue.core.orders import Order
from tests.unit.orders.samples import ORDER, RULES, TODAY, kinds, said


def test_an_order_that_is_older_than_was_said_is_outside_the_return_period() -> None:
    found = mismatches(ORDER, best([said("date", "2026-11-18", "purchase")]), RULES)
    assert [(m.kind, m.said, m.stored) for m in found] == [
        ("return_period", "2026-11-18", "40"),
        ("purchase_date", "2026-11-18", "2026-10-14"),
    ]
    assert found[0].evidence == ("s-date",)


@pytest.mark.parametrize(
    "day", ["2026-10-14", "2026-10-13", "2026-10"], ids=["the same day", "around midnight", "only the month"]
)
def test_what_agrees_is_no_mismatch(day: str) -> None:
    facts = [said("product", "蓝牙耳机"), said("amount", "599.00", "paid"), said("phone", "尾号8814")]
    assert kinds(said("date", day, "purchase"), *facts) == []


def test_other_things_than_in_the_order() -> None:
    assert kinds(said("product", "平板电脑")) == ["product"]
    assert kinds(said("amount", "699", "paid")) == ["amount"]
    assert kinds(said("phone", "13900001111")) == ["phone"]
    assert kinds(said("phone", "1390000", state="incomplete")) == []
    assert kinds(said("date", "2026-10-20", "purchase", 0.45)) == []  # said loosely
    assert kinds(said("date", "2026-11-28", "visit")) == []


def test_the_age_counts_where_a_return_is_asked_for_whatever_date_was_said() -> None:
    asked = CheckRules(today=TODAY, return_days=7, returning=("s-9",))
    (found,) = mismatches(ORDER, {}, asked)
    assert (found.kind, found.said, found.stored, found.evidence) == ("return_period", "", "40", ("s-9",))
    agreed = mismatches(ORDER, best([said("date", "2026-10-14", "purchase")]), asked)
    assert [(m.kind, m.evidence) for m in agreed] == [("return_period", ("s-date", "s-9"))]
    assert mismatches(ORDER, {}, RULES) == [], "an old order is no mismatch where nobody wants to return it"
    young = CheckRules(today=date(2026, 10, 21), return_days=7, returning=("s-9",))
    assert mismatches(ORDER, {}, young) == [], "on the last day it is still open"


@pytest.mark.parametrize(
    ("numbers", "phone", "whose"),
    [
        (["13602578814"], None, "caller"),
        (["8613602578814"], None, "caller"),
        (["13900001111"], None, "other"),
        (["13900001111", "13602578814"], None, "caller"),
        (["13900001111"], said("phone", "13602578814"), "caller"),
        ([], said("phone", "13900001111"), "other"),
        ([], said("phone", "尾号8814"), "caller"),
        ([], said("phone", "尾号0000"), "other"),
        ([], said("phone", "1390000", state="incomplete"), "unknown"),
        ([], None, "unknown"),
        (["8001"], None, "unknown"),
    ],
)
def test_whose_an_order_is(numbers: list[str], phone: FactCandidate | None, whose: str) -> None:
    assert owner(ORDER, numbers, best([phone] if phone else [])) == whose
    nobodys = Order(order_no="1", ordered_on="2026-10-14")
    assert owner(nobodys, numbers, best([phone] if phone else [])) == "unknown"


def test_near_numbers_are_at_most_two_digits_away() -> None:
    others = [ORDER, Order(order_no="20773999", ordered_on="2026-01-01")]
    assert near_numbers("2077386", others) == ["20773186"]
    assert near_numbers("99999999", others) == []


@pytest.mark.parametrize(
    ("number", "plain"),
    [("+86 136 0257 8814", "13602578814"), ("013602578814", "13602578814"), ("02162345678", "02162345678")],
)
def test_numbers_of_the_switch_are_written_as_the_orders(number: str, plain: str) -> None:
    assert phone_of(number) == plain
