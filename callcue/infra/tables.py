"""What is stored: the tables of the database. Every change here needs a migration in ``migrations/versions``.

Wall-clock times are ISO 8601 text in UTC, because SQLite has no time with an offset; what is sorted by time has its
epoch milliseconds beside it.
"""

from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, Integer, MetaData, String, Text, text
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
