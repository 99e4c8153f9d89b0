"""The classes that the experts of a model tell: finer labels where rows have them.

A broad label, such as 其他, is many things and no single region.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from callcue.core.taxonomy import ISSUE_SUBTYPE, ISSUE_TYPE
from tagger.features import Floats
from tagger.rows import LEAST_PER_LABEL, Labelled, Row

FINER = {ISSUE_TYPE: ISSUE_SUBTYPE}
"""Field -> the field of its finer label."""


def finer_names(rows: Sequence[Row], field: str) -> list[str | None]:
    """The finer label of each row, None where it has none."""
    names = [row.get(FINER[field]) if field in FINER else None for row in rows]
    return [name if isinstance(name, str) and name else None for name in names]


def inner_classes(
    data: Labelled, finer: Sequence[str | None], vectors: Floats
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """(n,) inner class of each row, and (I,) the label of each class.

    A finer label counts within its row's label, from ``LEAST_PER_LABEL`` rows on. A row without one that counts goes to
    the class of its label whose mean vector is nearest: agents correct the type and leave the rest.
    """
    pairs = Counter((int(label), name) for label, name in zip(data.classes, finer, strict=True) if name is not None)
    known = sorted(pair for pair, count in pairs.items() if count >= LEAST_PER_LABEL)
    bare = set(range(len(data.labels))) - {label for label, _ in known}
    classes: list[tuple[int, str | None]] = sorted([*known, *((label, None) for label in bare)], key=_order)
    place = {pair: number for number, pair in enumerate(classes)}
    inner = np.array(
        [place.get((int(label), name), -1) for label, name in zip(data.classes, finer, strict=True)], dtype=np.int64
    )
    owner = np.array([label for label, _ in classes], dtype=np.int32)
    open_rows = np.flatnonzero(inner < 0)
    if len(open_rows):
        means = np.stack([_mean(vectors, inner == number) for number in range(len(classes))])
        nearness = vectors[open_rows] @ means.T
        nearness[owner[None, :] != data.classes[open_rows][:, None]] = -np.inf
        inner[open_rows] = nearness.argmax(axis=1)
    return inner, owner


def _order(pair: tuple[int, str | None]) -> tuple[int, str]:
    return pair[0], pair[1] or ""


def _mean(vectors: Floats, chosen: npt.NDArray[np.bool_]) -> Floats:
    if not chosen.any():
        return np.zeros(vectors.shape[1], dtype=np.float32)
    mean: Floats = vectors[chosen].mean(axis=0)
    return mean / max(float(np.linalg.norm(mean)), 1e-9)
