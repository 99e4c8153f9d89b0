"""One immutable state of the index: its cards, their vectors, their terms. A search sees exactly one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from callcue.core.cards import Card, CardHit, CardQuery
from callcue.core.ports import Embedder
from kb_index.calibration import Calibration
from kb_index.fusion import Array, evidence, fuse, spread_below
from kb_index.lexical import LexicalIndex, LexicalScores, TermVector, Vocabulary
from kb_index.smalltalk import SMALL_TALK
from kb_index.vectors import FloatArray, VectorIndex, VectorTable, embed, text_key

IntArray = NDArray[np.int64]

_ROWS_PER_CARD = 6
"""Texts fetched per wanted card: a card with many near texts must not crowd out the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The candidates of one query, best first, and what speaks for each. All arrays are in the same order."""

    cards: IntArray
    """Numbers of the cards within the generation."""
    dense: Array
    lexical: Array
    fused: Array
    rows: IntArray
    """The nearest text of each card."""
    features: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """Number 0 is empty."""

    number: int
    cards: tuple[Card, ...]
    vectors: VectorIndex
    idle: FloatArray
    """Vectors of small talk, one a row."""
    table: VectorTable = field(repr=False)
    """Every vector, for the next build: views of the memory that the searches use, no copies."""
    lexical: LexicalIndex
    vocabulary: Vocabulary
    terms: Mapping[str, TermVector] = field(repr=False)
    """Terms by document text, for the next build."""
    embedded: int
    """Texts that had to be embedded for this build."""

    def allowed(self, query: CardQuery) -> NDArray[np.bool_] | None:
        """Which cards the query's filters admit; None: all."""
        if query.lang is None and not query.category:
            return None
        return np.fromiter((_admits(query, card) for card in self.cards), dtype=bool, count=len(self.cards))

    def dense_ranking(
        self, vector: FloatArray, most: int, allowed: NDArray[np.bool_] | None = None
    ) -> dict[int, tuple[float, int]]:
        """The nearest cards, best first: card -> (cosine, row)."""
        rows = None if allowed is None else np.flatnonzero(allowed[self.vectors.owners])
        if rows is not None and not len(rows):
            return {}
        best: dict[int, tuple[float, int]] = {}
        found, cosines = self.vectors.nearest(vector, most * _ROWS_PER_CARD, rows)
        for row, cosine in zip(found.tolist(), cosines.tolist(), strict=True):
            best.setdefault(int(self.vectors.owners[row]), (cosine, row))
            if len(best) >= most:
                break
        return best

    def lexical_ranking(self, scores: LexicalScores, most: int, allowed: NDArray[np.bool_] | None = None) -> IntArray:
        """The cards that share most with the query, best first; cards that share nothing are left out."""
        score = scores.score if allowed is None else np.where(allowed, scores.score, 0)
        count = min(most, len(score))
        top = np.argpartition(-score, count - 1)[:count] if count else np.empty(0, np.int64)
        top = top[score[top] > 0]
        return top[np.argsort(-score[top], kind="stable")].astype(np.int64)

    def find(self, text: str, vector: FloatArray, query: CardQuery, most: int, lexical_weight: float) -> Found | None:
        """Both searches, fused; None when the filters admit no card."""
        allowed = self.allowed(query)
        best = self.dense_ranking(vector, most, allowed)
        if not best:
            return None
        scores = self.lexical.search(text)
        best |= self.vectors.best_of(vector, set(self.lexical_ranking(scores, most, allowed).tolist()) - set(best))
        cards = np.fromiter(best, dtype=np.int64, count=len(best))
        dense = np.array([cosine for cosine, _ in best.values()])
        rows = np.array([row for _, row in best.values()], dtype=np.int64)
        lexical = scores.score[cards].astype(np.float64)
        fused = fuse(dense, lexical, lexical_weight)
        features = self._evidence(vector, dense, scores.coverage[cards])
        priority = np.array([self.cards[card].priority for card in cards])
        order = np.lexsort((cards, -priority, -fused.round(9)))
        return Found(
            cards=cards[order],
            dense=dense[order],
            lexical=lexical[order],
            fused=fused[order],
            rows=rows[order],
            features=features[order],
        )

    def _evidence(self, vector: FloatArray, dense: Array, coverage: FloatArray) -> Array:
        """The features of each candidate; the background is everything indexed and small talk."""
        idle = self.idle @ vector
        background = np.concatenate([self.vectors.background(vector), idle]).astype(np.float64)
        spread = spread_below(background)
        return evidence(dense, coverage.astype(np.float64), spread=spread, idle=float(idle.max()))

    def hits(self, found: Found, calibration: Calibration, most: int) -> list[CardHit]:
        """The first of the candidates as hits. A hit's probability never exceeds that of the one before it."""
        top = slice(0, most)
        score = np.minimum.accumulate(calibration.probability(found.features[top]))
        return [
            CardHit(
                card=self.cards[card],
                score=float(score[i]),
                dense=float(found.dense[i]),
                lexical=float(found.lexical[i]),
                matched=self.vectors.texts[found.rows[i]],
                fused=float(found.fused[i]),
            )
            for i, card in enumerate(found.cards[top].tolist())
        ]


def _admits(query: CardQuery, card: Card) -> bool:
    """A language admits its regional forms: ``zh`` admits ``zh-TW``."""
    if query.lang is not None and card.lang != query.lang and not card.lang.startswith(query.lang + "-"):
        return False
    return not query.category or card.category[: len(query.category)] == query.category


def build_generation(
    number: int, cards: Sequence[Card], embedder: Embedder, table: VectorTable, previous: Generation | None
) -> Generation:
    """Index the cards that are published. Vectors and terms of texts that ``table`` or ``previous`` know are
    reused."""
    unique = {card.id: card for card in cards if card.status == "published"}
    kept = tuple(unique.values())
    texts: list[str] = []
    owners: list[int] = []
    for place, card in enumerate(kept):
        own = dict.fromkeys((card.title, *card.questions))
        texts += own
        owners += [place] * len(own)
    matrix, keys, embedded = _vectors([*texts, *SMALL_TALK], embedder, table)
    vectors = VectorIndex(matrix[: len(texts)], owners, texts, keys[: len(texts)])
    idle = matrix[len(texts) :].copy()
    vocabulary, known = _vocabulary(previous)
    terms = {}
    documents = []
    for card in kept:
        document = "\n".join((card.title, *card.questions))
        vector = known.get(document) or vocabulary.vector(document)
        terms[document] = vector
        documents.append(vector)
    return Generation(
        number=number,
        cards=kept,
        vectors=vectors,
        idle=idle,
        table={**vectors.table, **dict(zip(keys[len(texts) :], idle, strict=True))},
        lexical=LexicalIndex(vocabulary, documents),
        vocabulary=vocabulary,
        terms=terms,
        embedded=embedded,
    )


def _vectors(texts: Sequence[str], embedder: Embedder, table: VectorTable) -> tuple[FloatArray, list[bytes], int]:
    """Vectors and keys of the texts, and how many had to be embedded."""
    keys = [text_key(embedder.name, text) for text in texts]
    new = {key: text for key, text in zip(keys, texts, strict=True) if table.get(key) is None}
    place = {key: row for row, key in enumerate(new)}
    fresh = embed(embedder, list(new.values()))
    matrix = np.empty((len(texts), embedder.dims), dtype=np.float32)
    for row, key in enumerate(keys):
        known = table.get(key)
        matrix[row] = fresh[place[key]] if known is None else known
    return matrix, keys, len(new)


def _vocabulary(previous: Generation | None) -> tuple[Vocabulary, Mapping[str, TermVector]]:
    """The vocabulary to go on with: the previous one, unless edits have left most of it unused."""
    if previous is None:
        return Vocabulary(), {}
    used = sum(len(vector.ids) for vector in previous.terms.values())
    return (previous.vocabulary, previous.terms) if len(previous.vocabulary) <= used + 10_000 else (Vocabulary(), {})
