"""The embedded CardIndex: hybrid search over immutable generations that are swapped whole."""

import asyncio
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from callcue.core.cards import Card, CardHit, CardQuery
from callcue.core.ports import Embedder
from kb_index.calibration import Calibration, load_calibration
from kb_index.generation import Found, Generation, build_generation
from kb_index.vectors import VectorTable, embed, load_table, save_table

MAX_QUERY = 400
"""Characters of a query that are looked at: more than anybody says in one utterance; embedding's cost grows with
it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexConfig:
    """How the index searches and what it keeps."""

    candidates: int = 50
    """Cards taken from each of the two searches before they are fused."""
    lexical_weight: float = 0.3
    """Weight of the lexical z-score; the cosine's is 1."""
    cache_file: Path | None = None
    """Where vectors are kept between starts; None: they are computed anew (about 20 ms a text)."""
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
        self._current: Generation | None = None
        self._building = threading.Lock()
        self._turn = asyncio.Lock()
        self._stored = 0
        """Vectors in the cache file."""

    @property
    def generation(self) -> int:
        """Number of the generation that serves searches; 0 before the first."""
        return self._current.number if self._current else 0

    @property
    def embedded(self) -> int:
        """Texts that the newest generation had to embed: what was not known from the one before or the cache file."""
        return self._current.embedded if self._current else 0

    @property
    def table(self) -> VectorTable:
        """The vectors of every text of the serving generation, by ``text_key``."""
        return self._current.table if self._current else {}

    def __len__(self) -> int:
        return len(self._current.cards) if self._current else 0

    async def rebuild(self, cards: Iterable[Card]) -> int:
        """Build the next generation off the loop and swap it in; returns its number. Only published cards are taken;
        of cards with one id the last counts. When it fails, the old generation goes on serving.
        """
        snapshot = tuple(cards)
        async with self._turn:
            return await asyncio.to_thread(self.rebuild_now, snapshot)

    def rebuild_now(self, cards: Sequence[Card]) -> int:
        """The same, blocking: for scripts."""
        with self._building:
            previous = self._current
            table = previous.table if previous else self._load()
            number = self.generation + 1
            built = build_generation(number, cards, self._embedder, table, previous)
            self._current = built
            self._save(built)
            return number

    async def search(self, query: CardQuery) -> list[CardHit]:
        """Best first, at most one hit per card, at most ``top_k``. Empty text gives no hits."""
        if not query.text.strip() or query.top_k < 1 or not self._current:
            return []
        return await asyncio.to_thread(self.search_now, query)

    def search_now(self, query: CardQuery) -> list[CardHit]:
        """The same, blocking: for scripts."""
        serving = self._current
        found = self._find(serving, query) if serving else None
        if serving is None or found is None:
            return []
        return serving.hits(found, self._calibration, query.top_k)

    def evidence(self, text: str) -> tuple[Found, tuple[Card, ...]] | None:
        """What calibration is fitted on: the candidates with their features, and the cards that they number."""
        serving = self._current
        found = self._find(serving, CardQuery(text=text)) if serving else None
        return (found, serving.cards) if serving and found else None

    def dense_search(self, text: str, k: int) -> list[tuple[str, float]]:
        """Card ids and cosines by the vectors alone. For the evaluation."""
        serving = self._current
        if serving is None or not text.strip():
            return []
        ranking = serving.dense_ranking(embed(self._embedder, [text[:MAX_QUERY]])[0], k)
        return [(serving.cards[card].id, cosine) for card, (cosine, _) in ranking.items()]

    def lexical_search(self, text: str, k: int) -> list[tuple[str, float]]:
        """Card ids and BM25 scores by the terms alone. For the evaluation."""
        serving = self._current
        if serving is None:
            return []
        scores = serving.lexical.search(text[:MAX_QUERY])
        ranking = serving.lexical_ranking(scores, k).tolist()
        return [(serving.cards[card].id, float(scores.score[card])) for card in ranking]

    def _find(self, serving: Generation, query: CardQuery) -> Found | None:
        text = query.text.strip()[:MAX_QUERY]
        if not text or not serving.cards:
            return None
        most = max(self._config.candidates, query.top_k)
        vector = embed(self._embedder, [text])[0]
        return serving.find(text, vector, query, most, self._config.lexical_weight)

    def _load(self) -> VectorTable:
        path = self._config.cache_file
        table = load_table(path, self._embedder.name, self._embedder.dims) if path else {}
        self._stored = len(table)
        return table

    def _save(self, built: Generation) -> None:
        """Keep the vectors when enough has changed to be worth writing the file."""
        path = self._config.cache_file
        size = len(built.table)
        if path is None or built.embedded == 0:
            return
        if built.embedded + abs(size - self._stored) >= max(8, size // 50):
            save_table(path, self._embedder.name, built.table)
            self._stored = size
