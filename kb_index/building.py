"""Builds the next generation: what is known of unchanged cards is taken over in whole stretches, so that an edit costs
what it changes and a copy of the rest.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from callcue.core.cards import Card
from callcue.core.ports import Embedder
from kb_index.ahead import AheadVectors
from kb_index.carried import Carried, joined
from kb_index.entry import Entry, Vocabularies, make_entry
from kb_index.filters import CardFilter
from kb_index.generation import Generation
from kb_index.lexical import CoverageIndex, LexicalIndex, Vocabulary, postings_of
from kb_index.smalltalk import SMALL_TALK
from kb_index.sounds import sound_terms, sound_weight
from kb_index.vectors import FloatArray, HalfArray, VectorIndex, VectorTable, embed, text_key

_SPARE_TERMS = 10_000
"""Terms that no card uses any more, before the vocabulary is begun anew."""


def build_generation(
    number: int,
    cards: Iterable[Card],
    embedder: Embedder,
    known: VectorTable,
    previous: Generation | None,
    *,
    ahead: AheadVectors | None = None,
) -> Generation:
    """Index the cards; of cards with one id the last counts. Vectors that ``known`` or ``ahead`` has are not computed
    again, and what ``previous`` has of the same texts is not cut into terms or sorted again. Raises ModelError when the
    embedder fails: ``previous`` is as it was.
    """
    unique = {card.id: card for card in cards}
    vocabularies, before = _vocabularies(previous)
    entries, carried = _entries(unique.values(), vocabularies, embedder.name, before)
    fresh = [entries[place] for place in carried.fresh.tolist()]
    texts, keys, parts, embedded = _texts(carried, fresh, Known(embedder, known, ahead), before)
    sizes = np.fromiter((len(entry.texts) for entry in entries), dtype=np.int64, count=len(entries))
    vectors = VectorIndex(parts, np.cumsum(sizes) - sizes)
    old_words, old_sounds = (None, None) if before is None else (before.words.postings, before.sounds.postings)
    words = postings_of(vocabularies.words, [entry.words for entry in entries], old_words, carried)
    sounds = postings_of(vocabularies.sounds, [entry.sounds for entry in entries], old_sounds, carried)
    idle, also = (previous.idle, 0) if previous is not None else small_talk(Known(embedder, known, ahead))
    return Generation(
        number=number,
        entries=entries,
        filter=CardFilter([entry.card for entry in entries], [entry.valid for entry in entries]),
        vectors=vectors,
        idle=idle,
        texts=tuple(texts),
        words=LexicalIndex(vocabularies.words, words),
        sounds=CoverageIndex(vocabularies.sounds, sounds),
        vocabularies=vocabularies,
        table=VectorTable(keys, vectors.matrix),
        embedded=embedded + also,
    )


@dataclass(frozen=True, slots=True)
class Known:
    """Where vectors come from."""

    embedder: Embedder
    table: VectorTable
    ahead: AheadVectors | None


def small_talk(known: Known) -> tuple[FloatArray, int]:
    """Vectors of what no card answers, one a row, and how many no table had."""
    keys = [text_key(known.embedder.name, text) for text in SMALL_TALK]
    matrix, embedded = _matrix(SMALL_TALK, keys, known)
    return matrix.astype(np.float32), embedded


def whole_table(built: Generation, embedder_name: str) -> VectorTable:
    """Every vector that a start needs, small talk included: what is kept in the cache file."""
    keys = [*built.table.keys, *(text_key(embedder_name, text) for text in SMALL_TALK)]
    return VectorTable(keys, np.concatenate([built.table.matrix, built.idle.astype(np.float16)]))


def _entries(
    cards: Iterable[Card], vocabularies: Vocabularies, embedder_name: str, before: Generation | None
) -> tuple[tuple[Entry, ...], Carried]:
    """The entry of each card, and which of them have the texts of an entry of ``before``."""
    old = () if before is None else before.entries
    places = {entry.card.id: place for place, entry in enumerate(old)}
    entries, source = [], []
    for card in cards:
        place = places.get(card.id, -1)
        known = old[place] if place >= 0 else None
        entry = (
            known if known is not None and known.card is card else make_entry(card, vocabularies, embedder_name, known)
        )
        entries.append(entry)
        source.append(place if known is not None and entry.keys is known.keys else -1)
    return tuple(entries), Carried(np.array(source, dtype=np.int64))


def _texts(
    carried: Carried, fresh: Sequence[Entry], known: Known, before: Generation | None
) -> tuple[list[str], list[bytes], list[HalfArray], int]:
    """Texts, their keys and their vectors, one a row, in parts that follow each other; how many no table had."""
    new_texts = [text for entry in fresh for text in entry.texts]
    new_keys = [key for entry in fresh for key in entry.keys]
    made, embedded = _matrix(new_texts, new_keys, known)
    if before is None:
        return new_texts, new_keys, [made], embedded
    begins = before.vectors.starts
    texts = joined(carried, before.texts, begins, [entry.texts for entry in fresh])
    keys = joined(carried, before.table.keys, begins, [entry.keys for entry in fresh])
    parts, taken, number = [], 0, 0
    for start, stop, source in carried.stretches():
        if source >= 0:
            parts.append(before.vectors.matrix[begins[source] : begins[source + stop - start]])
            continue
        size = sum(len(entry.texts) for entry in fresh[number : number + stop - start])
        parts.append(made[taken : taken + size])
        taken, number = taken + size, number + stop - start
    return texts, keys, parts or [made], embedded


def _matrix(texts: Sequence[str], keys: Sequence[bytes], known: Known) -> tuple[HalfArray, int]:
    """Vectors of the texts, one a row, and how many the table did not have."""
    rows = known.table.rows(keys)
    new = {keys[place]: texts[place] for place in np.flatnonzero(rows < 0).tolist()}
    fresh = _new_vectors(new, known)
    matrix = np.empty((len(texts), known.embedder.dims), dtype=np.float16)
    old = rows >= 0
    matrix[old] = known.table.matrix[rows[old]]
    for place in np.flatnonzero(~old).tolist():
        matrix[place] = fresh[keys[place]]
    return matrix, len(new)


def _new_vectors(new: Mapping[bytes, str], known: Known) -> dict[bytes, HalfArray]:
    """Vectors of texts by their keys: those that were computed ahead, and the others now."""
    made = {} if known.ahead is None else {key: known.ahead.get(key) for key in new}
    found = {key: vector for key, vector in made.items() if vector is not None}
    others = {key: text for key, text in new.items() if key not in found}
    embedded = embed(known.embedder, list(others.values())).astype(np.float16)
    return found | dict(zip(others, embedded, strict=True))


def _vocabularies(previous: Generation | None) -> tuple[Vocabularies, Generation | None]:
    """The vocabularies to go on with and the generation that was cut with them: the previous one, unless edits have
    left most of its terms unused."""
    if previous is not None:
        used = len(previous.words.postings) + len(previous.sounds.postings)
        if len(previous.vocabularies) <= used + _SPARE_TERMS:
            return previous.vocabularies, previous
    return Vocabularies(words=Vocabulary(), sounds=Vocabulary(sound_terms, sound_weight)), None
