"""What stands in exported pages and is no text: counters, dates, share buttons, hotlines, traces of converters."""

import re
import unicodedata
from functools import cache
from typing import Any

_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff\ufffc\ufffd]")
_TONES = "āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜńňǹ"
_PINYIN = re.compile(rf"(?<=[\u3400-\u9fff])[(（][a-zü]{{0,5}}[{_TONES}][a-zü]{{0,4}}[)）]")
"""A converter's gloss after a character: 服務(wù)."""
_HAN = re.compile(r"[\u3400-\u9fff]")
_BLANKS = re.compile(r"[^\S\n]+")
_DEBRIS_LENGTH = 120
"""Characters; what is longer is text, whatever it holds."""
_DEBRIS = re.compile(
    r"来源[:：].*|人气[:：]?\s*\d*|(?:发表|发布|更新|编辑)(?:时间|日期|于)[:：]?[\s\d年月日:：/.\-]*|作者[:：].{0,30}|"
    r"(?:阅读|浏览|点击|访问)(?:次数|量|数)?[:：]?\s*\d*\s*次?|(?:上|下)一(?:篇|页|条)(?:[:：].*)?|"
    r"返回(?:顶部|首页|列表|上一页)|(?:打印|关闭|收藏)(?:本页|窗口|此页)?|分享(?:到|至)[:：]?.{0,40}|分享[:：]?|"
    r"(?:字体|字号)[:：]?[大中小\s]{0,6}|【?(?:\s*[大中小]\s*){1,3}】?|免费试用|立即(?:咨询|注册|登录|试用)|"
    r".{0,6}热线[:：]?[\s\d\-]+(?:免费试用|立即咨询)|(?:登录|注册)(?:\s*[/|]\s*(?:登录|注册))?|"
    r"(?:当前|您的?|你的?)(?:所在)?位置[:：].*|首页\s*[>»›/].*|(?:版权所有|copyright|©).*|.{0,20}icp备.*|"
    r"(?:相关|推荐|热门)(?:阅读|文章|推荐|内容|问题)[:：]?|(?:这篇文章|本文|以上内容)?(?:对您|是否)有(?:帮助|用)吗?.*|"
    r"(?:有|没有?)(?:帮助|用)|标签[:：].{0,60}|was this (?:article|page) helpful.*|"
    r"share(?: this)?(?: article| page)?(?: on .{1,30})?[:：]?|(?:skip|back) to (?:top|(?:main )?content|navigation)|"
    r"print(?: this page)?|(?:last )?(?:updated|published)(?: on)?[:：]?[\s\w,/.:\-]{0,20}\d{4}[\s\d:\-/]*|"
    r"views?[:：]?\s*\d+|related articles?[:：]?|home\s*[>»›/].*|all rights reserved.*|[\W_]+",
    re.IGNORECASE,
)


_DROPPED = frozenset(
    [
        "script",
        "style",
        "noscript",
        "template",
        "nav",
        "aside",
        "footer",
        "iframe",
        "object",
        "embed",
        "applet",
        "svg",
        "math",
        "canvas",
        "audio",
        "video",
        "form",
        "button",
        "select",
        "input",
        "textarea",
        "label",
        "dialog",
        "head",
        "rt",
        "rp",
        "map",
        "marquee",
    ]
)
_DROPPED_ROLES = frozenset(
    ["navigation", "banner", "contentinfo", "search", "complementary", "menu", "menubar", "dialog", "alert"]
)
_DROPPED_NAMES = frozenset(
    [
        "nav",
        "navbar",
        "navigation",
        "menu",
        "breadcrumb",
        "breadcrumbs",
        "crumb",
        "crumbs",
        "footer",
        "sidebar",
        "aside",
        "share",
        "sharing",
        "social",
        "comment",
        "comments",
        "pagination",
        "pager",
        "paging",
        "advert",
        "advertisement",
        "ads",
        "ad",
        "banner",
        "cookie",
        "cookies",
        "related",
        "recommend",
        "toolbar",
        "copyright",
        "topbar",
        "hotline",
        "backtop",
    ]
)
"""Words of a class or id that name what is around the text."""
_WORDS = re.compile(r"[a-z]+")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


def clean_line(text: str) -> str:
    """One line without invisible characters, control characters and glosses; simplified, single blanks."""
    visible = _INVISIBLE.sub("", unicodedata.normalize("NFC", text)).replace("\u00a0", " ")
    printable = "".join(ch if unicodedata.category(ch) not in ("Cc", "Cs", "Co", "Cn") else " " for ch in visible)
    return _BLANKS.sub(" ", _simplified(_PINYIN.sub("", printable))).strip()


def is_debris(line: str) -> bool:
    """Whether a cleaned line says nothing about its subject."""
    return len(line) <= _DEBRIS_LENGTH and _DEBRIS.fullmatch(line) is not None


def _simplified(text: str) -> str:
    """Characters alone: the conversion of words that the search folds with would make 调用中心 of 呼叫中心."""
    converted: str = _converter().convert(text) if _HAN.search(text) else text
    return converted


@cache
def _converter() -> Any:
    import opencc

    return opencc.OpenCC("t2s")


def is_around(node: Any) -> bool:
    """Whether an element holds navigation, code or what a reader does not see, and no text of the page."""
    tag = node.tag
    if tag in _DROPPED or not isinstance(tag, str):
        return True
    if "hidden" in node.attrib or node.get("aria-hidden") == "true":
        return True
    if node.get("role", "").lower() in _DROPPED_ROLES or _HIDDEN.search(node.get("style", "")[:500]):
        return True
    if tag in ("html", "body", "main", "article"):
        return False
    named = f"{node.get('class', '')[:250]} {node.get('id', '')[:250]}".lower()
    return any(word in _DROPPED_NAMES for word in _WORDS.findall(named))
