"""Hotwords put right what sounds like them, and leave alone what is meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcue.core.cards import Card, Trigger
from callcue.core.speech import Language
from nlu.hotwords import HotwordConfig, HotwordCorrector, vocabulary
from nlu.normalise import Normaliser

GIVEN = ("星瀚", "星瀚数码", "延保", "AirPods", "Galaxy", "transmission")
KNOWN = frozenset(("charge", "change", "galaxies", "galax", "transmit"))
PHRASES = ("重新开发票", "补开发票", "以旧换新", "碎屏险", "退款没到", "你记一下", "保价", "退货", "没到账", "发票")


def _card(*phrases: str, title: str = "卡") -> Card:
    return Card(id="c", title=title, body="", triggers=tuple(Trigger(phrase=phrase) for phrase in phrases))


CORRECTOR = HotwordCorrector(HotwordConfig(given=GIVEN, known_english=KNOWN), [_card(*PHRASES)])


def _written(raw: str, language: Language = "zh") -> str:
    return Normaliser().normalise(raw, language, CORRECTOR).text


@pytest.mark.parametrize(
    ("raw", "written"),
    [
        ("我要重新开法票", "我要重新开发票"),
        ("一旧换新怎么算", "以旧换新怎么算"),
        ("1旧换新怎么算", "以旧换新怎么算"),
        ("这个岁平险多少钱", "这个碎屏险多少钱"),  # ping for ping, sui for sui
        ("星汉数码客服", "星瀚数码客服"),
        ("新罕书吗客服", "星瀚数码客服"),  # xing and xin, shu and su are often one
        ("我的言保还在吗", "我的延保还在吗"),
        ("推款没到", "退款没到"),
        ("airpods坏了", "AirPods坏了"),
        ("我的Galaxi手机", "我的Galaxy手机"),
    ],
)
def test_slips_are_put_right(raw: str, written: str) -> None:
    assert _written(raw) == written


@pytest.mark.parametrize(
    "raw",
    [
        "我要重新开发票",
        "不开发票",  # 不 and 补 sound alike, but 不 is what is said
        "报价是多少",  # a word, and the sound of 保价
        "可以退或者换吗",
        "你记1下",  # the same number
        "等一下再说",
        "发不到我手机上",
        "推款没，到",
        "change my oil",
        "two galaxies",
        "refunds",
    ],
)
def test_what_is_meant_stays(raw: str) -> None:
    for language in ("zh", "en"):
        assert _written(raw, language) == raw


@pytest.mark.parametrize(
    ("raw", "written"), [("my transmision slips", "my transmission slips"), ("a galaxy", "a galaxy")]
)
def test_english_slips(raw: str, written: str) -> None:
    assert _written(raw, "en") == written


def test_without_known_words_no_english_word_is_taken_for_a_slip() -> None:
    corrector = HotwordCorrector(HotwordConfig(given=("charge",)))
    assert Normaliser().normalise("change it", "en", corrector).text == "change it"


def test_a_correction_keeps_the_raw_text_and_says_why() -> None:
    raw = "单号六六幺二，我要重新开法票"
    result = Normaliser().normalise(raw, "zh", CORRECTOR)
    assert result.text == "单号6612，我要重新开发票"
    number, hotword = result.spans
    assert (number.kind, hotword.kind) == ("digits", "hotword")
    assert raw[hotword.raw_start : hotword.raw_end] == "重新开法票"
    assert result.text[hotword.start : hotword.end] == "重新开发票"


def test_numbers_and_set_phrases_come_first() -> None:
    corrector = HotwordCorrector(HotwordConfig(given=("伞灵", "四舍五如")))
    for raw in ("一二三零五", "四舍五入"):
        assert Normaliser().normalise(raw, "zh", corrector).text in (raw, "12305")


def test_of_two_hotwords_that_fit_as_well_neither_is_taken() -> None:
    corrector = HotwordCorrector(HotwordConfig(given=("延保", "言保")))
    assert Normaliser().normalise("我的盐保", "zh", corrector).text == "我的盐保"


def test_the_vocabulary_of_cards_is_phrases_and_parts_of_titles() -> None:
    card = Card(
        id="c",
        title="发票抬头修改与重开（VIP）",
        body="正文里的词不算",
        questions=("问题里的词也不算",),
        triggers=(
            Trigger(phrase="开发票"),
            Trigger(phrase="写明", match="exact"),
            Trigger(phrase="my transmission slips"),
        ),
    )
    assert list(vocabulary([card])) == ["开发票", "transmission", "发票抬头修改"]


def test_thousands_of_hotwords_are_one_automaton() -> None:
    chars = [chr(0x4E00 + i) for i in range(1500)]
    many = {a + b + c for a, b, c in zip(chars, chars[7:], chars[13:], strict=False)}
    corrector = HotwordCorrector(HotwordConfig(given=(*many, "重新开发票")))
    assert Normaliser().normalise("我要重新开法票", "zh", corrector).text == "我要重新开发票"


@given(st.text("重新开发法票退推货款没到言延保星汉数码一二三四五零的我是不，Galxyi ", max_size=30))
def test_spans_map_back_whatever_is_said(raw: str) -> None:
    result = Normaliser().normalise(raw, "zh", CORRECTOR)
    at = raw_at = 0
    for span in result.spans:
        assert result.text[at : span.start] == raw[raw_at : span.raw_start]
        assert result.text[span.start : span.end] != raw[span.raw_start : span.raw_end]
        if span.kind == "hotword":
            assert result.text[span.start : span.end] in {*GIVEN, *PHRASES}
        at, raw_at = span.end, span.raw_end
    assert result.text[at:] == raw[raw_at:]
    assert Normaliser().normalise(result.text, "zh", CORRECTOR).text == result.text


@pytest.mark.parametrize("known", [frozenset(("it", "us")), frozenset[str]()])
def test_a_short_hotword_rewrites_no_everyday_word(known: frozenset[str]) -> None:
    corrector = HotwordCorrector(HotwordConfig(given=("IT", "US"), known_english=known), [])
    said = "is it true that you told us so"
    assert Normaliser().normalise(said, "en", corrector).text == said
