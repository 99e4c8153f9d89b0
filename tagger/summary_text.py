"""Sentences of a call and what may be left out of them: fillers, false starts, greetings. Nothing is ever added.

A sentence is a list of stretches of one segment's text; leaving something out splits a stretch in two.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from callcue.core.speech import Channel, Utterance
from callcue.core.summaries import Quote

_MAX_CHARS = 1000
"""Longer than any segment that is speech."""
_SENTENCE = re.compile(r"[^。！？!?；;]+[。！？!?；;]*")
_EN_SENTENCE = re.compile(r"(?:[^.!?;。！？；]|\.(?=\S))+[.!?;。！？；]*")
_CLAUSE = re.compile(r"[^，,、]+[，,、]*")
_EDGE = " 　，,、。！!；;：:…—-"
_MARKS = "？?"

_FILLERS = re.compile(
    r"(?:(?<=[，,。、\s])|^)(?:嗯+|呃+|额+|唔+|唉+|哎+|诶+|哦+|噢+|喂+|啊+|那个|这个|就是说?|就是那个|"
    r"怎么说呢|你知道吧?|是这样的?|"
    r"这样|那什么|对吧)[，,、\s]+|呃+|额(?=[，,、])|嗯+|(?:那个|这个|就是){2,}|怎么说呢[，,]?|"
    r"(?<!\w)(?:u[hm]+|e[rh]+m?|hmm+|you know|i mean|sort of|kind of|let me see)(?!\w)[,\s]*",
    re.IGNORECASE,
)
_OPENINGS = re.compile(
    r"^(?:(?:(?:你好|您好|喂)+|还有(?:啊|就是)|那?是这样的?|怎么说呢|哎|唉|嗯|哦|啊|好的?|行|是的?|对了?|那|"
    r"这样啊?|明白了?|收到|没(?:问题|关系)|不好意思(?:啊|哈)?|打扰(?:一下|了)?|"
    r"麻烦(?:一下|问一下)?|请问一下|我跟你说|太好了|可以的?|知道了|谢谢你?|不客气|"
    r"hi|hello|hey|okay|ok|all right|alright|right|sure|well|so|yes|yeah|no problem|great|thanks|thank you|oh|"
    r"good (?:morning|afternoon|evening))(?:[，,、。.!！\s]+|$))+",
    re.IGNORECASE,
)
_AGAIN_ZH = re.compile(
    r"([\u4e00-\u9fff]{2,6})[，,、\s]?\1(?=[\u4e00-\u9fff])|"
    r"([我你您他她它这那就不要有在])[，,、]?(?:\2)+(?=[\u4e00-\u9fff])"
)
_AGAIN_EN = re.compile(r"\b(\w+(?: \w+)?)[,\s]+\1\b", re.IGNORECASE)
_NUMERAL = re.compile(r"[\d零〇一二两三四五六七八九十百千万幺]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A sentence, or some clauses of one, as it will be shown."""

    index: int
    """Of the utterance in the call."""
    channel: Channel
    segment_id: str
    start: int
    end: int
    """Of the whole, in characters of the segment's text."""
    text: str
    """Cleaned."""
    quotes: tuple[Quote, ...]
    """What is left of it; put together they are ``text``."""


def sentences(utterance: Utterance, index: int) -> list[Piece]:
    """The sentences of one utterance; those of which nothing is left are gone."""
    text = utterance.text[:_MAX_CHARS]
    pattern = _EN_SENTENCE if utterance.language == "en" else _SENTENCE
    found = (piece_of(utterance, index, match.start(), match.end()) for match in pattern.finditer(text))
    return [piece for piece in found if piece is not None]


def clauses(utterance: Utterance, piece: Piece) -> list[tuple[int, int]]:
    """Where the clauses of a sentence lie in the segment's text."""
    return [m.span() for m in _CLAUSE.finditer(utterance.text, piece.start, piece.end)]


def piece_of(utterance: Utterance, index: int, start: int, end: int) -> Piece | None:
    """The stretch from ``start`` to ``end``, cleaned; None where nothing is left."""
    text = utterance.text
    kept = _kept(text, start, end)
    quotes = tuple(Quote(segment_id=utterance.segment_id, start=a, end=b) for a, b in kept)
    cleaned = "".join(text[a:b] for a, b in kept)
    if not cleaned.strip(_EDGE + _MARKS):
        return None
    return Piece(
        index=index,
        channel=utterance.channel,
        segment_id=utterance.segment_id,
        start=start,
        end=end,
        text=cleaned,
        quotes=quotes,
    )


def _kept(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """What is left after leaving out, from the inside to the edges; repeated, as one removal may uncover another."""
    kept = [(start, end)]
    for _ in range(3):
        before = kept
        kept = _trimmed(text, _without(kept, _removals(text, kept)))
        if kept == before:
            break
    return kept


def _removals(text: str, kept: Sequence[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    """Stretches of ``text`` to leave out, found in what is left of it so far."""
    joined = "".join(text[a:b] for a, b in kept)
    places = [place for a, b in kept for place in range(a, b)]
    opening = _OPENINGS.match(joined)
    found = [opening.span()] if opening and opening.end() < len(joined) else []
    found += [match.span() for match in _FILLERS.finditer(joined)]
    for pattern in (_AGAIN_ZH, _AGAIN_EN):
        for match in pattern.finditer(joined):
            said = match[1] or match[match.lastindex or 1]
            # The digits of a number are said twice where it has them twice.
            if 2 * len(_NUMERAL.findall(said)) < len(said):
                found.append((match.start(), match.end() - len(said)))
    for first, last in found:
        if first < last:
            yield from _runs(places[first:last])


def _runs(places: Sequence[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for place in places:
        if runs and runs[-1][1] == place:
            runs[-1] = (runs[-1][0], place + 1)
        else:
            runs.append((place, place + 1))
    return runs


def _without(kept: Sequence[tuple[int, int]], gone: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    left = {place for a, b in kept for place in range(a, b)}
    for a, b in gone:
        left.difference_update(range(a, b))
    return _runs(sorted(left))


def _trimmed(text: str, kept: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Without marks and spaces at both ends; a question keeps its mark."""
    places = [place for a, b in kept for place in range(a, b)]
    while places and text[places[0]] in _EDGE + _MARKS:
        places.pop(0)
    while places and text[places[-1]] in _EDGE:
        places.pop()
    return _runs(places)
