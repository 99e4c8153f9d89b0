"""The living knowledge base: stored cards, the index over them, and the trigger phrases, changed while calls run."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import structlog

from callcue.calls.faults import place_of
from callcue.calls.saving import AnnouncingSaver
from callcue.calls.withdrawn import WithdrawnCards
from callcue.core.cards import Card, CardHit, CardQuery
from callcue.core.errors import CallCueError
from callcue.core.events import IndexBuilt, KbChanged
from callcue.core.ids import KB_STREAM
from callcue.core.ports import CardIndex, Clock
from callcue.infra.card_edits import PLAIN, Edit
from callcue.infra.card_snapshot import CardSnapshot
from callcue.infra.cards import CardStore, SaveResult
from callcue.infra.event_log import EventLog
from nlu.assist import KnowledgeView
from nlu.hotwords import HotwordConfig, HotwordCorrector
from nlu.triggers import TriggerMatcher

WATCH_S = 0.25
"""How often the database is asked whether another process changed the cards."""

Prepare = Callable[[Sequence[Card]], Awaitable[None]]
"""Does beforehand what takes long in indexing cards, while other builds go on: their vectors."""

_NO_HOTWORDS = HotwordConfig()

_log = structlog.get_logger(__name__)


class KnowledgeBase:
    """Serves searches from the newest finished generation; a change never blocks one."""

    def __init__(
        self,
        *,
        store: CardStore,
        index: CardIndex,
        log: EventLog,
        clock: Clock,
        hotwords: HotwordConfig = _NO_HOTWORDS,
        prepare: Prepare | None = None,
    ) -> None:
        self.store = store
        self._prepare = prepare
        self._index = WithdrawnCards(index)
        self._log = log
        self._clock = clock
        self._hotwords = hotwords
        self._view = KnowledgeView(index=self._index, triggers=TriggerMatcher(()), cards={})
        self._building = asyncio.Lock()
        self._watcher: asyncio.Task[None] | None = None
        self._state: CardSnapshot | None = None
        """What the last build that went through to its end was made of; None: nothing yet."""
        self._heard = 0
        """Number of the newest event of the knowledge base's stream that was looked at before ``_state`` was read."""
        self._learnt: Mapping[str, Card] | None = None
        """What the view's triggers and hotwords were made of; None: nothing yet."""

    @property
    def generation(self) -> int:
        """Number of the generation that serves searches."""
        return self._index.generation

    def view(self) -> KnowledgeView:
        """The present snapshot: index, triggers and cards that belong together."""
        return self._view

    async def start(self) -> None:
        """Index what is stored and begin to watch for changes made by other processes."""
        await self.rebuild()
        self._watcher = asyncio.create_task(self._watch(), name="knowledge-watch")

    async def close(self) -> None:
        """Stop watching."""
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
            self._watcher = None

    async def save(self, cards: Sequence[Card], *, by: str, edit: Edit = PLAIN) -> SaveResult:
        """Store cards, announce the change, and return when it can be found.

        The texts of many cards are embedded before any of them is stored: what others save meanwhile does not wait for
        it. A card that is no longer published is left out from the moment it is stored.
        """
        if self._prepare is not None:
            await self._prepare(cards)
        result = await AnnouncingSaver(self.store, self._log).save(cards, by=by, edit=edit)
        gone = {card.id: result.versions[card.id] for card in cards if card.status != "published"}
        if gone := {card_id: gone[card_id] for card_id in result.changed if card_id in gone}:
            self._index.withdraw(gone)
            self._show(dict(self._view.cards))
        if result.added or result.changed:
            await self.rebuild()
        return result

    async def search(self, query: CardQuery) -> list[CardHit]:
        """Search the present generation."""
        return await self._index.search(query)

    async def rebuild(self) -> int:
        """Index the published cards as they are stored now and swap the result in; returns the generation.

        Its number is that of the database's state, so two processes with the same number serve the same cards. Only
        cards that changed are read and embedded; phrases are learnt anew only where one changed, and after the
        search: an edit can be found before that. Where nothing changed, nothing is done.
        """
        async with self._building:
            began = time.perf_counter()
            if self._state is not None and not await self._changed_elsewhere():
                return self.generation  # a save and the watcher meet here: the first of them has built it
            heard, snapshot = await self._read()
            generation = await self._index.rebuild(snapshot.cards, snapshot.number)
            self._index.indexed(snapshot.versions)
            self._show(await asyncio.to_thread(_by_id, snapshot.cards))
            took = int((time.perf_counter() - began) * 1000)
            await self._learn_phrases(snapshot.cards)
            built = IndexBuilt(
                call_id=KB_STREAM, at_ms=0, generation=generation, cards=len(snapshot.cards), took_ms=took
            )
            await self._log.append(built)
            self._state, self._heard = snapshot, heard  # last: where anything above failed, the next look tries again
            return generation

    def _show(self, cards: dict[str, Card]) -> None:
        self._index.strip(cards)
        self._view = replace(self._view, cards=cards)

    async def _read(self) -> tuple[int, CardSnapshot]:
        """The cards as they are now, and the newest event that was looked at. Events say which cards to look at, no
        more: one that was lost or comes late costs a look at all cards."""
        if self._state is None:
            heard = await self._log.last_seq(KB_STREAM)
            return heard, await self.store.snapshot()
        events = await self._log.read(KB_STREAM, self._heard)
        heard = events[-1].seq if events else self._heard
        named = {card_id for event in events if isinstance(event, KbChanged) for card_id in event.card_ids}
        updated = await self.store.update(self._state, named)
        if updated is None:
            updated = await self.store.snapshot(await asyncio.to_thread(_by_id, self._state.cards))
        return heard, updated

    async def _learn_phrases(self, cards: Sequence[Card]) -> None:
        """Triggers and hotwords of the cards, where they are not those of the view: about 0.1 ms a phrase."""
        if self._learnt is not None and await asyncio.to_thread(_say_the_same, self._learnt, cards):
            return
        triggers = await asyncio.to_thread(TriggerMatcher, cards)
        hotwords = await asyncio.to_thread(HotwordCorrector, self._hotwords, cards)
        self._view = replace(self._view, triggers=triggers, hotwords=hotwords)
        self._learnt = await asyncio.to_thread(_by_id, cards)

    async def _watch(self) -> None:
        while True:
            await self._clock.sleep(WATCH_S)
            try:
                if await self._changed_elsewhere():
                    await self.rebuild()
            except CallCueError as error:
                _log.warning("knowledge.watch_failed", code=error.code, reason=error.message)
            except Exception as error:  # noqa: BLE001 - boundary: a watcher that ends would hide every later change
                _log.error("knowledge.watch_failed", fault=type(error).__name__, at=place_of(error))

    async def _changed_elsewhere(self) -> bool:
        """The database holds another state than is served here; stays true until that is indexed. Asked of the cards
        themselves: the word of a change could be lost with the process that made it."""
        return self._state is None or await self.store.number() != self._state.number


def _by_id(cards: Iterable[Card]) -> dict[str, Card]:
    return {card.id: card for card in cards}


def _say_the_same(learnt: Mapping[str, Card], cards: Sequence[Card]) -> bool:
    """Whether the cards have the phrases that were learnt."""
    return len(learnt) == len(cards) and all(_says_the_same(learnt, card) for card in cards)


def _says_the_same(known: Mapping[str, Card], card: Card) -> bool:
    """Whether the card has the phrases that it had in ``known``."""
    before = known.get(card.id)
    return before is card or (
        before is not None
        and (before.title, before.triggers, before.negative) == (card.title, card.triggers, card.negative)
    )
