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
    rf"\b((?:{_NUMBER_WORD})(?:[ \-](?:and )?(?:{_NUMBER_WORD}))*)( dollars?| bucks?| cents?| percent)\b", re.IGNORECASE
)


def read_out_digits(text: str) -> Iterator[Claim]:
    """Three digits or more, read one by one: ``one three five`` -> ``135``, ``double five oh`` -> ``550``."""
    for found in _READ_OUT.finditer(text):
        digits = ""
        repeat = 1
        for word in re.split(r"[ ,\-]+", found.group().lower()):
            if word in ("double", "triple"):
                repeat = 2 if word == "double" else 3
                continue
            digits += _DIGIT.get(word, word) * repeat
            repeat = 1
        spoken = any(c.isalpha() for c in found.group())
        if len(digits) >= 3 and spoken and not found.group().lower().startswith(("o ", "oh ")):
            yield Claim(found.start(), found.end(), digits, "digits")


def amounts(text: str) -> Iterator[Claim]:
    """``twenty five dollars`` -> ``25 dollars``, ``five percent`` -> ``5%``."""
    for found in _AMOUNT.finditer(text):
        value = en_cardinal(re.split(r"[ \-]", found.group(1).lower()))
        if value is None:
            continue
        if found.group(2).strip().lower() == "percent":
            yield Claim(found.start(), found.end(), f"{value}%", "number")
        else:
            yield Claim(found.start(1), found.end(1), str(value), "number")


RULES: tuple[Callable[[str], Iterator[Claim]], ...] = (amounts, read_out_digits)
"""In order of precedence."""
