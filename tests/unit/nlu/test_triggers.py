"""Phrases are found as written and as heard, at their place, for the right speaker."""

import pytest

from callcue.core.cards import Card, SpeakerFilter, Trigger, TriggerMatch
from nlu.triggers import TriggerHit, TriggerMatcher


def card(
    card_id: str,
    *phrases: str,
    negative: tuple[str, ...] = (),
    speaker: SpeakerFilter = "any",
    match: TriggerMatch = "pinyin",
) -> Card:
    triggers = tuple(Trigger(phrase=p, speaker=speaker, match=match) for p in phrases)
    return Card(id=card_id, title=card_id, body="", triggers=triggers, negative=negative)


def found(text: str, *cards: Card) -> list[tuple[str, str, str]]:
    """(card, what was said there, how it matched)."""
    return [(h.card_id, text[h.start : h.end], h.match) for h in TriggerMatcher(cards).scan(text, "caller")]


INVOICE = card("invoice", "发票", "开发票", negative=("不需要发票", "发票已经收到"))
REISSUE = card("reissue", "重开发票")
RETURN = card("return", "退货")
EARPHONE = card("earphone", "一只耳机")


@pytest.mark.parametrize(
    ("text", "said", "match"),
    [
        ("我的发票呢", "发票", "exact"),
        ("我的发飘呢", "发飘", "pinyin"),
        ("我要开发票", "开发票", "exact"),
        ("发，票怎么弄", "发，票", "exact"),
        ("发 票怎么弄", "发 票", "exact"),
    ],
)
def test_a_phrase_is_found_written_or_heard(text: str, said: str, match: str) -> None:
    assert found(text, INVOICE) == [("invoice", said, match)]


@pytest.mark.parametrize("text", ["发票", "发飘", "开罚票"])
def test_syllables_must_agree(text: str) -> None:
    assert found(text, INVOICE)
    assert not found("发泡", INVOICE)
    assert not found("法跑", INVOICE)


def test_a_phrase_does_not_reach_across_a_sentence() -> None:
    assert not found("我要出发。票在哪里", INVOICE)


def test_a_single_syllable_is_never_matched_by_sound() -> None:
    assert not found("推", card("x", "退"))


def test_exact_phrases_do_not_match_by_sound() -> None:
    assert not found("张单", card("bill", "账单", match="exact"))
    assert found("账单", card("bill", "账单", match="exact"))


def test_the_more_specific_phrase_wins_whichever_card_has_it() -> None:
    assert found("我要重开发票", INVOICE, REISSUE) == [("reissue", "重开发票", "exact")]
    assert found("我要重开发飘", INVOICE, REISSUE) == [("reissue", "重开发飘", "pinyin")]
    assert [f[0] for f in found("先重开发票，再说另一张发票", INVOICE, REISSUE)] == ["reissue", "invoice"]


def test_a_phrase_alone_can_be_read_in_two_ways() -> None:
    assert found("虫开发票", REISSUE) == [("reissue", "虫开发票", "pinyin")]
    assert found("种开发票", REISSUE) == [("reissue", "种开发票", "pinyin")]


def test_two_cards_with_one_phrase_are_both_found() -> None:
    assert [f[0] for f in found("退货", RETURN, card("other", "退货"))] == ["other", "return"]


def test_numbers_match_in_words_and_in_digits() -> None:
    assert found("只有1只耳机响", EARPHONE) == [("earphone", "1只耳机", "exact")]
    assert found("15天能换吗", card("exchange", "十五天")) == [("exchange", "15天", "exact")]
    assert not found("115天", card("exchange", "十五天"))


def test_english_matches_whole_words_in_any_case() -> None:
    refund = card("refund", "refund", "cancel my order")
    assert found("I want a REFUND.", refund) == [("refund", "REFUND", "exact")]
    assert found("please Cancel  my order!", refund) == [("refund", "Cancel  my order", "exact")]
    assert not found("refunds were prefunded", refund)


def test_model_names_match_with_and_without_the_space() -> None:
    phone = card("phone", "iPhone 15")
    assert found("我的iphone15坏了", phone) == [("phone", "iphone15", "exact")]
    assert not found("我的iphone 155坏了", phone)


@pytest.mark.parametrize(("speaker", "caller", "agent"), [("caller", 1, 0), ("agent", 0, 1), ("any", 1, 1)])
def test_only_the_named_speaker_fires_a_trigger(speaker: SpeakerFilter, caller: int, agent: int) -> None:
    matcher = TriggerMatcher([card("x", "退货", speaker=speaker)])
    assert len(matcher.scan("要退货", "caller")) == caller
    assert len(matcher.scan("要退货", "agent")) == agent


def test_a_phrase_of_the_other_speaker_does_not_hide_a_shorter_one() -> None:
    matcher = TriggerMatcher([RETURN, card("form", "退货单", speaker="agent")])
    assert [h.card_id for h in matcher.scan("退货单填好了", "caller")] == ["return"]


@pytest.mark.parametrize("text", ["我不需要发票", "我不需要发飘", "上次的发票，已经收到了"])
def test_negative_phrases_are_found_written_or_heard(text: str) -> None:
    matcher = TriggerMatcher([INVOICE, RETURN])
    assert matcher.negated(text, "invoice")
    assert not matcher.negated(text, "return")


@pytest.mark.parametrize("text", ["发票我早就收到了", "发票都已经收到", "发票已经收倒了"])
def test_negative_phrases_allow_fillers_and_confusable_syllables(text: str) -> None:
    assert TriggerMatcher([card("invoice", "发票", negative=("发票收到了",))]).negated(text, "invoice")


@pytest.mark.parametrize("text", ["发票没收到", "发票想收到", "不能退货吗", "怎么不能退货"])
def test_what_turns_the_meaning_is_no_filler(text: str) -> None:
    matcher = TriggerMatcher([card("x", negative=("发票收到了", "不退货"))])
    assert not matcher.negated(text, "x")


def test_what_only_sounds_alike_must_be_said_without_a_pause() -> None:
    assert found("推货", RETURN)
    assert not found("推，货", RETURN)


def test_two_characters_have_only_their_usual_reading() -> None:
    assert not found("错家了", card("difference", "差价"))


def test_readings_follow_the_words_around() -> None:
    bank, luggage = card("bank", "银行"), card("luggage", "行李")
    assert found("去银航", bank, luggage) == [("bank", "银航", "pinyin")]
    assert found("拿形李", bank, luggage) == [("luggage", "形李", "pinyin")]
    assert not found("去银形，拿航李", bank, luggage)


def test_a_negative_phrase_is_no_trigger() -> None:
    assert [h.phrase for h in TriggerMatcher([INVOICE]).scan("不需要发票", "caller")] == ["发票"]


def test_a_homophone_that_is_a_word_is_marked_doubtful() -> None:
    hits = TriggerMatcher([card("points", "积分"), RETURN]).scan("等几分钟，推货单", "caller")
    assert [(h.phrase, h.doubtful) for h in hits] == [("积分", True), ("退货", False)]


def test_confusable_syllables_match_only_when_asked_to() -> None:
    flow = card("logistics", "查物流")
    assert not found("擦物流", flow)
    hits = TriggerMatcher([flow], fuzzy=True).scan("擦物流", "caller")
    assert hits == [TriggerHit(card_id="logistics", phrase="查物流", match="pinyin", start=0, end=3)]


def test_no_cards_and_no_text_find_nothing() -> None:
    assert TriggerMatcher([]).scan("发票", "caller") == []
    assert TriggerMatcher([INVOICE]).scan("", "caller") == []
    assert TriggerMatcher([card("odd", "……")]).scan("……", "caller") == []
