"""Where each flow of a call stands: the fold over its FlowUpdated events, and what may move it next."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from callcue.core.cards import Step
from callcue.core.errors import BadInput, Conflict
from callcue.core.events import FlowUpdated
from callcue.core.flows import END, AnswerEvidence, FlowMover


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One step that was answered."""

    step: str
    answer: str
    """Empty where a step without answers was ticked off."""
    to: str
    source: FlowMover
    by: str
    evidence: AnswerEvidence | None
    seq: int
    """Of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """What the customer may have meant, for the agent to confirm."""

    answer: str
    to: str
    confidence: float
    evidence: AnswerEvidence | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowRun:
    """One flow card in one call."""

    card_id: str
    card_version: int
    current: str
    """The step that is to be answered; ``end`` when the flow is over."""
    path: tuple[Taken, ...] = ()
    """The steps answered so far, in order; what was taken back is not among them."""
    proposed: Proposed | None = None
    held: bool = False
    """Somebody went back to the current step: only a person leaves it again."""
    touched: int = 0
    """``seq`` of its newest move. Of the flows that are not over, the one touched last listens to the customer."""
    since_ms: int = 0
    """Call time at which ``current`` became current."""

    @property
    def over(self) -> bool:
        """Nothing is left to answer."""
        return self.current == END


class CallFlows:
    """Every flow of one call. ``apply`` is the only thing that changes it."""

    def __init__(self) -> None:
        self.runs: dict[str, FlowRun] = {}
        """Card id -> its flow."""

    @property
    def active(self) -> FlowRun | None:
        """The flow that listens to the customer: of those not over, the one touched last."""
        waiting = [run for run in self.runs.values() if not run.over]
        return max(waiting, key=lambda run: run.touched, default=None)

    def apply(self, event: FlowUpdated) -> None:
        """Fold the next event in. Events come in the order of their ``seq``."""
        run = self.runs.get(event.card_id)
        if event.action == "started" or run is None:
            run = FlowRun(card_id=event.card_id, card_version=event.card_version, current=event.step)
        self.runs[event.card_id] = _moved(run, event)


def _moved(run: FlowRun, event: FlowUpdated) -> FlowRun:
    if event.action == "suggested":
        found = Proposed(answer=event.answer, to=event.to, confidence=event.confidence, evidence=event.evidence)
        return replace(run, proposed=found) if event.step == run.current else run
    run = replace(run, touched=event.seq)
    if event.action == "resumed":
        return run
    if event.action == "went_back":
        path = _before(run.path, event.to)
        return replace(run, current=event.to, path=path, proposed=None, held=True, since_ms=event.at_ms)
    run = replace(run, current=event.to, proposed=None, held=False, since_ms=event.at_ms)
    if event.action == "started":
        return replace(run, path=())
    taken = Taken(
        step=event.step,
        answer=event.answer,
        to=event.to,
        source=event.source,
        by=event.by,
        evidence=event.evidence,
        seq=event.seq,
    )
    return replace(run, path=(*_before(run.path, event.step), taken))


def _before(path: tuple[Taken, ...], step: str) -> tuple[Taken, ...]:
    """The path up to the last time that ``step`` was answered, without it; all of it where it was not."""
    for at in range(len(path) - 1, -1, -1):
        if path[at].step == step:
            return path[:at]
    return path


def step_of(steps: Sequence[Step], step_id: str) -> Step | None:
    """The step with this id."""
    return next((step for step in steps if step.id == step_id), None)


def target(run: FlowRun, steps: Sequence[Step], step_id: str, answer: str) -> str:
    """Where ``answer`` at ``step_id`` leads: of the current step, or of one answered before, which takes the flow back.

    Raises Conflict for a step that the flow has not come to, BadInput for an answer that the step does not have.
    """
    if step_id != run.current and all(taken.step != step_id for taken in run.path):
        raise Conflict(
            f"this flow is at step {run.current!r} and has not come to {step_id!r}; answer that one, or go back"
        )
    step = step_of(steps, step_id)
    if step is None:
        raise Conflict(f"the card has no step {step_id!r}: read the flow again")
    if not step.next:
        if answer:
            raise BadInput(f"step {step_id!r} has no answers; tick it off with an empty answer")
        return END
    if answer not in step.next:
        raise BadInput(f"step {step_id!r} has no answer {answer[:40]!r}; it has {', '.join(map(repr, step.next))}")
    return step.next[answer]


def back_to(run: FlowRun, step_id: str | None) -> str:
    """The step to go back to: ``step_id``, or by default the one answered last. Raises Conflict where there is none."""
    if not run.path:
        raise Conflict("this flow is at its first step; there is nothing to take back")
    if step_id is None:
        return run.path[-1].step
    if all(taken.step != step_id for taken in run.path):
        raise Conflict(f"step {step_id!r} has not been answered, so there is no way back to it")
    return step_id
