"""Models side by side and one after the other: a fair comparison on the same rows, and the way back."""

from pathlib import Path

import numpy as np
import pytest

from callcue.core.errors import Conflict, ModelError, NotFound
from tagger.classifier import WEIGHTS, TextClassifier
from tagger.told import FILE, read_told, row_key, write_told
from tagger.train import lines, sample_of, train
from tagger.versions import PREVIOUS, roll_back
from tests.unit.tagger.fakes import LetterEmbedder
from tests.unit.tagger.test_tagger_classifier import rows


def test_the_present_model_is_judged_on_the_same_rows_by_its_own_folds(tmp_path: Path) -> None:
    first = train(rows(), "colour", LetterEmbedder(), tmp_path / "model")
    assert first.comparison is None
    more = [*rows(), *({"text": f"绿{word}", "colour": "blue", "wording": word} for word in ("草地", "树叶", "黄瓜"))]
    second = train(more, "colour", LetterEmbedder(), tmp_path / "model", force=True)
    both = second.comparison
    assert both is not None
    assert (both.rows, both.learnt) == (51, 48)
    assert both.new.macro_f1 == second.scores.macro_f1
    assert any("present:" in line for line in lines(second))


def test_the_same_data_again_is_a_draw(tmp_path: Path) -> None:
    train(rows(), "colour", LetterEmbedder(), tmp_path / "model")
    both = train(rows(), "colour", LetterEmbedder(), tmp_path / "model").comparison
    assert both is not None
    assert (both.only_new_right, both.only_present_right) == (0, 0)
    assert both.new.macro_f1 == both.present.macro_f1


def test_other_rows_of_a_learnt_wording_are_not_unseen(tmp_path: Path) -> None:
    train(rows(), "colour", LetterEmbedder(), tmp_path / "model")
    varied = [*rows(), *({**row, "text": f"{row['text']}哦"} for row in rows())]
    both = train(varied, "colour", LetterEmbedder(), tmp_path / "model", force=True).comparison
    assert both is not None
    assert (both.rows, both.learnt) == (48, 48)


def test_a_worse_one_is_refused_with_both_scores(tmp_path: Path) -> None:
    train(rows(), "colour", LetterEmbedder(), tmp_path / "model")
    wrong = [{**row, "colour": ("red", "blue")[number // 3 % 2]} for number, row in enumerate(rows())]
    with pytest.raises(Conflict, match=r"scored better: macro-F1 0\.\d+ on the same 48 rows") as refused:
        train(wrong, "colour", LetterEmbedder(), tmp_path / "model")
    assert "--force" in refused.value.message


def test_roll_back_and_back_again(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    train(rows(), "colour", LetterEmbedder(), folder)
    old = (folder / WEIGHTS).read_bytes()
    train(rows()[:-6], "colour", LetterEmbedder(), folder, force=True)
    new = (folder / WEIGHTS).read_bytes()
    assert old != new
    roll_back(folder)
    assert (folder / WEIGHTS).read_bytes() == old
    assert (folder / PREVIOUS / WEIGHTS).read_bytes() == new
    TextClassifier.load(folder, LetterEmbedder())
    roll_back(folder)
    assert (folder / WEIGHTS).read_bytes() == new
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_without_an_earlier_model_nothing_is_touched(tmp_path: Path) -> None:
    train(rows(), "colour", LetterEmbedder(), tmp_path / "model")
    with pytest.raises(NotFound, match="no earlier model"):
        roll_back(tmp_path / "model")
    TextClassifier.load(tmp_path / "model", LetterEmbedder())


def test_verdicts_are_kept_without_texts(tmp_path: Path) -> None:
    probabilities = np.array([[0.25, 0.75], [np.nan, np.nan], [0.9, 0.1]])
    write_told(tmp_path, ["退款呢", "不在任何一折", "发票呢"], ["a", "b", "a"], probabilities)
    kept = read_told(tmp_path, 2)
    held = kept.verdicts
    assert kept.groups == {row_key("a"), row_key("b")}
    assert held[row_key("退款呢")].label == 1
    assert held[row_key("发票呢")].probability == pytest.approx(0.9, abs=0.001)
    assert row_key("不在任何一折") not in held
    assert "退款".encode() not in (tmp_path / FILE).read_bytes()


def test_damaged_verdicts_are_refused(tmp_path: Path) -> None:
    assert read_told(tmp_path, 2).verdicts == {}
    write_told(tmp_path, ["a"], ["a"], np.array([[0.1, 0.2, 0.7]]))
    with pytest.raises(ModelError, match="does not fit"):
        read_told(tmp_path, 2)
    (tmp_path / FILE).write_bytes(b"nonsense")
    with pytest.raises(ModelError, match="cannot be read"):
        read_told(tmp_path, 3)


def test_inner_classes_are_sub_types_where_rows_have_them() -> None:
    subs = [*["技术-a"] * 6, *["技术-b"] * 6, None, "技术-rare", *[None] * 6]
    types = [*["技术"] * 14, *["账单"] * 6]
    texts = [*["啊啊"] * 6, *["波波"] * 6, "波波波", "啊啊啊", *["次次"] * 6]
    made = [
        {"text": text, "issue_type": type_, **({"issue_subtype": sub} if sub else {})}
        for text, type_, sub in zip(texts, types, subs, strict=True)
    ]
    sample = sample_of(made, "issue_type", LetterEmbedder())
    assert sample.owner.tolist() == [0, 0, 1]
    assert sample.inner.tolist() == [*[0] * 6, *[1] * 6, 1, 0, *[2] * 6]
    plain = sample_of(made[:6] + made[14:], "issue_type", LetterEmbedder())
    assert plain.owner.tolist() == [0, 1]


def test_a_model_of_sub_types_says_types(tmp_path: Path) -> None:
    made = [
        {"text": f"{word}{end}", "issue_type": type_, "issue_subtype": f"{type_}-{word[0]}", "wording": end}
        for type_, words in (("a", ("红苹果", "绿树叶")), ("b", ("蓝大海", "黄香蕉")))
        for word in words
        for end in ("呀", "吗", "了", "呢", "的", "吧")
    ]
    report = train(made, "issue_type", LetterEmbedder(), tmp_path / "model")
    assert report.labels == ("a", "b")
    found = TextClassifier.load(tmp_path / "model", LetterEmbedder()).predict(["绿树叶哦", "黄香蕉哦"])
    assert [one.label for one in found] == ["a", "b"]
    assert sum(found[0].distribution.values()) == pytest.approx(1.0)
