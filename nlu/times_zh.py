"""Chinese dates and times of day. Months, days, hours and minutes become digits; 月, 号, 点 and 半 stay."""

import re
from collections.abc import Iterator

from nlu.claims import Claim, changed
from nlu.numerals import ZH_NUMBER_BEFORE, zh_cardinal, zh_digits

_NUM = r"[一二两三四五六七八九十\d]{1,3}"
_MONTH = re.compile(rf"{ZH_NUMBER_BEFORE}(?<![个上下本每数这那])({_NUM})月(?:({_NUM})([号日])?)?(?!饼)")
_DAY = re.compile(rf"{ZH_NUMBER_BEFORE}({_NUM})号")
_MONTH_NAMED = re.compile(r"(?:个月|本月|上月|下月)的?$")
_NOT_A_DAY = re.compile(r"[线楼院门店柜机房口馆仓库码位]")
_SHORT_YEAR = re.compile(rf"{ZH_NUMBER_BEFORE}([零〇一二][零〇一二三四五六七八九])(?=年{_NUM}月)")
_WEEKDAY = "|".join(rf"(?<={name}[一二三四五六日天])" for name in "周期拜")
_TIME = re.compile(
    rf"(?:{_WEEKDAY}|{ZH_NUMBER_BEFORE}(?<![差周期拜]))({_NUM}|零(?=点[一二三四五六七八九]?十|点[半整钟]))"
    rf"点(钟|半|整|一刻|三刻|[零〇]?{_NUM}分?)?"
)
_PART = r"(?:上午|下午|早上|早晨|晚上|中午|凌晨|傍晚|夜里|今晚|明晚|明早|今早)"
_DAYPART = re.compile(rf"{_PART}[的大概约]?$")
_RANGE_AFTER = re.compile(rf"[到至]{_PART}?{_NUM}点(?!儿)")
_RANGE_BEFORE = re.compile(rf"点(?:半|一刻|三刻)?[到至]{_PART}?$")
_NOT_ONE_OCLOCK = re.compile(r"儿|都|也|没|不|声|小|点|东西|反应|信号|问题|办法|用")


def dates(text: str) -> Iterator[Claim]:
    """九月十二号 -> 9月12号; a day alone from ten up (十二号), a smaller one only after a month (上个月三号)."""
    for found in _MONTH.finditer(text):
        month = _between(found.group(1), 1, 12)
        if month is None:
            continue
        yield from changed(text, found.start(1), found.end(1), month, "date")
        day = _between(found.group(2) or "", 1, 31)
        if day is not None and (found.group(3) or len(found.group(2)) > 1):
            yield from changed(text, found.start(2), found.end(2), day, "date")
    for found in _DAY.finditer(text):
        value = _between(found.group(1), 1, 31)
        if value is None or _NOT_A_DAY.match(text, found.end()):
            continue
        if int(value) >= 10 or _MONTH_NAMED.search(text, max(0, found.start() - 4), found.start()):
            yield from changed(text, found.start(1), found.end(1), value, "date")
    for found in _SHORT_YEAR.finditer(text):
        yield Claim(found.start(1), found.end(1), zh_digits(found.group(1)), "date")


def times(text: str) -> Iterator[Claim]:
    """十一点 -> 11点, 九点半 -> 9点半. 一点 is a time only after a part of the day, before 钟, 半 …, or in a range."""
    for found in _TIME.finditer(text):
        hour = "0" if found.group(1) == "零" else _between(found.group(1), 1, 24)
        if hour is None:
            continue
        tail = found.group(2)
        minutes = None if tail is None else re.fullmatch(rf"([零〇]?)({_NUM})(分?)", tail)
        minute = None if minutes is None else _between(minutes.group(2), 1, 59)
        certain = tail in ("钟", "半", "整", "一刻", "三刻") or (
            minutes is not None and minute is not None and (len(tail) > 1 and (tail[0] in "零〇" or int(minute) >= 10))
        )
        certain = certain or (minutes is not None and minute is not None and bool(minutes.group(3)))
        if not certain and int(hour) < 10 and not _placed(text, found, hour):
            continue
        yield from changed(text, found.start(1), found.end(1), hour, "date")
        if minutes is not None and minute is not None and certain and not minutes.group(2).isascii():
            written = minute if len(minute) > 1 or not minutes.group(1) else f"0{minute}"
            start = found.start(2)
            yield from changed(text, start, start + len(minutes.group(1)) + len(minutes.group(2)), written, "date")


def _placed(text: str, found: re.Match[str], hour: str) -> bool:
    """Whether the words around say that this is a time of day."""
    start, after = found.start(), found.end(1) + 1
    if _RANGE_AFTER.match(text, found.end()) or _RANGE_BEFORE.search(text, max(0, start - 8), start):
        return True
    if not _DAYPART.search(text, max(0, start - 6), start):
        return False
    return not (hour == "1" and _NOT_ONE_OCLOCK.match(text, after))


def _between(text: str, low: int, high: int) -> str | None:
    value = zh_cardinal(text)
    return value if value is not None and "." not in value and low <= int(value) <= high else None
