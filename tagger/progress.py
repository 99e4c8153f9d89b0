"""Where a call's case stands, out of what was said: with a store that has to answer, or done within the call.

Only these two can be told from a call; that a case is closed across channels shows after it
(``callcue/calls/progress``).
What is neither has no value: a promise that is still to be kept is no state of the three.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from callcue.core.records import SERVICE_STATES
from callcue.core.speech import Utterance
from tagger import summary_cues as cues
from tagger.contact import STORE
from tagger.next_actions import Action

AWAITS_STORE, DONE_ONLINE, CLOSED = SERVICE_STATES
_HANDED = re.compile(
    r"检测|检修|维修|送修|工单|转(?:给|到|交|达)|情况.{0,6}(?:告诉|发给|同步)|调(?:货|配)|自提|inspect|repair|transfer|ticket",
    re.IGNORECASE,
)
_DID = re.compile(
    r"(?:已经?|(?:帮|给|为)您).{0,16}?(?:办理?|取消|退(?:款|回|还|到|了)|改|修改|重置|开通|恢复|解[绑锁冻]|绑定|更新|设置|调整|激活|补开|"
    r"开具?|处理|挂失|登记|清除|合并|关闭?)(?:好|完|成功|掉)?了|"
    r"(?:重置|取消|修改|开通|恢复|绑定|解锁|更新|设置|激活|办理)(?:好|完|成功)了|"
    r"i(?:'ve| have) (?:now |just )?(?:reset|cancell?ed|updated|changed|fixed|unlocked|activated|refunded)|"
    r"(?:that's|it's|that is) (?:all )?(?:done|set|fixed|cancell?ed|updated)",
    re.IGNORECASE,
)
_CONTENT = re.compile(
    r"^(?:嗯|哦|噢|好|行|对|是|谢谢|多谢|麻烦|没(?:有|事|了|问题)|可以|知道|明白|再见|拜拜|那就|这样|不用|thank|thanks|ok|okay|great|"
    r"perfect|bye|no)",
    re.IGNORECASE,
)
_STORE_SURE, _WORKS_SURE, _DID_SURE = 0.8, 0.85, 0.7
"""Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A state and what shows it."""

    value: str
    probability: float
    evidence: tuple[str, ...]


def awaits_store(actions: Sequence[Action], inspection: tuple[str, ...] | None) -> Progress | None:
    """The agent gave the case to a store. ``inspection``: segments that show a need of inspection; None: there is
    none. An appointment alone hands nothing over."""
    for action in actions:
        if action.who == "坐席" and action.channel == STORE and (inspection is not None or _HANDED.search(action.what)):
            evidence = tuple(dict.fromkeys((*action.segments, *(inspection or ()))))
            return Progress(value=AWAITS_STORE, probability=min(_STORE_SURE, action.probability), evidence=evidence)
    return None


def done_in_call(heard: Sequence[Utterance], actions: Sequence[Action]) -> Progress | None:
    """Nothing is left to do, and the last word on the matter is that it works (the caller's), or that it was done (the
    agent's, and the caller does not object). For a call that is over."""
    if actions:
        return None
    for place in range(len(heard) - 1, -1, -1):
        utterance = heard[place]
        if utterance.channel == "caller":
            if cues.resolved(utterance.text) and not _objects(utterance.text):
                return Progress(value=DONE_ONLINE, probability=_WORKS_SURE, evidence=(utterance.segment_id,))
            if _objects(utterance.text):
                return None
        elif _DID.search(utterance.text) and not cues.question(utterance.text):
            followed = any(later.channel == "caller" for later in heard[place + 1 :])
            if followed:
                return Progress(value=DONE_ONLINE, probability=_DID_SURE, evidence=(utterance.segment_id,))
    return None


def _objects(text: str) -> bool:
    """Whether the caller says more than that all is well."""
    said = re.sub(r"[，,。！!、\s]", "", text)
    return cues.question(text) or (len(said) > 8 and not cues.resolved(text) and not _CONTENT.search(said))
