"""Forget a customer: what other systems told, what was foretold, and, where it is asked for, the calls themselves.

What ties a customer's numbers and ids together goes last, so that a run that was cut off can be repeated. Every call is
a transaction of its own: live calls write in between.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import JSON, Column, ColumnElement, String, Table, Text, and_, cast, delete, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from callcue.core.customer_events import Customer
from callcue.infra.customer_events import CustomerEventStore, Keys, written_phones
from callcue.infra.customer_tables import CustomerEventRow, ForecastRow, OrderRow
from callcue.infra.database import Database
from callcue.infra.tables import (
    CallTableRow,
    CardSearchRow,
    CardShowRow,
    EventRow,
    QuestionRow,
    RecordRow,
    TopicRow,
)

_SPOKEN = (EventRow, CallTableRow, RecordRow, CardShowRow, QuestionRow, TopicRow, CardSearchRow, ForecastRow)
"""Tables in which a number or an id may stand because somebody said or wrote it. Cards and settings are nobody's."""
_LEAST_WRITTEN = 6
"""Characters from which a number or an id is looked for inside longer texts; shorter ones could be anything, and go
where they are the whole value."""
_PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What went, and what did not."""

    events: int
    forecasts: int
    orders: int
    calls: int
    """Calls that went with everything that hung on them."""
    kept_calls: int
    """Calls of this customer that are still there: not asked for, or running."""
    masked: int
    """Rows in which a number or an id was replaced by ``#``, because others spoke of it."""


class Forgetting:
    """Deletes what is held of one customer, under every number and id that events tie together."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def forget(self, customer: Customer, *, calls: bool = False) -> Forgotten:
        """``calls``: the customer's calls go, too, and wherever else a number or an id stands it is blotted out."""
        keys = await CustomerEventStore(self._db).keys(customer)
        mine = await self._db.read("look for a customer's calls", partial(_calls_of, keys=keys))
        gone = [call_id for call_id, ended in mine.items() if calls and ended]
        for call_id in gone:
            await self._db.write("forget a call", partial(_drop_call, call_id=call_id))
        masked = await self._mask(keys) if calls else 0
        count = partial(_drop_told, keys=keys)
        events, forecasts, orders = await self._db.write("forget a customer", count)
        return Forgotten(
            events=events,
            forecasts=forecasts,
            orders=orders,
            calls=len(gone),
            kept_calls=len(mine) - len(gone),
            masked=masked,
        )

    async def _mask(self, keys: Keys) -> int:
        """Of calls that run still, the log is left alone: it is being written."""
        running = await self._db.read("look for live calls", _running)
        blot, count = _blot(keys), 0
        for model in _SPOKEN:
            table: Table = model.__table__  # type: ignore[assignment]
            found = await self._db.read("look for a customer", partial(_mentions, table=table, keys=keys))
            rows = [row for row in found if row.get("call_id") not in running]
            for start in range(0, len(rows), _PAGE):
                work = partial(_write_masked, table=table, rows=rows[start : start + _PAGE], blot=blot)
                count += await self._db.write("blot out a customer", work)
        return count


async def _calls_of(session: AsyncSession, keys: Keys) -> dict[str, bool]:
    """Call -> whether it is over: calls from the customer's numbers, and those whose record or profile has the id."""
    found: set[str] = set()
    if keys.phones:
        written = [form for phone in sorted(keys.phones) for form in written_phones(phone)]
        found |= set(await session.scalars(select(CallTableRow.call_id).where(CallTableRow.caller.in_(written))))
    if keys.phones or keys.ids:
        query = select(ForecastRow.call_id).where(_owned(ForecastRow.phone, ForecastRow.customer_id, keys))
        found |= set(await session.scalars(query))
    for name in keys.ids:
        like = f"%{_escaped(name)}%"
        records = select(RecordRow).where(cast(RecordRow.fields, Text).like(like, escape="\\"))
        found |= {row.call_id for row in await session.scalars(records) if _is_id(row.fields, name)}
        told = select(EventRow).where(
            EventRow.type == "CustomerKnown", cast(EventRow.body, Text).like(like, escape="\\")
        )
        rows = await session.scalars(told)
        found |= {row.call_id for row in rows if row.body.get("profile", {}).get("customer_id") == name}
    query_ended = select(CallTableRow.call_id, CallTableRow.ended_at).where(CallTableRow.call_id.in_(sorted(found)))
    return {call_id: ended is not None for call_id, ended in (await session.execute(query_ended)).all()}


def _is_id(fields: Mapping[str, Any], name: str) -> bool:
    held = fields.get("cross_channel_id")
    return isinstance(held, Mapping) and held.get("value") == name


async def _running(session: AsyncSession) -> set[str]:
    return set(await session.scalars(select(CallTableRow.call_id).where(CallTableRow.ended_at.is_(None))))


async def _drop_call(session: AsyncSession, call_id: str) -> None:
    """Whatever refers to the call goes with its row."""
    for model in (RecordRow, CardSearchRow, EventRow, CallTableRow):
        await session.execute(delete(model).where(model.call_id == call_id))


async def _drop_told(session: AsyncSession, keys: Keys) -> tuple[int, int, int]:
    counts = []
    for model, mine in (
        (ForecastRow, _owned(ForecastRow.phone, ForecastRow.customer_id, keys)),
        (OrderRow, _owned(OrderRow.phone, None, keys)),
        (CustomerEventRow, _owned(CustomerEventRow.phone, CustomerEventRow.customer_id, keys)),
    ):
        counts.append(await session.scalar(select(func.count()).select_from(model).where(mine)) or 0)
        await session.execute(delete(model).where(mine))
    forecasts, orders, events = counts
    return events, forecasts, orders


def _owned(phone: Any, customer_id: Any, keys: Keys) -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = [phone.in_(sorted(keys.phones))] if keys.phones else []
    if keys.ids and customer_id is not None:
        parts.append(customer_id.in_(sorted(keys.ids)))
    return or_(*parts) if parts else false()


async def _mentions(session: AsyncSession, table: Table, keys: Keys) -> list[dict[str, Any]]:
    """The rows in which one of the numbers or ids stands somewhere."""
    wanted = [*keys.phones, *keys.ids]
    texts = [cast(column, Text) for column in _texts(table)]
    if not wanted:
        return []
    query = select(table).where(
        or_(*(text.like(f"%{_escaped(one)}%", escape="\\") for text in texts for one in wanted))
    )
    return [dict(row) for row in (await session.execute(query)).mappings()]


async def _write_masked(
    session: AsyncSession, table: Table, rows: Sequence[Mapping[str, Any]], blot: Callable[[Any], Any]
) -> int:
    count = 0
    for row in rows:
        fresh = {c.name: blot(row[c.name]) for c in _texts(table) if blot(row[c.name]) != row[c.name]}
        if fresh:
            same = and_(*(column == row[column.name] for column in table.primary_key.columns))
            await session.execute(table.update().where(same).values(**fresh))
            count += 1
    return count


def _texts(table: Table) -> list[Column[Any]]:
    """Columns that may hold words; keys name other things."""
    return [column for column in table.columns if isinstance(column.type, String | JSON) and not column.primary_key]


def _blot(keys: Keys) -> Callable[[Any], Any]:
    """A function that replaces numbers and ids by as many ``#``: places in a text stay where they are."""
    wanted = {*keys.phones, *keys.ids}
    long_phones = [re.escape(phone) for phone in keys.phones if len(phone) >= _LEAST_WRITTEN]
    parts = [rf"(?<!\d)(?:(?:00)?86|0)?{phone}(?!\d)" for phone in long_phones]
    parts += [rf"(?<![\w@-]){re.escape(name)}(?![\w@-])" for name in keys.ids if len(name) >= _LEAST_WRITTEN]
    inside = re.compile("|".join(parts)) if parts else None

    def blot(value: Any) -> Any:
        if isinstance(value, str):
            if value in wanted:
                return "#" * len(value)
            return inside.sub(lambda found: "#" * len(found[0]), value) if inside else value
        if isinstance(value, list):
            return [blot(one) for one in value]
        return {name: blot(one) for name, one in value.items()} if isinstance(value, dict) else value

    return blot


def _escaped(text: str) -> str:
    return re.sub(r"([%_\\])", r"\\\1", text)
