"""Lexical search over terms, one document a card: BM25, and how much of the query a card covers. The terms are
spellings (``folding.count_terms``) or sounds (``sounds.sound_terms``).

A card's document is its title and sample questions together; measured on a bank-card FAQ, that beats scoring each
question apart (R@1 after fusion .731 against .711). Okapi BM25 after Robertson and Zaragoza (2009), idf as in Lucene
(never below zero). Postings lie in flat arrays; a search adds a few dozen of them up.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kb_index.folding import count_terms, term_weight

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

K1 = 1.2
B = 0.75


@dataclass(frozen=True, slots=True)
class TermVector:
    """The terms of one document as ids of a Vocabulary, with their counts."""

    ids: IntArray
    counts: FloatArray


class Vocabulary:
    """Term -> id, only ever growing: generations share it, and an unchanged card is not cut into terms again.

    One thread adds (the builder, under its lock); any number may look up.
    """

    def __init__(
        self,
        cut: Callable[[str], Mapping[str, int]] = count_terms,
        weight: Callable[[str], float] = term_weight,
    ) -> None:
        """``cut`` gives a text's terms with their counts, ``weight`` how much a term counts whatever its rarity."""
        self.cut = cut
        self.weight = weight
        self._ids: dict[str, int] = {}
        self.weights: list[float] = []

    def __len__(self) -> int:
        return len(self._ids)

    def get(self, term: str) -> int | None:
        """The id of a known term."""
        return self._ids.get(term)

    def vector(self, text: str) -> TermVector:
        """Cut a text into terms, adding those that are new."""
        counts = self.cut(text)
        ids = np.empty(len(counts), dtype=np.int32)
        for place, term in enumerate(counts):
            known = self._ids.get(term)
            if known is None:
                self.weights.append(self.weight(term))
                known = self._ids[term] = len(self._ids)
            ids[place] = known
        return TermVector(ids, np.fromiter(counts.values(), dtype=np.float32, count=len(counts)))


class CoverageIndex:
    """Immutable postings of documents, numbered in the order given: how much of a query does each hold."""

    def __init__(self, vocabulary: Vocabulary, documents: Sequence[TermVector]) -> None:
        self._vocabulary = vocabulary
        self._terms = terms = len(vocabulary)
        self._documents = count = len(documents)
        ids = np.concatenate([d.ids for d in documents]) if documents else np.empty(0, np.int32)
        sizes = np.cumsum([0, *(len(d.ids) for d in documents)])
        # a matrix turned over is a counting sort: a tenth of the time that sorting takes
        places = csr_array((np.arange(len(ids), dtype=np.int32), ids, sizes), shape=(count, terms)).tocsc()
        self._order, self._owner = places.data, places.indices
        self._start = places.indptr.astype(np.int64)
        frequency = np.diff(self._start)
        weights = np.asarray(vocabulary.weights[:terms], dtype=np.float32)
        self._rarity = (weights * np.log1p((count - frequency + 0.5) / (frequency + 0.5))).astype(np.float32)

    def coverage(self, text: str) -> FloatArray:
        """Each document's share, 0..1, of the query's weight of rare terms. A repeated term of the query counts once:
        speech repeats itself. Terms that no document knows count as the rarest."""
        covered = np.zeros(self._documents, dtype=np.float32)
        known, total = self._known(text)
        for term in known:
            covered[self._owner[self._start[term] : self._start[term + 1]]] += self._rarity[term]
        return covered / total if total else covered

    def shares(self, text: str, others: Sequence[str]) -> FloatArray:
        """The same for texts that are not among the documents, by the documents' rarities."""
        found, total = self._known(text)
        unseen = float(np.log1p((self._documents + 0.5) / 0.5))
        cut, weight = self._vocabulary.cut, self._vocabulary.weight
        terms = {term: unseen * weight(term) for term in cut(text)}
        terms |= {term: float(self._rarity[i]) for term in terms if (i := self._vocabulary.get(term)) in set(found)}
        shares = [sum(terms.get(term, 0.0) for term in cut(other)) / total if total else 0.0 for other in others]
        return np.array(shares, dtype=np.float32)

    def _known(self, text: str) -> tuple[list[int], float]:
        """Ids of the query's terms that some document has, and the weight of all its terms."""
        unseen = float(np.log1p((self._documents + 0.5) / 0.5))
        found = []
        total = 0.0
        for term in self._vocabulary.cut(text):
            known = self._vocabulary.get(term)
            if known is None or known >= self._terms or self._start[known] == self._start[known + 1]:
                total += unseen * self._vocabulary.weight(term)
            else:
                found.append(known)
                total += float(self._rarity[known])
        return found, total


class LexicalIndex(CoverageIndex):
    """The same with BM25 scores."""

    def __init__(self, vocabulary: Vocabulary, documents: Sequence[TermVector]) -> None:
        super().__init__(vocabulary, documents)
        count = len(documents)
        ids = np.concatenate([d.ids for d in documents]) if documents else np.empty(0, np.int32)
        tf = np.concatenate([d.counts for d in documents]) if documents else np.empty(0, np.float32)
        document = np.repeat(np.arange(count), [len(d.ids) for d in documents])
        length = np.bincount(document, weights=tf, minlength=count)
        norm = K1 * (1 - B + B * length / max(float(length.mean()) if count else 0.0, 1e-9))
        impact = self._rarity[ids] * tf * (K1 + 1) / (tf + norm[document])
        self._impact = impact.astype(np.float32)[self._order]
        del self._order

    def search(self, text: str) -> FloatArray:
        """The BM25 score of every document, in order."""
        score = np.zeros(self._documents, dtype=np.float32)
        for term in self._known(text)[0]:
            span = slice(self._start[term], self._start[term + 1])
            score[self._owner[span]] += self._impact[span]
        return score
