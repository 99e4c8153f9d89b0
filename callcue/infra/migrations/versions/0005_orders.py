"""The orders of the shop, against which a call's facts are checked.

Revision: 0005, after 0004
"""

import sqlalchemy as sa
from alembic import op

from callcue.infra.set_aside import bring_back, set_aside

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column("order_no", sa.String(32), nullable=False),
        sa.Column("phone", sa.String(16), nullable=False),
        sa.Column("ordered_on", sa.String(10), nullable=False),
        sa.Column("products", sa.JSON(), nullable=False),
        sa.Column("amount", sa.String(16), nullable=False),
        sa.Column("status", sa.String(200), nullable=False),
        sa.Column("imported_at", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("order_no", name=op.f("pk_orders")),
    )
    op.create_index(op.f("ix_orders_phone_ordered_on"), "orders", ["phone", "ordered_on"])
    op.create_index(op.f("ix_orders_ordered_on"), "orders", ["ordered_on"])
    bring_back("orders")


def downgrade() -> None:
    set_aside("orders")
    op.drop_table("orders")
