"""``python -m eval.sentiment DATA``: how well the sentiment of an utterance is told, beside simple baselines.

Sets: ``DATA/text/sentiment_{conversation,waimai,hotel}.jsonl``, each learnt from its own four fifths (``product`` is
``tagger.train_stacked``, loaded back from its files; ``vote`` is the average of its two linear parts, which is what
``tagger.train`` makes), and our own utterances. ``shipped`` is CallCue's model, which learnt from none of these sets;
of two classes it is asked which is likelier. Everything is told twice: as written, and with recognition errors.
"""

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from callcue.core.ports import Embedder, Prediction, TagModel
from callcue.core.records import SENTIMENTS
from callcue.core.settings import Settings
from eval.curves import Axes, Line, curves
from eval.data import absence, data_dir
from eval.embed_cache import CachedEmbedder
from eval.metrics import accuracy, confusion
from eval.plots import heat_map
from eval.report import Figures, run, table, write
from eval.sentiment_sets import PUBLIC, SentimentSet, Told, own_sets, public_set, with_errors
from eval.tag_methods import Row, characters
from eval.tags import scores
from models.embedders import load_embedder
from models.store import ModelStore
from tagger import shipped_models
from tagger.classifier import TextClassifier
from tagger.features import vectors
from tagger.feelings import fuse
from tagger.loading import load_model
from tagger.rules import RuleSet, shipped_rules
from tagger.train_stacked import train_stacked

_FIELD = "sentiment"
_BINS = 10

Told_by = Mapping[str, list[Prediction]]


def main(
    data: Annotated[
        Path | None, typer.Argument(metavar="DATA", help="Folder with text/; default: CALLCUE_DATA.")
    ] = None,
    *,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    plots: Annotated[Path | None, typer.Option(help="Folder for confusion matrices and reliability (SVG).")] = None,
    limit: Annotated[int | None, typer.Option(help="Only so many rows of each public set.", min=100)] = None,
    only: Annotated[str, typer.Option(help="Only sets whose name holds this.")] = "",
    cache: Annotated[Path | None, typer.Option(help="Folder that keeps sentence vectors between runs.")] = None,
) -> None:
    """Score the sentiment classifier on every set."""
    folder = data or data_dir()
    if folder is None:
        raise typer.BadParameter(absence())
    settings = Settings()
    embedder = CachedEmbedder(load_embedder(ModelStore(settings.cache_dir), settings.tagging.embedder), cache)
    shipped = load_model((settings.tagging.model_dir or shipped_models()) / _FIELD, embedder)
    sets = [*(public_set(folder, name, limit) for name in PUBLIC if only in name)]
    figures: Figures = {"sets": {}}
    for one in sets:
        figures["sets"][one.name] = _measure(one, _learnt(one, embedder), shipped, plots)
    for one in own_sets():
        if only in one.name:
            figures["sets"][one.name] = _measure(one, _baselines(one, embedder), shipped, plots, own=True)
    for name, found in figures["sets"].items():
        _show(name, found)
    write(figures, json_file)


class _Learnt:
    """Methods that learnt from a set: name -> what says it of texts."""

    def __init__(self, one: SentimentSet, embedder: Embedder, models: Mapping[str, TagModel]) -> None:
        self._one = one
        self._embedder = embedder
        self._models = models

    def predict(self, texts: Sequence[str]) -> dict[str, list[Prediction]]:
        """What every method says."""
        rows: list[Row] = [{"text": told.text, _FIELD: told.label} for told in self._one.learn]
        counts = Counter(told.label for told in self._one.learn)
        most = {label: count / len(rows) for label, count in counts.items()}
        return {
            **{name: model.predict(texts) for name, model in self._models.items()},
            "characters": characters(rows, _FIELD, self._embedder)(texts),
            "vectors": _by_vectors(self._one.learn, texts, self._embedder),
            "majority": [_prediction(most)] * len(texts),
        }


def _learnt(one: SentimentSet, embedder: Embedder) -> _Learnt:
    rows = [{"text": told.text, _FIELD: told.label} for told in one.learn]
    with tempfile.TemporaryDirectory(prefix="callcue-eval-") as folder:
        train_stacked(rows, _FIELD, embedder, Path(folder) / _FIELD)
        product = load_model(Path(folder) / _FIELD, embedder)
        vote = TextClassifier.load(Path(folder) / _FIELD, embedder)
    return _Learnt(one, embedder, {"product": product, "vote": vote})


def _baselines(one: SentimentSet, embedder: Embedder) -> _Learnt:
    return _Learnt(one, embedder, {})


def _measure(
    one: SentimentSet, learnt: _Learnt, shipped: TagModel, plots: Path | None, *, own: bool = False
) -> Figures:
    figures: Figures = {"learnt": len(one.learn), "told": len(one.test)}
    labels = {told.label for told in one.test}
    for variant, test in (("clean", one.test), ("errors", with_errors(one.test))):
        texts, truth = [told.text for told in test], [told.label for told in test]
        by_words = [_among(found, labels) for found in shipped.predict(texts)]
        methods = dict(learnt.predict(texts))
        if own:
            rules = shipped_rules()
            methods = {"product": [_ruled(t, p, rules) for t, p in zip(texts, by_words, strict=True)], **methods}
        methods["shipped"] = by_words
        figures[variant] = {name: scores(truth, found) for name, found in methods.items()}
        if any(told.kind for told in test):
            figures[variant]["by_kind"] = _by_kind(test, methods)
        if plots is not None:
            _draw(plots, f"{one.name.replace(' ', '-')}-{variant}", truth, methods)
    return figures


def _by_kind(test: Sequence[Told], methods: Told_by) -> Figures:
    figures: Figures = {}
    for kind in dict.fromkeys(told.kind for told in test):
        places = [place for place, told in enumerate(test) if told.kind == kind]
        truth = [test[place].label for place in places]
        figures[kind] = {
            "told": len(places),
            **{name: accuracy(truth, [found[place].label for place in places]) for name, found in methods.items()},
        }
    return figures


def _ruled(text: str, prediction: Prediction, rules: RuleSet) -> Prediction:
    """As ``tagger.call`` does for a caller whose voice was not measured."""
    names = [signal.name for signal in rules.scan(text, "caller")]
    strengths = {
        SENTIMENTS[2]: max((rules.negative.get(name, 0.0) for name in names), default=0.0),
        SENTIMENTS[0]: max((rules.positive.get(name, 0.0) for name in names), default=0.0),
    }
    return _prediction(fuse(prediction.distribution, strengths))


def _among(prediction: Prediction, labels: set[str]) -> Prediction:
    """The same, knowing that only ``labels`` occur."""
    held = {label: p for label, p in prediction.distribution.items() if label in labels}
    return _prediction({label: p / sum(held.values()) for label, p in held.items()})


def _by_vectors(learn: Sequence[Told], texts: Sequence[str], embedder: Embedder) -> list[Prediction]:
    from sklearn.linear_model import LogisticRegression

    seen = vectors(embedder, [told.text for told in learn])
    mean = seen.mean(axis=0)
    scale = float((seen - mean).std())
    model = LogisticRegression(C=0.03, max_iter=1000).fit((seen - mean) / scale, [told.label for told in learn])
    rows = model.predict_proba((vectors(embedder, texts) - mean) / np.float32(scale))
    return [_prediction(dict(zip(map(str, model.classes_), map(float, row), strict=True))) for row in rows]


def _prediction(distribution: dict[str, float]) -> Prediction:
    best = max(distribution, key=lambda label: distribution[label])
    return Prediction(label=best, probability=distribution[best], distribution=distribution)


def _draw(folder: Path, name: str, truth: Sequence[str], methods: Told_by) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    main_method = methods.get("product") or methods["shipped"]
    labels, counts = confusion(truth, [found.label for found in main_method])
    (folder / f"confusion-sentiment-{name}.svg").write_text(heat_map(labels, counts, f"sentiment: {name}"), "utf-8")
    drawn = {method: found for method, found in methods.items() if method in ("product", "characters", "shipped")}
    lines = [Line(name=method, points=reliability(truth, found)) for method, found in drawn.items()]
    axes = Axes(title=f"reliability: {name}", x="probability said", y="share that was right")
    picture = curves([*lines, Line(name="perfect", points=[(0.0, 0.0), (1.0, 1.0)])], axes)
    (folder / f"reliability-sentiment-{name}.svg").write_text(picture, "utf-8")


def reliability(truth: Sequence[str], found: Sequence[Prediction]) -> list[tuple[float, float]]:
    """(mean probability, share right) of each of ten bins that holds anything."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for wanted, prediction in zip(truth, found, strict=True):
        place = min(_BINS - 1, int(prediction.probability * _BINS))
        bins.setdefault(place, []).append((prediction.probability, prediction.label == wanted))
    return [
        (sum(p for p, _ in held) / len(held), sum(right for _, right in held) / len(held))
        for _, held in sorted(bins.items())
    ]


def _show(name: str, figures: Figures) -> None:
    columns = ["accuracy", "accuracy_interval", "macro_f1", "ece"]
    rows = [
        [f"{method}, {variant}", *(found[column] for column in columns)]
        for variant in ("clean", "errors")
        for method, found in figures[variant].items()
        if method != "by_kind"
    ]
    table(f"{name} ({figures['learnt']} learnt, {figures['told']} told)", ["method", *columns], rows)
    kinds = figures["clean"].get("by_kind", {})
    if kinds:
        names = list(next(iter(kinds.values())))
        table(f"{name}: accuracy by kind", ["kind", *names], [[k, *(v[n] for n in names)] for k, v in kinds.items()])


if __name__ == "__main__":
    run(main)
