"""How often a card may come, for whom, and when it does not come back."""

from dataclasses import replace
from typing import Any

import pytest

from callcue.core.cards import Audience
from nlu.gate import Customer
from tests.unit.nlu.calling import Call, make


async def test_a_card_is_pushed_once_a_call_by_default() -> None:
    call = Call(make("invoice", "发票"))
    assert await call.brings("发票", at=0) == ["invoice"]
    assert await call.brings("发票", at=600) == []


async def test_a_card_comes_back_after_its_cooldown() -> None:
    call = Call(make("invoice", "发票", max_per_call=2, cooldown_s=60))
    assert await call.brings("发票", at=0) == ["invoice"]
    assert await call.brings("发票", at=59) == []
    assert await call.brings("发票", at=61) == ["invoice"]
    assert await call.brings("发票", at=300) == []


async def test_what_is_on_the_screen_makes_no_room_for_the_next_best() -> None:
    cards = make("a"), make("b"), make("c")
    search = {"a": ("坏", 0.9), "b": ("坏", 0.8), "c": ("坏", 0.7)}
    call = Call(*cards, search=search)
    assert await call.brings("机器坏了", at=0) == ["a", "b"]
    assert await call.brings("真的坏了", at=20) == []


async def test_cards_a_minute_are_limited() -> None:
    cards = [make(f"k{i}", phrase) for i, phrase in enumerate(["发票", "退货", "换货"])]
    call = Call(*cards, max_cards_per_minute=2)
    assert await call.brings("发票", at=0) == ["k0"]
    assert await call.brings("退货", at=10) == ["k1"]
    assert await call.brings("换货", at=20) == []
    assert await call.brings("换货", at=61) == ["k2"]


async def test_guesses_leave_room_for_what_is_asked_plainly() -> None:
    cards = [make("g1"), make("g2"), make("g3"), make("n1", "发票"), make("s")]
    similar = {f"g{n}": (f"屏幕闪了{n}", 0.3) for n in (1, 2, 3)} | {"s": ("镜头", 0.9)}
    call = Call(*cards, search=similar, threshold=0.2, max_cards_per_minute=4)
    assert await call.brings("屏幕闪了1", at=0) == ["g1"]
    assert await call.brings("屏幕闪了2", at=10) == ["g2"]
    assert await call.brings("屏幕闪了3", at=20) == []
    assert await call.brings("发票", at=30) == ["n1"]
    assert await call.brings("镜头裂了", at=40) == ["s"]


async def test_dismissed_and_wrong_cards_do_not_come_back() -> None:
    for action in ("dismissed", "wrong", "pinned"):
        call = Call(make("invoice", "发票", max_per_call=9, cooldown_s=0))
        assert await call.brings("发票", at=0) == ["invoice"]
        call.assistant.on_ack("invoice", action)
        assert await call.brings("发票", at=100) == []
    call = Call(make("invoice", "发票", max_per_call=9, cooldown_s=0))
    call.assistant.on_ack("invoice", "used")
    assert await call.brings("发票", at=100) == ["invoice"]


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"status": "draft"}, False),
        ({"status": "retired"}, False),
        ({"valid_from": "2026-11-20", "valid_to": "2026-11-30"}, True),
        ({"valid_from": "2026-12-01"}, False),
        ({"valid_to": "2026-11-20"}, False),
        ({"valid_to": "2026-11-23T01:59:59+00:00"}, False),
        ({"valid_to": "2026-11-23T02:00:01+00:00"}, True),
        ({"lang": "en"}, False),
        ({"audience": Audience(lifecycle=("新客",))}, True),
        ({"audience": Audience(region=("港台",)), "kind": "culture"}, False),
        ({"audience": Audience(language=("zh",))}, True),
    ],
)
async def test_a_card_must_be_published_valid_and_for_this_call(fields: dict[str, Any], shown: bool) -> None:
    call = Call(make("invoice", "发票", **fields), search={"invoice": ("", 0.9)})
    assert await call.brings("我要发票") == (["invoice"] if shown else [])


async def test_a_card_for_certain_customers_is_shown_to_them() -> None:
    card = make("welcome", "发票", audience=Audience(lifecycle=("新客",), region=("华东",)))
    known = Customer(lifecycle="新客", region="华东")
    assert await Call(card, customer=known).brings("我要发票") == ["welcome"]
    assert await Call(card, customer=replace(known, region="华北")).brings("我要发票") == []


async def test_auto_shows_the_cards_of_the_language_that_is_spoken() -> None:
    cards = make("zh", "refund"), make("en", "refund", lang="en")
    call = Call(*cards, language="auto")
    assert [s.card.id for s in await call.says("I want a refund", language="en")] == ["en"]
