"""Forecasts, their outcomes, and the switches that say which are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from callcue.core.errors import NotFound
from callcue.infra.customer_tables import ForecastRow, ForecastSwitchRow
from callcue.infra.database import Database

BY_EVENTS = "events"
"""Who set an outcome that was found in events and calls."""
SwitchState = Literal["watching", "shown", "off"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """One predictive tag of one call."""

    call_id: str
    name: str
    model: str
    phone: str
    customer_id: str
    probability: float
    features: Mapping[str, float]
    shown: bool
    made_ms: int
    """Epoch milliseconds, as all here."""
    due_ms: int
    outcome: bool | None = None
    outcome_by: str | None = None
    outcome_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """What was decided about a predictive tag, by whom and why."""

    name: str
    model: str
    state: SwitchState
    at_ms: int
    by: str
    reason: str
    number: int = 0
    """From 1 within the name; 0: nothing was decided yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An outcome to write; ``happened`` None: nobody can tell any more."""

    call_id: str
    name: str
    happened: bool | None


_FIELDS = tuple(Forecast.__dataclass_fields__)
_SWITCH = tuple(Switch.__dataclass_fields__)


class ForecastStore:
    """Reads and writes them."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, forecasts: Sequence[Forecast]) -> None:
        """Keep new ones; a call that has some already keeps those."""

        async def work(session: AsyncSession) -> None:
            for one in forecasts:
                if await session.get(ForecastRow, (one.call_id, one.name)) is None:
                    session.add(ForecastRow(**{name: _plain(getattr(one, name)) for name in _FIELDS}))

        if forecasts:
            await self._db.write(f"keep {len(forecasts)} forecast(s)", work)

    async def of_call(self, call_id: str) -> list[Forecast]:
        """Those of one call, by name."""
        return await self._read(select(ForecastRow).where(ForecastRow.call_id == call_id).order_by(ForecastRow.name))

    async def drop_of_others(self, call_id: str, customer_id: str) -> list[str]:
        """Delete those of the call that were made about another customer id; returns the models that had made them."""
        wrong = (ForecastRow.call_id == call_id) & ForecastRow.customer_id.not_in(["", customer_id])

        async def work(session: AsyncSession) -> list[str]:
            models = list(await session.scalars(select(ForecastRow.model).where(wrong).distinct()))
            await session.execute(delete(ForecastRow).where(wrong))
            return models

        return await self._db.write("drop forecasts about somebody else", work)

    async def open(self, *, due_before_ms: int, limit: int = 2000, after: Forecast | None = None) -> list[Forecast]:
        """Without an outcome though their horizon has passed, oldest first; ``after``: the last of the page before."""
        row = ForecastRow
        query = select(row).where(row.due_ms <= due_before_ms, row.outcome_by.is_(None))
        if after is not None:
            query = query.where(tuple_(row.due_ms, row.call_id, row.name) > (after.due_ms, after.call_id, after.name))
        return await self._read(query.order_by(row.due_ms, row.call_id, row.name).limit(limit))

    async def cases(
        self, name: str, model: str | None, *, made_from_ms: int, due_to_ms: int, limit: int
    ) -> list[Forecast]:
        """Scored ones of a tag, the newest ``limit`` by the end of their horizon, oldest first."""
        query = select(ForecastRow).where(
            ForecastRow.name == name,
            ForecastRow.outcome.is_not(None),
            ForecastRow.made_ms >= made_from_ms,
            ForecastRow.due_ms <= due_to_ms,
        )
        if model is not None:
            query = query.where(ForecastRow.model == model)
        found = await self._read(query.order_by(ForecastRow.due_ms.desc(), ForecastRow.call_id).limit(limit))
        return found[::-1]

    async def tell(self, told: Sequence[Told], *, by: str, at_ms: int) -> None:
        """Write outcomes. What somebody said stands against what events show."""

        async def work(session: AsyncSession) -> None:
            for one in told:
                row = await session.get(ForecastRow, (one.call_id, one.name))
                if row is None:
                    raise NotFound(f"call {one.call_id[:128]!r} has no forecast {one.name[:32]!r}")
                if by == BY_EVENTS and row.outcome_by not in (None, BY_EVENTS):
                    continue
                row.outcome, row.outcome_by, row.outcome_ms = one.happened, by, at_ms

        if told:
            await self._db.write(f"write {len(told)} outcome(s)", work)

    async def settled(self, *, from_ms: int, to_ms: int) -> bool:
        """Whether any outcome was found by events for a time that touches this one."""
        query = select(ForecastRow.call_id).where(
            ForecastRow.made_ms < to_ms, ForecastRow.due_ms >= from_ms, ForecastRow.outcome_by == BY_EVENTS
        )

        async def work(session: AsyncSession) -> bool:
            return (await session.execute(query.limit(1))).first() is not None

        return await self._db.read("look for outcomes", work)

    async def reopen(self, phones: Sequence[str], ids: Sequence[str], *, at_ms: int) -> None:
        """An event of a customer came late: outcomes that were found without it are looked for again."""
        mine = (ForecastRow.phone.in_([p for p in phones if p])) | (ForecastRow.customer_id.in_([i for i in ids if i]))
        query = (
            update(ForecastRow)
            .where(mine, ForecastRow.made_ms < at_ms, ForecastRow.due_ms >= at_ms, ForecastRow.outcome_by == BY_EVENTS)
            .values(outcome=None, outcome_by=None, outcome_ms=None)
        )

        async def work(session: AsyncSession) -> None:
            await session.execute(query)

        await self._db.write("look at outcomes again", work)

    async def switches(self) -> list[Switch]:
        """Every decision, oldest first within a name."""
        query = select(ForecastSwitchRow).order_by(ForecastSwitchRow.name, ForecastSwitchRow.number)

        async def work(session: AsyncSession) -> list[Switch]:
            return [_switch(row) for row in await session.scalars(query)]

        return await self._db.read("read the switches", work)

    async def switch(self, decision: Switch) -> Switch:
        """Write a decision as the newest of its name."""

        async def work(session: AsyncSession) -> Switch:
            newest = select(func.max(ForecastSwitchRow.number)).where(ForecastSwitchRow.name == decision.name)
            number = ((await session.execute(newest)).scalar() or 0) + 1
            values: dict[str, Any] = {name: getattr(decision, name) for name in _SWITCH} | {"number": number}
            session.add(ForecastSwitchRow(**values))
            return Switch(**values)

        return await self._db.write(f"switch {decision.name}", work)

    async def _read(self, query: Any) -> list[Forecast]:
        async def work(session: AsyncSession) -> list[Forecast]:
            return [Forecast(**{name: getattr(row, name) for name in _FIELDS}) for row in await session.scalars(query)]

        return await self._db.read("read forecasts", work)


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def _switch(row: ForecastSwitchRow) -> Switch:
    values: dict[str, Any] = {name: getattr(row, name) for name in _SWITCH}
    return Switch(**values | {"state": cast(SwitchState, row.state)})
