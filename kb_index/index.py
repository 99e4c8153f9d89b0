"""The embedded CardIndex: hybrid search over immutable generations that are swapped whole."""

import asyncio
import logging
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from callcue.core.cards import Card, CardHit, CardQuery
from callcue.core.ports import Embedder
from kb_index.ahead import AheadVectors
from kb_index.building import build_generation, whole_table
from kb_index.calibration import Calibration, load_calibration
from kb_index.generation import Found, Generation, best
from kb_index.ranking import Ranking, load_ranking
from kb_index.shelf import Budget, CardShelf, Shelved
from kb_index.vectors import BATCH, FloatArray, VectorTable, embed, load_table, save_table
from kb_index.withheld import find_withheld

MAX_QUERY = 400
"""Characters of a query that are looked at: more than anybody says in one utterance; embedding's cost grows with
it."""

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
        self._ahead = AheadVectors(embedder)
        self._preparing = asyncio.Lock()
        self._shelf = CardShelf(embedder)
        self._shelf_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hit-test")
        """One, of its own: an editor's question takes seconds, and no call's search may wait for it."""

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

    async def prepare(self, cards: Sequence[Card]) -> None:
        """Embed what the cards need and no generation has, batch by batch, so that the build that indexes them finds
        it: other builds go on between. Before the first generation, and of few texts, nothing. Raises ModelError."""
        texts = sum(1 + len(card.questions) for card in cards if card.status == "published")
        if texts <= BATCH:
            return
        async with self._preparing:
            serving = self._current
            if serving is None:
                return
            new = await asyncio.to_thread(self._ahead.missing, cards, serving.table)
            for start in range(0, len(new), BATCH):
                await asyncio.to_thread(self._ahead.embed, new[start : start + BATCH])

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
            if previous is None and self._config.cache_file is not None and not self._config.distrust_cache:
                self._ahead.embed_long(self._ahead.missing(cards, known), known, self._write)
            built = build_generation(number, cards, self._embedder, known, previous, ahead=self._ahead)
            self._current = built
            self._ahead.drop(built.table)
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

    async def withheld(self, query: CardQuery, cards: Sequence[Card], budget: Budget | None = None) -> list[CardHit]:
        """What the query's filters keep out, and which of ``cards``, that are not published, come near: best first,
        each with the score that it would have. Never part of a search, and one at a time. ``budget``: that of the hit
        test which the query belongs to. A tuple of cards that is given again costs less."""
        if not query.text.strip() or self._current is None:
            return []
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._shelf_thread, self._withheld, query, cards, budget or Budget())

    def _withheld(self, query: CardQuery, cards: Sequence[Card], budget: Budget) -> list[CardHit]:
        serving = self._current
        if serving is None:
            return []
        query = replace(query, text=query.text.strip()[:MAX_QUERY])

        def vectors(shelf: Sequence[Shelved]) -> dict[bytes, FloatArray]:
            known = serving.table.of([key for one in shelf for key in one.keys])
            return self._shelf.embed(shelf, known, budget)

        return find_withheld(
            serving,
            query,
            embed(self._embedder, [query.text])[0],
            self._shelf.hold(cards),
            vectors,
            ranking=self._ranking,
            calibration=self._calibration,
            candidates=self._config.candidates,
        )

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
        size = len(built.table) + len(built.idle)
        if self._config.cache_file is None or built.embedded == 0:
            return
        if built.embedded + abs(size - self._stored) >= max(8, size // 50):
            self._write(whole_table(built, self._embedder.name))

    def _write(self, table: VectorTable) -> None:
        path = self._config.cache_file
        if path is None:
            return
        try:
            save_table(path, self._embedder.name, table)
        except OSError as error:  # a cache: without it the next start takes longer, nothing else
            _log.warning("vectors could not be kept in %s (%s)", path, error.strerror or type(error).__name__)
            return
        self._stored = len(table)
