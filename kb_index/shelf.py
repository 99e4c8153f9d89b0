"""Cards that no generation holds, ready to be compared with what is asked: cut into terms and hashed once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from callcue.core.cards import Card
from callcue.core.ports import Embedder
from kb_index.sounds import sound_terms
from kb_index.vectors import FloatArray, embed, text_key

NEW_TEXTS = 200
"""Texts that are embedded for one hit test, at some 20 ms each; of more cards those whose sound comes nearest."""
_VECTORS = 20_000
"""Vectors that are remembered: some 30 MB."""


class Budget:
    """How many texts one hit test may still have embedded, whatever the number of its sentences."""

    def __init__(self, texts: int | None = None) -> None:
        self.left = NEW_TEXTS if texts is None else texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelved:
    """One card on the shelf."""

    card: Card
    texts: tuple[str, ...]
    """Title and sample questions, each once."""
    keys: tuple[bytes, ...]
    """The ``text_key`` of each."""
    terms: Collection[str]
    """What all of them sound like, in terms of ``sounds.sound_terms``."""


class CardShelf:
    """Remembers the cards that were asked for last, and vectors of their texts. Of one thread at a time."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._cards: Sequence[Card] = ()
        self._held: tuple[Shelved, ...] = ()
        self._vectors: dict[bytes, FloatArray] = {}

    def hold(self, cards: Sequence[Card]) -> tuple[Shelved, ...]:
        """The cards in their order; those that were on the shelf before, the same objects, are not cut again."""
        if cards is not self._cards or not isinstance(cards, tuple):
            before = {shelved.card.id: shelved for shelved in self._held}
            self._held = tuple(self._shelved(card, before.get(card.id)) for card in cards)
            self._cards = cards
        return self._held

    def _shelved(self, card: Card, before: Shelved | None) -> Shelved:
        if before is not None and before.card is card:
            return before
        texts = tuple(dict.fromkeys((card.title, *card.questions)))
        keys = tuple(text_key(self._embedder.name, text) for text in texts)
        return Shelved(card=card, texts=texts, keys=keys, terms=frozenset(sound_terms("\n".join(texts))))

    def embed(
        self, shelved: Sequence[Shelved], known: dict[bytes, FloatArray], budget: Budget
    ) -> dict[bytes, FloatArray]:
        """Vectors of the texts by key: those in ``known``, those remembered, and of the others as many, the first ones,
        as the budget allows. Raises ModelError."""
        new: dict[bytes, str] = {}
        for text, key in ((text, key) for one in shelved for text, key in zip(one.texts, one.keys, strict=True)):
            if len(new) >= budget.left:
                break
            if key not in known and key not in self._vectors:
                new[key] = text
        budget.left -= len(new)
        fresh = dict(zip(new, embed(self._embedder, list(new.values())), strict=True))
        if len(self._vectors) + len(fresh) > _VECTORS:
            self._vectors.clear()
        self._vectors |= fresh
        return known | self._vectors
