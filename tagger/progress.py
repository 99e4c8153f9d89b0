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
from tagger.action_clauses import Action
from tagger.contact import STORE

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
_FINE = re.compile(
    r"(?:嗯+|呃+|额+|哦+|噢+|喔+|啊+|哎+|唉|哈+|呀|呢|哇|嘛|那个?|这样|就这样|那就这样|好(?:的|嘞|了|吧|滴)?|行(?:了|的|吧)?|是(?:的|啊|吧)?|对(?:的|啊|了)?|"
    r"可以(?:的|了)?|成|中|太好了?|真好|挺好的?|(?:那)?就好|没(?:有|事|问题|关系)(?:儿|的)?(?:了|啦)?(?:谢谢)?|没(?:什么|别的)(?:事|问题)?了?|不用了?(?:再)?(?:给我|跟我)?(?:打电话|回电话?|联系|回访|通知|发短信)?了?|不客气|不麻烦了?|"
    r"(?:我|那)?(?:知道|明白|清楚|了解|懂)(?:了|啦)?|(?:收到|听到)了?|辛苦(?:你|您)?(?:们)?了?|"
    r"麻烦(?:你|您)(?:们)?了?|(?:非常|太|多|真的?)?(?:感谢|谢谢|谢)(?:你|您|啦|了)?(?:们)?|多谢|"
    r"再见|拜拜?|回见|先这样|挂了|您(?:忙|也是)|你也是|"
    r"thanks?(?: you)?(?: so much| very much| a lot)?|ok(?:ay)?|great|"
    r"perfect|good ?bye|bye(?: bye)?|no problem|no|yes|yeah|sure|all right|"
    r"got it|i see|that's (?:all|great|fine|it)|that is all|wonderful|lovely|cheers|you too|nothing else)",
    re.IGNORECASE,
)
"""Consent, thanks, farewell: words that may be put together to a turn that says nothing else."""
_UNMET = re.compile(
    r"还(?!款|有)|没(?!事|问题|关系|什么|别的|有?了|有(?:别的|其他|问题)|有$)|不(?!用|客气|麻烦|错|好意思)|未|别|但|可是|不过|怎么|搞错|弄错|错了|再试|"
    r"\b(?:not|no(?! problem| thank)|never|still|but|cannot|again|wrong)\b|n't\b",
    re.IGNORECASE,
)
"""Something is still amiss, at any length of the turn. 没有了 and 不用了 say that nothing is."""
_WORKS = re.compile(r"(?:(?:能|可以)\S{1,4}|到账|退回来?|看到|快|清楚|稳定)了(?:啊|呀)?$")
"""Further ways to say that it works, at the end of a clause."""
_CLAUSE = re.compile(r"[^，,。！!；;、…]+")
_MARKS = re.compile(r"[，,。！!、；;…~.\s]+")
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
    """Whether the caller says more than that all is well: anything after the words that it works but consent, thanks
    and farewell. A turn that is not understood counts as more."""
    if cues.question(text.replace("没什么", "没")) or _UNMET.search(text):
        return True
    said = _CLAUSE.findall(text)
    works = [place for place, clause in enumerate(said) if cues.resolved(clause) or _WORKS.search(clause)]
    return not all(_courteous(clause) for clause in said[works[-1] + 1 if works else 0 :])


def _courteous(text: str) -> bool:
    """Whether it is consent, thanks and farewell from end to end."""
    return not _FINE.sub("", _MARKS.sub(" ", text)).strip()
