"""Filters of a query: what they let through, alone and together."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from callcue.core.cards import Audience, Card, CardQuery
from callcue.core.validity import validity
from kb_index.filters import CardFilter

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def admitted(query: CardQuery, *cards: Card) -> list[str]:
    mask = CardFilter(cards).admitted(query)
    return [card.id for i, card in enumerate(cards) if mask is None or mask[i]]


def card(name: str, **fields: object) -> Card:
    return Card(id=name, title=name, body="x", **fields)  # type: ignore[arg-type]


def test_no_filter_admits_every_published_card_and_no_mask_is_made() -> None:
    assert CardFilter([card("a"), card("b")]).admitted(CardQuery(text="x")) is None


@pytest.mark.parametrize(
    ("known", "ids"),
    [
        (Audience(), ["all", "new", "new-or-vip", "new-in-huabei"]),
        (Audience(lifecycle=("新客",)), ["all", "new", "new-or-vip", "new-in-huabei"]),
        (Audience(lifecycle=("VIP",)), ["all", "new-or-vip"]),
        (Audience(region=("华南",)), ["all", "new", "new-or-vip"]),
        (Audience(lifecycle=("新客", "生日"), region=("华北",)), ["all", "new", "new-or-vip", "new-in-huabei"]),
    ],
)
def test_a_known_field_rules_out_cards_for_others(known: Audience, ids: list[str]) -> None:
    cards = (
        card("all"),
        card("new", audience=Audience(lifecycle=("新客",))),
        card("new-or-vip", audience=Audience(lifecycle=("新客", "VIP"))),
        card("new-in-huabei", audience=Audience(lifecycle=("新客",), region=("华北",))),
    )
    assert admitted(CardQuery(text="x", audience=known), *cards) == ids


def test_another_customer_costs_a_look_at_the_limited_cards_alone() -> None:
    """Nearly every call has another customer; looking at 100,000 cards anew for each takes half a second."""
    looked: list[object] = []

    class Watched(tuple[str, ...]):
        __slots__ = ()

        def __getitem__(self, wanted: object) -> tuple[str, ...]:  # type: ignore[override]
            looked.append(wanted)
            return tuple(self)

    cards = (card("free", category=Watched(("售后",))), card("new", audience=Audience(lifecycle=("新客",))))
    filters = CardFilter(cards)
    for value in ("新客", "VIP", "会员"):
        query = CardQuery(text="x", category=("售后",), audience=Audience(lifecycle=(value,)))
        mask = filters.admitted(query)
        assert mask is not None
        assert mask.tolist() == [True, False]
    assert len(looked) == 1


def test_validity_includes_both_ends_and_a_day_counts_to_its_end() -> None:
    cards = (
        card("always"),
        card("from", valid_from="2026-11-26T12:00:00+00:00"),
        card("later", valid_from="2026-11-26T12:00:01+00:00"),
        card("to", valid_to="2026-11-26T20:00:00+08:00"),
        card("over", valid_to="2026-11-26T11:59:59+00:00"),
    )
    assert admitted(CardQuery(text="x", valid_at=NOON), *cards) == ["always", "from", "to"]
    assert admitted(CardQuery(text="x"), *cards) == ["always", "from", "later", "to", "over"]
    zone = timezone(timedelta(hours=8))
    first, last = validity(card("day", valid_from="2026-11-26", valid_to="2026-11-26"), zone)
    assert first == datetime(2026, 11, 26, tzinfo=zone)
    assert last == datetime(2026, 11, 26, 23, 59, 59, 999999, tzinfo=zone)


def test_status_is_published_unless_asked_otherwise() -> None:
    cards = [card(status, status=status) for status in ("draft", "review", "published", "retired")]
    assert admitted(CardQuery(text="x"), *cards) == ["published"]
    assert admitted(CardQuery(text="x", status=("draft", "review")), *cards) == ["draft", "review"]
    assert admitted(CardQuery(text="x", status=None), *cards) == ["draft", "review", "published", "retired"]


def test_filters_add_up_and_the_second_answer_is_the_first() -> None:
    cards = (
        card("a", lang="en", category=("售后",)),
        card("b", category=("售后", "发票")),
        card("c", category=("会员",)),
        card("d", category=("售后",), valid_to="2020-01-01"),
    )
    book = CardFilter(cards)
    query = CardQuery(text="x", lang="zh", category=("售后",), valid_at=NOON)
    for _ in range(2):
        mask = book.admitted(query)
        assert mask is not None
        assert mask.tolist() == [False, True, False, False]
