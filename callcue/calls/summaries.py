"""The summaries of calls: read from the event log, made, and written back as SummaryWritten events.

The one at a call's end also goes into the record, as a finding like any other: what a person has written there stays.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar
from weakref import WeakValueDictionary

from callcue.calls.flows import FlowKeeper
from callcue.calls.identifying import identifying
from callcue.calls.patience import append_patiently
from callcue.calls.records import RecordKeeper
from callcue.calls.summary_writing import Asked, SummaryWriter
from callcue.core.customers import CustomerProfile
from callcue.core.errors import NotFound
from callcue.core.events import (
    AnyEvent,
    CallStarted,
    CardAck,
    CardPush,
    CustomerKnown,
    FinalTranscript,
    SummaryWritten,
)
from callcue.core.field_values import MAX_TEXT
from callcue.core.ports import Clock, Embedder
from callcue.core.record_schema import RecordSchema
from callcue.core.records import CallRecord, TagSuggestion
from callcue.core.speech import Language, Utterance
from callcue.core.summaries import SYSTEM, Moment, Summary, written_out
from callcue.infra.cards import CardStore
from callcue.infra.event_log import EventLog
from tagger.summary import Known, TriedStep, summarise
from tagger.summary_select import Hints

_SURE = {"extractive": 0.8, "endpoint": 0.7}
"""Assumed, not measured: a summary has no truth that it could be calibrated against."""
_USED = {"used": 1.0, "pinned": 1.0, "dismissed": 0.0, "wrong": 0.0}
_SHOWN = 0.5
_MOST_EVIDENCE = 20
_E = TypeVar("_E", bound=AnyEvent)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """What is read of a call."""

    started: CallStarted
    heard: Sequence[Utterance]
    language: Language
    record: CallRecord
    schema: RecordSchema
    customer: CustomerProfile
    known: Known


class Summaries:
    """Makes, writes and finds summaries; one lock per call keeps versions in order."""

    def __init__(
        self,
        *,
        log: EventLog,
        records: RecordKeeper,
        flows: FlowKeeper,
        cards: CardStore,
        clock: Clock,
        embedder: Embedder | None = None,
        writer: SummaryWriter | None = None,
    ) -> None:
        """``writer``: asks a language model; None: summaries are in the call's own words."""
        self._log = log
        self._records = records
        self._flows = flows
        self._cards = cards
        self._clock = clock
        self._embedder = embedder
        self._writer = writer
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def make(
        self, call_id: str, moment: Moment, *, by: str, to: str | None = None, at_ms: int | None = None
    ) -> SummaryWritten:
        """Sum the call up as far as it was heard, and write that. ``at_ms``: the call time reached; None: the log's.

        Raises NotFound for an unknown call.
        """
        call = await self._read(call_id)
        made = await self._made(call, moment, ask=True)
        if at_ms is None:
            at_ms = await self._log.last_at_ms(call_id)
        return await self._write(call_id, made, at_ms, by=by, to=to)

    async def finish(self, call_id: str, at_ms: int, *, ask: bool = True) -> None:
        """The call is over: write its summary and put it into the record. A call in which nothing was said has none.

        ``ask``: whether a language model may be asked, where there is one.
        """
        call = await self._read(call_id)
        if not call.heard:
            return
        made = await self._made(call, "end", ask=ask)
        written = await self._write(call_id, made, at_ms, by=SYSTEM, to=None)
        shown = dict.fromkeys(one for part in written.parts for sentence in part.sentences for one in sentence.segments)
        finding = TagSuggestion(
            field="summary",
            value=written_out(written.parts, call.language)[:MAX_TEXT],
            probability=_SURE[written.method],
            evidence=tuple(shown)[:_MOST_EVIDENCE],
            model=written.model,
            source="rule" if written.method == "extractive" else "model",
        )
        await self._records.suggest(call_id, [finding], at_ms)

    async def newest(self, call_id: str, moment: Moment | None = None) -> SummaryWritten:
        """The newest summary of the call, of a moment where one is named. Raises NotFound."""
        found = [one for one in await self.all(call_id) if moment in (None, one.moment)]
        if not found:
            which = "summary" if moment is None else f"summary of the kind {moment!r}"
            raise NotFound(f"this call has no {which} yet; POST to the same address makes one")
        return found[-1]

    async def all(self, call_id: str) -> list[SummaryWritten]:
        """Every summary, oldest first."""
        return await self._events(call_id, "SummaryWritten", SummaryWritten)

    async def preview(self, call_id: str, moment: Moment) -> tuple[Summary, Language]:
        """What ``make`` would write in the call's own words; nothing is written and nobody is asked."""
        call = await self._read(call_id)
        return await self._made(call, moment, ask=False), call.language

    async def _made(self, call: _Call, moment: Moment, *, ask: bool) -> Summary:
        work = partial(
            summarise,
            call.heard,
            moment=moment,
            started_at=datetime.fromisoformat(call.started.started_at),
            embedder=self._embedder,
            known=call.known,
        )
        own = await asyncio.to_thread(work)
        if self._writer is None or not ask or not call.heard:
            return own
        asked = Asked(
            heard=call.heard,
            language=call.language,
            started_at=datetime.fromisoformat(call.started.started_at),
            known=identifying(call.started.caller, call.record, call.schema, call.customer),
        )
        return await self._writer.write(asked, own)

    async def _write(self, call_id: str, made: Summary, at_ms: int, *, by: str, to: str | None) -> SummaryWritten:
        async with self._locks.setdefault(call_id, asyncio.Lock()):
            before = await self._log.newest(call_id, "SummaryWritten")
            event = SummaryWritten(
                call_id=call_id,
                at_ms=at_ms,
                version=before.version + 1 if isinstance(before, SummaryWritten) else 1,
                moment=made.moment,
                parts=made.parts,
                method=made.method,
                model=made.model,
                by=by,
                to=to,
                note=made.note,
                dropped=dict(made.dropped),
            )
            (written,) = await append_patiently(self._log, self._clock, event)
        assert isinstance(written, SummaryWritten)  # noqa: S101 - narrows the type; append returns what it was given
        return written

    async def _read(self, call_id: str) -> _Call:
        started = await self._log.newest(call_id, "CallStarted")
        if not isinstance(started, CallStarted):
            raise NotFound(f"there is no call {call_id[:128]!r}")
        finals = {f.segment_id: f for f in await self._events(call_id, "FinalTranscript", FinalTranscript)}
        heard = sorted((f.utterance() for f in finals.values() if f.text), key=lambda u: (u.start_ms, u.end_ms))
        record = await self._records.get(call_id)
        known = Known(
            hints=Hints(cards=await self._cards_shown(call_id), matter=_evidence(record, "issue_type", "tags")),
            sentiment=str(record.value("sentiment") or ""),
            sentiment_shown=record.fields["sentiment"].evidence if "sentiment" in record.fields else (),
            steps=await self._steps(call_id),
        )
        told = await self._log.newest(call_id, "CustomerKnown")
        return _Call(
            started=started,
            heard=heard,
            language=_language(started, heard),
            record=record,
            schema=await self._records.schema(),
            customer=told.profile if isinstance(told, CustomerKnown) else CustomerProfile(),
            known=known,
        )

    async def _cards_shown(self, call_id: str) -> dict[str, float]:
        """Segment -> what became of the cards that it brought: the best of them counts."""
        acks = {ack.push_seq: ack.action for ack in await self._events(call_id, "CardAck", CardAck)}
        shown: dict[str, float] = {}
        for push in await self._events(call_id, "CardPush", CardPush):
            if push.reason.segment_id:
                weight = _USED[acks[push.seq]] if push.seq in acks else _SHOWN
                shown[push.reason.segment_id] = max(weight, shown.get(push.reason.segment_id, 0.0))
        return shown

    async def _steps(self, call_id: str) -> tuple[TriedStep, ...]:
        """The steps of flows that were answered or ticked off, in the cards' words."""
        steps = []
        for run in (await self._flows.flows(call_id)).runs.values():
            card = await self._cards.get(run.card_id, run.card_version)
            texts = {step.id: step.text for step in card.steps}
            for taken in run.path:
                text = texts.get(taken.step, taken.step)
                evidence = (taken.evidence.segment_id,) if taken.evidence is not None else ()
                said = f"{text} → {taken.answer}" if taken.answer else text
                steps.append(TriedStep(text=said, segments=evidence, card_id=run.card_id))
        return tuple(steps)

    async def _events(self, call_id: str, kind: str, of: type[_E]) -> list[_E]:
        return [event for event in await self._log.read_type(call_id, kind) if isinstance(event, of)]


def _language(started: CallStarted, heard: Sequence[Utterance]) -> Language:
    """The call's, or where it is open the one that more characters of it are in."""
    if started.language != "auto":
        return started.language
    english = sum(len(u.text) // 3 for u in heard if u.language == "en")
    return "en" if english > sum(len(u.text) for u in heard if u.language == "zh") else "zh"


def _evidence(record: CallRecord, *names: str) -> frozenset[str]:
    return frozenset(one for name in names if name in record.fields for one in record.fields[name].evidence)
