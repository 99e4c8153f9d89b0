"""Fine-tuning of a transformers sequence classifier from a local folder, and the resulting TagModel.

Needs the extra ``finetune`` (torch, transformers). Nothing is downloaded, only safetensors are read, and no code of a
model's own is run. The linear classifiers of ``tagger.classifier`` are the default: they need none of this.
"""

import hashlib
import json
import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from callcue.core.errors import ChecksumMismatch, MissingExtra, ModelError
from callcue.core.ports import Prediction, TagModel
from tagger.features import MAX_CHARS, softmax

BACKEND = "transformers"
MANIFEST = "manifest.json"
_WEIGHTS = "model.safetensors"
_FORMAT = 1
_INFERENCE_BATCH = 32
_CLIP = 1.0
_WARM_UP = 0.1
"""Share of the steps in which the learning rate rises; it falls to 0 in the others."""

Logits = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneConfig:
    """How to fine-tune. The defaults are those usual for BERT-sized encoders (Devlin et al. 2019, appendix A.3)."""

    base: Path
    """Folder of the model to begin with: config.json, model.safetensors, a tokenizer."""
    epochs: int = 3
    batch: int = 16
    """Texts."""
    learning_rate: float = 3e-5
    max_tokens: int = 64
    seed: int = 0


def fine_tune(
    texts: Sequence[str], classes: Sequence[int], labels: Sequence[str], config: FinetuneConfig
) -> tuple[Any, Any]:
    """A fine-tuned (model, tokenizer). ``classes`` number into ``labels``. Raises MissingExtra, ModelError."""
    import_torch()
    import torch

    torch.manual_seed(config.seed)
    model, tokenizer = _load(config.base, labels)
    steps = config.epochs * -(-len(texts) // config.batch)
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, steps))
    order = list(range(len(texts)))
    dice = random.Random(config.seed)
    model.train()
    for _ in range(config.epochs):
        dice.shuffle(order)
        for start in range(0, len(order), config.batch):
            chosen = order[start : start + config.batch]
            inputs = _encode(tokenizer, [texts[i] for i in chosen], config.max_tokens)
            loss = model(**inputs, labels=torch.tensor([classes[i] for i in chosen])).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
            optimiser.step()
            schedule.step()
            optimiser.zero_grad()
    model.eval()
    return model, tokenizer


def logits_of(model: Any, tokenizer: Any, texts: Sequence[str], max_tokens: int) -> Logits:
    """(n, L), before the softmax."""
    import torch

    parts = []
    with torch.inference_mode():
        for start in range(0, len(texts), _INFERENCE_BATCH):
            inputs = _encode(tokenizer, texts[start : start + _INFERENCE_BATCH], max_tokens)
            parts.append(model(**inputs).logits.double().numpy())
    return np.concatenate(parts) if parts else np.zeros((0, int(model.config.num_labels)))


def write_model(model: Any, tokenizer: Any, manifest: dict[str, Any], folder: Path) -> None:
    """The files of a model in an empty folder; completes the manifest by the checksum."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    digest = hashlib.sha256((folder / _WEIGHTS).read_bytes()).hexdigest()
    whole = {"format": _FORMAT, "backend": BACKEND, **manifest, "sha256": digest}
    (folder / MANIFEST).write_text(json.dumps(whole, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def is_finetuned(folder: Path) -> bool:
    """Whether the folder says that it holds such a model."""
    try:
        held = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(held, dict) and held.get("backend") == BACKEND


class FinetunedClassifier:
    """A TagModel. One lock: the tokenizer changes its own padding on each call."""

    def __init__(self, manifest: dict[str, Any], model: Any, tokenizer: Any) -> None:
        self._name = f"{manifest['field']}/{str(manifest['sha256'])[:8]}"
        self._labels = tuple(manifest["labels"])
        self._temperature = float(manifest["temperature"])
        self._max_tokens = int(manifest["max_tokens"])
        self._model, self._tokenizer = model, tokenizer
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """Field and version, as written beside its findings."""
        return self._name

    @property
    def labels(self) -> tuple[str, ...]:
        """What it can say."""
        return self._labels

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction per text, in order."""
        with self._lock:
            logits = logits_of(self._model, self._tokenizer, texts, self._max_tokens)
        return [self._prediction(row) for row in softmax(logits / self._temperature)]

    def _prediction(self, row: Logits) -> Prediction:
        best = int(row.argmax())
        distribution = {label: float(p) for label, p in zip(self._labels, row, strict=True)}
        return Prediction(label=self._labels[best], probability=float(row[best]), distribution=distribution)

    @classmethod
    def load(cls, folder: Path) -> TagModel:
        """The model in ``folder``. Raises MissingExtra, and ModelError when it is damaged."""
        import_torch()
        manifest = read_finetuned_manifest(folder)
        try:
            data = (folder / _WEIGHTS).read_bytes()
        except OSError as error:
            raise ModelError(f"{folder / _WEIGHTS} cannot be read ({error}): restore it or train again") from error
        if hashlib.sha256(data).hexdigest() != manifest["sha256"]:
            raise ChecksumMismatch(f"{folder / _WEIGHTS} is not the file that its manifest describes: train again")
        model, tokenizer = _load(folder, manifest["labels"])
        model.eval()
        return cls(manifest, model, tokenizer)


def read_finetuned_manifest(folder: Path) -> dict[str, Any]:
    """The checked manifest. Raises ModelError."""
    path = folder / MANIFEST
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        labels = held["labels"]
        sound = (
            held["format"] == _FORMAT
            and held["backend"] == BACKEND
            and isinstance(held["field"], str)
            and isinstance(held["sha256"], str)
            and isinstance(labels, list)
            and len(labels) == len(set(labels)) >= 2
            and all(isinstance(label, str) for label in labels)
            and 0.01 <= float(held["temperature"]) <= 100
            and 1 <= int(held["max_tokens"]) <= 4096
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"{path} is not a manifest of a fine-tuned classifier ({error}): train again") from error
    if not sound:
        raise ModelError(f"{path} is not a manifest of a fine-tuned classifier of this version: train again")
    return dict(held)


def import_torch() -> None:
    """Raises MissingExtra unless torch and transformers are there."""
    try:
        import torch
        import transformers
    except ImportError as error:
        raise MissingExtra("A fine-tuned classifier", "finetune") from error
    del torch, transformers


def _load(folder: Path, labels: Sequence[str]) -> tuple[Any, Any]:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    if not folder.is_dir():
        raise ModelError(
            f"The model folder {folder} does not exist: fine-tuning begins with a local transformers model"
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        model = AutoModelForSequenceClassification.from_pretrained(
            str(folder),
            num_labels=len(labels),
            ignore_mismatched_sizes=True,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
        )
    except Exception as error:  # a back end's call: loaders raise whatever their format's library does
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        raise ModelError(
            f"The model in {folder} cannot be loaded ({reason}). It needs config.json, model.safetensors, a tokenizer"
        ) from error
    return model, tokenizer


def _encode(tokenizer: Any, texts: Sequence[str], max_tokens: int) -> Any:
    cut = [text[:MAX_CHARS] or " " for text in texts]
    return tokenizer(cut, padding=True, truncation=True, max_length=max_tokens, return_tensors="pt")


def _rate(step: int, steps: int) -> float:
    rising = max(1, int(steps * _WARM_UP))
    return (step + 1) / rising if step < rising else max(0.0, (steps - step) / max(1, steps - rising))
