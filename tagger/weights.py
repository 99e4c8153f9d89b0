"""The parameters of a trained classifier, and what each of its experts makes of a text. Only numpy is needed here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tagger.features import SCHEME, Floats, bucket_count, ngram_counts, softmax, weigh

Probabilities = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Weights of the experts in the average; they add up to 1."""

    dense: float
    """A logistic regression on the sentence vectors."""
    prototypes: float
    """The labels' mean vectors in a space where labels scatter alike (linear discriminant analysis)."""
    chars: float
    """A linear model on n-grams."""

    def mix(self, dense: Probabilities, prototypes: Probabilities | None, chars: Probabilities) -> Probabilities:
        """The average of the experts' (n, L) probabilities."""
        mixed = self.dense * dense + self.chars * chars
        return mixed if prototypes is None else mixed + self.prototypes * prototypes


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """L labels, I inner classes, D dimensions of the embedder, V known buckets.

    The experts tell inner classes (sub-types, where the rows had them) and their probabilities are added up by label: a
    label that is many things, such as 其他, is no single region. Each expert's temperature is in its weights already.
    """

    mean: Floats
    """(D,) mean of the training vectors; e5's vectors all point the same way, so what differs is what is left."""
    scale: float
    """Standard deviation of what is left."""
    dense: Floats
    """(D, I)"""
    dense_bias: Floats
    """(I,)"""
    buckets: npt.NDArray[np.int32]
    """(V,) ascending: the n-gram buckets that were seen in training."""
    idf: Floats
    """(V,)"""
    chars: Floats
    """(V, I)"""
    chars_bias: Floats
    """(I,)"""
    prototypes: Floats | None = None
    """(D, I); None: the model has no such expert."""
    prototypes_bias: Floats | None = None
    """(I,)"""
    scheme: int = SCHEME
    """Which n-grams."""
    owner: npt.NDArray[np.int32] | None = None
    """(I,) the label of each inner class; None: they are the labels."""

    def check(self, labels: int, dims: int) -> str | None:
        """What is wrong with the shapes or values, or None."""
        known = len(self.buckets)
        if self.owner is not None:
            if self.owner.ndim != 1 or sorted(set(self.owner.tolist())) != list(range(labels)):
                return "owner does not give every label a class"
            labels = len(self.owner)
        wanted = {
            "mean": (dims,),
            "dense": (dims, labels),
            "dense_bias": (labels,),
            "idf": (known,),
            "chars": (known, labels),
            "chars_bias": (labels,),
        }
        if self.prototypes is not None:
            wanted |= {"prototypes": (dims, labels), "prototypes_bias": (labels,)}
        for name, shape in wanted.items():
            array = getattr(self, name)
            if array is None or array.shape != shape:
                return f"{name} has the shape {None if array is None else array.shape}, expected {shape}"
            if not np.isfinite(array).all():
                return f"{name} holds values that are not finite"
        if self.buckets.ndim != 1 or (known and (np.diff(self.buckets) <= 0).any()):
            return "buckets are not ascending"
        if known and (int(self.buckets[0]) < 0 or int(self.buckets[-1]) >= bucket_count(self.scheme)):
            return "buckets lie outside the hash space"
        return None if self.scale > 0 and np.isfinite(self.scale) else "scale is not a positive number"

    def probabilities(self, rows: Floats, texts: Sequence[str], shares: Shares, temperature: float) -> Probabilities:
        """(n, L) calibrated probabilities of texts and their sentence vectors (n, D)."""
        prototypes = None
        if self.prototypes is not None and self.prototypes_bias is not None:
            prototypes = add_up(softmax(self.centred(rows) @ self.prototypes + self.prototypes_bias), self.owner)
        return sharpen(shares.mix(self.dense_part(rows), prototypes, self.chars_part(texts)), temperature)

    def centred(self, rows: Floats) -> Floats:
        """(n, D) sentence vectors as the experts see them."""
        return np.asarray((rows - self.mean) / np.float32(self.scale), dtype=np.float32)

    def dense_part(self, rows: Floats) -> Probabilities:
        """What the expert on sentence vectors says; (n, D) -> (n, L)."""
        return add_up(softmax(self.centred(rows) @ self.dense + self.dense_bias), self.owner)

    def chars_part(self, texts: Sequence[str]) -> Probabilities:
        """What the expert on n-grams says; (n, L)."""
        idf = np.zeros(bucket_count(self.scheme), dtype=np.float32)
        idf[self.buckets] = self.idf
        logits = np.tile(self.chars_bias, (len(texts), 1))
        for row, text in enumerate(texts):
            found, weights = weigh(ngram_counts(text, self.scheme), idf)
            logits[row] += weights @ self.chars[np.searchsorted(self.buckets, found)]
        return add_up(softmax(logits), self.owner)


def add_up(probabilities: Probabilities, owner: npt.NDArray[np.int32] | None) -> Probabilities:
    """(n, I) -> (n, L): the inner classes of each label together."""
    if owner is None:
        return probabilities
    together = np.zeros((len(probabilities), int(owner.max()) + 1))
    np.add.at(together.T, owner, probabilities.T)
    return together


def sharpen(probabilities: Probabilities, temperature: float) -> Probabilities:
    """(n, L), the logarithms divided by ``temperature`` (Guo et al. 2017)."""
    return softmax(np.log(np.maximum(probabilities, 1e-12)) / temperature)
