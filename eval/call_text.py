"""The same calls without audio: the turns' exact text goes to the assistant and the tagger, in call time.

What is missing here was not lost by the recogniser.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from callcue.app.build import call_config
from callcue.core.cards import Card, Suggestion
from callcue.core.ports import Clock, Embedder, TagModel
from callcue.core.records import TagSuggestion, Value
from callcue.core.settings import Settings
from callcue.core.speech import Utterance
from eval.call_score import Push, Segment, Trace
from eval.call_set import ScriptedCall
from kb_index.index import HybridIndex
from nlu.assist import CallAssistant, KnowledgeView
from nlu.decision import Decision
from nlu.normalise import Normaliser
from nlu.triggers import TriggerMatcher
from tagger.call import CallTagger


def utterances(call: ScriptedCall) -> list[Utterance]:
    """The turns as perfect finals."""
    normaliser = Normaliser()
    return [
        Utterance(
            call_id=call.id,
            channel=turn.channel,
            segment_id=f"turn-{index}",
            start_ms=turn.start_ms,
            end_ms=turn.end_ms,
            raw_text=turn.text,
            text=normaliser.normalise(turn.text, call.language).text,
            language=call.language,
            confidence=1.0,
        )
        for index, turn in enumerate(call.turns)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTurn:
    """What the assistant made of one turn's exact text."""

    heard: Utterance
    decision: Decision


def text_view(cards: Sequence[Card], embedder: Embedder) -> KnowledgeView:
    """The cards, searchable without a service. Blocking."""
    index = HybridIndex(embedder)
    index.rebuild_now(cards)
    published = {card.id: card for card in cards if card.status == "published"}
    return KnowledgeView(index=index, triggers=TriggerMatcher(published.values()), cards=published)


async def decide_by_text(
    knowledge: Callable[[], KnowledgeView], call: ScriptedCall, settings: Settings, clock: Clock
) -> list[TextTurn]:
    """The exact text of each turn to a fresh assistant, in the order of the turns' ends."""
    assistant = CallAssistant(
        config=call_config(settings).assist, knowledge=knowledge, clock=clock, language=call.language
    )
    ordered = sorted(utterances(call), key=lambda utterance: utterance.end_ms)
    return [TextTurn(heard=heard, decision=await assistant.decide(heard)) for heard in ordered]


def text_trace(turns: Iterable[TextTurn], settings: Settings) -> Trace:
    """The pushes, each at once at the end of its turn."""
    pushes = tuple(_push(found, turn.heard, settings) for turn in turns for found in turn.decision.pushed)
    return Trace(pushes=pushes, wall=lambda ms: ms / 1000, call_ms=lambda moment: int(moment * 1000))


def record_by_text(call: ScriptedCall, *, models: tuple[TagModel, TagModel], settings: Settings) -> dict[str, Value]:
    """The record that the tagger fills from the exact text; ``models``: issue type, sentiment. Blocking."""
    tagger = CallTagger(
        issue=models[0],
        sentiment=models[1],
        fill_threshold=settings.tagging.fill_threshold,
        started_at=call.started_at,
    )
    record: dict[str, Value] = {}
    for heard in utterances(call):
        _fill(record, tagger.observe(heard))
    _fill(record, tagger.finish())
    return record


def _fill(record: dict[str, Value], suggestions: Iterable[TagSuggestion]) -> None:
    for found in suggestions:
        if not found.fills:
            continue
        if found.field == "tags":
            held = record.get("tags")
            record["tags"] = tuple(dict.fromkeys((*(held if isinstance(held, tuple) else ()), str(found.value))))
        else:
            record[found.field] = found.value


def _push(suggestion: Suggestion, heard: Utterance, settings: Settings) -> Push:
    return Push(
        card_id=suggestion.card.id,
        rank=suggestion.rank,
        at=heard.end_ms / 1000,
        at_ms=heard.end_ms,
        expires_at_ms=heard.end_ms + int(settings.knowledge.expiry_s * 1000),
        evidence=Segment(channel=heard.channel, start_ms=heard.start_ms, end_ms=heard.end_ms),
    )
