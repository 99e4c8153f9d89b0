"""Triggers and search results -> one ranked list of candidates.

A trigger phrase and a search result are two pieces of evidence for the same card, so their strengths combine as
independent ones do: ``1 - (1 - trigger) * (1 - search)``. A short phrase alone is weaker evidence than a long one, and
a card that is both named and meant beats one that is only named in passing and one that is only meant.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from callcue.core.cards import Card, CardHit
from nlu.folding import fold_phrase, is_han
from nlu.triggers import TriggerHit

EXACT_SCORE = 1.0
PINYIN_SCORE = 0.9
"""What a desktop shows for a card that a phrase brought."""
_HOMOPHONE = 0.9
"""A phrase that was only heard counts this much of one that was written."""
_DOUBTFUL = 0.4
TELLING = 0.65
"""A trigger of this weight (three characters and more) is not mentioned in passing."""
SURE = 0.5
"""A search result of this score is more likely right than not."""


Lack = Literal["", "threshold", "support"]
"""What a candidate's evidence lacks: nothing; a search score of the threshold; a search that bears out the phrase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A card with all the evidence for it."""

    card: Card
    strength: float
    """0..1; ranks candidates."""
    trigger: TriggerHit | None
    hit: CardHit | None
    """Its score is that of the search, moved by how the words were said."""
    lack: Lack = ""

    @property
    def score(self) -> float:
        """The score that goes with the push."""
        if self.trigger is None:
            return 0.0 if self.hit is None else self.hit.score
        return EXACT_SCORE if self.trigger.match == "exact" else PINYIN_SCORE


def merge(
    triggers: Iterable[TriggerHit], hits: Iterable[CardHit], cards: Mapping[str, Card], threshold: float
) -> list[Candidate]:
    """Everything that has evidence, best first. ``cards`` resolves the triggers' ids; what it lacks is left out."""
    best: dict[str, TriggerHit] = {}
    for trigger in triggers:
        known = best.get(trigger.card_id)
        if trigger.card_id in cards and (known is None or weight(trigger) > weight(known)):
            best[trigger.card_id] = trigger
    found = {hit.card.id: hit for hit in hits}
    surest = max((hit.score for hit in found.values()), default=0.0)
    candidates = []
    for card_id in {**best, **found}:
        spoken, hit = best.get(card_id), found.get(card_id)
        meant = hit.score if hit else 0.0
        candidates.append(
            Candidate(
                card=hit.card if hit else cards[card_id],
                strength=combine(weight(spoken) if spoken else 0.0, meant),
                trigger=spoken,
                hit=hit,
                lack=_lack(spoken, meant, surest, threshold),
            )
        )
    return sorted(candidates, key=lambda c: (-round(c.strength, 3), -c.card.priority, c.card.id))


def _lack(trigger: TriggerHit | None, meant: float, surest: float, threshold: float) -> Lack:
    """Whether the evidence for one card is enough.

    A search result needs the threshold. A written trigger stands by itself, one of two syllables that was only heard
    needs the search to half agree. So does any short one when the search is sure of something else: then it was
    mentioned in passing.
    """
    if meant >= threshold:
        return ""
    if trigger is None:
        return "threshold"
    heard_only = trigger.match == "pinyin" and trigger.end - trigger.start <= 2
    in_passing = surest >= SURE and weight(trigger) < TELLING
    return "support" if meant < threshold / 2 and (heard_only or in_passing) else ""


def combine(one: float, other: float) -> float:
    """Independent evidence for the same thing."""
    return 1.0 - (1.0 - one) * (1.0 - other)


def weight(trigger: TriggerHit) -> float:
    """How much a phrase alone is worth: .6 with two characters (or one word), .7 with three, .8 with more."""
    if trigger.doubtful:
        return _DOUBTFUL
    phrase = fold_phrase(trigger.phrase)
    size = len(phrase) if any(is_han(c) for c in phrase) else 1 + len(phrase.split())
    weight = 0.6 if size <= 2 else 0.7 if size == 3 else 0.8
    return weight if trigger.match == "exact" else weight * _HOMOPHONE
