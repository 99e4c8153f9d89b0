"""The fact set is read whole, and what is scored is what was said."""

from pathlib import Path

import pytest

from callcue.core.errors import BadInput
from eval.facts import OWN, FactCase, Found, measure, read_cases, score, with_errors


def test_the_own_set_is_large_enough_and_no_exchange_stands_twice() -> None:
    cases = read_cases(OWN)
    assert sum(case.language == "zh" for case in cases) >= 150
    assert sum(case.language == "en" for case in cases) >= 50
    assert len({case.turns for case in cases}) == len(cases)


def test_the_product_is_far_above_plain_expressions() -> None:
    methods = measure(read_cases(OWN))["methods"]
    assert methods["product"]["clean"]["right"] >= 0.9
    for condition in ("clean", "errors"):
        assert methods["product"][condition]["right"] > methods["plain"][condition]["right"] + 0.2
        assert methods["product"][condition]["wrong"] < methods["plain"][condition]["wrong"]


def test_errors_leave_the_numbers_as_they_are() -> None:
    case = FactCase(
        line=1, language="zh", turns=(("caller", "麻烦你帮我查一下订单号二零七七三一八六好吗"),), facts=frozenset()
    )
    (turn,) = with_errors(case).turns
    assert "二零七七三一八六" in turn[1]
    assert turn[1] != case.turns[0][1]


def test_scores_count_what_is_missing_and_what_was_not_said() -> None:
    phone, order = ("phone", "", "1"), ("order_no", "", "2")
    case = FactCase(line=1, language="zh", turns=(("caller", "x"),), facts=frozenset({phone}))
    right = score([case], lambda *_: [Found(said=phone, probability=0.9)], roles=True, confidence=1.0)
    assert (right["right"], right["wrong"]) == (1.0, 0.0)
    wrong = score([case], lambda *_: [Found(said=order, probability=0.9)], roles=True, confidence=1.0)
    assert (wrong["right"], wrong["wrong"]) == (0.0, 100.0)


@pytest.mark.parametrize("line", ["zh | text", "fr | text | -", "zh | text | colour=red", "zh | text | phone"])
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "facts.txt"
    file.write_text(f"# notes\n{line}\n", encoding="utf-8")
    with pytest.raises(BadInput, match="line 2"):
        read_cases(file)
