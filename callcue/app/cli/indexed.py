"""The published cards in an index of the command's own, with the scores of a running service."""

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from callcue.core.errors import BadInput

if TYPE_CHECKING:
    from callcue.core.cards import Card
    from callcue.core.ports import CardIndex
    from callcue.core.settings import Settings
    from kb_index.index import HybridIndex
    from nlu.explain import Shelf


async def indexed(chosen: "Settings") -> "tuple[CardIndex, tuple[Card, ...]]":
    """The index, which knows what agents made of the cards where the settings say so, and the cards. Loads the
    embedding model. Raises BadInput when no card is published."""
    index, _, cards = await _built(chosen)
    return index, cards


async def shelved(chosen: "Settings") -> "tuple[CardIndex, tuple[Card, ...], Shelf]":
    """The same, and the cards that calls do not see. Raises BadInput when no card is published."""
    from callcue.app.storage import open_storage
    from callcue.calls.shelf import ShelfKeeper

    index, inner, cards = await _built(chosen)
    async with AsyncExitStack() as stack:
        storage = await open_storage(chosen, stack)
        shelf = await ShelfKeeper(storage.cards, inner.withheld).shelf()
    return index, cards, shelf


async def _built(chosen: "Settings") -> "tuple[CardIndex, HybridIndex, tuple[Card, ...]]":
    """The index of searches, the one inside it, and the cards."""
    from callcue.app.desks import learning_loop
    from callcue.app.storage import open_storage
    from callcue.core.clock import SystemClock
    from callcue.learning.likeness import QuestionVectors
    from callcue.learning.ranking import FeedbackIndex
    from kb_index.index import HybridIndex, IndexConfig
    from models.embedders import load_embedder
    from models.store import ModelStore

    async with AsyncExitStack() as stack:
        storage = await open_storage(chosen, stack)
        snapshot = await storage.cards.snapshot()
        if not snapshot.cards:
            raise BadInput("no card is published: import cards with `callcue kb import FILE`")
        embedder = load_embedder(ModelStore(chosen.cache_dir), chosen.knowledge.embedder)
        vectors = QuestionVectors(embedder)
        inner = HybridIndex(embedder, IndexConfig(cache_file=chosen.vector_cache))
        index = FeedbackIndex(inner, vectors)
        if chosen.knowledge.learn_from_feedback:
            loop = learning_loop(chosen, storage, lambda: vectors, SystemClock(), learned=index.learn)
            await loop.refresh_feedback()
    await index.rebuild(snapshot.cards, snapshot.number)
    return index, inner, snapshot.cards
