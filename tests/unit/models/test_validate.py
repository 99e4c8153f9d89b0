"""A folder that must not or cannot be loaded is refused with its remedy."""

import json
from pathlib import Path

import pytest

from callcue.core.errors import ModelError
from models.registry import resolve
from models.store import ModelStore
from models.validate import validate_folder


@pytest.fixture
def whisper(tmp_path: Path) -> Path:
    for name in ("model.bin", "tokenizer.json", "vocabulary.json"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "config.json").write_text('{"suppress_ids": []}')
    return tmp_path


@pytest.fixture
def embedder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"")
    (tmp_path / "modules.json").write_text(
        json.dumps([{"type": "sentence_transformers.models.Transformer", "path": ""}])
    )
    return tmp_path


def test_whole_folders_pass(whisper: Path) -> None:
    validate_folder(whisper, "whisper")
    assert ModelStore(whisper).ensure(resolve(str(whisper), "whisper")) == whisper


@pytest.mark.parametrize("missing", ["config.json", "model.bin", "tokenizer.json", "vocabulary.json"])
def test_a_missing_file_is_named(whisper: Path, missing: str) -> None:
    (whisper / missing).unlink()
    with pytest.raises(ModelError, match=missing.replace(".", r"\.")):
        validate_folder(whisper, "whisper")
    assert ModelStore(whisper).status(resolve(str(whisper), "whisper")).state == "damaged"


@pytest.mark.parametrize("content", ["{", "[]", '"text"', "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")])
def test_a_config_that_is_no_json_object_is_refused(whisper: Path, content: str) -> None:
    (whisper / "config.json").write_text(content, encoding="latin-1")
    with pytest.raises(ModelError, match=r"config.json"):
        validate_folder(whisper, "whisper")


def test_a_transformers_whisper_must_be_converted(whisper: Path) -> None:
    (whisper / "model.bin").unlink()
    (whisper / "model.safetensors").write_bytes(b"")
    (whisper / "config.json").write_text(
        '{"model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"]}'
    )
    with pytest.raises(ModelError, match="ct2-transformers-converter"):
        validate_folder(whisper, "whisper")


def test_a_whole_embedder_passes_until_a_part_is_missing(embedder: Path) -> None:
    validate_folder(embedder, "embedder")
    (embedder / "model.safetensors").unlink()
    with pytest.raises(ModelError):
        validate_folder(embedder, "embedder")


@pytest.mark.parametrize("pickle", ["pytorch_model.bin", "2_Dense/pytorch_model.bin", "head.pkl"])
def test_weights_in_a_pickle_are_not_loaded(embedder: Path, pickle: str) -> None:
    if "/" not in pickle:
        (embedder / "model.safetensors").rename(embedder / "elsewhere.txt")
    path = embedder / pickle
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"")
    with pytest.raises(ModelError, match=r"is a pickle.*safe_serialization"):
        validate_folder(embedder, "embedder")


def test_a_pickle_beside_safetensors_is_left_alone_but_never_stands_in_for_them(embedder: Path) -> None:
    (embedder / "pytorch_model.bin").write_bytes(b"")
    validate_folder(embedder, "embedder")
    (embedder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="is a pickle"):
        validate_folder(embedder, "embedder")


def test_code_of_the_models_own_is_refused(embedder: Path) -> None:
    (embedder / "modules.json").write_text('[{"type": "custom_module.Evil", "path": ""}]')
    with pytest.raises(ModelError, match="code of its own"):
        validate_folder(embedder, "embedder")


@pytest.mark.parametrize("modules", ["{}", "[1]", '[{"path": ""}]'])
def test_modules_of_another_shape_are_refused(embedder: Path, modules: str) -> None:
    (embedder / "modules.json").write_text(modules)
    with pytest.raises(ModelError):
        validate_folder(embedder, "embedder")
