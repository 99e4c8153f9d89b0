"""The sets of ``python -m eval.tags --all``: those that docs/evaluation.md shows figures of."""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eval.tag_methods import Row

TWO = "e5-small+all-minilm-l6-v2"
OWN = Path(__file__).resolve().parent.parent / "tagger" / "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSet:
    """What is learnt and told."""

    name: str
    train: Path
    test: Path
    label: str
    per_label: int | None = None
    """Learn only so many rows of each label; None: all."""
    lang: str | None = None
    """Tell only rows of this language, where rows say theirs."""
    embedder: str | None = None
    """Another embedder than ``tagging.embedder``."""


def all_sets(data: Path | None) -> Iterator[TagSet]:
    """Our own sets, and with the evaluation data BANKING77 (Casanueva et al. 2020), whole and with 10 rows a label;
    being English, it is also told with an English embedder beside the multilingual one."""
    for label in ("issue_type", "issue_subtype"):
        yield TagSet(
            name=f"own-{label}",
            train=OWN / "issue_type.jsonl",
            test=OWN / "issue_type_test.jsonl",
            label=label,
            lang="zh",
        )
    if data is not None:
        train, test = data / "text" / "banking77_train.jsonl", data / "text" / "banking77_test.jsonl"
        if train.exists() and test.exists():
            whole = TagSet(name="banking77", train=train, test=test, label="intent")
            tenth = replace(whole, name="banking77-10", per_label=10)
            yield whole
            yield tenth
            for each in (whole, tenth):
                yield replace(each, name=f"{each.name}-two-embedders", embedder=TWO)


def few(rows: Sequence[Row], label: str, count: int, seed: int) -> list[Row]:
    """At most ``count`` rows of each label, drawn at random."""
    by_label: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_label[str(row[label])].append(row)
    dice = random.Random(seed)
    return [row for name in sorted(by_label) for row in dice.sample(by_label[name], min(count, len(by_label[name])))]
