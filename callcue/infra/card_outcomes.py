"""What became of the cards that were shown: read for the ledger and the feedback; outcomes of calls; audits."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from callcue.core.clock import SystemClock
from callcue.core.errors import NotFound
from callcue.core.events import AckAction
from callcue.core.ports import Clock
from callcue.core.questions import Verdict
from callcue.infra.auth import LOCAL
from callcue.infra.card_tallies import CardTally, calls_query, first_shows_query, tally_query
from callcue.infra.database import Database
from callcue.infra.tables import AuditRow, CallOutcomeRow, CallTableRow, CardAckRow, CardRow, CardShowRow

MAX_SHOWS = 200_000
"""Shows that are held at once: with their vectors some 400 MB."""
_CHUNK = 500
_PAGE = 2_000
"""Rows read in one go; the loop breathes in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """The newest word of one person on one show."""

    agent: str
    """Who said it; on a server without tokens, where everybody is ``local``, the agent of the call."""
    action: AckAction
    at_ms: int
    """Epoch milliseconds."""
    used: bool
    """This person had used or pinned it at some time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """One card on one agent's screen."""

    call_id: str
    push_seq: int
    card_id: str
    card_version: int
    shown_ms: int
    """Epoch milliseconds."""
    query: str
    caller: str | None
    """The caller's number: compared, never shown."""
    words: tuple[Word, ...]
    vector: bytes | None = None
    embedder: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shows:
    """What was shown, as far as it was read."""

    shows: Sequence[Show]
    """Oldest first."""
    left_out: int
    """Older ones of the same kind that were not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditItem:
    """One card in a month's sample."""

    month: str
    """``2026-11``."""
    card_id: str
    card_version: int
    stratum: str
    of: int
    """Cards in the stratum when the sample was drawn."""
    drawn_ms: int
    drawn_by: str
    verdict: Verdict | None = None
    auditor: str | None = None
    note: str = ""
    judged_ms: int | None = None


class CardOutcomes:
    """Reads shows; reads and writes outcomes and audits."""

    def __init__(self, db: Database, clock: Clock | None = None) -> None:
        self._db = db
        self._clock = clock or SystemClock()

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)

    async def shows(
        self, *, from_ms: int = 0, acked: bool = False, vectors: bool = False, most: int = MAX_SHOWS
    ) -> Shows:
        """What was shown since then, oldest first; ``acked``: only what somebody said something of. Of more than
        ``most`` the newest; how many others there are is told. Read page by page, so that the loop goes on meanwhile.
        """
        wanted = [CardShowRow.shown_ms >= from_ms, *([_acked()] if acked else ())]
        found: list[Show] = []
        while len(found) < most:
            page = await self._page(wanted, found[-1] if found else None, min(_PAGE, most - len(found)), vectors)
            found += page
            if len(page) < _PAGE:
                break
        left_out = await self._others(wanted, found[-1]) if len(found) >= most else 0
        return Shows(shows=found[::-1], left_out=left_out)

    async def _page(
        self, wanted: Sequence[ColumnElement[bool]], after: Show | None, size: int, vectors: bool
    ) -> list[Show]:
        """The next newest shows, newest first."""
        older = () if after is None else (_before(after),)
        query = (
            select(CardShowRow, CallTableRow.caller, CallTableRow.agent_id)
            .join(CallTableRow, CallTableRow.call_id == CardShowRow.call_id)
            .where(*wanted, *older)
            .order_by(CardShowRow.shown_ms.desc(), CardShowRow.call_id.desc(), CardShowRow.push_seq.desc())
            .limit(size)
        )
        if not vectors:
            query = query.options(defer(CardShowRow.vector))

        async def work(session: AsyncSession) -> list[Show]:
            rows = (await session.execute(query)).all()
            said: dict[tuple[str, int], list[CardAckRow]] = {}
            key = tuple_(CardAckRow.call_id, CardAckRow.push_seq)
            for start in range(0, len(rows), _CHUNK):
                keys = [(show.call_id, show.push_seq) for show, *_ in rows[start : start + _CHUNK]]
                for row in await session.scalars(select(CardAckRow).where(key.in_(keys)).order_by(CardAckRow.acked_ms)):
                    said.setdefault((row.call_id, row.push_seq), []).append(row)
            return [
                replace(
                    _show(show, caller, agent, said.get((show.call_id, show.push_seq), ())),
                    vector=show.vector if vectors else None,
                )
                for show, caller, agent in rows
            ]

        return await self._db.read("read what was shown", work)

    async def _others(self, wanted: Sequence[ColumnElement[bool]], oldest: Show) -> int:
        query = select(func.count()).select_from(CardShowRow).where(*wanted, _before(oldest))

        async def work(session: AsyncSession) -> int:
            return (await session.execute(query)).scalar_one()

        return await self._db.read("count what was shown", work)

    async def span(self) -> tuple[int, int]:
        """Epoch milliseconds of the first and of the last show; of nothing, a time that is over before it begins."""
        query = select(func.min(CardShowRow.shown_ms), func.max(CardShowRow.shown_ms))

        async def work(session: AsyncSession) -> tuple[int, int]:
            first, last = (await session.execute(query)).one()
            return (0, -1) if first is None else (first, last)

        return await self._db.read("look up when cards were shown", work)

    async def tallies(
        self, *, from_ms: int, to_ms: int, known_until_ms: int, within_ms: int, card_id: str | None = None
    ) -> list[CardTally]:
        """What became of each card that was shown in a time; see ``card_tallies.tally_query``."""
        query = tally_query(
            from_ms=from_ms, to_ms=to_ms, known_until_ms=known_until_ms, within_ms=within_ms, card_id=card_id
        )

        async def work(session: AsyncSession) -> list[CardTally]:
            return [CardTally(**row) for row in (await session.execute(query)).mappings()]

        return await self._db.read("count what became of the cards", work)

    async def calls_by_card(self, *, from_ms: int, to_ms: int) -> dict[str, int]:
        """Card -> in how many calls it was shown in that time; others are left out."""
        query = calls_query(from_ms, to_ms)

        async def work(session: AsyncSession) -> dict[str, int]:
            return {row[0]: row[1] for row in (await session.execute(query)).all()}

        return await self._db.read("count the calls that got a card", work)

    async def first_shows(self, card_id: str) -> list[tuple[str, str | None, int]]:
        """Call, caller's number, epoch milliseconds: of each call that got the card, when it first did."""
        query = first_shows_query(card_id)

        async def work(session: AsyncSession) -> list[tuple[str, str | None, int]]:
            found: list[tuple[str, str | None, int]] = []
            async for part in (await session.stream(query)).partitions(_PAGE):
                found += [(call_id, caller, at_ms) for call_id, caller, at_ms in part]
            return found

        return await self._db.read("read which calls got the card", work)

    async def mark(self) -> tuple[int, int]:
        """How many acknowledgements there are, and when the newest was made: tells whether any came."""
        query = select(func.count(), func.coalesce(func.max(CardAckRow.acked_ms), 0)).select_from(CardAckRow)

        async def work(session: AsyncSession) -> tuple[int, int]:
            count, newest = (await session.execute(query)).one()
            return count, newest

        return await self._db.read("count the acknowledgements", work)

    async def versions(self, card_ids: Collection[str]) -> dict[str, int]:
        """Card -> its newest version."""
        ids = sorted(card_ids)

        async def work(session: AsyncSession) -> dict[str, int]:
            found: dict[str, int] = {}
            for start in range(0, len(ids), _CHUNK):
                some = CardRow.card_id.in_(ids[start : start + _CHUNK])
                rows = await session.execute(select(CardRow.card_id, CardRow.version).where(some))
                found |= {row.card_id: row.version for row in rows}
            return found

        return await self._db.read("look up the cards' versions", work)

    async def keep_vectors(self, vectors: Mapping[tuple[str, int], bytes], embedder: str) -> None:
        """Store the vectors of looked-up texts: (call, push) -> float32 bytes."""

        async def work(session: AsyncSession) -> None:
            for key, vector in vectors.items():
                row = await session.get(CardShowRow, key)
                if row is not None:
                    row.vector, row.embedder = vector, embedder

        await self._db.write(f"keep {len(vectors)} vector(s)", work)

    async def set_outcome(self, call_id: str, *, transferred: bool, by: str) -> None:
        """Note whether a call was transferred to somebody else. Raises NotFound."""

        async def work(session: AsyncSession) -> None:
            if await session.get(CallTableRow, call_id) is None:
                raise NotFound(f"there is no call {call_id[:128]!r}")
            row = CallOutcomeRow(call_id=call_id, transferred=transferred, noted_ms=self._now_ms(), noted_by=by)
            await session.merge(row)

        await self._db.write(f"note the outcome of call {call_id}", work)

    async def audit(self, month: str) -> list[AuditItem]:
        """A month's sample, by card; empty when none was drawn."""
        query = select(AuditRow).where(AuditRow.month == month).order_by(AuditRow.card_id)

        async def work(session: AsyncSession) -> list[AuditItem]:
            return [_item(row) for row in await session.scalars(query)]

        return await self._db.read(f"read the audit of {month}", work)

    async def condemned(self) -> dict[str, list[str]]:
        """Months in which an audit found a card wrong or outdated, by card."""
        query = select(AuditRow.card_id, AuditRow.month).where(AuditRow.verdict.in_(("wrong", "outdated")))

        async def work(session: AsyncSession) -> dict[str, list[str]]:
            found: dict[str, list[str]] = {}
            for card_id, month in (await session.execute(query)).all():
                found.setdefault(card_id, []).append(month)
            return found

        return await self._db.read("read the audits", work)

    async def draw(self, items: Sequence[AuditItem]) -> None:
        """Store a sample. One that was stored meanwhile for the same month stays, and this one is dropped."""

        async def work(session: AsyncSession) -> None:
            query = select(AuditRow.card_id).where(AuditRow.month == items[0].month).limit(1)
            if (await session.execute(query)).first() is None:
                session.add_all(AuditRow(**{name: getattr(item, name) for name in _ITEM}) for item in items)

        if items:
            await self._db.write("store the audit's sample", work)

    async def judge(self, month: str, card_id: str, verdict: Verdict, *, auditor: str, note: str) -> AuditItem:
        """Record a verdict; a later one replaces it. Raises NotFound for a card that is not in the sample."""

        async def work(session: AsyncSession) -> AuditItem:
            row = await session.get(AuditRow, (month, card_id))
            if row is None:
                raise NotFound(f"card {card_id[:128]!r} is not in the sample of {month}: only what was drawn is judged")
            row.verdict, row.auditor, row.note, row.judged_ms = verdict, auditor, note, self._now_ms()
            return _item(row)

        return await self._db.write(f"record a verdict of {month}", work)


_ITEM = tuple(AuditItem.__dataclass_fields__)


def _item(row: AuditRow) -> AuditItem:
    return AuditItem(**{name: getattr(row, name) for name in _ITEM})


def _acked() -> ColumnElement[bool]:
    same = (CardAckRow.call_id == CardShowRow.call_id, CardAckRow.push_seq == CardShowRow.push_seq)
    return select(CardAckRow.by).where(*same).correlate(CardShowRow).exists()


def _before(show: Show) -> ColumnElement[bool]:
    """Older than this one, of one moment by call and push."""
    key = tuple_(CardShowRow.shown_ms, CardShowRow.call_id, CardShowRow.push_seq)
    return key < (show.shown_ms, show.call_id, show.push_seq)


def _show(row: CardShowRow, caller: str | None, agent_id: str | None, said: Sequence[CardAckRow]) -> Show:
    return Show(
        call_id=row.call_id,
        push_seq=row.push_seq,
        card_id=row.card_id,
        card_version=row.card_version,
        shown_ms=row.shown_ms,
        query=row.query,
        caller=caller,
        words=tuple(
            Word(
                agent=agent_id if ack.by == LOCAL.name and agent_id else ack.by,
                action=cast(AckAction, ack.action),
                at_ms=ack.acked_ms,
                used=ack.used,
            )
            for ack in said
        ),
        embedder=row.embedder,
    )
