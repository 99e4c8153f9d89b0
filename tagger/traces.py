"""What a customer did before the call, in stores and on the net: from events of other systems, and as they tell it.

Events are facts, told in one form; what a caller tells stands there in the caller's words, marked as told (客户称).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Literal

from callcue.core.customer_events import CustomerEvent
from callcue.core.field_values import MAX_ENTRY
from callcue.core.speech import Utterance
from tagger.event_rules import EVENT_EVIDENCE

Side = Literal["offline_trace", "online_history"]
MAX_TRACES = 10
EVENT_SURE = 0.9
"""Assumed: how often an event under the caller's number or id is the caller's own."""
TOLD_SURE = 0.75
TOLD = "客户称："
_OFFLINE_KINDS = frozenset({"visit"})
_ONLINE_KINDS = frozenset({"page_view", "search", "favorite"})
_NAMES = {
    "visit": "到店", "page_view": "浏览", "search": "搜索", "favorite": "收藏", "order": "下单", "inquiry": "咨询",
    "complaint": "投诉", "return": "退货", "repair": "维修", "refund": "退款",
}  # fmt: skip

_PLACE = (
    r"(?:门店|实体店|专卖店|旗舰店|专柜|柜台|营业厅|网点|商场|展厅|店里|[\u4e00-\u9fff]{2,6}店(?!铺|家)|"
    r"(?:你们|你家)店)"
)
_WEB = r"(?:小程序|官网|网上|网站|网店|商城|APP|app|淘宝|天猫|京东|拼多多|抖音|快手|直播间?|公众号|微信(?:上|里)|线上)"
_STORE_DID = (
    r"(?:[去来到逛]过|(?:体验|试|看|修|问|买|用|检测|摸|对比|退|换)(?:过|了)|(?:买|提|拿|修|退|换|试|看)的|"
    r"去(?:看|试|问|修|买|取)了)"
)
_WEB_DID = (
    r"(?:下(?:了)?单|(?:买|订|拍|看|搜|浏览|收藏|咨询|问|申请|提交|预约|领|付|留言|投诉|加购)(?:到|好)?(?:过|了|的)|加了?购物车|收藏|"
    r"(?:买|订|拍|看|看到|刷到)的?)"
)
_OFFLINE = re.compile(rf"{_PLACE}.{{0,10}}?{_STORE_DID}|{_STORE_DID}.{{0,8}}?{_PLACE}")
_ONLINE = re.compile(rf"{_WEB}.{{0,8}}?{_WEB_DID}|(?:下单|买|订).{{0,4}}在{_WEB}")
_NOT = re.compile(
    r"[吗呢？?]|能不能|能否|可不可以|可以|怎么|哪|什么|是不是|有没有|没(?:有)?(?:去|来|到|买|看|下单)|不(?:去|来|想|用|能)|"
    r"想|打算|准备|明天|后天|下(?:个|周)|周末去|要(?:去|到|来|在)|会(?:去|来)|要是|如果|的话|"
    r"同事|朋友|邻居|别人|人家|听说|听人|亲戚|同学|(?:我)?(?:老公|老婆|妈|爸|儿子|女儿)说|店里?说|店员说|网上说"
)
_DENIES = re.compile(r"没|不是|不在|并非|并未|从未|未曾|不曾|未在|不算|别")
_NOT_OF_IT = re.compile(
    r"没(?:多久|几天|过(?:多久|几天))|(?:没|不(?!是|在))(?:有)?[^的在去来到]{1,4}的|别的|特别|区别|级别"
)
_PAST = re.compile(
    r"昨|前天|上(?:个|周|礼拜|星期|次|月)|刚|之前|以前|去年|今天|前(?:几|两|些)|\d+[月号]|"
    r"(?:周|星期|礼拜)[一二三四五六日天]|过|了|的"
)
_CLAUSE = re.compile(r"[^，,。！!；;、]+")
_EDGE = re.compile(r"^(?:然后|就是|而且|那个|我就|嗯|呃|啊|哎|对|因为|但是|不过)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One entry of one of the two fields."""

    text: str
    evidence: tuple[str, ...]
    """``event:`` ids, or segments."""
    probability: float
    """Assumed."""


def traces_of_events(
    events: Iterable[CustomerEvent],
    *,
    until: datetime,
    days: float,
    offline: Sequence[str],
    online: Sequence[str],
) -> dict[Side, list[Trace]]:
    """What the customer did in the ``days`` before ``until`` (in the local time zone), newest first; the same thing
    several times is one entry with its count. ``offline`` and ``online``: words of sources. What tells neither side is
    left out."""
    since_ms = int((until - timedelta(days=days)).timestamp() * 1000)
    groups: dict[tuple[Side, str, str, str], list[CustomerEvent]] = {}
    for event in sorted(events, key=lambda event: (-event.at_ms, event.event_id)):
        side = side_of(event, offline, online)
        if side is not None and since_ms <= event.at_ms <= int(until.timestamp() * 1000):
            groups.setdefault((side, event.kind, event.subject, event.source), []).append(event)
    found: dict[Side, list[Trace]] = {"offline_trace": [], "online_history": []}
    for (side, *_), same in groups.items():
        if len(found[side]) < MAX_TRACES:
            found[side].append(_trace(same, until.tzinfo))
    return found


def side_of(event: CustomerEvent, offline: Sequence[str], online: Sequence[str]) -> Side | None:
    """Where an event happened: by its kind, or by its source; None where neither tells."""
    if event.kind in _OFFLINE_KINDS:
        return "offline_trace"
    if event.kind in _ONLINE_KINDS:
        return "online_history"
    source = event.source.lower()
    stores, net = (any(word.lower() in source for word in words) for words in (offline, online))
    if not source or stores == net:
        return None
    return "offline_trace" if stores else "online_history"


def _trace(same: Sequence[CustomerEvent], zone: tzinfo | None) -> Trace:
    newest = same[0]
    day = datetime.fromtimestamp(newest.at_ms / 1000, zone).date().isoformat()
    head = f"{day} {_NAMES.get(newest.kind, newest.kind)}"
    tail = (f" ×{len(same)}" if len(same) > 1 else "") + (f"（{newest.source[:16]}）" if newest.source else "")
    room = MAX_ENTRY - len(head) - len(tail) - 1
    subject = newest.subject if len(newest.subject) <= room else newest.subject[: room - 1] + "…"
    return Trace(
        text=head + (f"：{subject}" if subject else "") + tail,
        evidence=tuple(EVENT_EVIDENCE + event.event_id for event in same[:MAX_TRACES]),
        probability=EVENT_SURE,
    )


def traces_told(heard: Iterable[Utterance]) -> dict[Side, list[Trace]]:
    """What the caller says to have done, each in the words of its clause; plans, questions and what others did are
    left out. Mandarin only."""
    found: dict[Side, list[Trace]] = {"offline_trace": [], "online_history": []}
    add_told(found, heard)
    return found


def add_told(found: dict[Side, list[Trace]], heard: Iterable[Utterance]) -> None:
    """Add what further utterances tell to what was ``found`` in those before them."""
    for utterance in heard:
        if utterance.channel != "caller" or utterance.language != "zh":
            continue
        for clause in _CLAUSE.findall(utterance.text):
            if _NOT.search(clause) or not _PAST.search(clause):
                continue
            side = _side_told(clause)
            text = _EDGE.sub("", clause.strip())
            if side is None or len(text) > MAX_ENTRY - len(TOLD) or any(text in held.text for held in found[side]):
                continue
            if len(found[side]) < MAX_TRACES:
                found[side].append(Trace(text=TOLD + text, evidence=(utterance.segment_id,), probability=TOLD_SURE))


def _side_told(clause: str) -> Side | None:
    """Where the caller says to have done something; None: nowhere, or that it was not done there."""
    offline = _OFFLINE.search(clause)
    told = offline or _ONLINE.search(clause)
    if told is None:
        return None
    # What does not work (没声音的那个) or is not long ago denies nothing; what comes after the deed is another matter.
    before = _NOT_OF_IT.sub(lambda match: "・" * len(match[0]), clause)[: told.end()]
    if _DENIES.search(before):
        return None
    return "offline_trace" if offline else "online_history"
