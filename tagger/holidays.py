"""Days that have a name: feasts of both calendars and the big sales, and when they were last."""

from datetime import date

FESTIVALS = {
    "双十一": (11, 11),
    "双11": (11, 11),
    "双十二": (12, 12),
    "双12": (12, 12),
    "六一八": (6, 18),
    "618": (6, 18),
}
_HOLIDAYS = {
    "元旦": (1, 1),
    "情人节": (2, 14),
    "妇女节": (3, 8),
    "三八节": (3, 8),
    "五一": (5, 1),
    "劳动节": (5, 1),
    "六一": (6, 1),
    "儿童节": (6, 1),
    "教师节": (9, 10),
    "国庆": (10, 1),
    "十一": (10, 1),
    "圣诞": (12, 25),
}
# The days of the lunar calendar's feasts, by year: 春节, 端午, 中秋 (public holiday notices of the State Council).
_LUNAR = {
    2022: ((2, 1), (6, 3), (9, 10)),
    2023: ((1, 22), (6, 22), (9, 29)),
    2024: ((2, 10), (6, 10), (9, 17)),
    2025: ((1, 29), (5, 31), (10, 6)),
    2026: ((2, 17), (6, 19), (9, 25)),
    2027: ((2, 6), (6, 9), (9, 15)),
    2028: ((1, 26), (5, 28), (10, 3)),
    2029: ((2, 13), (6, 16), (9, 22)),
    2030: ((2, 3), (6, 5), (9, 12)),
}
_FEASTS = {"春节": 0, "过年": 0, "端午": 1, "中秋": 2}
HOLIDAY_NAMES = tuple(sorted((*_HOLIDAYS, *_FEASTS), key=len, reverse=True))
"""What they are called, longer names first; 节 may follow."""


def holiday(name: str, today: date) -> date | None:
    """The latest such day that is not after ``today``; None where the year of a lunar feast is not known."""
    if name in _HOLIDAYS:
        return latest(*_HOLIDAYS[name], today)
    days = (date(year, *feasts[_FEASTS[name]]) for year, feasts in _LUNAR.items())
    return max((day for day in days if day <= today), default=None)


def latest(month: int, day: int, today: date) -> date:
    """The latest such day that is not after today."""
    for year in range(today.year, today.year - 9, -1):
        try:
            found = date(year, month, day)
        except ValueError:
            continue  # 29 February
        if found <= today:
            return found
    raise ValueError(f"{month}-{day}")
