"""The tables of what other systems know: what customers did elsewhere, forecasts about them, and the shop's orders.

As in ``tables``, every change needs a migration.
"""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Float, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from callcue.infra.tables import ID, NAME, TIME, Base


class CustomerEventRow(Base):
    """One thing that a customer did elsewhere, under the source's own id."""

    __tablename__ = "customer_events"
    __table_args__ = (
        Index("ix_customer_events_phone", "phone", "at_ms"),
        Index("ix_customer_events_customer_id", "customer_id", "at_ms"),
        Index("ix_customer_events_kind", "kind", "at_ms"),
    )

    event_id: Mapped[str] = mapped_column(ID, primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    at_ms: Mapped[int] = mapped_column(BigInteger)
    """When it happened, epoch milliseconds."""
    customer_id: Mapped[str] = mapped_column(ID)
    """Empty: unknown; the same for ``phone``."""
    phone: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(NAME)
    received_ms: Mapped[int] = mapped_column(BigInteger)


class ForecastRow(Base):
    """One predictive tag of one call: how probable it was, on what, and what came of it. Goes when its call goes."""

    __tablename__ = "forecasts"
    __table_args__ = (
        Index("ix_forecasts_name", "name", "model", "due_ms"),
        Index("ix_forecasts_due_ms", "due_ms"),
    )

    call_id: Mapped[str] = mapped_column(ID, ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    model: Mapped[str] = mapped_column(NAME)
    phone: Mapped[str] = mapped_column(String(40))
    customer_id: Mapped[str] = mapped_column(ID)
    probability: Mapped[float] = mapped_column(Float)
    features: Mapped[dict[str, Any]]
    shown: Mapped[bool] = mapped_column(Boolean)
    """Whether it was put on the record."""
    made_ms: Mapped[int] = mapped_column(BigInteger)
    due_ms: Mapped[int] = mapped_column(BigInteger)
    """End of its horizon."""
    outcome: Mapped[bool | None] = mapped_column(Boolean)
    outcome_by: Mapped[str | None] = mapped_column(NAME)
    """``events`` where they showed it, else who said so; set without an outcome: given up, nobody can tell."""
    outcome_ms: Mapped[int | None] = mapped_column(BigInteger)


class ForecastSwitchRow(Base):
    """A predictive tag was shown, switched off, or put under watch; the highest number is what holds."""

    __tablename__ = "forecast_switches"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    """From 1."""
    model: Mapped[str] = mapped_column(NAME)
    """Whose forecasts it is about: other weights begin under watch."""
    state: Mapped[str] = mapped_column(String(16))
    at_ms: Mapped[int] = mapped_column(BigInteger)
    by: Mapped[str] = mapped_column(NAME)
    reason: Mapped[str] = mapped_column(Text)


class OrderRow(Base):
    """One order of the shop, as it was imported."""

    __tablename__ = "orders"
    __table_args__ = (Index(None, "phone", "ordered_on"), Index(None, "ordered_on"))

    order_no: Mapped[str] = mapped_column(String(32), primary_key=True)
    phone: Mapped[str] = mapped_column(String(16))
    """Digits; empty: unknown."""
    ordered_on: Mapped[str] = mapped_column(String(10))
    products: Mapped[list[str]]
    amount: Mapped[str] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(NAME)
    imported_at: Mapped[str] = mapped_column(TIME)
