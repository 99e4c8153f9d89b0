"""Training and test share no wording, and the further wordings bring nothing of the test into the training."""

import itertools
import json
import random

import pytest

from tagger.make_data import DATA, TOO_LIKE, Likeness, expand, make_rows, read_wordings


def test_likeness_is_of_the_most_like_text() -> None:
    told = Likeness()
    told.add("快递到哪了，帮我查一下", "a")
    told.add("我要开发票", "b")
    assert told.most("我要开发票。") == (1, "b")
    assert told.most("我要开收据") == (pytest.approx(2 * 2 / 8), "b")
    assert told.most("今天天气不错") == (0, "")


def test_the_data_is_large_enough_and_every_subtype_has_its_share() -> None:
    rows = make_rows("issue_type")
    assert len(rows) >= 2000
    learnt = [row for row in rows if not row["test"]]
    for subtype in {row["issue_subtype"] for row in rows}:
        assert len({row["wording"] for row in learnt if row["issue_subtype"] == subtype}) >= 40


def test_no_filling_of_a_further_wording_is_nearly_one_of_the_test() -> None:
    slots = json.loads((DATA / "slots.json").read_text(encoding="utf-8"))
    first = read_wordings(DATA / "wordings_issue_type.txt")
    further = read_wordings(DATA / "wordings_issue_type_more.txt", further=True)
    assert further
    assert not any(wording.held_out for wording in further)
    told = Likeness()
    for wording in (wording for wording in first if wording.held_out):
        for filled in itertools.islice(expand(wording.template, slots, random.Random(wording.id)), 16):
            told.add(filled)
    ids = {wording.id for wording in further}
    clean = [row for row in make_rows("issue_type") if row["wording"] in ids and not row["noisy"]]
    assert clean
    assert not any(row["test"] for row in clean)
    # Greetings and fillers are around what was filled in, so a row is a little less like than its filling.
    assert max(told.most(str(row["text"]))[0] for row in clean) < TOO_LIKE + 0.15
