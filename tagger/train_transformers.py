"""``callcue tagger train --backend transformers``: fine-tune, score on wordings held out, compare, put in place."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from callcue.core.errors import BadInput
from callcue.core.ports import Embedder
from tagger.compare import Probabilities
from tagger.features import softmax
from tagger.finetune import FinetuneConfig, fine_tune, logits_of, write_model
from tagger.fit import grouped_folds
from tagger.rows import Labelled, Row, labelled
from tagger.scores import score
from tagger.told import write_told
from tagger.train import TrainReport, against_present, described, report
from tagger.versions import new_folder, put_in_place

_TEMPERATURES = tuple(float(t) for t in np.geomspace(0.3, 5.0, 40))


def train_transformers(
    rows: Sequence[Row],
    field: str,
    config: FinetuneConfig,
    out_dir: Path,
    *,
    embedder: Embedder,
    folds: int = 1,
    force: bool = False,
    group: str = "wording",
) -> TrainReport:
    """As ``tagger.train.train``, with a fine-tuned model. ``embedder`` is that of the present model, to compare with.

    Each of ``folds`` (1 to 5) of five fifths is told by a model tuned on the rest: one costs little more than the final
    model, all five cost four times as much and judge every row.
    """
    if not 1 <= folds <= 5:
        raise BadInput("folds must be 1 to 5")
    data = labelled(rows, field, group)
    logits = np.full((len(data.texts), len(data.labels)), np.nan)
    for seen, unseen in grouped_folds(data.classes, data.groups)[:folds]:
        model, tokenizer = _tuned(data, seen, config)
        logits[unseen] = logits_of(model, tokenizer, [data.texts[i] for i in unseen], config.max_tokens)
    temperature, honest = _calibrated(logits, data)
    judged = np.flatnonzero(np.isfinite(honest).all(axis=1))
    scores = score(honest[judged], data.classes[judged])
    comparison = against_present(out_dir, data, honest, scores, embedder=embedder, force=force)
    model, tokenizer = _tuned(data, np.arange(len(data.texts)), config)
    manifest = {
        "field": field,
        "labels": list(data.labels),
        "base": config.base.name,
        "temperature": temperature,
        "max_tokens": config.max_tokens,
        **described(data, scores),
        "judged": len(judged),
    }
    fresh = new_folder(out_dir)
    try:
        write_model(model, tokenizer, manifest, fresh)
        write_told(fresh, data.texts, data.groups, honest)
        replaced = put_in_place(fresh, out_dir)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return report(field, data, scores, comparison, out_dir, replaced=replaced)


def _tuned(data: Labelled, seen: np.ndarray, config: FinetuneConfig) -> tuple[object, object]:
    chosen = [int(i) for i in seen]
    return fine_tune([data.texts[i] for i in chosen], [int(data.classes[i]) for i in chosen], data.labels, config)


def _calibrated(logits: Probabilities, data: Labelled) -> tuple[float, Probabilities]:
    """The temperature for the final model, and probabilities of either half of the rows by the other half's."""
    told = np.flatnonzero(np.isfinite(logits).all(axis=1))
    honest = np.full(logits.shape, np.nan)
    for half in (0, 1):
        mine, other = told[half::2], told[1 - half :: 2]
        honest[mine] = softmax(logits[mine] / _temperature(logits[other], data.classes[other]))
    return _temperature(logits[told], data.classes[told]), honest


def _temperature(logits: Probabilities, classes: np.ndarray) -> float:
    if not len(logits):
        return 1.0

    def loss(temperature: float) -> float:
        right = softmax(logits / temperature)[np.arange(len(classes)), classes]
        return float(-np.log(np.maximum(right, 1e-12)).mean())

    return min(_TEMPERATURES, key=loss)
