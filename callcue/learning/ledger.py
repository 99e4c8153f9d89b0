"""What each card is worth: shown -> used -> correct -> and afterwards, with the uncertainty of every share.

retrieval (调取率): of the times it was shown, those in which the agent used or pinned it.
accuracy (准确率): of the times somebody judged it, by using it or by calling it wrong, those in which nobody called it
wrong.
repeat: of the times it was used for a caller whose number is known, those in which the same number called again within
the days of ``knowledge.repeat_days`` and got the same card. Shows younger than that are not counted yet.
transfer: of the times it was used in a call whose outcome is known, those in which the call was transferred.
wrong knowledge (知识错误转接率): of the same, those in which the call was transferred and the card was wrong, by the
word of an agent on that show, or of that month's audit.

The counting is done in the database (``callcue.infra.card_tallies``): nothing is left out, however much was shown.
What nobody observed (numbers that the switch does not send, outcomes that nobody reports) is left out of a share, and a
share of nothing is unknown, not 0.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from callcue.infra.card_tallies import CardTally
from callcue.learning.intervals import Share


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


def months(from_ms: int, to_ms: int) -> Iterator[tuple[str, int, int]]:
    """The calendar months (UTC) of a time in epoch milliseconds: name, and the part of the time that lies in it."""
    while from_ms < to_ms:
        day = datetime.fromtimestamp(from_ms / 1000, UTC)
        first = day.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        end = min(to_ms, int((first + timedelta(days=32)).replace(day=1).timestamp() * 1000))
        yield day.strftime("%Y-%m"), from_ms, end
        from_ms = end


def ledger(tallies: Iterable[tuple[str, CardTally]], *, condemned: Mapping[str, Sequence[str]]) -> list[LedgerLine]:
    """Lines of the cards that were counted, month by month, most shown first; the last line is all of them.

    ``condemned``: card -> the months whose audit found it wrong or outdated.
    """
    by_card: dict[str, Counter[str]] = defaultdict(Counter)
    everything: Counter[str] = Counter()
    for month, tally in tallies:
        counts = Counter({name: getattr(tally, name) for name in _COUNTS})
        guilty = month in condemned.get(tally.card_id, ())
        counts["to_blame"] = tally.transferred if guilty else tally.transferred_wrong
        by_card[tally.card_id] += counts
        everything += counts
    ordered = sorted(by_card.items(), key=lambda pair: (-pair[1]["shown"], pair[0]))
    return [*(_line(card_id, counts) for card_id, counts in ordered), _line(None, everything)]


_COUNTS = tuple(name for name in CardTally.__dataclass_fields__ if name != "card_id")


def _line(card_id: str | None, counts: Mapping[str, int]) -> LedgerLine:
    def share(count: str, of: str) -> Share:
        return Share(count=counts[count], of=counts[of])

    return LedgerLine(
        card_id=card_id,
        shown=counts["shown"],
        used=counts["used"],
        dismissed=counts["dismissed"],
        wrong=counts["wrong"],
        retrieval=share("used", "shown"),
        accuracy=share("accurate", "judged"),
        repeat=share("came_again", "watched"),
        transfer=share("transferred", "ended"),
        wrong_knowledge=share("to_blame", "ended"),
    )
