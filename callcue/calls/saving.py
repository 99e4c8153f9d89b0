"""Cards into the database, and the word of it to every process that serves them."""

from collections.abc import Sequence
from typing import Protocol

from callcue.core.cards import Card
from callcue.core.events import KbChanged
from callcue.core.ids import KB_STREAM
from callcue.infra.card_edits import PLAIN, Edit
from callcue.infra.cards import CardStore, SaveResult
from callcue.infra.event_log import EventLog

NAMED = 100
"""Card ids that one KbChanged names."""


class Saver(Protocol):
    """Saves cards; a service also makes them findable before it returns."""

    async def save(self, cards: Sequence[Card], *, by: str, edit: Edit = PLAIN) -> SaveResult:
        """Store all of them or, when one is refused, none."""


class AnnouncingSaver:
    """Stores and announces; running services index the cards when they hear of it."""

    def __init__(self, store: CardStore, log: EventLog) -> None:
        self._store = store
        self._log = log

    async def save(self, cards: Sequence[Card], *, by: str, edit: Edit = PLAIN) -> SaveResult:
        """Store all of them or, when one is refused, none; raises what ``CardStore.save`` raises."""
        result = await self._store.save(cards, by=by, edit=edit)
        touched = (*result.added, *result.changed)
        if touched:
            await self._log.append(
                KbChanged(call_id=KB_STREAM, at_ms=0, card_ids=touched[:NAMED], total=len(touched), by=by)
            )
        return result
