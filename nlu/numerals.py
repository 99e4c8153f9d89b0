"""Chinese and English number words -> digits. Strict: what is not one well-formed number gives None.

Approximations (三四百, 一两千, 十几) are two numbers, not one, and stay words.
"""

import re
from decimal import Decimal

ZH_DIGITS = {**dict(zip("零一二三四五六七八九", "0123456789", strict=True)), "〇": "0", "两": "2", "幺": "1"}
"""Spoken digits; 幺 is the telephone's one, 两 the counter's two."""
_SMALL = {"十": 10, "百": 100, "千": 1000}
_BIG = {"万": 10_000, "亿": 100_000_000}
ZH_UNITS = "十百千万亿"
ZH_NUMBER_BEFORE = r"(?<![零〇一二两三四五六七八九十百千万\d第几])"
"""A regular expression: no number goes on here."""
_TOKEN = re.compile(r"[0-9]+(?:\.[0-9]+)?|.", re.DOTALL)
_LONGEST = 24
"""Characters; a longer run is no number that anybody says."""

# fmt: off
EN_VALUES = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
    "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}
# fmt: on


def zh_digits(text: str) -> str:
    """Digit characters (Chinese or Arabic) as Arabic digits, one for one."""
    return "".join(ZH_DIGITS.get(c, c) for c in text)


class _Reader:
    """Folds tokens from left to right; ``failed`` as soon as they cannot be one number."""

    def __init__(self) -> None:
        self.total = Decimal(0)
        self.section = Decimal(0)
        self.current: Decimal | None = None
        self.last_unit = 0
        self.last_big = 0
        self.after_zero = False
        self.failed = False

    def take(self, part: str) -> bool:
        """Read one part; False when it cannot stand here."""
        if part in "零〇":
            self.zero()
        elif part in _SMALL:
            self.small(_SMALL[part])
        elif part in _BIG:
            self.big(_BIG[part])
        elif part in ZH_DIGITS and part != "幺":
            self.number(Decimal(ZH_DIGITS[part]))
        elif part.isascii() and part[0].isdigit():
            self.number(Decimal(part))
        else:
            return False
        return not self.failed

    def number(self, value: Decimal) -> None:
        if self.current is not None or (self.last_unit and value >= self.last_unit):
            self.failed = True  # 一百0594…: a number and another
        self.current = value

    def zero(self) -> None:
        if self.current is not None or self.after_zero or not self.last_unit:
            self.failed = True
        self.after_zero = True

    def small(self, unit: int) -> None:
        if self.current is None and unit == 10:
            self.current = Decimal(1)
        below = not self.last_unit or self.last_unit in _BIG.values() or unit < self.last_unit
        if self.current is None or not below:
            self.failed = True
            return
        self.section += self.current * unit
        self.current, self.last_unit, self.after_zero = None, unit, False

    def big(self, unit: int) -> None:
        self.section += self.current or 0
        if not self.section or (self.last_big and unit >= self.last_big):
            self.failed = True
            return
        self.total += self.section * unit
        self.section, self.current, self.after_zero = Decimal(0), None, False
        self.last_unit = self.last_big = unit

    def result(self) -> Decimal | None:
        if self.failed or (self.after_zero and self.current is None):
            return None
        last = self.current or Decimal(0)
        if self.current is not None and self.last_unit >= 100 and not self.after_zero and last < 10:
            last = last * self.last_unit / 10  # 两百五 is 250, 一万二 is 12000
        return self.total + self.section + last


def zh_cardinal(text: str) -> str | None:
    """A cardinal in Chinese or mixed writing (一千二百九十九, 两百五, 1万2, 1.5万) in digits; None if it is not one."""
    if not 0 < len(text) <= _LONGEST:
        return None
    reader = _Reader()
    for token in _TOKEN.findall(text):
        if not reader.take(token):
            return None
    value = reader.result()
    if value is None:
        return None
    return str(int(value)) if value == value.to_integral_value() else format(value.normalize(), "f")


def en_cardinal(words: list[str]) -> int | None:
    """``two hundred and fifty`` -> 250; up to the thousands; None when the words are not one number."""
    total = section = 0
    last = 0  # size of the last word, to refuse "five three"
    for word in words:
        if word == "and":
            continue
        if word == "hundred":
            if not 0 < section < 10:
                return None
            section, last = section * 100, 100
        elif word == "thousand":
            if not section or total:
                return None
            total, section, last = section * 1000, 0, 1000
        elif word in EN_VALUES:
            value = EN_VALUES[word]
            fits = last in (0, 100, 1000) or (last == 10 and 0 < value < 10)
            if not fits:
                return None
            section, last = section + value, 10 if value >= 20 else 1
        else:
            return None
    return total + section if words else None
