"""Folded text -> one token per character: Mandarin syllables without tone, everything else as itself.

Readings follow the words of the text (银行 yin hang, 行李 xing li) as pypinyin's dictionary has them. pypinyin takes a
quarter of a second to import, so it is imported on first use.
"""

from collections.abc import Iterator
from typing import Any

from nlu.folding import Folded, is_han

_DIGIT_SYLLABLES = dict(
    zip("0123456789", ("ling", "yi", "er", "san", "si", "wu", "liu", "qi", "ba", "jiu"), strict=True)
)
_FUZZY_INITIALS = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("n", "l"))
_FUZZY_FINALS = (("ang", "an"), ("eng", "en"), ("ing", "in"))


def syllables(text: str, folded: Folded, *, fuzzy: bool = False) -> list[str]:
    """One token per folded character. ``fuzzy`` merges zh/z, ch/c, sh/s, n/l, ang/an, eng/en, ing/in."""
    if not any(is_han(c) for c in folded.text):
        return list(folded.text)
    readings = _readings(text)
    tokens = []
    for char, origin in zip(folded.text, folded.origins, strict=True):
        token = readings[origin] if is_han(text[origin]) else _DIGIT_SYLLABLES.get(char, char)
        tokens.append(merge_confusable(token) if fuzzy else token)
    return tokens


def variants(phrase: str, folded: Folded, *, fuzzy: bool = False, limit: int = 8) -> Iterator[list[str]]:
    """The phrase's reading, then readings with one character read otherwise (重开 zhong or chong).

    Alone, a phrase has too little context to tell which reading is meant.
    """
    from pypinyin import Style, pinyin

    base = syllables(phrase, folded, fuzzy=fuzzy)
    yield base
    given = 1
    for at, char in enumerate(folded.text):
        if not is_han(char):
            continue
        for other in pinyin(char, style=Style.NORMAL, heteronym=True)[0]:
            token = merge_confusable(other) if fuzzy else other
            if token != base[at] and given < limit:
                given += 1
                yield [*base[:at], token, *base[at + 1 :]]


def merge_confusable(syllable: str) -> str:
    """The representative of the syllable's group of easily confused ones."""
    for initial, merged in _FUZZY_INITIALS:
        if syllable.startswith(initial):
            syllable = merged + syllable[len(initial) :]
            break
    for final, merged in _FUZZY_FINALS:
        if syllable.endswith(final):
            return syllable[: -len(final)] + merged
    return syllable


def _one_by_one(text: str) -> Any:
    """Non-Chinese characters as tokens of their own; pypinyin's annotation does not know that it takes a list."""
    return list(text)


def _readings(text: str) -> list[str]:
    """One reading per character of ``text``."""
    from pypinyin import lazy_pinyin

    found = lazy_pinyin(text, errors=_one_by_one)
    if len(found) == len(text):
        return list(found)
    return [lazy_pinyin(c)[0] if is_han(c) else c for c in text]


def is_known_word(text: str) -> bool:
    """Whether pypinyin's dictionary of 47,000 words has this one: a homophone that is a word may well be meant."""
    from pypinyin.constants import PHRASES_DICT

    return text in PHRASES_DICT
