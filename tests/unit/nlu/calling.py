"""One call with an index of a few words: for the tests of its assistant."""

from collections.abc import Iterable
from typing import Any

from callcue.core.cards import Card, CardHit, CardQuery, SpeakerFilter, Suggestion, Trigger
from callcue.core.errors import EngineFailed
from callcue.core.speech import Channel, Language, LanguageChoice, Utterance
from callcue.testing.clock import ManualClock
from nlu.assist import AssistConfig, CallAssistant, KnowledgeView
from nlu.decision import Decision
from nlu.gate import Customer
from nlu.triggers import TriggerMatcher


class FakeIndex:
    """Scores cards by a table: card id -> (what the query must contain, score)."""

    def __init__(self, cards: Iterable[Card], table: dict[str, tuple[str, float]]) -> None:
        self._cards = {c.id: c for c in cards}
        self._table = table
        self.queries: list[str] = []
        self.broken = False
        self.only_alone = False
        """Find nothing in texts of more than one clause."""

    @property
    def generation(self) -> int:
        return 1

    async def rebuild(self, cards: Iterable[Card], number: int | None = None) -> int:
        raise AssertionError("a call builds no index")

    async def search(self, query: CardQuery) -> list[CardHit]:
        self.queries.append(query.text)
        if self.broken:
            raise EngineFailed("the index is gone")
        if self.only_alone and "，" in query.text:
            return []
        hits = [
            CardHit(card=card, score=self._table[card.id][1], dense=0.9, lexical=1.0, matched=card.title)
            for card in self._cards.values()
            if card.id in self._table and self._table[card.id][0] in query.text and query.lang in (None, card.lang)
        ]
        return sorted(hits, key=lambda h: -h.score)[: query.top_k]


def make(card_id: str, *phrases: str, speaker: SpeakerFilter = "any", **fields: Any) -> Card:
    triggers = tuple(Trigger(phrase=p, speaker=speaker) for p in phrases)
    return Card(id=card_id, title=f"标题{card_id}", body="正文", triggers=triggers, **fields)


class Call:
    """One call with a fake index; times are in seconds."""

    def __init__(
        self,
        *cards: Card,
        search: dict[str, tuple[str, float]] | None = None,
        language: LanguageChoice = "zh",
        customer: Customer | None = None,
        **limits: Any,
    ) -> None:
        self.index = FakeIndex(cards, search or {})
        published = {c.id: c for c in cards}
        view = KnowledgeView(index=self.index, triggers=TriggerMatcher(cards), cards=published)
        config = AssistConfig(**{"max_cards_per_minute": 60, "threshold": 0.5, **limits})
        self.assistant = CallAssistant(
            config=config, knowledge=lambda: view, clock=ManualClock(), language=language, customer=customer
        )

    async def says(
        self, text: str, at: float = 0.0, channel: Channel = "caller", language: Language = "zh"
    ) -> list[Suggestion]:
        return list((await self.decide(text, at, channel, language)).pushed)

    async def decide(
        self,
        text: str,
        at: float = 0.0,
        channel: Channel = "caller",
        language: Language = "zh",
        alternatives: tuple[str, ...] = (),
        confidence: float = 0.9,
    ) -> Decision:
        return await self.assistant.decide(
            Utterance(
                call_id="c",
                channel=channel,
                segment_id=f"{channel}-{at}",
                start_ms=int(at * 1000),
                end_ms=int(at * 1000) + 500,
                raw_text=text,
                text=text,
                language=language,
                confidence=confidence,
                alternatives=alternatives,
            )
        )

    async def brings(self, text: str, at: float = 0.0, channel: Channel = "caller") -> list[str]:
        return [s.card.id for s in await self.says(text, at, channel)]

    def hears(self, stable: str, at: float = 0.0, channel: Channel = "caller") -> list[str]:
        found = self.assistant.on_partial(channel, f"{channel}-{at}", stable, int(at * 1000) + 300)
        return [s.card.id for s in found]
