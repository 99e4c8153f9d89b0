"""A real database with calls in it, and a learning loop over it on a clock that a test moves."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from callcue.core.cards import Card, PushReason
from callcue.core.events import AckAction, AnyEvent, CallEnded, CallStarted, CardAck, CardPush
from callcue.core.questions import UnmetNeed
from callcue.infra.bus import InProcessBus
from callcue.infra.card_outcomes import CardOutcomes
from callcue.infra.cards import CardStore
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from callcue.infra.questions import QuestionStore
from callcue.learning.feedback import Evidence
from callcue.learning.loop import LearningLoop, LoopConfig
from callcue.testing import ManualClock
from tests.unit.api.edge import learning_loop

DAY_S = 86_400


@dataclass
class Place:
    """Where calls happen."""

    db: Database
    clock: ManualClock
    log: EventLog
    cards: CardStore
    loop: LearningLoop
    learned: list[Evidence] = field(default_factory=list)
    count: int = 0

    @property
    def questions(self) -> QuestionStore:
        return self.loop.questions

    @property
    def history(self) -> CardOutcomes:
        return self.loop.history

    async def call(
        self,
        *asked: str,
        caller: str | None = None,
        agent: str = "ann",
        shown: str | None = None,
        acks: tuple[AckAction, ...] = (),
        by: str | None = None,
        near: str | None = None,
    ) -> str:
        """A call that ends: what was asked in vain, or with ``shown`` the card that the first text brought."""
        self.count += 1
        call_id = f"c{self.count}"
        events: list[AnyEvent] = [
            CallStarted(
                call_id=call_id, at_ms=0, channels=("caller", "agent"), agent_id=agent, caller=caller, language="zh",
                source="test", sample_rate=8000, encoding="pcm_s16le", started_at=self.clock.now().isoformat(),
            )
        ]  # fmt: skip
        if shown is not None:
            events.append(push(call_id, shown, asked[0]))
        for action in acks:
            events.append(
                CardAck(call_id=call_id, at_ms=2, card_id=str(shown), push_seq=2, action=action, by=by or agent)
            )
        events.append(CallEnded(call_id=call_id, at_ms=3, reason="hangup", duration_ms=3))
        await self.log.append(*events)
        if shown is None:
            await self.questions.add(call_id, [need(text, n, near) for n, text in enumerate(asked)])
        return call_id

    async def days(self, count: float) -> None:
        await self.clock.advance(count * DAY_S)


def need(text: str, number: int = 0, near: str | None = None) -> UnmetNeed:
    score = None if near is None else 0.1
    return UnmetNeed(segment_id=f"s{number}", text=text, language="zh", card_id=near, score=score)


def push(call_id: str, card_id: str, query: str) -> CardPush:
    reason = PushReason(
        kind="search", matched="…", query=query, segment_id="s0", channel="caller", start=0, end=len(query)
    )
    return CardPush(
        call_id=call_id, at_ms=1, card_id=card_id, card_version=1, title="…", rank=1, score=0.6, reason=reason,
        expires_at_ms=9,
    )  # fmt: skip


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    db = Database(f"sqlite:///{tmp_path / 'callcue.sqlite3'}")
    await db.migrate()
    clock = ManualClock()
    loop = learning_loop(db, clock)
    made = Place(db=db, clock=clock, log=EventLog(db, InProcessBus(), clock), cards=loop.cards, loop=loop)
    loop.config = LoopConfig(owner="editors")
    loop._learned = made.learned.append
    yield made
    await made.log.drain()
    await db.close()


@pytest.fixture
async def invoice(place: Place) -> Card:
    card = Card(id="kb-invoice", title="发票", body="…", owner="eve")
    await place.cards.save([card], by="eve")
    return card
