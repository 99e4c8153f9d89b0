"""Needs of callers that the knowledge base did not meet, and the topics that they make up."""

from dataclasses import dataclass
from typing import Literal

from callcue.core.speech import Language

WhyOpen = Literal["nothing", "low", "wrong", "dismissed"]
"""``nothing``: the search found no card at all; ``low``: none was good enough to be shown; ``wrong``, ``dismissed``:
the agent said so of the card that was shown."""

TopicState = Literal["open", "drafted", "answered", "declined"]
"""``open``: nobody has written a card yet; ``drafted``: a card is being written; the other two are closed."""

Verdict = Literal["correct", "outdated", "wrong", "unclear"]
"""What an auditor finds about a card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmetNeed:
    """Something a caller asked for in one call that brought no card."""

    segment_id: str
    """Of the newest fragment of the utterance."""
    text: str
    """What was looked up."""
    language: Language
    card_id: str | None
    """The best card that was found, though not good enough; None: there was none."""
    score: float | None
    """Its calibrated score, 0..1."""

    @property
    def why(self) -> WhyOpen:
        """Why no card was shown."""
        return "nothing" if self.card_id is None else "low"
