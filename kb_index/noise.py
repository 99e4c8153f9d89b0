"""Simulated recognition errors, for fitting and evaluating on text as a recogniser would have written it.

Chinese: a character becomes another of the same or a nearly same sound (zh/z, ch/c, sh/s, n/l, -ng/-n, tones ignored),
is lost, or a filler slips in. Latin script: a letter of a word is lost or the word is. Punctuation goes always.
"""

import random
import re
from collections.abc import Mapping
from functools import cache

_KEPT = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]|[^\W_]+(?:'[^\W_]+)*")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_FILLERS = ("嗯", "啊", "那个", "就是", "呃")

_OPENINGS = (
    "你好我想问一下",
    "那个不好意思打扰一下",
    "是这样的啊",
    "我跟你说",
    "对了还有个事",
    "哎你好我姓刘",
    "我昨天打过一次电话",
    "那我再问一句",
    "我是你们的老客户了",
    "不是我的意思是",
    "行这个我知道了那",
    "我在网上看了半天没看明白",
    "我家里人让我问问",
    "上个礼拜我在你们那儿办的",
)
_CLOSINGS = (
    "你帮我看看吧",
    "麻烦你了啊",
    "怎么回事啊",
    "我都急死了",
    "你给我查一下",
    "我这边急着用呢",
    "好几天了",
    "之前也没人跟我说过",
    "是不是这样",
    "我不太懂这个",
)
_OPENINGS_EN = (
    "hi I have a quick question",
    "yeah so the thing is",
    "sorry to bother you but",
    "I've been a customer for years and",
    "my wife told me to ask",
    "okay and one more thing",
)
_CLOSINGS_EN = (
    "can you check that for me",
    "I'm in a bit of a hurry",
    "nobody told me about this",
    "it's been a few days now",
    "I'm not sure how this works",
)

SUBSTITUTED, LOST = 0.75, 0.15
"""Shares of the errors; the rest are fillers slipped in. Roughly what a recogniser does on telephone Mandarin."""


def disturb(text: str, rate: float, dice: random.Random) -> str:
    """``text`` with about ``rate`` of its characters (words, in Latin script) wrong and no punctuation."""
    out: list[str] = []
    for match in _KEPT.finditer(text):
        token = match.group()
        han = bool(_HAN.match(token))
        if dice.random() < rate:
            token = _wrong_character(token, dice) if han else _wrong_word(token, dice)
        if out and token and not han and out[-1][-1].isascii():
            out.append(" ")
        out.extend([token] if token else [])
    return "".join(out)


def misheard(word: str, dice: random.Random) -> str:
    """``word`` with one of its Chinese characters as another of the same or a nearly same sound; itself without any."""
    places = [at for at, char in enumerate(word) if len(_alike().get(_sound(char), char)) > 1]
    if not places:
        return word
    at = dice.choice(places)
    return word[:at] + dice.choice([c for c in _alike()[_sound(word[at])] if c != word[at]]) + word[at + 1 :]


def in_a_turn(text: str, dice: random.Random) -> str:
    """``text`` as part of a longer turn: people greet, explain and ask somebody to look before or after they ask."""
    openings, closings = (_OPENINGS, _CLOSINGS) if _HAN.search(text) else (_OPENINGS_EN, _CLOSINGS_EN)
    parts = [dice.choice(openings) if dice.random() < 0.7 else "", text]
    parts.append(dice.choice(closings) if dice.random() < 0.5 else "")
    return "，".join(part for part in parts if part)


def _wrong_character(char: str, dice: random.Random) -> str:
    draw = dice.random()
    if draw < SUBSTITUTED:
        alike = _alike().get(_sound(char), char)
        return dice.choice(alike)
    return "" if draw < SUBSTITUTED + LOST else dice.choice(_FILLERS) + char


def _wrong_word(word: str, dice: random.Random) -> str:
    if len(word) < 3 or dice.random() < 0.3:
        return ""
    place = dice.randrange(len(word))
    return word[:place] + word[place + 1 :]


@cache
def _sound(char: str) -> str:
    """The character's syllable without tone, with sounds that recognisers and speakers confuse made one."""
    from pypinyin import lazy_pinyin

    syllable = str(lazy_pinyin(char)[0])
    for strong, weak in (("zh", "z"), ("ch", "c"), ("sh", "s")):
        if syllable.startswith(strong):
            syllable = weak + syllable[2:]
    if syllable.startswith("n"):
        syllable = "l" + syllable[1:]
    return syllable[:-1] if syllable.endswith(("ing", "eng", "ang")) else syllable


@cache
def _alike() -> Mapping[str, str]:
    """Sound -> the everyday characters that have it (GB 2312, level 1: 3,755 characters)."""
    found: dict[str, str] = {}
    for high in range(0xB0, 0xD8):
        for low in range(0xA1, 0xFF):
            char = bytes((high, low)).decode("gb2312", "ignore")
            if char:
                found[_sound(char)] = found.get(_sound(char), "") + char
    return found
