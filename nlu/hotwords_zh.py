"""Chinese hotwords that a recogniser wrote with other characters of the same sound (重开法票, 星汉 for 星瀚).

Sounds alone are weak evidence: in ordinary text every second word sounds like another. A hotword is put right only
where the characters that differ are no word of the sentence: its most probable segmentation (jieba's dictionary of
349,000 words) leaves them over as single characters, or, in hotwords of four characters and more, as words that the
hotword swallows whole. The shorter the hotword, the more of it must be there as it is written.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nlu.claims import Claim
from nlu.folding import fold
from nlu.phrase_book import automaton, occurrences, read
from nlu.syllables import merge_confusable, variants

_FIRST_CODE = 0xE000  # syllables become characters of the private use area
_UNKNOWN = "\x00"
_STANDS_ALONE = frozenset(
    "的了是在有不我你您他她它们这那哪就也都要会去来到说看给把被让对从向跟与或和及而但且吗呢吧啊呀哦嗯哎喂很太再还又才只最更没别能可想用"
    "做过着地得个些上下里外前后中大小多少好每几该等买卖开关先刚已将以为因所如若并即则由于请问叫查打找拿放走坐住吃喝听写行对错新旧"
    "零〇一二三四五六七八九十百千万亿两幺半第年月日号点分秒天次元块毛角"
)
"""Characters that are words by themselves: none of them is taken for a slip in a short hotword."""
_PARTICLES = frozenset("的了是在不有没我你他她它这那就也都会要还")
"""The most frequent of them, in no hotword."""
_NUMBERS = frozenset("零〇一二三四五六七八九十百千万亿两幺0123456789")
_FALSE_LIPS = {"hu": "fu", "hua": "fa", "hui": "fei", "huan": "fan", "hun": "fen", "hon": "fen", "hong": "fen"}
"""h before u for f, as many speakers of the south have it; after ``merge_confusable``."""


@dataclass(frozen=True, slots=True)
class _Hotword:
    text: str
    sounds: tuple[str, ...]
    """Its usual reading: other readings (重 chong, zhong) may be heard only where the character is there."""
    given: bool
    """Named in the settings, not taken from a card."""


@dataclass(frozen=True, slots=True)
class _Match:
    word: _Hotword
    start: int
    """In characters of the text."""
    slips: tuple[int, ...]
    """Places in the word where another character stands."""
    near: int
    """Syllables that only resemble the word's."""

    @property
    def end(self) -> int:
        return self.start + len(self.word.text)


class ChineseHotwords:
    """A set of hotwords of Chinese characters only. Immutable after construction; safe to share between threads."""

    def __init__(self, given: Iterable[str], derived: Iterable[str]) -> None:
        self._codes: dict[str, str] = {}
        entries: dict[str, list[_Hotword]] = {}
        asked = frozenset(given)
        for word in sorted(asked | frozenset(derived)):
            readings = list(variants(word, fold(word)))
            hotword = _Hotword(word, tuple(readings[0]), word in asked)
            for tokens in readings:
                code = "".join(self._codes.setdefault(near(t), chr(_FIRST_CODE + len(self._codes))) for t in tokens)
                if hotword not in entries.setdefault(code, []):
                    entries[code].append(hotword)
        self._sounds = automaton(entries)
        if entries:
            _segments("")  # the dictionary takes a moment to load: not in the middle of a call

    def claims(self, text: str) -> Iterator[Claim]:
        """Hotwords to be put right."""
        matches = list(self._matches(text))
        written = [m for m in matches if not m.slips]
        heard = [m for m in matches if m.slips and not any(_holds(other, m) for other in written)]
        if heard:
            words = _segments(text)
            yield from _clearest([m for m in heard if _believable(m, text, words)])

    def _matches(self, text: str) -> Iterator[_Match]:
        reading = read(text)
        encoded = "".join(self._codes.get(near(token), _UNKNOWN) for token in reading.tokens)
        origins = reading.folded.origins
        for start, end, words in occurrences(self._sounds, encoded):
            first = origins[start]
            if origins[end - 1] - first != end - 1 - start:
                continue  # something stands in between
            heard = text[first : first + end - start]
            for word in words:
                slips = tuple(i for i, (a, b) in enumerate(zip(heard, word.text, strict=True)) if a != b)
                sounds = [(reading.tokens[start + i], word.sounds[i]) for i in slips]
                if all(near(one) == near(other) for one, other in sounds):
                    yield _Match(word, first, slips, sum(one != other for one, other in sounds))


def near(syllable: str) -> str:
    """The representative of all syllables that are often taken for this one."""
    merged = merge_confusable(syllable)
    return _FALSE_LIPS.get(merged, merged)


def _holds(written: _Match, other: _Match) -> bool:
    """Whether a hotword that stands in the text rules out another one there: unless it lies wholly inside."""
    apart = written.end <= other.start or other.end <= written.start
    inside = other.start <= written.start and written.end <= other.end and len(other.word.text) > len(written.word.text)
    return not apart and not inside


def _segments(text: str) -> list[tuple[int, int]]:
    """The most probable words of the text, as offsets."""
    import rjieba

    ends = [0]
    for word in rjieba.cut(text, False):
        ends.append(ends[-1] + len(word))
    return list(pairwise(ends))


def _believable(match: _Match, text: str, words: Sequence[tuple[int, int]]) -> bool:
    """Whether what stands there is more likely a slip than meant."""
    size, slips = len(match.word.text), len(match.slips)
    most_slips = size if match.word.given else {2: 1, 3: 2}.get(size, size // 2)
    most_near = 0 if size == 2 else 1 if size == 3 else size // 3
    if slips > most_slips or match.near > most_near or len(match.word.sounds) != size:
        return False
    slipped = {match.start + at for at in match.slips}
    words_alone = _STANDS_ALONE if size < 4 else _PARTICLES
    if any(text[at] in words_alone for at in slipped) or any(_is_number(match, text, at) for at in match.slips):
        return False
    for start, end in words:
        if end - start == 1 or end <= match.start or match.end <= start:
            continue
        crosses = start < match.start or match.end < end
        meant = any(at in slipped for at in range(start, end))
        if (meant and (crosses or size < 4)) or (crosses and size < 4):
            return False
    if match.word.given:  # a name need not be in any dictionary
        return True
    corrected = text[: match.start] + match.word.text + text[match.end :]
    return len(_segments(corrected)) <= len(words)


def _is_number(match: _Match, text: str, slip: int) -> bool:
    """Whether a number stands at the slip; a single one may be a slip (1旧换新), but not for a number (你记1下)."""
    at = match.start + slip
    if text[at] not in _NUMBERS:
        return False
    beside = text[at - 1 : at] + text[at + 1 : at + 2] if at else text[1:2]
    return match.word.text[slip] in _NUMBERS or any(char in _NUMBERS for char in beside)


def _clearest(matches: Sequence[_Match]) -> Iterator[Claim]:
    """The longest, then those with the fewest slips; two that are as good as each other are neither."""
    taken: list[_Match] = []
    for match in sorted(matches, key=lambda m: (-len(m.word.text), len(m.slips), m.near, m.start, m.word.text)):
        rivals = [t for t in taken if t.start < match.end and match.start < t.end]
        taken.append(match)
        equal = [
            m
            for m in matches
            if (m.start, m.end, len(m.slips), m.near) == (match.start, match.end, len(match.slips), match.near)
            and m.word.text != match.word.text
        ]
        if not rivals and not equal:
            yield Claim(match.start, match.end, match.word.text, "hotword")
