"""Train a stacked classifier: ``python -m tagger.train_stacked DATA.jsonl --label sentiment --out DIR``.

The same promises as ``tagger.train``: cross-validated scores, no better model replaced, the old one kept.
"""

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from callcue.core.errors import BadInput, Conflict
from callcue.core.ports import Embedder
from tagger.classifier import FORMAT, MANIFEST, WEIGHTS
from tagger.fit import cross_validate
from tagger.fit_stacked import fit_stacked
from tagger.stacked import STACK, arrays_of
from tagger.train import (
    PREVIOUS,
    Row,
    TrainReport,
    base_arrays,
    digest,
    manifest_of,
    read_rows,
    refuse_worse,
    sample_of,
)


def train_stacked(
    rows: Sequence[Row], field: str, embedder: Embedder, out_dir: Path, *, force: bool = False, group: str = "wording"
) -> TrainReport:
    """As ``tagger.train.train``. Raises BadInput, Conflict."""
    sample = sample_of(rows, field, embedder, group)
    _, settings = cross_validate(sample)
    fitted = fit_stacked(sample, settings)
    previous = manifest_of(out_dir)
    if previous is not None and not force:
        refuse_worse(previous, fitted.scores, sample.labels, out_dir)
    manifest = {
        "format": FORMAT,
        "field": field,
        "labels": list(sample.labels),
        "embedder": embedder.name,
        "share": settings.share,
        "temperature": settings.temperature,
        STACK: {"support_vectors": len(fitted.stack.kernel.support)},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": len(sample.texts),
        "groups": len(set(sample.groups)),
        "data_sha256": digest(sample),
        "scores": asdict(fitted.scores),
    }
    _put({**base_arrays(fitted.base.weights), **arrays_of(fitted.stack)}, manifest, out_dir)
    return TrainReport(
        field=field,
        rows=len(sample.texts),
        groups=len(set(sample.groups)),
        labels=sample.labels,
        scores=fitted.scores,
        folder=out_dir,
        replaced=previous is not None,
    )


def _put(arrays: Mapping[str, Any], manifest: dict[str, Any], folder: Path) -> None:
    """The new model in place whole or not at all; the old one moves to ``previous``."""
    from safetensors.numpy import save

    data = save(dict(arrays))
    manifest["sha256"] = hashlib.sha256(data).hexdigest()
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    fresh.chmod(0o755)
    (fresh / WEIGHTS).write_bytes(data)
    (fresh / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    if not folder.exists():
        fresh.replace(folder)
        return
    old = fresh.with_name(fresh.name + ".old")
    folder.rename(old)
    shutil.rmtree(old / PREVIOUS, ignore_errors=True)
    fresh.replace(folder)
    old.rename(folder / PREVIOUS)


def main() -> None:
    """The command."""
    from callcue.core.settings import Settings
    from models.embedders import load_embedder
    from models.store import ModelStore

    parser = argparse.ArgumentParser(prog="python -m tagger.train_stacked", description=__doc__)
    parser.add_argument("data", type=Path, help="JSONL: objects with text and the label")
    parser.add_argument("--label", required=True, help="the field that holds the label, e.g. sentiment")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model")
    parser.add_argument("--group", default="wording", help="rows with the same value of this field stay in one fold")
    parser.add_argument("--force", action="store_true", help="replace a model that scored better")
    options = parser.parse_args()
    settings = Settings()
    embedder = load_embedder(ModelStore(settings.cache_dir), settings.tagging.embedder)
    try:
        rows = read_rows(options.data)
        report = train_stacked(rows, options.label, embedder, options.out, force=options.force, group=options.group)
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
