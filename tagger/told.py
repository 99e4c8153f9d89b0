"""What a model said, while it was trained, about rows that it had not seen then: kept beside it for later comparisons.

A later model is measured on rows that the present one has partly learnt by heart. For those its cross-validated
verdicts are read from here; for all others it is simply asked. So both are judged on the same rows, none of them seen.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from callcue.core.errors import ModelError

FILE = "folds.safetensors"
_MAX_BYTES = 200_000_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """One row's."""

    label: int
    """Number into the model's labels."""
    probability: float


@dataclass(frozen=True, slots=True)
class Told:
    """What a folder keeps."""

    verdicts: Mapping[int, Verdict]
    """By ``row_key`` of the text."""
    groups: frozenset[int]
    """``row_key`` of the wordings that the model has learnt: another row of one of these is no unseen row."""


def row_key(text: str) -> int:
    """A number for a text: the first 8 bytes of its SHA-256. The texts themselves are not kept."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:8], "little")


def write_told(
    folder: Path, texts: Sequence[str], groups: Sequence[str], probabilities: npt.NDArray[np.float64]
) -> None:
    """Keep (n, L) out-of-fold ``probabilities`` of ``texts``; rows without numbers were in no fold and are left out."""
    from safetensors.numpy import save

    told = np.flatnonzero(np.isfinite(probabilities).all(axis=1))
    best = probabilities[told].argmax(axis=1)
    arrays = {
        "rows": np.array([row_key(texts[int(i)]) for i in told], dtype=np.uint64),
        "groups": np.array(sorted({row_key(group) for group in groups}), dtype=np.uint64),
        "labels": best.astype(np.int16),
        "probabilities": probabilities[told, best].astype(np.float16),
    }
    (folder / FILE).write_bytes(save(arrays))  # save_file would make a file that only its owner may read


def read_told(folder: Path, labels: int) -> Told:
    """Empty where the folder has none. Raises ModelError when the file is damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    path = folder / FILE
    try:
        if not path.exists():
            return Told({}, frozenset())
        if path.stat().st_size > _MAX_BYTES:
            raise ModelError(f"{path} is larger than any such file: delete it or train again")
        arrays = load(path.read_bytes())
        rows, best, sure = arrays["rows"], arrays["labels"], arrays["probabilities"]
        groups = frozenset(arrays["groups"].ravel().tolist())
    except (OSError, SafetensorError, KeyError) as error:
        raise ModelError(f"{path} cannot be read ({error}): delete it or train again") from error
    if not rows.shape == best.shape == sure.shape == (rows.size,) or (
        best.size and not 0 <= best.min() <= best.max() < labels
    ):
        raise ModelError(f"{path} does not fit its model: delete it or train again")
    verdicts = zip(rows.tolist(), best.tolist(), sure.tolist(), strict=True)
    return Told({key: Verdict(int(label), float(sure)) for key, label, sure in verdicts}, groups)
