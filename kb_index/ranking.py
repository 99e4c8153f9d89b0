"""How the evidence of both searches becomes one order: a linear model over standard scores within one result list.

``dense`` is the cosine of the card's nearest text, ``sound`` the share of the query that the card covers by sound. The
weights are fitted by ``python -m kb_index.fit_ranking`` and kept, with where they come from, in ``ranking.json`` beside
this file. BM25, coverage by spelling, the nearest text's TF-IDF and the mean of the two nearest texts were tried beside
them: none gained on the sets that were not fitted on, and the last two cost where cards have few questions.
"""

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from callcue.core.errors import ModelError
from kb_index.fusion import Array, zscores

COLUMNS = ("dense", "sound")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """One weight per column."""

    weights: tuple[float, ...]
    embedder: str
    """What it was fitted with."""
    provenance: str
    """Data, date and figures of the fit."""

    def fuse(self, dense: Array, sound: Array) -> Array:
        """The ranking score of each candidate: compare within one result list only."""
        fused: Array = columns(dense, sound) @ np.asarray(self.weights)
        return fused

    def to_json(self) -> str:
        """The form of ``ranking.json``."""
        weights = {name: round(weight, 4) for name, weight in zip(COLUMNS, self.weights, strict=True)}
        form = {"embedder": self.embedder, "provenance": self.provenance, "weights": weights}
        return json.dumps(form, ensure_ascii=False, indent=1) + "\n"


def columns(dense: Array, sound: Array) -> Array:
    """What the model looks at, shape (candidates, len(COLUMNS))."""
    return np.column_stack([zscores(dense), zscores(sound)])


def load_ranking(path: Path | None = None) -> Ranking:
    """Read weights, by default those that come with CallCue. Raises ModelError when the file holds none."""
    source = path or files("kb_index").joinpath("ranking.json")
    try:
        form = json.loads(source.read_text(encoding="utf-8"))
        found = Ranking(
            weights=tuple(float(form["weights"][name]) for name in COLUMNS),
            embedder=str(form["embedder"]),
            provenance=str(form["provenance"]),
        )
        if set(form["weights"]) != set(COLUMNS) or not np.all(np.isfinite(found.weights)):
            raise ValueError("its columns or numbers are not those of this version")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"the ranking {source} cannot be used ({error}); fit one with python -m kb_index.fit_ranking"
        ) from error
    return found
