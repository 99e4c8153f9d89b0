"""Follows a flow by what is said: the customer's answers move it, the agent's words only tell what was asked."""

from dataclasses import dataclass, replace

from callcue.core.cards import Step
from callcue.core.speech import Channel, Utterance
from nlu.answers import SURE, WORTH_SAYING, AnswerMatch, match_answer, may_mean
from nlu.flow_state import FlowRun

DOING_MS = 8_000
"""On a call of which only the customer is heard: time in which the agent asks and the customer tries. Before that an
answer is rather one to the step before."""
SLACK_MS = 500
"""People answer before a question has quite ended."""
_JUST_BELOW = SURE - 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What an utterance says to the current step."""

    match: AnswerMatch | None
    """None: nothing worth saying, so far."""
    compare: bool
    """It is worth comparing in meaning."""


class Listener:
    """One call's memory of whose turn it is and what the agent asked last."""

    def __init__(self, channels: tuple[Channel, ...]) -> None:
        self._agent_heard = "agent" in channels
        self._turn: list[str] = []
        self._agent_ms = -1
        self._agent_turn = False
        self._moved: tuple[str, int, int] = ("", 0, 0)

    def moved(self, card_id: str, seq: int, end_ms: int) -> None:
        """The customer's words, which ended at ``end_ms``, moved a flow: event ``seq``. That the event was written
        later is no reason to think that the agent's next question came before it."""
        self._moved = (card_id, seq, end_ms)

    def agent(self, utterance: Utterance) -> None:
        """The agent said something: it belongs to the same turn until the customer speaks."""
        if not self._agent_turn:
            self._turn.clear()
        self._agent_turn = True
        self._turn.append(utterance.text)
        self._agent_ms = utterance.end_ms

    def caller(self, utterance: Utterance, run: FlowRun, step: Step) -> Heard:
        """The customer said something. Below ``SURE`` what comes back is only a suggestion."""
        self._agent_turn = False
        asked, ready = self._context(utterance, run)
        match = match_answer(utterance.text, utterance.language, step, asked=asked)
        if match is not None and (run.held or not ready):
            match = replace(match, confidence=min(match.confidence, _JUST_BELOW))
        if match is not None and match.confidence < WORTH_SAYING:
            match = None
        compare = match is None and ready and may_mean(utterance.text, utterance.language)
        return Heard(match=match, compare=compare)

    def _context(self, utterance: Utterance, run: FlowRun) -> tuple[str | None, bool]:
        """What the agent asked, and whether the customer can know of the step that is current."""
        card_id, seq, end_ms = self._moved
        since_ms = end_ms if (card_id, seq) == (run.card_id, run.touched) else run.since_ms
        if not self._agent_heard:
            return None, utterance.start_ms - since_ms >= DOING_MS
        ready = self._agent_ms >= since_ms and utterance.start_ms >= since_ms - SLACK_MS
        return (" ".join(self._turn) if ready else ""), ready
