"""Which answer of a flow's step the customer gave, and how sure that is.

Clause by clause: a clause that asks back, sets a condition or puts the answer off says nothing. The rest is held
against the answers by their words (a denied word speaks for the opposite answer), by their sound, as a quantity, and
as a plain yes or no. A plain yes or no counts for little unless the agent has just asked this very question. What
nothing of this reaches may be compared in meaning, which never suffices alone.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from callcue.core.cards import Step
from callcue.core.flows import AnswerClue
from callcue.core.speech import Language
from nlu import answer_words as words
from nlu.answer_evidence import Evidence, evidence, part_evidence
from nlu.answer_text import Clause, Reading, Side, clauses, read_step
from nlu.quantities import fits, quantities

SURE = 0.75
"""From here on a flow moves by itself."""
WORTH_SAYING = 0.4
"""From here on an answer is suggested."""

_ASKED_OVERLAP = 0.3
"""Share of the step's question (pairs of characters, or words) that the agent's words must have in common with it."""
_PLAIN = 0.85
_PLAIN_UNASKED = 0.5
_PLAIN_LOOSE = 0.6
_SPOKEN_FOR = 0.9
_AFTER_OTHER = 0.6
"""What is left of a finding that contradicts an earlier one in the same breath."""
_MEANING_MARGIN = 0.03
"""Difference of cosines between the nearest answer and the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerMatch:
    """An answer that was heard."""

    answer: str
    confidence: float
    """0..1; compare with ``SURE`` and ``WORTH_SAYING``. Not a calibrated probability."""
    clue: AnswerClue
    start: int
    end: int
    """The words that say so, in characters of the text."""


def match_answer(text: str, language: Language, step: Step, *, asked: str | None) -> AnswerMatch | None:
    """The answer that ``text``, one utterance of the customer, gives to ``step``; None where it gives none.

    ``asked`` is what the agent said last, ``""`` for nothing since the step became current; None where nobody can know,
    as on a call without the agent's channel.
    """
    if not step.next:
        return None
    reading = read_step(step, language)
    heard = [clause for clause in clauses(text, language) if _says_something(clause, language)]
    for side in reading.sides:
        whole = _all_parts(heard, side)
        if whole is not None:
            return whole
    found = [best for clause in heard if (best := _of_clause(clause, reading, language, asked)) is not None]
    return _together(found, text, language)


def _says_something(clause: Clause, language: Language) -> bool:
    folded = clause.folded
    if not folded or words.BACKCHANNEL[language].fullmatch(folded):
        return False
    if words.ASKED_BACK[language].search(clause.text.lower()) or words.ASKED_BACK[language].search(folded):
        return False
    return not words.PUT_OFF[language].search(folded)


def _of_clause(clause: Clause, reading: Reading, language: Language, asked: str | None) -> AnswerMatch | None:
    candidates = [*_by_words(clause, reading, language), *_by_number(clause, reading)]
    if not candidates:
        candidates = list(_plainly(clause, reading, language, asked))
    return max(candidates, key=lambda match: match.confidence, default=None)


def _by_words(clause: Clause, reading: Reading, language: Language) -> Iterator[AnswerMatch]:
    """By the answers' own words or those of the question. Two answers that are as good as each other are none."""
    found = []
    only = bool(words.ONLY[language].search(clause.folded))
    for side in reading.sides:
        if only and words.ONLY[language].search(side.answer):
            yield AnswerMatch(
                answer=side.answer, confidence=_PLAIN_LOOSE, clue="text", start=clause.start, end=clause.end
            )
            return
        said = evidence(clause, side)
        if said is None:
            continue
        whole = only and bool(words.ALL[language].search(reading.question))  # 只有右边响 to 两边都响了吗
        target = reading.opposite(side) if said.denied != whole else side
        if target is None:
            continue
        confidence = min(said.confidence, _PLAIN_LOOSE) if only or side.all_of else said.confidence
        found.append(_match(target, said, confidence))
    if not found:
        return
    found.sort(key=lambda match: -match.confidence)
    rivals = [match for match in found if match.answer != found[0].answer]
    if not rivals:
        yield from found[:1]
    elif found[0].confidence - rivals[0].confidence >= 0.1:
        yield found[0]
    else:
        yield replace(found[0], confidence=min(found[0].confidence, _PLAIN_UNASKED))


def _match(side: Side, said: Evidence, confidence: float) -> AnswerMatch:
    return AnswerMatch(answer=side.answer, confidence=confidence, clue=said.clue, start=said.start, end=said.end)


def _by_number(clause: Clause, reading: Reading) -> Iterator[AnswerMatch]:
    for said in quantities(clause.text):
        verdicts = {
            side.answer: fits(said, side.allows, above=side.above) for side in reading.sides if side.allows is not None
        }
        inside = [answer for answer, verdict in verdicts.items() if verdict]
        open_ones = [answer for answer, verdict in verdicts.items() if verdict is None]
        if len(inside) == 1:
            confidence = _SPOKEN_FOR if not open_ones else _PLAIN_LOOSE
            yield AnswerMatch(
                answer=inside[0],
                confidence=confidence,
                clue="number",
                start=clause.start + said.start,
                end=clause.start + said.end,
            )


def _plainly(clause: Clause, reading: Reading, language: Language, asked: str | None) -> Iterator[AnswerMatch]:
    for plain in words.PLAIN[language]:
        if not plain.pattern.fullmatch(clause.folded):
            continue
        side = reading.side(yes=plain.yes)
        if side is None:
            return
        confidence = _weight(plain.topic, reading, asked, language)
        if confidence:
            yield AnswerMatch(
                answer=side.answer, confidence=confidence, clue="yes_no", start=clause.start, end=clause.end
            )
        return


def _weight(topic: words.Topic, reading: Reading, asked: str | None, language: Language) -> float:
    """How much a plain yes or no about ``topic`` counts for this question."""
    fit = topic in ("any", reading.topic) or (topic == "outcome" and reading.topic in ("can", "outcome"))
    perfect = re.search(r"(?:了|过)吗|没有?[?？。]?$", f"{reading.question.rstrip('?？')}")
    fit = fit or (topic == "have" and bool(perfect or (asked and re.search(r"没有?[?？。]?$", asked))))
    loose = topic in ("have", "can") and reading.topic != "done"
    if not fit and not loose:
        return 0.0
    if asked is None:
        confidence = _PLAIN_UNASKED
    elif not asked:
        confidence = _PLAIN_UNASKED if topic in ("outcome", "done") else 0.0
    elif alike(asked, reading, language):
        confidence = _PLAIN
    else:
        # Another question was asked: how it turned out may still be told, a bare yes is the answer to that one.
        confidence = _PLAIN_LOOSE if topic in ("outcome", "done") else 0.0
    if not fit or reading.compound:
        confidence = min(confidence, _PLAIN_LOOSE)
    return confidence


def alike(asked: str, reading: Reading, language: Language) -> bool:
    """Whether the agent's words ask what the step asks."""
    wanted, said = _pairs(reading.question, language), _pairs(asked, language)
    if wanted and len(wanted & said) / len(wanted) >= _ASKED_OVERLAP:
        return True
    return any(side.core and side.core in _squeezed(asked) for side in reading.sides if side.polarity > 0)


def _pairs(text: str, language: Language) -> set[str]:
    if language == "en":
        return {word for word in re.findall(r"[a-z']+", text.lower()) if len(word) > 2}
    kept = _squeezed(text)
    return {kept[i : i + 2] for i in range(len(kept) - 1)}


def _squeezed(text: str) -> str:
    return re.sub(r"[\W_]", "", text.lower())


def _together(found: Sequence[AnswerMatch], text: str, language: Language) -> AnswerMatch | None:
    """One verdict of what the clauses say: own words before a plain yes or no, later before earlier."""
    if not found:
        return None
    telling = [match for match in found if match.clue != "yes_no"] or list(found)
    last = max((m for m in telling if m.answer == telling[-1].answer), key=lambda match: match.confidence)
    others = [match for match in telling if match.answer != last.answer]
    if not others or words.TURNS[language].search(text.lower(), others[-1].end, telling[-1].end):
        return last
    return replace(last, confidence=last.confidence * _AFTER_OTHER)


def _all_parts(heard: Sequence[Clause], side: Side) -> AnswerMatch | None:
    """An answer made of several statements (亮但没声) of which each was heard somewhere."""
    if not side.all_of:
        return None
    found: list[Evidence] = []
    for core, denied in side.parts:
        said = [e for clause in heard if (e := part_evidence(clause, side, core, denied)) and not e.denied]
        if not said or said[-1].confidence < SURE:
            return None
        found.append(said[-1])
    start, end = min(e.start for e in found), max(e.end for e in found)
    return AnswerMatch(answer=side.answer, confidence=_SPOKEN_FOR, clue="text", start=start, end=end)


def by_meaning(text: str, step: Step, likeness: Sequence[float]) -> AnswerMatch | None:
    """The answer that is nearest in meaning, where one is clearly nearer; only ever a suggestion.

    ``likeness`` are the cosines of the text's vector with those of the answers of ``phrasings``, in order.
    """
    ranked = sorted(zip(likeness, step.next, strict=True), reverse=True)
    if len(ranked) < 2 or ranked[0][0] - ranked[1][0] < _MEANING_MARGIN:
        return None
    return AnswerMatch(answer=ranked[0][1], confidence=0.5, clue="meaning", start=0, end=len(text))


def may_mean(text: str, language: Language) -> bool:
    """Whether it is worth comparing in meaning: a statement, neither a question nor a mere sign of listening."""
    heard = [clause for clause in clauses(text, language) if _says_something(clause, language)]
    return sum(len(clause.folded) for clause in heard) >= (4 if language == "zh" else 8)


def phrasings(step: Step) -> list[str]:
    """The answers as a customer might say them: each with its question before it."""
    return [f"{step.text} {answer}" for answer in step.next]


__all__ = ["SURE", "WORTH_SAYING", "AnswerMatch", "Side", "by_meaning", "match_answer", "may_mean", "phrasings"]
