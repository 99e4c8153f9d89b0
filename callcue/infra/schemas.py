"""The versions of the configured part of the record's schema, and the schema that they make."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from callcue.core.clock import SystemClock
from callcue.core.errors import BadInput, Conflict
from callcue.core.ports import Clock
from callcue.core.record_schema import FieldConfig, RecordSchema
from callcue.infra.codec import STRICT, dump_json
from callcue.infra.database import Database
from callcue.infra.tables import FieldConfigRow

MAX_NOTE = 1000
_CONFIG: TypeAdapter[dict[str, FieldConfig]] = TypeAdapter(dict[str, FieldConfig], config=STRICT)
_KEY = "config"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigVersion:
    """One version of the configuration: what it says, and who made it."""

    version: int
    config: FieldConfig
    saved_at: str
    """ISO 8601, UTC."""
    saved_by: str
    note: str


class SchemaStore:
    """Reads and writes the configuration. Processes may share a database: each sees what another one has saved."""

    def __init__(
        self, db: Database, clock: Clock | None = None, choices: Mapping[str, tuple[str, ...]] | None = None
    ) -> None:
        """``choices``: what fields take in place of what they are declared with, as a taxonomy of one's own has it."""
        self._db = db
        self._clock = clock or SystemClock()
        self._choices = choices or {}
        self._held = RecordSchema().with_choices(self._choices)
        self._asked_at: float | None = None

    async def current(self, max_age_s: float = 0.0) -> RecordSchema:
        """The schema in force; one that was read up to ``max_age_s`` seconds ago is good enough."""
        now = self._clock.monotonic()
        if self._asked_at is not None and now - self._asked_at < max_age_s:
            return self._held
        newest = await self._db.read("look up the version of the record's schema", _newest)
        if newest != self._held.version:
            versions = await self.versions()
            earlier = [spec for held in versions[:-1] for spec in held.config.fields]
            last = versions[-1]
            self._held = RecordSchema.of(last.version, last.config, earlier).with_choices(self._choices)
        self._asked_at = now
        return self._held

    async def versions(self) -> list[ConfigVersion]:
        """Every version from 1 on, oldest first."""

        async def work(session: AsyncSession) -> list[ConfigVersion]:
            rows = await session.scalars(select(FieldConfigRow).order_by(FieldConfigRow.version))
            return [_version(row) for row in rows]

        return await self._db.read("read the versions of the record's schema", work)

    async def save(self, config: FieldConfig, *, by: str, note: str = "", expected: int | None = None) -> RecordSchema:
        """Make ``config`` the newest version; the same as the newest makes none.

        Raises BadInput for a configuration that cannot be used, Conflict when ``expected`` is not the newest version.
        """
        if len(note) > MAX_NOTE:
            raise BadInput(f"the note has {len(note)} characters; at most {MAX_NOTE} are kept. Nothing was saved")
        versions = await self.versions()
        newest = versions[-1].version if versions else 0
        if expected is not None and expected != newest:
            raise _stale(newest, expected)
        config.checked([spec for held in versions for spec in held.config.fields])
        if versions and versions[-1].config == config:
            return await self.current()
        row = {
            "version": newest + 1,
            "config": _CONFIG.dump_python({_KEY: config}, mode="json")[_KEY],
            "saved_at": self._clock.now().isoformat(),
            "saved_by": by,
            "note": note.strip(),
        }

        async def work(session: AsyncSession) -> None:
            session.add(FieldConfigRow(**row))

        try:
            await self._db.write("save the record's schema", work)
        except IntegrityError:
            raise _stale(newest + 1, newest) from None
        return await self.current()


def _stale(newest: int, expected: int) -> Conflict:
    return Conflict(
        f"the record's schema is at version {newest}, not {expected}: somebody changed it since it was read. Nothing "
        "was saved; read it again and repeat the change"
    )


async def _newest(session: AsyncSession) -> int:
    return await session.scalar(select(func.max(FieldConfigRow.version))) or 0


def _version(row: FieldConfigRow) -> ConfigVersion:
    held: dict[str, Any] = {_KEY: row.config}
    return ConfigVersion(
        version=row.version,
        config=_CONFIG.validate_json(dump_json(held), strict=True)[_KEY],
        saved_at=row.saved_at,
        saved_by=row.saved_by,
        note=row.note,
    )
