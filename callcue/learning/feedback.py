"""What agents make of a card, as a bounded shift of its search score that no single agent can swing.

An acknowledgement is evidence about one card and one question: used and pinned count as right, wrong as wrong,
dismissed as wrong with a fifth of the weight (it may just not have been needed). It is weighed by

* the agent: all that one agent says of one card on one day is one vote; the newest day counts whole, each older one
  half of the one after it, so that an agent never has more than two votes on a card;
* age: a vote halves every ``half_life_days``, so that a card that is no longer shown gets back to where it began;
* version: what was said of an earlier version of the card counts ``old_version`` of a vote;
* likeness: for a question unlike the one that was judged, ``elsewhere`` of a vote (see ``likeness``).

With W votes for a question, S of them for the card, and a team that finds the share m of all cards right, the card's
rate is that of a Beta(strength m + S, strength (1 - m) + W - S), whose mean is (strength m + S) / (strength + W): few
votes leave it near m. The shift is the log-odds of that mean above those of m, within ``limit``. Of a shift, what
remains when the agent who has moved the card most is left out counts whole, and the rest up to ``one_agent``.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from callcue.core.events import AckAction
from callcue.learning.likeness import Space

FloatArray = NDArray[np.float32]
Array = NDArray[np.float64]

DAY_MS = 86_400_000
_RIGHT: Mapping[AckAction, float] = {"used": 1.0, "pinned": 1.0, "dismissed": 0.0, "wrong": 0.0}
_WEIGHT: Mapping[AckAction, float] = {"used": 1.0, "pinned": 1.0, "dismissed": 0.2, "wrong": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackConfig:
    """How much acknowledgements count."""

    strength: float = 6.0
    """Votes that the team's average is worth against those on the card."""
    limit: float = 0.7
    """The largest shift in log-odds, either way: it doubles or halves the odds, and no more."""
    one_agent: float = 0.15
    """How much of a shift, in log-odds, may rest on a single agent."""
    half_life_days: float = 30.0
    elsewhere: float = 0.1
    """What a vote counts for a question that is not like the one it was given for."""
    old_version: float = 0.3
    likeness_from: float = 0.42
    """Cosine in the space of the questions (see ``likeness``) from which they begin to be alike."""
    likeness_whole: float = 0.65
    """The same cosine from which they count as one question."""
    team_strength: float = 10.0
    """Votes that the assumption of ``team_mean`` is worth against those of the team."""
    team_mean: float = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """One agent's newest word on one push."""

    card_id: str
    card_version: int
    agent: str
    action: AckAction
    at_ms: int
    """Epoch milliseconds."""
    vector: FloatArray | None = None
    """Of the text that had been looked up, as the embedder makes it; None: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardVotes:
    """All votes on one card. Arrays have one entry per acknowledgement."""

    agents: NDArray[np.int64]
    """Numbers of agents, from 0."""
    weights: Array
    right: Array
    """0..1."""
    vectors: FloatArray
    """Spread out in the evidence's space, shape (acknowledgements, dims); a row of zeros is like nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a team's acknowledgements say at one moment."""

    config: FeedbackConfig
    team: float
    """The share of cards that the team finds right, each agent counted once."""
    cards: Mapping[str, CardVotes]
    space: Space | None = None
    """None: all questions are taken as alike."""

    def shift(self, card_id: str, query: FloatArray | None = None) -> float:
        """Log-odds to add to the card's score for a question (a vector in ``space``), or for questions at large."""
        votes = self.cards.get(card_id)
        if votes is None:
            return 0.0
        weights = votes.weights * self._likeness(votes, query)
        count = int(votes.agents.max()) + 1
        by_agent = np.bincount(votes.agents, weights=weights, minlength=count)
        right = np.bincount(votes.agents, weights=weights * votes.right, minlength=count)
        total, good = float(weights.sum()), float((weights * votes.right).sum())
        whole = self._moved(total, good)
        rest = min((self._moved(total - w, good - r) for w, r in zip(by_agent, right, strict=True)), key=abs)
        if rest * whole < 0:
            rest = 0.0
        single = max(-self.config.one_agent, min(self.config.one_agent, whole - rest))
        return max(-self.config.limit, min(self.config.limit, rest + single))

    def _likeness(self, votes: CardVotes, query: FloatArray | None) -> Array | float:
        if query is None:
            return 1.0
        if not votes.vectors.size:
            return self.config.elsewhere
        near = likeness(votes.vectors @ query, self.config)
        return self.config.elsewhere + (1 - self.config.elsewhere) * near

    def _moved(self, total: float, good: float) -> float:
        strength = self.config.strength
        mean = (strength * self.team + max(0.0, good)) / (strength + max(0.0, total))
        return _logit(mean) - _logit(self.team)


def likeness(cosines: FloatArray, config: FeedbackConfig) -> Array:
    """0 for questions that have nothing to do with each other, 1 for the same one, a straight line between."""
    span = config.likeness_whole - config.likeness_from
    return np.clip((cosines.astype(np.float64) - config.likeness_from) / span, 0.0, 1.0)


def weigh(
    acks: Iterable[Ack], *, now_ms: int, versions: Mapping[str, int], config: FeedbackConfig, space: Space | None = None
) -> Evidence:
    """The evidence at ``now_ms`` (epoch milliseconds). ``versions``: the newest version of each card."""
    by_card: dict[str, list[Ack]] = defaultdict(list)
    for ack in acks:
        by_card[ack.card_id].append(ack)
    cards = {card: _votes(held, now_ms, versions.get(card), config, space) for card, held in sorted(by_card.items())}
    return Evidence(config=config, team=_team(by_card, cards, config), cards=cards, space=space)


def shifted(score: float, shift: float) -> float:
    """A probability whose log-odds are moved; 0 and 1 stay."""
    if not 0.0 < score < 1.0 or shift == 0.0:
        return score
    return 1.0 / (1.0 + math.exp(-_logit(score) - shift))


def _votes(
    acks: Sequence[Ack], now_ms: int, newest: int | None, config: FeedbackConfig, space: Space | None
) -> CardVotes:
    numbers = {agent: number for number, agent in enumerate(sorted({ack.agent for ack in acks}))}
    weights = np.array([_WEIGHT[ack.action] for ack in acks], dtype=np.float64)
    weights *= [1.0 if newest is None or ack.card_version >= newest else config.old_version for ack in acks]
    weights *= [0.5 ** (max(0, now_ms - ack.at_ms) / DAY_MS / config.half_life_days) for ack in acks]
    weights *= _caps(acks)
    rows = [row for row, ack in enumerate(acks) if ack.vector is not None]
    vectors = np.zeros((len(acks), 0 if space is None else len(space.middle)), dtype=np.float32)
    if space is not None and rows:
        vectors[rows] = space.spread(np.stack([ack.vector for ack in acks if ack.vector is not None]))
    return CardVotes(
        agents=np.array([numbers[ack.agent] for ack in acks], dtype=np.int64),
        weights=weights,
        right=np.array([_RIGHT[ack.action] for ack in acks], dtype=np.float64),
        vectors=vectors,
    )


def _caps(acks: Sequence[Ack]) -> list[float]:
    """What each acknowledgement counts of its agent's votes: a day is one vote, an older day half of the next."""
    days: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for ack in acks:
        days[ack.agent][ack.at_ms // DAY_MS] += 1
    age = {agent: {day: n for n, day in enumerate(sorted(held, reverse=True))} for agent, held in days.items()}
    caps = []
    for ack in acks:
        day = ack.at_ms // DAY_MS
        caps.append(0.5 ** age[ack.agent][day] / days[ack.agent][day])
    return caps


def _team(by_card: Mapping[str, Sequence[Ack]], cards: Mapping[str, CardVotes], config: FeedbackConfig) -> float:
    """The mean of the agents' own rates, so that one who condemns everything is one of them and no more."""
    total: dict[str, float] = defaultdict(float)
    good: dict[str, float] = defaultdict(float)
    for card, acks in by_card.items():
        votes = cards[card]
        for ack, weight, right in zip(acks, votes.weights.tolist(), votes.right.tolist(), strict=True):
            total[ack.agent] += weight
            good[ack.agent] += weight * right
    rates = [(config.team_mean + good[agent]) / (1 + total[agent]) for agent in total]
    mean = (config.team_strength * config.team_mean + sum(rates)) / (config.team_strength + len(rates))
    return min(0.9, max(0.1, mean))


def _logit(p: float) -> float:
    return math.log(p / (1 - p))
