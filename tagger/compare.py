"""A new model beside the present one, on the same rows; neither has seen the row that it is asked about."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from callcue.core.ports import TagModel
from tagger.rows import Labelled
from tagger.scores import Scores, score
from tagger.told import read_told, row_key

TOLERANCE = 0.005
"""Macro-F1 that a new model may lose: less than folds differ by chance."""

Probabilities = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Both on the same rows."""

    rows: int
    new: Scores
    """Cross-validated."""
    present: Scores
    learnt: int
    """Rows that the present model learnt from: for them its verdicts of its own cross-validation count."""
    only_new_right: int
    only_present_right: int

    @property
    def worse(self) -> bool:
        """Whether the new model loses more than folds differ by chance."""
        return self.new.macro_f1 < self.present.macro_f1 - TOLERANCE


def compare(data: Labelled, new: Probabilities, present: TagModel, folder: Path) -> Comparison | None:
    """``new``: (n, L) out-of-fold, not a number where a row was in no fold. ``present`` lies in ``folder`` and has the
    same labels. Rows whose wording it learnt from other rows are left out. None when nothing fair can be said.
    """
    texts, classes, labels = data.texts, data.classes, data.labels
    told = read_told(folder, len(labels))
    if not told.verdicts:
        return None
    held_by_row = [told.verdicts.get(row_key(text)) for text in texts]
    unseen = [
        held is not None or row_key(group) not in told.groups
        for held, group in zip(held_by_row, data.groups, strict=True)
    ]
    judged = np.flatnonzero(np.isfinite(new).all(axis=1) & np.array(unseen))
    if not len(judged):
        return None
    held = [held_by_row[i] for i in judged]
    strange = [int(i) for i, verdict in zip(judged, held, strict=True) if verdict is None]
    asked = iter(present.predict([texts[i] for i in strange]))
    place = {label: number for number, label in enumerate(labels)}
    rows = np.zeros((len(judged), len(labels)))
    for row, verdict in zip(rows, held, strict=True):
        if verdict is not None:
            number = place[present.labels[verdict.label]]
            row[:] = (1 - verdict.probability) / (len(labels) - 1)
            row[number] = verdict.probability
            continue
        found = next(asked)
        for label, probability in found.distribution.items():
            row[place[label]] = probability
    truth = classes[judged]
    new_right, present_right = new[judged].argmax(axis=1) == truth, rows.argmax(axis=1) == truth
    return Comparison(
        rows=len(judged),
        new=score(new[judged], truth),
        present=score(rows, truth),
        learnt=len(judged) - len(strange),
        only_new_right=int((new_right & ~present_right).sum()),
        only_present_right=int((present_right & ~new_right).sum()),
    )
