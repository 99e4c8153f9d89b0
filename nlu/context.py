"""What went before in the call, as far as it bears on whether the caller now needs a card."""

from dataclasses import dataclass

from callcue.core.cards import Card
from callcue.core.speech import Language, Utterance
from nlu.manner import AgentMove, agent_move, asks, confirms
from nlu.query import find_need

_ANSWER_MS = 8000
"""An agent's question is answered within this or not at all."""
_TOPIC_MS = 60_000
"""For so long a need is what 这个 and 那 may refer to."""
_FLOW_MS = 120_000
"""For so long a flow is what agent and caller are working through."""
_REFERS = ("这个", "那个", "这种", "那种", "这样", "那样", "它", "那要", "那得", "那我", "那么")
_REFERS_EN = ("it", "that", "this", "those", "them", "then")
_SHORT = 10
"""Characters; a question this short leaves out what it is about."""
_SHORT_EN = 5
_FAILED = (
    "还是",
    "没用",
    "不行",
    "试过",
    "试了",
    "没反应",
    "一样",
    "不管用",
    "没好",
    "没变",
    "没有",
    "都没",
    "弄过",
    "做过",
)
_FAILED_EN = ("still", "doesn't", "does not", "didn't", "tried", "nothing", "no luck", "same", "not working")


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """How the newest words of the caller stand in the call."""

    asking: bool
    """A question or a request by its form."""
    answering: bool
    """The direct answer to a particular question of the agent."""
    topic: str
    """The caller's need before this one, where the words seem to refer to it; else empty."""
    confirmed: str
    """What the agent understood and the caller has just confirmed; else empty."""
    after_flow: tuple[str, ...]
    """Where the troubleshooting on the screen ends, when the caller says that a step did not help."""


@dataclass(slots=True)
class _AgentTurn:
    text: str
    move: AgentMove
    end_ms: int


class CallContext:
    """Follows one call. Times are call time."""

    def __init__(self) -> None:
        self._agent: _AgentTurn | None = None
        self._topic = ""
        self._topic_ms = 0
        self._flow: Card | None = None
        self._flow_ms = 0

    def agent_said(self, u: Utterance) -> None:
        """The agent's turn: fragments of one turn are read together, so that a question keeps its effect."""
        last = self._agent
        text = u.text if last is None or u.start_ms - last.end_ms > 1500 else f"{last.text}，{u.text}"
        self._agent = _AgentTurn(text, agent_move(text, u.language), u.end_ms)

    def caller_said(self, u: Utterance, need: str) -> Situation:
        """The caller's turn, with what it needs by itself (empty: nothing)."""
        agent, self._agent = self._agent, None  # only the first words after it are its answer
        fresh = agent is not None and u.start_ms - agent.end_ms <= _ANSWER_MS
        asking = asks(u.text, u.language)
        situation = Situation(
            asking=asking,
            answering=bool(fresh and agent and agent.move == "asks" and not asking),
            topic=self._referred(need, u, asking=asking),
            confirmed=_understood(agent.text, u.language)
            if fresh and agent and agent.move == "paraphrases" and confirms(u.text, u.language)
            else "",
            after_flow=self._beyond_flow(u),
        )
        if need and not situation.topic and not situation.answering:
            self._topic, self._topic_ms = need, u.end_ms
        return situation

    def shown(self, card: Card, at_ms: int) -> None:
        """A card came onto the screen."""
        if card.steps:
            self._flow, self._flow_ms = card, at_ms

    def _referred(self, need: str, u: Utterance, *, asking: bool) -> str:
        if not need or not self._topic or not asking or u.start_ms - self._topic_ms > _TOPIC_MS:
            return ""
        if u.language == "zh":
            refers = any(word in u.text for word in _REFERS) or len(need) <= _SHORT
        else:
            words = need.lower().split()
            refers = any(word in words for word in _REFERS_EN) or len(words) <= _SHORT_EN
        return self._topic if refers else ""

    def _beyond_flow(self, u: Utterance) -> tuple[str, ...]:
        if self._flow is None or u.end_ms - self._flow_ms > _FLOW_MS:
            return ()
        failed = _FAILED if u.language == "zh" else _FAILED_EN
        if not any(word in u.text.lower() for word in failed):
            return ()
        ends = [step.text for step in self._flow.steps if not step.next]
        return tuple(dict.fromkeys(ends))[:3]


def _understood(text: str, language: Language) -> str:
    need = find_need(text, language)
    return need.text if need else ""
