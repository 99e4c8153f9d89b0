"""Unanswered questions and their topics as they are stored."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import ColumnElement, delete, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from callcue.core.clock import SystemClock
from callcue.core.errors import Conflict, NotFound
from callcue.core.ports import Clock
from callcue.core.questions import TopicState, UnmetNeed, WhyOpen
from callcue.infra.database import Database
from callcue.infra.masking import language_of, masked
from callcue.infra.tables import CallTableRow, QuestionRow, TopicRow

MAX_QUESTIONS = 20_000
"""The newest so many are read at once: what a base of ordinary size gathers in half a year."""
CLOSED: tuple[TopicState, ...] = ("answered", "declined")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One need that was not met."""

    call_id: str
    segment_id: str
    why: WhyOpen
    asked_ms: int
    """Epoch milliseconds."""
    lang: str
    text: str
    card_id: str | None
    score: float | None
    topic_id: str | None
    caller: str | None
    """Of its call; never shown to anybody, only compared."""
    vector: bytes | None
    embedder: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A question in its many wordings. Times are epoch milliseconds."""

    topic_id: str
    title: str
    """The wording nearest to all others."""
    lang: str
    state: TopicState
    owner: str
    opened_ms: int
    due_ms: int
    drafted_ms: int | None = None
    closed_ms: int | None = None
    card_id: str | None = None
    """The draft, or the card that answers it."""
    note: str = ""
    changed_by: str = "callcue"
    merged_into: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What one round of clustering decided; written whole."""

    topics: Sequence[Topic]
    """New ones, and known ones in their new state."""
    members: Mapping[tuple[str, str], str]
    """(call, segment) -> topic, of questions that had none."""
    merged: Mapping[str, str]
    """Topic -> the older one that takes its questions over."""
    vectors: Mapping[tuple[str, str], bytes]
    embedder: str
    seen: Mapping[str, Topic] = field(default_factory=dict)
    """The known topics as they were when it was decided: one that somebody has changed since stays as it is now."""


class QuestionStore:
    """Reads and writes questions and topics."""

    def __init__(self, db: Database, clock: Clock | None = None) -> None:
        self._db = db
        self._clock = clock or SystemClock()

    async def add(self, call_id: str, needs: Iterable[UnmetNeed]) -> None:
        """Keep the needs of one call; one of a segment that is kept already is not kept again."""
        now = int(self._clock.now().timestamp() * 1000)
        rows = [_row(call_id, need, now) for need in needs]

        async def work(session: AsyncSession) -> None:
            for row in rows:
                if await session.get(QuestionRow, (row.call_id, row.segment_id)) is None:
                    session.add(row)
                    await session.flush()

        await self._db.write(f"keep {len(rows)} question(s) of call {call_id}", work)

    async def questions(
        self, *, since_ms: int = 0, topic_id: str | None = None, vectors: bool = True
    ) -> list[Question]:
        """The newest at most 20,000, oldest first."""
        conditions: list[ColumnElement[bool]] = [QuestionRow.asked_ms >= since_ms]
        if topic_id is not None:
            conditions.append(QuestionRow.topic_id == topic_id)
        query = (
            select(QuestionRow, CallTableRow.caller)
            .join(CallTableRow, CallTableRow.call_id == QuestionRow.call_id)
            .where(*conditions)
            .order_by(QuestionRow.asked_ms.desc(), QuestionRow.call_id, QuestionRow.segment_id)
            .limit(MAX_QUESTIONS)
        )
        if not vectors:
            query = query.options(defer(QuestionRow.vector))

        async def work(session: AsyncSession) -> list[Question]:
            rows = (await session.execute(query)).all()
            return [_question(row, caller, row.vector if vectors else None) for row, caller in rows]

        return (await self._db.read("read the unanswered questions", work))[::-1]

    async def unassigned(self) -> int:
        """How many questions belong to no topic yet."""
        query = select(func.count()).select_from(QuestionRow).where(QuestionRow.topic_id.is_(None))

        async def work(session: AsyncSession) -> int:
            return await session.scalar(query) or 0

        return await self._db.read("count the new questions", work)

    async def topics(self) -> list[Topic]:
        """All topics that were not merged into others, oldest first."""
        query = select(TopicRow).where(TopicRow.merged_into.is_(None)).order_by(TopicRow.opened_ms, TopicRow.topic_id)

        async def work(session: AsyncSession) -> list[Topic]:
            return [_topic(row) for row in await session.scalars(query)]

        return await self._db.read("list the topics", work)

    async def topic(self, topic_id: str) -> Topic:
        """One topic; one that was merged is answered with the one that took it over. Raises NotFound."""

        async def work(session: AsyncSession) -> Topic | None:
            row = await session.get(TopicRow, topic_id)
            for _ in range(20):
                if row is None or row.merged_into is None:
                    break
                row = await session.get(TopicRow, row.merged_into)
            return None if row is None else _topic(row)

        found = await self._db.read("look up a topic", work)
        if found is None:
            raise NotFound(f"there is no topic {topic_id[:128]!r}; `callcue kb unanswered` lists them")
        return found

    async def assign(self, assignment: Assignment) -> None:
        """Write a round of clustering. What another process assigned meanwhile stays as it put it."""

        async def work(session: AsyncSession) -> None:
            for topic in assignment.topics:
                if await _unchanged(session, topic.topic_id, assignment):
                    await session.merge(TopicRow(**_values(topic)))
            await session.flush()
            for (call_id, segment_id), topic_id in assignment.members.items():
                key = tuple_(QuestionRow.call_id, QuestionRow.segment_id) == (call_id, segment_id)
                free = QuestionRow.topic_id.is_(None)
                await session.execute(update(QuestionRow).where(key, free).values(topic_id=topic_id))
            for (call_id, segment_id), vector in assignment.vectors.items():
                row = await session.get(QuestionRow, (call_id, segment_id))
                if row is not None:
                    row.vector, row.embedder = vector, assignment.embedder
            for younger, older in assignment.merged.items():
                if younger in assignment.seen and not await _unchanged(session, younger, assignment):
                    continue
                moved = update(QuestionRow).where(QuestionRow.topic_id == younger).values(topic_id=older)
                await session.execute(moved)
                await session.execute(
                    update(TopicRow).where(TopicRow.topic_id == younger).values(merged_into=older, title="")
                )

        await self._db.write("write the topics", work)

    async def drop_empty(self) -> None:
        """Forget open topics whose calls, and so their questions, are gone. What a person decided about stays."""
        asked = select(QuestionRow.topic_id).where(QuestionRow.topic_id == TopicRow.topic_id).exists()
        query = delete(TopicRow).where(TopicRow.state == "open", TopicRow.merged_into.is_(None), ~asked)

        async def work(session: AsyncSession) -> None:
            await session.execute(query.execution_options(synchronize_session=False))

        await self._db.write("forget topics without questions", work)

    async def change(self, topic: Topic, *, held: TopicState) -> None:
        """Store a topic's new state. Raises Conflict when it is no longer in the state ``held``."""

        async def work(session: AsyncSession) -> None:
            row = await session.get(TopicRow, topic.topic_id)
            if row is None or row.state != held or row.merged_into is not None:
                raise Conflict(
                    f"topic {topic.topic_id} is no longer {held}: somebody else changed it. Nothing was written; "
                    "look at it again"
                )
            for name, value in _values(topic).items():
                setattr(row, name, value)

        await self._db.write(f"change topic {topic.topic_id}", work)


def _row(call_id: str, need: UnmetNeed, asked_ms: int) -> QuestionRow:
    text = masked(need.text)
    return QuestionRow(
        call_id=call_id,
        segment_id=need.segment_id,
        why=need.why,
        asked_ms=asked_ms,
        lang=language_of(text),
        text=text,
        card_id=need.card_id,
        score=need.score,
    )


def _question(row: QuestionRow, caller: str | None, vector: bytes | None) -> Question:
    return Question(
        call_id=row.call_id,
        segment_id=row.segment_id,
        why=cast(WhyOpen, row.why),
        asked_ms=row.asked_ms,
        lang=row.lang,
        text=row.text,
        card_id=row.card_id,
        score=row.score,
        topic_id=row.topic_id,
        caller=caller,
        vector=vector,
        embedder=row.embedder,
    )


_FIELDS = tuple(Topic.__dataclass_fields__)


async def _unchanged(session: AsyncSession, topic_id: str, assignment: Assignment) -> bool:
    row = await session.get(TopicRow, topic_id)
    return row is None or _topic(row) == assignment.seen.get(topic_id)


def _values(topic: Topic) -> dict[str, Any]:
    return {name: getattr(topic, name) for name in _FIELDS}


def _topic(row: TopicRow) -> Topic:
    return Topic(**{name: getattr(row, name) for name in _FIELDS})
