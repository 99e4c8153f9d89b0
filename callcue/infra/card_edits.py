"""How cards came to be saved, what a save would change, and what keeps it out: a newer version, a status that does not
follow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from callcue.core.card_diff import FieldDiff, diff_forms
from callcue.core.cards import Card
from callcue.core.errors import Conflict, CurrentCard, NotFound, StaleCard, VersionNeeded
from callcue.core.lifecycle import step_trouble
from callcue.infra.tables import CardVersionRow

EditAction = Literal["save", "import", "restore", "status", "question"]
_SHOWN_REFUSALS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """How cards came to be saved, and what the edit was made from."""

    action: EditAction = "save"
    note: str = ""
    """Why."""
    expected: Mapping[str, int] = field(default_factory=dict)
    """Id -> the version that the edit was made from; 0: there was no such card. Cards that are not named are not
    checked."""


PLAIN = Edit()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a save would change about one card."""

    card_id: str
    version: int
    """The stored version that would be followed."""
    fields: tuple[FieldDiff, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a save would do."""

    added: tuple[str, ...] = ()
    changed: tuple[Change, ...] = ()
    unchanged: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    """Id and why: one such card, and nothing is saved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A card on its way into the database."""

    card: Card
    content: dict[str, Any]
    digest: str


Heads = Mapping[str, Row[tuple[int, str, str]]]
"""Id -> version, digest and status of the newest version."""


async def check_versions(
    session: AsyncSession, items: Sequence[Prepared], held: Heads, expected: Mapping[str, int]
) -> None:
    """Raise StaleCard for the first card that is not stored in the version that its edit was made from."""
    for item in items:
        card_id = item.card.id
        version = held[card_id].version if card_id in held else 0
        base = expected.get(card_id, version)
        if base == version:
            continue
        if version == 0:
            raise NotFound(f"there is no card {card_id!r} that could be changed. Nothing was saved")
        raise await _stale(session, card_id, base, version)


async def _stale(session: AsyncSession, card_id: str, base: int, version: int) -> StaleCard:
    query = select(CardVersionRow).where(CardVersionRow.card_id == card_id, CardVersionRow.version.in_({base, version}))
    rows = {row.version: row for row in await session.scalars(query)}
    newest = rows[version]
    current = CurrentCard(
        card_id=card_id,
        based_on=base,
        version=version,
        saved_by=newest.saved_by,
        saved_at=newest.saved_at,
        changes=diff_forms(rows[base].content, newest.content) if base in rows else (),
    )
    if base == 0:
        return VersionNeeded(
            f"there is a card {card_id!r} already, in version {version} by {newest.saved_by}; say which version your "
            "edit was made from. Nothing was saved",
            current,
        )
    return StaleCard(
        f"card {card_id!r} is at version {version}, saved by {newest.saved_by} at {newest.saved_at}; your edit was "
        f"made from version {base}. Nothing was saved: look at the changes and make your edit again on top of them",
        current,
    )


def check_statuses(changed: Sequence[Prepared], held: Heads) -> None:
    refused = refusals(changed, held)
    if refused:
        shown = "; ".join(f"card {card_id!r} {why}" for card_id, why in list(refused.items())[:_SHOWN_REFUSALS])
        more = len(refused) - _SHOWN_REFUSALS
        raise Conflict(f"{shown}{f'; and {more} more' if more > 0 else ''}. Nothing was saved")


def refusals(changed: Sequence[Prepared], held: Heads) -> dict[str, str]:
    """Id -> why its status cannot follow the stored one."""
    troubles = {item.card.id: step_trouble(held[item.card.id].status, item.card.status) for item in changed}
    return {card_id: why for card_id, why in troubles.items() if why}
