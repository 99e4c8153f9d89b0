"""Train a stacked classifier: ``python -m tagger.train_stacked DATA.jsonl --label sentiment --out DIR``.

The same promises as ``tagger.train``: cross-validated scores, no better model replaced, the old one kept.
"""

import argparse
import hashlib
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from callcue.core.errors import BadInput, Conflict
from callcue.core.ports import Embedder
from tagger.features import SCHEME
from tagger.fit import cross_validate
from tagger.fit_stacked import fit_stacked
from tagger.model_files import FORMAT, MANIFEST, WEIGHTS, arrays
from tagger.rows import Row, labelled, read_rows
from tagger.stacked import STACK, arrays_of
from tagger.told import write_told
from tagger.train import TrainReport, against_present, described, lines, report, sample_of
from tagger.versions import new_folder, put_in_place


def train_stacked(
    rows: Sequence[Row], field: str, embedder: Embedder, out_dir: Path, *, force: bool = False, group: str = "wording"
) -> TrainReport:
    """As ``tagger.train.train``. Raises BadInput, Conflict."""
    data, sample = labelled(rows, field, group), sample_of(rows, field, embedder, group)
    fitted = fit_stacked(sample, cross_validate(sample).settings)
    comparison = against_present(out_dir, data, fitted.probabilities, fitted.scores, embedder=embedder, force=force)
    manifest = {
        "format": FORMAT,
        "field": field,
        "labels": list(data.labels),
        "embedder": embedder.name,
        "scheme": SCHEME,
        "shares": asdict(fitted.base.shares),
        "temperature": fitted.base.temperature,
        STACK: {"support_vectors": len(fitted.stack.kernel.support)},
        **described(data, fitted.scores),
    }
    fresh = new_folder(out_dir)
    try:
        _write({**arrays(fitted.base.weights), **arrays_of(fitted.stack)}, manifest, fresh)
        write_told(fresh, data.texts, data.groups, fitted.probabilities)
        replaced = put_in_place(fresh, out_dir)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return report(field, data, fitted.scores, comparison, out_dir, replaced=replaced)


def _write(held: Mapping[str, Any], manifest: Mapping[str, Any], folder: Path) -> None:
    from safetensors.numpy import save

    data = save(dict(held))
    whole = {**manifest, "sha256": hashlib.sha256(data).hexdigest()}
    (folder / WEIGHTS).write_bytes(data)
    (folder / MANIFEST).write_text(json.dumps(whole, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


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
        done = train_stacked(rows, options.label, embedder, options.out, force=options.force, group=options.group)
    except (BadInput, Conflict) as error:
        sys.exit(error.message)
    sys.stdout.write("\n".join(lines(done)) + "\n")


if __name__ == "__main__":
    main()
