"""How the speakers feel: per utterance, and what became of it over a call."""

from dataclasses import dataclass
from typing import Literal

from callcue.core.speech import Channel

Course = Literal["rose", "fell", "steady", "unknown"]
"""``unknown``: too little was said to tell."""
Severity = Literal["info", "warning", "critical"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeling:
    """How one utterance was meant."""

    channel: Channel
    segment_id: str
    label: str
    """One of ``SENTIMENTS``."""
    probability: float
    """Of ``label``, 0..1. Calibrated as far as it is from the text; what the voice adds is an assumption."""
    score: float
    """Probability of 正面 less that of 负面: -1..1."""
    arousal: float | None
    """How much louder, higher and faster than this speaker's own before in the call; 0: as before, 1: clearly more.
    None: not measured, or too little was heard before."""
    trend: float
    """The speaker's scores so far, the latest most: -1..1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerFeelings:
    """One speaker over a call."""

    channel: Channel
    utterances: int
    """Those with content; greetings and a bare yes are not counted."""
    positive: int
    negative: int
    begins: float
    """Mean score of the first third: -1..1."""
    ends: float
    """Mean score of the last third."""
    course: Course
    """Whether it rose or fell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPart:
    """What an alert says of one field of the record."""

    field: str
    text: str
    evidence: tuple[str, ...]
    """Segment ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """A reason to tell a supervisor."""

    kind: str
    reason: str
    """For people, in Chinese, with the words that were said."""
    evidence: tuple[str, ...]
    """Segment ids."""
    severity: Severity
