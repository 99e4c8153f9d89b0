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
from kb_index.shelf import Shelved
from kb_index.vectors import FloatArray

MOST = 10
"""Cards that are told."""

Vectors = Callable[[Sequence[Shelved]], dict[bytes, FloatArray]]
"""Vectors of the cards' texts by ``text_key``; of those that have to be embedded only the first few."""


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
    shelf: Sequence[Shelved],
    vectors: Vectors,
    *,
    ranking: Ranking,
    calibration: Calibration,
    candidates: int,
) -> list[CardHit]:
    """Best first, at most ``MOST``. ``shelf``: the cards that are not published."""
    shown = serving.find(query.text, vector, query, candidates, ranking)
    left_out = [
        *_barred(serving, query, vector, candidates, ranking),
        *_outside(serving, query, vector, shelf, vectors, candidates=candidates),
    ]
    background = serving.background(vector)
    hits = [_hit(one, shown, background, ranking, calibration) for one in left_out]
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
    serving: Generation,
    query: CardQuery,
    vector: FloatArray,
    shelf: Sequence[Shelved],
    vectors: Vectors,
    *,
    candidates: int,
) -> Iterable[Withheld]:
    """Cards that are not in the generation: as in a search, those that come nearest by meaning and by sound."""
    sounds = serving.sounds.shares(query.text, [one.terms for one in shelf])
    order = np.argsort(-sounds, kind="stable").tolist()
    known = vectors([shelf[place] for place in order])
    found = []
    for place in order:
        one = shelf[place]
        own = [(text, known[key]) for text, key in zip(one.texts, one.keys, strict=True) if key in known]
        if own:
            cosines = np.stack([of_text for _, of_text in own]) @ vector
            nearest = int(cosines.argmax())
            found.append(
                Withheld(
                    card=one.card,
                    dense=float(cosines[nearest]),
                    sound=float(sounds[place]),
                    lexical=0.0,
                    matched=own[nearest][0],
                )
            )
    nearest_first = sorted(found[candidates:], key=lambda one: -one.dense)
    return [*found[:candidates], *nearest_first[:candidates]]


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
