"""The monthly audit: which cards somebody reads and checks, and what their verdicts say about all cards.

The sample is drawn by a hash of month and card id, so that everybody who draws it again gets the same cards, whoever
draws and in whatever order the cards come; it is stored at the first draw. Strata look where it is worth looking: cards
that agents called wrong, cards that are shown most, cards that nobody ever saw, and the rest.
"""

import hashlib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from callcue.core.cards import Card
from callcue.core.errors import BadInput
from callcue.infra.card_outcomes import AuditItem
from callcue.learning.intervals import Share
from callcue.learning.ledger import LedgerLine

Stratum = Literal["often_wrong", "often_shown", "never_shown", "other"]
STRATA: tuple[Stratum, ...] = ("often_wrong", "often_shown", "never_shown", "other")
SHARE = 0.1
"""Of the published cards, at least ``LEAST`` of them, in equal parts from the strata as far as they reach."""
LEAST = 12
_WRONG_FROM = 0.1
"""A card is often wrong when two shows and this share of those that were judged were called wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What a month's verdicts say so far."""

    month: str
    items: Sequence[AuditItem]
    judged: int
    correct: Share
    """Of the cards judged as correct, outdated or wrong; these are no random sample of all cards."""
    by_stratum: Mapping[str, Share]
    estimate: float | None
    """The share of correct cards among all: the strata's shares weighted by their sizes; None until each has a
    verdict."""
    to_review: Sequence[str]
    """Cards found wrong or outdated: somebody should set their status to review. Nothing is changed by itself."""


def check_month(month: str) -> str:
    """``month`` if it is one, such as 2026-11. Raises BadInput."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise BadInput("a month is written as 2026-11")
    return month


def stratify(cards: Iterable[Card], lines: Iterable[LedgerLine]) -> dict[str, Stratum]:
    """The stratum of each card by the ledger of the time before the audit. The quarter of the shown cards that is shown
    most is often shown."""
    known = {line.card_id: line for line in lines if line.card_id is not None}
    ids = sorted(card.id for card in cards)
    shown = sorted((card for card in ids if card in known), key=lambda card: (-known[card].shown, card))
    often = set(shown[: math.ceil(len(shown) / 4)])
    return {card: _stratum(known.get(card), often=card in often) for card in ids}


def _stratum(line: LedgerLine | None, *, often: bool) -> Stratum:
    if line is None or not line.shown:
        return "never_shown"
    accuracy = line.accuracy.rate
    if line.wrong >= 2 and accuracy is not None and 1 - accuracy >= _WRONG_FROM:
        return "often_wrong"
    return "often_shown" if often else "other"


def draw(
    month: str, strata: Mapping[str, Stratum], versions: Mapping[str, int], *, by: str, now_ms: int
) -> list[AuditItem]:
    """The month's sample, by card. Strata that are too small leave their part to the others."""
    ordered = {
        stratum: sorted((card for card, held in strata.items() if held == stratum), key=lambda card: _rank(month, card))
        for stratum in STRATA
    }
    wanted = min(len(strata), max(LEAST, math.ceil(SHARE * len(strata))))
    taken: dict[Stratum, int] = dict.fromkeys(STRATA, 0)
    while sum(taken.values()) < wanted:
        for stratum in STRATA:
            if taken[stratum] < len(ordered[stratum]) and sum(taken.values()) < wanted:
                taken[stratum] += 1
    return sorted(
        (
            AuditItem(
                month=month,
                card_id=card,
                card_version=versions[card],
                stratum=stratum,
                of=len(ordered[stratum]),
                drawn_ms=now_ms,
                drawn_by=by,
            )
            for stratum in STRATA
            for card in ordered[stratum][: taken[stratum]]
        ),
        key=lambda item: item.card_id,
    )


def _rank(month: str, card_id: str) -> str:
    return hashlib.sha256(f"{month}\0{card_id}".encode()).hexdigest()


def report(month: str, items: Sequence[AuditItem]) -> AuditReport:
    """What the verdicts say; an unclear card counts neither way."""
    shares: dict[str, Share] = {}
    sizes: dict[str, int] = {}
    for stratum in STRATA:
        held = [item for item in items if item.stratum == stratum]
        if held:
            verdicts = [item.verdict for item in held if item.verdict not in (None, "unclear")]
            shares[stratum] = Share(count=verdicts.count("correct"), of=len(verdicts))
            sizes[stratum] = held[0].of
    rates = {stratum: share.rate for stratum, share in shares.items()}
    known = {stratum: rate for stratum, rate in rates.items() if rate is not None}
    complete = bool(rates) and len(known) == len(rates)
    weighted = sum(rate * sizes[stratum] for stratum, rate in known.items()) / max(1, sum(sizes.values()))
    return AuditReport(
        month=month,
        items=items,
        judged=sum(item.verdict is not None for item in items),
        correct=Share(count=sum(s.count for s in shares.values()), of=sum(s.of for s in shares.values())),
        by_stratum=shares,
        estimate=weighted if complete else None,
        to_review=[item.card_id for item in items if item.verdict in ("wrong", "outdated")],
    )
