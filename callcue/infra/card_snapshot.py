"""The published cards as one state of the database, read again only as far as it changed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, and_, func, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from callcue.core.cards import Card
from callcue.infra.tables import CardRow, CardVersionRow

CHUNK = 400
"""Cards in one statement: databases limit its parameters."""


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
    rows = (await session.execute(columns.select_from(stored).outerjoin(CardRow, wanted))).all()
    heads = [row for row in rows if row.card_id is not None]
    return CardHeads(
        number=1 + rows[0].stored,
        published={row.card_id: row.version for row in heads if row.status == "published"},
        versions={row.card_id: row.version for row in heads},
    )


def all_changes(heads: CardHeads, before: CardSnapshot) -> bool:
    """Whether nothing but the cards of ``heads`` has changed since ``before``: versions of a card count from 1, so the
    versions that these cards have got since then add up to those that were stored since then."""
    grown = sum(version - before.versions.get(card_id, 0) for card_id, version in heads.versions.items())
    return heads.number - before.number == grown


async def read_versions(session: AsyncSession, heads: Collection[tuple[str, int]]) -> list[Row[Any]]:
    """Id, version and content of the named versions."""
    wanted = set(heads)
    found: list[Row[Any]] = []
    columns = select(CardVersionRow.card_id, CardVersionRow.version, CardVersionRow.content)
    if len(wanted) > CHUNK:  # most of them: the newest version of every card in one go
        same = and_(CardVersionRow.card_id == CardRow.card_id, CardVersionRow.version == CardRow.version)
        newest = await session.execute(columns.join(CardRow, same).where(CardRow.status == "published"))
        found = [row for row in newest if (row.card_id, row.version) in wanted]
        wanted -= {(row.card_id, row.version) for row in found}  # what is left was changed again meanwhile
    rest = sorted(wanted)
    key = tuple_(CardVersionRow.card_id, CardVersionRow.version)
    for start in range(0, len(rest), CHUNK):
        found += (await session.execute(columns.where(key.in_(rest[start : start + CHUNK])))).all()
    return found


def unknown(heads: CardHeads, known: Mapping[str, Card]) -> list[tuple[str, int]]:
    """Id and version of those published that ``known`` (by id) does not have in this version."""
    return [(card_id, version) for card_id, version in heads.published.items() if not _has(known, card_id, version)]


def _has(known: Mapping[str, Card], card_id: str, version: int) -> bool:
    card = known.get(card_id)
    return card is not None and card.version == version
