"""Stand-ins for what lies below the edge: calls without recognition, an index without vectors."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from callcue.calls.acks import acknowledge
from callcue.calls.flows import FlowKeeper, StepRequest
from callcue.calls.intake import Packet
from callcue.calls.session import EndReason
from callcue.calls.start import StartCall
from callcue.calls.summaries import Summaries
from callcue.core.cards import Card, CardHit, CardQuery
from callcue.core.clock import SystemClock
from callcue.core.customers import CustomerProfile
from callcue.core.errors import CallCueError, Conflict, NotFound
from callcue.core.events import AckAction, CallEnded, CallStarted, CardAck, CustomerKnown, FlowUpdated, SummaryWritten
from callcue.core.ids import new_id
from callcue.core.summaries import Moment
from callcue.infra.cards import CardStore
from callcue.infra.event_log import EventLog
from kb_index.filters import CardFilter


@dataclass
class FakeSession:
    """Keeps the audio that it was given."""

    call_id: str
    request: StartCall
    heard: bytearray = field(default_factory=bytearray)
    packets: list[Packet] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    dropped: int = 0
    end_reason: str | None = None
    end_detail: str = ""
    fails: Exception | None = None
    """Raised when audio comes."""

    @property
    def received_ms(self) -> int:
        width = 2 if self.request.encoding == "pcm_s16le" else 1
        return len(self.heard) // width // len(self.request.channels) * 1000 // self.request.sample_rate


@dataclass
class FakeLink:
    """One connection to a FakeSession."""

    session: FakeSession
    log: EventLog

    @property
    def call_id(self) -> str:
        return self.session.call_id

    @property
    def received_ms(self) -> int:
        return self.session.received_ms

    @property
    def resume_ms(self) -> int:
        return self.session.received_ms

    async def audio(self, data: bytes | Packet) -> None:
        if self.session.fails is not None:
            raise self.session.fails
        if self.session.ended.is_set():
            raise Conflict("the call is over")
        if isinstance(data, Packet):
            self.session.packets.append(data)
        else:
            self.session.heard += data

    async def hangup(self, reason: EndReason = "hangup", detail: str = "") -> None:
        if self.session.end_reason is None:
            self.session.end_reason = reason
            self.session.end_detail = detail
            at = self.received_ms
            await self.log.append(
                CallEnded(call_id=self.call_id, at_ms=at, reason=reason, duration_ms=at, detail=detail)
            )
            self.session.ended.set()

    async def drop(self) -> None:
        self.session.dropped += 1


class FakeManager:
    """Opens FakeSessions and writes their CallStarted and CallEnded to a real log."""

    def __init__(self, log: EventLog, cards: CardStore) -> None:
        self.log = log
        self.flows = FlowKeeper(log=log, cards=cards, clock=SystemClock())
        self.summaries: Summaries | None = None
        self.asked_for: list[tuple[str, str, str]] = []
        self.sessions: dict[str, FakeSession] = {}
        self.open_gate = asyncio.Event()
        """Calls are opened only while it is set."""
        self.open_gate.set()
        self.resumed_at: list[int | None] = []
        self.linked: list[tuple[str, str]] = []
        self.refuses: CallCueError | None = None
        self.fails: Exception | None = None

    async def start(self, request: StartCall) -> FakeLink:
        request.check()
        if self.refuses is not None:
            raise self.refuses
        await self.open_gate.wait()
        call_id = request.call_id or new_id("call")
        if call_id in self.sessions:
            raise Conflict(f"call {call_id!r} is live already")
        await self.log.append(started(call_id, request.agent_id))
        self.sessions[call_id] = FakeSession(call_id=call_id, request=request, fails=self.fails)
        return FakeLink(self.sessions[call_id], self.log)

    async def resume(self, call_id: str, from_ms: int | None = None) -> FakeLink:
        self.resumed_at.append(from_ms)
        session = self.sessions.get(call_id)
        if session is None:
            raise NotFound("not live")
        return FakeLink(session, self.log)

    async def link_customer(self, call_id: str, customer_id: str) -> None:
        self.linked.append((call_id, customer_id))

    def live_calls(self) -> list[FakeSession]:
        return [session for session in self.sessions.values() if not session.ended.is_set()]

    async def flow_step(self, request: StepRequest) -> FlowUpdated:
        return await self.flows.step(request, None)

    async def sum_up(self, call_id: str, moment: Moment, *, by: str, to: str | None = None) -> SummaryWritten:
        assert self.summaries is not None
        return await self.summaries.make(call_id, moment, by=by, to=to)

    async def show_card(self, *, call_id: str, card_id: str, by: str) -> None:
        self.asked_for.append((call_id, card_id, by))

    async def know_customer(self, call_id: str, profile: CustomerProfile, *, by: str) -> CustomerProfile:
        checked = profile.checked(date(2026, 11, 23))
        await self.log.append(CustomerKnown(call_id=call_id, at_ms=0, profile=checked, by=by))
        return checked

    async def acknowledge(self, *, call_id: str, push_seq: int, action: AckAction, by: str, note: str = "") -> CardAck:
        return await acknowledge(self.log, call_id=call_id, push_seq=push_seq, action=action, by=by, note=note)


class FakeIndex:
    """Finds cards whose title holds the query's text, by the filters of the real index."""

    def __init__(self) -> None:
        self.generation = 0
        self._cards: list[Card] = []

    async def rebuild(self, cards: Iterable[Card], number: int | None = None) -> int:
        self._cards = list(cards)
        self.generation = self.generation + 1 if number is None else number
        return self.generation

    async def search(self, query: CardQuery) -> list[CardHit]:
        mask = CardFilter(self._cards).admitted(query)
        admitted = self._cards if mask is None else [c for c, fine in zip(self._cards, mask, strict=True) if fine]
        found = [card for card in admitted if query.text and query.text in card.title]
        return [
            CardHit(card=card, score=0.9, dense=0.8, lexical=1.5, matched=card.title, fused=2.0)
            for card in found[: query.top_k]
        ]


def started(call_id: str, agent_id: str | None = "a1") -> CallStarted:
    """The first event of a call."""
    return CallStarted(
        call_id=call_id,
        at_ms=0,
        channels=("caller", "agent"),
        agent_id=agent_id,
        caller="13800138000",
        language="zh",
        source="test",
        sample_rate=8000,
        encoding="pcm_s16le",
        started_at="2026-11-23T10:00:00+08:00",
    )
