"""Whether a folder holds a model that may be loaded. Loads no weights; reads only names and small JSON files."""

import json
from pathlib import Path

from callcue.core.errors import ModelError
from models.registry import ModelKind

_PICKLES = ("pytorch_model*.bin", "*.pt", "*.pth", "*.pkl", "*.pickle", "*.ckpt", "*.joblib")
_MAX_TEXT = 64 * 1024 * 1024
"""Bytes."""
_OWN_MODULES = "sentence_transformers."


def validate_folder(folder: Path, kind: ModelKind) -> None:
    """Raise ModelError, saying what is wrong and what to do, unless ``folder`` looks like a model of ``kind``."""
    if not folder.is_dir():
        raise ModelError(f"The model folder {folder} does not exist")
    if kind == "whisper":
        _validate_whisper(folder)
    else:
        _validate_embedder(folder)


def read_text(path: Path) -> str:
    """A text file of a model folder. Raises ModelError when it is missing, too large or not UTF-8."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_TEXT + 1)
        if len(data) > _MAX_TEXT:
            raise ModelError(f"{path} is larger than any model's text file; the folder is damaged or not a model")
        return data.decode("utf-8")
    except FileNotFoundError as error:
        raise ModelError(f"{path.parent} has no {path.name}; it is not a complete model folder") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} cannot be read as text ({error}); fetch the model again") from error


def read_json(path: Path) -> object:
    """A JSON file of a model folder. Raises ModelError when it is missing, too large or not JSON."""
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read as JSON ({error}); fetch the model again") from error


def _validate_whisper(folder: Path) -> None:
    config = read_json(folder / "config.json")
    if not isinstance(config, dict):
        raise ModelError(f"{folder / 'config.json'} is not a JSON object; fetch the model again")
    if not (folder / "model.bin").is_file():
        if config.get("model_type") == "whisper" or "architectures" in config:
            raise ModelError(
                f"{folder} holds a Hugging Face transformers model. Convert it for CTranslate2 first: "
                f"ct2-transformers-converter --model {folder} --output_dir NEW_FOLDER --quantization float16 "
                "--copy_files tokenizer.json preprocessor_config.json"
            )
        raise ModelError(f"{folder} has no model.bin; a CTranslate2 Whisper folder is needed")
    if not (folder / "tokenizer.json").is_file():
        raise ModelError(
            f"{folder} has no tokenizer.json. Copy it from the model that was converted; without it the tokenizer "
            "would have to be downloaded at run time"
        )
    if not any((folder / name).is_file() for name in ("vocabulary.json", "vocabulary.txt")):
        raise ModelError(f"{folder} has no vocabulary.json or vocabulary.txt; convert or fetch the model again")


def _validate_embedder(folder: Path) -> None:
    modules = read_json(folder / "modules.json") if (folder / "modules.json").exists() else []
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise ModelError(f"{folder / 'modules.json'} is not a list of modules; fetch the model again")
    for module in modules:
        kind = module.get("type")
        if not isinstance(kind, str) or not kind.startswith(_OWN_MODULES):
            raise ModelError(
                f"{folder} wants to run code of its own ({kind!r}); only modules of sentence-transformers are loaded"
            )
    read_json(folder / "config.json")
    _refuse_pickles(folder)
    if not any(folder.rglob("*.safetensors")):
        raise ModelError(
            f"{folder} has no *.safetensors weights; a sentence-transformers folder with safetensors is needed"
        )


def _refuse_pickles(folder: Path) -> None:
    """A pickle runs code when it is loaded, so it must not be what the loader would choose."""
    for pattern in _PICKLES:
        for found in sorted(folder.rglob(pattern)):
            if not any(found.parent.glob("*.safetensors")):
                raise ModelError(
                    f"{found} is a pickle, which can run code when it is loaded, and has no safetensors beside it. "
                    "It is not loaded. Save the model as safetensors: "
                    "SentenceTransformer(FOLDER).save(NEW_FOLDER, safe_serialization=True)"
                )
