"""Knowledge cards as they are stored: every version for good, and which one is the newest."""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Row, Select, and_, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from callcue.core.card_diff import diff_forms
from callcue.core.cards import Card, CardStatus
from callcue.core.clock import SystemClock
from callcue.core.errors import NotFound, StorageFailed
from callcue.core.ports import Clock
from callcue.infra.card_edits import (
    PLAIN,
    Change,
    Edit,
    Heads,
    Plan,
    Prepared,
    check_statuses,
    check_versions,
    refusals,
)
from callcue.infra.card_forms import MAX_ID, card_of, head_of, prepare
from callcue.infra.card_snapshot import (
    CHUNK,
    CardHeads,
    CardSnapshot,
    Shelf,
    all_changes,
    grown,
    has,
    joined,
    read_heads,
    read_number,
    read_shelf,
    read_versions,
    unknown,
)
from callcue.infra.database import Database
from callcue.infra.tables import CardRow, CardVersionRow

MAX_PAGE = 1000
_CHUNK = 500
"""Cards in one statement: databases limit its parameters, and the loop has to breathe."""
_ATTEMPTS = 20

Cards = list[Card]
T = TypeVar("T")

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveResult:
    """What a save did: ids of cards, in the order given."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    versions: Mapping[str, int] = field(default_factory=dict, compare=False)
    """Id -> the version that is stored now."""


class CardStore:
    """Stores cards in versions that count from 1."""

    def __init__(self, db: Database, clock: Clock | None = None) -> None:
        self._db = db
        self._clock = clock or SystemClock()

    async def save(self, cards: Iterable[Card], by: str, edit: Edit = PLAIN) -> SaveResult:
        """Store all of them or, when one is refused, none. A card whose content is as stored gets no new version, and
        is no conflict either: the edit is there already, as after a lost answer (RFC 9110, 13.1.1).

        ``Card.version`` is not looked at. Raises BadCard: an id twice, or a value of the wrong type; StaleCard: another
        version than ``edit.expected`` names is stored, also where another process writes at the same moment; Conflict:
        a status that does not follow from the stored one.
        """
        prepared = await asyncio.to_thread(prepare, list(cards))  # thousands of cards take a while
        work = partial(self._save_once, prepared=prepared, by=by, edit=edit)
        for _ in range(_ATTEMPTS):
            try:
                return await self._db.write(f"save {len(prepared)} card(s)", work)
            except IntegrityError:
                continue  # another process saved one of them in between: compare again
        raise StorageFailed(
            f"The database kept refusing {len(prepared)} card(s) as duplicates. Nothing was saved; check that no other "
            "program writes to this database"
        )

    async def plan(self, cards: Iterable[Card]) -> Plan:
        """What ``save`` would do now, without doing it: what would change in each card, and which statuses would be
        refused. Raises BadCard as it would."""
        prepared = await asyncio.to_thread(prepare, list(cards))

        async def work(session: AsyncSession) -> Plan:
            held = await _held(session, [item.card.id for item in prepared])
            result = _result(prepared, held)
            contents = await _contents(session, result.changed)
            by_id = {item.card.id: item for item in prepared}
            changed = [
                Change(
                    card_id=card_id,
                    version=held[card_id].version,
                    fields=diff_forms(contents[card_id], by_id[card_id].content),
                )
                for card_id in result.changed
            ]
            refused = refusals([by_id[card_id] for card_id in result.changed], held)
            return Plan(
                added=result.added, changed=tuple(changed), unchanged=result.unchanged, refused=tuple(refused.items())
            )

        return await self._db.read(f"plan the saving of {len(prepared)} card(s)", work)

    async def get(self, card_id: str, version: int | None = None) -> Card:
        """A card in its newest or in the named version. Raises NotFound."""
        wanted = CardRow.version if version is None else version
        query = select(CardVersionRow).where(CardVersionRow.card_id == card_id, CardVersionRow.version == wanted)
        if version is None:
            query = query.join(CardRow, CardRow.card_id == CardVersionRow.card_id)
        found = await self._cards(query, "look up a card")
        if not found:
            named = (
                f"card {card_id[:MAX_ID]!r}" if version is None else f"version {version} of card {card_id[:MAX_ID]!r}"
            )
            raise NotFound(f"there is no {named}")
        return found[0]

    async def list(
        self,
        status: CardStatus | None = None,
        lang: str | None = None,
        *,
        owner: str | None = None,
        expiring_days: int | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Cards:
        """Newest versions by id, at most ``limit`` (up to 1000); ``after`` is the last id of the page before.

        ``expiring_days``: cards that are not retired and whose ``valid_to`` is over within so many days, or is over.
        """
        query = _newest()
        if status is not None:
            query = query.where(CardRow.status == status)
        if lang is not None:
            query = query.where(CardRow.lang == lang)
        if owner is not None:
            query = query.where(CardRow.owner == owner)
        if expiring_days is not None:
            until = int(self._clock.now().timestamp() * 1000) + expiring_days * _DAY_MS
            query = query.where(CardRow.ends_ms <= until, CardRow.status != "retired")
        if after is not None:
            query = query.where(CardRow.card_id > after)
        return await self._cards(query.order_by(CardRow.card_id).limit(max(0, min(limit, MAX_PAGE))), "list cards")

    async def published(self) -> Cards:
        """Every card whose newest version is published, by id."""
        query = _newest().where(CardRow.status == "published").order_by(CardRow.card_id)
        return await self._cards(query, "read the published cards")

    async def unpublished(self, most: int, known: Mapping[str, Card] | None = None) -> tuple[Cards, int]:
        """Cards whose newest version is not published, by id, at most ``most``, and how many others there are. Those
        that ``known`` (by id) has in their newest version are taken from there."""
        held = known or {}

        async def work(session: AsyncSession) -> tuple[Shelf, Sequence[Any]]:
            shelf = await read_shelf(session, most)
            new = [(card_id, version) for card_id, version in shelf.heads if not has(held, card_id, version)]
            return shelf, await read_versions(session, new, status=None)

        shelf, rows = await self._db.read("read the cards that are not published", work)
        read = await asyncio.to_thread(lambda: {row.card_id: card_of(row) for row in rows})
        return [read.get(card_id) or held[card_id] for card_id, _ in shelf.heads], shelf.stored - len(shelf.heads)

    async def snapshot(self, known: Mapping[str, Card] | None = None) -> CardSnapshot:
        """Every published card, and the number of this state. Cards that ``known`` (by id) has in their newest version
        are taken from there: after an edit among thousands only that edit is read.
        """
        held = known or {}

        async def work(session: AsyncSession) -> tuple[CardHeads, Sequence[Any]]:
            heads = await read_heads(session)
            return heads, await read_versions(session, await asyncio.to_thread(unknown, heads, held))

        heads, rows = await self._db.read("read the published cards", work)
        return await asyncio.to_thread(joined, heads, rows, held)

    async def update(self, before: CardSnapshot, ids: Collection[str]) -> CardSnapshot | None:
        """The snapshot after ``before``, read by looking only at the cards named; None where they may not be all that
        changed: read the whole one then."""
        if not 0 < len(ids) <= CHUNK:
            return None

        async def work(session: AsyncSession) -> tuple[CardHeads, Sequence[Any]] | None:
            heads = await read_heads(session, ids)
            if not all_changes(heads, before):
                return None
            named = {card.id: card for card in before.cards if card.id in heads.versions}
            return heads, await read_versions(session, unknown(heads, named))

        found = await self._db.read("read the cards that changed", work)
        return None if found is None else await asyncio.to_thread(grown, before, *found)

    async def number(self) -> int:
        """The number of the present state, as its snapshot would have it."""
        return await self._db.read("count the card versions", read_number)

    async def find(self, ids: Sequence[str]) -> dict[str, Card]:
        """The newest versions of those that are stored."""
        found: dict[str, Card] = {}
        for chunk in _chunks(ids):
            for card in await self._cards(_newest().where(CardRow.card_id.in_(chunk)), "look up cards"):
                found[card.id] = card
        return found

    async def all(self) -> Cards:
        """Every card in its newest version, by id."""
        return await self._cards(_newest().order_by(CardRow.card_id), "read all cards")

    async def versions(self, card_id: str) -> Cards:
        """Every version of a card, oldest first; empty for an unknown one."""
        query = select(CardVersionRow).where(CardVersionRow.card_id == card_id).order_by(CardVersionRow.version)
        return await self._cards(query, "read the versions of a card")

    async def _cards(self, query: Select[Any], what: str) -> Cards:
        async def work(session: AsyncSession) -> Sequence[CardVersionRow]:
            return (await session.scalars(query)).all()

        rows = await self._db.read(what, work)
        return await asyncio.to_thread(lambda: [card_of(row) for row in rows])

    async def _save_once(self, session: AsyncSession, prepared: Sequence[Prepared], by: str, edit: Edit) -> SaveResult:
        held = await _held(session, [item.card.id for item in prepared])
        result = _result(prepared, held)
        by_id = {item.card.id: item for item in prepared}
        added, changed = [by_id[found] for found in result.added], [by_id[found] for found in result.changed]
        await check_versions(session, (*added, *changed), held, edit.expected)
        check_statuses(changed, held)
        now = self._clock.now()
        zone = now.astimezone().tzinfo
        heads = {
            item.card.id: head_of(item, held[item.card.id].version + 1 if item.card.id in held else 1, zone)
            for item in (*added, *changed)
        }
        stamp = {"saved_at": now.isoformat(), "saved_by": by, "action": edit.action, "note": edit.note}
        for chunk in _chunks(added):
            await session.execute(insert(CardRow), [heads[item.card.id] for item in chunk])
        for chunk in _chunks(changed):
            await session.execute(update(CardRow), [heads[item.card.id] for item in chunk])
        for chunk in _chunks((*added, *changed)):
            versions = [
                {"card_id": item.card.id, "version": heads[item.card.id]["version"], "content": item.content, **stamp}
                for item in chunk
            ]
            await session.execute(insert(CardVersionRow), versions)
        now_stored = {card_id: row.version for card_id, row in held.items()}
        return replace(result, versions=now_stored | {card_id: head["version"] for card_id, head in heads.items()})


def _result(prepared: Sequence[Prepared], held: Heads) -> SaveResult:
    """What comes of these cards where ``held`` is stored."""
    ids = [item.card.id for item in prepared]
    same = {item.card.id for item in prepared if item.card.id in held and held[item.card.id].digest == item.digest}
    return SaveResult(
        added=tuple(found for found in ids if found not in held),
        changed=tuple(found for found in ids if found in held and found not in same),
        unchanged=tuple(found for found in ids if found in same),
    )


def _newest() -> Select[Any]:
    same = and_(CardVersionRow.card_id == CardRow.card_id, CardVersionRow.version == CardRow.version)
    return select(CardVersionRow).join(CardRow, same)


async def _held(session: AsyncSession, ids: Sequence[str]) -> Heads:
    """The heads of those that are stored."""
    held: dict[str, Row[tuple[int, str, str]]] = {}
    for chunk in _chunks(ids):
        query = select(CardRow.version, CardRow.digest, CardRow.status, CardRow.card_id)
        found = await session.execute(query.where(CardRow.card_id.in_(chunk)))
        held |= {row.card_id: row for row in found}
    return held


async def _contents(session: AsyncSession, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Id -> newest content."""
    found: dict[str, dict[str, Any]] = {}
    for chunk in _chunks(ids):
        query = _newest().where(CardVersionRow.card_id.in_(chunk))
        found |= {row.card_id: row.content for row in await session.scalars(query)}
    return found


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]
