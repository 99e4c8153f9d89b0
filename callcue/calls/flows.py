"""The flows of the calls: what agents do at their desks and what customers say, written as FlowUpdated events.

The events are the state: a call that nobody has in memory, after a restart or when it is over, is folded from the log.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from weakref import WeakValueDictionary

import numpy as np

from callcue.calls.patience import append_patiently
from callcue.core.cards import Card, Step
from callcue.core.errors import BadInput, CallCueError, Conflict, NotFound
from callcue.core.events import CardPush, FlowUpdated
from callcue.core.flows import AnswerEvidence, FlowAction
from callcue.core.ports import Clock, Embedder
from callcue.core.speech import Channel, Utterance
from callcue.infra.cards import CardStore
from callcue.infra.event_log import EventLog
from nlu.answers import SURE, AnswerMatch, by_meaning, phrasings
from nlu.flow_follow import Listener
from nlu.flow_state import CallFlows, FlowRun, back_to, step_of, target

StepAction = Literal["answer", "back", "take_up"]
"""What an agent does with a flow: answer a step (or tick it off), go back, or go on with it after another one."""
CALLER = "caller"
KEPT = 256
"""Flow cards whose steps are remembered, by version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRequest:
    """What an agent does, from any door."""

    call_id: str
    card_id: str
    action: StepAction
    by: str
    step: str | None = None
    """The step that is answered, or gone back to; None: the current one, or the one answered last."""
    answer: str = ""


class FlowKeeper:
    """The one writer of flows; a lock per call keeps their moves in order."""

    def __init__(self, *, log: EventLog, cards: CardStore, clock: Clock, embedder: Embedder | None = None) -> None:
        self._log = log
        self._cards = cards
        self._clock = clock
        self._embedder = embedder
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._live: dict[str, CallFlows] = {}
        self._held: OrderedDict[tuple[str, int], tuple[Step, ...]] = OrderedDict()

    def follow(self, call_id: str, channels: tuple[Channel, ...]) -> "FlowFollower":
        """Keep a call's flows in memory and let what is said move them, until ``forget``."""
        self._live[call_id] = CallFlows()
        return FlowFollower(self, call_id, Listener(channels))

    def forget(self, call_id: str) -> None:
        """The call is over; its flows are read from the log from now on."""
        self._live.pop(call_id, None)

    async def flows(self, call_id: str) -> CallFlows:
        """Where the call's flows stand."""
        held = self._live.get(call_id)
        if held is not None:
            return held
        found = CallFlows()
        for event in await self._log.read_type(call_id, "FlowUpdated"):
            if isinstance(event, FlowUpdated):
                found.apply(event)
        return found

    async def started(self, call_id: str, card: Card, at_ms: int) -> None:
        """A flow card was pushed: it begins, or goes on where it was."""
        if card.kind != "flow" or not card.steps:
            return
        async with self._lock(call_id):
            flows = await self.flows(call_id)
            run = flows.runs.get(card.id)
            if run is not None and run is flows.active:
                return
            again = run is not None and not run.over
            version = run.card_version if run is not None and again else card.version
            step = run.current if run is not None and again else card.steps[0].id
            action: FlowAction = "resumed" if again else "started"
            event = _event(call_id, card.id, version, action, at_ms, step=step, to=step, by=CALLER)
            await self._write(flows, event, patient=True)

    async def step(self, request: StepRequest, at_ms: int | None = None) -> FlowUpdated:
        """What an agent did, written. What speech moved is overruled by it, never the other way round.

        ``at_ms`` is the call time reached; None for a call that is over.

        Raises NotFound (no such flow in this call), Conflict (not at that step), BadInput (no such answer).
        """
        async with self._lock(request.call_id):
            flows = await self.flows(request.call_id)
            run = flows.runs.get(request.card_id) or await self._begun_by_push(request)
            steps = await self._steps(run)
            if at_ms is None:
                at_ms = await self._log.last_at_ms(request.call_id)
            return await self._write(flows, _requested(request, run, steps, at_ms))

    async def heard(self, call_id: str, listener: Listener, utterance: Utterance, at_ms: int) -> FlowUpdated | None:
        """Let an utterance of the customer move the active flow, or suggest an answer."""
        async with self._lock(call_id):
            flows = await self.flows(call_id)
            run = flows.active
            step = None if run is None else step_of(await self._steps(run), run.current)
            if run is None or step is None or not step.next:
                return None
            heard = listener.caller(utterance, run, step)
            match = heard.match
            if heard.compare:
                match = await self._by_meaning(utterance, step)
            if match is None or _known(run, match):
                return None
            written = await self._write(flows, _spoken(run, step, match, utterance, at_ms), patient=True)
            if written.action == "answered":
                listener.moved(written.card_id, written.seq, utterance.end_ms)
            return written

    async def _begun_by_push(self, request: StepRequest) -> FlowRun:
        """A flow whose push was written but not its beginning, as after a crash between the two."""
        pushes = await self._log.read_type(request.call_id, "CardPush")
        for push in reversed(pushes):
            if isinstance(push, CardPush) and push.card_id == request.card_id:
                card = await self._cards.get(push.card_id, push.card_version)
                if card.kind != "flow" or not card.steps:
                    raise BadInput(f"card {request.card_id!r} is no flow; it has no steps to go through")
                return FlowRun(card_id=card.id, card_version=card.version, current=card.steps[0].id)
        raise NotFound(f"flow {request.card_id!r} was not shown in this call; a flow begins when its card is pushed")

    async def _steps(self, run: FlowRun) -> tuple[Step, ...]:
        """The steps of the version that the flow began with, whatever an editor has changed since."""
        key = (run.card_id, run.card_version)
        if key not in self._held:
            self._held[key] = (await self._cards.get(*key)).steps
            if len(self._held) > KEPT:
                self._held.popitem(last=False)
        self._held.move_to_end(key)
        return self._held[key]

    async def _by_meaning(self, utterance: Utterance, step: Step) -> AnswerMatch | None:
        if self._embedder is None:
            return None
        try:
            likeness = await asyncio.to_thread(_likeness, self._embedder, utterance.text, phrasings(step))
        except CallCueError:
            return None  # a suggestion is not worth an error
        return by_meaning(utterance.text, step, likeness)

    async def _write(self, flows: CallFlows, event: FlowUpdated, *, patient: bool = False) -> FlowUpdated:
        writing = append_patiently(self._log, self._clock, event) if patient else self._log.append(event)
        (written,) = await writing
        assert isinstance(written, FlowUpdated)  # noqa: S101 - narrows the type; append returns what it was given
        flows.apply(written)
        return written

    def _lock(self, call_id: str) -> asyncio.Lock:
        return self._locks.setdefault(call_id, asyncio.Lock())


class FlowFollower:
    """One live call's door to its flows."""

    def __init__(self, keeper: FlowKeeper, call_id: str, listener: Listener) -> None:
        self._keeper = keeper
        self._call_id = call_id
        self._listener = listener

    async def heard(self, utterance: Utterance, at_ms: int) -> None:
        """A final of either side. What the agent says moves nothing."""
        if utterance.channel == "agent":
            self._listener.agent(utterance)
        else:
            await self._keeper.heard(self._call_id, self._listener, utterance, at_ms)

    async def pushed(self, card: Card, at_ms: int) -> None:
        """A card was pushed."""
        await self._keeper.started(self._call_id, card, at_ms)

    def close(self) -> None:
        """The call is over."""
        self._keeper.forget(self._call_id)


def _requested(request: StepRequest, run: FlowRun, steps: Sequence[Step], at_ms: int) -> FlowUpdated:
    action: FlowAction = "answered"
    step, to, answer = run.current, run.current, ""
    if request.action == "back":
        action, to = "went_back", back_to(run, request.step)
    elif request.action == "take_up":
        if run.over:
            raise Conflict("this flow is over; go back to one of its steps to take it up again")
        action = "resumed"
    else:
        step, answer = request.step or run.current, request.answer
        to = target(run, steps, step, answer)
    return _event(
        request.call_id, run.card_id, run.card_version, action, at_ms, step=step, to=to, by=request.by, answer=answer
    )


def _spoken(run: FlowRun, step: Step, match: AnswerMatch, utterance: Utterance, at_ms: int) -> FlowUpdated:
    evidence = AnswerEvidence(
        segment_id=utterance.segment_id,
        start=match.start,
        end=match.end,
        heard=utterance.text[match.start : match.end],
        clue=match.clue,
    )
    return FlowUpdated(
        call_id=utterance.call_id,
        at_ms=at_ms,
        card_id=run.card_id,
        card_version=run.card_version,
        action="answered" if match.confidence >= SURE else "suggested",
        step=step.id,
        answer=match.answer,
        to=step.next[match.answer],
        source="speech",
        by=CALLER,
        confidence=match.confidence,
        evidence=evidence,
    )


def _known(run: FlowRun, match: AnswerMatch) -> bool:
    """Whether this very suggestion stands there already, as sure as this."""
    held = run.proposed
    return (
        match.confidence < SURE
        and held is not None
        and held.answer == match.answer
        and held.confidence >= match.confidence
    )


def _event(
    call_id: str,
    card_id: str,
    version: int,
    action: FlowAction,
    at_ms: int,
    *,
    step: str,
    to: str,
    by: str,
    answer: str = "",
) -> FlowUpdated:
    return FlowUpdated(
        call_id=call_id,
        at_ms=at_ms,
        card_id=card_id,
        card_version=version,
        action=action,
        step=step,
        answer=answer,
        to=to,
        source="speech" if by == CALLER and action in ("started", "resumed") else "person",
        by=by,
    )


def _likeness(embedder: Embedder, text: str, options: Sequence[str]) -> list[float]:
    """Cosines of the text with each option. Blocking."""
    found = embedder.embed([text, *options], role="query")
    rows = np.frombuffer(found.data, dtype="<f4").reshape(found.rows, found.dims)
    return [float(cosine) for cosine in rows[1:] @ rows[0]]
