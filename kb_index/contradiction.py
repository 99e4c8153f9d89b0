"""Sentences of two answers to the same question that cannot both be true: other numbers, or yes against no.

Sentences are laid side by side where they share most of their terms; then amounts of the same unit are compared (7天
against 15天), and words that turn the meaning (可以 against 不可以). What says nothing comparable is left alone.
"""

import re
from collections.abc import Iterator
from functools import cache

from kb_index.folding import count_terms, fold

_MOST_SENTENCES = 200
_ALIGNED = 0.4
"""Share of terms, without the numbers, from which two sentences are about the same."""
_SENTENCE = re.compile(r"[^。！!？?；;\n]+")
_MARKDOWN = re.compile(r"^[\s>#*+-]*(?:\d{1,3}[.)、]\s+)?|[*_`]+")
_UNITS = {
    **dict.fromkeys(("个工作日", "工作日", "business days", "business day", "working days"), "工作日"),
    **dict.fromkeys(("天", "日", "days", "day"), "天"),
    **dict.fromkeys(("小时", "个小时", "hours", "hour"), "小时"),
    **dict.fromkeys(("分钟", "minutes", "minute"), "分钟"),
    **dict.fromkeys(("年", "years", "year"), "年"),
    **dict.fromkeys(("个月", "月", "months", "month"), "月"),
    **dict.fromkeys(("周", "个星期", "星期", "weeks", "week"), "周"),
    **dict.fromkeys(("元", "块钱", "块", "dollars", "yuan"), "元"),
    **dict.fromkeys(("%", "percent"), "%"),
    **{unit: unit for unit in ("折", "次", "件", "公里", "公斤", "积分", "倍", "岁", "张", "台")},
}
_DIGITS = {**{ch: n for n, ch in enumerate("零一二三四五六七八九")}, "两": 2, "〇": 0}
_SPOKEN = r"[一二两三四五六七八九十百]{1,5}"
_AMOUNT = re.compile(
    rf"(?P<low>\d+(?:\.\d+)?|{_SPOKEN})(?:\s*[-~至到—]\s*(?P<high>\d+(?:\.\d+)?|{_SPOKEN}))?\s*"
    rf"(?P<unit>{'|'.join(sorted(_UNITS, key=len, reverse=True))})"
)
_TURNS = (
    (r"(?:不可以?|不能|不得|无法|不许|禁止)", r"(?:可以|(?<!不)能(?!力|源|量|够?否)|允许)"),
    (r"(?:不支持|暂不支持)", r"(?<!不)支持"),
    (r"(?:不需要|无需|不用|不必|不要求)", r"(?:(?<!不)需要|必须|(?<!不)要求)"),
    (r"(?:收费|付费|需付)", r"免费"),
    (r"(?:不包|不含|不包括|不包含)", r"(?<!不)(?:包括|包含|包邮)"),
    (r"(?:没有|无)", r"(?<!没)有(?!效|限|关|时|些)"),
    (r"\b(?:cannot|can't|can not|must not|may not)\b", r"\b(?:can|may)\b(?! not|')"),
    (r"\b(?:not required|do not need|don't need|no need)\b", r"\b(?:required|must|need to)\b"),
)


def contradictions(one: str, other: str) -> Iterator[tuple[str, str]]:
    """Pairs of sentences of two bodies (markdown) that differ in what they claim, as they are written there."""
    there = [(sentence, terms) for sentence, terms in _sentences(other) if terms]
    for sentence, terms in _sentences(one):
        scored = [(_overlap(terms, others), text) for text, others in there] if terms else []
        score, nearest = max(scored, default=(0.0, ""))
        if score >= _ALIGNED and differ(sentence, nearest):
            yield sentence, nearest


def differ(one: str, other: str) -> bool:
    """Whether two sentences about the same thing name other amounts of one unit, or one says yes and the other no."""
    first, second = _amounts(one), _amounts(other)
    if any(first[unit].isdisjoint(second[unit]) for unit in first.keys() & second.keys()):
        return True
    here, there = fold(one), fold(other)
    return any(_turned(here, there, no, yes) or _turned(there, here, no, yes) for no, yes in _turns())


def _turned(one: str, other: str, no: re.Pattern[str], yes: re.Pattern[str]) -> bool:
    """``one`` says no, and ``other`` says yes without any no."""
    return bool(no.search(one)) and not no.search(other) and bool(yes.search(other))


@cache
def _turns() -> tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]:
    return tuple((re.compile(no), re.compile(yes)) for no, yes in _TURNS)


def _sentences(body: str) -> list[tuple[str, frozenset[str]]]:
    """Sentences without markdown, and their terms without the amounts."""
    found = []
    for match in _SENTENCE.finditer(body):
        sentence = _MARKDOWN.sub("", match.group()).strip()
        if len(sentence) >= 4:
            found.append((sentence, frozenset(count_terms(_AMOUNT.sub(" ", fold(sentence))))))
        if len(found) == _MOST_SENTENCES:
            break
    return found


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other))


def _amounts(text: str) -> dict[str, set[str]]:
    """Unit -> the amounts named; a range counts as one."""
    found: dict[str, set[str]] = {}
    for match in _AMOUNT.finditer(fold(text)):
        low, high = _number(match["low"]), _number(match["high"] or "")
        found.setdefault(_UNITS[match["unit"]], set()).add(f"{low}-{high}" if high else low)
    return found


def _number(text: str) -> str:
    """Spoken numbers below a thousand as digits."""
    if not text or text[0].isdigit():
        return text.removesuffix(".0")
    total = digit = 0
    for ch in text:
        if ch in "十百":
            total += (digit or 1) * (10 if ch == "十" else 100)
            digit = 0
        else:
            digit = _DIGITS[ch]
    return str(total + digit)
