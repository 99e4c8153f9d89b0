"""Numbers in text: Arabic, Chinese (一千二百九十九, 一万二) and mixed (1万2); digit by digit for phones and orders."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

_VALUE = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "俩": 2}
_UNIT = {"十": 10, "百": 100, "千": 1000, "万": 10_000}
NUMBER = r"(?:\d[\d,]*(?:\.\d+)?(?:[百千万]\d?)?|[零〇一二两三四五六七八九十百千万]+)"
"""A regular expression for what ``parse_number`` reads."""

_SPOKEN = {c: str(i) for i, c in enumerate("零一二三四五六七八九")} | {"〇": "0", "幺": "1", "么": "1", "○": "0"}
_ENGLISH = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_WORDS = {word: str(i) for i, word in enumerate(_ENGLISH)} | {"oh": "0"}
# What recognisers write for a spoken digit; believed only between two digits of a longer run.
_MISHEARD = {
    homophone: digit
    for digit, homophones in {
        "0": "林铃令另灵领",
        "1": "要腰妖摇邀药依医",
        "2": "儿而耳",
        "3": "山散伞",
        "4": "是事思死似",
        "5": "午无舞吴屋",
        "6": "留流刘溜",
        "7": "起期气妻",
        "8": "巴吧把爸",
        "9": "就久酒旧",
    }.items()
    for homophone in homophones
}
_TOKEN = re.compile(
    rf"(?P<digit>[0-9{''.join(_SPOKEN)}])"
    rf"|(?P<word>\b(?:{'|'.join(_WORDS)})\b)"
    # Letters of an order number: capitals, or letters that stand right before a digit; not the words I and A.
    r"|(?P<letter>(?<![A-Za-z])(?:(?-i:(?![IA] )[A-Z]{1,3}(?![A-Za-z]))|[A-Za-z]{1,3}(?=\d)))",
    re.IGNORECASE,
)
_GAP = re.compile(r"[ ,，、.\-–]{0,2}")
_LONGEST_GAP = 2
_MOST_MISHEARD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitRun:
    """Digits (and letters) said one by one."""

    pieces: tuple[str, ...]
    """Cut at commas and pauses."""
    start: int
    end: int
    """Offsets into the text."""
    repaired: int
    """How many of the characters were homophones of digits."""

    @property
    def joined(self) -> str:
        """All pieces together."""
        return "".join(self.pieces)


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    start: int
    end: int


def parse_number(text: str) -> Decimal | None:
    """The value of a number as matched by ``NUMBER``; None when it is not one."""
    plain = text.replace(",", "")
    if re.fullmatch(r"\d+(?:\.\d+)?", plain):
        return Decimal(plain)
    mixed = re.fullmatch(r"(\d+(?:\.\d+)?)([百千万])(\d?)", plain)
    if mixed:
        unit = _UNIT[mixed[2]]
        return Decimal(mixed[1]) * unit + (int(mixed[3]) * unit // 10 if mixed[3] else 0)
    return _chinese(plain)


def _chinese(text: str) -> Decimal | None:
    if not text or any(c not in _VALUE and c not in _UNIT for c in text):
        return None
    if not any(c in _UNIT for c in text):
        return Decimal("".join(str(_VALUE[c]) for c in text))
    total = section = 0
    digit: int | None = None
    last_unit = 1
    after_zero = False
    for char in text:
        if char in _VALUE:
            digit = _VALUE[char] or None
            after_zero = after_zero or digit is None
            continue
        unit = _UNIT[char]
        if unit == 10_000:
            total += (section + (digit or 0)) * unit
            section = 0
        else:
            section += (1 if digit is None else digit) * unit
        digit, last_unit, after_zero = None, unit, False
    if digit is not None:
        # 一万二 is 12000 and 三千五 3500, but 一百零五 is 105 and 十五 15.
        section += digit if after_zero or last_unit == 10 else digit * last_unit // 10
    return Decimal(total + section)


def digit_runs(text: str, least: int = 3) -> list[DigitRun]:
    """Runs of at least ``least`` characters that are read digit by digit."""
    tokens = _tokens(text)
    runs: list[DigitRun] = []
    current: list[_Token] = []
    for token in tokens:
        if current and not _continues(text, current[-1].end, token.start):
            _close(current, text, least, runs)
            current = []
        current.append(token)
    _close(current, text, least, runs)
    return runs


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    for match in _TOKEN.finditer(text):
        raw = match[0]
        value = _SPOKEN.get(raw, raw) if match["digit"] else _WORDS.get(raw.lower(), raw.upper())
        found.append(_Token(value, match.start(), match.end()))
    return found


def _continues(text: str, end: int, start: int) -> bool:
    between = text[end:start]
    return bool(_GAP.fullmatch(between)) or _misheard(between) is not None


def _misheard(between: str) -> str | None:
    """The digit that stands between two others as a homophone; beside a pause only what 幺 becomes (139,要770)."""
    inner = between.strip(" ,，、")
    digit = _MISHEARD.get(inner) if len(between) <= _LONGEST_GAP + 1 else None
    return digit if inner == between or digit == "1" else None


def _close(tokens: Sequence[_Token], text: str, least: int, runs: list[DigitRun]) -> None:
    if not tokens:
        return
    pieces, repaired = [tokens[0].value], 0
    for before, token in pairwise(tokens):
        between = text[before.end : token.start]
        if (digit := _misheard(between)) is not None:
            pieces[-1] += digit
            repaired += 1
        elif any(mark in between for mark in ",，、."):
            pieces.append("")
        pieces[-1] += token.value
    length = sum(map(len, pieces))
    if repaired > _MOST_MISHEARD or (repaired and length < 7):
        return
    if length >= least and sum(c.isdigit() for p in pieces for c in p) >= least:
        runs.append(DigitRun(pieces=tuple(pieces), start=tokens[0].start, end=tokens[-1].end, repaired=repaired))
