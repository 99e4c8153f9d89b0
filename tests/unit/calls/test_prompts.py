"""Cards that nothing said brought: once each, few, and only for what is known."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from callcue.calls.pushes import slot_values
from callcue.calls.start import StartCall
from callcue.core.cards import Audience, Card, Trigger, When
from callcue.core.customers import CustomerProfile
from callcue.core.errors import BadInput, Conflict, NotFound, StorageFailed
from callcue.core.events import AnyEvent, CardPush
from callcue.core.records import CallRecord, FieldValue, TagSuggestion
from callcue.core.speech import Utterance
from tests.unit.calls.conftest import Store
from tests.unit.calls.pipeline import WIRE, Pipeline, QuickClock, request

VIP = Card(id="vip", title="VIP", body="…", kind="script", priority=80, when=When(segment=("VIP",)))
BIRTHDAY = Card(id="birthday", title="生日", body="…", when=When(birthday_within_days=7))
RISK = Card(id="risk", title="多次投诉", body="…", priority=70, when=When(risk=("投诉3次以上",)))
CALM = Card(
    id="calm",
    title="安抚",
    body="{{name}}，您的订单 {{order_no}}，电话 {{phone}}，我记下了。",
    kind="script",
    when=When(sentiment=("负面",)),
)
HK = Card(
    id="hk",
    title="港台说法",
    body="…",
    kind="culture",
    triggers=(Trigger(phrase="开发票"),),
    audience=Audience(region=("香港",)),
)
CARDS = [VIP, BIRTHDAY, RISK, CALM, HK]


@pytest.fixture
async def pipeline(store: Store, tmp_path: Path) -> AsyncIterator[Pipeline]:
    made = Pipeline(store, tmp_path, QuickClock())  # 2026-11-23
    await made.start()
    await made.knowledge.save(CARDS, by="eve")
    yield made
    await made.close()


async def pushes(pipeline: Pipeline, call_id: str = "c1") -> list[CardPush]:
    return [event for event in await pipeline.events(call_id) if isinstance(event, CardPush)]


async def shown(pipeline: Pipeline, call_id: str = "c1") -> list[tuple[str, str, str]]:
    return [(p.card_id, p.reason.kind, p.reason.matched) for p in await pushes(pipeline, call_id)]


def of(profile: CustomerProfile | None) -> StartCall:
    return replace(request("c1"), customer=profile)


async def test_a_profile_at_the_start_brings_its_cards_before_a_word_is_said(pipeline: Pipeline) -> None:
    await pipeline.manager.start(of(CustomerProfile(segment=("VIP",), birthday="1990-11-25")))
    assert await shown(pipeline) == [("vip", "profile", "segment: VIP"), ("birthday", "profile", "birthday_in_days: 2")]
    assert [push.rank for push in await pushes(pipeline)] == [1, 2]


async def test_an_unknown_customer_brings_none(pipeline: Pipeline) -> None:
    await pipeline.manager.start(of(None))
    await pipeline.manager.know_customer("c1", CustomerProfile(name="林"), by="crm")
    assert await shown(pipeline) == []


async def test_at_most_two_and_none_twice_however_often_the_profile_comes(pipeline: Pipeline) -> None:
    await pipeline.manager.start(of(CustomerProfile(segment=("VIP",))))
    everything = CustomerProfile(segment=("VIP",), birthday="--11-23", risk=("投诉3次以上",))
    for _ in range(3):
        await pipeline.manager.know_customer("c1", everything, by="crm")
    assert [card for card, _, _ in await shown(pipeline)] == ["vip", "risk"]


async def test_cards_of_a_profile_leave_room_for_answers(pipeline: Pipeline) -> None:
    link = await pipeline.manager.start(of(CustomerProfile(segment=("VIP",), birthday="--11-23")))
    await link.audio(WIRE)
    await link.hangup()
    assert [card for card, _, _ in await shown(pipeline)] == ["vip", "birthday", "kb-invoice"]


async def test_a_culture_card_is_shown_to_those_who_are_known_to_be_meant(pipeline: Pipeline) -> None:
    for call_id, region in (("c1", "香港"), ("c2", "上海"), ("c3", "")):
        known = replace(request(call_id), customer=CustomerProfile(region=region))
        link = await pipeline.manager.start(known)
        await link.audio(WIRE)
        await link.hangup()
    assert "hk" in [card for card, _, _ in await shown(pipeline)]
    for other in ("c2", "c3"):
        assert [card for card, _, _ in await shown(pipeline, other)] == ["kb-invoice"]


async def test_a_call_in_any_language_waits_for_the_first_words(pipeline: Pipeline) -> None:
    link = await pipeline.manager.start(replace(of(CustomerProfile(segment=("VIP",))), language="auto"))
    assert await shown(pipeline) == []
    await link.audio(WIRE)
    await link.hangup()
    assert (await shown(pipeline))[0] == ("vip", "profile", "segment: VIP")


def utterance(text: str) -> Utterance:
    return Utterance(
        call_id="c1",
        channel="caller",
        segment_id="caller-1",
        start_ms=0,
        end_ms=900,
        raw_text=text,
        text=text,
        language="zh",
        confidence=0.9,
    )


def feeling(value: str, *, fills: bool = True) -> TagSuggestion:
    return TagSuggestion(
        field="sentiment", value=value, probability=0.9, evidence=("caller-1",), model="m", fills=fills
    )


async def test_a_sure_bad_mood_brings_a_script_once_with_what_the_call_knows(pipeline: Pipeline) -> None:
    await pipeline.manager.start(of(CustomerProfile(name="林女士")))
    session = pipeline.manager.live("c1")
    assert session is not None
    await pipeline.records.edit("c1", {"facts.phone": "13800138000"}, by="li")
    angry = utterance("太气人了")
    await session.prompter.felt([feeling("负面", fills=False)], angry, 900)
    assert await shown(pipeline) == []
    for value in ("负面", "中性", "负面"):
        await session.prompter.felt([feeling(value)], angry, 900)
    (push,) = await pushes(pipeline)
    assert (push.card_id, push.reason.kind, push.reason.matched) == ("calm", "sentiment", "sentiment: 负面")
    assert (push.reason.query, push.reason.segment_id, push.reason.end) == ("太气人了", "caller-1", 4)
    assert push.slots == {"name": "林女士", "order_no": None, "phone": "138 0013 8000"}


async def test_an_agent_asks_for_a_card(pipeline: Pipeline) -> None:
    link = await pipeline.manager.start(of(None))
    await pipeline.manager.show_card(call_id="c1", card_id="calm", by="li")
    (push,) = await pushes(pipeline)
    assert (push.card_id, push.reason.kind, push.reason.matched) == ("calm", "request", "li")
    assert push.slots == {"name": None, "order_no": None, "phone": None}
    with pytest.raises(NotFound, match="no published card"):
        await pipeline.manager.show_card(call_id="c1", card_id="nothing", by="li")
    await link.hangup()
    with pytest.raises(Conflict, match="is over"):
        await pipeline.manager.show_card(call_id="c1", card_id="calm", by="li")
    with pytest.raises(Conflict, match="is over"):
        await pipeline.manager.know_customer("c1", CustomerProfile(), by="crm")


async def test_a_profile_that_cannot_be_opens_no_call(pipeline: Pipeline) -> None:
    with pytest.raises(BadInput, match="birthday"):
        await pipeline.manager.start(of(CustomerProfile(birthday="1990-02-30")))
    assert pipeline.manager.live("c1") is None
    await pipeline.manager.start(of(CustomerProfile(birthday="1990-02-28")))


async def test_a_customer_that_cannot_be_kept_costs_no_call(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = pipeline.store.log.append

    async def refusing(*events: AnyEvent) -> list[AnyEvent]:
        if events[0].type == "CustomerKnown":
            raise StorageFailed("no room for it")
        return await append(*events)

    monkeypatch.setattr(pipeline.store.log, "append", refusing)
    link = await pipeline.manager.start(of(CustomerProfile(segment=("VIP",))))
    await link.audio(WIRE)
    await link.hangup()
    assert [card for card, _, _ in await shown(pipeline)] == ["kb-invoice"]


async def test_a_script_comes_with_blanks_when_the_record_cannot_be_read(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_call_id: str) -> CallRecord:
        raise StorageFailed("away")

    await pipeline.manager.start(of(CustomerProfile(name="林")))
    monkeypatch.setattr(pipeline.records, "get", broken)
    await pipeline.manager.show_card(call_id="c1", card_id="calm", by="li")
    assert (await pushes(pipeline))[0].slots == {"name": "林", "order_no": None, "phone": None}


def test_blanks_hold_what_is_known_and_nothing_else() -> None:
    fields = {
        name: FieldValue(value=value, probability=1.0, source="rule", by="r")
        for name, value in (("facts.phone", "13800138000"), ("facts.amount", 12.5), ("facts.order_no", None))
    }
    record = CallRecord(call_id="c1", version=1, fields=fields)
    assert slot_values(record, CustomerProfile(), None) == {"phone": "138 0013 8000", "amount": "12.5"}
    assert slot_values(CallRecord(call_id="c1"), CustomerProfile(name="林"), "a1") == {"name": "林", "agent": "a1"}


SAID = "订单已经付款了"
"""The caller's last words in the scripted call, which nothing but the search knows."""


@pytest.mark.parametrize(("known", "wanted"), [(("个人",), ["yours"]), (("企业",), ["theirs00"]), ((), ["theirs00"])])
async def test_cards_for_other_customers_do_not_stand_in_the_way(
    pipeline: Pipeline, known: tuple[str, ...], wanted: list[str]
) -> None:
    """Twelve cards for companies come before the one for persons: more than a look-up looks at."""
    cards = [Card(id=f"theirs{n:02}", title=SAID, body="…", audience=Audience(segment=("企业",))) for n in range(12)]
    cards.append(Card(id="yours", title=SAID, body="…", audience=Audience(segment=("个人",))))
    await pipeline.knowledge.save(cards, by="eve")
    link = await pipeline.manager.start(of(CustomerProfile(segment=known)))
    await link.audio(WIRE)
    await link.hangup()
    assert [card for card, kind, _ in await shown(pipeline) if kind == "search"][:1] == wanted
