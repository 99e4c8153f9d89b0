"""The words of an utterance that speak for or against an answer of a flow's step."""

import re
from dataclasses import dataclass, replace
from itertools import pairwise

from callcue.core.flows import AnswerClue
from nlu import answer_words as words
from nlu.answer_text import Clause, Side, stem
from nlu.folding import fold, is_han
from nlu.syllables import syllables

_ZH_TAIL = r"(?:了|的|着|起来|上|进|去|来|得|啊|呀|呢|吧|哈|嘛|哦|过|多)*"
_ZH_UNABLE = r"不(?:了|出|上|到|动|起|进|住|去|来)+"
_SHORT = 10
"""Characters: a word of one character tells only in a clause as short as that."""
_STRONG = 0.85
_BY_SOUND = 0.8
_HALF = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Words that speak for an answer, or with ``denied`` for its opposite; offsets in the whole text."""

    confidence: float
    clue: AnswerClue
    denied: bool
    start: int
    end: int


def evidence(clause: Clause, side: Side) -> Evidence | None:
    """What the clause says for or against an answer; None where it does not touch it."""
    found = [said for core, denied in side.parts if (said := part_evidence(clause, side, core, denied))]
    if len(side.parts) > 1 and not side.from_answer:  # one of several things asked about: 没有鼓包 is not yet 没有
        found = [
            replace(said, confidence=min(said.confidence, 0.6)) if said.denied or side.polarity < 0 else said
            for said in found
        ]
    return max(found, key=lambda said: said.confidence, default=None)


def part_evidence(clause: Clause, side: Side, core: str, denied: bool) -> Evidence | None:
    """The same for one part of an answer. What denies an answer without a contrary says nothing."""
    said = _zh(clause, core, still=side.answer.startswith(("还", "仍"))) if is_han(core[0]) else _en(clause, core)
    if said is None:
        return None
    against = said.denied != denied
    return None if against and not side.polarity else replace(said, denied=against)


def _zh(clause: Clause, core: str, *, still: bool) -> Evidence | None:
    plain = clause.folded
    if len(core) == 1:
        found = list(re.finditer(rf"{core}(?P<unable>{_ZH_UNABLE})?{_ZH_TAIL}$|{core}了", plain))
        if not found or len(plain) > _SHORT:
            return None
    else:
        able = rf"{re.escape(core[0])}(?P<unable>不|得)?{re.escape(core[1:])}"
        found = list(re.finditer(rf"{able}(?P<later>{_ZH_UNABLE})?", plain))
        if not found:
            return _by_sound(clause, core) or _by_pairs(clause, core)
    last = found[-1]
    groups = last.groupdict()
    unable = (groups.get("unable") or "").startswith("不") or bool(groups.get("later"))
    before = plain[: last.start()]
    granted = re.search(r"(.{1,2})(?:倒?是|归)\1", plain)  # 亮是亮: but …
    confidence = _HALF if granted or re.search(r"不是不|没有不|不是没", before) else _STRONG
    denied = unable or bool(words.DENIES["zh"].search(before))
    if plain.startswith(("还是", "仍")) and not denied and not still:
        confidence = min(confidence, 0.7)
    end = last.start() + 1 if len(core) == 1 and not unable else last.end()
    return _held(clause, last.start(), end, confidence=confidence, clue="text", denied=denied)


def _by_pairs(clause: Clause, core: str) -> Evidence | None:
    """Half of a longer answer's pairs of characters: worth a suggestion."""
    wanted = {a + b for a, b in pairwise(core.replace("已", ""))}
    hits = [clause.folded.find(pair) for pair in wanted if pair in clause.folded]
    if len(wanted) < 2 or len(hits) * 2 < len(wanted):
        return None
    denied = bool(words.DENIES["zh"].search(clause.folded[: min(hits)]))
    return _held(clause, min(hits), max(hits) + 2, confidence=_HALF, clue="text", denied=denied)


def _by_sound(clause: Clause, core: str) -> Evidence | None:
    """A word of two characters or more that was written as another one."""
    plain = clause.folded
    said, wanted = (syllables(t, fold(t)) for t in (plain, core))
    if len(said) != len(plain):
        return None
    for at in range(len(said) - len(wanted) + 1):
        if said[at : at + len(wanted)] == wanted:
            denied = bool(words.DENIES["zh"].search(plain[:at]))
            confidence = _BY_SOUND if len(wanted) > 2 else _HALF
            return _held(clause, at, at + len(wanted), confidence=confidence, clue="sound", denied=denied)
    return None


def _en(clause: Clause, core: str) -> Evidence | None:
    wanted = core.split()
    if not wanted:
        return None
    said = [(m.start(), m.end(), stem(m.group())) for m in re.finditer(r"[\w']+", clause.folded)]
    hits = [(start, end) for start, end, said_stem in said if said_stem in wanted]
    share = len({said_stem for _, _, said_stem in said if said_stem in wanted}) / len(set(wanted))
    if share < _HALF:
        return None
    start, end = hits[0][0], hits[-1][1]
    denied = bool(words.DENIES["en"].search(clause.folded[:start]))
    confidence = _STRONG if share == 1.0 else _HALF
    return _held(clause, start, end, confidence=confidence, clue="text", denied=denied)


def _held(clause: Clause, start: int, end: int, *, confidence: float, clue: AnswerClue, denied: bool) -> Evidence:
    """With offsets in the whole text: those of the words where they stand there as folded, else the clause's."""
    at = clause.text.lower().find(clause.folded[start:end])
    begin, stop = (clause.start + at, clause.start + at + end - start) if at >= 0 else (clause.start, clause.end)
    return Evidence(confidence=confidence, clue=clue, denied=denied, start=begin, end=stop)
