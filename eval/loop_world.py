"""A call centre made up: callers with needs, agents who may be trusted more or less, and an editor with little time.

The needs come from a set of cards with labelled questions: every card with enough wordings is something that people
call about. Its wordings are dealt out once: some are what callers say, the others only measure and are never said,
shown to the editor or put on a card. Of some needs the knowledge base has no card at first, of the others it has the
title alone.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from callcue.core.cards import Card
from callcue.core.errors import BadInput
from callcue.core.events import AckAction
from eval.card_sets import Query

LEAST_WORDINGS = 6
MISSING = 0.3
"""Share of the needs without a card at first."""
MEASURING = 0.4
"""Share of a need's wordings that only measure."""
_ACKED = 0.6
"""Share of the pushes that an agent says anything about."""
CALLS_AGAIN = 0.5
"""Whether a caller who got no right card calls again within ``AGAIN_DAYS``."""
AGAIN_DAYS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something that people call about."""

    card: Card
    """As the set has it: the truth."""
    said: tuple[str, ...]
    measured: tuple[str, ...]
    weight: float
    """How often it comes up, against the others."""
    missing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Somebody who answers calls."""

    name: str
    reliability: float
    """How often a judgement of a card is right; 0: always the opposite of what is true."""
    share: float
    """Of the calls, against the others."""

    def judge(self, right: bool, chance: random.Random) -> AckAction | None:
        """What the agent says of a pushed card; None: nothing. The hostile one always says something."""
        if self.reliability > 0 and chance.random() > _ACKED:
            return None
        says_right = right == (chance.random() < self.reliability)
        if says_right:
            return "used"
        return "wrong" if chance.random() < 0.7 else "dismissed"


AGENTS = (
    *(Agent(name=f"agent{n}", reliability=r, share=1.0) for n, r in enumerate((0.97, 0.95, 0.95, 0.9, 0.9, 0.85, 0.8))),
    Agent(name="mallory", reliability=0.0, share=1.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything that is the same in all scenarios."""

    needs: tuple[Need, ...]
    first_cards: tuple[Card, ...]
    """What the knowledge base holds at first."""

    @property
    def needs_by_wording(self) -> Mapping[str, str]:
        """What is said -> the card that is meant."""
        return {text: need.card.id for need in self.needs for text in need.said}


def make_world(cards: Sequence[Card], queries: Sequence[Query], *, most: int, seed: int) -> World:
    """Deal out the wordings. Raises BadInput where a set has too few."""
    chance = random.Random(seed)
    wordings: dict[str, list[str]] = {card.id: list(card.questions) for card in cards}
    for query in queries:
        if query.card in wordings:
            wordings[query.card].append(query.text)
    unique = {card.id: list(dict.fromkeys(t for t in wordings[card.id] if t != card.title)) for card in cards}
    rich = [card for card in cards if len(unique[card.id]) >= LEAST_WORDINGS]
    if len(rich) < 20:
        raise BadInput(
            f"only {len(rich)} cards have {LEAST_WORDINGS} wordings (sample questions and queries together): too "
            "few to make up callers from"
        )
    chosen = sorted(chance.sample(rich, min(most, len(rich))), key=lambda card: card.id)
    needs = [_need(card, unique[card.id], chance) for card in chosen]
    known = {need.card.id: need for need in needs}
    first = [
        replace(card, questions=()) if card.id in known else card
        for card in cards
        if card.id not in known or not known[card.id].missing
    ]
    return World(needs=tuple(needs), first_cards=tuple(replace(card, status="published") for card in first))


def _need(card: Card, wordings: list[str], chance: random.Random) -> Need:
    dealt = chance.sample(wordings, len(wordings))
    kept = max(2, round(MEASURING * len(dealt)))
    weight = 1.0 / (1 + chance.randrange(20))  # a few needs make up most calls, as everywhere
    missing = chance.random() < MISSING
    return Need(card=card, said=tuple(dealt[kept:]), measured=tuple(dealt[:kept]), weight=weight, missing=missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that somebody makes."""

    caller: str
    need: Need
    text: str
    agent: Agent


class Callers:
    """Who calls on which day. Returning callers are those who were told nothing useful."""

    def __init__(self, world: World, *, calls_a_day: int, seed: int) -> None:
        self._world = world
        self._per_day = calls_a_day
        self._chance = random.Random(seed)
        self._again: dict[int, list[tuple[str, Need]]] = {}
        self._count = 0

    def on(self, day: int) -> list[Call]:
        """The calls of a day: new needs, and those who call again."""
        chance = self._chance
        needs = chance.choices(self._world.needs, [need.weight for need in self._world.needs], k=self._per_day)
        asked = [(self._number(), need) for need in needs] + self._again.pop(day, [])
        agents = chance.choices(AGENTS, [agent.share for agent in AGENTS], k=len(asked))
        return [
            Call(caller=caller, need=need, text=chance.choice(need.said), agent=agent)
            for (caller, need), agent in zip(asked, agents, strict=True)
        ]

    def told(self, call: Call, day: int, *, helped: bool) -> None:
        """How the call went."""
        if not helped and self._chance.random() < CALLS_AGAIN:
            when = day + 1 + self._chance.randrange(AGAIN_DAYS)
            self._again.setdefault(when, []).append((call.caller, call.need))

    def _number(self) -> str:
        self._count += 1
        return f"02{self._count:08}"
