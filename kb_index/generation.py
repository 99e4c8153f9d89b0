"""One immutable state of the index: its cards, their vectors, their terms. A search sees exactly one."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from callcue.core.cards import Card, CardHit, CardQuery
from kb_index.calibration import Calibration
from kb_index.entry import Entry, Vocabularies
from kb_index.filters import CardFilter
from kb_index.fusion import Array, evidence, spread_below
from kb_index.lexical import CoverageIndex, LexicalIndex
from kb_index.ranking import Ranking
from kb_index.vectors import FloatArray, IntArray, VectorIndex, VectorTable

_ROWS_PER_CARD = 6
"""Texts fetched per wanted card: a card with many near texts must not crowd out the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The candidates of one query, best first, and what speaks for each. All arrays are in the same order."""

    cards: IntArray
    """Numbers of the cards within the generation."""
    dense: Array
    lexical: Array
    sound: Array
    fused: Array
    rows: IntArray
    """The nearest text of each card."""
    features: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """What one build made. Number 0 is before the first."""

    number: int
    entries: tuple[Entry, ...] = field(repr=False)
    filter: CardFilter
    vectors: VectorIndex
    idle: FloatArray
    """Vectors of small talk, one a row."""
    texts: tuple[str, ...] = field(repr=False)
    """The text of every row of ``vectors``."""
    words: LexicalIndex
    sounds: CoverageIndex
    vocabularies: Vocabularies
    table: VectorTable = field(repr=False)
    """Every vector of a card's text, for the next build: the memory that the searches use, no copy."""
    embedded: int
    """Texts that had to be embedded for this build."""

    def __len__(self) -> int:
        return len(self.entries)

    def card(self, number: int) -> Card:
        """The card of a number as ``Found.cards`` gives it."""
        return self.entries[number].card

    def near(self, vector: FloatArray, most: int, admitted: NDArray[np.bool_] | None = None) -> IntArray:
        """The cards with the nearest texts, nearest first, at most ``most``."""
        rows = self.vectors.nearest(vector, most * _ROWS_PER_CARD, admitted)
        owners = self.vectors.owners[rows]
        _, first = np.unique(owners, return_index=True)
        return owners[np.sort(first)][:most].astype(np.int64)

    def find(self, text: str, vector: FloatArray, query: CardQuery, most: int, ranking: Ranking) -> Found | None:
        """All searches, fused; None when the filters admit no card."""
        admitted = self.filter.admitted(query)
        if not len(self) or (admitted is not None and not admitted.any()):
            return None
        words, sound = self.words.search(text), self.sounds.coverage(text)
        near = self.near(vector, most, admitted)
        cards = np.unique(np.concatenate([near, best(words, most, admitted), best(sound, most, admitted)]))
        dense, rows = self._nearest_texts(vector, cards)
        lexical, heard = words[cards].astype(np.float64), sound[cards].astype(np.float64)
        fused = ranking.fuse(dense, heard)
        priority = np.array([self.card(card).priority for card in cards.tolist()])
        order = np.lexsort((cards, -priority, -fused.round(9)))
        return Found(
            cards=cards[order],
            dense=dense[order],
            lexical=lexical[order],
            sound=heard[order],
            fused=fused[order],
            rows=rows[order],
            features=self._evidence(vector, dense, heard)[order],
        )

    def _nearest_texts(self, vector: FloatArray, cards: IntArray) -> tuple[Array, IntArray]:
        """Cosine and row of the text of each card that is nearest to the query."""
        cosines, rows, begins = self.vectors.of_cards(vector, cards)
        place = np.repeat(np.arange(len(cards)), np.diff(np.append(begins, len(rows))))
        first = np.lexsort((-cosines, place))[begins]
        return cosines[first].astype(np.float64), rows[first]

    def _evidence(self, vector: FloatArray, dense: Array, sound: Array) -> Array:
        """The features of each candidate."""
        spread, idle = self.background(vector)
        return evidence(dense, sound, spread=spread, idle=idle)

    def background(self, vector: FloatArray) -> tuple[float, float]:
        """How much the query's cosines vary with everything indexed and small talk; that of the nearest small talk."""
        idle = self.idle @ vector
        background = np.concatenate([self.vectors.background(vector), idle]).astype(np.float64)
        return spread_below(background), float(idle.max())

    def hits(self, found: Found, calibration: Calibration, most: int) -> list[CardHit]:
        """The first of the candidates as hits. A hit's probability never exceeds that of the one before it."""
        top = slice(0, most)
        score = np.minimum.accumulate(calibration.probability(found.features[top]))
        return [
            CardHit(
                card=self.card(card),
                score=float(score[i]),
                dense=float(found.dense[i]),
                lexical=float(found.lexical[i]),
                matched=self.texts[found.rows[i]],
                fused=float(found.fused[i]),
            )
            for i, card in enumerate(found.cards[top].tolist())
        ]


def best(scores: FloatArray, most: int, admitted: NDArray[np.bool_] | None = None) -> IntArray:
    """Numbers of the highest scores, highest first, at most ``most``; those of 0 are left out."""
    scores = scores if admitted is None else np.where(admitted, scores, 0)
    count = min(most, len(scores))
    top = np.argpartition(-scores, count - 1)[:count] if count else np.empty(0, np.int64)
    top = top[scores[top] > 0]
    return top[np.argsort(-scores[top], kind="stable")].astype(np.int64)
