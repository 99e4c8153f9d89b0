"""Train a stacked classifier: ``callcue tagger train --backend stacked``, with the promises of ``tagger.train``."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from callcue.core.ports import Embedder
from tagger.features import SCHEME
from tagger.fit import cross_validate
from tagger.fit_stacked import fit_stacked
from tagger.model_files import FORMAT, arrays, write_model
from tagger.rows import Row, labelled
from tagger.stacked import STACK, arrays_of
from tagger.told import write_told
from tagger.train import TrainReport, against_present, described, report, sample_of
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
        write_model({**arrays(fitted.base.weights), **arrays_of(fitted.stack)}, manifest, fresh)
        write_told(fresh, data.texts, data.groups, fitted.probabilities)
        replaced = put_in_place(fresh, out_dir)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return report(field, data, fitted.scores, comparison, out_dir, replaced=replaced)
