"""Train a classifier: what ``callcue tagger train`` does.

Prints cross-validated scores beside those of the present model on the same rows, refuses to replace a better one, and
keeps the replaced one beside the new one.
"""

import hashlib
import json
import shutil
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from callcue.core.errors import Conflict, ModelError
from callcue.core.ports import Embedder
from tagger.compare import TOLERANCE, Comparison, Probabilities, compare
from tagger.features import SCHEME, ngram_counts, vectors
from tagger.fit import FOLDS, Sample, cross_validate, fit
from tagger.inner import finer_names, inner_classes
from tagger.loading import load_model
from tagger.model_files import FORMAT, MANIFEST, arrays, speller_arrays, write_model
from tagger.respelling import Respeller, learn
from tagger.rows import Labelled, Row, labelled, read_rows
from tagger.scores import Scores
from tagger.told import write_told
from tagger.versions import PREVIOUS, new_folder, put_in_place

__all__ = ["PREVIOUS", "Row", "TrainReport", "read_rows", "sample_of", "train"]


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
    comparison: Comparison | None
    """With the model that was there before; None where there was none, or nothing to compare by."""
    folder: Path
    replaced: bool
    """There was a model before, now under ``previous``."""


def train(
    rows: Sequence[Row], field: str, embedder: Embedder, out_dir: Path, *, force: bool = False, group: str = "wording"
) -> TrainReport:
    """Train on ``rows`` (``text`` and the label under ``field``) and put the model into ``out_dir``.

    Where rows of an issue type have a sub-type, the experts tell sub-types, which are added up to types. Where texts
    have Chinese characters, the model also learns to spell (``tagger.respelling``).
    Rows with the same value under ``group`` stay in one fold, so that the scores are of wordings not seen. Raises
    BadInput for unusable rows, and Conflict (nothing is changed) when the model there scored better and not ``force``.
    """
    data = labelled(rows, field, group)
    respelt, respeller = _respelt(data, rows)
    sample = _featured(replace(data, texts=respelt), embedder, finer_names(rows, field))
    outcome = cross_validate(sample)
    comparison = against_present(out_dir, data, outcome.probabilities, outcome.scores, embedder=embedder, force=force)
    fitted = fit(sample, outcome.settings)
    manifest = {
        "format": FORMAT,
        "field": field,
        "labels": list(data.labels),
        "embedder": embedder.name,
        "scheme": SCHEME,
        "shares": asdict(fitted.shares),
        "temperature": fitted.temperature,
        **described(data, outcome.scores),
    }
    fresh = new_folder(out_dir)
    try:
        write_model({**arrays(fitted.weights), **speller_arrays(respeller)}, manifest, fresh)
        write_told(fresh, data.texts, data.groups, outcome.probabilities)
        replaced = put_in_place(fresh, out_dir)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return report(field, data, outcome.scores, comparison, out_dir, replaced=replaced)


def sample_of(rows: Sequence[Row], field: str, embedder: Embedder, group: str = "wording") -> Sample:
    """The rows' features. Raises BadInput when a row lacks its text or label, or there are too few."""
    return _featured(labelled(rows, field, group), embedder, finer_names(rows, field))


def _respelt(data: Labelled, rows: Sequence[Row]) -> tuple[tuple[str, ...], Respeller | None]:
    """The texts as the experts see them, and the speller for the model. Each text is respelt by what was learnt from
    other groups, as new ones will be: by a speller that knows it, none would have an error left. Rows that say that
    they are ``noisy`` teach no spelling."""
    clean = [row.get("noisy") is not True for row in rows]
    fold = [zlib.crc32(group.encode("utf-8", "replace")) % FOLDS for group in data.groups]
    found = list(data.texts)
    for told in range(FOLDS):
        others = [text for text, right, own in zip(data.texts, clean, fold, strict=True) if right and own != told]
        respeller = learn(others)
        if respeller is not None:
            found = [respeller.respell(text) if own == told else text for text, own in zip(found, fold, strict=True)]
    return tuple(found), learn([text for text, right in zip(data.texts, clean, strict=True) if right])


def _featured(data: Labelled, embedder: Embedder, finer: Sequence[str | None]) -> Sample:
    rows = vectors(embedder, data.texts)
    inner, owner = inner_classes(data, finer, rows)
    return Sample(
        texts=data.texts,
        classes=data.classes,
        labels=data.labels,
        groups=data.groups,
        vectors=rows,
        inner=inner,
        owner=owner,
        counts=tuple(ngram_counts(text) for text in data.texts),
    )


def against_present(
    folder: Path, data: Labelled, new: Probabilities, scores: Scores, *, embedder: Embedder, force: bool
) -> Comparison | None:
    """The new model beside the one in ``folder``.

    Raises Conflict unless ``force`` when that one is better, is damaged, of another embedder, or has other labels.
    """
    if not (folder / MANIFEST).exists():
        return None
    try:
        present = load_model(folder, embedder)
        if set(present.labels) != set(data.labels):
            raise Conflict(
                f"The model in {folder} has other labels ({', '.join(present.labels[:8])}). "
                "It was left as it is; --force replaces it"
            )
        found = compare(data, new, present, folder)
    except ModelError as error:
        if force:
            return None
        raise Conflict(f"{error.message}. It was left as it is; --force replaces it") from error
    except Conflict:
        if force:
            return None
        raise
    before = _kept_score(folder) if found is None else found.present.macro_f1
    now = scores.macro_f1 if found is None else found.new.macro_f1
    if before is not None and now < before - TOLERANCE and not force:
        where = "in its own cross-validation" if found is None else f"on the same {found.rows} rows"
        raise Conflict(
            f"The model in {folder} scored better: macro-F1 {before:.3f} {where}, the new one {now:.3f}. "
            "It was left as it is; --force replaces it"
        )
    return found


def described(data: Labelled, scores: Scores) -> dict[str, Any]:
    """What a manifest says about the training."""
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": len(data.texts),
        "groups": len(set(data.groups)),
        "data_sha256": _digest(data),
        "scores": asdict(scores),
    }


def report(
    field: str, data: Labelled, scores: Scores, comparison: Comparison | None, folder: Path, *, replaced: bool
) -> TrainReport:
    """The report of a training."""
    return TrainReport(
        field=field,
        rows=len(data.texts),
        groups=len(set(data.groups)),
        labels=data.labels,
        scores=scores,
        comparison=comparison,
        folder=folder,
        replaced=replaced,
    )


def _kept_score(folder: Path) -> float | None:
    try:
        held = json.loads((folder / MANIFEST).read_text(encoding="utf-8")).get("scores")
    except (OSError, ValueError):
        return None
    kept = held.get("macro_f1") if isinstance(held, Mapping) else None
    return float(kept) if isinstance(kept, int | float) else None


def _digest(data: Labelled) -> str:
    digest = hashlib.sha256()
    for text, number in zip(data.texts, data.classes, strict=True):
        digest.update(json.dumps([text, data.labels[number]], ensure_ascii=False).encode() + b"\n")
    return digest.hexdigest()


def lines(found: TrainReport) -> list[str]:
    """The report for people."""
    shown = [
        f"{found.field}: {found.rows} rows, {found.groups} wordings, {len(found.labels)} labels",
        f"cross-validated: {_said(found.scores)}",
    ]
    both = found.comparison
    if both is not None:
        shown += [
            f"on {both.rows} rows that neither had seen ({both.learnt}: the present model's own cross-validation)",
            f"  new:     {_said(both.new)}; it alone is right on {both.only_new_right}",
            f"  present: {_said(both.present)}; it alone is right on {both.only_present_right}",
        ]
    kept = f"; the one before is in {PREVIOUS}/" if found.replaced else ""
    return [*shown, f"written to {found.folder}{kept}"]


def _said(scores: Scores) -> str:
    return f"accuracy {scores.accuracy:.3f}, macro-F1 {scores.macro_f1:.3f}, ECE {scores.ece:.3f}"
