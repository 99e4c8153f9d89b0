"""The embedded CardIndex: hybrid search over immutable generations that are swapped whole."""

import asyncio
import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from callcue.core.cards import Card, CardHit, CardQuery
from callcue.core.ports import Embedder
from kb_index.building import build_generation, whole_table
from kb_index.calibration import Calibration, load_calibration
from kb_index.generation import Found, Generation, best
from kb_index.ranking import Ranking, load_ranking
from kb_index.vectors import FloatArray, VectorTable, embed, load_table, save_table, text_key
from kb_index.withheld import find_withheld

MAX_QUERY = 400
"""Characters of a query that are looked at: more than anybody says in one utterance; embedding's cost grows with
it."""

_SHELF = 20_000
"""Vectors of unpublished texts that are remembered: some 30 MB."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexConfig:
    """How the index searches and what it keeps."""

    candidates: int = 50
    """Cards taken from each of the searches before they are fused."""
    ranking: Ranking | None = None
    """One fitted on own data (``load_ranking``); None: the one that comes with CallCue."""
    cache_file: Path | None = None
    """Where vectors are kept between starts; None: they are computed anew (about 10 ms a text)."""
    distrust_cache: bool = False
    """Compute every vector anew and write the file again; until that is done, the old file stays."""
    calibration: Calibration | None = None
    """One fitted on own data (``load_calibration``); None: the one that comes with CallCue."""


class HybridIndex:
    """Implements ``callcue.core.ports.CardIndex``. Searches and builds run in worker threads; one build at a time,
    while searches go on against the generation before it.
    """

    def __init__(self, embedder: Embedder, config: IndexConfig | None = None) -> None:
        self._embedder = embedder
        self._config = config or IndexConfig()
        self._calibration = self._config.calibration or load_calibration()
        self._ranking = self._config.ranking or load_ranking()
        self._current: Generation | None = None
        self._building = threading.Lock()
        self._turn = asyncio.Lock()
        self._stored = 0
        """Vectors in the cache file."""
        self._shelf: dict[bytes, FloatArray] = {}
        self._shelf_lock = threading.Lock()

    @property
    def generation(self) -> int:
        """Number of the generation that serves searches; 0 before the first."""
        return 0 if self._current is None else self._current.number

    @property
    def embedded(self) -> int:
        """Texts that the newest generation had to embed: what was not known from the one before or the cache file."""
        return 0 if self._current is None else self._current.embedded

    def known_vectors(self, keys: Sequence[bytes]) -> dict[bytes, FloatArray]:
        """Vectors of the serving generation's texts by ``text_key``; what it does not know is left out."""
        serving = self._current  # held meanwhile: its vectors lie in the memory of its search
        return {} if serving is None else serving.table.of(keys)

    def __len__(self) -> int:
        return 0 if self._current is None else len(self._current)

    async def rebuild(self, cards: Iterable[Card], number: int | None = None) -> int:
        """Build the next generation off the loop and swap it in; returns its number, which is ``number`` or one more
        than the last. Of cards with one id the last counts. When it fails, the old generation goes on serving.
        """
        snapshot = tuple(cards)
        async with self._turn:
            return await asyncio.to_thread(self.rebuild_now, snapshot, number)

    def rebuild_now(self, cards: Sequence[Card], number: int | None = None) -> int:
        """The same, blocking: for scripts."""
        with self._building:
            previous = self._current
            known = self._load() if previous is None else previous.table
            number = self.generation + 1 if number is None else number
            built = build_generation(number, cards, self._embedder, known, previous)
            self._current = built
            self._save(built)
            return number

    async def search(self, query: CardQuery) -> list[CardHit]:
        """Best first, at most one hit per card, at most ``top_k``. Empty text gives no hits."""
        if not query.text.strip() or query.top_k < 1 or self._current is None:
            return []
        return await asyncio.to_thread(self.search_now, query)

    def search_now(self, query: CardQuery) -> list[CardHit]:
        """The same, blocking: for scripts."""
        serving = self._current
        found = None if serving is None else self._find(serving, query)
        if serving is None or found is None:
            return []
        return serving.hits(found, self._calibration, query.top_k)

    async def withheld(self, query: CardQuery, cards: Sequence[Card]) -> list[CardHit]:
        """What the query's filters keep out, and which of ``cards``, that are not published, come near: best first,
        each with the score that it would have. Never part of a search."""
        if not query.text.strip() or self._current is None:
            return []
        return await asyncio.to_thread(self._withheld, query, cards)

    def _withheld(self, query: CardQuery, cards: Sequence[Card]) -> list[CardHit]:
        serving = self._current
        if serving is None:
            return []
        query = replace(query, text=query.text.strip()[:MAX_QUERY])
        return find_withheld(
            serving,
            query,
            embed(self._embedder, [query.text])[0],
            cards,
            self._shelved,
            ranking=self._ranking,
            calibration=self._calibration,
            candidates=self._config.candidates,
        )

    def _shelved(self, texts: Sequence[str], most: int) -> dict[str, FloatArray]:
        """Vectors of unpublished texts; of those that no generation knows and nobody asked for yet, the first few."""
        keys = {text: text_key(self._embedder.name, text) for text in texts}
        with self._shelf_lock:
            known = self.known_vectors(list(keys.values())) | self._shelf
            new = [text for text, key in keys.items() if key not in known][:most]
            fresh = {keys[t]: v for t, v in zip(new, embed(self._embedder, new), strict=True)}
            if len(self._shelf) + len(fresh) > _SHELF:
                self._shelf.clear()
            self._shelf |= fresh
        known |= fresh
        return {text: known[key] for text, key in keys.items() if key in known}

    def evidence(self, text: str) -> tuple[Found, tuple[Card, ...]] | None:
        """What ranking and calibration are fitted on: the candidates with their features, and the cards that they
        number."""
        serving = self._current
        found = None if serving is None else self._find(serving, CardQuery(text=text))
        if serving is None or found is None:
            return None
        return found, tuple(entry.card for entry in serving.entries)

    def dense_search(self, text: str, k: int) -> list[str]:
        """Card ids, best first, by the vectors alone. For the evaluation."""
        serving = self._current
        if serving is None or not text.strip():
            return []
        near = serving.near(embed(self._embedder, [text[:MAX_QUERY]])[0], k)
        return [serving.card(card).id for card in near.tolist()]

    def lexical_search(self, text: str, k: int) -> list[str]:
        """Card ids, best first, by BM25 alone. For the evaluation."""
        serving = self._current
        if serving is None:
            return []
        scores = serving.words.search(text[:MAX_QUERY])
        return [serving.card(card).id for card in best(scores, k).tolist()]

    def sound_search(self, text: str, k: int) -> list[str]:
        """Card ids, best first, by coverage by sound alone. For the evaluation."""
        serving = self._current
        if serving is None:
            return []
        return [serving.card(card).id for card in best(serving.sounds.coverage(text[:MAX_QUERY]), k).tolist()]

    def _find(self, serving: Generation, query: CardQuery) -> Found | None:
        text = query.text.strip()[:MAX_QUERY]
        if not text or not len(serving):
            return None
        most = max(self._config.candidates, query.top_k)
        vector = embed(self._embedder, [text])[0]
        return serving.find(text, vector, query, most, self._ranking)

    def _load(self) -> VectorTable:
        path = self._config.cache_file
        name, dims = self._embedder.name, self._embedder.dims
        nothing = VectorTable((), np.empty((0, dims), dtype=np.float16))
        table = nothing if path is None or self._config.distrust_cache else load_table(path, name, dims)
        self._stored = len(table)
        return table

    def _save(self, built: Generation) -> None:
        """Keep the vectors when enough has changed to be worth writing the file."""
        path = self._config.cache_file
        size = len(built.table) + len(built.idle)
        if path is None or built.embedded == 0:
            return
        if built.embedded + abs(size - self._stored) >= max(8, size // 50):
            try:
                save_table(path, self._embedder.name, whole_table(built, self._embedder.name))
            except OSError as error:  # a cache: without it the next start takes longer, nothing else
                _log.warning("vectors could not be kept in %s (%s)", path, error.strerror or type(error).__name__)
                return
            self._stored = size
