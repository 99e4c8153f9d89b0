"""Training and loading: what is saved predicts the same, worse models do not replace better ones, damage is refused."""

import hashlib
import json
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

from callcue.core.errors import BadInput, ChecksumMismatch, Conflict, ModelError
from tagger.classifier import MANIFEST, WEIGHTS, TextClassifier
from tagger.train import PREVIOUS, Row, read_rows, train
from tests.unit.tagger.fakes import LetterEmbedder

COLOURS = ("红苹果", "红番茄", "红辣椒", "红玫瑰", "红灯笼", "红草莓", "红围巾", "红领巾")
SEAS = ("蓝大海", "蓝天空", "蓝墨水", "蓝宝石", "蓝鲸鱼", "蓝眼睛", "蓝裤子", "蓝气球")


def rows() -> list[Row]:
    return [
        {"text": f"{word}{end}", "colour": label, "wording": word}
        for label, words in (("red", COLOURS), ("blue", SEAS))
        for word in words
        for end in ("", "呀", "吗")
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    train(rows(), "colour", LetterEmbedder(), tmp_path / "model")
    return tmp_path / "model"


def test_a_trained_model_knows_unseen_texts(folder: Path) -> None:
    model = TextClassifier.load(folder, LetterEmbedder())
    red, blue = model.predict(["红旗子", "蓝旗子"])
    assert (red.label, blue.label) == ("red", "blue")
    assert sum(red.distribution.values()) == pytest.approx(1.0)
    assert red.probability == max(red.distribution.values())
    assert model.labels == ("blue", "red")
    assert model.predict([]) == []


@pytest.mark.parametrize("text", ["", "。", "a" * 100_000, "\x00\ud800", "🙂"])
def test_any_text_gets_a_distribution(folder: Path, text: str) -> None:
    (found,) = TextClassifier.load(folder, LetterEmbedder()).predict([text.encode("utf-8", "replace").decode()])
    assert sum(found.distribution.values()) == pytest.approx(1.0)


def test_scores_are_of_wordings_not_seen(tmp_path: Path) -> None:
    report = train(rows(), "colour", LetterEmbedder(), tmp_path / "model")
    assert report.groups == 16
    assert report.rows == 48
    assert 0.5 < report.scores.macro_f1 <= 1.0
    assert 0.0 <= report.scores.ece <= 1.0
    assert not report.replaced


def test_retraining_keeps_the_old_model(folder: Path) -> None:
    before = (folder / WEIGHTS).read_bytes()
    report = train(rows()[:-3], "colour", LetterEmbedder(), folder, force=True)
    assert report.replaced
    assert (folder / PREVIOUS / WEIGHTS).read_bytes() == before
    TextClassifier.load(folder, LetterEmbedder())


def test_a_better_model_is_not_replaced_unless_forced(folder: Path) -> None:
    before = (folder / WEIGHTS).read_bytes()
    shuffled = [{**row, "colour": ("red", "blue")[number % 2]} for number, row in enumerate(rows())]
    with pytest.raises(Conflict, match="scored better"):
        train(shuffled, "colour", LetterEmbedder(), folder)
    assert (folder / WEIGHTS).read_bytes() == before
    train(shuffled, "colour", LetterEmbedder(), folder, force=True)
    assert (folder / WEIGHTS).read_bytes() != before


def test_other_labels_do_not_replace_unless_forced(folder: Path) -> None:
    renamed = [{**row, "colour": str(row["colour"]).upper()} for row in rows()]
    with pytest.raises(Conflict, match="other labels"):
        train(renamed, "colour", LetterEmbedder(), folder)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([{"text": "x"}], "Row 1 needs"),
        ([{"text": "", "colour": "red"}], "Row 1 needs"),
        ([{"text": "x", "colour": 3}], "Row 1 needs"),
        ([{"text": "x", "colour": "red"}] * 9, "at least 2 labels"),
        ([{"text": "x", "colour": "red"}] * 9 + [{"text": "y", "colour": "blue"}], "too few for: blue"),
    ],
)
def test_unusable_rows_are_named(tmp_path: Path, bad: list[Row], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        train(bad, "colour", LetterEmbedder(), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text('{"text": "x"}\nnonsense\n', encoding="utf-8")
    with pytest.raises(BadInput, match="line 2"):
        read_rows(path)


def test_another_embedder_is_refused(folder: Path) -> None:
    with pytest.raises(ModelError, match="was trained with the embedder 'letters/1'"):
        TextClassifier.load(folder, LetterEmbedder(name="letters/2"))


def test_a_missing_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="callcue tagger train"):
        TextClassifier.load(tmp_path, LetterEmbedder())


def test_changed_weights_are_refused(folder: Path) -> None:
    arrays = load_file(folder / WEIGHTS)
    save_file({**arrays, "dense_bias": arrays["dense_bias"] + 1}, folder / WEIGHTS)
    with pytest.raises(ChecksumMismatch):
        TextClassifier.load(folder, LetterEmbedder())


def _edit_manifest(folder: Path, **changes: object) -> None:
    held = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    (folder / MANIFEST).write_text(json.dumps({**held, **changes}), encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 99}, "format"),
        ({"labels": ["a", "b", "c"]}, "shape"),
        ({"labels": ["a", "a"]}, "twice"),
        ({"labels": "ab"}, "labels"),
        ({"temperature": 0}, "temperature"),
        ({"shares": {"dense": True, "prototypes": 0.0, "chars": 0.0}}, "shares"),
        ({"shares": {"dense": 0.5, "prototypes": 0.0, "chars": 0.4}}, "add up"),
        ({"shares": {"dense": 1.0}}, "shares"),
        ({"scheme": 3}, "scheme"),
        ({"format": 1, "share": True}, "share"),
        ({"format": True}, "format"),
    ],
)
def test_a_wrong_manifest_is_refused(folder: Path, changes: dict[str, object], message: str) -> None:
    _edit_manifest(folder, **changes)
    with pytest.raises(ModelError, match=message):
        TextClassifier.load(folder, LetterEmbedder())


def test_garbage_instead_of_weights_is_refused(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(b"garbage" * 10)
    _edit_manifest(folder, sha256=hashlib.sha256(b"garbage" * 10).hexdigest())
    with pytest.raises(ModelError, match="does not hold"):
        TextClassifier.load(folder, LetterEmbedder())


def test_a_model_of_the_first_format_is_still_read(folder: Path) -> None:
    held = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    weights = load_file(folder / WEIGHTS)
    few = weights["buckets"] < 1 << 16
    weights = {name: rows for name, rows in weights.items() if not name.startswith("prototypes")}
    weights |= {name: weights[name][few] for name in ("buckets", "idf", "chars")}
    save_file(weights, folder / WEIGHTS)
    del held["shares"], held["scheme"]
    digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    old = {**held, "format": 1, "share": 0.9, "sha256": digest}
    (folder / MANIFEST).write_text(json.dumps(old), encoding="utf-8")
    assert [one.label for one in TextClassifier.load(folder, LetterEmbedder()).predict(["红旗子", "蓝旗子"])] == [
        "red",
        "blue",
    ]
