"""Labelled rows: read from JSON lines and checked."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from callcue.core.errors import BadInput

Row = Mapping[str, object]
LEAST_PER_LABEL = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """n texts with their labels."""

    texts: tuple[str, ...]
    classes: npt.NDArray[np.int64]
    """(n,) numbers into ``labels``."""
    labels: tuple[str, ...]
    groups: tuple[str, ...]
    """Texts of one group are never divided between folds."""


def read_rows(path: Path) -> list[Row]:
    """The objects of a JSONL file. Raises BadInput that names the line."""
    rows: list[Row] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read as UTF-8 text: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{path}, line {number}: not JSON ({error})") from error
        if not isinstance(row, dict):
            raise BadInput(f"{path}, line {number}: expected an object")
        rows.append(row)
    return rows


def labelled(rows: Sequence[Row], field: str, group: str = "wording") -> Labelled:
    """The checked rows. Raises BadInput when one lacks its text or label, or there are too few."""
    texts: list[str] = []
    names: list[str] = []
    groups: list[str] = []
    for number, row in enumerate(rows, 1):
        text, label = row.get("text"), row.get(field)
        if not isinstance(text, str) or not text.strip() or not isinstance(label, str) or not label:
            raise BadInput(f"Row {number} needs 'text' and {field!r}, both texts that are not empty")
        texts.append(text)
        names.append(label)
        groups.append(str(row.get(group, f"row {number}")))
    labels = tuple(sorted(set(names)))
    counts = {label: names.count(label) for label in labels}
    rare = [label for label, count in counts.items() if count < LEAST_PER_LABEL]
    if len(labels) < 2 or rare:
        raise BadInput(
            f"Training {field!r} needs at least 2 labels with {LEAST_PER_LABEL} rows each; "
            + (f"too few for: {', '.join(rare[:10])}" if rare else f"found {len(labels)} label(s)")
        )
    index = {label: number for number, label in enumerate(labels)}
    return Labelled(
        texts=tuple(texts),
        classes=np.array([index[name] for name in names], dtype=np.int64),
        labels=labels,
        groups=tuple(groups),
    )
