"""The taxonomy: the shipped one is what the record takes by default; a broken file is refused with its reason."""

from pathlib import Path
from typing import Any

import pytest

from callcue.core.errors import BadInput
from callcue.core.record_schema import RecordSchema
from callcue.core.records import ISSUE_TYPES
from callcue.core.taxonomy import default_taxonomy, parse_taxonomy, read_taxonomy


def tree(**changes: Any) -> dict[str, Any]:
    nodes = [
        {"id": "A", "zh": "甲", "en": "a"},
        {"id": "B"},
        {"id": "A1", "parent": "A"},
        {"id": "A11", "parent": "A1", "zh": "甲一一"},
    ]
    return {"other": "B", "node": nodes} | changes


def test_the_default_has_the_four_types_and_sub_types_under_each() -> None:
    held = default_taxonomy()
    assert held.types == ISSUE_TYPES
    assert all(len(held.under(type_)) >= 3 for type_ in held.types)
    assert sum(len(held.under(type_)) for type_ in held.types) == len(held.subtypes)


def test_a_tree_of_three_levels() -> None:
    held = parse_taxonomy(tree())
    assert held.types == ("A", "B")
    assert held.under("A") == ("A1", "A11")
    assert held.under("B") == ()
    assert [node.id for node in held.path("A11")] == ["A", "A1", "A11"]
    assert held.type_of("A11") == "A"
    assert held.path("A11")[-1].zh == "甲一一"
    assert held.path("A11")[-1].en == "A11"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"other": "A1"}, "`other` must be one of the types"),
        ({"extra": 1}, "no 'extra'"),
        ({"node": []}, "2 to"),
        ({"node": [{"id": "A"}, {"id": "A"}]}, "there twice"),
        ({"node": [{"id": "A"}, {"id": "B"}, {"id": "C", "parent": "D"}]}, "which is no node"),
        ({"node": [{"id": "A"}, {"id": "B"}, {"id": "C", "parent": "D"}, {"id": "D", "parent": "C"}]}, "under itself"),
        ({"node": [{"id": "A"}, {"id": "B", "parent": "A"}]}, "at least two"),
        ({"node": [{"id": "A"}, {"id": "B", "colour": "red"}]}, "unknown 'colour'"),
        ({"node": [{"id": "A"}, {"id": " "}]}, "'id' must be"),
        ({"node": [{"id": "A"}, {"id": "B\n"}]}, "'id' must be"),
        ({"node": [{"id": "A"}, {"id": 3}]}, "'id' must be"),
        ({"node": [{"id": "A"}, {"id": "B", "zh": "x" * 65}]}, "'zh' must be"),
    ],
)
def test_a_broken_tree_says_what_is_wrong(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        parse_taxonomy(tree(**changes))


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("other = ", encoding="utf-8")
    with pytest.raises(BadInput, match=r"mine\.toml"):
        read_taxonomy(path)
    with pytest.raises(BadInput, match="cannot be read"):
        read_taxonomy(tmp_path / "none.toml")


def test_an_unknown_id_is_refused() -> None:
    with pytest.raises(BadInput, match="has no '音乐'"):
        default_taxonomy().type_of("音乐")


def test_the_record_takes_what_the_taxonomy_in_force_has() -> None:
    standard = RecordSchema()
    own = standard.with_choices(parse_taxonomy(tree()).choices())
    assert standard.check("issue_type", "技术", "agent") == "技术"
    assert standard.check("issue_subtype", "账单-退款", "agent") == "账单-退款"
    assert own.check("issue_type", "A", "agent") == "A"
    assert own.check("issue_subtype", "A11", "agent") == "A11"
    for name, value, schema in (
        ("issue_type", "账单-退款", standard),
        ("issue_subtype", "退款", standard),
        ("issue_type", "技术", own),
        ("issue_subtype", "A", own),
    ):
        with pytest.raises(BadInput, match="takes one of"):
            schema.check(name, value, "agent")
