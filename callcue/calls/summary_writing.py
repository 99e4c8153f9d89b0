"""Summaries by a language model: what it is sent (masked), what it answers (checked), and why it was not used."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from callcue.core.errors import EndpointFailed
from callcue.core.speech import Language, Utterance
from callcue.core.summaries import Moment, Part, Summary, SummaryPart, SummarySentence
from callcue.infra.chat_endpoint import ChatEndpoint
from callcue.infra.redaction import Said, redact
from tagger.deadlines import deadline
from tagger.summary_check import Checked, Written, check
from tagger.summary_prompt import Line, PromptTemplate, shortened

CHARACTERS = {"zh": 200, "en": 600}
"""How long a model is asked to be."""
_MODEL_PARTS: tuple[Part, ...] = ("wanted", "done", "promised", "next", "tried", "open")
"""The mood is the record's, also where a model writes the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a summary is to be made of."""

    heard: Sequence[Utterance]
    """In the order in which it was said."""
    language: Language
    started_at: datetime
    known: Sequence[str]
    """Values of the record that must not be sent."""


class SummaryWriter:
    """Asks an endpoint; whatever goes wrong, the summary in the call's own words stands in, with a note."""

    def __init__(self, endpoint: ChatEndpoint, template: PromptTemplate) -> None:
        self._endpoint = endpoint
        self._template = template

    async def write(self, asked: Asked, own: Summary) -> Summary:
        """``own`` in the model's words, or ``own`` with a note that says why not."""
        parts = [part.part for part in own.parts if part.part in _MODEL_PARTS]
        masked = redact([Said(channel=u.channel, text=u.text) for u in asked.heard], asked.known, asked.language)
        lines = shortened(
            [
                Line(number=n, channel=u.channel, text=t)
                for n, (u, t) in enumerate(zip(asked.heard, masked, strict=True), 1)
            ]
        )
        prompt = self._template.filled(
            lines,
            parts=parts,
            language=asked.language,
            moment=own.moment,
            characters=CHARACTERS[asked.language],
        )
        try:
            answer = await self._endpoint.complete(prompt)
        except EndpointFailed as error:
            return replace(own, note=error.message)
        checked = check(answer, {line.number: line.text for line in lines}, parts, asked.language)
        if checked is None:
            return replace(own, note="the endpoint's answer had not the form that was asked for")
        dropped = MappingProxyType(dict(checked.dropped))
        if not checked.sentences:
            return replace(own, note="nothing that the endpoint wrote is borne out by the call", dropped=dropped)
        made = tuple(_part(part, checked, asked, own.moment) for part in own.parts)
        return Summary(moment=own.moment, parts=made, method="endpoint", model=self._endpoint.model, dropped=dropped)


def _part(own: SummaryPart, checked: Checked, asked: Asked, moment: Moment) -> SummaryPart:
    if own.part not in _MODEL_PARTS:
        return own
    written = tuple(_sentence(found, asked) for found in checked.sentences if found.part == own.part)
    if own.part == "tried":  # the steps that were ticked off are facts of the log
        written = (*(one for one in own.sentences if one.card_id is not None), *written)
    if written:
        return SummaryPart(part=own.part, sentences=written)
    promised = any(found.part == "promised" for found in checked.sentences)
    return SummaryPart(part=own.part, missing="as_promised" if own.part == "next" and promised else "not_said")


def _sentence(found: Written, asked: Asked) -> SummarySentence:
    shown = [asked.heard[number - 1] for number in found.numbers]
    due = None
    if found.part in ("promised", "next"):
        due = deadline(found.text, asked.started_at + timedelta(milliseconds=shown[0].end_ms))
    return SummarySentence(
        text=found.text,
        segments=tuple(u.segment_id for u in shown),
        by=shown[0].channel,
        due=due.value if due else None,
        due_words=found.text[due.start : due.end] if due else "",
    )
