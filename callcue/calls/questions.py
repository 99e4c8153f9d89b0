"""Sample questions that calls and agents suggest: what customers said when a card helped, and what agents typed to find
it. An editor accepts or rejects; what was judged is not proposed again.

Editors do not read calls. So a proposal is a short need without its call, and what holds a longer number is left out.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from callcue.calls.editing import CardEditor, Saved
from callcue.core.cards import Card
from callcue.core.events import FinalTranscript
from callcue.core.ports import Clock
from callcue.infra.searches import SearchLog
from kb_index.folding import fold
from nlu.query import find_need

Source = Literal["call", "search", "call_before_search"]
"""``call``: the customer's words that brought a card which was used; ``search``: what an agent typed before taking it;
``call_before_search``: the customer's words to which the agent then had to search."""

DAYS = 90
MAX_PROPOSALS = 500
_SHORTEST, _LONGEST = 4, 80
"""Characters: shorter says nothing, longer is a story."""
_LATE_MS = 60_000
"""Call time between the customer's words and the search for them, at most."""
_AGENTS = 2
"""Agents who opened a card after the same search stand for one who used it."""
_NUMBER = re.compile(r"\d(?:[ -]?\d){3,}")
_NO_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A question that a card could have."""

    card_id: str
    title: str
    text: str
    """As it was said or typed most recently."""
    sources: dict[Source, int]
    """Where it comes from, and how often."""
    agents: int
    """Different agents behind it: one who repeats himself counts once."""
    last_at: str
    """ISO 8601, UTC."""

    @property
    def count(self) -> int:
        """How often altogether."""
        return sum(self.sources.values())


@dataclass(frozen=True, slots=True)
class _Sighting:
    card_id: str
    text: str
    source: Source
    agent: str
    at: str
    sure: bool = True


@dataclass(slots=True)
class _Group:
    text: str
    last_at: str
    sources: dict[Source, int] = field(default_factory=dict)
    agents: set[str] = field(default_factory=set)
    sure: bool = False


class QuestionProposals:
    """Gathers proposals and takes verdicts."""

    def __init__(self, *, searches: SearchLog, editor: CardEditor, clock: Clock) -> None:
        self._searches = searches
        self._editor = editor
        self._clock = clock

    async def propose(self, card_id: str | None = None, days: int = DAYS) -> list[Proposal]:
        """Proposals from the last days, by how many agents and how often; at most 500."""
        groups: dict[tuple[str, str], _Group] = {}
        for sighting in await self._sightings(self._clock.now() - timedelta(days=days)):
            if (card_id is None or sighting.card_id == card_id) and _presentable(sighting.text):
                _add(groups, sighting)
        cards = await self._editor.store.find(sorted({card for card, _ in groups}))
        judged = await self._searches.judged()
        found = [
            _proposal(cards[card], group)
            for (card, key), group in groups.items()
            if card in cards
            and cards[card].status != "retired"
            and (card, _digest(key)) not in judged
            and key not in {_key(known) for known in (cards[card].title, *cards[card].questions)}
            and (group.sure or len(group.agents) >= _AGENTS)
        ]
        found.sort(key=lambda p: (-p.agents, -p.count, p.card_id, p.text))
        return found[:MAX_PROPOSALS]

    async def accept(
        self, card_id: str, text: str, *, by: str, expected: int | None = None, wording: str | None = None
    ) -> Saved:
        """Make it a question of the card, in other ``wording`` where given. Raises NotFound, BadCard, StaleCard."""
        saved = await self._editor.add_question(card_id, wording or text, by=by, expected=expected)
        await self._searches.judge(card_id, _digest(_key(text)), "accepted", by=by)
        return saved

    async def reject(self, card_id: str, text: str, *, by: str) -> None:
        """Never propose it for this card again. Raises NotFound."""
        await self._editor.store.get(card_id)
        await self._searches.judge(card_id, _digest(_key(text)), "rejected", by=by)

    async def _sightings(self, since: datetime) -> list[_Sighting]:
        found = [
            _Sighting(used.push.card_id, used.push.reason.query, "call", used.ack.by, used.acked_at)
            for used in await self._searches.used_pushes(since)
        ]
        taken = await self._searches.taken(since)
        moments = {(s.call_id, s.call_ms) for s in taken if s.action == "used" and s.call_id and s.call_ms is not None}
        said = await self._searches.caller_before(moments, _LATE_MS)
        needs = {moment: need for moment, finals in said.items() if (need := _last_need(finals, moment[1])) is not None}
        for search in taken:
            at = datetime.fromtimestamp(search.at_ms / 1000, UTC).isoformat()
            sure = search.action == "used"
            found.append(_Sighting(search.card_id, search.query, "search", search.agent, at, sure))
            need = needs.get((search.call_id or "", search.call_ms or 0)) if sure else None
            if need is not None:
                found.append(_Sighting(search.card_id, need, "call_before_search", search.agent, at))
        return found


def _last_need(finals: Sequence[FinalTranscript], at_ms: int) -> str | None:
    """The customer's last need before the search, if the search was made soon after it."""
    for final in finals:
        need = find_need(final.text, final.language)
        if need is not None:
            return need.text if at_ms - final.end_ms <= _LATE_MS else None
    return None


def _add(groups: dict[tuple[str, str], _Group], sighting: _Sighting) -> None:
    text = sighting.text.strip(" ，,、。.")
    group = groups.setdefault((sighting.card_id, _key(text)), _Group(text=text, last_at=sighting.at))
    if sighting.at > group.last_at:
        group.text, group.last_at = text, sighting.at
    group.sources[sighting.source] = group.sources.get(sighting.source, 0) + 1
    group.agents.add(sighting.agent)
    group.sure = group.sure or sighting.sure


def _presentable(text: str) -> bool:
    return _SHORTEST <= len(text.strip()) <= _LONGEST and not _NUMBER.search(text) and bool(_key(text))


def _proposal(card: Card, group: _Group) -> Proposal:
    return Proposal(
        card_id=card.id,
        title=card.title,
        text=group.text,
        sources=dict(group.sources),
        agents=len(group.agents),
        last_at=group.last_at,
    )


def _key(text: str) -> str:
    """What makes two wordings the same: letters and digits, folded."""
    return _NO_WORD.sub("", fold(text))


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
