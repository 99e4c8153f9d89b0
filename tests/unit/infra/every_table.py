"""Something in every table: what the events of two calls leave behind, and a row of whatever no event is about."""

from typing import Any

from sqlalchemy import LargeBinary, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase

from callcue.infra.customer_tables import CustomerEventRow, ForecastRow, ForecastSwitchRow, OrderRow
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from callcue.infra.tables import (
    AuditRow,
    Base,
    CallOutcomeRow,
    CardRow,
    CardSearchRow,
    CardShowRow,
    CardVersionRow,
    FieldConfigRow,
    QuestionRow,
    QuestionVerdictRow,
    TopicRow,
)
from tests.unit.infra import samples

PHONE = "13800138000"
CUSTOMER = "kunde-4711"
Content = dict[str, list[dict[str, Any]]]


async def fill(database: Database, log: EventLog) -> None:
    """Two calls: one that was confirmed, one whose record is open; and one that runs."""
    acked = samples.ack()
    await log.append(
        samples.started(), samples.push(), acked, samples.updated(), samples.final(), samples.ended(),
        samples.confirmed(),
    )  # fmt: skip
    await log.append(samples.started("c2"), samples.updated("c2"), samples.ended("c2"))
    await log.append(samples.started("c3"))
    await database.write("fill the tables", _rows)


async def _rows(session: AsyncSession) -> None:
    await session.execute(update(CardShowRow).values(vector=b"\x01\xfe", embedder="e"))
    for row in _made():
        session.add(row)
        await session.flush()


def _made() -> list[DeclarativeBase]:
    owner = {"owner": "li", "valid_to": "2026-12-31T12:00:00+00:00", "title": "发票", "big": 12345678901234567890}
    return [
        CardRow(
            card_id="kb-1", version=1, status="published", lang="zh", digest="d", owner="li", ends_ms=1798718400000
        ),
        CardVersionRow(
            card_id="kb-1", version=1, content=owner, saved_at="t", saved_by="li", action="import", note="为什么"
        ),
        CardRow(card_id="kb-2", version=1, status="draft", lang="en", digest="d2", owner=None, ends_ms=None),
        CardVersionRow(card_id="kb-2", version=1, content={"title": "x"}, saved_at="t", saved_by="li"),
        TopicRow(
            topic_id="t1", title="发票", lang="zh", state="open", owner="li", opened_ms=1, due_ms=2, note="",
            changed_by="li",
        ),
        QuestionRow(
            call_id="c1", segment_id="s1", why="silent", asked_ms=5, lang="zh", text="怎么开票", topic_id="t1",
            card_id="kb-1", score=0.25, vector=b"\x00\x01\xff", embedder="e",
        ),
        CallOutcomeRow(call_id="c1", transferred=True, noted_ms=7, noted_by="pbx"),
        AuditRow(
            month="2026-11", card_id="kb-1", card_version=1, stratum="s", of=3, drawn_ms=1, drawn_by="li", note="",
        ),
        CardSearchRow(search_id="q1", at_ms=1, agent="a1", query="发票", call_id="c1"),
        QuestionVerdictRow(card_id="kb-1", digest="f", verdict="rejected", by="li", at="t"),
        CustomerEventRow(
            event_id="e1", kind="order", at_ms=3, customer_id=CUSTOMER, phone=PHONE, subject="耳机", source="POS",
            received_ms=4,
        ),
        ForecastRow(
            call_id="c1", name="visit_7d", model="m", phone=PHONE, customer_id=CUSTOMER, probability=0.125,
            features={"lead": 1.0}, shown=False, made_ms=1, due_ms=2, outcome=True, outcome_by="events", outcome_ms=3,
        ),
        ForecastSwitchRow(name="visit_7d", number=1, model="m", state="shown", at_ms=1, by="sue", reason="好"),
        OrderRow(
            order_no="20773186", phone=PHONE, ordered_on="2026-10-14", products=["耳机", "壳"], amount="599", status="",
            imported_at="t",
        ),
        FieldConfigRow(
            version=1, config={"fields": [{"name": "x.live", "label": "直播"}]}, saved_at="t", saved_by="li", note="n"
        ),
    ]  # fmt: skip


async def content(database: Database) -> Content:
    """Every row of every table, as values."""

    async def work(session: AsyncSession) -> Content:
        found: Content = {}
        for table in Base.metadata.sorted_tables:
            rows = (await session.execute(select(table).order_by(*table.primary_key.columns))).mappings().all()
            found[table.name] = [dict(row) for row in rows]
        return found

    return await database.read("read everything", work)


def without_vectors(found: Content) -> Content:
    """Without what the service makes anew by itself."""
    binary = {
        (table.name, column.name)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary) or column.name == "embedder"
    }
    return {
        name: [{key: value for key, value in row.items() if (name, key) not in binary} for row in rows]
        for name, rows in found.items()
    }
