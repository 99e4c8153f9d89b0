"""``python -m eval.tags TRAIN TEST --label FIELD``: how well a tag learnt from TRAIN is told on TEST.

``methods``: ``product`` is ``tagger.train`` and the model it writes, loaded back from its files; ``characters`` is a
logistic regression on TF-IDF of character 1- to 3-grams; ``majority`` always says the most frequent label.
"""

import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from callcue.core.errors import BadInput
from callcue.core.ports import Embedder, Prediction
from callcue.core.settings import Settings
from eval.data import read_jsonl, text_field
from eval.metrics import accuracy, confusion, expected_calibration_error, macro_f1, wilson
from eval.plots import heat_map
from eval.report import Figures, run, table, write
from models.embedders import load_embedder
from models.store import ModelStore
from tagger.classifier import TextClassifier
from tagger.train import train

_SEED = 7

Row = dict[str, object]


def main(
    train_file: Annotated[Path, typer.Argument(metavar="TRAIN", help="Labelled JSON lines to learn from.")],
    test_file: Annotated[Path, typer.Argument(metavar="TEST", help="Labelled JSON lines to be told.")],
    *,
    label: Annotated[str, typer.Option(help="Name of the field that holds the label.")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    plots: Annotated[Path | None, typer.Option(help="Folder for the confusion matrix (SVG).")] = None,
    limit: Annotated[int | None, typer.Option(help="Only so many rows of TRAIN, drawn at random.", min=1)] = None,
) -> None:
    """Train the tagger and score it beside simple baselines."""
    settings = Settings()
    embedder = load_embedder(ModelStore(settings.cache_dir), settings.tagging.embedder)
    figures = measure(train_file, test_file, label=label, embedder=embedder, plots=plots, limit=limit)
    show(figures, f"{label}: {train_file.name}, {test_file.name}")
    write(figures, json_file)


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
    learn, told = read_labelled(train_file, label), read_labelled(test_file, label)
    if limit is not None and limit < len(learn):
        learn = random.Random(_SEED).sample(learn, limit)
    shared = {str(row["text"]) for row in learn} & {str(row["text"]) for row in told}
    texts, truth = [str(row["text"]) for row in told], [str(row[label]) for row in told]
    predictions = {
        "product": _product(learn, label, texts, embedder),
        "characters": characters(learn, label, texts),
        "majority": _majority(learn, label, texts),
    }
    if plots is not None:
        plots.mkdir(parents=True, exist_ok=True)
        labels, counts = confusion(truth, [prediction.label for prediction in predictions["product"]])
        (plots / f"confusion-{label}.svg").write_text(heat_map(labels, counts, f"{label}: {test_file.name}"), "utf-8")
    return {
        "label": label,
        "train": len(learn),
        "test": len(told),
        "labels": sorted(set(truth)),
        "texts_in_both": len(shared),
        "methods": {name: scores(truth, found) for name, found in predictions.items()},
    }


def read_labelled(path: Path, label: str) -> list[Row]:
    """Rows with ``text`` and ``label``. Raises BadInput."""
    rows = read_jsonl(path)
    for number, row in enumerate(rows, start=1):
        text_field(row, "text", f"{path}, line {number}")
        text_field(row, label, f"{path}, line {number}")
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


def show(figures: Figures, title: str) -> None:
    """Print the figures."""
    names = ["accuracy", "accuracy_interval", "macro_f1", "ece"]
    title = f"{title} ({figures['train']} learnt, {figures['test']} told, {figures['texts_in_both']} texts in both)"
    table(title, ["method", *names], [[m, *(v[n] for n in names)] for m, v in figures["methods"].items()])


def _product(rows: Sequence[Row], label: str, texts: Sequence[str], embedder: Embedder) -> list[Prediction]:
    with tempfile.TemporaryDirectory(prefix="callcue-eval-") as folder:
        train(rows, label, embedder, Path(folder) / label)
        return TextClassifier.load(Path(folder) / label, embedder).predict(texts)


def characters(rows: Sequence[Row], label: str, texts: Sequence[str]) -> list[Prediction]:
    """A logistic regression on TF-IDF of character 1- to 3-grams, learnt from ``rows``, told of ``texts``."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=1, sublinear_tf=True)
    model = LogisticRegression(C=10.0, max_iter=1000)
    model.fit(vectorizer.fit_transform([str(row["text"]) for row in rows]), [str(row[label]) for row in rows])
    names = [str(name) for name in model.classes_]
    return [
        _prediction(dict(zip(names, (float(value) for value in row), strict=True)))
        for row in model.predict_proba(vectorizer.transform(list(texts)))
    ]


def _majority(rows: Sequence[Row], label: str, texts: Sequence[str]) -> list[Prediction]:
    counts = Counter(str(row[label]) for row in rows)
    return [_prediction({name: count / len(rows) for name, count in counts.items()})] * len(texts)


def _prediction(distribution: dict[str, float]) -> Prediction:
    best = max(distribution, key=lambda name: distribution[name])
    return Prediction(label=best, probability=distribution[best], distribution=distribution)


if __name__ == "__main__":
    run(main)
