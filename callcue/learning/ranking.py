"""A CardIndex whose scores know what agents made of the cards."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from callcue.core.cards import Card, CardHit, CardQuery
from callcue.core.ports import CardIndex
from callcue.learning.feedback import Evidence, shifted
from callcue.learning.likeness import QuestionVectors

_MORE = 5
"""Hits that are looked at beyond those asked for: one of them may move up."""


class FeedbackIndex:
    """Wraps a CardIndex. With no evidence its results are exactly those of the inner one."""

    def __init__(self, inner: CardIndex, vectors: QuestionVectors) -> None:
        self._inner = inner
        self._vectors = vectors
        self._evidence: Evidence | None = None

    def learn(self, evidence: Evidence) -> None:
        """Search by this evidence from now on."""
        self._evidence = evidence

    @property
    def generation(self) -> int:
        """Of the inner index."""
        return self._inner.generation

    async def rebuild(self, cards: Iterable[Card], number: int | None = None) -> int:
        """Build the inner index."""
        return await self._inner.rebuild(cards, number)

    async def search(self, query: CardQuery) -> list[CardHit]:
        """The inner index's hits, best first after their scores were shifted."""
        evidence = self._evidence
        if evidence is None or not evidence.cards or query.top_k < 1:
            return await self._inner.search(query)
        hits = await self._inner.search(replace(query, top_k=query.top_k + _MORE))
        if any(hit.card.id in evidence.cards for hit in hits):
            hits = await asyncio.to_thread(self._shifted, hits, query.text, evidence)
        return hits[: query.top_k]

    def _shifted(self, hits: list[CardHit], text: str, evidence: Evidence) -> list[CardHit]:
        """Stable: cards of one score stay in the order of the search."""
        vector = evidence.space.spread(self._vectors.of([text]))[0] if evidence.space else None
        moved = []
        for hit in hits:
            shift = evidence.shift(hit.card.id, vector)
            moved.append(replace(hit, score=shifted(hit.score, shift), feedback=shift) if shift else hit)
        return sorted(moved, key=lambda hit: -hit.score)
