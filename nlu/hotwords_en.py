"""English hotwords: a word that is a letter or two away from a hotword and is no word that the recogniser knows.

Without a list of known words nothing is corrected: change is one letter from charge.
"""

import re
from collections.abc import Iterable, Iterator

from nlu.claims import Claim

SHORTEST = 5
"""Letters of a hotword that is corrected to; shorter words have too many neighbours."""
_LONG = 9
"""From so many letters on two edits are allowed."""
_WORD = re.compile(r"(?<![A-Za-z0-9'’])[A-Za-z]{2,}(?![A-Za-z0-9'’])")
_ENDINGS = ("", "s", "es", "d", "ed", "r", "er", "ing", "ly", "y")


class EnglishHotwords:
    """A set of hotwords in Latin letters. Immutable after construction."""

    def __init__(self, words: Iterable[str], known: frozenset[str]) -> None:
        """``known``: lower-case words that are taken as meant wherever they stand."""
        self._words = {word.lower(): word for word in words if word.isalpha()}
        self._known = known
        self._deletions: dict[str, set[str]] = {}
        for word in (w for w in self._words if known and len(w) >= SHORTEST):
            for form in _within(word, 2 if len(word) >= _LONG else 1):
                self._deletions.setdefault(form, set()).add(word)

    def claims(self, text: str) -> Iterator[Claim]:
        """Words to be put right."""
        for found in _WORD.finditer(text) if self._words else ():
            written = self._written(found.group())
            if written not in (None, found.group()):
                yield Claim(found.start(), found.end(), written, "hotword")

    def _written(self, heard: str) -> str | None:
        word = heard.lower()
        if word not in self._words:
            meant = self._meant(word)
            return None if meant is None else self._words[meant]
        if word in self._known or (not self._known and len(word) < SHORTEST):
            return None  # "it" and "us" are words before they are IT and US
        written = self._words[word]
        return written if written[1:] != word[1:] else None  # AirPods for airpods, but Refund may begin a sentence

    def _meant(self, heard: str) -> str | None:
        if len(heard) < SHORTEST - 1 or heard in self._known or any(self._known_stems(heard)):
            return None
        near = {word for form in _within(heard, 2) for word in self._deletions.get(form, ())}
        fit = [word for word in near if self._fits(heard, word)]
        return fit[0] if len(fit) == 1 else None

    def _known_stems(self, heard: str) -> Iterator[str]:
        for ending in _ENDINGS[1:]:
            if heard.endswith(ending) and heard[: -len(ending)] in self._known:
                yield heard[: -len(ending)]

    def _fits(self, heard: str, word: str) -> bool:
        most = 2 if len(word) >= _LONG else 1
        return heard[0] == word[0] and not _is_form(heard, word) and _distance(heard, word) <= most


def _is_form(heard: str, word: str) -> bool:
    """refunds, refunded: another form of the word, said as it stands."""
    forms = [stem + ending for stem in (word, word.removesuffix("e")) for ending in _ENDINGS]
    return heard in forms or heard in (word[:-1] + "ies", word[:-1] + "ied")


def _within(word: str, edits: int) -> set[str]:
    """The word and what is left of it without up to so many letters: two words within that distance share a form."""
    forms = {word}
    for _ in range(edits):
        forms |= {form[:at] + form[at + 1 :] for form in forms for at in range(len(form))}
    return forms


def _distance(one: str, other: str) -> int:
    """Edits, a swap of neighbours counting as one (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        last, before, row = before, row, [i]
        for j, b in enumerate(other, start=1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                best = min(best, last[j - 2] + 1)
            row.append(best)
    return row[-1]
