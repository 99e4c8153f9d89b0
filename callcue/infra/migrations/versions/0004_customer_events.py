"""What customers did elsewhere, forecasts about them with their outcomes, and which forecasts are shown.

Revision: 0004, after 0003
"""

import sqlalchemy as sa
from alembic import op

from callcue.infra.set_aside import bring_back, set_aside

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "customer_events",
        sa.Column("event_id", sa.String(128), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.String(128), nullable=False),
        sa.Column("phone", sa.String(40), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("source", sa.String(200), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_customer_events")),
    )
    op.create_index(op.f("ix_customer_events_phone"), "customer_events", ["phone", "at_ms"])
    op.create_index(op.f("ix_customer_events_customer_id"), "customer_events", ["customer_id", "at_ms"])
    op.create_index(op.f("ix_customer_events_kind"), "customer_events", ["kind", "at_ms"])
    op.create_table(
        "forecasts",
        sa.Column("call_id", sa.String(128), nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("phone", sa.String(40), nullable=False),
        sa.Column("customer_id", sa.String(128), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("features", sa.JSON(), nullable=False),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Boolean(), nullable=True),
        sa.Column("outcome_by", sa.String(200), nullable=True),
        sa.Column("outcome_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.call_id"], name=op.f("fk_forecasts_call_id_calls"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("call_id", "name", name=op.f("pk_forecasts")),
    )
    op.create_index(op.f("ix_forecasts_name"), "forecasts", ["name", "model", "due_ms"])
    op.create_index(op.f("ix_forecasts_due_ms"), "forecasts", ["due_ms"])
    op.create_table(
        "forecast_switches",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", "number", name=op.f("pk_forecast_switches")),
    )
    bring_back("customer_events")
    bring_back("forecasts", {"call_id": "calls"})
    bring_back("forecast_switches")


def downgrade() -> None:
    for name in ("customer_events", "forecasts", "forecast_switches"):
        set_aside(name)
    op.drop_table("forecast_switches")
    op.drop_table("forecasts")
    op.drop_table("customer_events")
