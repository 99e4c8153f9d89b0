"""The completion clock of records, and the configured part of their schema.

Revision: 0006, after 0005
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

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
    _fill()


def downgrade() -> None:
    op.drop_table("field_configs")
    op.drop_index(op.f("ix_completions_confirmed_ms_ended_ms"), "completions")
    op.drop_index(op.f("ix_completions_ended_ms_call_id"), "completions")
    op.drop_table("completions")


def _fill() -> None:
    """The calls that ended before: nobody has confirmed their records."""
    calls = sa.table("calls", sa.column("call_id", sa.String), sa.column("ended_at", sa.String))
    completions = sa.table("completions", sa.column("call_id", sa.String), sa.column("ended_ms", sa.BigInteger))
    connection = op.get_bind()
    ended = connection.execute(sa.select(calls).where(calls.c.ended_at.is_not(None))).all()
    rows = [
        {"call_id": call_id, "ended_ms": int(datetime.fromisoformat(ended_at).timestamp() * 1000)}
        for call_id, ended_at in ended
    ]
    if rows:
        connection.execute(sa.insert(completions), rows)
