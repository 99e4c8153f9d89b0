"""Text as the trigger scanner reads it: one spelling, no punctuation, every character traceable to its origin."""

import unicodedata
from dataclasses import dataclass

from nlu.numerals import ZH_DIGITS

BREAK = "\n"
"""Stands for the end of a sentence; no phrase matches across it."""
_ENDS = frozenset("。！？；!?;…\n")
_APOSTROPHES = frozenset("'’‘`")


@dataclass(frozen=True, slots=True)
class Folded:
    """Folded text; ``origins[i]`` is the offset of the character that folded character ``i`` came from."""

    text: str
    origins: tuple[int, ...]


def is_han(char: str) -> bool:
    """Whether this is a Chinese character."""
    return "一" <= char <= "鿿" or "㐀" <= char <= "䶿" or char == "〇"


def is_word(char: str) -> bool:
    """Whether this is a letter or digit of a script that separates words by spaces."""
    return char.isalnum() and not is_han(char)


def fold(text: str) -> Folded:
    """NFKC, lower case, single Chinese digits as Arabic ones (一只耳机 = 1只耳机), no punctuation.

    Spaces, commas and dashes vanish beside Chinese and become one space between words of other scripts; letters and
    digits are words of their own.
    """
    out: list[str] = []
    origins: list[int] = []
    gap = False
    for at, raw in enumerate(text):
        for char in unicodedata.normalize("NFKC", raw).lower():
            if char in _ENDS or (char == "." and not text[at + 1 : at + 2].isalnum()):
                if out and out[-1] != BREAK:
                    out.append(BREAK)
                    origins.append(at)
                gap = False
            elif char in _APOSTROPHES:
                continue
            elif char.isalnum() or (char == "." and out and out[-1].isalnum()):
                if out and _separate(out[-1], char, gap):
                    out.append(" ")
                    origins.append(at)
                out.append(ZH_DIGITS.get(char, char))
                origins.append(at)
                gap = False
            else:
                gap = True
    return Folded("".join(out), tuple(origins))


def _separate(before: str, char: str, gap: bool) -> bool:
    """Whether a space belongs between two characters: iphone15 reads as iphone 15."""
    if not (is_word(before) and is_word(char)):
        return False
    return gap or before.isdigit() != char.isdigit()


def fold_phrase(phrase: str) -> str:
    """A phrase in the same spelling, without sentence ends."""
    return fold(phrase).text.replace(BREAK, "")


def cuts_word(text: str, start: int, end: int) -> bool:
    """Whether [start, end) begins or ends inside a word or number of folded ``text``."""
    before = start > 0 and is_word(text[start - 1]) and is_word(text[start])
    after = end < len(text) and is_word(text[end]) and is_word(text[end - 1])
    return before or after
