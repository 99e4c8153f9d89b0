"""What a heard digit string may have been: homophones at its ends, a counted piece behind it, two hearings fused.

A recogniser loses and replaces digits of a read-out; where the number is said twice (by the caller, and by the agent
who reads it back) the two hearings complete each other. Everything here proposes; the form of the number (a mobile
phone's eleven digits, the length of the shop's order numbers) decides whether a proposal is taken.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from tagger.numerals import DigitRun

MOBILE = re.compile(r"1[3-9]\d{9}")
_SOUNDS = {
    "ling": "0", "yao": "1", "yi": "1", "er": "2", "liang": "2", "san": "3", "shan": "3", "si": "4", "shi": "4",
    "wu": "5", "liu": "6", "qi": "7", "ba": "8", "jiu": "9",
}  # fmt: skip
_WORDS = frozenset("是就已一以以事时使把吧吗八有又也要医易意起其期无务物五久旧山上")
"""Characters with a digit's sound that are words of their own too: taken for digits only where a form needs it."""
_ONES = frozenset("要么")
"""Of these, the ones that recognisers write for 幺 again and again, in front of a number too."""
_ENDINGS = {"啊": "2", "呃": "2", "额": "2", "哦": ""}
"""How a recogniser writes a last 二 (èr), which has no other homophone that is frequent."""
_MOST_LEFT = 3
_COUNTED = re.compile(r"[台个件副双部条套只张款箱瓶本盒辆位次天块元]")
_LEAST_SHARED = 6
"""Digits that two hearings must have in common to be of one number."""
_MOST_FUSIONS = 16

Fits = Callable[[str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One way to read a run."""

    value: str
    guessed: int
    """Characters that were not heard as digits."""
    start: int
    end: int
    """Offsets into the text."""


def readings(text: str, run: DigitRun) -> list[Reading]:
    """Every way to read ``run`` in ``text``, the plain one first."""
    return [_reading(run, left, right) for left in _lefts(text, run) for right in _rights(text, run)]


def _reading(run: DigitRun, left: tuple[str, int], right: tuple[str, int]) -> Reading:
    added, at = left
    tail, end = right
    cut = run.joined[: len(run.joined) - 1] if tail == "-" else run.joined + tail
    return Reading(value=added + cut, guessed=len(added) + (tail not in ("", "-")), start=at, end=end)


def _lefts(text: str, run: DigitRun) -> list[tuple[str, int]]:
    """Digits in front that were written as other characters: none, then one more each."""
    found = [("", run.start)]
    digits = ""
    for at in range(run.start - 1, max(-1, run.start - 1 - _MOST_LEFT), -1):
        digit = digit_of(text[at])
        if digit is None or (text[at] in _WORDS and text[at] not in _ONES):
            break
        digits = digit + digits
        found.append((digits, at))
    return found


def _rights(text: str, run: DigitRun) -> list[tuple[str, int]]:
    after = text[run.end : run.end + 1]
    found = [("", run.end)]
    if after and _COUNTED.match(after) and run.joined[-1].isdigit():
        found.append(("-", run.end - 1))
    digit = _ENDINGS.get(after) or (digit_of(after) if after else None)
    if digit:
        found.append((digit, run.end + 1))
    return found


@cache
def digit_of(char: str) -> str | None:
    """The digit with the sound of a Chinese character (琉 -> 6); None for other sounds, digits and letters."""
    if not "\u4e00" <= char <= "\u9fff":
        return None
    from pypinyin import lazy_pinyin

    return _SOUNDS.get(str(lazy_pinyin(char)[0]))


def plain_homophones(text: str, reading: Reading, run: DigitRun) -> bool:
    """Whether every guessed character in front is one that hardly means anything but a digit here (琉琉遥20598)."""
    guessed = text[reading.start : run.start]
    return bool(guessed) and all(char not in _WORDS for char in guessed) and reading.end == run.end


def counted(text: str, run: DigitRun) -> bool:
    """Whether the last digit counts what comes after it: 509331721台 is 50933172 and 一台."""
    return bool(_COUNTED.match(text, run.end)) and run.joined[-1:] in ("1", "2")


def fuse(first: str, second: str, fits: Fits) -> str | None:
    """The one number that fits and of which both hearings lost digits; None where there is none, or more than one."""
    found = {whole for whole in _supersequences(first, second) if fits(whole)}
    return found.pop() if len(found) == 1 else None


def alike(first: str, second: str) -> bool:
    """Whether two hearings can be of one number: most of the shorter one is in the other, in order."""
    shared = _common(first, second)[len(first)][len(second)]
    return shared >= _LEAST_SHARED and shared >= 0.75 * min(len(first), len(second))


def within(part: str, whole: str) -> bool:
    """Whether the digits of ``part`` stand in ``whole`` in their order."""
    rest = iter(whole)
    return len(part) <= len(whole) and all(char in rest for char in part)


def _common(first: str, second: str) -> list[list[int]]:
    """Lengths of the longest common subsequences of all beginnings."""
    table = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, left in enumerate(first):
        for j, right in enumerate(second):
            table[i + 1][j + 1] = table[i][j] + 1 if left == right else max(table[i][j + 1], table[i + 1][j])
    return table


def _supersequences(first: str, second: str) -> set[str]:
    """Shortest strings that hold both in order, at most a few."""
    table = _common(first, second)

    @cache
    def walk(i: int, j: int) -> frozenset[str]:
        if not i or not j:
            return frozenset({first[:i] + second[:j]})
        if first[i - 1] == second[j - 1]:
            return frozenset(whole + first[i - 1] for whole in walk(i - 1, j - 1))
        ways: set[str] = set()
        if table[i - 1][j] >= table[i][j - 1]:
            ways |= {whole + first[i - 1] for whole in walk(i - 1, j)}
        if table[i][j - 1] >= table[i - 1][j]:
            ways |= {whole + second[j - 1] for whole in walk(i, j - 1)}
        return frozenset(sorted(ways)[:_MOST_FUSIONS])

    return set(walk(len(first), len(second)))


def mobiles_within(value: str) -> Iterator[str]:
    """Mobile numbers that stand at the end of a longer run whose beginning is not part of them (9G15800000000)."""
    found = re.search(r"[A-Z](1[3-9]\d{9})$", value)
    if found:
        yield found[1]
