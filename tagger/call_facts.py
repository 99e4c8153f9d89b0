"""The facts of one call: what was said twice confirms or completes, what was taken back goes, the rest stands by role.

The agent who reads a number back is a second hearing of the same digits. Two hearings that agree are worth more than
one; two that each lost digits may give the whole number; two whole ones that differ leave both in doubt until the
caller agrees to one of them.
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from callcue.core.facts import FactCandidate, FactSpan, NumberShape, fold
from callcue.core.speech import Utterance
from tagger.digit_readings import alike, fuse, within
from tagger.fact import KINDS, ORDER, PHONE, Fact
from tagger.facts import asked_for, extract_facts
from tagger.number_facts import bare_runs, is_whole
from tagger.number_repairs import mended, takes_back
from tagger.numerals import digit_runs
from tagger.products import ProductFinder

_ANSWERS = 2
"""Caller utterances for which a question of the agent stands."""
_JOIN_GAP_MS = 4000
"""Digits that a caller reads in portions belong together when the pause is shorter than this."""
_ASKED_GAP_MS = 9000
"""The same while an agent who asked for them only says 嗯 in between."""
_MAX_JOINED = 24
_RECALLED = 12
"""Hearings of numbers that a new one is compared with."""
_NUMBERS = (PHONE, ORDER)
_FUSED, _IN_DOUBT, _DENIED, _MOST = 0.72, 0.5, 0.2, 0.97
_AGREED = 0.35
"""What remains of the doubt when the caller agrees to what was read back."""
_YES = re.compile(
    r"^[嗯啊哦,，。 ]*(?:对|是的?|没错|嗯|好的?|可以|正确|行|yes|yeah|yep|right|correct|that's (?:right|it|correct))",
    re.I,
)
_NO = re.compile(r"不对|不是|错了|no\b|wrong|not right|incorrect", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """One hearing of a number."""

    field: str
    value: str
    hearings: tuple[str, ...]
    speaker: str
    spans: tuple[FactSpan, ...]
    turn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """What a field of the record is to say."""

    field: str
    value: str
    probability: float
    evidence: tuple[str, ...]


class CallFacts:
    """Collects the facts of one call, utterance by utterance."""

    def __init__(
        self, started_at: datetime, *, shape: NumberShape | None = None, products: ProductFinder | None = None
    ) -> None:
        """``shape``: how the shop's order numbers look; ``products``: finds its goods by their names."""
        self._started_at = started_at
        self._shape = shape or NumberShape()
        self._products = products or ProductFinder()
        self._asked: frozenset[str] = frozenset()
        self._asked_left = 0
        self._portion: tuple[str, int, FactSpan] | None = None
        self._said: deque[_Said] = deque(maxlen=_RECALLED)
        self._read_back: _Said | None = None
        self._turn = 0
        self._filled: dict[str, Fact] = {}
        self._candidates: dict[tuple[str, str, str], FactCandidate] = {}
        self._changed: dict[tuple[str, str, str], FactCandidate] = {}

    def observe(self, u: Utterance) -> list[Filling]:
        """What this utterance says for the record's fields; the candidates are taken by ``take``."""
        self._turn += 1
        asked = self._asked if self._asked_left else frozenset()
        agreed = list(self._answer(u))
        found = extract_facts(
            u.text,
            self._started_at,
            speaker=u.channel,
            asked=asked,
            shape=self._shape,
            confidence=u.confidence,
            products=self._products,
        )
        numbers = [fact for fact in found if fact.field in _NUMBERS]
        fillings = [*agreed, *(filling for fact in numbers for filling in self._number(fact, u))]
        fillings += self._echo(numbers, u) if u.channel == "agent" else self._portions(numbers, asked, u)
        for fact in found:
            if fact.field not in _NUMBERS:
                fillings += self._plain(fact, u)
        self._remember_question(u)
        return fillings

    def take(self) -> list[FactCandidate]:
        """The candidates that are new or changed since they were last taken."""
        changed, self._changed = list(self._changed.values()), {}
        return changed

    @property
    def candidates(self) -> list[FactCandidate]:
        """All that stand, by kind and role, the likeliest first."""
        return fold([self._candidates.values()])

    def _plain(self, fact: Fact, u: Utterance) -> Iterator[Filling]:
        """A fact that is said in one go: kept by kind, role and value; said again, it is surer."""
        held = self._candidates.get((fact.what, fact.role, fact.value))
        spans: tuple[FactSpan, ...] = (FactSpan(segment_id=u.segment_id, start=fact.start, end=fact.end),)
        state, sure = fact.state, fact.probability
        if held is not None:
            spans, state = _joined(held.evidence, spans), "confirmed"
            sure = max(sure, _either(held.probability, sure))
        self._keep(fact, sure, spans, state=state)
        if fact.field:
            yield from self._fill(replace(fact, probability=sure), spans)

    def _number(self, fact: Fact, u: Utterance, spans: tuple[FactSpan, ...] = ()) -> Iterator[Filling]:
        """A number: compared with what was heard of the same kind before, by either side."""
        spans = spans or (FactSpan(segment_id=u.segment_id, start=fact.start, end=fact.end),)
        said = _Said(
            field=fact.field,
            value=fact.value,
            hearings=fact.hearings or (fact.value,),
            speaker=u.channel,
            spans=spans,
            turn=self._turn,
        )
        earlier = next((old for old in reversed(self._said) if old.field == fact.field and _related(old, said)), None)
        if fact.value.startswith("尾号"):
            yield from self._plain(fact, u)
            return
        self._said.append(said)
        if u.channel == "agent":
            self._read_back = said
        if earlier is None:
            self._keep(fact, fact.probability, spans, state=fact.state)
        else:
            fact, spans = self._compared(fact, said, earlier)
        if fact.state != "incomplete":
            yield from self._fill(fact, spans)

    def _compared(self, fact: Fact, said: _Said, old: _Said) -> tuple[Fact, tuple[FactSpan, ...]]:
        """The fact after a second hearing, and all its evidence."""
        spans = _joined(old.spans, said.spans)
        held = self._candidates.get((fact.what, fact.role, old.value))
        before = held.probability if held else fact.probability
        if old.value == said.value and fact.state != "incomplete":
            fact = replace(fact, probability=_either(before, fact.probability), state="confirmed")
        elif fact.state == "corrected":
            self._withdraw(fact, old.value)
        else:
            whole_old, whole_new = (is_whole(fact.field, v, self._shape) for v in (old.value, said.value))
            whole = None if whole_old and whole_new else self._fused(fact.field, old, said, whole_old, whole_new)
            if whole is not None:
                for value in {old.value, said.value} - {whole}:
                    self._withdraw(fact, value)
                sure = _FUSED if not (whole_old or whole_new) else min(_MOST, max(before, fact.probability) + 0.1)
                fact = replace(fact, value=whole, probability=round(sure, 2), state="heard", hearings=(whole,))
                self._revise(said, whole)
            elif whole_old and whole_new:
                doubt = min(_IN_DOUBT, before, fact.probability)
                fact = replace(fact, probability=doubt)
                self._lower(fact, old.value, doubt)
        self._keep(fact, fact.probability, spans, state=fact.state)
        return fact, spans

    def _fused(self, field: str, old: _Said, new: _Said, whole_old: bool, whole_new: bool) -> str | None:
        """The whole number behind two hearings, where only one fits."""
        if whole_old or whole_new:
            whole, part = (old.value, new) if whole_old else (new.value, old)
            return whole if any(within(heard, whole) for heard in part.hearings) else None

        def fits(number: str) -> bool:
            known = field == PHONE or bool(self._shape.lengths)
            return known and is_whole(field, number, self._shape)

        found = {fuse(one, other, fits) for one in old.hearings for other in new.hearings if alike(one, other)}
        found.discard(None)
        return found.pop() if len(found) == 1 else None

    def _echo(self, numbers: list[Fact], u: Utterance) -> Iterator[Filling]:
        """Digits that an agent says without naming them are the number that they are like."""
        for run, values in bare_runs(u.text):
            if any(fact.start < run.end and run.start < fact.end for fact in numbers):
                continue
            heard = _Said(field="", value=run.joined, hearings=values, speaker="agent", spans=(), turn=self._turn)
            old = next((old for old in reversed(self._said) if old.speaker == "caller" and _related(old, heard)), None)
            if old is None:
                continue
            whole = next((value for value in values if is_whole(old.field, value, self._shape)), None)
            fact = Fact(
                field=old.field,
                value=whole or run.joined,
                start=run.start,
                end=run.end,
                probability=0.6 if whole else 0.3,
                weight=3,
                state="heard" if whole else "incomplete",
                hearings=values,
            )
            yield from self._number(fact, u)

    def _answer(self, u: Utterance) -> Iterator[Filling]:
        """What the caller says to a number that was read back: yes, no, or no and how it goes."""
        back = self._read_back
        if back is None or u.channel != "caller":
            return
        self._read_back = None
        value = back.value
        held = self._candidates.get((KINDS[back.field], "", value))
        if held is None or held.state == "withdrawn" or self._turn - back.turn > _ANSWERS:
            return
        fact = Fact(field=back.field, value=value, start=0, end=0, weight=4)
        runs = digit_runs(u.text, least=2)
        if _NO.search(u.text):
            part = mended(value, runs[0].joined) if runs and takes_back(u.text[: runs[0].start]) else None
            if part is None or not is_whole(back.field, part, self._shape):
                self._lower(fact, value, _DENIED)
                if back.field in self._filled and self._filled[back.field].value == value:
                    del self._filled[back.field]
                return
            self._withdraw(fact, value)
            spans = _joined(held.evidence, (FactSpan(segment_id=u.segment_id, start=runs[0].start, end=runs[0].end),))
            fact = replace(fact, value=part, probability=0.85, state="corrected")
            self._said.append(replace(back, value=part, hearings=(part,), spans=spans, turn=self._turn))
        elif _YES.search(u.text) and held.state != "incomplete" and not runs:
            spans = _joined(held.evidence, (FactSpan(segment_id=u.segment_id, start=0, end=len(u.text)),))
            sure = min(_MOST, 1 - (1 - held.probability) * _AGREED)
            fact = replace(fact, probability=round(sure, 2), state="confirmed")
        else:
            return
        self._keep(fact, fact.probability, spans, state=fact.state)
        yield from self._fill(fact, spans)

    def _portions(self, numbers: list[Fact], asked: frozenset[str], u: Utterance) -> Iterator[Filling]:
        """A number that was read in portions, as when a pause ended the segment in its middle."""
        before, self._portion = self._portion, None
        runs = digit_runs(u.text, least=3 if before is None else 2)
        whole = any(fact.state != "incomplete" for fact in numbers)
        if runs and not whole:
            span = FactSpan(segment_id=u.segment_id, start=runs[-1].start, end=runs[-1].end)
            self._portion = (runs[-1].joined[:_MAX_JOINED], u.end_ms, span)
        gap = _ASKED_GAP_MS if asked else _JOIN_GAP_MS
        if before is None or not runs or runs[0].start > 1 or u.start_ms - before[1] > gap:
            return
        digits = before[0] + runs[0].joined
        joined = extract_facts(
            digits, self._started_at, asked=asked or frozenset({PHONE}), shape=self._shape, confidence=u.confidence
        )
        facts = [fact for fact in joined if fact.field in _NUMBERS and fact.state != "incomplete"]
        if whole:
            facts = [fact for fact in facts if fact.field == PHONE]
        here = FactSpan(segment_id=u.segment_id, start=runs[0].start, end=runs[0].end)
        for fact in facts[:1]:
            self._portion = None
            for part in (before[0], *(number.value for number in numbers)):
                self._withdraw(fact, part)
            yield from self._number(fact, u, (before[2], here))
        if not facts and not whole:
            self._portion = (digits[:_MAX_JOINED], u.end_ms, before[2])

    def _fill(self, fact: Fact, spans: tuple[FactSpan, ...]) -> Iterator[Filling]:
        held = self._filled.get(fact.field)
        if held is not None and held.value != fact.value and not _replaces(fact, held):
            return
        if held is not None and held.value == fact.value and held.probability >= fact.probability:
            return
        self._filled[fact.field] = fact
        evidence = tuple(dict.fromkeys(span.segment_id for span in spans))
        yield Filling(field=fact.field, value=fact.value, probability=fact.probability, evidence=evidence)

    def _keep(self, fact: Fact, probability: float, spans: tuple[FactSpan, ...], *, state: str) -> None:
        key = (fact.what, fact.role, fact.value)
        candidate = FactCandidate(
            kind=fact.what,
            value=fact.value,
            role=fact.role,
            probability=probability,
            state=state,  # type: ignore[arg-type] # a Fact's or one of ours
            evidence=spans,
        )
        if self._candidates.get(key) != candidate:
            self._candidates[key] = self._changed[key] = candidate

    def _withdraw(self, fact: Fact, value: str) -> None:
        held = self._candidates.get((fact.what, fact.role, value))
        if held is not None:
            self._keep(replace(fact, value=value), held.probability, held.evidence, state="withdrawn")

    def _lower(self, fact: Fact, value: str, probability: float) -> None:
        held = self._candidates.get((fact.what, fact.role, value))
        if held is not None:
            self._keep(replace(fact, value=value), probability, held.evidence, state=held.state)

    def _revise(self, said: _Said, value: str) -> None:
        """What was read back is now known to be ``value``."""
        revised = replace(said, value=value, hearings=(value,))
        if self._said and self._said[-1] is said:
            self._said[-1] = revised
        if self._read_back is said:
            self._read_back = revised

    def _remember_question(self, u: Utterance) -> None:
        if u.channel == "agent":
            asked = asked_for(u.text)
            if asked:
                self._asked, self._asked_left = asked, _ANSWERS
        elif self._asked_left:
            self._asked_left -= 1


def _related(old: _Said, new: _Said) -> bool:
    return any(alike(one, other) for one in old.hearings for other in new.hearings)


def _either(one: float, other: float) -> float:
    """The probability of a value that two hearings agree on."""
    return round(min(_MOST, 1 - (1 - one) * (1 - other)), 2)


def _joined(one: tuple[FactSpan, ...], other: tuple[FactSpan, ...]) -> tuple[FactSpan, ...]:
    return tuple(dict.fromkeys((*one, *other)))


def _replaces(fact: Fact, held: Fact) -> bool:
    """Facts of more weight win; at the same weight a phone or order number said later is a correction, a sum is not.

    A number in doubt does not replace one that was agreed to.
    """
    number = fact.field in _NUMBERS
    if number and fact.state == "corrected":
        return True
    if number and held.state == "confirmed" and fact.state != "confirmed":
        return False
    if fact.weight != held.weight:
        return fact.weight > held.weight
    return number and fact.probability >= held.probability
