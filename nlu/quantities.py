"""Quantities: how much an answer of a flow allows (3 个工作日内, more than 2 weeks), and how much a customer names."""

import re
from dataclasses import dataclass
from math import ceil, inf

from nlu.numerals import EN_VALUES, zh_cardinal

_UNITS = {
    "工作日": ("workday", 1.0), "天": ("day", 1.0), "日": ("day", 1.0), "周": ("day", 7.0), "星期": ("day", 7.0),
    "礼拜": ("day", 7.0), "月": ("day", 30.0), "年": ("day", 365.0), "小时": ("minute", 60.0), "钟头": ("minute", 60.0),
    "分钟": ("minute", 1.0), "秒": ("second", 1.0), "元": ("money", 1.0), "块": ("money", 1.0), "次": ("times", 1.0),
    "台": ("piece", 1.0), "个": ("piece", 1.0), "%": ("percent", 1.0),
    "business day": ("workday", 1.0), "working day": ("workday", 1.0), "workday": ("workday", 1.0),
    "day": ("day", 1.0), "week": ("day", 7.0), "month": ("day", 30.0), "year": ("day", 365.0),
    "hour": ("minute", 60.0), "minute": ("minute", 1.0), "second": ("second", 1.0), "dollar": ("money", 1.0),
    "time": ("times", 1.0), "mile": ("mile", 1.0), "percent": ("percent", 1.0),
}  # fmt: skip
"""Unit -> what it measures, and how many of that."""
_ZH_AMOUNT = r"(?P<half>半)|(?P<number>\d+(?:\.\d+)?|[零一二两三四五六七八九十百千万]+)"
_ZH_UNIT = r"(?:个)?(?P<middle>半)?(?P<unit>工作日|小时|钟头|分钟|星期|礼拜|天|日|周|月|年|秒|元|块|次|台|个|%)"
_ZH = re.compile(rf"(?:{_ZH_AMOUNT})\s*(?P<more>多)?\s*{_ZH_UNIT}(?P<plus>半|多)?")
_EN_WORDS = "|".join(sorted(EN_VALUES, key=len, reverse=True))
_EN = re.compile(
    rf"\b(?P<number>\d+(?:\.\d+)?|{_EN_WORDS}|an?|a couple of)[ -]"
    r"(?P<unit>(?:business |working )?days?|workdays?|weeks?|months?|years?|hours?|minutes?|seconds?|"
    r"dollars?|times?|miles?|percent)\b",
    re.IGNORECASE,
)
_DAYS_AGO = {"今天": 0, "刚刚": 0, "昨天": 1, "前天": 2, "大前天": 3, "today": 0, "yesterday": 1}
_AGO = re.compile("|".join(sorted(_DAYS_AGO, key=len, reverse=True)), re.IGNORECASE)
_BELOW = re.compile(
    r"以内|之内|内|以下|不到|少于|低于|小于|within|less than|under|at most|up to|fewer than", re.IGNORECASE
)
_ABOVE = re.compile(r"超过|以上|多于|高于|大于|不止|more than|over|above|longer than|at least", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """What somebody named, somewhere between ``low`` and ``high`` of what ``measure`` counts."""

    measure: str
    low: float
    high: float
    start: int
    end: int
    """Where it stands in the text, in characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What an answer allows."""

    measure: str
    low: float
    high: float


def quantities(text: str) -> list[Quantity]:
    """Everything in ``text`` that is a number with a unit, in order."""
    found = [_read(match) for pattern in (_ZH, _EN) for match in pattern.finditer(text)]
    found += [_ago(match) for match in _AGO.finditer(text)]
    return sorted((q for q in found if q is not None), key=lambda q: q.start)


def range_of(answer: str) -> Range | None:
    """The quantities that an answer stands for; None where it names none, or several."""
    named = quantities(answer)
    if len(named) != 1:
        return None
    (only,) = named
    if _ABOVE.search(answer):
        return Range(measure=only.measure, low=only.high, high=inf)
    if _BELOW.search(answer):
        return Range(measure=only.measure, low=0.0, high=only.low)
    return Range(measure=only.measure, low=only.low, high=only.high)


def fits(said: Quantity, wanted: Range, *, above: bool) -> bool | None:
    """Whether what was said lies within the range; None where that cannot be told.

    ``above``: the range begins after its lower bound, not with it (超过 3 天 is not 3 天). Working days are counted
    against calendar days as wide as weekends may fall.
    """
    low, high = said.low, said.high
    if said.measure != wanted.measure:
        if {said.measure, wanted.measure} != {"day", "workday"}:
            return None
        low, high = _other_days(said)
    inside = (low > wanted.low if above else low >= wanted.low) and high <= wanted.high
    outside = (high <= wanted.low if above else high < wanted.low) or low > wanted.high
    return True if inside else False if outside else None


def _other_days(said: Quantity) -> tuple[float, float]:
    if said.measure == "day":
        return max(0.0, said.low - 2 * ceil(said.low / 7)), said.high
    return said.low, said.high + 2 * ceil(said.high / 5)


def _read(match: "re.Match[str]") -> Quantity | None:
    groups = match.groupdict()
    amount = 0.5 if groups.get("half") else _number(groups["number"])
    unit = groups["unit"].lower()
    held = _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"))
    if amount is None or held is None:
        return None
    measure, size = held
    low = high = amount * size
    if groups.get("plus") == "半" or groups.get("middle"):
        low = high = (amount + 0.5) * size
    elif groups.get("more") or groups.get("plus"):  # 3 天多, 10 多天: more than that, by how much nobody says
        high = (amount + max(1.0, amount)) * size
        low = low + 0.01
    return Quantity(measure=measure, low=low, high=high, start=match.start(), end=match.end())


def _ago(match: "re.Match[str]") -> Quantity:
    days = float(_DAYS_AGO[match.group().lower()])
    return Quantity(measure="day", low=days, high=days, start=match.start(), end=match.end())


def _number(text: str) -> float | None:
    word = text.lower()
    if word in ("a", "an"):
        return 1.0
    if word == "a couple of":
        return 2.0
    if word in EN_VALUES:
        return float(EN_VALUES[word])
    cardinal = word if word[0].isascii() else zh_cardinal(word)
    return None if cardinal is None else float(cardinal)
