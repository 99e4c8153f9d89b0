"""From evidence to the probability that a hit is right: a logistic function with constants fitted by
``python -m kb_index.calibrate`` and kept, with where they come from, in ``calibration.json`` beside this file.
"""

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import cast

import numpy as np

from callcue.core.errors import ModelError
from kb_index.fusion import FEATURES, Array

_LIMIT = 4.0
"""Standardised features are held within this: beyond what was seen in fitting, nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Constants of the logistic function, one per feature."""

    middle: tuple[float, ...]
    spread: tuple[float, ...]
    weight: tuple[float, ...]
    bias: float
    embedder: str
    """What it was fitted with. The features have no unit, so it serves others too, less exactly."""
    provenance: str
    """Data, date and figures of the fit."""

    def probability(self, features: Array) -> Array:
        """Probability, 0..1, that each row's hit answers the query."""
        standard = (features - np.asarray(self.middle)) / np.asarray(self.spread)
        logit = np.clip(standard, -_LIMIT, _LIMIT) @ np.asarray(self.weight) + self.bias
        return cast("Array", 1.0 / (1.0 + np.exp(-logit)))

    def to_json(self) -> str:
        """The form of ``calibration.json``."""
        form = {
            "embedder": self.embedder,
            "provenance": self.provenance,
            "bias": round(self.bias, 5),
            "features": {
                name: {"middle": round(m, 5), "spread": round(s, 5), "weight": round(w, 5)}
                for name, m, s, w in zip(FEATURES, self.middle, self.spread, self.weight, strict=True)
            },
        }
        return json.dumps(form, ensure_ascii=False, indent=1) + "\n"


NEUTRAL = Calibration(
    middle=(0.0,) * len(FEATURES),
    spread=(1.0,) * len(FEATURES),
    weight=(0.0,) * len(FEATURES),
    bias=0.0,
    embedder="",
    provenance="knows nothing: one half for every hit",
)
"""For collecting the evidence that a calibration is fitted on."""


def load_calibration(path: Path | None = None) -> Calibration:
    """Read a calibration, by default the one that comes with CallCue. Raises ModelError when it is not one."""
    source = path or files("kb_index").joinpath("calibration.json")
    try:
        form = json.loads(source.read_text(encoding="utf-8"))
        rows = [form["features"][name] for name in FEATURES]
        found = Calibration(
            middle=tuple(float(row["middle"]) for row in rows),
            spread=tuple(float(row["spread"]) for row in rows),
            weight=tuple(float(row["weight"]) for row in rows),
            bias=float(form["bias"]),
            embedder=str(form["embedder"]),
            provenance=str(form["provenance"]),
        )
        numbers = np.array([*found.middle, *found.spread, *found.weight, found.bias])
        if set(form["features"]) != set(FEATURES) or not np.all(np.isfinite(numbers)) or min(found.spread) <= 0:
            raise ValueError("its features or numbers are not those of this version")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"the calibration {source} cannot be used ({error}); fit one with python -m kb_index.calibrate"
        ) from error
    return found
