"""Knowledge cards as they are stored: every version for good, and which one is the newest."""

import asyncio
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError
from sqlalchemy import Select, and_, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from callcue.core.cards import Card, CardStatus
from callcue.core.clock import SystemClock
from callcue.core.errors import BadCard, BadInput, NotFound, StorageFailed
from callcue.core.ports import Clock
from callcue.infra.card_snapshot import CardSnapshot, read_heads, read_versions, unknown
from callcue.infra.codec import STRICT, dump_json, explain
from callcue.infra.database import Database
from callcue.infra.tables import CardRow, CardVersionRow

MAX_PAGE = 1000
MAX_ID = 128
_CHUNK = 500
"""Cards in one statement: databases limit its parameters, and the loop has to breathe."""
_ATTEMPTS = 20
_CARDS: TypeAdapter[list[Card]] = TypeAdapter(list[Card], config=STRICT)
"""A list, because pydantic lets a dataclass take a configuration only from what it lies in."""


Cards = list[Card]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveResult:
    """What a save did: ids of cards, in the order given."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """A card on its way into the database."""

    card: Card
    content: dict[str, Any]
    digest: str


class CardStore:
    """Stores cards in versions that count from 1."""

    def __init__(self, db: Database, clock: Clock | None = None) -> None:
        self._db = db
        self._clock = clock or SystemClock()

    async def save(self, cards: Iterable[Card], by: str) -> SaveResult:
        """Store all of them or, when one is refused, none. A card whose content is as stored gets no new version.

        ``Card.version`` is not looked at. Raises BadCard: an id twice, or a value of the wrong type.
        """
        prepared = await asyncio.to_thread(_prepare, list(cards))  # thousands of cards take a while
        work = partial(self._save_once, prepared=prepared, by=by)
        for _ in range(_ATTEMPTS):
            try:
                return await self._db.write(f"save {len(prepared)} card(s)", work)
            except IntegrityError:
                continue  # another process saved one of them in between: compare again
        raise StorageFailed(
            f"The database kept refusing {len(prepared)} card(s) as duplicates. Nothing was saved; check that no other "
            "program writes to this database"
        )

    async def compare(self, cards: Iterable[Card]) -> SaveResult:
        """What ``save`` would do now, without doing it. Raises BadCard as it would."""
        prepared = await asyncio.to_thread(_prepare, list(cards))
        ids = [item.card.id for item in prepared]
        return _result(prepared, await self._db.read(f"compare {len(prepared)} card(s)", partial(_held, ids=ids)))

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
        self, status: CardStatus | None = None, lang: str | None = None, *, limit: int = 100, after: str | None = None
    ) -> Cards:
        """Newest versions by id, at most ``limit`` (up to 1000); ``after`` is the last id of the page before."""
        query = _newest()
        if status is not None:
            query = query.where(CardRow.status == status)
        if lang is not None:
            query = query.where(CardRow.lang == lang)
        if after is not None:
            query = query.where(CardRow.card_id > after)
        return await self._cards(query.order_by(CardRow.card_id).limit(max(0, min(limit, MAX_PAGE))), "list cards")

    async def published(self) -> Cards:
        """Every card whose newest version is published, by id."""
        query = _newest().where(CardRow.status == "published").order_by(CardRow.card_id)
        return await self._cards(query, "read the published cards")

    async def snapshot(self, known: Mapping[str, Card] | None = None) -> CardSnapshot:
        """Every published card, and the number of this state. Cards that ``known`` (by id) has in their newest version
        are taken from there: after an edit among thousands only that edit is read.
        """
        held = known or {}

        async def work(session: AsyncSession) -> tuple[int, Sequence[tuple[str, int]], Sequence[Any]]:
            number, heads = await read_heads(session)
            return number, heads, await read_versions(session, unknown(heads, held))

        number, heads, rows = await self._db.read("read the published cards", work)
        return await asyncio.to_thread(_snapshot, number, heads, rows, held)

    async def versions(self, card_id: str) -> Cards:
        """Every version of a card, oldest first; empty for an unknown one."""
        query = select(CardVersionRow).where(CardVersionRow.card_id == card_id).order_by(CardVersionRow.version)
        return await self._cards(query, "read the versions of a card")

    async def _cards(self, query: Select[Any], what: str) -> Cards:
        async def work(session: AsyncSession) -> Sequence[CardVersionRow]:
            return (await session.scalars(query)).all()

        rows = await self._db.read(what, work)
        return await asyncio.to_thread(lambda: [_card(row) for row in rows])

    async def _save_once(self, session: AsyncSession, prepared: Sequence[_Prepared], by: str) -> SaveResult:
        held = await _held(session, [item.card.id for item in prepared])
        result = _result(prepared, held)
        by_id = {item.card.id: item for item in prepared}
        added, changed = [by_id[found] for found in result.added], [by_id[found] for found in result.changed]
        heads = {item.card.id: _head(item, held.get(item.card.id, (0, ""))[0] + 1) for item in (*added, *changed)}
        stamp = {"saved_at": self._clock.now().isoformat(), "saved_by": by}
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
        return result


def _result(prepared: Sequence[_Prepared], held: Mapping[str, tuple[int, str]]) -> SaveResult:
    """What comes of these cards where ``held`` (id -> version, digest) is stored."""
    ids = [item.card.id for item in prepared]
    same = {item.card.id for item in prepared if held.get(item.card.id, (0, ""))[1] == item.digest}
    return SaveResult(
        added=tuple(found for found in ids if found not in held),
        changed=tuple(found for found in ids if found in held and found not in same),
        unchanged=tuple(found for found in ids if found in same),
    )


def _newest() -> Select[Any]:
    same = and_(CardVersionRow.card_id == CardRow.card_id, CardVersionRow.version == CardRow.version)
    return select(CardVersionRow).join(CardRow, same)


async def _held(session: AsyncSession, ids: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Id -> newest version and its digest, for those that are stored."""
    held: dict[str, tuple[int, str]] = {}
    for chunk in _chunks(ids):
        query = select(CardRow.card_id, CardRow.version, CardRow.digest).where(CardRow.card_id.in_(chunk))
        held |= {row.card_id: (row.version, row.digest) for row in await session.execute(query)}
    return held


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


def _head(item: _Prepared, version: int) -> dict[str, Any]:
    card = item.card
    return {
        "card_id": card.id,
        "version": version,
        "status": card.status,
        "lang": card.lang,
        "digest": item.digest,
    }


def _prepare(cards: Iterable[Card]) -> list[_Prepared]:
    prepared: dict[str, _Prepared] = {}
    for card in cards:
        if not card.id or len(card.id) > MAX_ID:
            raise BadCard(f"a card's id has 1 to {MAX_ID} characters, not {len(card.id)}. Nothing was saved")
        if card.id in prepared:
            raise BadCard(f"card {card.id!r} appears twice in one save. Nothing was saved; keep one of them")
        prepared[card.id] = _prepared(card)
    return list(prepared.values())


def _prepared(card: Card) -> _Prepared:
    plain = replace(card, version=1)
    try:
        content: dict[str, Any] = _CARDS.dump_python([plain], mode="json", warnings="error")[0]
        del content["version"]
        _CARDS.validate_json(dump_json([content]).encode(), strict=True)
        # defaults are left out, so that a field which a later release adds does not make every card a changed one
        told = _CARDS.dump_python([plain], mode="json", exclude_defaults=True)
    except (PydanticSerializationError, UnicodeEncodeError) as error:
        raise BadCard(f"card {card.id!r} has a value of the wrong type. Nothing was saved") from error
    except BadInput as error:
        raise BadCard(f"card {card.id!r}: {error.message}. Nothing was saved") from error
    except ValidationError as error:
        raise BadCard(f"card {card.id!r}: {explain(error)}. Nothing was saved") from error
    return _Prepared(card=card, content=content, digest=hashlib.sha256(dump_json(told).encode()).hexdigest())


def _snapshot(
    number: int, heads: Sequence[tuple[str, int]], rows: Sequence[Any], known: Mapping[str, Card]
) -> CardSnapshot:
    read = {row.card_id: _card(row) for row in rows}
    cards = tuple(read.get(card_id) or known[card_id] for card_id, _ in heads)
    return CardSnapshot(cards=cards, number=number, changed=len(read))


def _card(row: Any) -> Card:
    return _CARDS.validate_json(dump_json([{**row.content, "version": row.version}]).encode(), strict=True)[0]
