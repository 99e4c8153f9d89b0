"""Text features of the classifiers: sentence vectors, and hashed n-gram TF-IDF."""

import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from callcue.core.ports import Embedder
from tagger.sounds import alike, syllable_of

Floats = npt.NDArray[np.float32]

MAX_CHARS = 512
"""Longer texts are cut: an utterance is far shorter, and a hostile text must not cost time."""
SCHEME = 2
"""1: character 1- to 3-grams. 2: also what they sound like, and for Latin script words, pairs, and 4- and 5-grams."""
_BUCKETS = {1: 1 << 16, 2: 1 << 18}
_LONGEST = 3
_WORD_GRAMS = (4, 5)


def bucket_count(scheme: int) -> int:
    """Hash space of the n-grams: an own training set fills about a third of it."""
    return _BUCKETS[scheme]


def fold(text: str) -> str:
    """What the n-grams see: NFKC, lower case, punctuation gone, digits all ``0``, single spaces, an edge mark around.

    Recognised speech has no reliable punctuation, and which digit is said carries no class.
    """
    kept: list[str] = []
    for char in unicodedata.normalize("NFKC", text[:MAX_CHARS]).lower():
        category = unicodedata.category(char)
        if category[0] in "LM":
            kept.append(char)
        elif category[0] == "N":
            kept.append("0")
        elif kept and kept[-1] != " " and category[0] == "Z":
            kept.append(" ")
    return "^" + "".join(kept).strip() + "$"


def ngram_counts(text: str, scheme: int = SCHEME) -> dict[int, int]:
    """Bucket -> how often its n-grams occur; CRC-32 modulo the hash space (Weinberger et al. 2009, without signs)."""
    folded = fold(text)
    grams = [folded[start : start + size] for size in range(1, _LONGEST + 1) for start in range(len(folded) - size + 1)]
    if scheme >= 2:
        grams += _latin(folded[1:-1])
        grams += _heard(folded)
    buckets = _BUCKETS[scheme]
    return dict(Counter(zlib.crc32(gram.encode()) % buckets for gram in grams))


def _latin(folded: str) -> Iterator[str]:
    """Words of Latin script (Chinese has its characters), with prefixes that no folded text holds."""
    words = [word for word in folded.split() if word.isascii()]
    yield from (f"\1{word}" for word in words)
    yield from (f"\2{one} {two}" for one, two in pairwise(words))
    for word in words:
        marked = f" {word} "
        for size in _WORD_GRAMS:
            yield from (f"\3{marked[start : start + size]}" for start in range(len(marked) - size + 1))


def _heard(folded: str) -> Iterator[str]:
    """Syllable 1- to 3-grams of Chinese: a recogniser that errs mostly writes another character of the same sound."""
    sounds = [alike(syllable_of(char)) if "\u4e00" <= char <= "\u9fff" else "" for char in folded]
    for size in range(1, _LONGEST + 1):
        for start in range(len(sounds) - size + 1):
            part = sounds[start : start + size]
            if "" not in part:
                yield "\4" + " ".join(part)


def weigh(counts: dict[int, int], idf: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    """Sublinear TF-IDF of one text, unit length, as (buckets, weights); buckets of zero idf drop out."""
    buckets = np.fromiter(counts.keys(), dtype=np.int64, count=len(counts))
    weights = (1.0 + np.log(np.fromiter(counts.values(), dtype=np.float32, count=len(counts)))) * idf[buckets]
    known = weights > 0
    buckets, weights = buckets[known], weights[known]
    length = float(np.linalg.norm(weights))
    return buckets, (weights / length if length else weights).astype(np.float32)


def document_frequencies(counted: Sequence[dict[int, int]], least: int = 2, scheme: int = SCHEME) -> Floats:
    """Smoothed idf per bucket; 0 where fewer than ``least`` texts have it."""
    frequency = np.zeros(_BUCKETS[scheme], dtype=np.int64)
    for counts in counted:
        frequency[list(counts)] += 1
    idf = np.log((1 + len(counted)) / (1 + frequency)) + 1.0
    return np.where(frequency >= least, idf, 0.0).astype(np.float32)


def vectors(embedder: Embedder, texts: Sequence[str], batch: int = 64) -> Floats:
    """Sentence vectors, one row per text. e5 wants its ``query: `` prefix for classification too."""
    parts = []
    for start in range(0, len(texts), batch):
        made = embedder.embed([text[:MAX_CHARS] for text in texts[start : start + batch]], role="query")
        parts.append(np.frombuffer(made.data, dtype="<f4").reshape(made.rows, made.dims))
    return np.concatenate(parts) if parts else np.zeros((0, embedder.dims), dtype=np.float32)


def softmax(logits: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Row-wise, numerically stable."""
    shifted = np.asarray(logits, dtype=np.float64)
    shifted = shifted - shifted.max(axis=-1, keepdims=True)
    powers = np.exp(shifted)
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), dtype=np.float64)
