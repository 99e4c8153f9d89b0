"""Cards shown and acknowledged, unanswered questions and their topics, outcomes of calls, audits.

What was pushed and acknowledged before is taken over from the event log. The vectors of what was pushed go on the way
down: the service makes them anew.

Revision: 0002, after 0001
"""

import json
from datetime import datetime

import sqlalchemy as sa
from alembic import op

from callcue.infra.masking import masked
from callcue.infra.set_aside import bring_back, set_aside

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "card_shows",
        sa.Column("call_id", sa.String(128), nullable=False),
        sa.Column("push_seq", sa.Integer(), nullable=False),
        sa.Column("card_id", sa.String(128), nullable=False),
        sa.Column("card_version", sa.Integer(), nullable=False),
        sa.Column("shown_ms", sa.BigInteger(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=True),
        sa.Column("embedder", sa.String(200), nullable=True),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.call_id"], name=op.f("fk_card_shows_call_id_calls"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("call_id", "push_seq", name=op.f("pk_card_shows")),
    )
    op.create_index(op.f("ix_card_shows_card_id_shown_ms"), "card_shows", ["card_id", "shown_ms"])
    op.create_index(op.f("ix_card_shows_shown_ms"), "card_shows", ["shown_ms"])
    op.create_table(
        "card_acks",
        sa.Column("call_id", sa.String(128), nullable=False),
        sa.Column("push_seq", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("acked_ms", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["call_id", "push_seq"],
            ["card_shows.call_id", "card_shows.push_seq"],
            name=op.f("fk_card_acks_call_id_card_shows"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("call_id", "push_seq", "by", name=op.f("pk_card_acks")),
    )
    op.create_index(op.f("ix_card_acks_acked_ms"), "card_acks", ["acked_ms"])
    op.create_table(
        "topics",
        sa.Column("topic_id", sa.String(128), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("lang", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("drafted_ms", sa.BigInteger(), nullable=True),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.Column("card_id", sa.String(128), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.String(200), nullable=False),
        sa.Column("merged_into", sa.String(128), nullable=True),
        sa.PrimaryKeyConstraint("topic_id", name=op.f("pk_topics")),
    )
    op.create_index(op.f("ix_topics_state_due_ms"), "topics", ["state", "due_ms"])
    op.create_table(
        "questions",
        sa.Column("call_id", sa.String(128), nullable=False),
        sa.Column("segment_id", sa.String(128), nullable=False),
        sa.Column("why", sa.String(16), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("lang", sa.String(16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("card_id", sa.String(128), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("topic_id", sa.String(128), nullable=True),
        sa.Column("vector", sa.LargeBinary(), nullable=True),
        sa.Column("embedder", sa.String(200), nullable=True),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.call_id"], name=op.f("fk_questions_call_id_calls"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("call_id", "segment_id", name=op.f("pk_questions")),
    )
    op.create_index(op.f("ix_questions_asked_ms"), "questions", ["asked_ms"])
    op.create_index(op.f("ix_questions_topic_id"), "questions", ["topic_id"])
    op.create_table(
        "call_outcomes",
        sa.Column("call_id", sa.String(128), nullable=False),
        sa.Column("transferred", sa.Boolean(), nullable=False),
        sa.Column("noted_ms", sa.BigInteger(), nullable=False),
        sa.Column("noted_by", sa.String(200), nullable=False),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.call_id"], name=op.f("fk_call_outcomes_call_id_calls"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_call_outcomes")),
    )
    op.create_table(
        "audits",
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("card_id", sa.String(128), nullable=False),
        sa.Column("card_version", sa.Integer(), nullable=False),
        sa.Column("stratum", sa.String(16), nullable=False),
        sa.Column("of", sa.Integer(), nullable=False),
        sa.Column("drawn_ms", sa.BigInteger(), nullable=False),
        sa.Column("drawn_by", sa.String(200), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=True),
        sa.Column("auditor", sa.String(200), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("judged_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["card_id"], ["cards.card_id"], name=op.f("fk_audits_card_id_cards")),
        sa.PrimaryKeyConstraint("month", "card_id", name=op.f("pk_audits")),
    )
    _take_over()
    bring_back("topics")
    bring_back("questions", {"call_id": "calls"})
    bring_back("call_outcomes", {"call_id": "calls"})
    bring_back("audits", {"card_id": "cards"})


def downgrade() -> None:
    for name in ("audits", "call_outcomes", "questions", "topics"):
        set_aside(name)
    for name in ("audits", "call_outcomes", "questions", "topics", "card_acks", "card_shows"):
        op.drop_table(name)


def _take_over() -> None:
    """Fill card_shows and card_acks from the events of the calls that there are."""
    events = sa.table(
        "events", *(sa.column(name) for name in ("call_id", "seq", "type", "written_at")), sa.column("body", sa.JSON())
    )
    shows = sa.table("card_shows", *(sa.column(name) for name in _SHOW))
    acks = sa.table("card_acks", *(sa.column(name) for name in _ACK))
    connection = op.get_bind()
    query = sa.select(events).where(events.c.type.in_(("CardPush", "CardAck"))).order_by(events.c.call_id, events.c.seq)
    known: set[tuple[str, int]] = set()
    words: dict[tuple[str, int, str], dict[str, object]] = {}
    rows: list[dict[str, object]] = []
    for event in connection.execute(query):
        body = json.loads(event.body) if isinstance(event.body, str) else event.body
        at_ms = int(datetime.fromisoformat(event.written_at).timestamp() * 1000)
        if event.type == "CardPush":
            known.add((event.call_id, event.seq))
            rows.append(dict(zip(_SHOW, (
                event.call_id, event.seq, body["card_id"], body["card_version"], at_ms, body["score"],
                masked(body["reason"]["query"]),
            ), strict=True)))
        elif (event.call_id, body["push_seq"]) in known:
            key = (event.call_id, body["push_seq"], body["by"])
            used = body["action"] in ("used", "pinned") or bool(words.get(key, {}).get("used"))
            words[key] = dict(zip(_ACK, (*key, body["action"], at_ms, used), strict=True))
    for table, found in ((shows, rows), (acks, list(words.values()))):
        for start in range(0, len(found), 500):
            connection.execute(sa.insert(table), found[start : start + 500])


_SHOW = ("call_id", "push_seq", "card_id", "card_version", "shown_ms", "score", "query")
_ACK = ("call_id", "push_seq", "by", "action", "acked_ms", "used")
