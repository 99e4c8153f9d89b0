"""The published cards as one state of the database, read again only as far as it changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from callcue.core.cards import Card
from callcue.infra.tables import CardRow, CardVersionRow

_CHUNK = 400
"""Cards in one statement: databases limit its parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSnapshot:
    """Every published card at one moment."""

    cards: tuple[Card, ...]
    """By id."""
    number: int
    """The same for every process that reads the same state, higher after every change: one more than the number of
    card versions that were ever stored."""
    changed: int
    """Cards that were read because ``known`` did not have them in this version."""


async def read_number(session: AsyncSession) -> int:
    """The number of a snapshot that would be read now."""
    return 1 + (await session.execute(select(func.count()).select_from(CardVersionRow))).scalar_one()


async def read_heads(session: AsyncSession) -> tuple[int, list[tuple[str, int]]]:
    """The snapshot's number, and id and version of every published card, by id: one statement, so one state."""
    stored = select(func.count().label("stored")).select_from(CardVersionRow).subquery()
    query = (
        select(stored.c.stored, CardRow.card_id, CardRow.version)
        .select_from(stored)
        .outerjoin(CardRow, CardRow.status == "published")
        .order_by(CardRow.card_id)
    )
    rows = (await session.execute(query)).all()
    return 1 + rows[0].stored, [(row.card_id, row.version) for row in rows if row.card_id is not None]


async def read_versions(session: AsyncSession, heads: Sequence[tuple[str, int]]) -> list[Row[Any]]:
    """Id, version and content of the named versions."""
    wanted = set(heads)
    found: list[Row[Any]] = []
    columns = select(CardVersionRow.card_id, CardVersionRow.version, CardVersionRow.content)
    if len(wanted) > _CHUNK:  # most of them: the newest version of every card in one go
        same = and_(CardVersionRow.card_id == CardRow.card_id, CardVersionRow.version == CardRow.version)
        newest = await session.execute(columns.join(CardRow, same).where(CardRow.status == "published"))
        found = [row for row in newest if (row.card_id, row.version) in wanted]
        wanted -= {(row.card_id, row.version) for row in found}  # what is left was changed again meanwhile
    rest = sorted(wanted)
    key = tuple_(CardVersionRow.card_id, CardVersionRow.version)
    for start in range(0, len(rest), _CHUNK):
        found += (await session.execute(columns.where(key.in_(rest[start : start + _CHUNK])))).all()
    return found


def unknown(heads: Sequence[tuple[str, int]], known: Mapping[str, Card]) -> list[tuple[str, int]]:
    """Those of ``heads`` that ``known`` (by id) does not have in this version."""
    return [(card_id, version) for card_id, version in heads if not _has(known, card_id, version)]


def _has(known: Mapping[str, Card], card_id: str, version: int) -> bool:
    card = known.get(card_id)
    return card is not None and card.version == version
