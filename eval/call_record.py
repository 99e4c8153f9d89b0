"""Is the call record right? Field by field, against the record that was expected.

- ``issue_type``, ``sentiment``, ``lifecycle``, ``priority``: equal.
- ``needs_offline_inspection``: equal; a field that is not filled means no.
- ``tags``: at least half of the expected ones are there. Two tags are the same when one contains the other or their
  characters' pairs overlap by half (Dice).
- ``follow_up``: free text; right when at least 30 % of the expected text's pairs of characters occur in it.
- ``facts.phone``: the digits are equal; where only ``尾号NNNN`` was spoken, it ends with them. ``facts.order_no``:
  letters and digits are equal. ``facts.amount``: equal to the cent. ``facts.purchase_date``: the same day.

Where nothing is expected, only nothing is right.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from callcue.core.records import Value

FIELDS = ("issue_type", "sentiment", "tags", "lifecycle", "needs_offline_inspection", "priority", "follow_up")
FACTS = ("phone", "order_no", "amount", "purchase_date")
_TAGS_SHARE = 0.5
_TAG_DICE = 0.5
_FOLLOW_UP_SHARE = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldScore:
    """One field of one call."""

    field: str
    expected: object
    found: Value
    right: bool


def score_record(expected: Mapping[str, object], found: Mapping[str, Value]) -> list[FieldScore]:
    """Every field that the expected record names; ``found`` by the record's names (``facts.phone``)."""
    scores = [_field(name, expected[name], found.get(name)) for name in FIELDS if name in expected]
    facts = expected.get("facts")
    if isinstance(facts, Mapping):
        named = [name for name in FACTS if name in facts]
        scores += [_field(f"facts.{name}", facts[name], found.get(f"facts.{name}")) for name in named]
    return scores


def _field(name: str, expected: object, found: Value) -> FieldScore:
    return FieldScore(field=name, expected=expected, found=found, right=_right(name, expected, found))


def _right(name: str, expected: object, found: Value) -> bool:
    if name == "needs_offline_inspection":
        return bool(expected) == bool(found)
    if name == "tags":
        return _tags_right(expected, found)
    if expected in (None, "") or found in (None, ""):
        return expected in (None, "") and found in (None, "")
    compare = _COMPARE.get(name)
    return compare(str(expected), str(found)) if compare else expected == found


def _tags_right(expected: object, found: Value) -> bool:
    wanted = [str(tag) for tag in expected] if isinstance(expected, list | tuple) else []
    tags = found if isinstance(found, tuple) else ()
    if not wanted:
        return not tags
    return sum(any(same_tag(tag, other) for other in tags) for tag in wanted) >= _TAGS_SHARE * len(wanted)


def same_tag(left: str, right: str) -> bool:
    """Whether two tags say the same."""
    if left in right or right in left:
        return bool(left) and bool(right)
    a, b = _pairs(left), _pairs(right)
    return bool(a and b) and 2 * len(a & b) / (len(a) + len(b)) >= _TAG_DICE


def _phone(expected: str, found: str) -> bool:
    digits, got = re.sub(r"\D", "", expected), re.sub(r"\D", "", found)
    return got.endswith(digits) if "尾号" in expected else got.removeprefix("86") == digits.removeprefix("86")


def _order_no(expected: str, found: str) -> bool:
    return re.sub(r"\W", "", expected).lower() == re.sub(r"\W", "", found).lower()


def _amount(expected: str, found: str) -> bool:
    left, right = _number(expected), _number(found)
    return left is not None and right is not None and abs(left - right) < 0.005


def _number(text: str) -> float | None:
    match = re.search(r"\d+(?:\.\d+)?", text.replace(",", ""))
    return float(match.group()) if match else None


def _date(expected: str, found: str) -> bool:
    return expected[:10] == found[:10]


def _follow_up(expected: str, found: str) -> bool:
    wanted = _pairs(expected)
    return bool(wanted) and len(wanted & _pairs(found)) / len(wanted) >= _FOLLOW_UP_SHARE


_COMPARE = {
    "follow_up": _follow_up,
    "facts.phone": _phone,
    "facts.order_no": _order_no,
    "facts.amount": _amount,
    "facts.purchase_date": _date,
}


def _pairs(text: str) -> set[str]:
    kept = "".join(char for char in text.lower() if char.isalnum())
    return {kept[i : i + 2] for i in range(len(kept) - 1)}
