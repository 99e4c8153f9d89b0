"""Editing cards: saves that name the version they were made from, steps of a card's life, restoring, importing."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from callcue.calls.saving import Saver
from callcue.core.cards import Card, CardStatus
from callcue.core.errors import BadInput
from callcue.core.lifecycle import MAX_NOTE, check_step
from callcue.infra.card_edits import Edit, EditAction
from callcue.infra.card_history import CardHistory
from callcue.infra.cards import CardStore, SaveResult
from kb_index.cards import card_to_json, parse_card
from kb_index.folding import fold

Outcome = Literal["added", "changed", "unchanged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What came of saving one card."""

    card: Card
    """As stored, with its version."""
    outcome: Outcome


class CardEditor:
    """What editors do with cards. Every method that writes raises StaleCard when the card is no longer stored in the
    version that is given as ``expected``; None stands for whatever version is the newest."""

    def __init__(self, *, store: CardStore, history: CardHistory, saver: Saver) -> None:
        self.store = store
        self.history = history
        self._saver = saver

    async def save(self, card: Card, *, by: str, expected: int | None, note: str = "") -> Saved:
        """Store one card; ``expected`` 0 says that it is new."""
        return await self._save(card, "save", by, expected, note)

    async def restore(
        self, card_id: str, version: int, *, by: str, expected: int | None = None, note: str = ""
    ) -> Saved:
        """Make the text of an older version the newest. Its status stays as it is now: a retired card is not published
        by restoring what it was. Raises NotFound."""
        old, now = await self.store.get(card_id, version), await self.store.get(card_id)
        base = now.version if expected is None else expected
        return await self._save(replace(old, status=now.status), "restore", by, base, note or f"version {version}")

    async def move(
        self, card_id: str, status: CardStatus, *, by: str, expected: int | None = None, note: str = ""
    ) -> Saved:
        """Take a step of the card's life. Raises Conflict for one that there is not, BadInput for one back or out
        without its reason, NotFound."""
        now = await self.store.get(card_id)
        check_step(card_id, now.status, status, note)
        base = now.version if expected is None else expected
        return await self._save(replace(now, status=status), "status", by, base, note)

    async def add_question(self, card_id: str, question: str, *, by: str, expected: int | None = None) -> Saved:
        """One more sample question, in a new version; no change where the card has it. Raises NotFound, BadCard."""
        now = await self.store.get(card_id)
        base = now.version if expected is None else expected
        if fold(question) in {fold(known) for known in (now.title, *now.questions)}:
            return Saved(card=now, outcome="unchanged")
        form = card_to_json(replace(now, questions=(*now.questions, question)))
        return await self._save(parse_card(form, f"card {card_id!r}"), "question", by, base, question)

    async def import_cards(
        self, cards: Sequence[Card], *, by: str, note: str = "", onto: Mapping[str, int] = MappingProxyType({})
    ) -> SaveResult:
        """Store all of a file's cards or, when one is refused, none. ``onto``: card id -> the stored version that it
        was made from; StaleCard where somebody has changed that meanwhile."""
        edit = Edit(action="import", note=_checked(note), expected=onto)
        return await self._saver.save(cards, by=by, edit=edit)

    async def onto_stored(self, pages: Sequence[Card]) -> tuple[list[Card], dict[str, int]]:
        """Cards that were read from pages, laid onto the stored ones, and the versions of those. A page knows title,
        text and questions; what else editors have set stays: their questions, phrases, category, owner, dates and the
        status."""
        stored = await self.store.find([card.id for card in pages])
        laid = await asyncio.to_thread(lambda: [_laid(card, stored.get(card.id)) for card in pages])
        return laid, {card_id: card.version for card_id, card in stored.items()}

    async def _save(self, card: Card, action: EditAction, by: str, expected: int | None, note: str) -> Saved:
        base = {} if expected is None else {card.id: expected}
        result = await self._saver.save([card], by=by, edit=Edit(action=action, note=_checked(note), expected=base))
        outcome: Outcome = "added" if result.added else "changed" if result.changed else "unchanged"
        return Saved(card=replace(card, version=result.versions[card.id]), outcome=outcome)


def _checked(note: str) -> str:
    if len(note) > MAX_NOTE:
        raise BadInput(f"the note has {len(note)} characters; at most {MAX_NOTE} are kept. Nothing was saved")
    return note.strip()


def _laid(page: Card, stored: Card | None) -> Card:
    if stored is None:
        return page
    known = {fold(question) for question in stored.questions}
    fresh = tuple(question for question in page.questions if fold(question) not in known)
    return replace(stored, title=page.title, body=page.body, questions=(*stored.questions, *fresh))
