"""Warnings about stored cards, and the parts that editing is made of."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from callcue.calls.editing import CardEditor
from callcue.calls.questions import QuestionProposals
from callcue.calls.shelf import ShelfKeeper
from callcue.core.cards import Card
from callcue.core.errors import BadInput, NotFound
from callcue.infra.cards import CardStore
from callcue.infra.searches import SearchLog
from kb_index.check import MAX_TEXTS, CardChecker, CardWarning
from nlu.assist import AssistConfig

MOST_AT_ONCE = 500
"""Cards of one save that are compared with all others; after a larger import ``callcue kb check`` tells."""


class CardReview:
    """Compares cards with each other."""

    def __init__(self, store: CardStore, checker: CardChecker, published: Callable[[], Mapping[str, Card]]) -> None:
        """``published``: the cards that calls see now, by id."""
        self._store = store
        self._checker = checker
        self._published = published

    async def check(self, only: Collection[str] | None = None, *, patient: bool = False) -> list[CardWarning]:
        """Warnings about all stored cards, or about those named against all. Raises NotFound for a card that is not
        stored; and BadInput where all are asked about, they are too many to wait for and the caller is not patient."""
        if only is not None and (missing := sorted(set(only) - (await self._store.find(sorted(only))).keys())):
            raise NotFound(f"there is no card {missing[0][:128]!r}")
        cards = await self._store.all()
        if only is None and not patient and (size := CardChecker.size(cards)) > MAX_TEXTS:
            raise BadInput(
                f"{size} titles and questions are too many to compare while you wait, from {MAX_TEXTS} on; ask about "
                "one card (card_id), or run `callcue kb check`, which takes its time"
            )
        return await asyncio.to_thread(self._checker.check, cards, only)

    async def of(self, cards: Sequence[Card]) -> list[CardWarning]:
        """Warnings about cards that are being saved, among themselves and against the published ones; none for so many
        that it would take minutes."""
        fresh = {card.id: card for card in cards}
        if not 0 < len(fresh) <= MOST_AT_ONCE:
            return []
        others = [card for card in self._published().values() if card.id not in fresh]
        return await asyncio.to_thread(self._checker.check, [*others, *fresh.values()], set(fresh), known_only=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditingDesk:
    """Everything that editing needs, for the edge."""

    editor: CardEditor
    review: CardReview
    questions: QuestionProposals
    searches: SearchLog
    assist: AssistConfig
    """As live calls have it, for the hit test."""
    shelf: ShelfKeeper
    """Cards that calls do not see, for the same."""
