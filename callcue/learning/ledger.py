"""What each card is worth: shown -> used -> correct -> and afterwards, with the uncertainty of every share.

retrieval (调取率): of the times it was shown, those in which the agent used or pinned it.
accuracy (准确率): of the times somebody judged it, by using it or by calling it wrong, those in which nobody called it
wrong.
repeat: of the times it was used for a caller whose number is known, those in which the same number called again within
``within_days`` and got the same card. Shows younger than that are not counted yet.
transfer: of the times it was used in a call whose outcome is known, those in which the call was transferred.
wrong knowledge (知识错误转接率): of the same, those in which the call was transferred and the card was wrong, by the
word of an agent on that show, or of that month's audit.

What nobody observed (numbers that the switch does not send, outcomes that nobody reports) is left out of a share, and a
share of nothing is unknown, not 0.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from callcue.infra.card_outcomes import Show
from callcue.learning.intervals import Share

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """One card, or all of them, over one period."""

    card_id: str | None
    """None: all cards together."""
    shown: int
    used: int
    dismissed: int
    wrong: int
    """Shows that somebody called wrong and did not take back."""
    retrieval: Share
    accuracy: Share
    repeat: Share
    transfer: Share
    wrong_knowledge: Share


def ledger(
    shows: Sequence[Show],
    *,
    from_ms: int,
    to_ms: int,
    now_ms: int,
    within_days: float,
    condemned: Mapping[str, Sequence[str]],
) -> list[LedgerLine]:
    """Lines of the cards shown in the period (epoch milliseconds), most shown first; the last line is all of them.

    ``shows`` must reach ``within_days`` beyond the period, as far as there are any, for the repeats.
    """
    callers: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for show in shows:
        if show.caller:
            callers[show.caller, show.card_id].append((show.shown_ms, show.call_id))
    inside = [show for show in shows if from_ms <= show.shown_ms < to_ms]
    facts = [_facts(show, callers, now_ms, within_days, condemned) for show in inside]
    by_card: dict[str, list[_Facts]] = defaultdict(list)
    for fact in facts:
        by_card[fact.card_id].append(fact)
    lines = [_line(card_id, held) for card_id, held in sorted(by_card.items(), key=lambda kv: (-len(kv[1]), kv[0]))]
    return [*lines, _line(None, facts)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """One show. None: not known."""

    card_id: str
    used: bool
    dismissed: bool
    wrong: bool
    came_again: bool | None
    transferred: bool | None
    to_blame: bool


def _facts(
    show: Show,
    callers: Mapping[tuple[str, str], Sequence[tuple[int, str]]],
    now_ms: int,
    within_days: float,
    condemned: Mapping[str, Sequence[str]],
) -> _Facts:
    wrong = any(word.action == "wrong" for word in show.words)
    window = int(within_days * DAY_MS)
    came_again = None
    if show.caller and show.shown_ms + window <= now_ms:
        later = callers.get((show.caller, show.card_id), ())
        came_again = any(show.shown_ms < at <= show.shown_ms + window and call != show.call_id for at, call in later)
    month = datetime.fromtimestamp(show.shown_ms / 1000, UTC).strftime("%Y-%m")
    return _Facts(
        card_id=show.card_id,
        used=any(word.used for word in show.words),
        dismissed=any(word.action == "dismissed" for word in show.words),
        wrong=wrong,
        came_again=came_again,
        transferred=show.transferred,
        to_blame=wrong or month in condemned.get(show.card_id, ()),
    )


def _line(card_id: str | None, facts: Sequence[_Facts]) -> LedgerLine:
    used = [fact for fact in facts if fact.used]
    judged = [fact for fact in facts if fact.used or fact.wrong]
    ended = [fact for fact in used if fact.transferred is not None]
    return LedgerLine(
        card_id=card_id,
        shown=len(facts),
        used=len(used),
        dismissed=sum(fact.dismissed for fact in facts),
        wrong=sum(fact.wrong for fact in facts),
        retrieval=_share(fact.used for fact in facts),
        accuracy=_share(not fact.wrong for fact in judged),
        repeat=_share(fact.came_again for fact in used),
        transfer=_share(fact.transferred for fact in ended),
        wrong_knowledge=_share(bool(fact.transferred) and fact.to_blame for fact in ended),
    )


def _share(values: Iterable[bool | None]) -> Share:
    known = [value for value in values if value is not None]
    return Share(count=sum(known), of=len(known))
