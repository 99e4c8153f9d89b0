"""Questions -> topics: average-link agglomeration that keeps the names of the topics it began with.

A new question joins the topic to whose questions it is nearest on average, if that average reaches ``join``; otherwise
it begins a topic of its own. Afterwards topics whose questions are as near to each other on average are merged, the
younger into the older. The criterion is that of UPGMA (Sokal and Michener 1958): single linkage would chain unlike
questions over stepping stones, complete linkage would split a topic at its oddest wording. With unit vectors the
average over all pairs is the product of the sums divided by the number of pairs, so a topic is kept as one vector and a
count.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

JOIN = 0.55
"""Average cosine (see ``likeness``) from which questions are one topic; docs/knowledge.md says where it is from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """The result. Topics are numbered: those that were known first, in their order, then new ones."""

    member_of: tuple[int, ...]
    """The topic of each new question."""
    begun_by: tuple[int, ...]
    """The new question that began each new topic."""
    merged: tuple[tuple[int, int], ...]
    """(younger, older), in the order in which it happened; ``member_of`` is already that of the older."""


def group(
    new: FloatArray, known: FloatArray, sizes: Sequence[int], fixed: Sequence[bool], *, join: float = JOIN
) -> Grouping:
    """Sort new questions, shape (new, dims), into topics.

    ``known``: sums of the vectors of the questions of each known topic, shape (topics, dims), oldest first, with their
    ``sizes``. A ``fixed`` topic takes questions but is merged into no other: somebody works on it.
    """
    sums = [row.astype(np.float64) for row in known]
    counts = list(sizes)
    member_of: list[int] = []
    begun_by: list[int] = []
    for number, vector in enumerate(new.astype(np.float64)):
        means = np.array([float(s @ vector) / max(1, n) for s, n in zip(sums, counts, strict=True)])
        best = int(means.argmax()) if len(means) else -1
        if best < 0 or means[best] < join:
            sums.append(vector.copy())
            counts.append(1)
            begun_by.append(number)
            best = len(sums) - 1
        else:
            sums[best] += vector
            counts[best] += 1
        member_of.append(best)
    held = [*fixed, *[False] * (len(sums) - len(fixed))]
    merged = _merge(sums, counts, held, set(member_of), join)
    home = dict(merged)
    final = tuple(_root(topic, home) for topic in member_of)
    return Grouping(member_of=final, begun_by=tuple(begun_by), merged=tuple(merged))


class _Links:
    """How near topics are to those that changed in this round. All other pairs were too far apart the last time."""

    def __init__(self, sums: list[NDArray[np.float64]], counts: list[int], fixed: list[bool]) -> None:
        self._matrix, self._sizes = np.stack(sums), np.array(counts, dtype=np.float64)
        self._fixed = np.array(fixed)
        self._number = np.arange(len(sums))
        self.rows: dict[int, NDArray[np.float64]] = {}
        """Of each changed topic: the average cosine to every other, -inf where the two may not be merged."""

    def measure(self, topic: int) -> None:
        """Measure a topic anew, for the others as well."""
        sizes = self._sizes * self._sizes[topic]
        row = self._matrix @ self._matrix[topic] / np.maximum(sizes, 1)
        younger = np.maximum(self._number, topic)
        row[(sizes == 0) | self._fixed[younger] | (self._number == topic)] = -np.inf
        self.rows[topic] = row
        for other, known in self.rows.items():
            known[topic] = row[other]

    def nearest(self) -> tuple[int, int, float]:
        """(younger, older) of the nearest pair, and its average cosine."""
        topic = max(sorted(self.rows), key=lambda changed: float(self.rows[changed].max()))
        other = int(self.rows[topic].argmax())
        return max(topic, other), min(topic, other), float(self.rows[topic][other])

    def merge(self, younger: int, older: int) -> None:
        """The older takes the younger's questions over."""
        self._matrix[older] += self._matrix[younger]
        self._sizes[older] += self._sizes[younger]
        self._sizes[younger] = 0
        self.rows.pop(younger, None)
        for row in self.rows.values():
            row[younger] = -np.inf
        self.measure(older)


def _merge(
    sums: list[NDArray[np.float64]], counts: list[int], fixed: list[bool], changed: set[int], join: float
) -> list[tuple[int, int]]:
    """Merge the nearest pair of topics until none is near enough."""
    merged: list[tuple[int, int]] = []
    if len(sums) < 2 or not changed:
        return merged
    links = _Links(sums, counts, fixed)
    for topic in sorted(changed):
        links.measure(topic)
    while True:
        younger, older, near = links.nearest()
        if near < join:
            return merged
        merged.append((younger, older))
        links.merge(younger, older)


def _root(topic: int, home: dict[int, int]) -> int:
    while topic in home:
        topic = home[topic]
    return topic


def middle(vectors: FloatArray) -> int:
    """The question that is nearest to all others: what a topic is called by."""
    return int((vectors @ vectors.sum(axis=0)).argmax())


def most_different(vectors: FloatArray, count: int) -> list[int]:
    """The middle question, then again and again the one that is furthest from those taken (Gonzalez 1985): sample
    questions that repeat each other teach a search nothing. Those nearer than .97 to one that was taken are left out.
    """
    if not len(vectors):
        return []
    taken = [middle(vectors)]
    nearest = vectors @ vectors[taken[0]]
    while len(taken) < min(count, len(vectors)):
        furthest = int(nearest.argmin())
        if nearest[furthest] > 0.97:
            break
        taken.append(furthest)
        nearest = np.maximum(nearest, vectors @ vectors[furthest])
    return taken
