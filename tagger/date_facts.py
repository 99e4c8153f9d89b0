"""What a date that was said is the date of: buying, coming by, receiving, sending back."""

import re
from collections.abc import Iterator
from datetime import datetime

from callcue.core.speech import Channel
from tagger.coming import coming_dates
from tagger.dates import SpokenDate, spoken_dates
from tagger.fact import DATE, Fact

# After a date that is past, 卖的 is how a recogniser writes 买的.
_BOUGHT = re.compile(
    r"(?<!想)(?<!要)(?:购?买|卖的|购入|下的?单|入手|提的?车|拍的|订的|订购)|bought|purchased|ordered|got it|placed",
    re.IGNORECASE,
)
_BOUGHT_BEFORE = re.compile(
    r"(?:购?买|下单|入手|提车|订购)的?(?:时间|日期|时候)?(?:就|都)?(?:是|在|于)?[^,，。]{0,2}$"
    r"|(?:bought|purchased|ordered|got)(?: \w+){0,4} (?:on |in |around |about )?$"
    r"|(?:purchase|order) date (?:is|was) (?:on )?$",
    re.IGNORECASE,
)
_OTHER_EVENT = re.compile(r"收到|送|到货|寄|退|发|修|坏|取消|delivered|arrived|returned|broke", re.IGNORECASE)
_INTENT = re.compile(r"(?:想|打算|准备|考虑|计划)(?:再|要|去|在|来|给.{0,3}){0,3}(?:购?买|下单|入手|订)")
_ROLES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("received", re.compile(r"收到|签收|到货|送到|送来|delivered|arrived|received|got here", re.IGNORECASE)),
    ("returned", re.compile(r"寄回|退回|寄走|寄出|退货|寄给|sent (?:it |them )?back|returned|shipped (?:it )?back",
        re.IGNORECASE)),
)  # fmt: skip
_VISIT = re.compile(
    r"到店|去店|来店|门店|上门|预约|过去|过来|来取|去取|去修|去看|到访|come (?:in|by|over)|visit|stop by|drop by|"
    r"pick (?:it|them) up|appointment|technician|be there",
    re.IGNORECASE,
)
_REACH = 14
_REACH_LATIN = 34


def date_facts(text: str, started_at: datetime, speaker: Channel, asked: frozenset[str]) -> Iterator[Fact]:
    """Dates with their roles; one with none is left out. Appointments may be named by either side."""
    today = started_at.date()
    taken: list[tuple[int, int]] = []
    if speaker == "caller":
        for said in spoken_dates(text, today):
            fact = _past(text, said, asked)
            if fact is not None:
                taken.append((said.start, said.end))
                yield fact
    for said in coming_dates(text, today):
        if any(said.start < end and start < said.end for start, end in taken):
            continue
        if _VISIT.search(_clause(text, said)):
            yield Fact(field="", kind="date", role="visit", value=said.value, start=said.start, end=said.end,
                probability=0.85)  # fmt: skip


def _past(text: str, said: SpokenDate, asked: frozenset[str]) -> Fact | None:
    """What has happened on a day: bought (which may have been asked for), received, sent back."""
    reach = _REACH_LATIN if text.isascii() else _REACH
    after = re.split(r"[,，。.!！?？;；]", text[said.end : said.end + reach])[0]
    before = text[max(0, said.start - reach) : said.start]
    bought = _BOUGHT.search(after)
    told = (bought is not None and not _OTHER_EVENT.search(after[: bought.start()])) or _BOUGHT_BEFORE.search(before)
    if _INTENT.search(before + after):
        return None
    if told or (DATE in asked and not _OTHER_EVENT.search(after)):
        return Fact(
            field=DATE,
            value=said.value,
            start=said.start,
            end=said.end,
            probability=(0.9 if told else 0.8) if said.exact else 0.45,
            weight=(3 if told else 2) if said.exact else 1,
            role="purchase",
        )
    near = re.split(r"[,，。.!！?？;；]", before)[-1] + after
    role = next((name for name, cue in _ROLES if cue.search(near)), None)
    if role is None:
        return None
    sure = 0.85 if said.exact else 0.45
    return Fact(field="", kind="date", role=role, value=said.value, start=said.start, end=said.end, probability=sure)


def _clause(text: str, said: SpokenDate) -> str:
    """The words around a date, up to the next full stop."""
    before = re.split(r"[。!！?？;；]", text[: said.start])[-1]
    after = re.split(r"[。!！?？;；]", text[said.end :])[0]
    return before[-_REACH_LATIN:] + after[:_REACH_LATIN]
