"""Training copies of texts as a recogniser might have heard them.

A classifier of recognised speech should have learnt from text with errors. Ours come as a recogniser's do: in runs, as
words that exist and sound alike (退款 becomes 推款 rarely, 推宽 never, 腿款 hardly; a pair of characters is replaced by a
word of a dictionary wherever one sounds so), by neighbouring sounds, and with characters lost or said twice. Sounds
and words come from the dictionary of pypinyin. Only Chinese characters change; punctuation goes.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from tagger.sounds import syllable_of

RATE = 0.15
"""Share of the Chinese characters that come out wrong: a fair telephone line; it spreads from a third of it to twice."""
_RUN = 0.35
"""Probability that the character after a wrong one is wrong as well."""
_NEAR = 0.35
"""Share of the substitutes with a neighbouring sound instead of the same one."""
_SUBSTITUTED, _LOST = 0.75, 0.9
"""Up to the first: another character; up to the second: lost; else said twice."""
_WORDS = 0.5
"""Share of the substitutions that look for a word of two characters first."""
_INITIALS = ("zh z", "ch c", "sh s", "n l", "h f", "r l", "b p", "d t", "g k", "j q", "j zh", "x sh", "q ch")
_FINALS = ("an ang", "en eng", "in ing", "uan uang", "ong eng", "ian in", "ei en", "ou u", "ao ou", "ie e", "ui ei")


def copies(texts: Sequence[str], seed: int = 0, rate: float = RATE) -> list[str]:
    """One copy of each text; the same every time. A text without Chinese characters is only freed of punctuation."""
    return [mishear(text, random.Random(f"{seed} {text}"), rate) for text in texts]


def mishear(text: str, dice: random.Random, rate: float = RATE) -> str:
    """``text`` with about ``rate`` of its Chinese characters wrong; itself where nothing would be left."""
    plain = [char for char in text if char.isalnum() or char == " "]
    share = rate * dice.uniform(1 / 3, 2)
    out: list[str] = []
    wrong = False
    at = 0
    while at < len(plain):
        wrong = _is_chinese(plain[at]) and dice.random() < (_RUN if wrong else share)
        if not wrong:
            out.append(plain[at])
            at += 1
            continue
        heard, used = _wrong("".join(plain[at : at + 2]), dice)
        out.append(heard)
        at += used
    return "".join(out).strip() or text


def _wrong(pair: str, dice: random.Random) -> tuple[str, int]:
    """What is heard in place of the first character or both, and how many characters it stands for."""
    draw = dice.random()
    if draw >= _SUBSTITUTED:
        return ("", 1) if draw < _LOST else (pair[0] * 2, 1)
    if len(pair) == 2 and _is_chinese(pair[1]) and dice.random() < _WORDS:
        near = dice.random() < _NEAR
        sounds = tuple(_sound(char, dice, near=near) for char in pair)
        words = [word for word in _words().get(sounds, ()) if word != pair]
        if words:
            return dice.choice(words), 2
    sound = _sound(pair[0], dice, near=dice.random() < _NEAR)
    found = _characters().get(sound)
    return (dice.choices(*found)[0] if found else pair[0]), 1


def _sound(char: str, dice: random.Random, *, near: bool) -> str:
    syllable = syllable_of(char)
    neighbours = _neighbours(syllable) if near else ()
    return dice.choice(neighbours) if neighbours else syllable


@cache
def _neighbours(syllable: str) -> tuple[str, ...]:
    """Syllables that exist and differ by one pair of sounds that are taken for each other."""
    found = [*_swapped(syllable, _INITIALS, at_end=False), *_swapped(syllable, _FINALS, at_end=True)]
    return tuple(sorted({other for other in found if other in _characters() and other != syllable}))


def _swapped(syllable: str, pairs: Sequence[str], *, at_end: bool) -> Iterator[str]:
    for pair in pairs:
        for one, other in (pair.split(), pair.split()[::-1]):
            if at_end and syllable.endswith(one):
                yield syllable[: -len(one)] + other
            elif not at_end and syllable.startswith(one):
                yield other + syllable[len(one) :]


@cache
def _characters() -> Mapping[str, tuple[list[str], list[int]]]:
    """Syllable -> the characters with that sound, and how often words have them."""
    counts = Counter(char for word in _phrases() for char in word)
    found: dict[str, tuple[list[str], list[int]]] = defaultdict(lambda: ([], []))
    for char, count in sorted(counts.items()):
        characters, weights = found[syllable_of(char)]
        characters.append(char)
        weights.append(count)
    return dict(found)


@cache
def _words() -> Mapping[tuple[str, str], tuple[str, ...]]:
    """The sounds of words of two characters -> the words."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for word in sorted(_phrases()):
        if len(word) == 2:
            found[syllable_of(word[0]), syllable_of(word[1])].append(word)
    return {sounds: tuple(words) for sounds, words in found.items()}


@cache
def _phrases() -> frozenset[str]:
    from pypinyin.constants import PHRASES_DICT

    return frozenset(word for word in PHRASES_DICT if all(_is_chinese(char) for char in word))


def _is_chinese(char: str) -> bool:
    return "\u4e00" <= char <= "\u9fff"
