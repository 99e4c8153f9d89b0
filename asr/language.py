"""Which language a channel speaks, decided on evidence and then kept.

Whisper's detector is unsure on short utterances; flipping per utterance turns names into nonsense. So the evidence of
all finals is added up, and once it is clear the language is settled for the rest of the call.
"""

import math

from callcue.core.speech import Hypothesis, Language, LanguageChoice

SETTLED_LOG_ODDS = 4.0
"""About 98 to 2."""
MIN_EVIDENCE_MS = 2500
_MAX_STEP = 3.0


class LanguageBelief:
    """The language of one channel: given, or found from finals."""

    def __init__(self, choice: LanguageChoice) -> None:
        self._settled: Language | None = None if choice == "auto" else choice
        self._log_odds = 0.0  # of zh against en
        self._evidence_ms = 0

    @property
    def settled(self) -> Language | None:
        """The language to decode in; None while the engine has to detect it."""
        return self._settled

    @property
    def likely(self) -> Language:
        """The best guess now, settled or not."""
        return self._settled or ("en" if self._log_odds < 0 else "zh")

    def observe(self, hypothesis: Hypothesis, duration_ms: int) -> None:
        """Take the verdict on one final; rejected and empty ones say nothing."""
        if self._settled is not None or hypothesis.rejected or not hypothesis.text:
            return
        p = min(max(hypothesis.language_probability, 0.01), 0.99)
        step = min(math.log(p / (1 - p)), _MAX_STEP) * min(1.0, duration_ms / 1500)
        self._log_odds += step if hypothesis.language == "zh" else -step
        self._evidence_ms += duration_ms
        if abs(self._log_odds) >= SETTLED_LOG_ODDS and self._evidence_ms >= MIN_EVIDENCE_MS:
            self._settled = "zh" if self._log_odds > 0 else "en"
