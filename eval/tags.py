"""``python -m eval.tags TRAIN TEST --label FIELD``: how well a tag learnt from TRAIN is told on TEST.

``methods``: ``product`` is ``tagger.train`` and the model it writes, loaded back from its files; beside it
``characters`` and ``vectors`` (a logistic regression on either alone), ``nearest`` (the nearest training text) and
``majority``. With ``--errors RATE`` TEST is told a second time with simulated recognition errors (``disturbed``).
``--all`` runs every set that docs/evaluation.md shows.
"""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from callcue.core.errors import BadInput, MissingExtra, ModelError
from callcue.core.ports import Embedder, Prediction
from callcue.core.settings import Settings
from eval.data import data_dir, read_jsonl, text_field
from eval.embed_cache import CachedEmbedder
from eval.metrics import accuracy, confusion, expected_calibration_error, macro_f1, wilson
from eval.plots import heat_map
from eval.reliability import bins, picture
from eval.report import Figures, run, table, write
from eval.tag_methods import METHODS, Row
from eval.tag_sets import TagSet, all_sets, few
from kb_index.noise import disturb
from models.embedders import load_embedder
from models.store import ModelStore

_SEED = 7
ALL_ERRORS = 0.15
"""Share of characters disturbed with ``--all``, as in the other evaluations."""
_PICTURED = ("product", "characters", "vectors")


def main(
    train_file: Annotated[
        Path | None, typer.Argument(metavar="TRAIN", help="Labelled JSON lines to learn from.")
    ] = None,
    test_file: Annotated[Path | None, typer.Argument(metavar="TEST", help="Labelled JSON lines to be told.")] = None,
    *,
    label: Annotated[str | None, typer.Option(help="Name of the field that holds the label.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every set of docs/evaluation.md, in place of files.")] = False,
    only: Annotated[str, typer.Option(help="With --all: sets whose name begins so.")] = "",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    plots: Annotated[Path | None, typer.Option(help="Folder for confusion matrices and reliability (SVG).")] = None,
    limit: Annotated[int | None, typer.Option(help="Only so many rows of TRAIN, drawn at random.", min=1)] = None,
    per_label: Annotated[int | None, typer.Option(help="Only so many rows of TRAIN of each label.", min=1)] = None,
    errors: Annotated[float | None, typer.Option(help="Also with this share of characters disturbed.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder that keeps sentence vectors between runs.")] = None,
) -> None:
    """Train the tagger and score it beside simple baselines."""
    settings = Settings()
    if every == bool(train_file and test_file and label):
        raise BadInput("give TRAIN, TEST and --label, or --all")
    if errors is not None and not 0 < errors < 1:
        raise BadInput("--errors is a share between 0 and 1")
    embedders = _Embedders(settings, cache)
    embedder = embedders.get(settings.tagging.embedder)
    if train_file and test_file and label:
        one = TagSet(name=label, train=train_file, test=test_file, label=label, per_label=per_label)
        figures = measure_set(one, embedder, plots=plots, limit=limit, errors=errors)
        show(figures, f"{label}: {train_file.name}, {test_file.name}")
    else:
        figures = {}
        for each in all_sets(data_dir()):
            if not each.name.startswith(only):
                continue
            try:
                own = embedders.get(each.embedder or settings.tagging.embedder)
            except (MissingExtra, ModelError) as error:
                typer.echo(f"{each.name} was left out: {error.message}")
                continue
            figures[each.name] = measure_set(each, own, plots=plots, errors=errors or ALL_ERRORS)
            show(figures[each.name], each.name)
    write(figures, json_file)


class _Embedders:
    """Embedders by name, each loaded when it is asked for the first time."""

    def __init__(self, settings: Settings, cache: Path | None) -> None:
        self._settings = settings
        self._cache = cache
        self._loaded: dict[str, CachedEmbedder] = {}

    def get(self, name: str) -> CachedEmbedder:
        """The embedder of a name. Raises MissingExtra, ModelError."""
        if name not in self._loaded:
            inner = load_embedder(ModelStore(self._settings.cache_dir), name)
            self._loaded[name] = CachedEmbedder(inner, self._cache)
        return self._loaded[name]


def measure(
    train_file: Path,
    test_file: Path,
    *,
    label: str,
    embedder: Embedder,
    plots: Path | None = None,
    limit: int | None = None,
) -> Figures:
    """The figures of one pair of files."""
    one = TagSet(name=label, train=train_file, test=test_file, label=label)
    return measure_set(one, embedder, plots=plots, limit=limit)


def measure_set(
    one: TagSet, embedder: Embedder, *, plots: Path | None = None, limit: int | None = None, errors: float | None = None
) -> Figures:
    """The figures of one set; with ``errors`` also those of the disturbed test under ``disturbed``."""
    learn, told = read_labelled(one.train, one.label), read_labelled(one.test, one.label)
    if one.lang is not None:
        told = [row for row in told if row.get("lang", one.lang) == one.lang]
    if one.per_label is not None:
        learn = few(learn, one.label, one.per_label, _SEED)
    if limit is not None and limit < len(learn):
        learn = random.Random(_SEED).sample(learn, limit)
    shared = {str(row["text"]) for row in learn} & {str(row["text"]) for row in told}
    texts, truth = [str(row["text"]) for row in told], [str(row[one.label]) for row in told]
    tellers = {name: make(learn, one.label, embedder) for name, make in METHODS.items()}
    predictions = {name: tell(texts) for name, tell in tellers.items()}
    if plots is not None:
        draw(one, truth, predictions, plots)
    figures: Figures = {
        "label": one.label,
        "train": len(learn),
        "test": len(told),
        "labels": sorted(set(truth)),
        "texts_in_both": len(shared),
        "methods": {name: scores(truth, found) for name, found in predictions.items()},
    }
    if errors is not None:
        dice = random.Random(_SEED)
        disturbed = [disturb(text, errors, dice) for text in texts]
        figures["errors"] = errors
        figures["disturbed"] = {name: scores(truth, tell(disturbed)) for name, tell in tellers.items()}
    return figures


def read_labelled(path: Path, label: str) -> list[Row]:
    """Rows with ``text`` and ``label``. Raises BadInput."""
    rows: list[Row] = []
    for number, row in enumerate(read_jsonl(path), start=1):
        text_field(row, "text", f"{path}, line {number}")
        text_field(row, label, f"{path}, line {number}")
        rows.append(row)
    if not rows:
        raise BadInput(f"{path} holds no rows")
    return rows


def scores(truth: Sequence[str], predictions: Sequence[Prediction]) -> Figures:
    """Accuracy with its interval, macro-F1 and calibration error of one method."""
    labels = [prediction.label for prediction in predictions]
    right = [t == p for t, p in zip(truth, labels, strict=True)]
    return {
        "accuracy": accuracy(truth, labels),
        "accuracy_interval": wilson(sum(right), len(right)),
        "macro_f1": macro_f1(truth, labels),
        "ece": expected_calibration_error([prediction.probability for prediction in predictions], right),
    }


def draw(one: TagSet, truth: Sequence[str], predictions: Mapping[str, Sequence[Prediction]], folder: Path) -> None:
    """Write the product's confusion matrix and the reliability of the methods that have probabilities."""
    folder.mkdir(parents=True, exist_ok=True)
    labels, counts = confusion(truth, [prediction.label for prediction in predictions["product"]])
    heat = heat_map(labels, counts, f"{one.name}: {one.test.name}")
    (folder / f"confusion-{one.name}.svg").write_text(heat, "utf-8")
    points = {
        name: bins(
            [prediction.probability for prediction in predictions[name]],
            [prediction.label == true for prediction, true in zip(predictions[name], truth, strict=True)],
        )
        for name in _PICTURED
    }
    (folder / f"reliability-{one.name}.svg").write_text(picture(points, f"{one.name}: {one.test.name}"), "utf-8")


def show(figures: Figures, title: str) -> None:
    """Print the figures."""
    names = ["accuracy", "accuracy_interval", "macro_f1", "ece"]
    title = f"{title} ({figures['train']} learnt, {figures['test']} told, {figures['texts_in_both']} texts in both)"
    rows = [[method, *(found[name] for name in names)] for method, found in figures["methods"].items()]
    for method, found in figures.get("disturbed", {}).items():
        rows.append([f"{method}, {figures['errors']:.0%} errors", *(found[name] for name in names)])
    table(title, ["method", *names], rows)


if __name__ == "__main__":
    run(main)
