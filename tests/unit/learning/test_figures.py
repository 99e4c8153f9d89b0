"""Shares say how sure they are, and what nobody observed is unknown."""

import math
from collections import Counter
from typing import Any

import pytest

from callcue.core.cards import Card
from callcue.core.errors import BadInput
from callcue.infra.card_outcomes import AuditItem
from callcue.learning.audit import LEAST, STRATA, check_month, draw, report, stratify
from callcue.learning.intervals import Share, by_horizon
from callcue.learning.ledger import LedgerLine
from callcue.learning.repeats import Asking, effect
from callcue.learning.weeks import bounds, top_issues, week_of

DAY = 86_400_000
NOW = 20_000 * DAY


def test_wilson_s_interval() -> None:
    low, high = Share(count=8, of=10).interval or (0, 0)
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert Share(count=0, of=5).interval == (0.0, pytest.approx(0.434, abs=0.001))
    assert Share(count=0, of=0).rate is None
    assert Share(count=0, of=0).interval is None


def test_survival_by_hand() -> None:
    """Three are watched: one has the event at 2, one leaves at 3, one has it at 5."""
    found = by_horizon([(2, True), (3, False), (5, True)])
    assert found.rate == pytest.approx(1 - (2 / 3) * 0)
    halfway = by_horizon([(2, True), (3, False), (5, False)])
    assert halfway.rate == pytest.approx(1 / 3)
    low, high = halfway.interval or (0, 0)
    spread = 1.959964 * math.sqrt(1 / (3 * 2)) / abs(math.log(2 / 3))
    assert (low, high) == (
        pytest.approx(1 - (2 / 3) ** math.exp(-spread)),
        pytest.approx(1 - (2 / 3) ** math.exp(spread)),
    )
    assert low < 1 / 3 < high
    assert by_horizon([]).rate is None


def share(count: int, of: int) -> Share:
    return Share(count=count, of=of)


def ask(call: str, days_ago: float, caller: str | None = "138") -> Asking:
    return Asking(caller=caller, call_id=call, at_ms=NOW - int(days_ago * DAY))


def test_who_asks_again_before_and_after_the_card() -> None:
    """Before it both callers come back, after it none of two does."""
    asked = [
        ask("a", 30),
        ask("b", 28),
        ask("c", 29, "139"),
        ask("d", 27, "139"),
        ask("e", 12, "140"),
        ask("f", 11, "141"),
    ]
    found = effect(asked, published_ms=NOW - 20 * DAY, now_ms=NOW, within_days=7)
    assert (found.before.watched, found.before.events) == (4, 2)
    assert found.before.rate == pytest.approx(0.5)
    assert found.after.rate == 0.0
    assert found.after.watched == 2


def test_an_asking_before_the_card_is_watched_until_the_card_only() -> None:
    """The second call comes after the card: it is no event of the time before, and the time before is short."""
    found = effect([ask("a", 21), ask("b", 19)], published_ms=NOW - 20 * DAY, now_ms=NOW, within_days=7)
    assert (found.before.events, found.before.watched) == (0, 1)
    assert (found.after.events, found.after.watched) == (0, 1)


def test_callers_without_a_number_and_second_questions_of_a_call_are_no_repeats() -> None:
    found = effect(
        [ask("a", 5, None), ask("b", 4, None), ask("c", 3), ask("c", 2.99)],
        published_ms=None,
        now_ms=NOW,
        within_days=7,
    )
    assert found.unknown == 2
    assert (found.before.watched, found.before.events) == (1, 0)
    assert found.after.rate is None


def test_weeks_are_those_of_the_calendar() -> None:
    assert week_of(bounds("2026-W48")[0]) == "2026-W48"
    assert week_of(bounds("2026-W53")[1] - 1) == "2026-W53"
    assert bounds("2026-W53")[1] == bounds("2027-W01")[0]
    for wrong in ("2026-48", "2025-W53", "W48", "2026-W00", ""):
        with pytest.raises(BadInput, match="2026-W48"):
            bounds(wrong)


def test_top_issues_count_calls_and_their_growth() -> None:
    begin, _ = bounds("2026-W48")
    asked = [("t1", f"c{n}", begin + n) for n in range(3)] + [("t1", "c0", begin + 9)]
    asked += [("old", "z", begin - 2), ("next", "z", begin + 7 * DAY)]
    found = top_issues(asked, ({"k1": 3}, {"k1": 5, "k2": 9}), {"t1": "运费谁出"}, "2026-W48", 10)
    assert [(issue.kind, issue.id, issue.calls, issue.before) for issue in found] == [
        ("topic", "t1", 3, 0),
        ("card", "k1", 3, 5),
    ]
    assert found[0].title == "运费谁出"
    assert (found[0].growth, round(found[1].growth, 2)) == (4.0, 0.67)


CARDS = [Card(id=f"k{n}", title="t", body="b") for n in range(200)]


def line(card: str, shown: int, wrong: int = 0, used: int = 0) -> LedgerLine:
    none = share(0, 0)
    right = share(used, used + wrong)
    return LedgerLine(
        card_id=card, shown=shown, used=used, dismissed=0, wrong=wrong, retrieval=none, accuracy=right, repeat=none,
        transfer=none, wrong_knowledge=none,
    )  # fmt: skip


LEDGER = [line(f"k{n}", 100 - n, wrong=5 if n % 10 == 0 else 0, used=10) for n in range(80)]


def sample(month: str, cards: list[Card] | None = None) -> list[AuditItem]:
    chosen = cards or CARDS
    return draw(month, stratify(chosen, LEDGER), {card.id: 1 for card in chosen}, by="sue", now_ms=1)


def test_the_sample_is_the_same_for_everybody_and_another_in_the_next_month() -> None:
    first = sample("2026-11")
    assert first == sample("2026-11", CARDS[::-1])
    assert {item.card_id for item in first} != {item.card_id for item in sample("2026-12")}


def test_the_sample_looks_into_every_stratum() -> None:
    found = sample("2026-11")
    assert len(found) == 20
    assert Counter(item.stratum for item in found) == dict.fromkeys(STRATA, 5)
    assert {item.of for item in found if item.stratum == "never_shown"} == {120}
    assert len(sample("2026-11", CARDS[:5])) == 5
    assert len(sample("2026-11", CARDS[:50])) == LEAST


def test_small_strata_leave_their_part_to_the_others() -> None:
    found = draw("2026-11", stratify(CARDS, []), {card.id: 1 for card in CARDS}, by="sue", now_ms=1)
    assert len(found) == 20
    assert {item.stratum for item in found} == {"never_shown"}


def judged(stratum: str, of: int, verdict: Any, card: str) -> AuditItem:
    return AuditItem(
        month="2026-11",
        card_id=card,
        card_version=1,
        stratum=stratum,
        of=of,
        drawn_ms=1,
        drawn_by="sue",
        verdict=verdict,
    )


def test_the_report_weighs_the_strata_by_their_size() -> None:
    items = [
        judged("often_wrong", 10, "wrong", "a"),
        judged("often_wrong", 10, "correct", "b"),
        judged("other", 90, "correct", "c"),
    ]
    found = report("2026-11", items)
    assert found.correct == share(2, 3)
    assert found.estimate == pytest.approx((10 * 0.5 + 90) / 100)
    assert found.to_review == ["a"]
    unfinished = report("2026-11", [*items, judged("never_shown", 5, None, "d")])
    assert unfinished.estimate is None
    assert unfinished.judged == 3
    unclear = report("2026-11", [judged("other", 1, "unclear", "a")])
    assert unclear.correct.rate is None


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "now", ""])
def test_months_are_checked(month: str) -> None:
    with pytest.raises(BadInput, match="2026-11"):
        check_month(month)
