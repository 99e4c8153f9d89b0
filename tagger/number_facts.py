"""Phone and order numbers in one utterance: which digits belong to which, mended where the speaker mends them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from callcue.core.facts import NumberShape
from callcue.core.speech import Channel
from tagger.digit_readings import MOBILE, Reading, counted, mobiles_within, plain_homophones, readings
from tagger.fact import ORDER, PHONE, Fact
from tagger.number_repairs import mended, names_the_end, takes_back
from tagger.numerals import DigitRun, digit_runs

_MOBILE_WITH_CODE = re.compile(r"(?:86)?(1[3-9]\d{9})")
_LANDLINE = re.compile(r"0(?:10|2\d|[3-9]\d{2})[2-9]\d{6,7}")
_NORTH_AMERICAN = re.compile(r"1?[2-9]\d{2}[2-9]\d{6}")
_ORDER = re.compile(r"(?=(?:[A-Z]*\d){4})[A-Z0-9]{6,20}")
_ORDER_CUE = re.compile(
    r"[订定顶]单|(?:工|保|运|账|维修|预约|流水|合同|票|提货|快递|物|退货|编|单)(?:单|款|同|约)?号码?|单号|"
    r"order (?:number|id|no)|(?:order|confirmation|reference|booking|ticket|claim|invoice) (?:number|code|no|"
    r"id)|(?:my|the) order",
    re.IGNORECASE,
)
_NOT_ORDER = re.compile(r"身份证|卡号|会员号|工号|序列号|验证码|密码|邮编|车牌|尾号|后[四4]位|分机|型号|"
    r"serial|card number|zip|postcode|pin\b|verification", re.IGNORECASE)  # fmt: skip
_PHONE_CUE = re.compile(
    r"电话|手机|号码|联系方式|打给我|打我|座机|回电|phone|cell|mobile|call me|reach me|my number|contact", re.IGNORECASE
)
_TAIL = re.compile(
    r"(?:尾号|(?:后|末)(?:面)?[四4]位(?:数)?|last four(?: digits)?)(?:是|为|号|is|are|数|[ ：:，,])*", re.IGNORECASE
)
_OF_ORDER = re.compile(r"[订定顶运工]单号?的?$|单号的?$|order (?:number )?$", re.IGNORECASE)
_CARD = re.compile(r"卡|身份证|账户|存折|card|account", re.IGNORECASE)
_READ_BACK = re.compile(r"[您你]|对吗|对吧|核对|确认|是吗|没错|登记|right|correct|your", re.IGNORECASE)
_SERVICE_LINE = re.compile(r"(?:400|800|95)\d+")
_REACH = 14
"""Characters between a cue and the number that it introduces."""
_REACH_LATIN = 30
_REACH_MENDED = 40
"""Characters between a number and the digits that mend it."""
_LEAST_PHONE, _MOST_PHONE = 7, 12
"""Digits of what may be a phone number that was not heard whole."""
_LEAST_NUMBER = 6
_LEAST_ASKED = 4
"""The same for the answer to a question, of which homophones may be left off (琉琉遥20598)."""
_INCOMPLETE = 0.3
_TYPED = 0.999
"""From this confidence on the text was typed, or is a test's: nothing was recognised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """Under which circumstances an utterance is read."""

    speaker: Channel
    asked: frozenset[str]
    """Fields that the agent asked for last."""
    shape: NumberShape
    confidence: float
    """Of the utterance, 0..1, as the recogniser says."""


def number_facts(text: str, heard: Hearing) -> Iterator[Fact]:
    """Phone and order numbers, in order of place."""
    tails = list(_tails(text))
    found: list[Fact] = []
    last: tuple[DigitRun, int] | None = None
    for run in digit_runs(text, least=2):
        if any(tail.start <= run.start < tail.end and tail.end >= run.end for tail in tails) and not found:
            continue
        before = _before(text, run)
        if found and last is not None and last[1] <= run.start:
            mending = _mending(found[-1], text[last[1] : run.start], run)
            if mending is not None:
                found[-1] = _whole(mending, heard)
                last = (run, run.end)
                continue
        if len(run.joined) < (_LEAST_ASKED if heard.asked else _LEAST_NUMBER):
            continue
        fact = _number(text, run, _nearest_cue(before), heard)
        if fact is not None:
            found.append(fact)
            last = (run, fact.end)
    yield from (tail for tail in tails if not any(fact.start <= tail.start < fact.end for fact in found))
    yield from found


def bare_runs(text: str) -> list[tuple[DigitRun, tuple[str, ...]]]:
    """Every run that is long enough for a number, with the ways to read it."""
    return [
        (run, tuple(reading.value for reading in readings(text, run))) for run in digit_runs(text, least=_LEAST_NUMBER)
    ]


def is_whole(field: str, value: str, shape: NumberShape) -> bool:
    """Whether ``value`` has the form of a complete number of this field, as far as forms are known."""
    if field == PHONE:
        return bool(
            MOBILE.fullmatch(value) or _LANDLINE.fullmatch(value) or value.startswith("尾号") or _is_american(value)
        )
    return bool(_ORDER.fullmatch(value)) and shape.fits(value)


def sureness(field: str, heard_confidence: float, *, shaped: bool, guessed: int) -> float:
    """The probability that a whole number, heard once, is right.

    Recognised digits are not typed ones: in recorded calls about half of all read-outs come through exactly, those with
    a complete form more often. A form that is known (a mobile's, the shop's own) rules lost digits out, not wrong ones.
    """
    if heard_confidence >= _TYPED:
        return round(max(0.5, 0.95 - 0.15 * guessed), 2)
    sure = 0.53 + 0.15 * heard_confidence + (0.05 if field == PHONE or shaped else 0.0)
    return round(max(0.4, sure - 0.01 * guessed), 2)


def _number(text: str, run: DigitRun, cued: str | None, heard: Hearing) -> Fact | None:
    asked = heard.asked
    options = readings(text, run)
    phone = _phone(run, options, cued == PHONE or PHONE in asked)
    if phone is not None and not (cued == ORDER and PHONE not in asked):
        if heard.speaker == "caller" or _is_read_back(text, run, asked):
            return _fact(PHONE, phone, run, heard, options)
        return None
    if cued == "other":
        return None
    if cued == ORDER or (ORDER in asked and heard.speaker == "caller" and cued != PHONE):
        return _order(text, run, options, heard)
    wanted = cued == PHONE or (PHONE in asked and heard.speaker == "caller")
    told = heard.speaker == "caller" or _is_read_back(text, run, asked)
    return _partial(PHONE, options[0], options, heard) if wanted and told and _part_of_phone(run) else None


def _part_of_phone(run: DigitRun) -> bool:
    """Whether a run that is no phone number may be one that was not heard whole."""
    number = run.joined
    return number.isdigit() and _LEAST_PHONE <= len(number) <= _MOST_PHONE and not _SERVICE_LINE.fullmatch(number)


def _order(text: str, run: DigitRun, options: Sequence[Reading], heard: Hearing) -> Fact | None:
    """The order number of a run. A known form decides; else what is surely no part of it is left off."""
    first = _first_piece(run)
    plain = Reading(value=first, guessed=0, start=run.start, end=run.end)
    if heard.shape.lengths:
        fitting = [o for o in (plain, *options) if _ORDER.fullmatch(o.value) and heard.shape.fits(o.value)]
        if fitting:
            return _fact(ORDER, min(fitting, key=lambda o: o.guessed), run, heard, options)
    if first == run.joined:
        if counted(text, run):
            plain = Reading(value=first[:-1], guessed=0, start=run.start, end=run.end - 1)
        else:
            homophones = [option for option in options if plain_homophones(text, option, run)]
            plain = max(homophones, key=lambda o: o.guessed, default=plain)
    if not _ORDER.fullmatch(plain.value):
        return None
    if not heard.shape.fits(plain.value):
        return _partial(ORDER, plain, options, heard)
    return _fact(ORDER, plain, run, heard, options)


def _first_piece(run: DigitRun) -> str:
    """The first piece where it is long enough: what follows may be another number."""
    return run.pieces[0] if _ORDER.fullmatch(run.pieces[0]) else run.joined


def _phone(run: DigitRun, options: Sequence[Reading], cued: bool) -> Reading | None:
    for value in (run.joined, *run.pieces, *mobiles_within(run.joined)):
        match = _MOBILE_WITH_CODE.fullmatch(value)
        landline = cued and not _SERVICE_LINE.fullmatch(value) and (_LANDLINE.fullmatch(value) or _is_american(value))
        if match or landline:
            return Reading(value=match[1] if match else value, guessed=0, start=run.start, end=run.end)
    if cued:
        return next((o for o in sorted(options, key=lambda o: o.guessed) if MOBILE.fullmatch(o.value)), None)
    return None


def _is_american(value: str) -> bool:
    return len(value) == 10 and bool(_NORTH_AMERICAN.fullmatch(value)) and not value.startswith("1")


def _fact(field: str, reading: Reading, run: DigitRun, heard: Hearing, options: Sequence[Reading]) -> Fact:
    guessed = reading.guessed + run.repaired
    sure = sureness(field, heard.confidence, shaped=bool(heard.shape.lengths), guessed=guessed)
    return Fact(
        field=field,
        value=reading.value,
        start=reading.start,
        end=reading.end,
        probability=sure if heard.speaker == "caller" else round(sure - 0.1, 2),
        weight=3 if heard.speaker == "caller" else 2,
        hearings=(reading.value, *(option.value for option in options if option.value != reading.value)),
    )


def _partial(field: str, reading: Reading, options: Sequence[Reading], heard: Hearing) -> Fact:
    return Fact(
        field=field,
        value=reading.value,
        start=reading.start,
        end=reading.end,
        probability=_INCOMPLETE,
        weight=3 if heard.speaker == "caller" else 2,
        state="incomplete",
        hearings=(reading.value, *(option.value for option in options if option.value != reading.value)),
    )


def _mending(fact: Fact, between: str, run: DigitRun) -> Fact | None:
    """``fact`` with the digits of ``run`` in their place, where the words between the two say so."""
    at_end = names_the_end(between)
    if len(between) > _REACH_MENDED or not (at_end or takes_back(between)):
        return None
    value = mended(fact.value, run.joined, at_end=at_end)
    return None if value is None else replace(fact, value=value, end=run.end, state="corrected", hearings=(value,))


def _whole(fact: Fact, heard: Hearing) -> Fact:
    """A mended number with the state and probability of what it has become."""
    if not is_whole(fact.field, fact.value, heard.shape):
        return replace(fact, state="incomplete", probability=_INCOMPLETE)
    sure = sureness(fact.field, heard.confidence, shaped=bool(heard.shape.lengths), guessed=0)
    return replace(fact, probability=round(sure - 0.05, 2))


def _before(text: str, run: DigitRun) -> str:
    reach = _REACH_LATIN if text[: run.start].isascii() else _REACH
    return text[max(0, run.start - reach) : run.start]


def _nearest_cue(before: str) -> str | None:
    """Which kind of number the words before it announce; the nearest cue decides."""
    places = [
        (max((match.end() for match in pattern.finditer(before)), default=-1), kind)
        for pattern, kind in ((_NOT_ORDER, "other"), (_ORDER_CUE, ORDER), (_PHONE_CUE, PHONE))
    ]
    place, kind = max(places)
    return kind if place >= 0 else None


def _is_read_back(text: str, run: DigitRun, asked: frozenset[str]) -> bool:
    """Whether an agent says the customer's number, not one of the company's."""
    rest = text[: run.start] + text[run.end :]
    return PHONE in asked or bool(_READ_BACK.search(rest)) or len(rest) <= 2


def _tails(text: str) -> Iterator[Fact]:
    """``尾号NNNN``: only the last digits of the phone were said."""
    for cue in _TAIL.finditer(text):
        run = next((r for r in digit_runs(text[cue.end() :], least=3) if r.start <= 1), None)
        if run is None or len(run.pieces[0]) not in (3, 4) or not run.pieces[0].isdigit():
            continue
        end = cue.end() + run.end
        near = text[max(0, cue.start() - 6) : cue.start()] + text[end : end + 6]
        if _OF_ORDER.search(text[max(0, cue.start() - 6) : cue.start()]):
            continue
        if _CARD.search(near) and not re.search(r"手机|电话|phone", near):
            continue
        yield Fact(field=PHONE, value=f"尾号{run.pieces[0]}", start=cue.start(), end=end, probability=0.85, weight=1)
