"""The cards that calls do not see, for the hit test: read again, as far as they changed, when a card was saved."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from callcue.core.cards import Card, CardHit, CardQuery
from callcue.infra.cards import CardStore
from kb_index.shelf import Budget
from nlu.explain import Shelf
from nlu.triggers import TriggerMatcher

MOST = 20_000
"""Unpublished cards that are looked at; of more, those beyond are counted."""

WithheldSearch = Callable[[CardQuery, Sequence[Card], Budget], Awaitable[list[CardHit]]]
"""What of published cards a query's filters keep out, and what of these others comes near; the budget is that of the
whole hit test."""


class ShelfKeeper:
    """Keeps the shelf between two hit tests."""

    def __init__(self, store: CardStore, search: WithheldSearch) -> None:
        self._store = store
        self._search = search
        self._reading = asyncio.Lock()
        self._number = 0
        self._cards: tuple[Card, ...] = ()
        self._held: Shelf | None = None

    async def shelf(self) -> Shelf:
        """As the cards are stored now, for one hit test."""
        async with self._reading:  # hit tests that come together read once
            number = await self._store.number()
            if self._held is None or self._number != number:
                self._held, self._number = await self._read({} if self._held is None else self._held.cards), number
            return replace(self._held, search=partial(self._find, self._cards, Budget()))

    async def _read(self, known: Mapping[str, Card]) -> Shelf:
        found, left_out = await self._store.unpublished(MOST, known)
        self._cards = tuple(found)
        return Shelf(
            cards={card.id: card for card in found},
            triggers=await asyncio.to_thread(TriggerMatcher, found),
            search=partial(self._find, self._cards, Budget()),
            left_out=left_out,
        )

    async def _find(self, cards: Sequence[Card], budget: Budget, query: CardQuery) -> list[CardHit]:
        return await self._search(query, cards, budget)
