"""What agents corrected, as rows to train on: the words that the model went by, with the value that the person set."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from callcue.core.events import AnyEvent, FinalTranscript, RecordUpdated, TagUpdate
from tagger.aggregate import content_length

Row = dict[str, object]
_OPENING = 2
"""Caller utterances taken where the model showed no evidence: people state their matter first."""
_LEAST_CONTENT = 4
"""Characters of content, as ``content_length`` counts them."""


def corrections(events: Iterable[AnyEvent], field: str) -> Iterator[Row]:
    """Rows out of durable events, those of a call together and in order.

    A correction is a person's value for ``field`` that differs from what a model or a rule had found last. The last
    word of a person counts; a field that a person emptied says nothing. A row has ``text``, the value under ``field``,
    ``wording`` (the call: its rows stay in one fold), ``was`` (what the model had found) and ``source``.
    """
    for call_id, of_call in groupby(events, key=lambda event: event.call_id):
        yield from _of_call(call_id, list(of_call), field)


def _of_call(call_id: str, events: list[AnyEvent], field: str) -> Iterator[Row]:
    said: dict[str, str] = {}
    found: TagUpdate | None = None
    corrected: tuple[str, TagUpdate] | None = None
    for event in events:
        if isinstance(event, FinalTranscript) and event.channel == "caller":
            said[event.segment_id] = event.text
        elif isinstance(event, TagUpdate) and event.field == field and event.source in ("model", "rule"):
            found = event
        elif isinstance(event, RecordUpdated):
            for change in event.changes:
                if change.field == field and change.new is not None and change.new.source == "person":
                    value = change.new.value
                    corrected = (value, found) if isinstance(value, str) and found is not None else None
    if corrected is None or corrected[0] == corrected[1].value:
        return
    value, wrong = corrected
    texts = [said[segment] for segment in wrong.evidence if segment in said]
    telling = [text for text in (texts or list(said.values())) if content_length(text) >= _LEAST_CONTENT]
    for text in telling if texts else telling[:_OPENING]:
        yield {"text": text, field: value, "wording": f"call {call_id}", "was": wrong.value, "source": "correction"}
