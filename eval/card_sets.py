"""Cards and the queries that they are to answer: from files, from labelled utterances, as a recogniser hears them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from callcue.core.cards import Card
from callcue.core.errors import BadInput
from eval.data import read_bytes, read_jsonl, text_field
from eval.report import warn
from kb_index.formats import read_cards
from kb_index.noise import disturb

_SEED = 7
STANDARD_SAMPLES = 10
"""Sample questions of an intent's card: about what an editor writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One line of the queries' file."""

    text: str
    card: str | None
    """Id of the card that answers it; None: nothing fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSet:
    """Cards with their queries."""

    name: str
    cards: Sequence[Card]
    queries: Sequence[Query]
    refused: int = 0
    """Problems of cards that an import does not take."""

    def drawn(self, limit: int | None) -> Sequence[Query]:
        """At most ``limit`` of the queries; the same ones each time."""
        if limit is None or limit >= len(self.queries):
            return self.queries
        return random.Random(_SEED).sample(list(self.queries), limit)


def from_files(cards: Path, queries: Path) -> CardSet:
    """A set in the two forms of files. Raises BadInput."""
    taken, refused = load_cards(cards)
    return CardSet(name=f"{cards.name}, {queries.name}", cards=taken, queries=read_queries(queries), refused=refused)


def banking(train: Path, test: Path, *, samples: int = STANDARD_SAMPLES) -> CardSet:
    """Cards out of utterances labelled with an intent: its name is the title, ``samples`` of those in ``train`` (drawn
    at random, the same ones each time) are the sample questions. The queries are ``test``. Raises BadInput.
    """
    by_intent: dict[str, list[str]] = {}
    for text, intent in _labelled(train):
        by_intent.setdefault(intent, []).append(text)
    dice = random.Random(_SEED)
    cards = []
    for intent, texts in sorted(by_intent.items()):
        questions = tuple(dict.fromkeys(dice.sample(texts, min(samples, len(texts)))))
        title = intent.replace("_", " ")
        cards.append(Card(id=intent, title=title, body=title, lang="en", questions=questions))
    queries = [Query(text=text, card=intent) for text, intent in _labelled(test)]
    if not cards or not queries:
        raise BadInput(f"{train if not cards else test} holds no utterance")
    return CardSet(name=f"{train.stem}, {samples} questions a card", cards=cards, queries=queries)


def standard(folder: Path) -> list[CardSet]:
    """The sets of the evaluation data that nothing was fitted on. Raises BadInput where one is missing."""
    text = folder / "text"
    pairs = [
        from_files(text / f"{name}_cards.jsonl", text / f"{name}_queries.jsonl")
        for name in ("faq_bank_dev", "faq_pay_dev")
    ]
    pairs.append(banking(text / "banking77_train.jsonl", text / "banking77_test.jsonl"))
    return pairs


def disturbed(queries: Sequence[Query], rate: float) -> list[Query]:
    """The queries with simulated recognition errors (``kb_index.noise``), the same ones each time. A query of which
    nothing is left stays as it is."""
    dice = random.Random(_SEED)
    return [replace(query, text=disturb(query.text, rate, dice) or query.text) for query in queries]


def load_cards(path: Path) -> tuple[list[Card], int]:
    """The cards that an import takes, and how many problems it has with the others, which are shown.

    A refused card cannot be found: its queries count as missed, for that is what its agents would see.
    """
    result = read_cards(read_bytes(path), "csv" if path.suffix.lower() == ".csv" else "jsonl")
    for problem in result.problems:
        warn(f"not imported: {path.name}, {problem.where}: {problem.message}")
    if not result.cards:
        raise BadInput(f"{path} holds no card that can be imported")
    return list(result.cards), len(result.problems)


def read_queries(path: Path) -> list[Query]:
    """Labelled queries. Raises BadInput."""
    queries = []
    for number, row in enumerate(read_jsonl(path), start=1):
        where = f"{path}, line {number}"
        card = None if row.get("card", "") is None else text_field(row, "card", where)
        queries.append(Query(text=text_field(row, "text", where), card=card))
    if not queries:
        raise BadInput(f"{path} holds no query")
    return queries


def _labelled(path: Path) -> list[tuple[str, str]]:
    return [
        (text_field(row, "text", f"{path}, row {number}"), text_field(row, "intent", f"{path}, row {number}"))
        for number, row in enumerate(read_jsonl(path), start=1)
    ]
