"""Spoken dates, absolute and relative, as ISO 8601.

Only the past: a purchase date is never after the call. Coming dates are in ``tagger.coming``.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from tagger.holidays import FESTIVALS, HOLIDAY_NAMES, holiday, latest
from tagger.numerals import NUMBER, parse_number

WEEKDAYS = {c: i for i, c in enumerate("一二三四五六日")} | {"天": 6} | {str(i + 1): i for i in range(7)}
_DAYS = {"今天": 0, "今早": 0, "刚才": 0, "昨天": 1, "昨晚": 1, "前天": 2, "大前天": 3}
_YEARS = {"今年": 0, "去年": 1, "前年": 2}
EN_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EN_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_EN_ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth",
    "twentieth", "twenty-first", "twenty-second", "twenty-third", "twenty-fourth", "twenty-fifth", "twenty-sixth",
    "twenty-seventh", "twenty-eighth", "twenty-ninth", "thirtieth", "thirty-first",
)  # fmt: skip
_EN_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_OLDEST_YEARS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenDate:
    """A date that was said."""

    value: str
    """``YYYY-MM-DD``, or ``YYYY-MM`` where only the month was said."""
    start: int
    end: int
    exact: bool
    """The day itself was said or follows from what was said."""


Reader = Callable[[re.Match[str], date], date | str | None]


def spoken_dates(text: str, today: date) -> Iterator[SpokenDate]:
    """The dates in ``text`` that are not after ``today``, longest reading first, none overlapping."""
    taken: list[tuple[int, int]] = []
    for pattern, reader in _READERS:
        for match in pattern.finditer(text):
            if any(match.start() < end and start < match.end() for start, end in taken):
                continue
            try:
                value = reader(match, today)
            except (ValueError, OverflowError):
                continue  # 2月30号, or a count of days beyond the calendar
            taken.append(match.span())
            if value is None or (isinstance(value, date) and not _plausible(value, today)):
                continue
            exact = isinstance(value, date)
            yield SpokenDate(value=str(value), start=match.start(), end=match.end(), exact=exact)


def _plausible(value: date, today: date) -> bool:
    return value <= today and value.year >= today.year - _OLDEST_YEARS


def whole_number(text: str) -> int:
    value = parse_number(text)
    if value is None:
        raise ValueError(text)
    return int(value)


def months_back(today: date, months: int) -> tuple[int, int]:
    number = today.year * 12 + today.month - 1 - months
    return number // 12, number % 12 + 1


def _absolute(match: re.Match[str], today: date) -> date | str | None:
    month = whole_number(match["month"])
    day = match["day"]
    year = match["year"]
    if year in _YEARS:
        number: int | None = today.year - _YEARS[year]
    else:
        number = whole_number(year.rstrip("年")) if year else None
    if number is not None and number < 100:
        number += 2000
    if day:
        return date(number, month, whole_number(day)) if number else latest(month, whole_number(day), today)
    if not 1 <= month <= 12:
        return None
    number = number or latest(month, 1, today).year
    return f"{number:04d}-{month:02d}"


def _day_of_month(match: re.Match[str], today: date) -> date | None:
    day = whole_number(match["day"])
    back = {"上上": 2, "上": 1}.get(match["which"] or "", 0)
    year, month = months_back(today, back)
    if not match["which"] and day > today.day:
        year, month = months_back(today, 1)
    return date(year, month, day)


def _weekday(match: re.Match[str], today: date) -> date | None:
    monday = today - timedelta(days=today.weekday())
    which = match["which"] or ""
    day = monday + timedelta(days=WEEKDAYS[match["day"]])
    if which.startswith("上"):
        return day - timedelta(weeks=which.count("上"))
    if which in ("这", "本", "这个") or day <= today:
        return day
    return day - timedelta(weeks=1)


def _ago(match: re.Match[str], today: date) -> date | str | None:
    unit = match["unit"]
    if match["count"] == "半":
        return today - timedelta(days=15) if unit == "月" else None
    count = whole_number(match["count"])
    if unit == "天":
        return today - timedelta(days=count)
    if unit in ("周", "星期", "礼拜"):
        return today - timedelta(weeks=count)
    year, month = months_back(today, count)
    return f"{year:04d}-{month:02d}"


def _last_month(match: re.Match[str], today: date) -> str:
    year, month = months_back(today, match["which"].count("上"))
    return f"{year:04d}-{month:02d}"


def _holiday(match: re.Match[str], today: date) -> date | str | None:
    """国庆买的: the day itself; 国庆前, 国庆后, 国庆期间: about then."""
    day = holiday(match["name"], today)
    side = match["side"] or ""
    if day is None or not side:
        return day
    return _about(day + timedelta(days=-1 if "前" in side else 7 if "后" in side else 0), today)


def _about(day: date, today: date) -> str:
    """An approximate day, as a text: the reader of the value sees a date, ``exact`` says it is none."""
    return str(min(day, today))


def _loosely(match: re.Match[str], today: date) -> str:
    """上个月底, 月初, 上周, 前几天, 大概半年前: a day in the middle of what was said."""
    text = match[0]
    if "月" in text:
        year, month = months_back(today, 2 if "上上" in text else 1 if "上" in text else 0)
        day = 5 if "初" in text else 15 if "中" in text else 25
        return _about(date(year, month, day), today)
    if "几天" in text:
        return _about(today - timedelta(days=3), today)
    if "半年" in text:
        return _about(today - timedelta(days=182), today)
    if "刚" in text:
        return str(today)
    return _about(today - timedelta(days=today.weekday() + 4), today)


def _years_ago(match: re.Match[str], today: date) -> str:
    count = whole_number(match["count"])
    return f"{today.year - count:04d}-{today.month:02d}" if 0 < count <= _OLDEST_YEARS else str(today)


def _en_loosely(match: re.Match[str], today: date) -> str:
    unit = match["unit"].lower()
    if unit == "month":
        year, month = months_back(today, 1)
        return f"{year:04d}-{month:02d}"
    if unit == "year":
        return f"{today.year - 1:04d}-{today.month:02d}"
    return _about(today - timedelta(days=today.weekday() + 4), today)


def _en_couple(match: re.Match[str], today: date) -> str:
    unit = match["unit"].lower()
    days = {"day": 2, "week": 14, "month": 61}[unit]
    return _about(today - timedelta(days=days), today)


def _en_date(match: re.Match[str], today: date) -> date:
    month, day = _en_month(match["month"]), _en_day(match["day"])
    year = match["year"]
    return date(int(year), month, day) if year else latest(month, day, today)


def _en_of_month(match: re.Match[str], today: date) -> date | None:
    day = _en_day(match["day"])
    year, month = months_back(today, 0 if day <= today.day and not match["last"] else 1)
    return date(year, month, day)


def _en_month(name: str) -> int:
    return next(number for number, month in enumerate(_EN_MONTHS, 1) if month.startswith(name.lower()[:3]))


def _en_day(text: str) -> int:
    plain = re.sub(r"(?<=\d)(?:st|nd|rd|th)$", "", text.lower())
    return int(plain) if plain.isdigit() else _EN_ORDINALS.index(plain.replace(" ", "-")) + 1


def _en_ago(match: re.Match[str], today: date) -> date | str:
    word = match["count"].lower()
    count = 1 if word in ("a", "an") else _EN_NUMBERS.index(word) if word in _EN_NUMBERS else int(word)
    unit = match["unit"].lower()
    if unit == "month":
        year, month = months_back(today, count)
        return f"{year:04d}-{month:02d}"
    return today - timedelta(days=count * (7 if unit == "week" else 1))


def _en_last(match: re.Match[str], today: date) -> date:
    back = (today.weekday() - EN_DAYS.index(match["day"].lower())) % 7
    return today - timedelta(days=back or 7)


_N = NUMBER
_EN_MONTH = rf"{'|'.join(_EN_MONTHS)}|(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.?"
_EN_DAY = rf"\d{{1,2}}(?:st|nd|rd|th)?|{'|'.join(o.replace('-', '[ -]') for o in reversed(_EN_ORDINALS))}"
_READERS: tuple[tuple[re.Pattern[str], Reader], ...] = (
    (re.compile(r"(?P<year>)(?P<month>\d{4})-(?P<day>\d{2}-\d{2})"), lambda m, _: date.fromisoformat(m[0])),
    (
        re.compile(
            rf"(?P<year>今年|去年|前年|(?:\d{{2,4}}|[零〇一二三四五六七八九]{{2,4}})年)?(?:的)?"
            rf"(?P<month>{_N})月(?:份)?(?:(?P<day>{_N})(?:号|日)?)?(?!个)"
        ),
        _absolute,
    ),
    (re.compile(rf"(?P<which>上上|上|这|本)?个?月(?P<day>{_N})[号日]"), _day_of_month),
    (re.compile(r"(?P<which>上上上|上上|上|这个|这|本)?个?(?:周|星期|礼拜)(?P<day>[一二三四五六日天1-7])"), _weekday),
    (re.compile(rf"(?P<count>半|{_N})个?多?(?P<unit>天|周|星期|礼拜|月)多?(?:之|以)?前"), _ago),
    (re.compile(r"(?P<which>上上|上)个?月(?!初|中|底|末)"), _last_month),
    (re.compile("|".join(FESTIVALS)), lambda m, today: latest(*FESTIVALS[m[0]], today)),
    (re.compile("大前天|今天|今早|刚才|昨天|昨晚|前天"), lambda m, today: today - timedelta(days=_DAYS[m[0]])),
    (re.compile(rf"(?<![月第\d{{}}])(?P<which>)(?P<day>{_N})[号日](?![码线楼院门店路])"), _day_of_month),
    (
        re.compile(
            rf"(?P<name>{'|'.join(HOLIDAY_NAMES)})(?<!双十一)(?:节|假期|长假)?"
            r"(?P<side>之?前|以前|之?后|以后|期间)?(?![\d点个号月])"
        ),
        _holiday,
    ),
    (
        re.compile(
            r"(?:上上|上|这|本)?个?月(?:初|中旬?|底|末)|上上?个?(?:周|星期|礼拜)(?:末)?(?![一二三四五六日天1-7])|"
            r"前几天|(?:大概|差不多)?半年(?:多)?前|刚刚?(?=买)"
        ),
        _loosely,
    ),
    (re.compile(rf"(?P<count>{NUMBER})年(?:多)?(?:之|以)?前"), _years_ago),
    (re.compile(r"\bthe day before yesterday\b", re.IGNORECASE), lambda _, today: today - timedelta(days=2)),
    (re.compile(r"\byesterday\b", re.IGNORECASE), lambda _, today: today - timedelta(days=1)),
    (re.compile(r"\b(?:today|this morning)\b", re.IGNORECASE), lambda _, today: today),
    (
        re.compile(
            rf"\b(?P<count>an?|\d{{1,3}}|{'|'.join(_EN_NUMBERS)}) (?P<unit>day|week|"
            rf"month)s? ago\b",
            re.IGNORECASE,
        ),
        _en_ago,
    ),
    (re.compile(r"\ba (?:couple of|few) (?P<unit>day|week|month)s ago\b", re.IGNORECASE), _en_couple),
    (
        re.compile(rf"\b(?P<month>{_EN_MONTH}) (?:the )?(?P<day>{_EN_DAY})(?:,? (?P<year>20\d\d))?\b", re.IGNORECASE),
        _en_date,
    ),
    (
        re.compile(rf"\b(?P<day>{_EN_DAY}) (?:of )?(?P<month>{_EN_MONTH})(?:,? (?P<year>20\d\d))?\b", re.IGNORECASE),
        _en_date,
    ),
    (
        re.compile(
            rf"\b(?:on )?the (?P<day>{_EN_DAY})(?P<last> of last month)?\b(?! (?:time|one|call|day|two|floor))",
            re.IGNORECASE,
        ),
        _en_of_month,
    ),
    (re.compile(rf"\b(?:last|on|this past) (?P<day>{'|'.join(EN_DAYS)})\b", re.IGNORECASE), _en_last),
    (re.compile(r"\blast (?P<unit>week|month|year)\b", re.IGNORECASE), _en_loosely),
)
