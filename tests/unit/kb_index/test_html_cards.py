"""Pages of help centres become draft cards, without what is around their text; hostile ones are refused in words."""

from collections.abc import Sequence

import pytest

from callcue.core.cards import Card
from kb_index.formats import ImportResult
from kb_index.html_cards import MAX_PAGE_CARDS, read_html

PAGE = """<!doctype html><html><head><title>退換貨 - 商城帮助中心</title><style>p {color: red}</style>
<script>document.write("<p>坏</p>")</script></head><body>
<div class="top-nav"><ul><li><a href="/">首页</a></li><li><a href="/help">帮助</a></li></ul></div>
<div class="breadcrumb">首页 &gt; 帮助中心</div>
<div class="content"><h1>退換貨常見問題</h1><p>來源: 捷訊 人氣: 12 發(fā)表時(shí)間:2025-09-29</p>
%s
<p style="display:none">看不见</p><p>上一篇：运费</p></div>
<ul><li><a href="a">相关：发票</a></li><li><a href="b">相关：物流</a></li></ul>
<footer>版权所有</footer></body></html>"""


def read(body: str, name: str = "help/return.html") -> tuple[Card, ...]:
    result = read_html((PAGE % body).encode(), name)
    assert result.problems == ()
    return result.cards


def parts(cards: Sequence[Card]) -> list[tuple[str, str]]:
    return [(card.title, card.body) for card in cards]


@pytest.mark.parametrize(
    "body",
    [
        "<h3>买了以后能退吗？</h3><p>7天内可以退。</p><h3>运费谁出？</h3><p>质量问题我们出。</p>",
        "<p><b>买了以后能退吗？</b></p><p>7天内可以退。</p><p><strong>运费谁出？</strong></p><p>质量问题我们出。</p>",
        "<p>问：买了以后能退吗？</p><p>答：7天内可以退。</p><p>问：运费谁出？</p><p>答：质量问题我们出。</p>",
        "<p>Q1：买了以后能退吗？<br>A1：7天内可以退。</p><p>Q2：运费谁出？<br>A2：质量问题我们出。</p>",
        "<dl><dt>买了以后能退吗？</dt><dd>7天内可以退。</dd><dt>运费谁出？</dt><dd>质量问题我们出。</dd></dl>",
        "<details><summary>买了以后能退吗？</summary>7天内可以退。</details>"
        "<details><summary>运费谁出？</summary><p>质量问题我们出。</p></details>",
        "<p>1、买了以后能退吗？</p><p>7天内可以退。</p><p>2、运费谁出？</p><p>质量问题我们出。</p>",
    ],
)
def test_questions_and_answers_are_recognised_however_they_are_marked(body: str) -> None:
    cards = read(body)
    assert parts(cards) == [("买了以后能退吗？", "7天内可以退。"), ("运费谁出？", "质量问题我们出。")]
    assert all(card.questions == (card.title,) and card.status == "draft" for card in cards)


def test_sections_become_cards_and_numbered_lists_procedures() -> None:
    cards = read(
        "<h2>退货步骤</h2><ol><li>打开订单</li><li>点<b>申请售后</b><ul><li>选原因</li></ul></li></ol>"
        "<h2>联系我们</h2><p>客服9点到21点。</p><ul><li>电话</li><li>微信</li></ul>"
    )
    assert parts(cards) == [
        ("退换货常见问题：退货步骤", "1. 打开订单\n2. 点申请售后\n    - 选原因"),
        ("退换货常见问题：联系我们", "客服9点到21点。\n\n- 电话\n- 微信"),
    ]
    assert [card.kind for card in cards] == ["procedure", "faq"]


def test_a_page_without_parts_is_one_card() -> None:
    table = "<table><tr><th>地区</th><th>天数</th></tr><tr><td>华东</td><td>2天</td></tr></table>"
    (card,) = read(f"<p>簽收后七天內可以退。</p>{table}")
    assert (card.title, card.body) == ("退换货常见问题", "签收后七天内可以退。\n\n地区 | 天数\n\n华东 | 2天")


def test_what_stands_around_the_text_is_gone() -> None:
    (card,) = read("<p>服務(wù)在9點(diǎn)開始。</p>")
    assert card.body == "服务在9点开始。"


def test_only_characters_are_folded_not_words() -> None:
    (card,) = read("<p>呼叫中心線上整合，软件与信息。</p>")
    assert card.body == "呼叫中心线上整合，软件与信息。"


def test_a_page_that_comes_again_keeps_the_ids_of_its_cards() -> None:
    old = read("<h2>运费</h2><p>我们出。</p><h2>时限</h2><p>7天。</p>")
    new = read("<h2>时限</h2><p>15天。</p><h2>运费</h2><p>我们出。</p>")
    other = read("<h2>运费</h2><p>我们出。</p><h2>时限</h2><p>7天。</p>", "help/other.html")
    assert {card.id for card in old} == {card.id for card in new}
    assert not {card.id for card in old} & {card.id for card in other}


def test_sections_of_one_name_are_told_apart() -> None:
    cards = read("<h2>运费</h2><p>一</p><h2>运费</h2><p>二</p>")
    assert len({card.id for card in cards}) == 2


@pytest.mark.parametrize("encoding", ["gb18030", "big5", "utf-16", "utf-8-sig"])
def test_encodings_are_seen(encoding: str) -> None:
    text = "<meta charset={}><h1>退貨說明</h1><p>簽收後七天內可以退貨，包裝要完整。</p>".format(
        "big5" if encoding == "big5" else "gb2312"
    )
    (card,) = read_html(text.encode(encoding), "page.html").cards
    assert (card.title, card.body) == ("退货说明", "签收后七天内可以退货，包装要完整。")


def test_english_pages_are_english_cards() -> None:
    page = b"<h1>Returns</h1><h2>How do I return it?</h2><p>Within 7 days.</p><h2>Fees</h2><p>None.</p>"
    cards = read_html(page, "en.html").cards
    assert [(card.title, card.lang) for card in cards] == [("How do I return it?", "en"), ("Returns: Fees", "en")]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (b"<div>" * 100_000 + b"deep", "deep"),
        (b"<b a=1>" * 60_000 + b"<p>x" * 60_000, "deep"),
        (b"<p>x" * 300_000, "elements"),
        (b"x" * 5_000_001, "bytes"),
        (b"\xff\xfe\x00", "byte order mark"),
        (b"\x80\x81\xff\xfe" * 100, "UTF-8"),
        (b"<p>\x00</p>", "UTF-8"),
        (b"", "no text"),
        (b"<script>x</script>", "no text"),
        (b"<!--" + b"x" * 1_000_000, "no HTML element"),
        (b"<h2>a</h2><p>b</p>" * (MAX_PAGE_CARDS + 1), "cards"),
        (("<p>" + "长" * 20_001).encode(), "body"),
    ],
)
def test_hostile_pages_are_refused_in_words(page: bytes, said: str) -> None:
    result = read_html(page, "page.html")
    assert any(said in problem.message for problem in result.problems), result.problems[:3]


def test_entities_are_text_and_never_fetched() -> None:
    page = b'<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/hostname">]><p>a &lt;b&gt; &#20013; &x; &bogus; &#0;c</p>'
    (card,) = read_html(page, "page.html").cards
    assert "a \\<b> 中" in card.body
    assert "&x;" in card.body


def test_words_that_look_like_markup_stay_words() -> None:
    page = b"<p>&lt;img src=x onerror=alert(1)&gt; and [a link](javascript:alert(1)), 3 &lt; 5</p>"
    (card,) = read_html(page, "page.html").cards
    assert card.body == "\\<img src=x onerror=alert(1)> and [a link\\](javascript:alert(1)), 3 < 5"


def test_junk_never_breaks_the_reader() -> None:
    for page in (b"<" * 10_000, b"<a " + b"b=" * 50_000, b"</p>" * 10_000, b"<ol><li>" * 60, b"&#x" * 9_999):
        assert isinstance(read_html(page, "page.html"), ImportResult)


@pytest.mark.parametrize(
    "data",
    [
        b"this is not a page at all",
        b'{"a": 1, "b": "<x>"}',
        b"%PDF-1.7\n1 0 obj\n<</Type/Catalog>>\nendobj\n",
        b"a < b and b > a",
    ],
)
def test_what_is_no_page_is_refused_and_makes_no_card(data: bytes) -> None:
    result = read_html(data, "page.html")
    assert result.cards == ()
    assert "no HTML element" in result.problems[0].message
    assert read_html(b"<p>" + data, "page.html").cards, "with an element it is one, however odd"
