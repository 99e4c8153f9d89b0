"""Vectors that are computed ahead of the build that needs them."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from callcue.core.cards import Card
from callcue.core.ports import Embedder
from kb_index.vectors import BATCH, HalfArray, VectorTable, embed, text_key

KEEP = 2048
"""Texts after which a long first build is worth a file: some 20 s of work."""
_GROWTH = 16
"""The whole file is written each time, so with what is there the next part grows: a sixteenth of it."""
_LEFT = 200_000
"""Vectors that no build took, of saves that were refused, before they are forgotten: 150 MB."""

Text = tuple[bytes, str]
"""The ``text_key`` of a text, and the text."""


class AheadVectors:
    """Vectors by ``text_key``, until a generation has them. Any thread may add, ask and drop."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._vectors: dict[bytes, HalfArray] = {}

    def get(self, key: bytes) -> HalfArray | None:
        """One vector, where it is there."""
        return self._vectors.get(key)

    def missing(self, cards: Iterable[Card], known: VectorTable) -> list[Text]:
        """Texts of published cards that neither ``known`` nor this has, each once, short ones first."""
        if len(self._vectors) > _LEFT:
            self._vectors.clear()
        texts: dict[bytes, str] = {}
        for card in cards:
            if card.status == "published":
                texts |= {text_key(self._embedder.name, text): text for text in (card.title, *card.questions)}
        rows = known.rows(list(texts)).tolist()
        found = [
            text for text, row in zip(texts.items(), rows, strict=True) if row < 0 and text[0] not in self._vectors
        ]
        return sorted(found, key=lambda text: len(text[1]))  # texts of one length: no padding

    def embed(self, texts: Sequence[Text]) -> None:
        """Embed these. Raises ModelError."""
        made = embed(self._embedder, [text for _, text in texts]).astype(np.float16)
        self._vectors.update({key: vector for (key, _), vector in zip(texts, made, strict=True)})

    def embed_long(self, texts: Sequence[Text], known: VectorTable, save: Callable[[VectorTable], None]) -> None:
        """Embed these, and now and then hand everything that is known to ``save``, so that whoever is stopped in
        between goes on from there. Raises ModelError."""
        self.drop(known)  # what an attempt before this one has written is not written twice
        done = 0
        for start in range(0, len(texts), BATCH):
            self.embed(texts[start : start + BATCH])
            due = start + BATCH - done
            if due >= max(KEEP, (len(known) + done) // _GROWTH):
                done = start + BATCH
                save(self.joined(known))

    def joined(self, known: VectorTable) -> VectorTable:
        """``known`` and what is here."""
        ahead = dict(self._vectors)
        if not ahead:
            return known
        return VectorTable([*known.keys, *ahead], np.concatenate([known.matrix, np.stack(list(ahead.values()))]))

    def drop(self, held: VectorTable) -> None:
        """Forget what ``held`` has."""
        keys = list(self._vectors)
        if keys:
            for key, row in zip(keys, held.rows(keys).tolist(), strict=True):
                if row >= 0:
                    self._vectors.pop(key, None)
