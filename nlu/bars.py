"""What keeps a card from a call, in words for the editor who misses it."""

from datetime import datetime

from callcue.core.cards import Card
from callcue.core.speech import Language
from callcue.core.validity import validity
from nlu.gate import Bar, Customer

_STATUS = {"draft": "is a draft", "review": "is in review", "retired": "is retired"}
_LIMITS = ("lifecycle", "segment", "region", "language")


def because(card: Card, bars: tuple[Bar, ...], *, customer: Customer, spoken: Language, now: datetime) -> str:
    """Every bar with what is behind it: ``expired on 2026-01-31; is for region 华东``."""
    said = []
    for bar in bars:
        if bar == "status":
            said.append(_STATUS.get(card.status, f"has the status {card.status}"))
        elif bar == "language":
            said.append(f"is in {card.lang}, not {spoken}")
        elif bar == "validity":
            starts, _ = validity(card, now.astimezone().tzinfo)
            early = starts is not None and now < starts
            said.append(f"is not valid before {card.valid_from}" if early else f"expired on {card.valid_to}")
        else:
            said.append(_audience(card, customer, spoken))
    return "; ".join(said)


def _audience(card: Card, customer: Customer, spoken: Language) -> str:
    known = customer.audience(spoken)
    parts = []
    for name in _LIMITS:
        wanted, held = getattr(card.audience, name), getattr(known, name)
        if wanted and set(wanted).isdisjoint(held):
            parts.append(f"{name} {'/'.join(wanted)}, not {'/'.join(held) or 'unknown'}")
    return f"is for {'; '.join(parts)}"
