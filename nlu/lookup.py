"""Searches the cards for a need, whole and clause by clause.

People wrap a question in a story (昨天在你们店里买的，今天就不响了，能换吗): the whole dilutes it, a clause alone may
lack the subject. A card's score is therefore the mean of its score for the whole and its best for a clause. Measured on
300 utterances made of a real question and a line of chat, or of chat alone (a bank-card FAQ of 745 cards): at one wrong
push in ten utterances the right card came first in .70 of the cases, against .66 for the whole alone, at the same
threshold.
"""

import asyncio
from dataclasses import replace

from callcue.core.cards import CardHit, CardQuery
from callcue.core.ports import CardIndex
from nlu.query import clauses

_TOP_K = 10


async def look_up(index: CardIndex, text: str, lang: str | None) -> list[CardHit]:
    """Best first, one hit per card. Raises what the index raises."""
    parts = clauses(text)
    queries = [CardQuery(text=t, top_k=_TOP_K, lang=lang) for t in (text, *parts)]
    whole, *by_clause = await asyncio.gather(*(index.search(q) for q in queries))
    if not by_clause:
        return whole
    best: dict[str, CardHit] = {}
    for hit in (h for hits in by_clause for h in hits):
        if hit.card.id not in best or hit.score > best[hit.card.id].score:
            best[hit.card.id] = hit
    for hit in whole:
        clause = best.get(hit.card.id)
        shown = clause if clause and clause.score > hit.score else hit
        best[hit.card.id] = replace(shown, score=(hit.score + (clause.score if clause else 0.0)) / 2)
    in_whole = {hit.card.id for hit in whole}
    halved = [h if i in in_whole else replace(h, score=h.score / 2) for i, h in best.items()]
    return sorted(halved, key=lambda h: -h.score)
