"""The sets of ``eval.sentiment``: reviews and conversation (two classes), and our own utterances (three)."""

import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from callcue.core.records import SENTIMENTS
from eval.data import read_jsonl, text_field
from kb_index.noise import disturb
from tagger.make_data import DATA, read_wordings
from tagger.train import read_rows

PUBLIC = ("conversation", "waimai", "hotel")
MOST_CHARS = 200
"""Longer reviews are cut: no utterance is longer."""
ERRORS = 0.1
"""Share of characters that are wrong in the text with recognition errors."""
_TEST_SHARE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One labelled text."""

    text: str
    label: str
    kind: str = ""
    """Of our own hard utterances."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentimentSet:
    """Texts to learn from and texts to be told."""

    name: str
    learn: tuple[Told, ...]
    test: tuple[Told, ...]
    groups: tuple[str, ...] = ()
    """Wordings of ``learn``; empty: each text is its own."""


def public_set(data: Path, name: str, limit: int | None = None) -> SentimentSet:
    """One of ``PUBLIC``; a text is in the test by the checksum of its characters, one in five. Texts that come twice
    are taken once. Raises BadInput."""
    path = data / "text" / f"sentiment_{name}.jsonl"
    held: dict[str, Told] = {}
    for number, row in enumerate(read_jsonl(path), 1):
        where = f"{path}, line {number}"
        text = text_field(row, "text", where)[:MOST_CHARS]
        held.setdefault(text, Told(text=text, label=text_field(row, "sentiment", where)))
    rows = sorted(held.values(), key=lambda told: zlib.crc32(told.text.encode()[::-1]))[:limit]
    test = tuple(told for told in rows if zlib.crc32(told.text.encode()) % _TEST_SHARE == 0)
    learn = tuple(told for told in rows if zlib.crc32(told.text.encode()) % _TEST_SHARE)
    return SentimentSet(name=name, learn=learn, test=test)


def own_sets() -> list[SentimentSet]:
    """What CallCue's model was trained on, with its unseen wordings, and the hard utterances."""
    rows = read_rows(DATA / "sentiment.jsonl")
    learn = tuple(Told(text=str(row["text"]), label=str(row["sentiment"])) for row in rows)
    groups = tuple(str(row["wording"]) for row in rows)
    unseen = tuple(
        Told(text=str(row["text"]), label=str(row["sentiment"])) for row in read_rows(DATA / "sentiment_test.jsonl")
    )
    return [
        SentimentSet(name="unseen wordings", learn=learn, groups=groups, test=unseen),
        SentimentSet(name="hard", learn=learn, groups=groups, test=tuple(hard())),
    ]


def hard() -> list[Told]:
    """Our own utterances whose words and feeling pull apart."""
    found = [
        Told(text=wording.template, label=wording.label, kind=wording.language)
        for wording in read_wordings(DATA / "sentiment_hard.txt")
    ]
    assert {told.label for told in found} <= set(SENTIMENTS)  # noqa: S101 - a file of ours
    return found


def with_errors(test: Sequence[Told]) -> tuple[Told, ...]:
    """The same texts as a recogniser might have written them; the same every time."""
    return tuple(
        replace(told, text=disturb(told.text, ERRORS, random.Random(zlib.crc32(told.text.encode()))) or told.text)
        for told in test
    )
