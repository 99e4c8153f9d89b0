"""What a troubleshooting flow records while a call runs: one move after another, from which its state is folded."""

from dataclasses import dataclass
from typing import Literal

END = "end"
"""What a step's ``next`` and a move's ``to`` say where the flow is over."""

FlowAction = Literal["started", "resumed", "answered", "suggested", "went_back"]
"""``suggested`` moves nothing: it only says what the customer may have meant. ``resumed``: the flow is taken up again
where it was, after another one or an interruption."""
FlowMover = Literal["speech", "person"]
"""Who moved: what the customer was heard to say, or somebody at a desk."""
AnswerClue = Literal["text", "sound", "yes_no", "number", "meaning"]
"""How an answer was recognised: its characters, its sound, a plain yes or no to the question, a quantity, or nearness
in meaning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerEvidence:
    """The words that made a flow move, or that suggest it."""

    segment_id: str
    start: int
    end: int
    """Offsets in characters into the segment's normalised text."""
    heard: str
    """The words themselves."""
    clue: AnswerClue
