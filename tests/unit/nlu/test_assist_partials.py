"""Cards while somebody still speaks."""

from tests.unit.nlu.calling import Call, make


async def test_a_partial_fires_once_and_the_final_does_not_repeat_it() -> None:
    call = Call(make("invoice", "开发票", max_per_call=9, cooldown_s=0))
    assert call.hears("我想") == []
    assert call.hears("我想开发票") == ["invoice"]
    assert call.hears("我想开发票多久") == []
    assert await call.brings("我想开发票多久能到") == []
    assert await call.brings("开发票", at=30) == ["invoice"]


async def test_a_partial_waits_where_a_negation_may_follow_or_the_sound_may_deceive() -> None:
    call = Call(make("invoice", "发票", negative=("发票已经收到",)), make("return", "退货"))
    assert call.hears("上次的发票") == []
    assert call.hears("我要推货") == []
    assert await call.brings("上次的发票已经收到了") == []


async def test_partials_can_be_switched_off() -> None:
    assert Call(make("invoice", "开发票"), partial_triggers=False).hears("我想开发票") == []


async def test_a_partial_waits_for_what_follows_a_short_phrase() -> None:
    call = Call(make("invoice", "发票"))
    assert call.hears("上次的发票") == []
    assert call.hears("上次的发票已经收到了别再问我") == []
    assert call.hears("上次的发票一直都没有寄给我", at=20) == ["invoice"]


async def test_a_revised_partial_fires_once_for_its_segment() -> None:
    card = make("invoice", "开发票", max_per_call=9, cooldown_s=0)
    call = Call(card, make("return", "退货单"))
    assert call.hears("我想开发票") == ["invoice"]
    assert call.hears("我想") == []
    assert call.hears("我想开发票和退货单") == ["return"]
    assert await call.brings("我想开发票还有退货单") == []
