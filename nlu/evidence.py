"""Gathers the search's evidence for one utterance: what to look up, and how much what is found counts in the call."""

import math
from collections.abc import Iterable
from dataclasses import replace

from callcue.core.cards import CardHit
from callcue.core.speech import Language, Utterance
from nlu.concepts import concepts
from nlu.context import Situation
from nlu.lookup import Hint
from nlu.moods import moods
from nlu.query import Joined, find_need

QUESTION = 0.5
"""Added to the logit of a search score when the words ask for something."""
ANSWER = -1.5
"""The same when they answer a question of the agent and ask for nothing."""
GARBLED = -1.5
"""The same when the recogniser hardly believes its own text."""
LEAST_CONFIDENCE = 0.3
"""Below it a text counts as garbled."""
CONCEPT_WEIGHT = 1.0
NAME_WEIGHT = 0.3
TOPIC_WEIGHT = 0.8
MOOD_WEIGHT = 0.6
CONFIRMED_WEIGHT = 0.8
FLOW_WEIGHT = 0.4
OTHERWISE_WEIGHT = 0.6
"""How much a search for a hint counts beside one for the words themselves."""


def hints(need: str, said: str, situation: Situation, language: Language) -> list[Hint]:
    """What to look up beside the need."""
    found = []
    for name in concepts(need, language) if need else ():
        found.append(Hint(text=f"{need} {name}", weight=CONCEPT_WEIGHT))
        found.append(Hint(text=name, weight=NAME_WEIGHT))
    if situation.topic:
        glue = "，" if language == "zh" else " "
        found.append(Hint(text=f"{situation.topic}{glue}{need}", weight=TOPIC_WEIGHT))
    if situation.confirmed:
        found.append(Hint(text=situation.confirmed, weight=CONFIRMED_WEIGHT))
    found += [Hint(text=text, weight=FLOW_WEIGHT) for text in situation.after_flow]
    found += [Hint(text=text, weight=MOOD_WEIGHT, kind="script") for text in moods(said, language)[:1]]
    return found


def hints_otherwise(u: Utterance, joined: Joined, situation: Situation) -> list[Hint]:
    """The same for what may have been said instead: Mandarin's homophones are often right further down the beam."""
    if joined.need is None:
        return []
    before = joined.query.removesuffix(joined.need.text)
    found, seen = [], {joined.need.text}
    for text in u.alternatives:
        need = find_need(text, u.language)
        if need is None or need.text in seen:
            continue
        seen.add(need.text)
        query = before + need.text
        found.append(Hint(text=query, weight=OTHERWISE_WEIGHT))
        found += [replace(h, weight=h.weight * OTHERWISE_WEIGHT) for h in hints(query, text, situation, u.language)]
    return list({(hint.text, hint.kind): hint for hint in reversed(found)}.values())[::-1]


def in_situation(hits: Iterable[CardHit], situation: Situation, confidence: float) -> list[CardHit]:
    """The hits with scores moved by how the words stand in the call, and how sure it is that they are the words.

    Only the latter moves scripts: a mood shows in an answer as well.
    """
    garbled = GARBLED if confidence < LEAST_CONFIDENCE else 0.0
    shift = QUESTION if situation.asking else ANSWER if situation.answering else 0.0
    moved = []
    for hit in hits:
        by = garbled + (0.0 if hit.card.kind == "script" else shift)
        moved.append(replace(hit, score=_moved(hit.score, by)) if by else hit)
    return moved


def _moved(score: float, shift: float) -> float:
    bounded = min(max(score, 1e-6), 1 - 1e-6)
    return 1.0 / (1.0 + math.exp(-(math.log(bounded / (1 - bounded)) + shift)))
