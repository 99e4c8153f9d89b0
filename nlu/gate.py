"""Which candidates earn their place on the screen: eligibility, and memory of what this call has already seen."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from typing import Literal

from callcue.core.cards import Audience, Card
from callcue.core.speech import Language, LanguageChoice

_MINUTE_MS = 60_000

Bar = Literal["status", "language", "audience", "validity"]
"""What of a card itself can forbid to show it."""
Objection = Literal["not wanted by the agent", "shown for this segment", "shown often enough", "cooling down"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """What is known of the person who calls. An empty field is unknown."""

    lifecycle: str = ""
    segment: tuple[str, ...] = ()
    region: str = ""
    language: str = ""

    def audience(self, spoken: Language) -> Audience:
        """The same for the search, which leaves out cards that are limited to other customers."""
        return Audience(
            lifecycle=_known(self.lifecycle),
            segment=self.segment,
            region=_known(self.region),
            language=_known(self.language, spoken),
        )


def _known(*values: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))


@dataclass(frozen=True, slots=True, kw_only=True)
class GateConfig:
    """Limits of one call's gate."""

    max_cards_per_minute: int


class Gate:
    """One call's gate. All times but the cards' validity are call time, in milliseconds."""

    def __init__(self, config: GateConfig) -> None:
        self._config = config
        self._pushed: dict[str, list[int]] = {}
        self._recent: deque[int] = deque()
        self._by_segment: dict[str, set[str]] = {}
        self._unwanted: set[str] = set()

    def objection(self, card: Card, segment_id: str, at_ms: int) -> Objection | None:
        """What in this call's past speaks against a push now; None: nothing."""
        if card.id in self._unwanted:
            return "not wanted by the agent"
        if card.id in self._by_segment.get(segment_id, ()):
            return "shown for this segment"
        times = self._pushed.get(card.id, [])
        if len(times) >= card.max_per_call:
            return "shown often enough"
        return "cooling down" if times and at_ms - times[-1] < card.cooldown_s * 1000 else None

    def has_room(self, at_ms: int, *, sure: bool) -> bool:
        """Whether the minute before ``at_ms`` leaves room for one more card.

        Half of the room is kept for cards that are ``sure``: named by a trigger, or more likely right than not. A few
        guesses must not keep out what the caller asks for plainly.
        """
        while self._recent and self._recent[0] <= at_ms - _MINUTE_MS:
            self._recent.popleft()
        most = self._config.max_cards_per_minute
        return len(self._recent) < (most if sure else (most + 1) // 2)

    def pushed(self, card: Card, segment_id: str, at_ms: int) -> None:
        """Remember a push."""
        self._pushed.setdefault(card.id, []).append(at_ms)
        self._by_segment.setdefault(segment_id, set()).add(card.id)
        self._recent.append(at_ms)

    def shown(self, card: Card, at_ms: int) -> None:
        """Remember a push that nothing said brought: it takes no room from the answers to questions."""
        self._pushed.setdefault(card.id, []).append(at_ms)

    def refuse(self, card_id: str) -> None:
        """The agent does not want this card again in this call."""
        self._unwanted.add(card_id)


def eligible(
    cards: Iterable[Card], *, language: LanguageChoice, spoken: Language, customer: Customer, now: datetime
) -> set[str]:
    """Ids of the cards that may be shown to this customer, in this call, today."""
    return {
        card.id for card in cards if not why_not(card, language=language, spoken=spoken, customer=customer, now=now)
    }


def why_not(
    card: Card, *, language: LanguageChoice, spoken: Language, customer: Customer, now: datetime
) -> tuple[Bar, ...]:
    """What keeps the card from this customer, in this call, today; empty: nothing."""
    met: dict[Bar, bool] = {
        "status": card.status == "published",
        "language": _speaks(card.lang, spoken if language == "auto" else language),
        "audience": _for_customer(card, customer, spoken),
        "validity": _valid(card, now),
    }
    return tuple(bar for bar, fine in met.items() if not fine)


def _speaks(card_lang: str, language: Language) -> bool:
    """A language admits its regional forms: ``zh`` admits ``zh-TW``, as in the search."""
    return card_lang == language or card_lang.startswith(f"{language}-")


def _for_customer(card: Card, customer: Customer, spoken: Language) -> bool:
    """A limit rules a card out when the customer is known to be outside it. What is not known rules nothing out, for a
    caller who asks about it may well be meant; but a culture card is a claim about somebody, and needs to be sure.
    """
    limits, known = card.audience, customer.audience(spoken)
    unknown_passes = card.kind != "culture"
    pairs = (
        (limits.lifecycle, known.lifecycle),
        (limits.segment, known.segment),
        (limits.region, known.region),
        (limits.language, known.language),
    )
    return all(
        not wanted or not set(wanted).isdisjoint(held) or (unknown_passes and not held) for wanted, held in pairs
    )


def _valid(card: Card, now: datetime) -> bool:
    """Dates without an offset are the machine's local time; a ``valid_to`` without a time includes its day."""
    local = now.astimezone().tzinfo
    starts = _moment(card.valid_from, time.min, local)
    ends = _moment(card.valid_to, time.max, local)
    return (starts is None or now >= starts) and (ends is None or now <= ends)


def _moment(text: str | None, day_time: time, zone: tzinfo | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.combine(date.fromisoformat(text), day_time)
    except ValueError:
        moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
