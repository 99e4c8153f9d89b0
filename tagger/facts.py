"""Facts that are said on a call: phone, order number, amount, purchase date. Rules; digit strings are taken exactly.

The text is normalised (spoken digits are Arabic), but numbers that were left in Chinese are read too.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from callcue.core.speech import Channel
from tagger.amounts import amounts
from tagger.dates import spoken_dates
from tagger.numerals import DigitRun, digit_runs

PHONE, ORDER, AMOUNT, DATE = "facts.phone", "facts.order_no", "facts.amount", "facts.purchase_date"

_MOBILE = re.compile(r"(?:86)?(1[3-9]\d{9})")
_LANDLINE = re.compile(r"0(?:10|2\d|[3-9]\d{2})[2-9]\d{6,7}")
_NORTH_AMERICAN = re.compile(r"1?[2-9]\d{2}[2-9]\d{6}")
_ORDER = re.compile(r"(?=(?:[A-Z]*\d){4})[A-Z0-9]{6,20}")
_ORDER_CUE = re.compile(
    r"[订定顶]单|(?:工|保|运|账|维修|预约|流水|合同|票|提货|快递|物|退货|编|单)(?:单|款|同|约)?号码?|单号|"
    r"order (?:number|id|no)|(?:order|confirmation|reference|booking|ticket|claim|invoice) (?:number|code|no|"
    r"id)|my order",
    re.IGNORECASE,
)
_NOT_ORDER = re.compile(r"身份证|卡号|会员号|工号|序列号|验证码|密码|邮编|车牌|尾号|后[四4]位|分机|型号")
_PHONE_CUE = re.compile(
    r"电话|手机|号码|联系方式|打给我|打我|座机|回电|phone|cell|call me|reach me|my number", re.IGNORECASE
)
_TAIL = re.compile(
    r"(?:尾号|(?:后|末)(?:面)?[四4]位(?:数)?|last four(?: digits)?)(?:是|为|号|is|are|数|[ ：:，,])*", re.IGNORECASE
)
_CARD = re.compile(r"卡|身份证|账户|存折|card|account", re.IGNORECASE)
_READ_BACK = re.compile(r"[您你]|对吗|对吧|核对|确认|是吗|没错|登记|right|correct|your", re.IGNORECASE)
_BOUGHT = re.compile(
    r"(?<!想)(?<!要)(?:购?买|购入|下的?单|入手|提的?车|拍的|订的|订购)|bought|purchased|ordered", re.IGNORECASE
)
_BOUGHT_BEFORE = re.compile(
    r"(?:购?买|下单|入手|提车|订购)的?(?:时间|日期|时候)?(?:就|都)?(?:是|在|于)?[^,，。]{0,2}$"
    r"|(?:bought|purchased|ordered)(?: \w+){0,3} (?:on |in )?$",
    re.IGNORECASE,
)
_OTHER_EVENT = re.compile(r"收到|送|到货|寄|退|发|修|坏|取消|delivered|arrived|returned|broke", re.IGNORECASE)
_INTENT = re.compile(r"(?:想|打算|准备|考虑|计划)(?:再|要|去|在|来|给.{0,3}){0,3}(?:购?买|下单|入手|订)")
_SERVICE_LINE = re.compile(r"(?:400|800|95)\d+")
_REACH = 14
"""Characters between a cue and the number that it introduces."""
_REACH_LATIN = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact and where it was said."""

    field: str
    value: str
    start: int
    end: int
    """Offsets into the text."""
    probability: float = 0.9
    """Assumed, not measured: how often a reading of this kind is right."""
    weight: int = 1
    """Between facts of one field on a call, the heavier wins: a disputed sum over a price, a caller over an agent."""


_ASKS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (ORDER, re.compile(r"[订定顶]单|单号|(?:order|confirmation|booking|reference) number", re.IGNORECASE)),
    (PHONE, re.compile(r"电话|手机|联系方式|联系号码|号码|phone|contact number|number to reach|"
        r"your number", re.IGNORECASE)),
    (DATE, re.compile(r"(?:什么时候|何时|哪天|几号|几月).{0,6}[买购订]|购买(?:时间|日期)|[买购]的?.{0,4}多久|"
        r"when did you (?:buy|get|order)", re.IGNORECASE)),
    (AMOUNT, re.compile(r"预算|价位|多少钱|金额|budget|how much", re.IGNORECASE)),
)  # fmt: skip


def asked_for(agent_text: str) -> frozenset[str]:
    """Fields that an agent's sentence asks for."""
    return frozenset(field for field, pattern in _ASKS if pattern.search(agent_text))


def extract_facts(
    text: str, started_at: datetime, *, speaker: Channel = "caller", asked: frozenset[str] = frozenset()
) -> list[Fact]:
    """The facts in one utterance, in order of field and place.

    ``started_at`` is when the call began (relative dates count from its local day); ``asked`` is what the agent asked
    for last, which turns a bare number into an answer.
    """
    found = [*_numbers(text, speaker, asked), *_amounts(text, speaker, asked)]
    if speaker == "caller":
        found += _purchase_dates(text, started_at, asked)
    return found


def _numbers(text: str, speaker: Channel, asked: frozenset[str]) -> Iterator[Fact]:
    tails = list(_tails(text, speaker))
    yield from tails
    for run in digit_runs(text, least=6):
        if any(tail.start <= run.start < tail.end for tail in tails):
            continue
        before = text[max(0, run.start - (_REACH_LATIN if text[: run.start].isascii() else _REACH)) : run.start]
        cued = _nearest_cue(before)
        phone = _phone(run, cued == PHONE or PHONE in asked)
        if phone is not None and not (cued == ORDER and PHONE not in asked):
            if speaker == "caller" or _is_read_back(text, run, asked):
                yield _fact(PHONE, phone, run, speaker)
            continue
        order = _order(run)
        if order is None or cued in ("other", PHONE):
            continue
        if cued == ORDER or (ORDER in asked and speaker == "caller"):
            yield _fact(ORDER, order, run, speaker)


def _fact(field: str, value: str, run: DigitRun, speaker: Channel) -> Fact:
    probability = (0.95 if speaker == "caller" else 0.85) - 0.15 * run.repaired
    return Fact(
        field=field,
        value=value,
        start=run.start,
        end=run.end,
        probability=round(probability, 2),
        weight=3 if speaker == "caller" else 2,
    )


def _nearest_cue(before: str) -> str | None:
    """Which kind of number the words before it announce; the nearest cue decides."""
    places = [
        (max((match.end() for match in pattern.finditer(before)), default=-1), kind)
        for pattern, kind in ((_NOT_ORDER, "other"), (_ORDER_CUE, ORDER), (_PHONE_CUE, PHONE))
    ]
    place, kind = max(places)
    return kind if place >= 0 else None


def _phone(run: DigitRun, cued: bool) -> str | None:
    for candidate in (run.joined, *run.pieces):
        match = _MOBILE.fullmatch(candidate)
        if match:
            return match[1]
        if cued and not _SERVICE_LINE.fullmatch(candidate):
            if _LANDLINE.fullmatch(candidate):
                return candidate
            if len(candidate) >= 10 and _NORTH_AMERICAN.fullmatch(candidate) and not candidate.startswith("1"):
                return candidate
    return None


def _order(run: DigitRun) -> str | None:
    """The order number of a run: its first piece when that is long enough (what follows may be another number)."""
    for candidate in (run.pieces[0], run.joined):
        if _ORDER.fullmatch(candidate):
            return candidate
    return None


def _is_read_back(text: str, run: DigitRun, asked: frozenset[str]) -> bool:
    """Whether an agent says the customer's number, not one of the company's."""
    rest = text[: run.start] + text[run.end :]
    return PHONE in asked or bool(_READ_BACK.search(rest)) or len(rest) <= 2


def _tails(text: str, speaker: Channel) -> Iterator[Fact]:
    """``尾号NNNN``: only the last digits of the phone were said."""
    for cue in _TAIL.finditer(text):
        run = next((r for r in digit_runs(text[cue.end() :], least=3) if r.start <= 1), None)
        if run is None or len(run.pieces[0]) not in (3, 4) or not run.pieces[0].isdigit():
            continue
        end = cue.end() + run.end
        near = text[max(0, cue.start() - 6) : cue.start()] + text[end : end + 6]
        if _CARD.search(near) and not re.search(r"手机|电话|phone", near):
            continue
        yield Fact(field=PHONE, value=f"尾号{run.pieces[0]}", start=cue.start(), end=end, probability=0.85, weight=1)


def _amounts(text: str, speaker: Channel, asked: frozenset[str]) -> Iterator[Fact]:
    for amount in amounts(text, speaker=speaker, asked=AMOUNT in asked):
        yield Fact(
            field=AMOUNT,
            value=amount.value,
            start=amount.start,
            end=amount.end,
            probability=amount.probability,
            weight=amount.weight,
        )


def _purchase_dates(text: str, started_at: datetime, asked: frozenset[str]) -> Iterator[Fact]:
    """A date counts when it is said of buying, or was asked about; wanting to buy is not buying."""
    for said in spoken_dates(text, started_at.date()):
        after = re.split(r"[,，。.!！?？;；]", text[said.end : said.end + _REACH])[0]
        before = text[max(0, said.start - _REACH) : said.start]
        bought = _BOUGHT.search(after)
        told = (bought is not None and not _OTHER_EVENT.search(after[: bought.start()])) or _BOUGHT_BEFORE.search(
            before
        )
        if _INTENT.search(before + after) or not (told or DATE in asked):
            continue
        yield Fact(
            field=DATE,
            value=said.value,
            start=said.start,
            end=said.end,
            probability=(0.9 if told else 0.8) if said.exact else 0.45,
            weight=(3 if told else 2) if said.exact else 1,
        )
