"""Counts of what became of shown cards, made in the database: as many rows as there are cards, however many shows."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, case, distinct, func, select

from callcue.infra.tables import CallOutcomeRow, CallTableRow, CardAckRow, CardShowRow


@dataclass(frozen=True, slots=True, kw_only=True)
class CardTally:
    """One card over one period. All fields count shows."""

    card_id: str
    shown: int
    used: int
    """Somebody used or pinned it."""
    dismissed: int
    wrong: int
    """Somebody called it wrong and did not take that back."""
    judged: int
    """Used or called wrong."""
    accurate: int
    """Of those, not called wrong."""
    watched: int
    """Used for a known caller, and long enough ago to know whether the caller came again."""
    came_again: int
    ended: int
    """Used in a call whose outcome is known."""
    transferred: int
    """Of those, in a call that was transferred."""
    transferred_wrong: int
    """Of those, called wrong."""


def tally_query(
    *, from_ms: int, to_ms: int, known_until_ms: int, within_ms: int, card_id: str | None
) -> Select[*tuple[Any, ...]]:
    """A row of the fields of ``CardTally`` for each card that was shown from ``from_ms`` until before ``to_ms``.

    A caller came again who got the card in a later call within ``within_ms``; whether one did is known of shows until
    ``known_until_ms``. All in epoch milliseconds. Costs a sort of the period's shows, not their square.
    """
    said = _said(from_ms, to_ms, card_id).subquery()
    later = _next_calls(from_ms, to_ms + within_ms, card_id).subquery()
    used, wrong = _yes(said.c.used), _yes(said.c.wrong)
    watched = and_(used, CallTableRow.caller != "", CardShowRow.shown_ms <= known_until_ms)
    again = and_(later.c.next_ms > CardShowRow.shown_ms, later.c.next_ms <= CardShowRow.shown_ms + within_ms)
    ended = and_(used, CallOutcomeRow.transferred.is_not(None))
    moved = and_(used, CallOutcomeRow.transferred.is_(True))
    return (
        select(
            CardShowRow.card_id,
            func.count().label("shown"),
            _count(used, "used"),
            _count(_yes(said.c.dismissed), "dismissed"),
            _count(wrong, "wrong"),
            _count(used | wrong, "judged"),
            _count(and_(used, ~wrong), "accurate"),
            _count(watched, "watched"),
            _count(and_(watched, again), "came_again"),
            _count(ended, "ended"),
            _count(moved, "transferred"),
            _count(and_(moved, wrong), "transferred_wrong"),
        )
        .join(CallTableRow, CallTableRow.call_id == CardShowRow.call_id)
        .outerjoin(CallOutcomeRow, CallOutcomeRow.call_id == CardShowRow.call_id)
        .outerjoin(said, and_(said.c.call_id == CardShowRow.call_id, said.c.push_seq == CardShowRow.push_seq))
        .outerjoin(later, and_(later.c.call_id == CardShowRow.call_id, later.c.card_id == CardShowRow.card_id))
        .where(*_shown(from_ms, to_ms, card_id))
        .group_by(CardShowRow.card_id)
    )


def calls_query(from_ms: int, to_ms: int) -> Select[str, int]:
    """Card, and in how many calls it was shown from ``from_ms`` until before ``to_ms``."""
    return (
        select(CardShowRow.card_id, func.count(distinct(CardShowRow.call_id)))
        .where(CardShowRow.shown_ms >= from_ms, CardShowRow.shown_ms < to_ms)
        .group_by(CardShowRow.card_id)
    )


def first_shows_query(card_id: str) -> Select[str, str | None, int]:
    """Call, caller and first show of a card, a row for each call that got it."""
    return (
        select(CardShowRow.call_id, CallTableRow.caller, func.min(CardShowRow.shown_ms))
        .join(CallTableRow, CallTableRow.call_id == CardShowRow.call_id)
        .where(CardShowRow.card_id == card_id)
        .group_by(CardShowRow.call_id, CallTableRow.caller)
    )


def _said(from_ms: int, to_ms: int, card_id: str | None) -> Select[*tuple[Any, ...]]:
    """What was said of each show, by whomever: 1 or 0."""
    same = and_(CardShowRow.call_id == CardAckRow.call_id, CardShowRow.push_seq == CardAckRow.push_seq)

    def any_of(condition: ColumnElement[bool], name: str) -> ColumnElement[int]:
        return func.max(case((condition, 1), else_=0)).label(name)

    said = select(
        CardAckRow.call_id,
        CardAckRow.push_seq,
        any_of(CardAckRow.used.is_(True), "used"),
        any_of(CardAckRow.action == "dismissed", "dismissed"),
        any_of(CardAckRow.action == "wrong", "wrong"),
    )
    shown = said.join(CardShowRow, same).where(*_shown(from_ms, to_ms, card_id))
    return shown.group_by(CardAckRow.call_id, CardAckRow.push_seq)


def _next_calls(from_ms: int, to_ms: int, card_id: str | None) -> Select[*tuple[Any, ...]]:
    """Of each call by a known number that got a card: when the same number's next call first got it."""
    first = (
        select(
            CardShowRow.card_id,
            CardShowRow.call_id,
            CallTableRow.caller,
            func.min(CardShowRow.shown_ms).label("first_ms"),
        )
        .join(CallTableRow, CallTableRow.call_id == CardShowRow.call_id)
        .where(*_shown(from_ms, to_ms, card_id), CallTableRow.caller != "")
        .group_by(CardShowRow.card_id, CardShowRow.call_id, CallTableRow.caller)
        .subquery()
    )
    following = func.lead(first.c.first_ms).over(
        partition_by=(first.c.card_id, first.c.caller), order_by=(first.c.first_ms, first.c.call_id)
    )
    return select(first.c.card_id, first.c.call_id, following.label("next_ms"))


def _shown(from_ms: int, to_ms: int, card_id: str | None) -> list[ColumnElement[bool]]:
    inside: list[ColumnElement[bool]] = [CardShowRow.shown_ms >= from_ms, CardShowRow.shown_ms < to_ms]
    return inside if card_id is None else [*inside, CardShowRow.card_id == card_id]


def _yes(flag: ColumnElement[int]) -> ColumnElement[bool]:
    """Of a show that nobody said anything of there is no row."""
    return func.coalesce(flag, 0) == 1


def _count(condition: ColumnElement[bool], name: str) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0)).cast(Integer).label(name)
