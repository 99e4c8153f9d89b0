"""Fine-tuning for real, on a tiny model with random weights that is made here."""

import json
from pathlib import Path
from typing import Any

import pytest

from callcue.core.errors import BadInput, ChecksumMismatch, ModelError
from tagger.finetune import MANIFEST, FinetuneConfig, FinetunedClassifier, is_finetuned
from tagger.loading import load_model
from tagger.rows import Row
from tagger.train_transformers import train_transformers
from tests.unit.tagger.fakes import LetterEmbedder
from tests.unit.tagger.test_tagger_classifier import rows

WHY = "fine-tuning needs the extra `finetune`"
pytest.importorskip("torch", reason=WHY)
transformers = pytest.importorskip("transformers", reason=WHY)

pytestmark = pytest.mark.filterwarnings("ignore")  # torch and transformers deprecate things of their own


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    letters = sorted({letter for row in rows() for letter in str(row["text"])})
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    (folder / "vocab.txt").write_text("\n".join([*special, *letters]) + "\n", encoding="utf-8")
    tokenizer = transformers.BertTokenizerFast(vocab=str(folder / "vocab.txt"))
    config = transformers.BertConfig(
        vocab_size=len(special) + len(letters),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    transformers.set_seed(1)
    transformers.BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def tune(base: Path, out: Path, data: list[Row] | None = None, **options: Any) -> Any:
    config = FinetuneConfig(base=base, epochs=12, batch=8, learning_rate=5e-3, max_tokens=16)
    return train_transformers(data or rows(), "colour", config, out, embedder=LetterEmbedder(), **options)


@pytest.fixture(scope="module")
def tuned(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "colour"
    report = tune(base, out)
    assert not report.replaced
    assert report.scores.macro_f1 > 0.8  # "red" and "blue" are the first letter of wordings held out
    return out


def test_it_learns_and_is_loaded_by_what_the_folder_says(tuned: Path) -> None:
    assert is_finetuned(tuned)
    model = load_model(tuned, LetterEmbedder())
    assert isinstance(model, FinetunedClassifier)
    assert model.labels == ("blue", "red")
    found = model.predict([str(row["text"]) for row in rows()])
    assert [one.label for one in found] == [row["colour"] for row in rows()]
    assert sum(found[0].distribution.values()) == pytest.approx(1.0)
    assert model.predict([""])[0].label in model.labels
    assert model.predict([]) == []


def test_it_is_compared_and_keeps_the_old_one(base: Path, tuned: Path, tmp_path: Path) -> None:
    out = tmp_path / "colour"
    tune(base, out)
    report = tune(base, out, force=True)
    assert report.replaced
    assert report.comparison is not None
    assert report.comparison.only_new_right == report.comparison.only_present_right == 0  # the same seed
    assert is_finetuned(out / "previous")


def test_damage_is_refused(tuned: Path, base: Path, tmp_path: Path) -> None:
    out = tmp_path / "colour"
    tune(base, out)
    held = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    (out / MANIFEST).write_text(json.dumps({**held, "sha256": "0" * 64}), encoding="utf-8")
    with pytest.raises(ChecksumMismatch):
        load_model(out, LetterEmbedder())
    (out / MANIFEST).write_text(json.dumps({**held, "labels": ["red"]}), encoding="utf-8")
    with pytest.raises(ModelError, match="not a manifest"):
        load_model(out, LetterEmbedder())


def test_a_missing_base_says_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        tune(tmp_path / "none", tmp_path / "colour")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        tune(tmp_path / "empty", tmp_path / "colour")
    with pytest.raises(BadInput, match="folds"):
        tune(tmp_path, tmp_path / "colour", folds=9)
    assert not (tmp_path / "colour").exists()
