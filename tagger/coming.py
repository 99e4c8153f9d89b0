"""Dates of appointments, as they are spoken: 明天, 下周三, 这个周六, next Monday."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

from tagger.dates import EN_DAYS, WEEKDAYS, Reader, SpokenDate, months_back, whole_number
from tagger.numerals import NUMBER

_COMING = {"今天": 0, "今晚": 0, "明天": 1, "明早": 1, "明晚": 1, "后天": 2, "大后天": 3}
_FURTHEST_DAYS = 180


def coming_dates(text: str, today: date) -> Iterator[SpokenDate]:
    """The dates in ``text`` that lie on or after ``today``: 明天, 下周三, 这个周六, 下个月五号, next Monday."""
    taken: list[tuple[int, int]] = []
    for pattern, reader in _COMING_READERS:
        for match in pattern.finditer(text):
            if any(match.start() < end and start < match.end() for start, end in taken):
                continue
            try:
                day = reader(match, today)
            except (ValueError, OverflowError):
                continue
            taken.append(match.span())
            if isinstance(day, date) and today <= day <= today + timedelta(days=_FURTHEST_DAYS):
                yield SpokenDate(value=str(day), start=match.start(), end=match.end(), exact=True)


def _coming_weekday(match: re.Match[str], today: date) -> date:
    day = today - timedelta(days=today.weekday()) + timedelta(days=WEEKDAYS[match["day"]])
    weeks = (match["which"] or "").count("下")
    return day + timedelta(weeks=weeks) if weeks or day >= today else day + timedelta(weeks=1)


def _coming_day(match: re.Match[str], today: date) -> date:
    day, ahead = whole_number(match["day"]), (match["which"] or "").count("下")
    if not ahead and day < today.day:
        ahead = 1
    year, month = months_back(today, -ahead)
    return date(year, month, day)


def _coming_absolute(match: re.Match[str], today: date) -> date:
    month, day = whole_number(match["month"]), whole_number(match["day"])
    found = date(today.year, month, day)
    return found if found >= today else date(today.year + 1, month, day)


def _en_coming_day(match: re.Match[str], today: date) -> date:
    ahead = (EN_DAYS.index(match["day"].lower()) - today.weekday()) % 7 or 7
    return today + timedelta(days=ahead)


_COMING_READERS: tuple[tuple[re.Pattern[str], Reader], ...] = (
    (re.compile(rf"(?P<month>{NUMBER})月(?:份)?(?P<day>{NUMBER})[号日]"), _coming_absolute),
    (re.compile(rf"(?P<which>下下|下)个?月(?P<day>{NUMBER})[号日]"), _coming_day),
    (
        re.compile(r"(?<!上)(?<!上个)(?P<which>下下|下|这个|这|本)?个?(?:周|星期|礼拜)(?P<day>[一二三四五六日天1-7])"),
        _coming_weekday,
    ),
    (re.compile("大后天|明天|明早|明晚|后天|今天|今晚"), lambda m, today: today + timedelta(days=_COMING[m[0]])),
    (re.compile(rf"(?<![月第\d{{}}])(?P<which>)(?P<day>{NUMBER})[号日](?![码线楼院门店路])"), _coming_day),
    (re.compile(r"\btomorrow\b", re.IGNORECASE), lambda _, today: today + timedelta(days=1)),
    (re.compile(r"\b(?:today|tonight)\b", re.IGNORECASE), lambda _, today: today),
    (re.compile(rf"\b(?:next|this|on|coming) (?P<day>{'|'.join(EN_DAYS)})\b", re.IGNORECASE), _en_coming_day),
)  # fmt: skip
