"""Homophones that recognisers write for digits inside a read-out (幺三八腰二三…, 136025788是4), put right.

Believed only where nothing else makes sense: a homophone of 幺 among eight digits and more, any other only where
with it the run has exactly the form of a mobile or service number, and without it has not.
"""

import re
from itertools import pairwise

from nlu.numerals import ZH_DIGITS

_ONES = "要腰药妖邀么"
_HOMOPHONES = {
    sound: digit
    for digit, sounds in {
        "零": "林铃令另灵领",
        "幺": _ONES + "摇依医",
        "二": "儿而耳",
        "三": "山散伞",
        "四": "是事思死似",
        "五": "午无舞吴屋吾",
        "六": "留流刘溜",
        "七": "起期气妻",
        "八": "巴吧把爸",
        "九": "就久酒旧",
    }.items()
    for sound in sounds
}
_DIGIT = rf"[{''.join(ZH_DIGITS)}\d]"
_AMONG = re.compile(rf"(?:{_DIGIT}|(?<={_DIGIT}{{2}})[{_ONES}](?={_DIGIT}{{2}})){{8,}}")
_ONE = re.compile(rf"(?<={_DIGIT}{{2}})[{_ONES}](?={_DIGIT}{{2}})")
_SOUNDS = re.compile(rf"[{''.join(ZH_DIGITS)}\d{''.join(_HOMOPHONES)}]{{10,}}")
_NUMBER = re.compile(r"1[3-9]\d{9}|[48]00\d{7}")
_MOST = 2
"""Homophones in one number; with more of them it is a sentence."""


def repaired(text: str) -> str:
    """``text`` with digits in place of their homophones; same length, so offsets stay valid."""
    out = list(text)
    for run in _AMONG.finditer(text):
        for found in _ONE.finditer(run.group()):
            out[run.start() + found.start()] = "幺"
    text = "".join(out)
    for run in _SOUNDS.finditer(text):
        for start, end in _numbers(run.group()):
            for at in range(run.start() + start, run.start() + end):
                out[at] = _HOMOPHONES.get(text[at], text[at])
    return "".join(out)


def _numbers(run: str) -> list[tuple[int, int]]:
    """Where in a run of digits and homophones a number stands that needs a homophone."""
    digits = "".join(ZH_DIGITS.get(c := _HOMOPHONES.get(char, char), c) for char in run)
    found: list[tuple[int, int]] = []
    at = 0
    while at < len(run):
        match = _NUMBER.match(digits, at)
        if match and _believable(run, at, match.end()):
            found.append((at, match.end()))
            at = match.end()
        else:
            at += 1
    return found


def _believable(run: str, start: int, end: int) -> bool:
    heard = run[start:end]
    inner = [char in _HOMOPHONES for char in heard]
    apart = not any(one and other for one, other in pairwise(inner))
    bounded = not (start and run[start - 1] not in _HOMOPHONES) and not (end < len(run) and run[end] not in _HOMOPHONES)
    first = not inner[0] or heard[0] in _ONES
    return bounded and apart and first and not inner[-1] and 1 <= sum(inner) <= _MOST
