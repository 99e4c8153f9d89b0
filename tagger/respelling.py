"""What was probably said, where a recogniser wrote other characters of the same sound.

A noisy channel (Shannon 1948; for spelling Kernighan, Church, Gale 1990): every Chinese character may stand for any
character of its sound, and which it is, is told by a character trigram model of the texts that a classifier learnt
from (Witten and Bell 1991), along the best path of a beam. Words that these texts do not have are left as they are, for
a change must gain more than it costs. Length and everything that is not Chinese stay.
"""

import math
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from tagger.features import MAX_CHARS
from tagger.sounds import alike, syllable_of

ORDER = 3
_ERRORS = 0.15
"""Share of the characters that are taken for possibly wrong. Twice as much changes three times as much clean text."""
_NEAR = 0.4
"""Share of the wrong ones that have a neighbouring sound (zh and z, n and l, ang and an), not the same."""
_BEAM = 10
_ALL = 3800
"""Everyday characters, for what the texts do not have."""
_START, _END = "\2", "\3"
_BITS = 21
"""Of a Unicode code point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrays:
    """The counts as they are stored: n-grams of one size each, n = 1, 2, 3."""

    keys: tuple[npt.NDArray[np.uint64], ...]
    """(G_n,) ascending; code points, 21 bits each."""
    counts: tuple[npt.NDArray[np.uint32], ...]
    """(G_n,) positive."""

    def problem(self) -> str | None:
        """What is wrong with the shapes or values, or None."""
        if len(self.keys) != ORDER or len(self.counts) != ORDER:
            return f"the speller has not {ORDER} sizes of n-grams"
        for size, (keys, counts) in enumerate(zip(self.keys, self.counts, strict=True), 1):
            if keys.ndim != 1 or keys.shape != counts.shape or not len(keys):
                return f"the speller's {size}-grams do not have a count each"
            if (keys[1:] <= keys[:-1]).any() or int(counts.min()) < 1:
                return f"the speller's {size}-grams are not ascending or have no positive counts"
            points = [(keys >> np.uint64(_BITS * place)) & np.uint64((1 << _BITS) - 1) for place in range(size)]
            if int(keys[-1]) >> (_BITS * size) or max(int(held.max()) for held in points) > sys.maxunicode:
                return f"the speller's {size}-grams hold what is no character"
        return None


class Respeller:
    """Puts characters right by their sound and their neighbours. Thread-safe: nothing changes after construction."""

    def __init__(self, counts: Sequence[Counter[str]]) -> None:
        self._counts = tuple(counts)
        self._total = sum(counts[0].values())
        self._after: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        self._kinds: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        for size in (2, 3):
            for gram, count in counts[size - 1].items():
                self._after[size - 2][gram[:-1]] += count
                self._kinds[size - 2][gram[:-1]] += 1
        by_sound: dict[str, list[str]] = defaultdict(list)
        for char in sorted(counts[0]):
            if _is_chinese(char):
                by_sound[_sound(char)].append(char)
        self._alike = dict(by_sound)

    def respell(self, text: str) -> str:
        """``text`` with characters replaced by others of their sound; same length. What is over ``MAX_CHARS`` stays."""
        places = [at for at, char in enumerate(text[:MAX_CHARS]) if char.isalnum()]
        if not any(_is_chinese(text[at]) for at in places):
            return text
        out = list(text)
        for at, char in zip(places, self._best([text[at] for at in places]), strict=True):
            if _is_chinese(out[at]):
                out[at] = char
        return "".join(out)

    def arrays(self) -> Arrays:
        """For a model's file."""
        pairs = [sorted((_key(gram), count) for gram, count in counts.items()) for counts in self._counts]
        return Arrays(
            keys=tuple(np.array([key for key, _ in held], dtype=np.uint64) for held in pairs),
            counts=tuple(np.array([count for _, count in held], dtype=np.uint32) for held in pairs),
        )

    @classmethod
    def of_arrays(cls, arrays: Arrays) -> "Respeller":
        """Back from a file; ``arrays`` without a ``problem``."""
        return cls(
            [
                Counter({_text(key, size): count for key, count in zip(keys.tolist(), counts.tolist(), strict=True)})
                for size, (keys, counts) in enumerate(zip(arrays.keys, arrays.counts, strict=True), 1)
            ]
        )

    def _best(self, chars: Sequence[str]) -> str:
        """The likeliest characters for what was written, of the same number."""
        paths: dict[str, tuple[float, str]] = {_START * 2: (0.0, "")}
        for written in (*chars, _END):
            options = self._options(written)
            found: dict[str, tuple[float, str]] = {}
            for context, (score, path) in paths.items():
                for char, cost in options:
                    reached = score + cost + math.log(self._probability(context, char.lower()))
                    key = context[1] + char.lower()
                    if key not in found or found[key][0] < reached:
                        found[key] = (reached, path + char)
            paths = dict(sorted(found.items(), key=lambda held: -held[1][0])[:_BEAM])
        return max(paths.values())[1][:-1]

    def _options(self, written: str) -> list[tuple[str, float]]:
        """What a written character may stand for, each with the logarithm of that."""
        if not _is_chinese(written):
            return [(written, 0.0)]
        others = [char for char in self._alike.get(_sound(written), ()) if char != written]
        syllable = syllable_of(written)
        shares = [1 - _NEAR if syllable_of(char) == syllable else _NEAR for char in others]
        each = _ERRORS / max(1, len(others))
        costs = [(char, math.log(each * share)) for char, share in zip(others, shares, strict=True)]
        return [(written, math.log(1 - _ERRORS)), *costs]

    def _probability(self, context: str, char: str) -> float:
        """Of a character after two others: Witten and Bell's mixture of three sizes."""
        found = (self._counts[0][char] + 0.5) / (self._total + 0.5 * _ALL)
        for size, before in ((2, context[1]), (3, context)):
            after = self._after[size - 2][before]
            if not after:
                break
            kinds = self._kinds[size - 2][before]
            found = (self._counts[size - 1][before + char] + kinds * found) / (after + kinds)
        return found


def learn(texts: Sequence[str]) -> Respeller | None:
    """From texts that are spelt right; None where none of them has Chinese characters."""
    counts: tuple[Counter[str], ...] = tuple(Counter() for _ in range(ORDER))
    for text in texts:
        if any(_is_chinese(char) for char in text):
            for size, gram in _grams(text):
                counts[size - 1][gram] += 1
    return Respeller(counts) if counts[0] else None


def _grams(text: str) -> Iterator[tuple[int, str]]:
    plain = _START * 2 + "".join(char.lower()[0] for char in text[:MAX_CHARS] if char.isalnum()) + _END
    for at in range(2, len(plain)):
        for size in range(1, ORDER + 1):
            yield size, plain[at + 1 - size : at + 1]


def _key(gram: str) -> int:
    key = 0
    for char in gram:
        key = (key << _BITS) | ord(char)
    return key


def _text(key: int, size: int) -> str:
    return "".join(chr((key >> (_BITS * place)) & ((1 << _BITS) - 1)) for place in reversed(range(size)))


@cache
def _sound(char: str) -> str:
    """The syllable with sounds that are often confused made one."""
    syllable = alike(syllable_of(char))
    return "l" + syllable[1:] if syllable.startswith("n") and len(syllable) > 1 else syllable


def _is_chinese(char: str) -> bool:
    return "\u4e00" <= char <= "\u9fff"
