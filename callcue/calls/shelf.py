"""The cards that calls do not see, for the hit test: read again when a card was saved."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from callcue.core.cards import Card, CardHit, CardQuery
from callcue.infra.cards import CardStore
from nlu.explain import Shelf
from nlu.triggers import TriggerMatcher

MOST = 20_000
"""Unpublished cards that are looked at; of more, those beyond are counted."""

WithheldSearch = Callable[[CardQuery, Sequence[Card]], Awaitable[list[CardHit]]]
"""What of published cards a query's filters keep out, and what of these others comes near."""


class ShelfKeeper:
    """Keeps the shelf between two hit tests."""

    def __init__(self, store: CardStore, search: WithheldSearch) -> None:
        self._store = store
        self._search = search
        self._held: tuple[int, Shelf] | None = None

    async def shelf(self) -> Shelf:
        """As the cards are stored now."""
        number = await self._store.number()
        if self._held is None or self._held[0] != number:
            cards, left_out = await self._store.unpublished(MOST)
            made = Shelf(
                cards={card.id: card for card in cards},
                triggers=await asyncio.to_thread(TriggerMatcher, cards),
                search=partial(self._find, cards),
                left_out=left_out,
            )
            self._held = number, made
        return self._held[1]

    async def _find(self, cards: Sequence[Card], query: CardQuery) -> list[CardHit]:
        return await self._search(query, cards)
