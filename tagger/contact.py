"""Through which channel: what a sentence says of it, and what the customer asks for or will not have."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from callcue.core.speech import Utterance

WECHAT = "微信"
"""Stands for the channel that a configuration gives to it (企微 by default)."""
PHONE = "电话回访"
STORE = "门店"
TELLING = (WECHAT, "短信", "邮件", PHONE)
"""Channels by which a customer is told something."""
_CHANNELS: tuple[tuple[str, str], ...] = (
    (WECHAT, r"企业微信|企微|微信|wechat"),
    ("短信", r"短信|发(?:个|条)?(?:信息|消息)|\btext (?:you|me)\b"),
    ("邮件", r"邮件|邮箱|\be-?mail"),
    (PHONE, r"回(?:个|您)?(?:一个)?电(?!视)|回拨|打(?:个|一个|一次)?电话|"
        r"电话(?:联系|通知|回访|答复|告[知诉]|跟|给)|回访|"
        r"(?:致|来)电|(?:ring|call|phone) (?:you|me)(?: back)?\b|call back"),
    ("小程序", r"小程序"),
    ("上门", r"上门"),
    (STORE, r"门店|到店|来店|去店|店里|网点|营业厅|维修点|服务中心|4s店|"
        r"(?:转|约|送|去|到|来|在|寄)(?:给|到)?[\u4e00-\u9fff]{2,4}店|"
        r"\b(?:in|to|at) (?:our|the|your)?\s?(?:\w+ )?(?:store|shop|branch)\b"),
    ("线上工单", r"工单|建单|提(?:交|个).{0,6}申请|\bticket\b"),
    ("快递", r"[补重]寄|补发|寄(?:给|出|回|到|过)|重新?(?:给您)?寄|发快递|\b(?:ship|mail|post) (?:it|you|the|a)\b"),
)  # fmt: skip
"""In the order in which they are looked for: how somebody is told comes before where the matter lies."""
_PATTERNS = tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _CHANNELS)

_MEANS = {
    "微信": WECHAT, "企业微信": WECHAT, "企微": WECHAT, "短信": "短信", "信息": "短信", "邮件": "邮件", "邮箱": "邮件",
    "电话": PHONE, "小程序": "小程序",
}  # fmt: skip
_NAMES = "|".join(_MEANS)
_WISH = re.compile(
    rf"(?:(?P<a>{_NAMES})(?:上|里)?(?:给|跟|和)?(?:我)?(?:联系|通知|找我|回复?我|告诉我|发我|发给我|说|沟通|就行|就好|就可以)|"
    rf"(?:给|帮)?我?发(?:个|条|一个)?(?:我)?(?P<b>{_NAMES})(?:给我|联系|通知|吧|就行|就好|就可以|说)|(?:给|帮)我发(?:个|条)?(?P<c>{_NAMES})|"
    rf"加(?:一下)?我(?:的)?(?P<d>微信|企业微信)|打(?:个|我)?(?P<e>电话)(?:给我|就行|就好|联系|吧|通知))"
)
_AGAINST = re.compile(
    rf"(?:别|不要|不用|不必|不需要|不方便|没法|不想|不希望|不(?:太)?愿意|甭)(?:再|老|总)?(?:是)?(?:你们)?(?:给我|跟我|让人|叫人)?(?:再)?"
    rf"(?:通过|用|打|发|接|加|收|走|靠)?(?:个|条|我|你们)?(?:的)?(?P<name>{_NAMES})|"
    rf"(?P<other>{_NAMES})(?:我)?(?:就)?(?:不方便|接不(?:了|到)|不要|别打|别发|不用|免了|算了)"
)
_TOLD = re.compile(
    r"你们(?:发|打)|收到|上次|之前|昨天|怎么|为什么|每次|多次|几次|一直|总是?|老是?|天天|已经|"
    r"给我的|过(?!来|去|会|几|两|后)|(?:说|讲|发|打|找|加|联系|通知|沟通|告诉)(?:我|你们)?了|"
    r"(?:联系|找|打给|告诉|通知|问)(?:一下)?(?:你们|他|她|客服|商家)|"
    r"(?<![让叫请])(?:他们?|她|客服|人家|店员|师傅|同事)[^，]{0,8}(?:说|讲|联系|通知|打|发)|你们说"
)
"""Of a channel is told, not asked for: what happened by it, what others did or said."""
_AMISS = re.compile(r"不(?!如|好意思|过|然)|没|别(?!的|人)|无法|甭")
_EITHER = re.compile(r"(.)不\1|要不(?:然)?(?!要)|没(?:问题|关系|事)")
"""Not, but no negation: 能不能, 要不."""
_CLAUSE = re.compile(r"[^，,。！!；;？?]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """How the customer wants to be reached."""

    wanted: tuple[str, ...] = ()
    """Channels, the one asked for last first."""
    refused: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()


def channel_of(text: str) -> str:
    """The channel by which a clause says that something is done; empty: none."""
    return next((name for name, pattern in _PATTERNS if pattern.search(text)), "")


def preference_of(heard: Iterable[Utterance]) -> Preference:
    """What the caller says of it over the call; the last word counts."""
    preference = Preference()
    for utterance in heard:
        preference = preferring(preference, utterance)
    return preference


def preferring(before: Preference, utterance: Utterance) -> Preference:
    """What the caller wants once ``utterance`` was said, too."""
    if utterance.channel != "caller":
        return before
    wanted, refused, said = list(before.wanted), list(before.refused), False
    for clause in _CLAUSE.findall(utterance.text):
        plain = _EITHER.sub(r"\1", clause)
        against = _AGAINST.search(plain)
        rest = plain if against is None else plain[against.end() :]
        if against is not None and not _TOLD.search(plain[: against.start()]):
            _move(_named(against), refused, wanted)
            said = True
        wish = _WISH.search(rest)
        if wish is not None and not _TOLD.search(rest) and not _AMISS.search(rest):
            _move(_named(wish), wanted, refused)
            said = True
    if not said:
        return before
    segments = dict.fromkeys((*before.segments, utterance.segment_id))
    return Preference(wanted=tuple(wanted), refused=tuple(refused), segments=tuple(segments))


def _named(match: re.Match[str]) -> str:
    return _MEANS[next(found for found in match.groups() if found)]


def _move(name: str, into: list[str], out_of: list[str]) -> None:
    for held in (into, out_of):
        if name in held:
            held.remove(name)
    into.insert(0, name)


def ranked(named: Sequence[str], preference: Preference, order: Sequence[str]) -> tuple[str, ...]:
    """Channels of actions by priority: what the customer asked for, then the configured order, then as they were named.
    What the customer will not have goes last."""
    kinds = list(dict.fromkeys(named))

    def key(channel: str) -> tuple[bool, int, int, int]:
        asked = preference.wanted.index(channel) if channel in preference.wanted else len(preference.wanted)
        placed = order.index(channel) if channel in order else len(order)
        return channel in preference.refused, asked, placed, kinds.index(channel)

    return tuple(sorted(kinds, key=key))
