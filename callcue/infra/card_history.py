"""Who saved which version of a card when, how and why; and what differs between two of them."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from callcue.core.card_diff import FieldDiff, diff_forms
from callcue.core.errors import NotFound
from callcue.infra.card_forms import MAX_ID
from callcue.infra.database import Database
from callcue.infra.tables import CardVersionRow

MAX_VERSIONS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionInfo:
    """One version of a card, without its text."""

    version: int
    status: str
    title: str
    saved_at: str
    """ISO 8601, UTC."""
    saved_by: str
    action: str
    """``save``, ``import``, ``restore``, ``status`` or ``question``."""
    note: str
    """Why, in the author's words; empty where none was given."""


class CardHistory:
    """Reads the versions of cards."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def versions(self, card_id: str) -> list[VersionInfo]:
        """The newest 1000, newest first. Raises NotFound for an unknown card."""
        query = (
            select(CardVersionRow)
            .where(CardVersionRow.card_id == card_id)
            .order_by(CardVersionRow.version.desc())
            .limit(MAX_VERSIONS)
        )

        async def work(session: AsyncSession) -> list[VersionInfo]:
            return [_info(row) for row in await session.scalars(query)]

        found = await self._db.read("read the versions of a card", work)
        if not found:
            raise NotFound(f"there is no card {card_id[:MAX_ID]!r}")
        return found

    async def diff(self, card_id: str, old: int, new: int) -> tuple[FieldDiff, ...]:
        """What changed from version ``old`` to version ``new``. Raises NotFound."""
        query = select(CardVersionRow.version, CardVersionRow.content).where(
            CardVersionRow.card_id == card_id, CardVersionRow.version.in_({old, new})
        )

        async def work(session: AsyncSession) -> dict[int, dict[str, Any]]:
            return {row.version: row.content for row in await session.execute(query)}

        found = await self._db.read("compare two versions of a card", work)
        missing = [str(version) for version in (old, new) if version not in found]
        if missing:
            raise NotFound(f"card {card_id[:MAX_ID]!r} has no version {' and '.join(missing)}")
        return diff_forms(found[old], found[new])


def _info(row: CardVersionRow) -> VersionInfo:
    return VersionInfo(
        version=row.version,
        status=row.content["status"],
        title=row.content["title"],
        saved_at=row.saved_at,
        saved_by=row.saved_by,
        action=row.action,
        note=row.note,
    )
