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
    merged = _merge(sums, counts, held, join)
    home = dict(merged)
    final = tuple(_root(topic, home) for topic in member_of)
    return Grouping(member_of=final, begun_by=tuple(begun_by), merged=tuple(merged))


def _merge(sums: list[NDArray[np.float64]], counts: list[int], fixed: list[bool], join: float) -> list[tuple[int, int]]:
    """Merge the nearest pair of topics until none is near enough."""
    merged: list[tuple[int, int]] = []
    if len(sums) < 2:
        return merged
    matrix, sizes = np.stack(sums), np.array(counts, dtype=np.float64)
    link = matrix @ matrix.T / np.maximum(np.outer(sizes, sizes), 1)
    younger_free = ~np.array(fixed)
    open_pairs = np.tril(np.ones_like(link, dtype=bool), -1) & younger_free[:, None]
    open_pairs &= (sizes > 0)[:, None] & (sizes > 0)[None, :]
    link = np.where(open_pairs, link, -np.inf)
    while True:
        younger, older = divmod(int(link.argmax()), len(sums))
        if link[younger, older] < join:
            return merged
        merged.append((younger, older))
        matrix[older] += matrix[younger]
        sizes[older] += sizes[younger]
        link[younger, :] = link[:, younger] = -np.inf
        fresh = matrix @ matrix[older] / np.maximum(sizes * sizes[older], 1)
        rows, columns = np.isfinite(link[older, :]), np.isfinite(link[:, older])
        link[older, rows], link[columns, older] = fresh[rows], fresh[columns]


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
