"""A call's assistant: the right card, once, with its reason; and silence otherwise."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from callcue.core.cards import Audience, Card, CardHit, CardQuery, SpeakerFilter, Step, Suggestion, Trigger
from callcue.core.errors import EngineFailed
from callcue.core.speech import Channel, Language, LanguageChoice, Utterance
from callcue.testing.clock import ManualClock
from nlu.assist import AssistConfig, CallAssistant, KnowledgeView
from nlu.decision import Decision
from nlu.gate import Customer
from nlu.triggers import TriggerMatcher


class FakeIndex:
    """Scores cards by a table: card id -> (what the query must contain, score)."""

    def __init__(self, cards: Iterable[Card], table: dict[str, tuple[str, float]]) -> None:
        self._cards = {c.id: c for c in cards}
        self._table = table
        self.queries: list[str] = []
        self.broken = False
        self.only_alone = False
        """Find nothing in texts of more than one clause."""

    @property
    def generation(self) -> int:
        return 1

    async def rebuild(self, cards: Iterable[Card], number: int | None = None) -> int:
        raise NotImplementedError

    async def search(self, query: CardQuery) -> list[CardHit]:
        self.queries.append(query.text)
        if self.broken:
            raise EngineFailed("the index is gone")
        if self.only_alone and "，" in query.text:
            return []
        hits = [
            CardHit(card=card, score=self._table[card.id][1], dense=0.9, lexical=1.0, matched=card.title)
            for card in self._cards.values()
            if card.id in self._table and self._table[card.id][0] in query.text and query.lang in (None, card.lang)
        ]
        return sorted(hits, key=lambda h: -h.score)[: query.top_k]


def make(card_id: str, *phrases: str, speaker: SpeakerFilter = "any", **fields: Any) -> Card:
    triggers = tuple(Trigger(phrase=p, speaker=speaker) for p in phrases)
    return Card(id=card_id, title=f"标题{card_id}", body="正文", triggers=triggers, **fields)


class Call:
    """One call with a fake index; times are in seconds."""

    def __init__(
        self,
        *cards: Card,
        search: dict[str, tuple[str, float]] | None = None,
        language: LanguageChoice = "zh",
        customer: Customer | None = None,
        **limits: Any,
    ) -> None:
        self.index = FakeIndex(cards, search or {})
        published = {c.id: c for c in cards}
        view = KnowledgeView(index=self.index, triggers=TriggerMatcher(cards), cards=published)
        config = AssistConfig(**{"max_cards_per_minute": 60, "threshold": 0.5, **limits})
        self.assistant = CallAssistant(
            config=config, knowledge=lambda: view, clock=ManualClock(), language=language, customer=customer
        )

    async def says(
        self, text: str, at: float = 0.0, channel: Channel = "caller", language: Language = "zh"
    ) -> list[Suggestion]:
        return list((await self.decide(text, at, channel, language)).pushed)

    async def decide(
        self,
        text: str,
        at: float = 0.0,
        channel: Channel = "caller",
        language: Language = "zh",
        alternatives: tuple[str, ...] = (),
        confidence: float = 0.9,
    ) -> Decision:
        return await self.assistant.decide(
            Utterance(
                call_id="c",
                channel=channel,
                segment_id=f"{channel}-{at}",
                start_ms=int(at * 1000),
                end_ms=int(at * 1000) + 500,
                raw_text=text,
                text=text,
                language=language,
                confidence=confidence,
                alternatives=alternatives,
            )
        )

    async def brings(self, text: str, at: float = 0.0, channel: Channel = "caller") -> list[str]:
        return [s.card.id for s in await self.says(text, at, channel)]

    def hears(self, stable: str, at: float = 0.0, channel: Channel = "caller") -> list[str]:
        found = self.assistant.on_partial(channel, f"{channel}-{at}", stable, int(at * 1000) + 300)
        return [s.card.id for s in found]


async def test_a_trigger_brings_its_card_and_says_why() -> None:
    call = Call(make("invoice", "发票"))
    (push,) = await call.says("你好，我的发票呢？")
    assert (push.card.id, push.rank, push.score) == ("invoice", 1, 1.0)
    reason = push.reason
    assert (reason.kind, reason.match, reason.matched) == ("trigger", "exact", "发票")
    assert (reason.segment_id, reason.channel) == ("caller-0.0", "caller")
    assert "你好，我的发票呢？"[reason.start : reason.end] == "发票"


async def test_a_homophone_scores_a_little_lower() -> None:
    call = Call(make("reissue", "重开发票"))
    (push,) = await call.says("要虫开发票")
    assert 0.5 < push.score < 1.0
    assert push.reason.match == "pinyin"


async def test_a_search_result_brings_its_card_and_says_why() -> None:
    call = Call(make("track"), search={"track": ("包裹", 0.8)})
    (push,) = await call.says("你好，我的包裹到哪了")
    assert (push.card.id, push.score) == ("track", 0.8)
    assert (push.reason.kind, push.reason.match, push.reason.matched) == ("search", "semantic", "标题track")
    assert push.reason.query == "我的包裹到哪了"


async def test_below_the_threshold_there_is_silence() -> None:
    search = {"track": ("包裹", 0.49)}
    assert await Call(make("track"), search=search).brings("我的包裹到哪了") == []
    assert await Call(make("track"), search=search, threshold=0.4).brings("我的包裹到哪了") == ["track"]


@pytest.mark.parametrize("text", ["你好在吗", "好的谢谢", "13602578814", "嗯，对，没错"])
async def test_small_talk_is_not_even_looked_up(text: str) -> None:
    call = Call(make("any"), search={"any": ("", 0.99)})
    assert await call.brings(text) == []
    assert call.index.queries == []


async def test_a_doubtful_homophone_needs_the_search_to_agree() -> None:
    points = make("points", "积分")
    assert await Call(points).brings("还要等几分钟") == []
    assert await Call(points, search={"points": ("几分", 0.4)}).brings("几分怎么换东西") == ["points"]


async def test_two_syllables_only_heard_are_looked_up_as_the_card_writes_them() -> None:
    box = make("box", "箱子")
    assert await Call(box).brings("像自那个人说的一样") == []
    call = Call(box, search={"box": ("箱子破", 0.3)})
    assert await call.brings("像自破了怎么办") == ["box"]
    assert call.index.queries == ["箱子破了怎么办"]


async def test_a_question_wrapped_in_a_story_counts_by_its_clause() -> None:
    call = Call(make("hours"), search={"hours": ("几点关门", 0.6)})
    (push,) = await call.says("这个周六带她过去，你们几点关门")
    assert push.score == pytest.approx(0.712, abs=0.001)  # odds of .6, raised because it is a question
    assert call.index.queries[:3] == ["这个周六带她过去，你们几点关门", "这个周六带她过去", "你们几点关门"]
    half = Call(make("gift"), search={"gift": ("没有东西", 0.6)})
    half.index.only_alone = True
    assert await half.brings("擦得干干净净，没有东西") == []


async def test_a_word_in_passing_does_not_outrank_what_is_meant() -> None:
    search = {"address": ("地址", 0.35), "invoice": ("地址", 0.02)}
    call = Call(make("invoice", "发票"), make("address"), search=search, threshold=0.3)
    assert await call.brings("发票的事我想改地址") == ["invoice", "address"]
    sure = search | {"address": ("地址", 0.9)}
    call = Call(make("invoice", "发票"), make("address"), search=sure, threshold=0.3)
    assert await call.brings("发票的事我想改地址") == ["address"]


async def test_a_telling_phrase_stands_whatever_else_is_meant() -> None:
    search = {"address": ("地址", 0.9)}
    call = Call(make("invoice", "重开发票"), make("address"), search=search)
    assert await call.brings("要重开发票还要改地址") == ["address", "invoice"]


async def test_what_is_named_and_meant_comes_first() -> None:
    cards = make("invoice", "发票"), make("address")
    call = Call(*cards, search={"address": ("发票", 0.7), "invoice": ("发票", 0.6)})
    assert await call.brings("发票寄到哪里") == ["invoice", "address"]


async def test_priority_decides_between_equals() -> None:
    cards = make("a", "退货"), make("b", "退货", priority=80)
    assert await Call(*cards).brings("要退货") == ["b", "a"]


async def test_negative_phrases_silence_triggers_and_search() -> None:
    card = make("invoice", "发票", negative=("不需要发票",))
    call = Call(card, search={"invoice": ("", 0.9)})
    assert await call.brings("我不需要发飘") == []
    assert await call.brings("我要发票", at=10) == ["invoice"]


async def test_a_negation_in_the_fragment_before_counts() -> None:
    card = make("invoice", "开发票", negative=("不需要",))
    assert await Call(card).brings("开发票", at=10) == ["invoice"]
    call = Call(card)
    await call.says("我不需要", at=0)
    assert await call.brings("开发票", at=1) == []


async def test_fragments_are_looked_up_together() -> None:
    call = Call(make("exchange"), search={"exchange": ("坏了", 0.8)})
    assert await call.brings("用了一个星期", at=0) == []
    (push,) = await call.says("坏了能换吗", at=1.2)
    assert push.reason.query == "用了一个星期，坏了能换吗"
    assert (push.reason.segment_id, push.reason.start, push.reason.end) == ("caller-1.2", 0, 5)


async def test_a_phrase_across_two_fragments_is_found_with_evidence_in_the_second() -> None:
    call = Call(make("store", "门店检测"))
    await call.says("我想去门店", at=0)
    (push,) = await call.says("检测一下", at=1)
    assert (push.reason.start, push.reason.end) == (0, 2)


async def test_the_agent_fires_triggers_but_asks_nothing() -> None:
    cards = make("store", "带到门店", speaker="agent"), make("hours")
    call = Call(*cards, search={"hours": ("门店", 0.9)})
    assert await call.brings("请您带到门店看看", channel="agent") == ["store"]
    assert await call.brings("门店十点开门", at=10, channel="agent") == []
    assert await call.brings("门店几点开门", at=20) == ["hours"]


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


async def test_triggers_work_when_the_search_fails() -> None:
    call = Call(make("invoice", "发票"))
    call.index.broken = True
    assert await call.brings("我要发票") == ["invoice"]


async def test_what_is_done_or_not_needed_fires_no_trigger_and_no_search() -> None:
    for said in ("上次的发票早就收到了", "我不需要发票", "不用开发票了"):
        call = Call(make("invoice", "发票"), search={"invoice": ("发票", 0.9)})
        assert await call.brings(said) == []
    call = Call(make("invoice", "发票"), make("return", "退货"))
    assert await call.brings("不需要发票怎么退货") == ["return"]
    assert await call.brings("上次的发票没收到", at=10) == ["invoice"]


async def test_the_same_words_count_less_as_an_answer_than_unasked() -> None:
    search = {"tablet": ("平板", 0.35)}
    assert await Call(make("tablet"), search=search, threshold=0.2).brings("是一台平板电脑") == ["tablet"]
    call = Call(make("tablet"), search=search, threshold=0.2)
    await call.says("请您报一下订单号和型号", at=0, channel="agent")
    assert await call.brings("是一台平板电脑", at=2) == []
    assert await call.brings("平板坏了", at=5) == ["tablet"]  # only the first words are the answer


async def test_a_question_is_no_answer() -> None:
    call = Call(make("tablet"), search={"tablet": ("平板", 0.35)}, threshold=0.2)
    await call.says("请问是什么型号？", at=0, channel="agent")
    assert await call.brings("平板怎么充不进电", at=2) == ["tablet"]


async def test_a_short_question_is_looked_up_with_the_need_before_it() -> None:
    call = Call(make("fee"), search={"fee": ("宽带坏了，那多久能好", 0.9)})
    await call.says("家里宽带坏了", at=0)
    assert await call.brings("那多久能好", at=20) == ["fee"]
    late = Call(make("fee"), search={"fee": ("宽带坏了，那多久能好", 0.9)})
    await late.says("家里宽带坏了", at=0)
    assert await late.brings("那多久能好", at=90) == []


async def test_a_confirmed_paraphrase_is_a_need() -> None:
    call = Call(make("track"), search={"track": ("物流", 0.9)})
    await call.says("您是想查物流进度对吗？", at=0, channel="agent")
    assert await call.brings("对，是的", at=2) == ["track"]
    call = Call(make("track"), search={"track": ("物流", 0.9)})
    await call.says("物流显示明天到，可以吗？", at=0, channel="agent")
    assert await call.brings("对，是的", at=2) == []


async def test_a_mood_brings_a_script_and_nothing_else() -> None:
    search = {"calm": ("客户情绪激动", 0.9), "faq": ("客户情绪激动", 0.9)}
    call = Call(make("calm", kind="script"), make("faq"), search=search)
    assert await call.brings("我都打了三次了，你们到底管不管") == ["calm"]
    assert await Call(make("calm", kind="script"), search=search).brings("我想问一下怎么寄") == []


async def test_the_end_of_a_flow_is_looked_up_when_a_step_did_not_help() -> None:
    flow = make(
        "flow",
        "没声音",
        kind="flow",
        steps=(Step(id="s1", text="重启了吗？", next={"是": "s2"}), Step(id="s2", text="预约到店检测。")),
    )
    search = {"store": ("到店检测", 0.9)}
    call = Call(flow, make("store"), search=search, threshold=0.2)
    assert await call.brings("耳机没声音", at=0) == ["flow"]
    assert await call.brings("重启过了，还是不响", at=20) == ["store"]
    assert await Call(flow, make("store"), search=search, threshold=0.2).brings("重启过了，还是不响") == []


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


async def test_a_decision_names_what_was_held_back_and_why() -> None:
    cards = make("best"), make("low"), make("neg", negative=("不退货",)), make("draft", status="draft")
    search = {"best": ("坏", 0.9), "low": ("坏", 0.1), "neg": ("坏", 0.8), "draft": ("坏", 0.7)}
    call = Call(*cards, search=search)
    decision = await call.decide("机器坏了，不退货")
    verdicts = {j.candidate.card.id: j.verdict for j in decision.judged}
    assert verdicts == {
        "best": "pushed",
        "neg": "negative phrase",
        "draft": "not for this call",
        "low": "below the threshold",
    }
    again = await call.decide("机器坏了", at=10)
    assert again.judged[0].verdict == "shown often enough"


async def test_what_may_have_been_said_instead_is_looked_up() -> None:
    call = Call(make("warranty"), search={"warranty": ("掏钱", 0.9)})
    decision = await call.decide("这种情况要我自己逃迁吗", alternatives=("这种情况要我自己掏钱吗",))
    (push,) = decision.pushed
    assert push.card.id == "warranty"
    assert push.score < 0.9  # less sure than what was heard
    assert "这种情况要我自己掏钱吗" in decision.hints


async def test_what_was_heard_comes_before_what_may_have_been_said() -> None:
    heard, other = make("heard"), make("other")
    call = Call(heard, other, search={"heard": ("音箱", 0.7), "other": ("印象", 0.8)})
    decision = await call.decide("昨天收到的音箱坏了", alternatives=("昨天收到的印象坏了",))
    assert [push.card.id for push in decision.pushed] == ["heard"]
    assert not any("印象" in query for query in call.index.queries)  # sure enough: nothing else was looked up


async def test_small_talk_is_not_heard_otherwise() -> None:
    call = Call(make("warranty"), search={"warranty": ("掏钱", 0.9)})
    decision = await call.decide("谢谢你", alternatives=("要我自己掏钱吗",))
    assert (decision.pushed, call.index.queries) == ((), [])


@pytest.mark.parametrize(("confidence", "brings"), [(0.5, ["book"]), (0.25, [])])
async def test_a_text_that_the_recogniser_hardly_believes_needs_a_better_match(
    confidence: float, brings: list[str]
) -> None:
    call = Call(make("book"), search={"book": ("决定", 0.6)})
    decision = await call.decide("纳兆法决定呀", confidence=confidence)
    assert [push.card.id for push in decision.pushed] == brings


@pytest.mark.parametrize(("language", "brings"), [("zh", ["parcel"]), ("en", [])])
async def test_each_language_has_its_own_threshold(language: Language, brings: list[str]) -> None:
    card, text = make("parcel", lang=language), {"zh": "我的包裹到哪了", "en": "where has my parcel got to"}[language]
    search = {"parcel": ({"zh": "包裹", "en": "parcel"}[language], 0.35)}
    call = Call(card, search=search, language=language, threshold=0.3, threshold_en=0.6)
    assert [push.card.id for push in await call.says(text, language=language)] == brings


async def test_a_need_whose_only_card_has_expired_is_unmet() -> None:
    old = make("old", valid_to="2020-12-31")
    call = Call(old, search={"old": ("价格", 0.9)})
    assert await call.brings("这款机器现在什么价格") == []
    assert [need.text for need in call.assistant.missed.finish()] == ["这款机器现在什么价格"]


async def test_only_cards_that_are_valid_now_are_looked_up() -> None:
    asked: list[CardQuery] = []
    call = Call(make("track"), search={"track": ("包裹", 0.8)})
    search = call.index.search

    async def noting(query: CardQuery) -> list[CardHit]:
        asked.append(query)
        return await search(query)

    call.index.search = noting  # type: ignore[method-assign]
    await call.brings("我的包裹到哪了")
    assert {query.valid_at for query in asked} == {ManualClock().now()}
