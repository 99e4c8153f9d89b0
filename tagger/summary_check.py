"""What a language model wrote, held against the segments that it names. What they do not bear out is
left out and counted.

Four checks, all of form: none of them understands. Numbers and names of a sentence must stand in its segments, and
enough of its words must. A sentence that turns a true thing round (退款已到账 for
退款未到账) with the right words passes.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import rjieba

from callcue.core.summaries import Part
from tagger.numerals import NUMBER, digit_runs, parse_number

MOST_SENTENCES = 4
"""Of one part."""
_LONGEST = {"zh": 120, "en": 300}
_LEAST_SHARED = {"zh": 0.3, "en": 0.35}
"""Share of a sentence's pairs of characters (zh) or words (en) that must stand in its segments."""
_NAMES = frozenset(("nr", "ns", "nt", "nz", "nrt", "nrfg"))
"""Jieba's tags of persons, places, organisations and other proper names."""
_UNITS = "天小时分钟元块个次点月号日周年折台层楼件份位张岁期集米斤"
_NUMBER = re.compile(rf"(?:{NUMBER})(?=[{_UNITS}%％]|半)|\d[\d,]*(?:\.\d+)?|[零〇一二三四五六七八九十百千万两]{{2,}}")
_EN_NUMBERS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
)  # fmt: skip
_WORD = re.compile(r"[a-z][a-z'\-]+", re.IGNORECASE)
_CAPITAL = re.compile(r"(?<![.!?]\s)(?<!^)\b[A-Z][\w\-]+|\b\w*\d*[A-Z]{2,}\w*\b")
_STOP = re.compile(
    r"the|an?|and|or|to|of|in|on|at|for|with|is|are|was|were|be|been|has|have|had|will|would|its?|this|that|they|them|"
    r"s?he|his|her|customer|caller|agent|their|as|by|from|not"
)
_MARKUP = re.compile(
    r"[<>{}`|\\]|://|\]\(|\w@\w|(?<![a-z0-9])www\.|[a-z0-9\-]\.(?:com|net|org|cn|io|top|xyz)(?![a-z0-9])", re.IGNORECASE
)
"""Links, addresses and what a page, a terminal or another program could take for more than text."""
_TOKEN = re.compile(r"\[[^\[\]]{1,10}\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A sentence of a model that its segments bear out."""

    part: Part
    text: str
    numbers: tuple[int, ...]
    """Of the segments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What is left of an answer."""

    sentences: tuple[Written, ...]
    dropped: Mapping[str, int]
    """Why -> how many: ``form``, ``no_segments``, ``unknown_segment``, ``number``, ``name``, ``words``, ``markup``,
    ``too_long``, ``too_many``."""


def check(answer: str, segments: Mapping[int, str], parts: Sequence[Part], language: str) -> Checked | None:
    """The sentences that hold. ``segments``: number -> text as the model saw it. None: the answer has not the form."""
    found = _object(answer)
    if found is None:
        return None
    kept: list[Written] = []
    dropped: Counter[str] = Counter()
    for part in parts:
        entries = found.get(part, [])
        for place, entry in enumerate(entries if isinstance(entries, list) else [entries]):
            read = _read(entry)
            fault = "form" if read is None else _fault(*read, segments, language)
            fault = fault or ("too_many" if place >= MOST_SENTENCES else "")
            if fault or read is None:
                dropped[fault] += 1
            else:
                kept.append(Written(part=part, text=read[0], numbers=read[1]))
    return Checked(sentences=tuple(kept), dropped=dict(dropped))


def _object(answer: str) -> dict[str, object] | None:
    """The first JSON object in the answer: models like to put words or a fence around it."""
    start = answer.find("{")
    if start < 0:
        return None
    try:
        found, _ = json.JSONDecoder().raw_decode(answer, start)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _read(entry: object) -> tuple[str, tuple[int, ...]] | None:
    if not isinstance(entry, dict):
        return None
    text, numbers = entry.get("text"), entry.get("segments", [])
    if not isinstance(text, str) or not text.strip() or not isinstance(numbers, list):
        return None
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in numbers):
        return None
    plain = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return (plain, tuple(dict.fromkeys(numbers))) if plain else None


def _fault(text: str, numbers: tuple[int, ...], segments: Mapping[int, str], language: str) -> str:
    """Why a sentence does not hold; empty: it does."""
    if not numbers:
        return "no_segments"
    if any(number not in segments for number in numbers):
        return "unknown_segment"
    if len(text) > _LONGEST[language]:
        return "too_long"
    if _MARKUP.search(text):
        return "markup"
    return _unsaid(text, " ".join(segments[number] for number in numbers), language)


def _unsaid(text: str, said: str, language: str) -> str:
    """What of a sentence was not said: ``number``, ``name`` or ``words``; empty: nothing."""
    bare = _TOKEN.sub(" ", text)
    if not _values(bare) <= _values(said, loose=True):
        return "number"
    invented = any(name.lower() not in said.lower() for name in _names(bare, language))
    if invented or any(token not in said for token in _TOKEN.findall(text)):
        return "name"
    return "" if _shared(bare, said, language) >= _LEAST_SHARED[language] else "words"


def _values(text: str, *, loose: bool = False) -> set[str]:
    """The numbers in a text, by value. ``loose``: also those that stand alone without a unit, which bear out others."""
    pattern = re.compile(NUMBER) if loose else _NUMBER
    found = {value for match in pattern.finditer(text) if (value := parse_number(match[0])) is not None}
    found |= {Decimal(_EN_NUMBERS.index(word)) for word in re.findall(r"[a-z]+", text.lower()) if word in _EN_NUMBERS}
    values = {str(value.normalize()) for value in found}
    return values | {run.joined for run in digit_runs(text)} if loose else values


def _names(text: str, language: str) -> set[str]:
    if language == "en":
        return {match[0] for match in _CAPITAL.finditer(text) if match[0] != "I"}
    latin = set(re.findall(r"[A-Za-z][A-Za-z\d\-]+", text))
    return latin | {word for word, tag in rjieba.tag(text) if tag in _NAMES and len(word) > 1}


def _shared(text: str, said: str, language: str) -> float:
    if language == "en":
        words = {word.lower()[:5] for word in _WORD.findall(text) if not _STOP.fullmatch(word.lower())}
        held = {word.lower()[:5] for word in _WORD.findall(said)}
        return len(words & held) / len(words) if words else 0.0
    pairs, held = _pairs(text), _pairs(said)
    return len(pairs & held) / len(pairs) if pairs else 0.0


def _pairs(text: str) -> set[str]:
    bare = re.sub(rf"客户|坐席|用户|来电|{NUMBER}", "", text)  # numbers are compared by value
    kept = "".join(char for char in bare.lower() if char.isalnum())
    return {kept[i : i + 2] for i in range(len(kept) - 1)}
