"""What agents searched for and which card they took; verdicts on proposed questions; which pushes were used.

The raw material of proposals (``callcue.calls.questions``). Searches are what people typed: they are kept for half a
year and go to no log line.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import and_, delete, insert, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from callcue.core.clock import SystemClock
from callcue.core.errors import NotFound
from callcue.core.events import CardAck, CardPush, FinalTranscript
from callcue.core.ids import new_id
from callcue.core.ports import Clock
from callcue.infra.codec import decode
from callcue.infra.database import Database
from callcue.infra.masking import masked
from callcue.infra.tables import CardSearchRow, EventRow, QuestionVerdictRow

SearchAction = Literal["opened", "used"]
QuestionVerdict = Literal["accepted", "rejected"]

KEPT_MS = 180 * 86_400_000
"""How long a search is kept, milliseconds."""
MAX_READ = 10_000
_CHUNK = 200
_MOMENTS = 100
Moment = tuple[str, int]
"""Call, and call time in milliseconds."""
_FINALS = 8
"""Finals before a search that are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenSearch:
    """A search that led to a card."""

    at_ms: int
    """Wall clock, epoch milliseconds."""
    agent: str
    query: str
    card_id: str
    action: SearchAction
    call_id: str | None
    call_ms: int | None
    """Call time at the search, milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedPush:
    """A card that was pushed and that the agent said was used."""

    ack: CardAck
    push: CardPush
    acked_at: str
    """ISO 8601, UTC."""


class SearchLog:
    """Writes and reads agents' searches, and reads what calls say about questions."""

    def __init__(self, db: Database, clock: Clock | None = None) -> None:
        self._db = db
        self._clock = clock or SystemClock()

    async def record(self, query: str, *, agent: str, call_id: str | None = None, call_ms: int | None = None) -> str:
        """Write a search down; returns its id. Searches older than half a year go."""
        search_id, now = new_id("search"), self._now_ms()
        row = {"search_id": search_id, "at_ms": now, "agent": agent, "query": masked(query)}

        async def work(session: AsyncSession) -> None:
            await session.execute(insert(CardSearchRow).values(**row, call_id=call_id, call_ms=call_ms))
            await session.execute(delete(CardSearchRow).where(CardSearchRow.at_ms < now - KEPT_MS))

        await self._db.write("note a search", work)
        return search_id

    async def took(self, search_id: str, card_id: str, action: SearchAction, *, agent: str) -> None:
        """The agent opened or used a card of its own search; a used one stays used. Raises NotFound."""

        async def work(session: AsyncSession) -> bool:
            row = await session.get(CardSearchRow, search_id)
            if row is None or row.agent != agent:
                return False
            if not (row.action == "used" and action == "opened"):
                query = update(CardSearchRow).where(CardSearchRow.search_id == search_id)
                await session.execute(query.values(card_id=card_id, action=action))
            return True

        if not await self._db.write("note what came of a search", work):
            raise NotFound("there is no such search of yours; nothing was noted")

    async def taken(self, since: datetime) -> list[TakenSearch]:
        """Searches since then that led to a card, newest first, at most 10,000."""
        query = (
            select(CardSearchRow)
            .where(CardSearchRow.at_ms >= int(since.timestamp() * 1000), CardSearchRow.card_id.is_not(None))
            .order_by(CardSearchRow.at_ms.desc())
            .limit(MAX_READ)
        )

        async def work(session: AsyncSession) -> Sequence[CardSearchRow]:
            return (await session.scalars(query)).all()

        return [
            TakenSearch(
                at_ms=row.at_ms,
                agent=row.agent,
                query=row.query,
                card_id=row.card_id or "",
                action="used" if row.action == "used" else "opened",
                call_id=row.call_id,
                call_ms=row.call_ms,
            )
            for row in await self._db.read("read agents' searches", work)
        ]

    async def used_pushes(self, since: datetime) -> list[UsedPush]:
        """Pushes of which agents said since then that they used the card, newest first, of at most 10,000 acks."""
        acks = (
            select(EventRow.body, EventRow.written_at)
            .where(EventRow.type == "CardAck", EventRow.written_at >= since.isoformat())
            .order_by(EventRow.written_at.desc())
            .limit(MAX_READ)
        )

        async def work(session: AsyncSession) -> list[UsedPush]:
            found = [(decode(row.body), row.written_at) for row in await session.execute(acks)]
            used = [(ack, at) for ack, at in found if isinstance(ack, CardAck) and ack.action == "used"]
            pushes: dict[tuple[str, int], CardPush] = {}
            for start in range(0, len(used), _CHUNK):
                keys = {(ack.call_id, ack.push_seq) for ack, _ in used[start : start + _CHUNK]}
                query = select(EventRow.body).where(tuple_(EventRow.call_id, EventRow.seq).in_(list(keys)))
                for push in map(decode, await session.scalars(query)):
                    if isinstance(push, CardPush):
                        pushes[push.call_id, push.seq] = push
            return [
                UsedPush(ack=ack, push=pushes[ack.call_id, ack.push_seq], acked_at=at)
                for ack, at in used
                if (ack.call_id, ack.push_seq) in pushes
            ]

        return await self._db.read("read the cards that agents used", work)

    async def caller_before(self, moments: Collection[Moment], within_ms: int) -> dict[Moment, list[FinalTranscript]]:
        """What the caller said last before each of these moments and at most ``within_ms`` earlier, newest first; at
        most a few finals. A hundred moments cost one query."""
        wanted = sorted(set(moments))
        found: dict[Moment, list[FinalTranscript]] = {}
        for start in range(0, len(wanted), _MOMENTS):
            some = wanted[start : start + _MOMENTS]
            finals = await self._caller_finals(some, within_ms)
            for call_id, at_ms in some:
                before = [final for final in finals.get(call_id, ()) if at_ms - within_ms <= final.at_ms <= at_ms]
                found[call_id, at_ms] = before[:_FINALS]
        return found

    async def _caller_finals(self, some: Sequence[Moment], within_ms: int) -> dict[str, list[FinalTranscript]]:
        """Call -> its finals before any of its moments, newest first."""
        near = [
            and_(EventRow.call_id == call_id, EventRow.at_ms.between(at_ms - within_ms, at_ms))
            for call_id, at_ms in some
        ]
        query = (
            select(EventRow.body)
            .where(EventRow.type == "FinalTranscript", or_(*near))
            .order_by(EventRow.call_id, EventRow.seq.desc())
        )

        async def work(session: AsyncSession) -> dict[str, list[FinalTranscript]]:
            finals: dict[str, list[FinalTranscript]] = {}
            for final in map(decode, await session.scalars(query)):
                if isinstance(final, FinalTranscript) and final.channel == "caller":
                    finals.setdefault(final.call_id, []).append(final)
            return finals

        return await self._db.read("read what was said before searches", work)

    async def judge(self, card_id: str, digest: str, verdict: QuestionVerdict, *, by: str) -> None:
        """Write down an editor's verdict on a proposed question; the first one stays."""
        row = {"card_id": card_id, "digest": digest, "verdict": verdict, "by": by}
        row["at"] = self._clock.now().isoformat()

        async def work(session: AsyncSession) -> None:
            if await session.get(QuestionVerdictRow, (card_id, digest)) is None:
                await session.execute(insert(QuestionVerdictRow).values(**row))

        try:
            await self._db.write("note a verdict on a question", work)
        except IntegrityError:
            return  # somebody else judged it at the same moment

    async def judged(self) -> set[tuple[str, str]]:
        """Card id and digest of every question that was judged."""
        query = select(QuestionVerdictRow.card_id, QuestionVerdictRow.digest)

        async def work(session: AsyncSession) -> set[tuple[str, str]]:
            return {(row.card_id, row.digest) for row in await session.execute(query)}

        return await self._db.read("read the verdicts on questions", work)

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)
