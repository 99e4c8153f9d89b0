"""Occasions to show a card without a word about it: who the customer is, and how the customer feels.

What is not known holds for nothing: no birthday, no greeting.
"""

from calendar import isleap
from collections.abc import Iterable
from datetime import date

from callcue.core.cards import Card, When
from callcue.core.customers import CustomerProfile, month_and_day
from nlu.gate import Customer

_LISTS = ("segment", "risk", "lifecycle", "region", "language")


def customer_of(profile: CustomerProfile) -> Customer:
    """The part of a profile that the gate looks at."""
    return Customer(
        lifecycle=profile.lifecycle,
        segment=profile.segment,
        region=profile.region,
        language=profile.language,
    )


def days_to_birthday(birthday: str, today: date) -> int:
    """Days until the next birthday, 0 on the day. Who was born on 29 February is congratulated on the 28th in other
    years: a greeting may come early, not late."""
    month, day = month_and_day(birthday)
    return next(
        (when - today).days for year in (today.year, today.year + 1) if (when := _in(year, month, day)) >= today
    )


def _in(year: int, month: int, day: int) -> date:
    return date(year, month, 28 if (month, day) == (2, 29) and not isleap(year) else day)


def holds(when: When, profile: CustomerProfile, sentiment: str, today: date) -> str | None:
    """What of ``when`` holds, as ``segment: VIP; birthday_in_days: 3``; None unless all of it does."""
    said: list[str] = []
    for name in _LISTS:
        wanted = getattr(when, name)
        if not wanted:
            continue
        held = getattr(profile, name)
        values = held if isinstance(held, tuple) else (held,)
        found = [value for value in values if value and value in wanted]
        if not found:
            return None
        said.append(f"{name}: {', '.join(found)}")
    if when.sentiment:
        if sentiment not in when.sentiment:
            return None
        said.append(f"sentiment: {sentiment}")
    if when.birthday_within_days is not None:
        days = days_to_birthday(profile.birthday, today) if profile.birthday else None
        if days is None or days > when.birthday_within_days:
            return None
        said.append(f"birthday_in_days: {days}")
    return "; ".join(said) or None


def due(cards: Iterable[Card], profile: CustomerProfile, sentiment: str, today: date) -> list[tuple[Card, str]]:
    """The cards whose occasion this is, with what holds, the most important first."""
    found = [
        (card, held)
        for card in cards
        if card.when is not None and (held := holds(card.when, profile, sentiment, today)) is not None
    ]
    return sorted(found, key=lambda pair: (-pair[0].priority, pair[0].id))
