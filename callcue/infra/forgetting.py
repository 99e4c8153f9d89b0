"""Forget a customer: what other systems told, what was foretold, and, where it is asked for, the calls themselves.

What ties a customer's numbers and ids together goes last, so that a run that was cut off can be repeated. Every call is
a transaction of its own: live calls write in between.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from sqlalchemy import ColumnElement, Table, Text, and_, cast, delete, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from callcue.core.customer_events import Customer
from callcue.core.field_spec import FieldKind
from callcue.infra.blotting import Blot, Place, field_places
from callcue.infra.customer_events import CustomerEventStore, Keys, written_phones
from callcue.infra.customer_tables import CustomerEventRow, ForecastRow, OrderRow
from callcue.infra.database import Database
from callcue.infra.tables import (
    Base,
    CallTableRow,
    CardSearchRow,
    CardShowRow,
    EventRow,
    FieldConfigRow,
    QuestionRow,
    RecordRow,
    TopicRow,
)

_SPOKEN: Mapping[type[Base], Mapping[str, Place | Literal["event", "record"]]] = {
    EventRow: {"body": "event"},
    CallTableRow: {"caller": "key"},
    RecordRow: {"fields": "record"},
    CardShowRow: {"query": "words"},
    QuestionRow: {"text": "words"},
    TopicRow: {"title": "words", "note": "words"},
    CardSearchRow: {"query": "words"},
    ForecastRow: {"phone": "key", "customer_id": "key"},
}
"""Tables and columns in which a number or an id may stand because somebody said or wrote it. Cards and settings are
nobody's."""
_ID_FIELD = "cross_channel_id"
_TOLD = "CustomerKnown"
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
        blot, count = Blot(keys, field_places(await self._db.read("read the added fields", _added_kinds))), 0
        for model in _SPOKEN:
            found = await self._db.read("look for a customer", partial(_mentions, model=model, keys=keys))
            rows = [row for row in found if row.get("call_id") not in running]
            for start in range(0, len(rows), _PAGE):
                work = partial(_write_masked, model=model, rows=rows[start : start + _PAGE], blot=blot)
                count += await self._db.write("blot out a customer", work)
        return count


async def _calls_of(session: AsyncSession, keys: Keys) -> dict[str, bool]:
    """Call -> whether it is over: calls from the customer's numbers, and those that are the id's.

    Told are often several customers, one after the other: the record's word counts, else the newest that was told.
    """
    found: set[str] = set()
    if keys.phones:
        written = [form for phone in sorted(keys.phones) for form in written_phones(phone)]
        found |= set(await session.scalars(select(CallTableRow.call_id).where(CallTableRow.caller.in_(written))))
        by_phone = select(ForecastRow.call_id).where(ForecastRow.phone.in_(sorted(keys.phones)))
        found |= set(await session.scalars(by_phone))
    for call_id in sorted(await _named(session, keys) - found):
        if await _customer_id(session, call_id) in {*keys.ids, None}:
            found.add(call_id)
    query_ended = select(CallTableRow.call_id, CallTableRow.ended_at).where(CallTableRow.call_id.in_(sorted(found)))
    return {call_id: ended is not None for call_id, ended in (await session.execute(query_ended)).all()}


async def _named(session: AsyncSession, keys: Keys) -> set[str]:
    """The calls whose record, profile or forecast named one of the ids at some time."""
    found = set(await session.scalars(select(ForecastRow.call_id).where(ForecastRow.customer_id.in_(sorted(keys.ids)))))
    for name in keys.ids:
        like = f"%{_escaped(name)}%"
        records = select(RecordRow).where(cast(RecordRow.fields, Text).like(like, escape="\\"))
        held = [(row.call_id, row.fields.get(_ID_FIELD)) for row in await session.scalars(records)]
        found |= {call_id for call_id, value in held if isinstance(value, Mapping) and value.get("value") == name}
        told = select(EventRow).where(EventRow.type == _TOLD, cast(EventRow.body, Text).like(like, escape="\\"))
        rows = await session.scalars(told)
        found |= {row.call_id for row in rows if row.body.get("profile", {}).get("customer_id") == name}
    return found


async def _customer_id(session: AsyncSession, call_id: str) -> str | None:
    """Whose call it is; empty: nobody's whose id is known. None: neither record nor profile says anything."""
    record = await session.get(RecordRow, call_id)
    held = None if record is None else record.fields.get(_ID_FIELD)
    if isinstance(held, Mapping):
        return str(held.get("value") or "")
    query = select(EventRow).where(EventRow.call_id == call_id, EventRow.type == _TOLD)
    newest = (await session.scalars(query.order_by(EventRow.seq.desc()).limit(1))).first()
    return None if newest is None else str(newest.body.get("profile", {}).get("customer_id", ""))


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


async def _added_kinds(session: AsyncSession) -> dict[str, FieldKind]:
    configs = await session.scalars(select(FieldConfigRow.config))
    return {spec["name"]: spec["kind"] for config in configs for spec in config.get("fields", ()) if "kind" in spec}


async def _mentions(session: AsyncSession, model: type[Base], keys: Keys) -> list[dict[str, Any]]:
    """The rows in which one of the numbers or ids stands somewhere."""
    wanted = [*keys.phones, *keys.ids]
    table = model.__table__
    texts = [cast(table.c[name], Text) for name in _SPOKEN[model]]
    if not wanted:
        return []
    query = select(table).where(
        or_(*(text.like(f"%{_escaped(one)}%", escape="\\") for text in texts for one in wanted))
    )
    return [dict(row) for row in (await session.execute(query)).mappings()]


async def _write_masked(session: AsyncSession, model: type[Base], rows: Sequence[Mapping[str, Any]], blot: Blot) -> int:
    table: Table = model.__table__  # type: ignore[assignment]
    count = 0
    for row in rows:
        blotted = {name: _blotted(row[name], place, blot) for name, place in _SPOKEN[model].items()}
        fresh = {name: value for name, value in blotted.items() if value != row[name]}
        if fresh:
            same = and_(*(column == row[column.name] for column in table.primary_key.columns))
            await session.execute(table.update().where(same).values(**fresh))
            count += 1
    return count


def _blotted(value: Any, place: Place | Literal["event", "record"], blot: Blot) -> Any:
    if place == "event":
        return blot.event(value)
    return blot.record(value) if place == "record" else blot.value(value, place)


def _escaped(text: str) -> str:
    return re.sub(r"([%_\\])", r"\\\1", text)
