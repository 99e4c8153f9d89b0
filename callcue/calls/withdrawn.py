"""Cards that were taken back while the index is still being built: searches leave them out at once."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from callcue.core.cards import Card, CardHit, CardQuery
from callcue.core.ports import CardIndex

_MORE = 20
"""Hits that are asked for beside, where some may be left out."""


class WithdrawnCards:
    """Wraps a CardIndex. With nothing withdrawn its results are exactly those of the inner one."""

    def __init__(self, inner: CardIndex) -> None:
        self._inner = inner
        self._since: dict[str, int] = {}
        """Id -> the version that is not published."""

    @property
    def generation(self) -> int:
        """Of the inner index."""
        return self._inner.generation

    def withdraw(self, versions: Mapping[str, int]) -> None:
        """Leave these cards (id -> the version that is not published) out in all versions up to that."""
        self._since |= versions

    def indexed(self, versions: Mapping[str, int]) -> None:
        """The inner index serves these versions: what was withdrawn up to there is no longer in it."""
        self._since = {card_id: since for card_id, since in self._since.items() if versions.get(card_id, 0) < since}

    def strip(self, cards: dict[str, Card]) -> None:
        """Take those that are withdrawn out of cards by id."""
        for card_id, since in self._since.items():
            if card_id in cards and cards[card_id].version <= since:
                del cards[card_id]

    async def rebuild(self, cards: Iterable[Card], number: int | None = None) -> int:
        """Build the inner index."""
        return await self._inner.rebuild(cards, number)

    async def search(self, query: CardQuery) -> list[CardHit]:
        """The inner index's hits without cards that are withdrawn."""
        before = self._since  # what is withdrawn when the search begins, and what is when it ends
        more = min(len(before), _MORE) if query.top_k > 0 else 0
        hits = await self._inner.search(replace(query, top_k=query.top_k + more) if more else query)
        served = [hit for hit in hits if all(hit.card.version > s.get(hit.card.id, 0) for s in (before, self._since))]
        return served[: max(0, query.top_k)]
