"""Words of the trade that a recogniser wrote with homophones (推款 for 退款), written right again, length unchanged."""

from collections.abc import Mapping, Sequence
from functools import cache

_SURE = 3
"""From this many syllables on, sounds that are often confused count as the same."""


class Speller:
    """Puts words right that have the sound (tones aside) of a known word. Thread-safe."""

    def __init__(self, words: Sequence[str]) -> None:
        exact = {_syllables(word): word for word in words}
        loose = {_folded(_syllables(word)): word for word in words if len(word) >= _SURE}
        self._tables: tuple[Mapping[tuple[str, ...], str], ...] = (exact, loose)
        self._lengths = sorted({len(word) for word in words}, reverse=True)

    def respell(self, text: str) -> str:
        """``text`` with known words in place of their homophones; same length, so offsets stay valid.

        Only runs of Chinese characters are touched: digits and Latin letters never change.
        """
        sounds = [syllable_of(char) if "\u4e00" <= char <= "\u9fff" else "" for char in text]
        out = list(text)
        at = 0
        while at < len(text):
            word = self._word_at(sounds, at)
            if word is None:
                at += 1
                continue
            out[at : at + len(word)] = word
            at += len(word)
        return "".join(out)

    def _word_at(self, sounds: Sequence[str], at: int) -> str | None:
        exact, loose = self._tables
        for length in self._lengths:
            heard = tuple(sounds[at : at + length])
            if len(heard) < length or "" in heard:
                continue
            word = exact.get(heard) or loose.get(_folded(heard))
            if word is not None:
                return word
        return None


def _syllables(word: str) -> tuple[str, ...]:
    return tuple(syllable_of(char) for char in word)


def _folded(syllables: Sequence[str]) -> tuple[str, ...]:
    """Retroflex and flat initials, and front and back nasals, are the same."""
    return tuple(alike(syllable) for syllable in syllables)


@cache
def alike(syllable: str) -> str:
    """One form for syllables that are often confused: zh and z, ang and an."""
    if syllable[:2] in ("zh", "ch", "sh"):
        syllable = syllable[0] + syllable[2:]
    return syllable[:-1] if syllable.endswith(("ang", "eng", "ing")) else syllable


@cache
def syllable_of(char: str) -> str:
    """The syllable of a Chinese character, without its tone."""
    from pypinyin import lazy_pinyin

    return str(lazy_pinyin(char)[0])
