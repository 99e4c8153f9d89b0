"""The stacked classifier: trained, saved, loaded back; the folder serves the simple one too; damage is refused."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from callcue.core.errors import ChecksumMismatch, Conflict, ModelError
from tagger.classifier import MANIFEST, WEIGHTS, TextClassifier, read_manifest
from tagger.stacked import Kernel, StackedClassifier, load_classifier
from tagger.train import PREVIOUS, Row, train
from tagger.train_stacked import train_stacked
from tests.unit.tagger.fakes import LetterEmbedder
from tests.unit.tagger.test_tagger_classifier import rows

THIRD = ("黄香蕉", "黄柠檬", "黄月亮", "黄菊花", "黄油饼", "黄皮书", "黄马褂", "黄土地")


def three() -> list[Row]:
    more = [{"text": f"{w}{e}", "colour": "yellow", "wording": w} for w in THIRD for e in ("", "呀", "吗")]
    return [*rows(), *more]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("stacked") / "colour"
    train_stacked(three(), "colour", LetterEmbedder(), made)
    return made


def test_a_trained_stack_knows_unseen_texts(folder: Path) -> None:
    model = load_classifier(folder, LetterEmbedder())
    assert isinstance(model, StackedClassifier)
    found = model.predict(["红旗子", "蓝旗子", "黄旗子"])
    assert [one.label for one in found] == ["red", "blue", "yellow"]
    assert all(sum(one.distribution.values()) == pytest.approx(1.0) for one in found)
    assert model.predict([]) == []


def test_two_labels_work_too(tmp_path: Path) -> None:
    report = train_stacked(rows(), "colour", LetterEmbedder(), tmp_path / "two")
    red, blue = load_classifier(tmp_path / "two", LetterEmbedder()).predict(["红旗子", "蓝旗子"])
    assert (red.label, blue.label) == ("red", "blue")
    assert report.scores.accuracy > 0.5


def test_the_folder_is_one_of_the_simple_classifier_too(folder: Path) -> None:
    assert TextClassifier.load(folder, LetterEmbedder()).labels == ("blue", "red", "yellow")


def test_a_folder_without_a_stack_gives_the_simple_classifier(tmp_path: Path) -> None:
    train(rows(), "colour", LetterEmbedder(), tmp_path / "simple")
    assert isinstance(load_classifier(tmp_path / "simple", LetterEmbedder()), TextClassifier)


def test_a_better_model_is_kept_and_a_replaced_one_too(folder: Path, tmp_path: Path) -> None:
    made = tmp_path / "colour"
    train_stacked(three(), "colour", LetterEmbedder(), made)
    before = (made / WEIGHTS).read_bytes()
    other = {"red": "blue", "blue": "yellow", "yellow": "red"}
    half_wrong = [
        {**row, "colour": other[str(row["colour"])] if number // 3 % 2 else row["colour"]}
        for number, row in enumerate(three())
    ]
    with pytest.raises(Conflict, match="scored better"):
        train_stacked(half_wrong, "colour", LetterEmbedder(), made)
    assert (made / WEIGHTS).read_bytes() == before
    assert train_stacked(half_wrong, "colour", LetterEmbedder(), made, force=True).replaced
    assert (made / PREVIOUS / WEIGHTS).read_bytes() == before


def test_a_damaged_stack_is_refused(folder: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "colour"
    damaged.mkdir()
    arrays = load_file(folder / WEIGHTS)
    del arrays["meta"]
    save_file(arrays, damaged / WEIGHTS)
    (damaged / MANIFEST).write_bytes((folder / MANIFEST).read_bytes())
    with pytest.raises(ChecksumMismatch):
        load_classifier(damaged, LetterEmbedder())
    sha = read_manifest(folder)["sha256"]

    fresh = hashlib.sha256((damaged / WEIGHTS).read_bytes()).hexdigest()
    text = (folder / MANIFEST).read_text(encoding="utf-8").replace(sha, fresh)
    (damaged / MANIFEST).write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match="train again"):
        load_classifier(damaged, LetterEmbedder())


def test_the_kernel_is_the_gaussian_of_the_distance() -> None:
    kernel = Kernel(
        support=np.array([[0.0, 0.0], [3.0, 4.0]], dtype=np.float32),
        duals=np.array([[1.0, 0.0], [0.0, 2.0]], dtype=np.float32),
        bias=np.array([0.0, 1.0], dtype=np.float32),
        gamma=0.1,
    )
    found = kernel.part(np.array([[0.0, 0.0]], dtype=np.float32))
    assert found.tolist()[0] == pytest.approx([1.0, 1.0 + 2.0 * np.exp(-2.5)], rel=1e-5)
