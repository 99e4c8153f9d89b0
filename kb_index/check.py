"""Warnings about a set of cards: near-duplicates, phrases that bring up two cards, and answers that contradict.

Near-duplicates are found among titles and sample questions of different cards: by cosine, measured from the background
of that text as the search does (``kb_index.fusion``), so that it means the same for every embedder, and by the share of
terms that both have. Warnings block nothing: two cards may well be meant to stand side by side.
"""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from callcue.core.cards import Card
from callcue.core.ports import Embedder
from kb_index.contradiction import contradictions
from kb_index.folding import count_terms, fold
from kb_index.vectors import FloatArray, HalfArray, IntArray, embed, text_key

WarningKind = Literal["near_duplicate", "same_trigger", "contradiction"]

MAX_TEXTS = 60_000
"""Titles and questions that are compared with each other while somebody waits: about a minute and a half of one core.
Twice as many take four times as long."""
MAX_WARNINGS = 1_000
_BLOCK = 512
_PART = 16_384
"""Texts that are looked up, and compared with a block, at once: 100 MB."""
_SAMPLE = 4_096
"""Texts that stand for all of them as a background."""
_NEIGHBOURS = 20
"""Other cards' texts looked at per text."""
_SAME_OVERLAP = 0.85
_NEAR_OVERLAP = 0.55
_NEAR_GAP = 5.0
_RELATED_GAP = 2.5
"""Cosine above the middle of the background, in its spreads."""
_HELD = 20_000

KnownVectors = Callable[[Sequence[bytes]], Mapping[bytes, FloatArray]]
"""The vectors of texts by ``text_key``; keys that are not known are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardWarning:
    """Something about two cards that an editor should look at."""

    kind: WarningKind
    card_id: str
    other_id: str
    here: str
    """The title, question, phrase or sentence of ``card_id``."""
    there: str
    """What it collides with in ``other_id``."""
    similarity: float
    """0..1: share of terms that both have; 1 for equal phrases."""


@dataclass(frozen=True, slots=True)
class _Near:
    """The nearest texts of two cards; the first card's number is the smaller unless only the first is asked about."""

    one: int
    other: int
    here: str
    there: str
    overlap: float
    duplicate: bool


class CardChecker:
    """Compares cards. Blocking: call it from a worker thread. Vectors are taken from ``known`` where it has them."""

    def __init__(self, embedder: Embedder, known: KnownVectors) -> None:
        self._embedder = embedder
        self._known = known
        self._held: dict[bytes, FloatArray] = {}
        self._lock = threading.Lock()

    def check(
        self, cards: Sequence[Card], only: Collection[str] | None = None, *, known_only: bool = False
    ) -> list[CardWarning]:
        """Warnings about all cards that are not retired, or about those in ``only`` against all; surest first, at most
        1000. ``known_only``: of the other cards take the texts with a known vector alone, so that a save does not wait
        for others' texts to be embedded; among more than ``MAX_TEXTS`` it compares trigger phrases alone. Time grows
        with the texts asked about times all texts, memory by 0.8 KB a text.
        """
        kept = [card for card in cards if card.status != "retired"]
        asked = range(len(kept)) if only is None else [n for n, card in enumerate(kept) if card.id in only]
        if not asked:
            return []
        found = [*_same_triggers(kept, set(asked))]
        for near in self._near(kept, asked, known_only=known_only):
            one, other = kept[near.one], kept[near.other]
            clashes = list(contradictions(one.body, other.body))[:3]
            if near.duplicate:
                found.append(_warning("near_duplicate", (one, other), near.here, near.there, near.overlap))
            found += [_warning("contradiction", (one, other), here, there, near.overlap) for here, there in clashes]
        order = {"contradiction": 0, "same_trigger": 1, "near_duplicate": 2}
        found.sort(key=lambda w: (order[w.kind], -w.similarity, w.card_id, w.other_id))
        return found[:MAX_WARNINGS]

    def _near(self, cards: Sequence[Card], asked: Sequence[int], *, known_only: bool) -> Iterator[_Near]:
        """The best pair of texts of each pair of cards that are near enough to be looked at."""
        needed = set(asked)
        own = [list(dict.fromkeys((card.title, *card.questions))) for card in cards]
        if known_only and sum(map(len, own)) > MAX_TEXTS:
            return  # a card that is being saved: better without these warnings than not saved
        if known_only:
            known = self._known_texts([text for n, held in enumerate(own) if n not in needed for text in held])
            own = [held if n in needed else [text for text in held if text in known] for n, held in enumerate(own)]
        texts = [text for held in own for text in held]
        owners = [number for number, held in enumerate(own) for _ in held]
        matrix, owner = self._vectors(texts), np.asarray(owners, dtype=np.int64)
        rows = np.asarray([row for row, number in enumerate(owners) if number in needed], dtype=np.int64)
        best: dict[tuple[int, int], _Near] = {}
        for row, column, gap in _neighbours(matrix, owner, rows):
            one, other = owners[row], owners[column]
            if other in needed and other < one:
                continue  # the pair is seen from the other side
            near = _judge(cards, texts, (one, other), (row, column), gap)
            held = best.get((one, other))
            if near is not None and (held is None or (near.duplicate, near.overlap) > (held.duplicate, held.overlap)):
                best[one, other] = near
        yield from best.values()

    def _known_texts(self, texts: Sequence[str]) -> set[str]:
        """Those whose vectors need not be computed."""
        keys = [text_key(self._embedder.name, text) for text in texts]
        known = self._known(keys)
        return {text for text, key in zip(texts, keys, strict=True) if key in known or key in self._held}

    @staticmethod
    def size(cards: Iterable[Card]) -> int:
        """Titles and questions of the cards that are not retired."""
        return sum(len({card.title, *card.questions}) for card in cards if card.status != "retired")

    def _vectors(self, texts: Sequence[str]) -> HalfArray:
        """One row a text; what neither the index nor an earlier check knows is embedded. A part at a time: single
        vectors take several times the room of a matrix."""
        matrix = np.empty((len(texts), self._embedder.dims), dtype=np.float16)
        for start in range(0, len(texts), _PART):
            some = texts[start : start + _PART]
            keys = [text_key(self._embedder.name, text) for text in some]
            found = self._found(keys, some)
            for row, key in enumerate(keys, start):
                matrix[row] = found[key]
        return matrix

    def _found(self, keys: Sequence[bytes], texts: Sequence[str]) -> dict[bytes, FloatArray]:
        known = self._known(keys)
        with self._lock:
            held = {key: self._held[key] for key in keys if key in self._held}
            new = {k: t for k, t in zip(keys, texts, strict=True) if k not in known and k not in held}
            fresh = dict(zip(new, embed(self._embedder, list(new.values())), strict=True))
            if len(self._held) + len(fresh) > _HELD:
                self._held.clear()
            self._held |= dict(list(fresh.items())[:_HELD])
        return {**held, **fresh, **known}


def _neighbours(matrix: HalfArray, owner: IntArray, rows: IntArray) -> Iterator[tuple[int, int, float]]:
    """Row, near row of another card, and how far their cosine stands out of those to an even sample of all."""
    sample = matrix[:: -(-len(matrix) // _SAMPLE)].astype(np.float32)
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        asked = matrix[block].astype(np.float32)
        low, middle = np.quantile(asked @ sample.T, [0.1, 0.5], axis=1)
        spread = np.maximum((middle - low) / 1.2816, 1e-3)
        columns, cosines = _nearest(matrix, asked, owner, owner[block])
        gaps = (cosines - middle[:, None]) / spread[:, None]
        for place, row in enumerate(block.tolist()):
            for column, gap in zip(columns[place].tolist(), gaps[place].tolist(), strict=True):
                if np.isfinite(gap):
                    yield row, column, gap


def _nearest(matrix: HalfArray, asked: FloatArray, owner: IntArray, owners: IntArray) -> tuple[IntArray, FloatArray]:
    """The nearest rows of other cards to each of the vectors ``asked``, with their cosines; a part of the matrix at a
    time. A place without a neighbour has the cosine minus infinity."""
    columns = np.zeros((len(asked), 0), dtype=np.int64)
    cosines = np.zeros((len(asked), 0), dtype=np.float32)
    for start in range(0, len(matrix), _PART):
        part = asked @ matrix[start : start + _PART].astype(np.float32).T
        part[owner[start : start + _PART][None, :] == owners[:, None]] = -np.inf
        numbers = np.broadcast_to(np.arange(start, start + part.shape[1]), part.shape)
        columns, cosines = np.hstack([columns, numbers]), np.hstack([cosines, part])
        count = min(_NEIGHBOURS, cosines.shape[1])
        best = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        columns, cosines = np.take_along_axis(columns, best, axis=1), np.take_along_axis(cosines, best, axis=1)
    return columns, cosines


def _judge(
    cards: Sequence[Card], texts: Sequence[str], pair: tuple[int, int], rows: tuple[int, int], gap: float
) -> _Near | None:
    one, other = cards[pair[0]], cards[pair[1]]
    if one.lang.split("-")[0] != other.lang.split("-")[0] or _apart(one, other):
        return None
    here, there = texts[rows[0]], texts[rows[1]]
    overlap = term_overlap(here, there)
    duplicate = overlap >= _SAME_OVERLAP or (overlap >= _NEAR_OVERLAP and gap >= _NEAR_GAP)
    if not duplicate and gap < _RELATED_GAP:
        return None
    return _Near(pair[0], pair[1], here, there, overlap, duplicate)


def term_overlap(one: str, other: str) -> float:
    """Dice's coefficient of the terms of two texts, 0..1."""
    if fold(one) == fold(other):
        return 1.0
    first, second = set(count_terms(one)), set(count_terms(other))
    size = len(first) + len(second)
    return 2 * len(first & second) / size if size else 0.0


def _apart(one: Card, other: Card) -> bool:
    """Whether the cards are for different customers, so that they may say the same or the opposite."""
    names = ("lifecycle", "segment", "region", "language")
    limits = [(set(getattr(one.audience, name)), set(getattr(other.audience, name))) for name in names]
    return any(first and second and not first & second for first, second in limits)


def _same_triggers(cards: Sequence[Card], asked: set[int]) -> Iterator[CardWarning]:
    """Phrases that the same speaker fires on two cards."""
    users: dict[tuple[str, str], list[tuple[int, str, str]]] = {}
    for number, card in enumerate(cards):
        for trigger in card.triggers:
            key = (card.lang.split("-")[0], fold(trigger.phrase))
            users.setdefault(key, []).append((number, trigger.phrase, trigger.speaker))
    for held in users.values():
        for place, (one, here, speaker) in enumerate(held):
            for other, there, its_speaker in held[place + 1 : place + 1 + _NEIGHBOURS]:
                both = "any" in (speaker, its_speaker) or speaker == its_speaker
                if one == other or not both or not asked & {one, other} or _apart(cards[one], cards[other]):
                    continue
                if one in asked:
                    yield _warning("same_trigger", (cards[one], cards[other]), here, there, 1.0)
                else:
                    yield _warning("same_trigger", (cards[other], cards[one]), there, here, 1.0)


def _warning(kind: WarningKind, cards: tuple[Card, Card], here: str, there: str, similarity: float) -> CardWarning:
    return CardWarning(
        kind=kind, card_id=cards[0].id, other_id=cards[1].id, here=here, there=there, similarity=round(similarity, 3)
    )
