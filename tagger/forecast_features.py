"""What a forecast looks at: the call's record, what the customer did before, and the calls before it."""

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from callcue.core.customer_events import CustomerEvent

DAY_MS = 86_400_000
LOOK_BACK_DAYS = 180
"""Events and calls older than this are not looked at."""
ACCESSORY = re.compile(
    r"配件|手机壳|保护壳|保护套|贴膜|钢化膜|充电器|充电宝|数据线|支架|表带|电脑包|内胆包|耳机套|镜头盖|存储卡"
)
"""What counts as an accessory, by a page's or an order's subject."""
DEVICE = re.compile(r"手机(?!壳|膜|支架|卡)|笔记本|平板|相机|手表|电脑(?!包)|耳机(?!套)")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """What a call's record says when it ends, as far as forecasts need it."""

    issue_type: str = ""
    sentiment: str = ""
    worsened: bool = False
    """The caller's sentiment fell during the call."""
    tags: tuple[str, ...] = ()
    follow_up: bool = False
    """Something was promised."""
    needs_inspection: bool = False
    priority: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierCall:
    """A call of the same number before this one."""

    at_ms: int
    """When it began, epoch milliseconds."""
    complained: bool = False
    negative: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    call: CallFacts
    events: Sequence[CustomerEvent]
    earlier: Sequence[EarlierCall]
    now_ms: int

    def tagged(self, *names: str) -> float:
        return float(any(name in tag for tag in self.call.tags for name in names))

    def events_in(self, days: float, kinds: Collection[str], subject: re.Pattern[str] | None = None) -> float:
        """log(1 + n): the third page view says less than the second."""
        since = self.now_ms - days * DAY_MS
        return math.log1p(
            sum(
                event.kind in kinds
                and since <= event.at_ms <= self.now_ms
                and (subject is None or bool(subject.search(event.subject)))
                for event in self.events
            )
        )

    def calls_in(self, days: float) -> float:
        since = self.now_ms - days * DAY_MS
        return math.log1p(sum(since <= call.at_ms < self.now_ms for call in self.earlier))


_Feature = Callable[[_Seen], float]
_MADE: Mapping[str, tuple[str, _Feature]] = {
    "technical": ("the issue is 技术", lambda s: float(s.call.issue_type == "技术")),
    "billing": ("the issue is 账单", lambda s: float(s.call.issue_type == "账单")),
    "delivery": ("the issue is 物流", lambda s: float(s.call.issue_type == "物流")),
    "negative": ("the caller's sentiment is 负面", lambda s: float(s.call.sentiment == "负面")),
    "worsened": ("the sentiment fell during the call", lambda s: float(s.call.worsened)),
    "appointment": ("tagged 预约到店 or 门店检测", lambda s: s.tagged("预约到店", "门店检测")),
    "inspection": ("an inspection is needed", lambda s: float(s.call.needs_inspection)),
    "lead": ("tagged ★", lambda s: s.tagged("★")),
    "buying": ("tagged …选购", lambda s: s.tagged("选购")),
    "said_again": ("tagged 重复来电", lambda s: s.tagged("重复来电")),
    "complained": ("tagged 投诉 or 要求升级", lambda s: s.tagged("投诉", "要求升级")),
    "callback": ("tagged 回电跟进", lambda s: s.tagged("回电跟进")),
    "promised": ("something was promised", lambda s: float(s.call.follow_up)),
    "price": ("tagged 价格敏感", lambda s: s.tagged("价格敏感")),
    "views_7d": ("log(1 + page views in 7 days)", lambda s: s.events_in(7, {"page_view"})),
    "accessory_14d": (
        "log(1 + views of and inquiries about accessories in 14 days)",
        lambda s: s.events_in(14, {"page_view", "inquiry", "search"}, ACCESSORY),
    ),
    "device_7d": ("log(1 + orders of a device in 7 days)", lambda s: s.events_in(7, {"order"}, DEVICE)),
    "orders_90d": ("log(1 + orders in 90 days)", lambda s: s.events_in(90, {"order"})),
    "visits_90d": ("log(1 + visits in 90 days)", lambda s: s.events_in(90, {"visit"})),
    "complaints_180d": ("log(1 + complaints in 180 days)", lambda s: s.events_in(180, {"complaint"})),
    "calls_7d": ("log(1 + earlier calls in 7 days)", lambda s: s.calls_in(7)),
    "calls_30d": ("log(1 + earlier calls in 30 days)", lambda s: s.calls_in(30)),
    "negative_before": (
        "an earlier call in 30 days was 负面",
        lambda s: float(any(c.negative and c.at_ms >= s.now_ms - 30 * DAY_MS for c in s.earlier)),
    ),
    "complained_before": ("an earlier call was a complaint", lambda s: float(any(c.complained for c in s.earlier))),
}
FEATURES: Mapping[str, str] = {name: told for name, (told, _) in _MADE.items()}
"""Name -> what it is. All are 0 or more, and none looks at what came after the call."""
FEATURE_PREFIX = "feature:"
"""Of a feature's name, where it stands as evidence."""
_OF_RECORD = {
    "issue_type": ("technical", "billing", "delivery"),
    "sentiment": ("negative", "worsened", "negative_before"),
    "tags": ("appointment", "lead", "buying", "said_again", "complained", "callback", "price", "complained_before"),
    "needs_offline_inspection": ("inspection",),
    "follow_up": ("promised",),
}
FEATURE_FIELDS: Mapping[str, str | None] = dict.fromkeys(_MADE) | {
    name: field for field, names in _OF_RECORD.items() for name in names
}
"""Name -> the field of the record that it tells; None: none, it is what the customer did elsewhere."""


def features_of(
    call: CallFacts, events: Sequence[CustomerEvent], earlier: Sequence[EarlierCall], now_ms: int
) -> dict[str, float]:
    """The features of a call that ends at ``now_ms`` (epoch milliseconds); what came later is left out."""
    since = now_ms - LOOK_BACK_DAYS * DAY_MS
    seen = _Seen(
        call=call,
        events=[event for event in events if since <= event.at_ms <= now_ms],
        earlier=[one for one in earlier if since <= one.at_ms < now_ms],
        now_ms=now_ms,
    )
    return {name: round(make(seen), 6) for name, (_, make) in _MADE.items()}
