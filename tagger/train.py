"""Train a classifier: ``python -m tagger.train DATA.jsonl --label FIELD --out DIR``.

Prints cross-validated scores, refuses to replace a model that scored better, and keeps the replaced one beside it.
"""

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from callcue.core.errors import BadInput, Conflict, ModelError
from callcue.core.ports import Embedder
from tagger.classifier import FORMAT, MANIFEST, WEIGHTS, Weights, read_manifest
from tagger.features import ngram_counts, vectors
from tagger.fit import Fitted, Sample, cross_validate, fit
from tagger.scores import Scores

Row = Mapping[str, object]
PREVIOUS = "previous"
"""Sub-folder that holds the model replaced last."""
_TOLERANCE = 0.005
"""Macro-F1 that a new model may lose: less than folds differ by chance."""
_LEAST_PER_LABEL = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainReport:
    """What came out."""

    field: str
    rows: int
    groups: int
    """Wordings (or rows, where rows name none) that the folds kept together."""
    labels: tuple[str, ...]
    scores: Scores
    """Cross-validated; the calibration of each fold was learnt on the others."""
    folder: Path
    replaced: bool
    """There was a model before, now under ``previous``."""


def train(
    rows: Sequence[Row], field: str, embedder: Embedder, out_dir: Path, *, force: bool = False, group: str = "wording"
) -> TrainReport:
    """Train on ``rows`` (``text`` and the label under ``field``) and put the model into ``out_dir``.

    Rows with the same value under ``group`` stay in one fold, so that the scores are of wordings not seen. Raises
    BadInput for unusable rows, and Conflict (nothing is changed) when the model there scored better and not ``force``.
    """
    sample = sample_of(rows, field, embedder, group)
    scores, settings = cross_validate(sample)
    previous = manifest_of(out_dir)
    if previous is not None and not force:
        refuse_worse(previous, scores, sample.labels, out_dir)
    fitted = fit(sample, settings)
    manifest = {
        "format": FORMAT,
        "field": field,
        "labels": list(sample.labels),
        "embedder": embedder.name,
        "share": settings.share,
        "temperature": settings.temperature,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": len(sample.texts),
        "groups": len(set(sample.groups)),
        "data_sha256": digest(sample),
        "scores": asdict(scores),
    }
    _write(fitted, manifest, out_dir)
    return TrainReport(
        field=field,
        rows=len(sample.texts),
        groups=len(set(sample.groups)),
        labels=sample.labels,
        scores=scores,
        folder=out_dir,
        replaced=previous is not None,
    )


def read_rows(path: Path) -> list[Row]:
    """The objects of a JSONL file. Raises BadInput that names the line."""
    rows: list[Row] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read as UTF-8 text: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise BadInput(f"{path}, line {number}: not JSON ({error})") from error
        if not isinstance(row, dict):
            raise BadInput(f"{path}, line {number}: expected an object")
        rows.append(row)
    return rows


def sample_of(rows: Sequence[Row], field: str, embedder: Embedder, group: str = "wording") -> Sample:
    """The rows' features. Raises BadInput when a row lacks its text or label, or there are too few."""
    texts: list[str] = []
    names: list[str] = []
    groups: list[str] = []
    for number, row in enumerate(rows, 1):
        text, label = row.get("text"), row.get(field)
        if not isinstance(text, str) or not text.strip() or not isinstance(label, str) or not label:
            raise BadInput(f"Row {number} needs 'text' and {field!r}, both texts that are not empty")
        texts.append(text)
        names.append(label)
        groups.append(str(row.get(group, f"row {number}")))
    labels = tuple(sorted(set(names)))
    counts = {label: names.count(label) for label in labels}
    rare = [label for label, count in counts.items() if count < _LEAST_PER_LABEL]
    if len(labels) < 2 or rare:
        raise BadInput(
            f"Training {field!r} needs at least 2 labels with {_LEAST_PER_LABEL} rows each; "
            + (f"too few for: {', '.join(rare[:10])}" if rare else f"found {len(labels)} label(s)")
        )
    index = {label: number for number, label in enumerate(labels)}
    return Sample(
        texts=tuple(texts),
        classes=np.array([index[name] for name in names]),
        labels=labels,
        groups=tuple(groups),
        vectors=vectors(embedder, texts),
        counts=tuple(ngram_counts(text) for text in texts),
    )


def digest(sample: Sample) -> str:
    digest = hashlib.sha256()
    for text, number in zip(sample.texts, sample.classes, strict=True):
        digest.update(json.dumps([text, sample.labels[number]], ensure_ascii=False).encode() + b"\n")
    return digest.hexdigest()


def manifest_of(folder: Path) -> dict[str, Any] | None:
    if not (folder / MANIFEST).exists():
        return None
    try:
        return read_manifest(folder)
    except ModelError as error:
        raise Conflict(f"{error.message}. It was left as it is; force replaces it") from error


def refuse_worse(previous: Mapping[str, Any], scores: Scores, labels: tuple[str, ...], folder: Path) -> None:
    if set(previous["labels"]) != set(labels):
        raise Conflict(
            f"The model in {folder} has other labels ({', '.join(previous['labels'][:8])}). "
            "It was left as it is; --force replaces it"
        )
    held = previous.get("scores")
    before = held.get("macro_f1") if isinstance(held, Mapping) else None
    if isinstance(before, int | float) and scores.macro_f1 < before - _TOLERANCE:
        raise Conflict(
            f"The model in {folder} scored better: macro-F1 {before:.3f}, the new one {scores.macro_f1:.3f}. "
            "It was left as it is; --force replaces it"
        )


def _write(fitted: Fitted, manifest: dict[str, Any], folder: Path) -> None:
    """Put the new model in place whole or not at all; the old one moves to ``previous``."""
    from safetensors.numpy import save

    data = save(base_arrays(fitted.weights))
    manifest["sha256"] = hashlib.sha256(data).hexdigest()
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    fresh.chmod(0o755)
    (fresh / WEIGHTS).write_bytes(data)
    text = json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
    (fresh / MANIFEST).write_text(text, encoding="utf-8")
    if folder.exists():
        old = fresh.with_name(fresh.name + ".old")
        folder.rename(old)
        if (old / PREVIOUS).exists():
            shutil.rmtree(old / PREVIOUS)
        fresh.replace(folder)
        old.rename(folder / PREVIOUS)
    else:
        fresh.replace(folder)


def base_arrays(weights: Weights) -> dict[str, npt.NDArray[Any]]:
    """Half precision for the big ones: the probabilities change in the fourth place only."""
    return {
        "mean": weights.mean,
        "scale": np.array([weights.scale], dtype=np.float32),
        "dense": np.ascontiguousarray(weights.dense),
        "dense_bias": weights.dense_bias,
        "buckets": weights.buckets,
        "idf": weights.idf,
        "chars": np.ascontiguousarray(weights.chars.astype(np.float16)),
        "chars_bias": weights.chars_bias,
    }


def main() -> None:
    """The command."""
    from callcue.core.settings import Settings
    from models.embedders import load_embedder
    from models.store import ModelStore

    parser = argparse.ArgumentParser(prog="python -m tagger.train", description=__doc__)
    parser.add_argument("data", type=Path, help="JSONL: objects with text and the label")
    parser.add_argument("--label", required=True, help="the field that holds the label, e.g. issue_type")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model")
    parser.add_argument("--group", default="wording", help="rows with the same value of this field stay in one fold")
    parser.add_argument("--force", action="store_true", help="replace a model that scored better")
    options = parser.parse_args()
    settings = Settings()
    embedder = load_embedder(ModelStore(settings.cache_dir), settings.tagging.embedder)
    rows = read_rows(options.data)
    try:
        report = train(rows, options.label, embedder, options.out, force=options.force, group=options.group)
    except (BadInput, Conflict) as error:
        sys.exit(error.message)
    scores = report.scores
    sys.stdout.write(
        f"{report.field}: {report.rows} rows, {report.groups} wordings, {len(report.labels)} labels\n"
        f"cross-validated: accuracy {scores.accuracy:.3f}, macro-F1 {scores.macro_f1:.3f}, ECE {scores.ece:.3f}\n"
        f"written to {report.folder}" + (f"; the one before is in {PREVIOUS}/\n" if report.replaced else "\n")
    )


if __name__ == "__main__":
    main()
