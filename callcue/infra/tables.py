"""What is stored: the tables of the database. Every change here needs a migration in ``migrations/versions``.

Wall-clock times are ISO 8601 text in UTC, because SQLite has no time with an offset; what is sorted by time has its
epoch milliseconds beside it.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ID = String(128)
NAME = String(200)
TIME = String(40)
_IS_ACK = text("type = 'CardAck'")
"""Few of all events, and what is learnt from calls begins with them: an index of their own costs little."""


class Base(DeclarativeBase):
    """Constraints are named by rule, so that a migration can find them in every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {dict[str, Any]: JSON, list[str]: JSON}  # noqa: RUF012 - SQLAlchemy reads it as a class attribute


class EventRow(Base):
    """One durable event. The key is what keeps the numbers of a call without gap and without a double."""

    __tablename__ = "events"
    __table_args__ = (
        CheckConstraint("seq >= 1", name="seq_from_1"),
        Index("ix_events_acks", "written_at", sqlite_where=_IS_ACK, postgresql_where=_IS_ACK),
    )

    call_id: Mapped[str] = mapped_column(ID, primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    type: Mapped[str] = mapped_column(String(40))
    at_ms: Mapped[int] = mapped_column(BigInteger)
    written_at: Mapped[str] = mapped_column(TIME)
    body: Mapped[dict[str, Any]]


class CallTableRow(Base):
    """One call: what its CallStarted and CallEnded say."""

    __tablename__ = "calls"
    __table_args__ = (
        Index(None, "started_ms", "call_id"),
        Index(None, "agent_id", "started_ms"),
        Index(None, "ended_at"),
    )

    call_id: Mapped[str] = mapped_column(ID, primary_key=True)
    agent_id: Mapped[str | None] = mapped_column(ID)
    caller: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(String(40))
    channels: Mapped[list[str]]
    sample_rate: Mapped[int] = mapped_column(Integer)
    encoding: Mapped[str] = mapped_column(String(16))
    started_at: Mapped[str] = mapped_column(TIME)
    started_ms: Mapped[int] = mapped_column(BigInteger)
    ended_at: Mapped[str | None] = mapped_column(TIME)
    duration_ms: Mapped[int | None] = mapped_column(BigInteger)
    end_reason: Mapped[str | None] = mapped_column(String(40))


class RecordRow(Base):
    """The newest version of one call's record; older ones are the fold over its RecordUpdated events."""

    __tablename__ = "records"

    call_id: Mapped[str] = mapped_column(ID, ForeignKey("calls.call_id"), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    fields: Mapped[dict[str, Any]]
    updated_at: Mapped[str] = mapped_column(TIME)


class CompletionRow(Base):
    """The clock of one call's record: when the call ended, when somebody confirmed the record. Goes with its call."""

    __tablename__ = "completions"
    __table_args__ = (Index(None, "ended_ms", "call_id"), Index(None, "confirmed_ms", "ended_ms"))

    call_id: Mapped[str] = mapped_column(ID, ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True)
    ended_ms: Mapped[int] = mapped_column(BigInteger)
    confirmed_ms: Mapped[int | None] = mapped_column(BigInteger)
    confirmed_by: Mapped[str | None] = mapped_column(NAME)
    confirmed_version: Mapped[int | None] = mapped_column(Integer)


class FieldConfigRow(Base):
    """One version of what the configuration adds to the record's schema; never changed once written."""

    __tablename__ = "field_configs"

    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    config: Mapped[dict[str, Any]]
    saved_at: Mapped[str] = mapped_column(TIME)
    saved_by: Mapped[str] = mapped_column(NAME)
    note: Mapped[str] = mapped_column(Text)
    """Why, in the author's words."""


class CardRow(Base):
    """One knowledge card and which of its versions is the newest."""

    __tablename__ = "cards"
    __table_args__ = (Index(None, "status", "card_id"), Index(None, "owner", "card_id"), Index(None, "ends_ms"))

    card_id: Mapped[str] = mapped_column(ID, primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(String(16))
    lang: Mapped[str] = mapped_column(String(16))
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the newest content, in hex: whether a card changed is decided by it."""
    owner: Mapped[str | None] = mapped_column(NAME)
    ends_ms: Mapped[int | None] = mapped_column(BigInteger)
    """When its ``valid_to`` is over, epoch milliseconds; none for a card without an end."""


class CardVersionRow(Base):
    """One version of a card, never changed once written."""

    __tablename__ = "card_versions"

    card_id: Mapped[str] = mapped_column(ID, ForeignKey("cards.card_id"), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    content: Mapped[dict[str, Any]]
    saved_at: Mapped[str] = mapped_column(TIME)
    saved_by: Mapped[str] = mapped_column(NAME)
    action: Mapped[str] = mapped_column(String(16), server_default="save")
    """What made it: ``save``, ``import``, ``restore``, ``status`` or ``question``."""
    note: Mapped[str] = mapped_column(Text, server_default=text("''"))
    """Why, in the author's words."""


class CardShowRow(Base):
    """One card that was pushed: a CardPush as the ledger and the feedback look it up. Goes when its call goes."""

    __tablename__ = "card_shows"
    __table_args__ = (Index(None, "card_id", "shown_ms"), Index(None, "shown_ms"))

    call_id: Mapped[str] = mapped_column(ID, ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True)
    push_seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    card_id: Mapped[str] = mapped_column(ID)
    card_version: Mapped[int] = mapped_column(Integer)
    shown_ms: Mapped[int] = mapped_column(BigInteger)
    score: Mapped[float] = mapped_column(Float)
    query: Mapped[str] = mapped_column(Text)
    """What was looked up, with long numbers masked."""
    vector: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Of ``query``, float32 little-endian; made once the card was acknowledged."""
    embedder: Mapped[str | None] = mapped_column(NAME)


class CardAckRow(Base):
    """The newest word of one person on one pushed card."""

    __tablename__ = "card_acks"
    __table_args__ = (
        ForeignKeyConstraint(
            ["call_id", "push_seq"],
            ["card_shows.call_id", "card_shows.push_seq"],
            name="fk_card_acks_call_id_card_shows",
            ondelete="CASCADE",
        ),
        Index(None, "acked_ms"),
    )

    call_id: Mapped[str] = mapped_column(ID, primary_key=True)
    push_seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    by: Mapped[str] = mapped_column(NAME, primary_key=True)
    action: Mapped[str] = mapped_column(String(16))
    acked_ms: Mapped[int] = mapped_column(BigInteger)
    used: Mapped[bool] = mapped_column(Boolean)
    """This person had used or pinned it at some time."""


class TopicRow(Base):
    """One question that callers ask and no card answers, in many wordings."""

    __tablename__ = "topics"
    __table_args__ = (Index(None, "state", "due_ms"),)

    topic_id: Mapped[str] = mapped_column(ID, primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    lang: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    owner: Mapped[str] = mapped_column(NAME)
    opened_ms: Mapped[int] = mapped_column(BigInteger)
    due_ms: Mapped[int] = mapped_column(BigInteger)
    drafted_ms: Mapped[int | None] = mapped_column(BigInteger)
    closed_ms: Mapped[int | None] = mapped_column(BigInteger)
    card_id: Mapped[str | None] = mapped_column(ID)
    note: Mapped[str] = mapped_column(Text)
    changed_by: Mapped[str] = mapped_column(NAME)
    merged_into: Mapped[str | None] = mapped_column(ID)
    """The topic that took its questions over."""


class QuestionRow(Base):
    """One need of a caller that brought no card, or one that was refused. Goes when its call goes."""

    __tablename__ = "questions"
    __table_args__ = (Index(None, "asked_ms"), Index(None, "topic_id"))

    call_id: Mapped[str] = mapped_column(ID, ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True)
    segment_id: Mapped[str] = mapped_column(ID, primary_key=True)
    """Of the lookup; ``push-SEQ`` for a card that was refused."""
    why: Mapped[str] = mapped_column(String(16))
    asked_ms: Mapped[int] = mapped_column(BigInteger)
    lang: Mapped[str] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)
    """With long numbers masked."""
    card_id: Mapped[str | None] = mapped_column(ID)
    """The best candidate, or the card that was refused."""
    score: Mapped[float | None] = mapped_column(Float)
    topic_id: Mapped[str | None] = mapped_column(ID)
    vector: Mapped[bytes | None] = mapped_column(LargeBinary)
    embedder: Mapped[str | None] = mapped_column(NAME)


class CallOutcomeRow(Base):
    """What the telephone system says became of a call."""

    __tablename__ = "call_outcomes"

    call_id: Mapped[str] = mapped_column(ID, ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True)
    transferred: Mapped[bool] = mapped_column(Boolean)
    noted_ms: Mapped[int] = mapped_column(BigInteger)
    noted_by: Mapped[str] = mapped_column(NAME)


class AuditRow(Base):
    """One card in the sample of one month's audit, and what was found."""

    __tablename__ = "audits"

    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    card_id: Mapped[str] = mapped_column(ID, ForeignKey("cards.card_id"), primary_key=True)
    card_version: Mapped[int] = mapped_column(Integer)
    stratum: Mapped[str] = mapped_column(String(16))
    of: Mapped[int] = mapped_column(Integer)
    """Cards in the stratum when the sample was drawn."""
    drawn_ms: Mapped[int] = mapped_column(BigInteger)
    drawn_by: Mapped[str] = mapped_column(NAME)
    verdict: Mapped[str | None] = mapped_column(String(16))
    auditor: Mapped[str | None] = mapped_column(NAME)
    note: Mapped[str] = mapped_column(Text)
    judged_ms: Mapped[int | None] = mapped_column(BigInteger)


class CardSearchRow(Base):
    """One search that an agent typed, and which card came of it."""

    __tablename__ = "card_searches"
    __table_args__ = (Index(None, "at_ms"),)

    search_id: Mapped[str] = mapped_column(ID, primary_key=True)
    at_ms: Mapped[int] = mapped_column(BigInteger)
    """Wall clock, epoch milliseconds."""
    agent: Mapped[str] = mapped_column(NAME)
    query: Mapped[str] = mapped_column(Text)
    call_id: Mapped[str | None] = mapped_column(ID)
    """The call that it was for, where the desktop said so."""
    call_ms: Mapped[int | None] = mapped_column(BigInteger)
    """Call time at the search, milliseconds."""
    card_id: Mapped[str | None] = mapped_column(ID)
    action: Mapped[str | None] = mapped_column(String(16))
    """``opened`` or ``used``; none where no card was taken."""


class QuestionVerdictRow(Base):
    """An editor's answer to a proposed sample question: it is not proposed for that card again."""

    __tablename__ = "question_verdicts"

    card_id: Mapped[str] = mapped_column(ID, ForeignKey("cards.card_id"), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 of the folded question, in hex."""
    verdict: Mapped[str] = mapped_column(String(16))
    """``accepted`` or ``rejected``."""
    by: Mapped[str] = mapped_column(NAME)
    at: Mapped[str] = mapped_column(TIME)
