"""Which language a channel speaks, decided on evidence and then kept.

Whisper's detector is unsure on short utterances; flipping per utterance turns names into nonsense. So the evidence of
all finals is added up as log-odds of zh against en, an utterance counting by its length. What has been added up
is handed to the engine with the next window as its prior: an utterance that could be either is decoded in the channel's
language, one that is clearly the other (a bilingual speaker's sentence) in its own.

The sum is bounded, so that no channel is decided for ever: a caller who begins with "hello" and goes on in Mandarin, or
hands the phone to somebody else, is followed once the other language has been spoken for long enough. That takes
longer the longer the first one was spoken, and never one sentence.
"""

import math

from callcue.core.speech import Hypothesis, Language, LanguageChoice

SETTLED_LOG_ODDS = 4.0
"""About 98 to 2. From here the language counts as settled, until the sum is as far on the other side."""
MIN_EVIDENCE_MS = 2500
"""Speech without which nothing is settled."""
FULL_WEIGHT_MS = 3000
"""Shorter utterances count in proportion."""
MAX_LOG_ODDS = 20.0
"""Bound of the sum: eight clear utterances of full weight turn it round to the other side's ``SETTLED_LOG_ODDS``."""
MAX_STEP = 3.0
"""What one utterance counts at most; the detector is surer of itself than it is right."""
MAX_PRIOR = 5.0
"""For an utterance of full weight: a detector surer than 0.993 is believed against everything heard before. Its worst
mistake on 3 s or more of telephone speech had log-odds of 3, on shorter ones of 5 [measured, 138 utterances]."""


class LanguageBelief:
    """The language of one channel: given, or found from finals."""

    def __init__(self, choice: LanguageChoice) -> None:
        self._given: Language | None = None if choice == "auto" else choice
        self._settled = self._given
        self._log_odds = 0.0  # of zh against en
        self._evidence_ms = 0

    @property
    def given(self) -> Language | None:
        """The language that the call named; None: it is to be found out."""
        return self._given

    @property
    def settled(self) -> Language | None:
        """The channel's language, where that is known."""
        return self._settled

    @property
    def likely(self) -> Language:
        """The best guess now, settled or not."""
        return self._settled or ("en" if self._log_odds < 0 else "zh")

    def prior(self, duration_ms: int) -> float:
        """What to add to the detector's log-odds (of zh against en) for an utterance of so many milliseconds. The
        shorter it is, the less its own sound counts against what was heard before."""
        if self._given is not None:
            return 0.0
        known = max(-MAX_PRIOR, min(MAX_PRIOR, self._log_odds))
        return known / max(_weight(duration_ms), 0.1)

    def observe(self, hypothesis: Hypothesis, duration_ms: int) -> None:
        """Take the verdict on one final. Rejected and empty ones say nothing, and neither do those that took a second
        try: they looked wrong, and the second try was told its language."""
        if self._given is not None or hypothesis.rejected or not hypothesis.text or hypothesis.fallback:
            return
        p = min(max(hypothesis.language_probability, 0.01), 0.99)
        step = max(-MAX_STEP, min(MAX_STEP, math.log(p / (1 - p)))) * _weight(duration_ms)
        self._log_odds += step if hypothesis.language == "zh" else -step
        self._log_odds = max(-MAX_LOG_ODDS, min(MAX_LOG_ODDS, self._log_odds))
        self._evidence_ms += duration_ms
        if abs(self._log_odds) >= SETTLED_LOG_ODDS and self._evidence_ms >= MIN_EVIDENCE_MS:
            self._settled = "zh" if self._log_odds > 0 else "en"


def _weight(duration_ms: int) -> float:
    """0..1."""
    return min(1.0, max(0, duration_ms) / FULL_WEIGHT_MS)
