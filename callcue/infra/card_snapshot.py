"""The published cards as one state of the database, read again only as far as it changed."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Executable, Row, and_, func, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from callcue.core.cards import Card, CardStatus
from callcue.infra.card_forms import card_of
from callcue.infra.tables import CardRow, CardVersionRow

CHUNK = 400
"""Cards in one statement: databases limit its parameters."""
_PAGE = 1000
"""Rows that are handled in one turn of the loop: some milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSnapshot:
    """Every published card at one moment."""

    cards: tuple[Card, ...]
    """In the order of their ids as Python compares them, whatever order the database has."""
    number: int
    """The same for every process that reads the same state, higher after every change: one more than the number of
    card versions that were ever stored."""
    changed: int
    """Cards that were read because they were not known in this version."""
    versions: Mapping[str, int] = field(repr=False)
    """Id -> newest version of every card that is stored, published or not."""


async def read_number(session: AsyncSession) -> int:
    """The number of a snapshot that would be read now."""
    return 1 + (await session.execute(select(func.count()).select_from(CardVersionRow))).scalar_one()


@dataclass(frozen=True, slots=True, kw_only=True)
class CardHeads:
    """Which version of each card is the newest, at one moment."""

    number: int
    """As ``CardSnapshot.number``."""
    published: Mapping[str, int]
    """Id -> version, where the newest version is published."""
    versions: Mapping[str, int]
    """Id -> version, whatever its status."""


async def read_heads(session: AsyncSession, ids: Collection[str] | None = None) -> CardHeads:
    """The newest versions of every card, or of those that are named (up to 400): one statement, so one state."""
    stored = select(func.count().label("stored")).select_from(CardVersionRow).subquery()
    wanted = true() if ids is None else CardRow.card_id.in_(ids)
    columns = select(stored.c.stored, CardRow.card_id, CardRow.version, CardRow.status)
    number, published, versions = 1, dict[str, int](), dict[str, int]()
    async for rows in _pages(session, columns.select_from(stored).outerjoin(CardRow, wanted)):
        number = 1 + rows[0].stored
        versions |= {row.card_id: row.version for row in rows if row.card_id is not None}
        published |= {row.card_id: row.version for row in rows if row.status == "published"}
    return CardHeads(number=number, published=published, versions=versions)


async def _pages(session: AsyncSession, query: Executable) -> AsyncIterator[Sequence[Row[Any]]]:
    """The rows of one statement, so of one state, by the thousand: the loop turns between."""
    async for rows in (await session.stream(query)).partitions(_PAGE):
        yield rows
        await asyncio.sleep(0)


def all_changes(heads: CardHeads, before: CardSnapshot) -> bool:
    """Whether nothing but the cards of ``heads`` has changed since ``before``: versions of a card count from 1, so the
    versions that these cards have got since then add up to those that were stored since then."""
    grown = sum(version - before.versions.get(card_id, 0) for card_id, version in heads.versions.items())
    return heads.number - before.number == grown


async def read_versions(
    session: AsyncSession, heads: Collection[tuple[str, int]], *, status: CardStatus | None = "published"
) -> list[Row[Any]]:
    """Id, version and content of the named versions. ``status``: what most of them have; None: not one in common."""
    wanted = set(heads)
    found: list[Row[Any]] = []
    columns = select(CardVersionRow.card_id, CardVersionRow.version, CardVersionRow.content)
    if status is not None and len(wanted) > CHUNK:  # most of them: the newest version of every card in one go
        same = and_(CardVersionRow.card_id == CardRow.card_id, CardVersionRow.version == CardRow.version)
        async for rows in _pages(session, columns.join(CardRow, same).where(CardRow.status == status)):
            found += [row for row in rows if (row.card_id, row.version) in wanted]
        wanted -= {(row.card_id, row.version) for row in found}  # what is left was changed again meanwhile
    rest = sorted(wanted)
    key = tuple_(CardVersionRow.card_id, CardVersionRow.version)
    for start in range(0, len(rest), CHUNK):
        found += (await session.execute(columns.where(key.in_(rest[start : start + CHUNK])))).all()
    return found


def unknown(heads: CardHeads, known: Mapping[str, Card]) -> list[tuple[str, int]]:
    """Id and version of those published that ``known`` (by id) does not have in this version."""
    return [(card_id, version) for card_id, version in heads.published.items() if not has(known, card_id, version)]


def has(known: Mapping[str, Card], card_id: str, version: int) -> bool:
    """Whether ``known`` (by id) has the card in this version."""
    card = known.get(card_id)
    return card is not None and card.version == version


def joined(heads: CardHeads, rows: Sequence[Any], known: Mapping[str, Card]) -> CardSnapshot:
    """The snapshot of these heads: the cards that were read, and the others from ``known`` (by id)."""
    read = {row.card_id: card_of(row) for row in rows}
    cards = tuple(read.get(card_id) or known[card_id] for card_id in sorted(heads.published))
    return CardSnapshot(cards=cards, number=heads.number, changed=len(read), versions=heads.versions)


def grown(before: CardSnapshot, heads: CardHeads, rows: Sequence[Any]) -> CardSnapshot:
    """The snapshot after ``before``, where the cards of ``heads`` are all that changed."""
    published = {card.id: card.version for card in before.cards if card.id not in heads.versions}
    whole = CardHeads(
        number=heads.number,
        published=published | dict(heads.published),
        versions={**before.versions, **heads.versions},
    )
    return joined(whole, rows, {card.id: card for card in before.cards})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Which cards are not published, at one moment."""

    heads: Sequence[tuple[str, int]]
    """Id and version of the first ones, by id."""
    stored: int
    """How many there are."""


async def read_shelf(session: AsyncSession, most: int) -> Shelf:
    """The first ``most`` cards that are not published, and how many there are."""
    hidden = CardRow.status != "published"
    heads: list[tuple[str, int]] = []
    async for rows in _pages(
        session, select(CardRow.card_id, CardRow.version).where(hidden).order_by(CardRow.card_id).limit(most)
    ):
        heads += [(row.card_id, row.version) for row in rows]
    if len(heads) < most:
        return Shelf(heads=heads, stored=len(heads))
    counted = await session.execute(select(func.count()).select_from(CardRow).where(hidden))
    return Shelf(heads=heads, stored=counted.scalar_one())
