"""When a field of the record is right."""

import pytest

from callcue.core.records import Value
from eval.call_record import same_tag, score_record


def right(name: str, expected: object, found: Value) -> bool:
    if name.startswith("facts."):
        scores = score_record({"facts": {name.removeprefix("facts."): expected}}, {name: found})
    else:
        scores = score_record({name: expected}, {name: found})
    assert [score.field for score in scores] == [name]
    return scores[0].right


@pytest.mark.parametrize(
    ("name", "expected", "found"),
    [
        ("issue_type", "技术", "技术"),
        ("lifecycle", None, None),
        ("priority", 3, 3),
        ("needs_offline_inspection", False, None),
        ("needs_offline_inspection", True, True),
        ("facts.phone", "13602578814", "136 0257 8814"),
        ("facts.phone", "13602578814", "+8613602578814"),
        ("facts.phone", "尾号8814", "13602578814"),
        ("facts.phone", "尾号8814", "8814"),
        ("facts.order_no", "20773186", "20773186"),
        ("facts.order_no", "XH-2077", "xh2077"),
        ("facts.amount", 299, "299.00"),
        ("facts.amount", "10000元", 10000.0),
        ("facts.purchase_date", "2026-09-12", "2026-09-12"),
        ("facts.amount", None, None),
        ("follow_up", "客户明天下午到店检测", "预约明天下午到店检测耳机"),
        ("tags", [], ()),
        ("tags", ["耳机故障", "单侧无声", "需线下检测", "门店检测"], ("耳机", "门店检测")),
    ],
)
def test_right(name: str, expected: object, found: Value) -> None:
    assert right(name, expected, found)


@pytest.mark.parametrize(
    ("name", "expected", "found"),
    [
        ("issue_type", "技术", "账单"),
        ("issue_type", "技术", None),
        ("lifecycle", None, "新客"),
        ("priority", 3, 1),
        ("needs_offline_inspection", True, None),
        ("needs_offline_inspection", False, True),
        ("facts.phone", "13602578814", "13602578815"),
        ("facts.phone", "13602578814", "8814"),
        ("facts.phone", "尾号8814", "13602578815"),
        ("facts.amount", None, "299"),
        ("facts.amount", "299", None),
        ("facts.amount", "299", "29.9"),
        ("facts.purchase_date", "2026-09-12", "2025-09-12"),
        ("follow_up", "客户明天下午到店检测", "退款三天内到账"),
        ("follow_up", "回电", None),
        ("tags", ["耳机故障", "单侧无声", "需线下检测"], ("耳机故障",)),
        ("tags", [], ("退款",)),
        ("tags", ["退款"], ()),
    ],
)
def test_not_right(name: str, expected: object, found: Value) -> None:
    assert not right(name, expected, found)


def test_only_what_the_expected_record_names_is_scored() -> None:
    scores = score_record({"issue_type": "技术", "facts": {"phone": None}}, {"issue_type": "技术", "priority": 1})
    assert [score.field for score in scores] == ["issue_type", "facts.phone"]
    assert score_record({}, {"issue_type": "技术"}) == []


def test_tags_are_compared_loosely() -> None:
    assert same_tag("退款未到账", "退款没到账")
    assert same_tag("耳机", "耳机故障")
    assert not same_tag("耳机故障", "物流延误")
    assert not same_tag("", "耳机")
