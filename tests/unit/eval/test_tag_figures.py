"""The evaluation of tags: every method of one run, recognition errors, pictures, and vectors that are kept."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from eval.reliability import bins, picture
from eval.tag_sets import TagSet, all_sets, few
from eval.tags import measure_set
from tests.unit.tagger.fakes import LetterEmbedder
from tests.unit.tagger.test_tagger_classifier import rows


def test_bins_say_how_right_and_how_sure() -> None:
    found = bins([0.95, 0.91, 0.35, 1.0], [True, False, True, True])
    assert found[0] == (0.35, 1.0, 1)
    assert found[1][0] == pytest.approx((0.95 + 0.91 + 1.0) / 3)
    assert found[1][1:] == (pytest.approx(2 / 3), 3)
    assert bins([], []) == []


def test_the_reliability_picture_is_sound_xml_with_a_dot_per_bin() -> None:
    root = ElementTree.fromstring(picture({"<a>": [(0.2, 0.1, 3), (0.9, 1.0, 40)], "b": []}, "技术 & 账单"))
    dots = [part for part in root if part.tag.endswith("circle")]
    assert len(dots) == 2
    assert float(dots[0].get("r", 0)) < float(dots[1].get("r", 0))
    assert "<a>" in [part.text for part in root]


def test_all_methods_on_the_same_rows_with_errors_and_pictures(tmp_path: Path) -> None:
    held = [row for row in rows() if str(row["wording"]) in ("红苹果", "蓝大海")]
    for name, part in (("train", [row for row in rows() if row not in held]), ("test", held)):
        lines = [json.dumps({**row, "lang": "zh"}, ensure_ascii=False) for row in part]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    one = TagSet(
        name="own",
        train=tmp_path / "train.jsonl",
        test=tmp_path / "test.jsonl",
        label="colour",
        per_label=18,
        lang="zh",
    )
    figures = measure_set(one, LetterEmbedder(), plots=tmp_path / "plots", errors=0.2)
    assert (figures["train"], figures["test"], figures["texts_in_both"]) == (36, 6, 0)
    assert set(figures["methods"]) == {"product", "characters", "vectors", "nearest", "majority"}
    assert figures["methods"]["majority"]["accuracy"] == 0.5
    assert figures["methods"]["product"]["accuracy"] == 1.0
    assert set(figures["disturbed"]) == set(figures["methods"])
    for picture_file in ("confusion-own.svg", "reliability-own.svg"):
        ElementTree.parse(tmp_path / "plots" / picture_file)


def test_so_many_of_each_label() -> None:
    chosen = few(rows(), "colour", 4, seed=1)
    assert [row["colour"] for row in chosen] == ["blue"] * 4 + ["red"] * 4
    assert chosen == few(rows(), "colour", 4, seed=1)


def test_without_the_data_there_are_our_own_sets() -> None:
    assert [one.name for one in all_sets(None)] == ["own-issue_type", "own-issue_subtype"]
