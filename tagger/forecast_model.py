"""Predictive tags: what each one foretells, within how many days, and the weights that say how probable it is.

A model is one JSON file (``data/forecasts.json``; docs/record.md describes it): for each tag an intercept and a weight
for each feature of ``tagger.forecast_features``, of a logistic regression.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from callcue.core.customer_events import CustomerEvent
from callcue.core.errors import ModelError
from tagger.forecast_features import FEATURE_PREFIX, FEATURES

FORECASTS_NAME = "forecasts/"
"""Begins the name of every model; the digest of its weights follows."""
MAX_HORIZON_DAYS = 90
_MAX_WEIGHT = 50.0
_FILE = Path(__file__).parent / "data" / "forecasts.json"
_TAG_KEYS = {"name", "tag", "horizon_days", "show_from", "outcome", "intercept", "weights"}
_OUTCOME_KEYS = {"events", "subject_matches", "calls"}

CallOutcome = Literal["any", "complaint"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRule:
    """What tells that a forecast came true: an event, or a later call of the same number."""

    events: frozenset[str]
    """Kinds."""
    subject: re.Pattern[str] | None
    calls: CallOutcome | None
    """``any`` later call, or one whose record is a complaint."""

    def counts(self, event: CustomerEvent) -> bool:
        """Whether this event makes it true."""
        return event.kind in self.events and (self.subject is None or bool(self.subject.search(event.subject)))


@dataclass(frozen=True, slots=True, kw_only=True)
class TagForecast:
    """One predictive tag."""

    name: str
    """``visit_7d``: for programs."""
    tag: str
    """As people see it."""
    horizon_days: int
    show_from: float
    """Probability from which the tag is put on the record."""
    outcome: OutcomeRule
    intercept: float
    weights: Mapping[str, float]
    """By feature, log-odds for 1."""

    def probability(self, features: Mapping[str, float]) -> float:
        """0..1; a feature that is absent counts 0."""
        odds = self.intercept + math.fsum(weight * features.get(name, 0.0) for name, weight in self.weights.items())
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, odds))))

    def reasons(self, features: Mapping[str, float], most: int = 3) -> tuple[str, ...]:
        """The features that raise it most, as evidence: ``feature:appointment``."""
        shares = {name: weight * features.get(name, 0.0) for name, weight in self.weights.items()}
        raised = sorted((name for name in shares if shares[name] > 0), key=lambda name: (-shares[name], name))
        return tuple(f"{FEATURE_PREFIX}{name}" for name in raised[:most])


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastModel:
    """All predictive tags."""

    name: str
    """``forecasts/`` and a digest: other weights are another model, with a record of its own."""
    trained_on: str
    tags: tuple[TagForecast, ...]

    def find(self, name: str) -> TagForecast | None:
        """One tag by its name."""
        return next((tag for tag in self.tags if tag.name == name), None)


@cache
def shipped_forecasts() -> ForecastModel:
    """The model that comes with CallCue: trained on simulated histories, a starting point and no more."""
    return read_forecasts(_FILE)


def read_forecasts(path: Path) -> ForecastModel:
    """A model file. Raises ModelError that names what is wrong with it."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"the forecasts in {path} cannot be read: {error}") from error
    if not isinstance(held, dict) or held.get("version") != 1 or not isinstance(held.get("tags"), list):
        raise ModelError(f"{path.name} is no forecast model: it needs version 1 and a list of tags")
    tags = tuple(_tag(row, f"{path.name}, tag {number}") for number, row in enumerate(held["tags"], 1))
    for kind in ("name", "tag"):
        values = [getattr(tag, kind) for tag in tags]
        if len(set(values)) < len(values):
            raise ModelError(f"{path.name}: two tags have the same {kind}")
    return ForecastModel(name=_name(held["tags"]), trained_on=str(held.get("trained_on", ""))[:500], tags=tags)


def write_forecasts(path: Path, rows: Iterable[Mapping[str, Any]], trained_on: str) -> None:
    """Write a model file whole: a reader sees the old one or the new one."""
    held = {"version": 1, "trained_on": trained_on, "features": dict(FEATURES), "tags": list(rows)}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    partial.write_text(json.dumps(held, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)


def row_of(tag: TagForecast) -> dict[str, Any]:
    """A tag as a model file holds it."""
    outcome: dict[str, Any] = {"events": sorted(tag.outcome.events)}
    if tag.outcome.subject is not None:
        outcome["subject_matches"] = tag.outcome.subject.pattern
    if tag.outcome.calls is not None:
        outcome["calls"] = tag.outcome.calls
    return {
        "name": tag.name,
        "tag": tag.tag,
        "horizon_days": tag.horizon_days,
        "show_from": tag.show_from,
        "outcome": outcome,
        "intercept": round(tag.intercept, 4),
        "weights": {name: round(value, 4) for name, value in sorted(tag.weights.items())},
    }


def _name(rows: list[Any]) -> str:
    text = json.dumps(rows, ensure_ascii=False, sort_keys=True)
    return FORECASTS_NAME + hashlib.sha256(text.encode()).hexdigest()[:12]


def _tag(row: Any, where: str) -> TagForecast:
    if not isinstance(row, dict):
        raise ModelError(f"{where}: must be an object")
    wrong = set(row) ^ _TAG_KEYS
    if wrong:
        raise ModelError(f"{where}: has to have exactly {', '.join(sorted(_TAG_KEYS))}; see {', '.join(sorted(wrong))}")
    name, tag, horizon = row["name"], row["tag"], row["horizon_days"]
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", name):
        raise ModelError(f"{where}: name must be small letters, digits and _")
    where = f"{where} ({name})"
    if not isinstance(tag, str) or not 0 < len(tag) <= 64:
        raise ModelError(f"{where}: tag must be a text of 1 to 64 characters")
    if isinstance(horizon, bool) or not isinstance(horizon, int) or not 1 <= horizon <= MAX_HORIZON_DAYS:
        raise ModelError(f"{where}: horizon_days must be a whole number from 1 to {MAX_HORIZON_DAYS}")
    weights = row["weights"]
    if not isinstance(weights, dict) or set(weights) - set(FEATURES):
        raise ModelError(f"{where}: weights must be an object of known features: {', '.join(FEATURES)}")
    show = _number(row["show_from"], f"{where}: show_from", 1.0)
    if show <= 0:
        raise ModelError(f"{where}: show_from must be above 0")
    return TagForecast(
        name=name,
        tag=tag,
        horizon_days=horizon,
        show_from=show,
        outcome=_outcome(row["outcome"], where),
        intercept=_number(row["intercept"], f"{where}: intercept", _MAX_WEIGHT),
        weights={key: _number(value, f"{where}: the weight of {key}", _MAX_WEIGHT) for key, value in weights.items()},
    )


def _outcome(row: Any, where: str) -> OutcomeRule:
    if not isinstance(row, dict) or set(row) - _OUTCOME_KEYS:
        raise ModelError(f"{where}: outcome takes {', '.join(sorted(_OUTCOME_KEYS))}")
    kinds, calls = row.get("events", []), row.get("calls")
    if not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds):
        raise ModelError(f"{where}: outcome.events must be a list of kinds")
    if calls not in (None, "any", "complaint") or not (kinds or calls):
        raise ModelError(f"{where}: outcome needs events, or calls that is any or complaint")
    pattern = row.get("subject_matches")
    try:
        subject = None if pattern is None else re.compile(pattern)
    except (re.error, TypeError) as error:
        raise ModelError(f"{where}: outcome.subject_matches is no regular expression") from error
    return OutcomeRule(events=frozenset(kinds), subject=subject, calls=calls)


def _number(value: Any, what: str, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= most:
        raise ModelError(f"{what} must be a number of at most {most:g}")
    return float(value)
