"""Builds the next generation: what is known of an unchanged card is taken over, so that an edit costs what it changes
and a copy of the rest.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from callcue.core.cards import Card
from callcue.core.ports import Embedder
from kb_index.entry import Entry, Vocabularies, make_entry
from kb_index.filters import CardFilter
from kb_index.generation import Generation
from kb_index.lexical import CoverageIndex, LexicalIndex, Vocabulary
from kb_index.smalltalk import SMALL_TALK
from kb_index.sounds import sound_terms, sound_weight
from kb_index.vectors import FloatArray, HalfArray, VectorIndex, VectorTable, embed, text_key

_SPARE_TERMS = 10_000
"""Terms that no card uses any more, before the vocabulary is begun anew."""


def build_generation(
    number: int, cards: Iterable[Card], embedder: Embedder, known: VectorTable, previous: Generation | None
) -> Generation:
    """Index the cards; of cards with one id the last counts. Vectors that ``known`` has are not computed again, and
    terms that ``previous`` has are not cut again. Raises ModelError when the embedder fails: ``previous`` is as it was.
    """
    unique = {card.id: card for card in cards}
    vocabularies, before = _vocabularies(previous)
    entries = tuple(make_entry(card, vocabularies, embedder.name, before) for card in unique.values())
    texts = tuple(text for entry in entries for text in entry.texts)
    keys = [key for entry in entries for key in entry.keys]
    matrix, embedded = _matrix(texts, keys, embedder, known)
    starts = np.cumsum([0, *(len(entry.texts) for entry in entries)])[:-1].astype(np.int64)
    vectors = VectorIndex(matrix, starts)
    idle, also = (previous.idle, 0) if previous is not None else small_talk(embedder, known)
    return Generation(
        number=number,
        entries=entries,
        filter=CardFilter([entry.card for entry in entries]),
        vectors=vectors,
        idle=idle,
        texts=texts,
        words=LexicalIndex(vocabularies.words, [entry.words for entry in entries]),
        sounds=CoverageIndex(vocabularies.sounds, [entry.sounds for entry in entries]),
        vocabularies=vocabularies,
        table=VectorTable(keys, vectors.matrix),
        embedded=embedded + also,
    )


def small_talk(embedder: Embedder, known: VectorTable) -> tuple[FloatArray, int]:
    """Vectors of what no card answers, one a row, and how many had to be embedded."""
    keys = [text_key(embedder.name, text) for text in SMALL_TALK]
    matrix, embedded = _matrix(SMALL_TALK, keys, embedder, known)
    return matrix.astype(np.float32), embedded


def whole_table(built: Generation, embedder_name: str) -> VectorTable:
    """Every vector that a start needs, small talk included: what is kept in the cache file."""
    keys = [*built.table.keys, *(text_key(embedder_name, text) for text in SMALL_TALK)]
    return VectorTable(keys, np.concatenate([built.table.matrix, built.idle.astype(np.float16)]))


def _matrix(
    texts: Sequence[str], keys: Sequence[bytes], embedder: Embedder, known: VectorTable
) -> tuple[HalfArray, int]:
    """Vectors of the texts, one a row, and how many had to be embedded."""
    rows = known.rows(keys)
    if len(known) and not (rows < 0).any():
        return known.matrix.take(rows, axis=0), 0
    new = {keys[place]: texts[place] for place in np.flatnonzero(rows < 0).tolist()}
    fresh = VectorTable(list(new), embed(embedder, list(new.values())).astype(np.float16))
    matrix = np.empty((len(texts), embedder.dims), dtype=np.float16)
    old = rows >= 0
    matrix[old] = known.matrix[rows[old]]
    matrix[~old] = fresh.matrix[fresh.rows([keys[place] for place in np.flatnonzero(~old).tolist()])]
    return matrix, len(new)


def _vocabularies(previous: Generation | None) -> tuple[Vocabularies, dict[str, Entry]]:
    """The vocabularies to go on with and what was cut with them: the previous ones, unless edits have left most of
    them unused."""
    if previous is not None:
        used = sum(len(entry.words.ids) + len(entry.sounds.ids) for entry in previous.entries)
        if len(previous.vocabularies) <= used + _SPARE_TERMS:
            return previous.vocabularies, {entry.card.id: entry for entry in previous.entries}
    return Vocabularies(words=Vocabulary(), sounds=Vocabulary(sound_terms, sound_weight)), {}
