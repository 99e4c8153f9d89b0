"""The completion clock of records, read from the event log where there was none, and the configured part of their schema.

Revision: 0006, after 0005
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from callcue.infra.set_aside import bring_back, set_aside

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "completions",
        sa.Column("call_id", sa.String(128), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_ms", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_by", sa.String(200), nullable=True),
        sa.Column("confirmed_version", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.call_id"], name=op.f("fk_completions_call_id_calls"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_completions")),
    )
    op.create_index(op.f("ix_completions_ended_ms_call_id"), "completions", ["ended_ms", "call_id"])
    op.create_index(op.f("ix_completions_confirmed_ms_ended_ms"), "completions", ["confirmed_ms", "ended_ms"])
    op.create_table(
        "field_configs",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("saved_at", sa.String(40), nullable=False),
        sa.Column("saved_by", sa.String(200), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_field_configs")),
    )
    bring_back("field_configs")
    _fill()


def downgrade() -> None:
    set_aside("field_configs")
    op.drop_table("field_configs")
    op.drop_index(op.f("ix_completions_confirmed_ms_ended_ms"), "completions")
    op.drop_index(op.f("ix_completions_ended_ms_call_id"), "completions")
    op.drop_table("completions")


_BATCH = 500


def _fill() -> None:
    """The calls that ended before, and who confirmed their records, as the event log has it."""
    calls = sa.table("calls", sa.column("call_id", sa.String), sa.column("ended_at", sa.String))
    names = ("call_id", "ended_ms", "confirmed_ms", "confirmed_by", "confirmed_version")
    completions = sa.table("completions", *(sa.column(name) for name in names))
    connection = op.get_bind()
    confirmed = dict(_confirmations(connection))
    ended = connection.execute(sa.select(calls).where(calls.c.ended_at.is_not(None)).order_by(calls.c.call_id)).all()
    rows = [
        dict(zip(names, (call_id, _epoch_ms(ended_at), *confirmed.get(call_id, (None, None, None))), strict=True))
        for call_id, ended_at in ended
    ]
    for start in range(0, len(rows), _BATCH):
        connection.execute(sa.insert(completions), rows[start : start + _BATCH])


def _confirmations(connection: sa.Connection) -> Iterator[tuple[str, tuple[int, str, int]]]:
    """Call -> when, by whom and which version. A record is confirmed once."""
    events = sa.table(
        "events",
        *(sa.column(name) for name in ("call_id", "seq", "type", "written_at")),
        sa.column("body", sa.JSON()),
    )
    query = sa.select(events).where(events.c.type == "RecordConfirmed").order_by(events.c.call_id, events.c.seq)
    for event in connection.execute(query):
        body: dict[str, Any] = json.loads(event.body) if isinstance(event.body, str) else event.body
        yield event.call_id, (_epoch_ms(event.written_at), body["by"], body["version"])


def _epoch_ms(stamp: str) -> int:
    return int(datetime.fromisoformat(stamp).timestamp() * 1000)
