"""Trigger and negative phrases of the cards."""

from collections.abc import Iterable
from dataclasses import dataclass

from callcue.core.cards import Card, SpeakerFilter, TriggerMatch
from callcue.core.speech import Channel
from nlu.phrase_book import Found, PhraseBook, Reading, read
from nlu.syllables import is_known_word

_FILLERS = frozenset("我你您他她们早就都已经刚才也又的了那这个呢啊呀吧嘛")
"""A negative phrase is found with these between its words: 发票收到了 in 发票早就收到了. Nothing that turns the meaning
(能, 没, 想, 要 …) is among them."""


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
class _Trigger:
    card_id: str
    phrase: str
    speaker: SpeakerFilter


class TriggerMatcher:
    """The phrases of a set of cards. Immutable after construction; safe to share between calls and threads."""

    def __init__(self, cards: Iterable[Card], *, fuzzy: bool = False) -> None:
        """``fuzzy``: syllables of one confusable group (zh/z, n/l, ang/an …) count as equal. Off by default: what it
        finds more is mostly other words. Building takes about 0.1 ms a phrase: off the loop for thousands."""
        self._fuzzy = fuzzy
        cards = tuple(cards)
        triggers = [(t.phrase, t.match, _Trigger(c.id, t.phrase, t.speaker)) for c in cards for t in c.triggers]
        negatives: list[tuple[str, TriggerMatch, str]] = [(p, "pinyin", c.id) for c in cards for p in c.negative]
        self._triggers = PhraseBook(triggers, fuzzy=fuzzy)
        self._negatives = PhraseBook(negatives)
        self._loose_negatives = PhraseBook(negatives, fuzzy=True, fillers=_FILLERS, shortest=3)

    def scan(self, text: str, channel: Channel) -> list[TriggerHit]:
        """The trigger phrases in ``text`` that ``channel`` may fire, in text order."""
        return list(self.read(text, channel).hits)

    def negated(self, text: str, card_id: str) -> bool:
        """Whether a negative phrase of the card is in the text, whoever says it."""
        return card_id in self._negated(read(text))

    def read(self, text: str, channel: Channel) -> Scan:
        """Triggers and negatives in one pass. A 100-character text and 5,000 phrases take under a millisecond."""
        reading = read(text)
        found = self._triggers.find(reading.merged() if self._fuzzy else reading)
        heard = [f for f in found if f.value.speaker in ("any", channel) and _unbroken(f, reading)]
        hits = tuple(_hit(f, text, reading) for f in _longest(heard))
        return Scan(hits=hits, negated=self._negated(reading))

    def _negated(self, reading: Reading) -> frozenset[str]:
        """Silence on suspicion: here confusable syllables and fillers between the words are always allowed."""
        strict = {found.value for found in self._negatives.find(reading)}
        loose = {found.value for found in self._loose_negatives.find(reading.without(_FILLERS).merged())}
        return frozenset(strict | loose)


def _unbroken(found: Found[_Trigger], reading: Reading) -> bool:
    """Whether what only sounds like the phrase was said without a pause."""
    first, last = reading.folded.origins[found.start], reading.folded.origins[found.end - 1]
    return found.match == "exact" or last - first == found.end - 1 - found.start


def _longest(found: list[Found[_Trigger]]) -> list[Found[_Trigger]]:
    """Longest phrase first, written before sounding: 重开发票 silences the 发票 inside it, whichever card has it."""
    kept: list[Found[_Trigger]] = []
    for each in sorted(found, key=lambda f: (-(f.end - f.start), f.match != "exact", f.start)):
        rivals = [k for k in kept if k.start < each.end and each.start < k.end]
        same_place = all((k.start, k.end, k.match) == (each.start, each.end, each.match) for k in rivals)
        if same_place and not any(k.value.card_id == each.value.card_id for k in rivals):
            kept.append(each)
    return sorted(kept, key=lambda f: (f.start, f.value.card_id))


def _hit(found: Found[_Trigger], text: str, reading: Reading) -> TriggerHit:
    start, end = reading.folded.origins[found.start], reading.folded.origins[found.end - 1] + 1
    short = found.match == "pinyin" and found.end - found.start == 2
    return TriggerHit(
        card_id=found.value.card_id,
        phrase=found.value.phrase,
        match=found.match,
        start=start,
        end=end,
        doubtful=short and is_known_word(text[start:end]),
    )
