"""Events, calls, records, knowledge cards.

Revision: 0001, the first
"""

import sqlalchemy as sa
from alembic import op

from callcue.infra.set_aside import drop_kept

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("call_id", sa.String(128), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("written_at", sa.String(40), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.CheckConstraint("seq >= 1", name=op.f("ck_events_seq_from_1")),
        sa.PrimaryKeyConstraint("call_id", "seq", name=op.f("pk_events")),
    )
    op.create_table(
        "calls",
        sa.Column("call_id", sa.String(128), nullable=False),
        sa.Column("agent_id", sa.String(128), nullable=True),
        sa.Column("caller", sa.Text(), nullable=True),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("channels", sa.JSON(), nullable=False),
        sa.Column("sample_rate", sa.Integer(), nullable=False),
        sa.Column("encoding", sa.String(16), nullable=False),
        sa.Column("started_at", sa.String(40), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.String(40), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=True),
        sa.Column("end_reason", sa.String(40), nullable=True),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_calls")),
    )
    op.create_index(op.f("ix_calls_started_ms_call_id"), "calls", ["started_ms", "call_id"])
    op.create_index(op.f("ix_calls_agent_id_started_ms"), "calls", ["agent_id", "started_ms"])
    op.create_index(op.f("ix_calls_ended_at"), "calls", ["ended_at"])
    op.create_table(
        "records",
        sa.Column("call_id", sa.String(128), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("updated_at", sa.String(40), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["calls.call_id"], name=op.f("fk_records_call_id_calls")),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_records")),
    )
    op.create_table(
        "cards",
        sa.Column("card_id", sa.String(128), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("lang", sa.String(16), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("card_id", name=op.f("pk_cards")),
    )
    op.create_index(op.f("ix_cards_status_card_id"), "cards", ["status", "card_id"])
    op.create_table(
        "card_versions",
        sa.Column("card_id", sa.String(128), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("saved_at", sa.String(40), nullable=False),
        sa.Column("saved_by", sa.String(200), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.card_id"], name=op.f("fk_card_versions_card_id_cards")),
        sa.PrimaryKeyConstraint("card_id", "version", name=op.f("pk_card_versions")),
    )


def downgrade() -> None:
    """Everything goes, what later migrations set aside as well: it belongs to these calls and cards."""
    drop_kept(*_KEPT)
    op.drop_table("card_versions")
    op.drop_table("cards")
    op.drop_table("records")
    op.drop_table("calls")
    op.drop_table("events")


_KEPT = (
    "topics",
    "questions",
    "call_outcomes",
    "audits",
    "card_versions",
    "card_searches",
    "question_verdicts",
    "customer_events",
    "forecasts",
    "forecast_switches",
    "orders",
    "field_configs",
)
