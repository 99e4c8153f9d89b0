"""Facts that are said on a call: phone, order number, amount, dates, product, address, names. Rules; digits exactly.

The text is normalised (spoken digits are Arabic), but numbers that were left in Chinese are read too.
"""

import re
from collections.abc import Iterator
from datetime import datetime

from callcue.core.facts import NumberShape
from callcue.core.speech import Channel
from tagger.amounts import amounts
from tagger.date_facts import date_facts
from tagger.fact import AMOUNT, DATE, ORDER, PHONE, Fact
from tagger.number_facts import Hearing, number_facts
from tagger.people import people_facts
from tagger.places import address_facts
from tagger.products import ProductFinder

__all__ = ["AMOUNT", "DATE", "ORDER", "PHONE", "Fact", "asked_for", "extract_facts"]

_ASKS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (ORDER, re.compile(r"[订定顶]单|单号|(?:order|confirmation|booking|reference) number", re.IGNORECASE)),
    (PHONE, re.compile(r"电话|手机|联系方式|联系号码|号码|phone|contact number|number to reach|"
        r"your number", re.IGNORECASE)),
    (DATE, re.compile(r"(?:什么时候|何时|哪天|几号|几月).{0,6}[买购订]|购买(?:时间|日期)|[买购]的?.{0,4}多久|"
        r"when did you (?:buy|get|order)|purchase date", re.IGNORECASE)),
    (AMOUNT, re.compile(r"预算|价位|多少钱|金额|budget|how much", re.IGNORECASE)),
)  # fmt: skip
_ANY_SHAPE = NumberShape()
_NO_CATALOGUE = ProductFinder()


def asked_for(agent_text: str) -> frozenset[str]:
    """Fields that an agent's sentence asks for."""
    return frozenset(field for field, pattern in _ASKS if pattern.search(agent_text))


def extract_facts(
    text: str,
    started_at: datetime,
    *,
    speaker: Channel = "caller",
    asked: frozenset[str] = frozenset(),
    shape: NumberShape = _ANY_SHAPE,
    confidence: float = 1.0,
    products: ProductFinder = _NO_CATALOGUE,
) -> list[Fact]:
    """The facts in one utterance, in order of kind and place.

    ``started_at`` is when the call began (relative dates count from its local day); ``asked`` is what the agent asked
    for last, which turns a bare number into an answer; ``confidence`` is the recogniser's, 1.0 for typed text.
    """
    heard = Hearing(speaker=speaker, asked=asked, shape=shape, confidence=confidence)
    return [
        *number_facts(text, heard),
        *_amounts(text, speaker, asked),
        *date_facts(text, started_at, speaker, asked),
        *products.facts(text, speaker),
        *(address_facts(text) if speaker == "caller" else ()),
        *people_facts(text, speaker),
    ]


def _amounts(text: str, speaker: Channel, asked: frozenset[str]) -> Iterator[Fact]:
    for amount in amounts(text, speaker=speaker, asked=AMOUNT in asked):
        yield Fact(
            field=AMOUNT,
            value=amount.value,
            start=amount.start,
            end=amount.end,
            probability=amount.probability,
            weight=amount.weight,
            role=amount.role,
        )
