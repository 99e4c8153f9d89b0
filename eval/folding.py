"""What two transcripts may differ in without one of them being wrong, folded away before errors are counted.

Chinese (``fold_zh``), in this order: traditional to simplified (opencc ``tw2sp``), NFKC, lower case, numbers, then
everything but letters, digits and Chinese characters is removed.

The one rule for numbers: a run of number characters (0-9, 〇零一二两三四五六七八九幺, the units 十百千万亿)
that begins with a digit or 十 becomes Arabic digits: as a cardinal when it has a unit (一百二十 -> 120, 3万 -> 30000,
一百二 -> 120), digit by digit when it has none (二零二六 -> 2026). A run with units that is no cardinal keeps them.
``3.5`` reads 3点5 and ``5%`` reads 百分之5. Both sides are folded alike, so a 一 that is no number (一起) costs
nothing.

English (``fold_en``): NFKC, lower case, apostrophes dropped, everything else that is no letter or digit becomes a
space, hesitations (uh, um, hmm ...) dropped, numbers in words to digits (twenty one -> 21), ``%`` to percent; single
digits that follow each other are joined (one two three -> 123).
"""

import re
import unicodedata
from functools import cache
from typing import Any

_DIGITS = {char: str(value) for value, char in enumerate("零一二三四五六七八九")} | {"〇": "0", "两": "2", "幺": "1"}
_DIGITS |= {str(value): str(value) for value in range(10)}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_LARGE = {"万": 10**4, "亿": 10**8}
_NUMBER = re.compile(r"[0-9〇零一二两三四五六七八九幺十][0-9〇零一二两三四五六七八九幺十百千万亿]*")
_BELOW_WAN = re.compile(
    r"(?:(?P<thousands>\d{1,4})千)?(?:(?P<hundreds>\d{1,4})百)?(?:(?P<tens>\d{0,4})十)?(?P<zero>0?)(?P<rest>\d*)"
)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_DECIMAL = re.compile(r"(?<=\d)\.(?=\d)")
_PERCENT = re.compile(r"(\d+(?:点\d+)?)%")

_HESITATIONS = frozenset(("uh", "um", "uhm", "hmm", "mm", "mhm", "er", "erm", "ah"))
_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_WORDS = {word: value for value, word in enumerate(_SMALL)}
_TEN_NAMES = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_TENS = {word: 10 * value for value, word in enumerate(_TEN_NAMES, start=2)}
_MULTIPLES = {"hundred": 100, "thousand": 1000}


@cache
def _simplifier() -> Any:
    from opencc import OpenCC

    return OpenCC("tw2sp")


def fold_zh(text: str) -> str:
    """The characters of a Chinese transcript that count."""
    text = unicodedata.normalize("NFKC", _simplifier().convert(text)).lower()
    text = _DECIMAL.sub("点", _THOUSANDS.sub("", text))
    text = _PERCENT.sub(r"百分之\1", text)
    text = _NUMBER.sub(lambda match: _fold_number(match.group()), text)
    return "".join(char for char in text if char.isalnum())


def fold_en(text: str) -> list[str]:
    """The words of an English transcript that count."""
    text = unicodedata.normalize("NFKC", text).lower().replace("'", "").replace("’", "")
    text = _THOUSANDS.sub("", text).replace("%", " percent ")
    words = re.sub(r"[^\w]|_", " ", text).split()
    return _join_digits(_fold_words([word for word in words if word not in _HESITATIONS]))


def _fold_number(run: str) -> str:
    if not any(char in _UNITS or char in _LARGE for char in run):
        return "".join(_DIGITS[char] for char in run)
    value = cardinal(run)
    if value is not None:
        return str(value)
    return "".join(_DIGITS.get(char, char) for char in run)


def cardinal(run: str) -> int | None:
    """The value of a Chinese cardinal such as 三千零五十 or 12万; None when it is none."""
    for name in ("亿", "万"):
        head, found, tail = run.partition(name)
        if found:
            return _large(head, _LARGE[name], tail)
    return _below_ten_thousand(run)


def _large(head: str, unit: int, tail: str) -> int | None:
    left = cardinal(head)
    if left is None:
        return None
    if len(tail) == 1 and tail in _DIGITS and _DIGITS[tail] != "0":
        return left * unit + int(_DIGITS[tail]) * unit // 10  # 一万二 is 12000
    right = cardinal(tail) if tail else 0
    return None if right is None or right >= unit else left * unit + right


def _below_ten_thousand(run: str) -> int | None:
    """As said: units fall from left to right; only 十 may stand without a digit before it."""
    match = _BELOW_WAN.fullmatch("".join(_DIGITS.get(char, char) for char in run))
    if not run or match is None:
        return None
    total, last_unit = 0, 0
    for name, unit in (("thousands", 1000), ("hundreds", 100), ("tens", 10)):
        if match[name] is not None:
            total, last_unit = total + int(match[name] or 1) * unit, unit
    rest = match["rest"]
    if last_unit >= 100 and len(rest) == 1 and not match["zero"]:
        return total + int(rest) * last_unit // 10  # 一百二 is 120, 一百零二 is 102
    return total + int(rest or 0)


def _fold_words(words: list[str]) -> list[str]:
    out: list[str] = []
    value: int | None = None
    for word in words:
        if value is not None and word in _MULTIPLES and value < _MULTIPLES[word]:
            value *= _MULTIPLES[word]
        elif value is not None and word in _WORDS and _fits(value, _WORDS[word]):
            value += _WORDS[word]
        elif value is not None and word in _TENS and value % 100 == 0 and value > 0:
            value += _TENS[word]
        else:
            if value is not None:
                out.append(str(value))
            value = _WORDS.get(word, _TENS.get(word))
            if value is None:
                out.append(word)
    if value is not None:
        out.append(str(value))
    return out


def _fits(value: int, small: int) -> bool:
    """Whether ``small`` goes on the number: forty + two, three hundred + twelve, but not four + two."""
    if 0 < small < 10 and value % 10 == 0 and value % 100 >= 20:
        return True
    return small > 0 and value > 0 and value % 100 == 0


def _join_digits(words: list[str]) -> list[str]:
    out: list[str] = []
    joining = False
    for word in words:
        single = len(word) == 1 and word.isdigit()
        if single and joining:
            out[-1] += word
        else:
            out.append(word)
        joining = single
    return out
