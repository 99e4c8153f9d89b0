"""What one generation takes over from the one before: which of its cards are there already, in which stretches."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Carried:
    """Where the texts of each new card stand in the generation before."""

    source: NDArray[np.int64]
    """One number per new card: that of the old card with the same texts, -1 where there is none."""

    def __len__(self) -> int:
        return len(self.source)

    @property
    def fresh(self) -> NDArray[np.int64]:
        """Numbers of the new cards that have to be made."""
        return np.flatnonzero(self.source < 0)

    @property
    def in_order(self) -> bool:
        """Whether the cards that are taken over stand in the same order as before, each once."""
        return bool((np.diff(self.source[self.source >= 0]) > 0).all())

    def stretches(self) -> Iterator[tuple[int, int, int]]:
        """``start, stop, source`` of new cards that lie together: taken over from ``source`` on, or made (-1)."""
        if not len(self.source):
            return
        before = self.source[:-1]
        follows = np.where(before < 0, self.source[1:] < 0, self.source[1:] == before + 1)
        edges = [0, *(np.flatnonzero(~follows) + 1).tolist(), len(self.source)]
        for start, stop in itertools.pairwise(edges):
            yield start, stop, int(self.source[start])


def joined(carried: Carried, old: Sequence[T], starts: NDArray[np.int64], fresh: Sequence[Sequence[T]]) -> list[T]:
    """The items of all new cards: those of an old card ``n`` are ``old[starts[n]:starts[n + 1]]``, those of the cards
    to be made are in ``fresh``, a sequence each."""
    items: list[T] = []
    made = iter(fresh)
    for start, stop, source in carried.stretches():
        if source < 0:
            for _ in range(start, stop):
                items.extend(next(made))
        else:
            items.extend(old[starts[source] : starts[source + stop - start]])
    return items
