"""Gathers the search's evidence for one utterance: what to look up, and how much what is found counts in the call."""

import math
from collections.abc import Iterable
from dataclasses import replace

from callcue.core.cards import CardHit
from callcue.core.speech import Language
from nlu.concepts import concepts
from nlu.context import Situation
from nlu.lookup import Hint
from nlu.moods import moods

QUESTION = 0.5
"""Added to the logit of a search score when the words ask for something."""
ANSWER = -1.5
"""The same when they answer a question of the agent and ask for nothing."""
CONCEPT_WEIGHT = 1.0
NAME_WEIGHT = 0.3
TOPIC_WEIGHT = 0.8
MOOD_WEIGHT = 0.6
CONFIRMED_WEIGHT = 0.8
FLOW_WEIGHT = 0.4
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


def in_situation(hits: Iterable[CardHit], situation: Situation) -> list[CardHit]:
    """The hits with scores moved by how the words stand in the call.

    Scripts are left alone: a mood shows in an answer as well.
    """
    shift = QUESTION if situation.asking else ANSWER if situation.answering else 0.0
    if not shift:
        return list(hits)
    return [h if h.card.kind == "script" else replace(h, score=_moved(h.score, shift)) for h in hits]


def _moved(score: float, shift: float) -> float:
    bounded = min(max(score, 1e-6), 1 - 1e-6)
    return 1.0 / (1.0 + math.exp(-(math.log(bounded / (1 - bounded)) + shift)))
