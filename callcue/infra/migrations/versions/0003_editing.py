"""Who changed a card how and why, its owner and end; agents' searches and verdicts on proposed questions.

Revision: 0003, after 0002
"""

from datetime import date, datetime, time

import sqlalchemy as sa
from alembic import op

from callcue.infra.set_aside import bring_back, bring_columns_back, set_aside

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    is_ack = sa.text("type = 'CardAck'")
    op.create_index(op.f("ix_events_acks"), "events", ["written_at"], sqlite_where=is_ack, postgresql_where=is_ack)
    op.add_column("cards", sa.Column("owner", sa.String(200), nullable=True))
    op.add_column("cards", sa.Column("ends_ms", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_cards_owner_card_id"), "cards", ["owner", "card_id"])
    op.create_index(op.f("ix_cards_ends_ms"), "cards", ["ends_ms"])
    op.add_column("card_versions", sa.Column("action", sa.String(16), server_default="save", nullable=False))
    op.add_column("card_versions", sa.Column("note", sa.Text(), server_default=sa.text("''"), nullable=False))
    _fill_heads()
    op.create_table(
        "card_searches",
        sa.Column("search_id", sa.String(128), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("agent", sa.String(200), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("call_id", sa.String(128), nullable=True),
        sa.Column("call_ms", sa.BigInteger(), nullable=True),
        sa.Column("card_id", sa.String(128), nullable=True),
        sa.Column("action", sa.String(16), nullable=True),
        sa.PrimaryKeyConstraint("search_id", name=op.f("pk_card_searches")),
    )
    op.create_index(op.f("ix_card_searches_at_ms"), "card_searches", ["at_ms"])
    bring_back("card_searches")
    bring_columns_back("card_versions", ("card_id", "version"))
    op.create_table(
        "question_verdicts",
        sa.Column("card_id", sa.String(128), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("at", sa.String(40), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.card_id"], name=op.f("fk_question_verdicts_card_id_cards")),
        sa.PrimaryKeyConstraint("card_id", "digest", name=op.f("pk_question_verdicts")),
    )
    bring_back("question_verdicts", {"card_id": "cards"})


def downgrade() -> None:
    set_aside("question_verdicts")
    set_aside("card_searches")
    set_aside("card_versions", ("card_id", "version", "action", "note"))
    op.drop_table("question_verdicts")
    op.drop_table("card_searches")
    op.drop_column("card_versions", "note")
    op.drop_column("card_versions", "action")
    op.drop_index(op.f("ix_cards_ends_ms"), "cards")
    op.drop_index(op.f("ix_cards_owner_card_id"), "cards")
    op.drop_column("cards", "ends_ms")
    op.drop_column("cards", "owner")
    op.drop_index(op.f("ix_events_acks"), "events")


def _fill_heads() -> None:
    """Owner and end of the cards that are there already, from their newest versions."""
    heads = sa.table(
        "cards",
        sa.column("card_id", sa.String),
        sa.column("version", sa.Integer),
        sa.column("owner", sa.String),
        sa.column("ends_ms", sa.BigInteger),
    )
    versions = sa.table(
        "card_versions",
        sa.column("card_id", sa.String),
        sa.column("version", sa.Integer),
        sa.column("content", sa.JSON),
    )
    connection = op.get_bind()
    newest = sa.select(versions.c.card_id, versions.c.content).join(
        heads, sa.and_(heads.c.card_id == versions.c.card_id, heads.c.version == versions.c.version)
    )
    for card_id, content in connection.execute(newest).all():
        owner, valid_to = content.get("owner"), content.get("valid_to")
        if owner or valid_to:
            values = {"owner": owner, "ends_ms": _ends_ms(valid_to) if valid_to else None}
            connection.execute(sa.update(heads).where(heads.c.card_id == card_id).values(**values))


def _ends_ms(text: str) -> int:
    try:
        moment = datetime.combine(date.fromisoformat(text), time.max)
    except ValueError:
        moment = datetime.fromisoformat(text)
    zone = datetime.now().astimezone().tzinfo
    moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    epoch = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    return int((moment - epoch).total_seconds() * 1000)
