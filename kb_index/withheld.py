"""Cards that a search leaves out, scored as if it did not: what an editor asks who misses a card.

Two kinds: published cards that the query's filters keep out, and cards that are not published, which no generation
holds. Each is set beside the hits of the search, alone, so that its score is the one it would have.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from callcue.core.cards import Card, CardHit, CardQuery
from kb_index.calibration import Calibration
from kb_index.fusion import Array, evidence
from kb_index.generation import Found, Generation
from kb_index.ranking import Ranking
from kb_index.vectors import FloatArray

MOST = 10
"""Cards that are told."""
NEW_TEXTS = 200
"""Texts that are embedded for one search, at some 20 ms each; of more cards those whose sound comes nearest."""

Vectors = Callable[[Sequence[str], int], dict[str, FloatArray]]
"""Vectors of texts; of those that have to be embedded at most so many, the first ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """One card and what speaks for it."""

    card: Card
    dense: float
    sound: float
    lexical: float
    matched: str


def find_withheld(
    serving: Generation,
    query: CardQuery,
    vector: FloatArray,
    cards: Sequence[Card],
    vectors: Vectors,
    *,
    ranking: Ranking,
    calibration: Calibration,
    candidates: int,
) -> list[CardHit]:
    """Best first, at most ``MOST``. ``cards``: the ones that are not published."""
    shown = serving.find(query.text, vector, query, candidates, ranking)
    left_out = [
        *_barred(serving, query, vector, candidates, ranking),
        *_outside(serving, query, vector, cards, vectors),
    ]
    hits = [_hit(one, shown, serving.background(vector), ranking, calibration) for one in left_out]
    return sorted(hits, key=lambda hit: (-hit.score, hit.card.id))[:MOST]


def _barred(
    serving: Generation, query: CardQuery, vector: FloatArray, candidates: int, ranking: Ranking
) -> Iterable[Withheld]:
    """Published cards that only the filters keep out."""
    free = replace(query, lang=None, category=None, audience=None, valid_at=None, status=None)
    admitted, found = serving.filter.admitted(query), serving.find(query.text, vector, free, candidates, ranking)
    if admitted is None or found is None:
        return
    for place, number in enumerate(found.cards.tolist()):
        if not admitted[number]:
            yield Withheld(
                card=serving.card(number),
                dense=float(found.dense[place]),
                sound=float(found.sound[place]),
                lexical=float(found.lexical[place]),
                matched=serving.texts[found.rows[place]],
            )


def _outside(
    serving: Generation, query: CardQuery, vector: FloatArray, cards: Sequence[Card], vectors: Vectors
) -> Iterable[Withheld]:
    """Cards that are not in the generation."""
    texts = [tuple(dict.fromkeys((card.title, *card.questions))) for card in cards]
    sounds = serving.sounds.shares(query.text, ["\n".join(own) for own in texts])
    order = np.argsort(-sounds, kind="stable").tolist()
    known = vectors([text for place in order for text in texts[place]], NEW_TEXTS)
    for place in order:
        own = [text for text in texts[place] if text in known]
        if not own:
            continue
        cosines = np.stack([known[text] for text in own]) @ vector
        nearest = int(cosines.argmax())
        yield Withheld(
            card=cards[place],
            dense=float(cosines[nearest]),
            sound=float(sounds[place]),
            lexical=0.0,
            matched=own[nearest],
        )


def _hit(
    one: Withheld, shown: Found | None, background: tuple[float, float], ranking: Ranking, calibration: Calibration
) -> CardHit:
    """The card among the search's own candidates. A hit's score never exceeds that of a better ranked one."""
    dense, sound = _with(shown.dense if shown else (), one.dense), _with(shown.sound if shown else (), one.sound)
    fused = ranking.fuse(dense, sound)
    spread, idle = background
    scores = calibration.probability(evidence(dense, sound, spread=spread, idle=idle))
    score = float(scores[fused >= fused[-1]].min())
    return CardHit(
        card=one.card, score=score, dense=one.dense, lexical=one.lexical, matched=one.matched, fused=float(fused[-1])
    )


def _with(values: Iterable[float], last: float) -> Array:
    return np.array([*values, last], dtype=np.float64)
