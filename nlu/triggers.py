"""Trigger and negative phrases: thousands of them, found in one pass over the text.

Two automata (Aho and Corasick, CACM 18(6), 1975): one over folded characters, one over toneless syllables, so that
发飘 hits 发票. Syllables must agree exactly; similarity of spelling is no evidence (fa piao / fa pao).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from callcue.core.cards import Card, SpeakerFilter, TriggerMatch
from callcue.core.speech import Channel
from nlu.folding import Folded, cuts_word, fold, fold_phrase, is_han
from nlu.normalise import Normaliser
from nlu.syllables import is_known_word, syllables, variants

_UNKNOWN = "\x00"
_FIRST_CODE = 0xE000  # syllables become characters of the private use area


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerHit:
    """A trigger phrase that was heard."""

    card_id: str
    phrase: str
    match: TriggerMatch
    start: int
    end: int
    """Offsets in characters into the scanned text."""
    doubtful: bool = False
    """Two syllables that sound like the phrase but are written as another word (报价 for 保价): needs support."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """Everything one pass found."""

    hits: tuple[TriggerHit, ...]
    """In text order; of overlapping phrases only the longest."""
    negated: frozenset[str]
    """Cards with a negative phrase in the text."""


@dataclass(frozen=True, slots=True)
class _Entry:
    card_id: str
    phrase: str
    purpose: Literal["trigger", "negative"]
    speaker: SpeakerFilter


@dataclass(slots=True)
class _Found:
    entry: _Entry
    match: TriggerMatch
    start: int
    end: int


@dataclass(slots=True)
class _Vocabulary:
    """Syllables of the phrases, one character each; what no phrase contains is ``_UNKNOWN``."""

    codes: dict[str, str] = field(default_factory=dict)

    def learn(self, tokens: list[str]) -> str:
        return "".join(self.codes.setdefault(t, chr(_FIRST_CODE + len(self.codes))) for t in tokens)

    def encode(self, tokens: list[str]) -> str:
        return "".join(self.codes.get(t, _UNKNOWN) for t in tokens)


class TriggerMatcher:
    """The phrases of a set of cards. Immutable after construction; safe to share between calls and threads."""

    def __init__(self, cards: Iterable[Card], *, fuzzy: bool = False) -> None:
        """``fuzzy``: syllables of one confusable group (zh/z, n/l, ang/an …) count as equal. Off: it doubles the hits,
        and many of the new ones are wrong."""
        self._fuzzy = fuzzy
        self._vocabulary = _Vocabulary()
        exact: dict[str, list[_Entry]] = {}
        sounds: dict[str, list[_Entry]] = {}
        for card in cards:
            for entry, match in _entries(card):
                self._add(entry, match, exact, sounds)
        self._exact = _automaton(exact)
        self._sounds = _automaton(sounds)

    def scan(self, text: str, channel: Channel) -> list[TriggerHit]:
        """The trigger phrases in ``text`` that ``channel`` may fire, in text order."""
        return list(self.read(text, channel).hits)

    def negated(self, text: str, card_id: str) -> bool:
        """Whether a negative phrase of the card is in the text, whoever says it."""
        return card_id in self.read(text, "caller").negated

    def read(self, text: str, channel: Channel) -> Scan:
        """Triggers and negatives in one pass. A 100-character text and 5,000 phrases take well under a millisecond."""
        folded = fold(text)
        found = list(self._find(text, folded))
        negated = frozenset(f.entry.card_id for f in found if f.entry.purpose == "negative")
        heard = [f for f in found if f.entry.purpose == "trigger" and f.entry.speaker in ("any", channel)]
        hits = tuple(_hit(f, text, folded) for f in _longest(heard))
        return Scan(hits=hits, negated=negated)

    def _add(
        self, entry: _Entry, match: TriggerMatch, exact: dict[str, list[_Entry]], sounds: dict[str, list[_Entry]]
    ) -> None:
        written = {fold_phrase(entry.phrase)}
        if any(is_han(c) for c in entry.phrase):
            written.add(fold_phrase(Normaliser().normalise(entry.phrase, "zh").text))
        for spelling in written - {""}:
            exact.setdefault(spelling, []).append(entry)
        folded = fold(entry.phrase)
        spoken = sum(is_han(entry.phrase[o]) for o in folded.origins)
        if match == "pinyin" and spoken >= 2:
            for tokens in variants(entry.phrase, folded, fuzzy=self._fuzzy):
                known = sounds.setdefault(self._vocabulary.learn(tokens), [])
                if entry not in known:
                    known.append(entry)

    def _find(self, text: str, folded: Folded) -> Iterator[_Found]:
        for start, end, entries in _matches(self._exact, folded.text):
            if not cuts_word(folded.text, start, end):
                yield from (_Found(entry, "exact", start, end) for entry in entries)
        if self._sounds is None or not any(is_han(c) for c in folded.text):
            return
        encoded = self._vocabulary.encode(syllables(text, folded, fuzzy=self._fuzzy))
        for start, end, entries in _matches(self._sounds, encoded):
            if not cuts_word(folded.text, start, end):
                yield from (_Found(entry, "pinyin", start, end) for entry in entries)


def _entries(card: Card) -> Iterator[tuple[_Entry, TriggerMatch]]:
    for trigger in card.triggers:
        yield _Entry(card.id, trigger.phrase, "trigger", trigger.speaker), trigger.match
    for phrase in card.negative:
        yield _Entry(card.id, phrase, "negative", "any"), "pinyin"


def _automaton(phrases: Mapping[str, list[_Entry]]) -> Any:
    """pyahocorasick's automaton (untyped), or None: an empty one cannot be searched."""
    import ahocorasick

    if not phrases:
        return None
    automaton = ahocorasick.Automaton()
    for phrase, entries in phrases.items():
        automaton.add_word(phrase, (len(phrase), tuple(entries)))
    automaton.make_automaton()
    return automaton


def _matches(automaton: Any, text: str) -> Iterator[tuple[int, int, tuple[_Entry, ...]]]:
    if automaton is None:
        return
    for last, (length, entries) in automaton.iter(text):
        yield last + 1 - length, last + 1, entries


def _longest(found: list[_Found]) -> list[_Found]:
    """Longest phrase first, written before sounding: 重开发票 silences the 发票 inside it, whichever card has it."""
    kept: list[_Found] = []
    for each in sorted(found, key=lambda f: (-(f.end - f.start), f.match != "exact", f.start)):
        rivals = [k for k in kept if k.start < each.end and each.start < k.end]
        same_place = all((k.start, k.end, k.match) == (each.start, each.end, each.match) for k in rivals)
        if same_place and not any(k.entry.card_id == each.entry.card_id for k in rivals):
            kept.append(each)
    return sorted(kept, key=lambda f: (f.start, f.entry.card_id))


def _hit(found: _Found, text: str, folded: Folded) -> TriggerHit:
    start, end = folded.origins[found.start], folded.origins[found.end - 1] + 1
    heard = text[start:end]
    doubtful = found.match == "pinyin" and found.end - found.start == 2 and is_known_word(heard)
    return TriggerHit(
        card_id=found.entry.card_id,
        phrase=found.entry.phrase,
        match=found.match,
        start=start,
        end=end,
        doubtful=doubtful,
    )
