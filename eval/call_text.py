"""The same calls without audio: the turns' exact text goes to the assistant and the tagger, in call time.

What is missing here was not lost by the recogniser.
"""

from collections.abc import Iterable

from callcue.app.build import App, call_config
from callcue.core.cards import Suggestion
from callcue.core.clock import SystemClock
from callcue.core.ports import TagModel
from callcue.core.records import TagSuggestion, Value
from callcue.core.settings import Settings
from callcue.core.speech import Utterance
from eval.call_score import Push, Segment, Trace
from eval.call_set import ScriptedCall
from nlu.assist import CallAssistant
from nlu.normalise import Normaliser
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


async def cards_by_text(app: App, call: ScriptedCall, clock: SystemClock) -> Trace:
    """What the assistant pushes for the exact text, at once at the end of each turn."""
    settings = app.settings
    assistant = CallAssistant(
        config=call_config(settings).assist,
        knowledge=app.services.knowledge.view,
        clock=clock,
        language=call.language,
    )
    pushes: list[Push] = []
    for heard in sorted(utterances(call), key=lambda utterance: utterance.end_ms):
        suggestions = await assistant.on_final(heard)
        pushes.extend(_push(suggestion, heard, settings) for suggestion in suggestions)
    return Trace(pushes=tuple(pushes), wall=lambda ms: ms / 1000, call_ms=lambda moment: int(moment * 1000))


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
