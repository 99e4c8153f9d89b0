"""Many phrases, found in one pass over the text: as written, and by the sound of their syllables.

Two automata (Aho and Corasick, CACM 18(6), 1975): one over folded characters, one over toneless syllables. Syllables
must agree exactly; similarity of spelling is no evidence (fa piao / fa pao).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from callcue.core.cards import TriggerMatch
from nlu.folding import Folded, cuts_word, fold, is_han
from nlu.normalise import Normaliser
from nlu.syllables import merge_confusable, syllables, variants

_UNKNOWN = "\x00"
_FIRST_CODE = 0xE000  # syllables become characters of the private use area
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as the books read it; characters of ``folded`` and ``tokens`` correspond."""

    folded: Folded
    tokens: tuple[str, ...]
    """Syllables; empty where the text holds no Chinese."""

    def without(self, fillers: frozenset[str]) -> "Reading":
        """The same without some characters."""
        kept = [i for i, char in enumerate(self.folded.text) if char not in fillers]
        text = "".join(self.folded.text[i] for i in kept)
        folded = Folded(text, tuple(self.folded.origins[i] for i in kept))
        return Reading(folded, tuple(self.tokens[i] for i in kept) if self.tokens else ())

    def merged(self) -> "Reading":
        """The same with easily confused syllables as one, for books that are ``fuzzy``."""
        return Reading(self.folded, tuple(merge_confusable(t) for t in self.tokens))


def read(text: str) -> Reading:
    """Fold a text and spell it out."""
    folded = fold(text)
    chinese = any(is_han(c) for c in folded.text)
    return Reading(folded, tuple(syllables(text, folded)) if chinese else ())


@dataclass(frozen=True, slots=True)
class Found(Generic[Value]):
    """A phrase's place in a reading: offsets in folded characters."""

    value: Value
    match: TriggerMatch
    start: int
    end: int


class PhraseBook(Generic[Value]):
    """Phrases with a value each. Immutable after construction."""

    def __init__(
        self,
        entries: Iterable[tuple[str, TriggerMatch, Value]],
        *,
        fuzzy: bool = False,
        fillers: frozenset[str] = frozenset(),
        shortest: int = 1,
    ) -> None:
        """``fuzzy``: easily confused syllables count as one; readings must be ``merged``. ``fillers`` are left out of
        the phrases, and must be left out of the readings; what is then shorter than ``shortest`` is not taken."""
        self._codes: dict[str, str] = {}
        written: dict[str, list[Value]] = {}
        sounds: dict[str, list[Value]] = {}
        for phrase, match, value in entries:
            for spelling in _spellings(phrase):
                text = spelling.without(fillers).folded.text
                if len(text) >= shortest and value not in written.setdefault(text, []):
                    written[text].append(value)
            if match == "pinyin":
                for code in self._learn(phrase, fuzzy, fillers, max(2, shortest)):
                    if value not in sounds.setdefault(code, []):
                        sounds[code].append(value)
        self._written = automaton(written)
        self._sounds = automaton(sounds)

    def find(self, reading: Reading) -> Iterator[Found[Value]]:
        """Every phrase in the reading, those inside others too."""
        text = reading.folded.text
        for start, end, values in occurrences(self._written, text):
            if not cuts_word(text, start, end):
                yield from (Found(value, "exact", start, end) for value in values)
        encoded = "".join(self._codes.get(t, _UNKNOWN) for t in reading.tokens)
        for start, end, values in occurrences(self._sounds, encoded):
            if not cuts_word(text, start, end):
                yield from (Found(value, "pinyin", start, end) for value in values)

    def _learn(self, phrase: str, fuzzy: bool, fillers: frozenset[str], shortest: int) -> Iterator[str]:
        folded = fold(phrase)
        for tokens in variants(phrase, folded):
            reading = Reading(folded, tuple(tokens)).without(fillers)
            spoken = sum(is_han(phrase[origin]) for origin in reading.folded.origins)
            if spoken >= shortest:
                sounds = reading.merged().tokens if fuzzy else reading.tokens
                yield "".join(self._codes.setdefault(t, chr(_FIRST_CODE + len(self._codes))) for t in sounds)


def _spellings(phrase: str) -> Iterator[Reading]:
    """A phrase as it is and with its numbers in digits, since that is how a normalised text has them."""
    for text in {phrase, Normaliser().normalise(phrase, "zh").text}:
        folded = fold(text)
        if folded.text.strip():
            yield Reading(folded, ())


def automaton(phrases: Mapping[str, list[Any]]) -> Any:
    """pyahocorasick's automaton (untyped), or None: an empty one cannot be searched."""
    import ahocorasick

    if not phrases:
        return None
    book = ahocorasick.Automaton()
    for phrase, values in phrases.items():
        book.add_word(phrase, (len(phrase), tuple(values)))
    book.make_automaton()
    return book


def occurrences(book: Any, text: str) -> Iterator[tuple[int, int, tuple[Any, ...]]]:
    """Start, end and values of every phrase of an ``automaton`` in the text."""
    if book is None or not text:
        return
    for last, (length, values) in book.iter(text):
        yield last + 1 - length, last + 1, values
