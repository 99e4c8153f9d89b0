"""Fitting the predictive tags to outcomes: made-up ones for the model that comes with CallCue, own ones after that."""

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.linear_model import LogisticRegression

from callcue.core.errors import BadInput
from tagger.forecast_features import FEATURES
from tagger.forecast_model import ForecastModel, TagForecast

FOLDS = 5
LEAST_CASES = 200
LEAST_EACH = 20
"""Cases that came true, and that did not, below which a tag is left as it is."""
_PENALTY = 1.0
"""C of the logistic regression: with a few hundred cases, rare features stay near 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One forecast whose outcome is known."""

    customer: str
    """Whose: a customer's cases stay in one fold."""
    features: Mapping[str, float]
    happened: bool
    at_ms: int = 0
    """When it was foretold, epoch milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TagReport:
    """What came of one tag."""

    name: str
    cases: int
    happened: int
    brier: float | None
    """Cross-validated, by customers."""
    present_brier: float | None
    """Of the model in use, on the same cases."""
    base_brier: float | None
    """Of the base rate of the other folds."""
    taken: bool
    reason: str


def train(
    cases: Mapping[str, Sequence[Case]], present: ForecastModel, *, force: bool = False
) -> tuple[list[TagForecast], list[TagReport]]:
    """The tags of ``present``, each with new weights where those are better on held-out customers, and reports.

    Raises BadInput where no tag has enough cases. Blocking.
    """
    tags: list[TagForecast] = []
    reports: list[TagReport] = []
    for tag in present.tags:
        fitted, report = _train_tag(tag, list(cases.get(tag.name, ())), force=force)
        tags.append(fitted)
        reports.append(report)
    if all(report.brier is None for report in reports):
        raise BadInput(
            f"no tag has {LEAST_CASES} forecasts with an outcome, {LEAST_EACH} of them true and {LEAST_EACH} not: "
            "nothing was trained. Let the service run on, or tell it outcomes"
        )
    return tags, reports


def _train_tag(tag: TagForecast, cases: list[Case], *, force: bool) -> tuple[TagForecast, TagReport]:
    happened = sum(case.happened for case in cases)
    if len(cases) < LEAST_CASES or min(happened, len(cases) - happened) < LEAST_EACH:
        return tag, TagReport(
            name=tag.name,
            cases=len(cases),
            happened=happened,
            brier=None,
            present_brier=None,
            base_brier=None,
            taken=False,
            reason="too few outcomes",
        )
    told = np.array([case.happened for case in cases], dtype=float)
    fresh, base = _cross_validated(cases)
    present = np.array([tag.probability(case.features) for case in cases])
    brier, present_brier, base_brier = (float(np.mean((p - told) ** 2)) for p in (fresh, present, base))
    taken = force or brier < min(present_brier, base_brier)
    report = TagReport(
        name=tag.name,
        cases=len(cases),
        happened=happened,
        brier=brier,
        present_brier=present_brier,
        base_brier=base_brier,
        taken=taken,
        reason="" if taken else "no better than the present weights, or than the base rate",
    )
    return (fit(tag, cases) if taken else tag), report


def fit(tag: TagForecast, cases: Sequence[Case]) -> TagForecast:
    """The tag with weights fitted to all cases."""
    model = _model(cases)
    weights = {name: float(w) for name, w in zip(FEATURES, model.coef_[0], strict=True) if abs(w) >= 1e-4}
    return replace(tag, intercept=float(model.intercept_[0]), weights=weights)


def _cross_validated(cases: Sequence[Case]) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities for every case by models that did not see its customer, and the base rates of the same folds."""
    fold = [zlib.crc32(case.customer.encode()) % FOLDS for case in cases]
    fresh, base = np.zeros(len(cases)), np.zeros(len(cases))
    for number in range(FOLDS):
        learn = [case for case, at in zip(cases, fold, strict=True) if at != number]
        places = [place for place, at in enumerate(fold) if at == number]
        if not places:
            continue
        rate = math.fsum(case.happened for case in learn) / max(1, len(learn))
        base[places] = rate
        if 0 < rate < 1:
            fresh[places] = _model(learn).predict_proba(_rows([cases[place] for place in places]))[:, 1]
        else:
            fresh[places] = rate
    return fresh, base


def _model(cases: Sequence[Case]) -> LogisticRegression:
    model = LogisticRegression(C=_PENALTY, max_iter=2000)
    model.fit(_rows(cases), [case.happened for case in cases])
    return model


def _rows(cases: Sequence[Case]) -> np.ndarray:
    return np.array([[case.features.get(name, 0.0) for name in FEATURES] for case in cases], dtype=float)
