"""Spoken dates, absolute and relative, as ISO 8601. Only the past: a purchase date is never after the call."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from tagger.numerals import NUMBER, parse_number

_WEEKDAY = {c: i for i, c in enumerate("一二三四五六日")} | {"天": 6} | {str(i + 1): i for i in range(7)}
_DAYS = {"今天": 0, "今早": 0, "刚才": 0, "昨天": 1, "昨晚": 1, "前天": 2, "大前天": 3}
_YEARS = {"今年": 0, "去年": 1, "前年": 2}
_FESTIVALS = {
    "双十一": (11, 11),
    "双11": (11, 11),
    "双十二": (12, 12),
    "双12": (12, 12),
    "六一八": (6, 18),
    "618": (6, 18),
}
_EN_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EN_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
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


_Reader = Callable[[re.Match[str], date], date | str | None]


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


def _int(text: str) -> int:
    value = parse_number(text)
    if value is None:
        raise ValueError(text)
    return int(value)


def _latest(month: int, day: int, today: date) -> date:
    """The latest such day that is not after today."""
    for year in range(today.year, today.year - 9, -1):
        try:
            found = date(year, month, day)
        except ValueError:
            continue  # 29 February
        if found <= today:
            return found
    raise ValueError(f"{month}-{day}")


def _month_back(today: date, months: int) -> tuple[int, int]:
    number = today.year * 12 + today.month - 1 - months
    return number // 12, number % 12 + 1


def _absolute(match: re.Match[str], today: date) -> date | str | None:
    month = _int(match["month"])
    day = match["day"]
    year = match["year"]
    if year in _YEARS:
        number: int | None = today.year - _YEARS[year]
    else:
        number = _int(year.rstrip("年")) if year else None
    if number is not None and number < 100:
        number += 2000
    if day:
        return date(number, month, _int(day)) if number else _latest(month, _int(day), today)
    if not 1 <= month <= 12:
        return None
    number = number or _latest(month, 1, today).year
    return f"{number:04d}-{month:02d}"


def _day_of_month(match: re.Match[str], today: date) -> date | None:
    day = _int(match["day"])
    back = {"上上": 2, "上": 1}.get(match["which"] or "", 0)
    year, month = _month_back(today, back)
    if not match["which"] and day > today.day:
        year, month = _month_back(today, 1)
    return date(year, month, day)


def _weekday(match: re.Match[str], today: date) -> date | None:
    monday = today - timedelta(days=today.weekday())
    which = match["which"] or ""
    day = monday + timedelta(days=_WEEKDAY[match["day"]])
    if which.startswith("上"):
        return day - timedelta(weeks=which.count("上"))
    if which in ("这", "本", "这个") or day <= today:
        return day
    return day - timedelta(weeks=1)


def _ago(match: re.Match[str], today: date) -> date | str | None:
    unit = match["unit"]
    if match["count"] == "半":
        return today - timedelta(days=15) if unit == "月" else None
    count = _int(match["count"])
    if unit == "天":
        return today - timedelta(days=count)
    if unit in ("周", "星期", "礼拜"):
        return today - timedelta(weeks=count)
    year, month = _month_back(today, count)
    return f"{year:04d}-{month:02d}"


def _last_month(match: re.Match[str], today: date) -> str:
    year, month = _month_back(today, match["which"].count("上"))
    return f"{year:04d}-{month:02d}"


def _en_ago(match: re.Match[str], today: date) -> date | str:
    word = match["count"].lower()
    count = 1 if word == "a" else _EN_NUMBERS.index(word) if word in _EN_NUMBERS else int(word)
    unit = match["unit"].lower()
    if unit == "month":
        year, month = _month_back(today, count)
        return f"{year:04d}-{month:02d}"
    return today - timedelta(days=count * (7 if unit == "week" else 1))


def _en_month_day(match: re.Match[str], today: date) -> date:
    return _latest(_EN_MONTHS.index(match["month"].lower()) + 1, int(match["day"]), today)


def _en_last(match: re.Match[str], today: date) -> date:
    back = (today.weekday() - _EN_DAYS.index(match["day"].lower())) % 7
    return today - timedelta(days=back or 7)


_N = NUMBER
_READERS: tuple[tuple[re.Pattern[str], _Reader], ...] = (
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
    (re.compile(rf"(?P<count>半|{_N})个?多?(?P<unit>天|周|星期|礼拜|月)(?:之|以)?前"), _ago),
    (re.compile(r"(?P<which>上上|上)个?月"), _last_month),
    (re.compile("|".join(_FESTIVALS)), lambda m, today: _latest(*_FESTIVALS[m[0]], today)),
    (re.compile("大前天|今天|今早|刚才|昨天|昨晚|前天"), lambda m, today: today - timedelta(days=_DAYS[m[0]])),
    (re.compile(rf"(?<![月\d{{}}])(?P<which>)(?P<day>{_N})[号日](?![码线楼院门店路])"), _day_of_month),
    (re.compile(r"\byesterday\b", re.IGNORECASE), lambda _, today: today - timedelta(days=1)),
    (
        re.compile(rf"\b(?P<count>a|\d{{1,3}}|{'|'.join(_EN_NUMBERS)}) (?P<unit>day|week|"
            rf"month)s? ago\b", re.IGNORECASE),
        _en_ago,
    ),
    (re.compile(rf"\b(?P<month>{'|'.join(_EN_MONTHS)}) (?P<day>\d{{1,2}})(?:st|nd|rd|"
        rf"th)?\b", re.IGNORECASE), _en_month_day),
    (re.compile(rf"\b(?:last|on) (?P<day>{'|'.join(_EN_DAYS)})\b", re.IGNORECASE), _en_last),
)  # fmt: skip
