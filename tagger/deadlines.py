"""Until when: the times that promises name (三天内, 明天下午, within two hours), counted from when they were said.

Only times to come. Working days leave out Saturday and Sunday; public holidays are not known here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tagger.numerals import NUMBER, parse_number

_WEEKDAY = {c: i for i, c in enumerate("一二三四五六日")} | {"天": 6} | {str(i + 1): i for i in range(7)}
_DAYS = {"今": 0, "明": 1, "后": 2, "大后": 3}
_EN_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EN_NUMBERS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
_DIGITS = "零一二三四五六七八九"
_SIDE_BY_SIDE = re.compile(r"([一二两三四五六七八九])([一二两三四五六七八九])[零〇一二两三四五六七八九]*")
_MOST_DAYS = 400
_NOON = {"早": 0, "上": 0, "中": 12, "下": 12, "傍": 12, "晚": 12}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """A time that was said."""

    value: str
    """ISO 8601: ``YYYY-MM-DD``, or ``YYYY-MM-DDTHH:MM±HH:MM`` where an hour was said or hours are counted."""
    start: int
    end: int
    """Offsets in characters into the text."""


_Reader = Callable[[re.Match[str], datetime], date | datetime | None]


def deadline(text: str, said_at: datetime) -> Deadline | None:
    """The first time to come that ``text`` names, None where it names none that a calendar can tell (尽快, 稍后).

    ``said_at`` is aware, in the time zone of those who speak.
    """
    best: Deadline | None = None
    for pattern, reader in _READERS:
        match = pattern.search(text)
        if match is None or (best is not None and match.start() >= best.start):
            continue
        try:
            value = reader(match, said_at)
        except (ValueError, OverflowError):
            continue  # the 31st of a month that has none, or a count beyond the calendar
        if value is not None:
            best = Deadline(value=_iso(value, said_at), start=match.start(), end=match.end())
    return best


def _iso(value: date | datetime, said_at: datetime) -> str:
    if isinstance(value, datetime):
        return value.astimezone(said_at.tzinfo).isoformat(timespec="minutes")
    return value.isoformat()


def _count(text: str) -> float:
    if text == "半":
        return 0.5
    value = parse_number(_range_end(text))
    if value is None:
        raise ValueError(text)
    return float(value)


def _range_end(text: str) -> str:
    """The greater end of a range whose ends stand side by side: 两三 -> 三, 十五六 -> 十六, 二三十 -> 三十, 2,3 -> 3.

    Raises: ValueError where digits side by side are neither a range nor one number.
    """
    if re.fullmatch(r"\d{1,2}(?:,\d{1,2})+", text):
        return text.rpartition(",")[2]
    pair = _SIDE_BY_SIDE.search(text)
    if pair is None:
        return text
    low, high = (_DIGITS.index(char.replace("两", "二")) for char in (pair[1], pair[2]))
    # 三五天 is the one range that leaves a number out. Other digits in a row are read one by one (a number, a code).
    if len(_SIDE_BY_SIDE.findall(text)) > 1 or len(pair[0]) > 2 or not (high - low == 1 or pair[0] == "三五"):
        raise ValueError(text)
    return text[: pair.start()] + pair[2] + text[pair.end() :]


def _hours(match: re.Match[str], said_at: datetime) -> datetime | None:
    count = _count(match["count"])
    if match["half"] and count == int(count):
        count += 0.5
    minutes = count * (60 if "时" in match["unit"] or "钟头" in match["unit"] else 1)
    return said_at + timedelta(minutes=minutes) if minutes <= _MOST_DAYS * 1440 else None


def _days(match: re.Match[str], said_at: datetime) -> date | None:
    count = _count(match["last"] or match["count"])
    unit = match["unit"]
    if count > _MOST_DAYS:
        return None
    today = said_at.date()
    if "工作日" in unit:
        return _working(today, int(count))
    if unit == "月":
        return _months(today, int(count)) if count >= 1 else today + timedelta(days=15)
    per = 7 if unit in ("周", "星期", "礼拜") else 1
    return today + timedelta(days=round(count * per))


def _working(day: date, count: int) -> date:
    while count > 0:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day


def _months(day: date, count: int) -> date:
    number = day.year * 12 + day.month - 1 + count
    first = date(number // 12, number % 12 + 1, 1)
    last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return first.replace(day=min(day.day, last.day))


def _hour(match: re.Match[str], day: date, said_at: datetime) -> date | datetime:
    """With the hour, where one was said beside the day."""
    if not match["hour"]:
        return day
    hour = int(_count(match["hour"]))
    hour += _NOON[match["part"][0]] if match["part"] and hour < 12 else 0
    minute = 30 if match["half"] else 0
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=said_at.tzinfo)


def _day(match: re.Match[str], said_at: datetime) -> date | datetime:
    return _hour(match, said_at.date() + timedelta(days=_DAYS[match["day"]]), said_at)


def _weekday(match: re.Match[str], said_at: datetime) -> date | datetime:
    today = said_at.date()
    day = today - timedelta(days=today.weekday()) + timedelta(days=_WEEKDAY[match["day"]])
    if match["which"].startswith("下"):
        day += timedelta(weeks=match["which"].count("下"))
    elif day < today:
        day += timedelta(weeks=1)
    return _hour(match, day, said_at)


def _month_day(match: re.Match[str], said_at: datetime) -> date | datetime:
    today = said_at.date()
    number = int(_count(match["number"]))
    if match["month"]:
        month = int(_count(match["month"]))
        day = date(today.year, month, number)
        return _hour(match, day if day >= today else day.replace(year=today.year + 1), said_at)
    first = _months(today.replace(day=1), 1) if match["next"] or number < today.day else today.replace(day=1)
    return _hour(match, first.replace(day=number), said_at)


def _this_hour(match: re.Match[str], said_at: datetime) -> datetime | None:
    at = _hour(match, said_at.date(), said_at)
    return at if isinstance(at, datetime) and at > said_at else None


def _end_of(match: re.Match[str], said_at: datetime) -> date:
    today = said_at.date()
    if "月" in match[0]:
        return _months(today.replace(day=1), 2 if match["next"] else 1) - timedelta(days=1)
    sunday = today + timedelta(days=6 - today.weekday())
    return sunday + timedelta(weeks=1 if match["next"] else 0)


def _en_count(word: str) -> int:
    word = word.lower()
    if word in ("a", "an"):
        return 1
    return _EN_NUMBERS.index(word) if word in _EN_NUMBERS else int(word)


def _en_in(match: re.Match[str], said_at: datetime) -> date | datetime | None:
    count, unit = _en_count(match["last"] or match["count"]), match["unit"].lower()
    if count > _MOST_DAYS:
        return None
    if unit in ("hour", "minute"):
        return said_at + timedelta(minutes=count * (60 if unit == "hour" else 1))
    if "business" in unit or "working" in unit:
        return _working(said_at.date(), count)
    if unit == "month":
        return _months(said_at.date(), count)
    return said_at.date() + timedelta(days=count * (7 if unit == "week" else 1))


def _en_day(match: re.Match[str], said_at: datetime) -> date:
    day, today = match["day"].lower(), said_at.date()
    if day in ("today", "tonight"):
        return today
    if day == "tomorrow":
        return today + timedelta(days=1)
    ahead = (_EN_DAYS.index(day) - today.weekday()) % 7
    if (match["next"] or "").lower() == "next":
        return today - timedelta(days=today.weekday()) + timedelta(days=7 + _EN_DAYS.index(day))
    return today + timedelta(days=ahead)


def _en_end(match: re.Match[str], said_at: datetime) -> date:
    today = said_at.date()
    if match["unit"].lower() == "day":
        return today
    if match["unit"].lower() == "week":
        return today + timedelta(days=(4 - today.weekday()) % 7)
    return _months(today.replace(day=1), 1) - timedelta(days=1)


_N = NUMBER
_AT = (
    rf"(?:的)?(?P<part>早上?|上午|中午|下午|傍晚|晚上?)?(?:(?P<hour>{_N})[点时](?P<half>半)?)?"
    r"(?:之?前|以前|下班前)?"
)
_READERS: tuple[tuple[re.Pattern[str], _Reader], ...] = (
    (re.compile(rf"(?P<count>半|{_N})个?(?P<half>半)?(?P<unit>小时|钟头|分钟)(?:之?内|以内|左右|后|之后)?"), _hours),
    (
        re.compile(
            rf"(?P<count>半|{_N})(?:[到至\-~](?P<last>{_N}))?个?(?P<unit>工作日|天|周|星期|礼拜|月)(?:之?内|"
            rf"以内|后|之后|左右)"
        ),
        _days,
    ),
    (re.compile(rf"(?P<count>{_N})(?:[到至\-~](?P<last>{_N}))个?(?P<unit>工作日|天)"), _days),
    (re.compile(rf"(?P<day>大后|[今明后])[天日晚早]{_AT}"), _day),
    (re.compile(rf"(?<![上个])(?P<which>下下|下|这|本)?个?(?:周|星期|礼拜)(?P<day>[一二三四五六日天1-7])(?!个){_AT}"),
        lambda m, at: _weekday(m, at) if m["which"] else _weekday_plain(m, at)),
    (re.compile(rf"(?<!月)(?:(?P<month>{_N})月|(?P<next>下)个?月)?(?P<number>{_N})[号日](?![码线楼院门店路]){_AT}"),
        _month_day),
    (re.compile(rf"(?P<part>上午|中午|下午|傍晚|晚上)(?P<hour>{_N})[点时](?P<half>半)?(?:之?前|以前|左右)?"),
        _this_hour),
    (re.compile(r"(?P<next>下)?(?:这|本)?个?(?:月底|周末)(?:之?前)?"), _end_of),
    (
        re.compile(
            rf"\b(?:with)?in (?:the next )?(?P<count>an?|\d{{1,3}}|{'|'.join(_EN_NUMBERS)})"
            rf"(?: (?:to|or) (?P<last>\d{{1,3}}|{'|'.join(_EN_NUMBERS)}))? "
            r"(?P<unit>business day|working day|hour|minute|day|week|month)s?\b", re.IGNORECASE,
        ),
        _en_in,
    ),
    (
        re.compile(
            rf"\b(?:(?P<next>next|this|on|by|until|before) )?(?P<day>today|tonight|tomorrow|{'|'.join(_EN_DAYS)})\b",
            re.IGNORECASE,
        ),
        _en_day,
    ),
    (re.compile(r"\b(?:by )?(?:the )?end of (?:the |this )?(?P<unit>day|week|month)\b", re.IGNORECASE), _en_end),
)  # fmt: skip


def _weekday_plain(match: re.Match[str], said_at: datetime) -> date | datetime:
    """Without 这 or 下: the next such day, today included."""
    today = said_at.date()
    return _hour(match, today + timedelta(days=(_WEEKDAY[match["day"]] - today.weekday()) % 7), said_at)
