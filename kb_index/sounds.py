"""How a text sounds, as terms: what a recogniser gets wrong is mostly spelling, not sound (发票 and 发飘 share both
syllables).

Chinese: syllables without tone, with the sounds that recognisers and speakers confuse made one (zh/z, ch/c, sh/s, n/l,
-ng/-n), alone and in pairs. Latin script: trigrams of the letters of a word, its ends marked. A character has
one reading here whatever the word: both sides of a search are cut the same way, so a rare wrong reading does no harm.
"""

import itertools
from collections import Counter
from functools import cache

from kb_index.folding import STRETCH, fold

SYLLABLE_WEIGHT = 0.3
"""A single syllable says less than a pair: there are about 250 of them."""
_EDGE = "_"
_STRONG = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("n", "l"))
_MARKS = str.maketrans(
    "āáǎàēéěèếềḿńňǹōóǒòīíǐìūúǔùüǖǘǚǜê", "aaaaeeeeeemnnnooooiiiiuuuuvvvvve", "\u0304\u030c\u0300\u0301"
)


def sound_terms(text: str) -> Counter[str]:
    """The terms of a text and how often each occurs. Syllables are lower case, letter trigrams begin with ``~``."""
    counts: Counter[str] = Counter()
    readings = _readings()
    for match in STRETCH.finditer(fold(text)):
        stretch = match.group()
        if match.lastgroup == "han":
            heard = [readings.get(char, char) for char in stretch]
            counts.update(heard)
            counts.update(f"{first} {second}" for first, second in itertools.pairwise(heard))
        else:
            word = f"{_EDGE}{stretch}{_EDGE}"
            counts.update("~" + word[at : at + 3] for at in range(len(word) - 2))
    return counts


def sound_weight(term: str) -> float:
    """How much a term counts before its rarity is considered."""
    return 1.0 if " " in term or term[0] == "~" else SYLLABLE_WEIGHT


def merged(syllable: str) -> str:
    """The representative of the syllables that are easily taken for each other."""
    for strong, weak in _STRONG:
        if syllable.startswith(strong):
            syllable = weak + syllable[len(strong) :]
            break
    return syllable[:-1] if syllable.endswith(("ang", "eng", "ing")) else syllable


@cache
def _readings() -> dict[str, str]:
    """Each character's usual reading, merged. Takes a quarter of a second, once."""
    from pypinyin.constants import PINYIN_DICT

    return {chr(code): merged(marked.split(",")[0].translate(_MARKS)) for code, marked in PINYIN_DICT.items()}
