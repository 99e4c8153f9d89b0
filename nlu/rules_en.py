"""English: read-out digits, and amounts and percentages in number words."""

import re
from collections.abc import Callable, Iterator

from nlu.claims import Claim
from nlu.numerals import EN_VALUES, en_cardinal

_DIGIT = {w: str(v) for w, v in EN_VALUES.items() if v < 10} | {"oh": "0", "o": "0"}
_DIGIT_WORD = r"(?:double |triple )?(?:" + "|".join(sorted(_DIGIT, key=len, reverse=True)) + r"|\d)"
_READ_OUT = re.compile(rf"\b{_DIGIT_WORD}(?:[ ,\-]+{_DIGIT_WORD})+\b", re.IGNORECASE)
_NUMBER_WORD = "|".join(sorted([*EN_VALUES, "hundred", "thousand"], key=len, reverse=True))
_AMOUNT = re.compile(
    rf"(?<!point )\b((?:{_NUMBER_WORD})(?:[ \-](?:and )?(?:{_NUMBER_WORD}))*)( point(?: {_DIGIT_WORD})+)?"
    r"( dollars?| bucks?| cents?| percent)\b",
    re.IGNORECASE,
)


def read_out_digits(text: str) -> Iterator[Claim]:
    """Three digits or more, read one by one: ``one three five`` -> ``135``, ``double five oh`` -> ``550``.

    ``one, two, three`` alone is counting.
    """
    for found in _READ_OUT.finditer(text):
        digits = _read(re.split(r"[ ,\-]+", found.group().lower()))
        spoken = any(c.isalpha() for c in found.group())
        if len(digits) >= 3 and digits != "123" and spoken and not found.group().lower().startswith(("o ", "oh ")):
            yield Claim(found.start(), found.end(), digits, "digits")


def _read(words: list[str]) -> str:
    digits = ""
    repeat = 1
    for word in words:
        if word in ("double", "triple"):
            repeat = 2 if word == "double" else 3
            continue
        digits += _DIGIT.get(word, word) * repeat
        repeat = 1
    return digits


def amounts(text: str) -> Iterator[Claim]:
    """``twenty five dollars`` -> ``25 dollars``, ``two point five percent`` -> ``2.5%``."""
    for found in _AMOUNT.finditer(text):
        value = en_cardinal(re.split(r"[ \-]", found.group(1).lower()))
        if value is None:
            continue
        places = _read((found.group(2) or "").lower().split()[1:])
        written = f"{value}.{places}" if places else str(value)
        if found.group(3).strip().lower() == "percent":
            yield Claim(found.start(), found.end(), f"{written}%", "number")
        else:
            yield Claim(found.start(1), found.start(3), written, "number")


RULES: tuple[Callable[[str], Iterator[Claim]], ...] = (amounts, read_out_digits)
"""In order of precedence."""
