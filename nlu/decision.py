"""What was decided about one utterance, card by card: for the push, for an explanation, for a test of the cards."""

from dataclasses import dataclass
from typing import Literal

from callcue.core.cards import PushReason, Suggestion
from callcue.core.speech import Channel
from nlu.context import Situation
from nlu.merge import Candidate
from nlu.triggers import TriggerHit

Verdict = Literal[
    "pushed",
    "below the threshold",
    "phrase without support",
    "only the caller is searched for",
    "negative phrase",
    "said to be done or not needed",
    "not for this call",
    "not wanted by the agent",
    "shown for this segment",
    "shown often enough",
    "cooling down",
    "others are better",
    "no room in this minute",
]
"""Why a candidate was shown or held back; the first reason that holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A candidate and what became of it."""

    candidate: Candidate
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Everything about one utterance."""

    text: str
    """What phrases were looked for in: the utterance, after what it goes on from."""
    triggers: tuple[TriggerHit, ...]
    """The phrases of the utterance, in text order."""
    query: str
    """What was looked up; empty: nothing."""
    hints: tuple[str, ...]
    """What was looked up beside it."""
    situation: Situation | None
    """None for the agent."""
    judged: tuple[Judged, ...]
    """Best first."""
    pushed: tuple[Suggestion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What was looked at, for the reasons."""

    segment_id: str
    channel: Channel
    text: str
    offset: int
    """Where the segment begins in ``text``."""
    at_ms: int
    query: str = ""
    span: tuple[int, int] = (0, 0)
    """The need, in the segment."""


def reason(candidate: Candidate, heard: Heard) -> PushReason:
    """What an agent or an auditor is told about a push."""
    trigger = candidate.trigger
    if trigger is not None:
        return PushReason(
            kind="trigger",
            matched=trigger.phrase,
            query=heard.text,
            segment_id=heard.segment_id,
            channel=heard.channel,
            start=max(0, trigger.start - heard.offset),
            end=trigger.end - heard.offset,
            match=trigger.match,
            feedback=candidate.hit.feedback if candidate.hit else 0.0,
        )
    return PushReason(
        kind="search",
        matched=candidate.hit.matched if candidate.hit else "",
        query=heard.query,
        segment_id=heard.segment_id,
        channel=heard.channel,
        start=heard.span[0],
        end=heard.span[1],
        feedback=candidate.hit.feedback if candidate.hit else 0.0,
    )
