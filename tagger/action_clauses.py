"""The clauses of a sentence that say what is done after a call: who, by which channel, until when, on what condition.

Works on one utterance and the one after it, so that what it finds holds for good once both are known. What is denied
(我们不会转给门店) is no action; what hangs on a condition keeps it in its words.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from callcue.core.field_values import MAX_ENTRY
from callcue.core.speech import Utterance
from tagger import summary_cues as cues
from tagger.contact import TELLING, channel_of
from tagger.deadlines import deadline
from tagger.shorthand import ARROW
from tagger.summary_select import CallText, Hints
from tagger.summary_text import Piece, clauses, piece_of

Doer = Literal["坐席", "客户"]
_TIMED_SURE, _CHANNEL_SURE, _SAID_SURE = 0.8, 0.75, 0.7
"""Assumed: how often such an action is one, with a time, with a channel alone, and with neither."""
_AGREED_SURE = 0.1
ARRANGES = re.compile(r"约(?!金)|安排|定在|schedul|book", re.IGNORECASE)
_OPEN_END = re.compile(r"催|跟进|升级|补偿|赔|加急|follow up|escalat", re.IGNORECASE)
"""What goes on after the call although neither a time nor a channel was named."""
_GIVES = re.compile(r"(?:建|开|提交|生成).{0,10}(?:工单|申请)|转给")
_PAST = re.compile(r"已经?|刚才|昨|上(?:次|周|个月)|过[了您]?|[到发打]了")
_PROPOSES = re.compile(r"[吗么嘛]$|[？?]$|(?:可以|行|方便|好|合适)不$|怎么样$|您看|okay\?|work for you", re.IGNORECASE)
_IN_CALL = re.compile(
    r"验证码|您(?:再)?[看试]一?[下试看]|稍等|查一下|看一下|try (?:it )?now|verification code", re.IGNORECASE
)
_OPENING = re.compile(
    r"^(?:好的?|嗯|是的|行|那|这样吧?|明白|收到|没(?:问题|关系)|您?放心|另外|然后|okay|all right|sure|[，,、。 ])+",
    re.IGNORECASE,
)
_SELF = re.compile(
    r"^我(?:们)?(?:这边|这里|就|现在|马上|会|来)*(?:就|来)?(?:帮|给|为|替)您(?:再)?|^(?:需要)(?=师傅|工程师)"
)
_OWN = re.compile(r"^我(?:们)?(?:就|会)?")
_END = re.compile(r"(?:[，,]?(?:您看)?(?:可以|行|方便|好|合适)(?:吗|么|不|吧)?)?[？?。！!，,；; ]*$")
_EITHER = re.compile(r"(.)不\1")
"""Not, but no negation: 行不行, 能不能."""
_DENIES = re.compile(
    r"不(?:会(?!超过|晚于)|能|可以|想|打算|方便|愿|肯|准|支持|提供|予|给|帮|为|替|再|去|来|寄|发|派|打|转|安排|联系|通知|回|接受|负责|"
    r"用(?!担心|着急)|必|需|是|一定|保证|确定)|没(?:有(?!问题|关系|错)|法|办法|能|给|帮|为|打算|安排|人|空|时间|派|打|寄|发|转|联系|"
    r"通知|想|答应|要)|"
    r"无法|未(?!来)|难以|拒绝|停止|勿|别(?!的|担心|着急|人)|甭|"
    r"\b(?:won't|can't|cannot|couldn't|unable to|not (?:\w+ )?(?:able|going|possible|allowed|permitted) to|will not|"
    r"can not|never|don't (?!worry|hesitate|forget)|didn't|haven't|hasn't|no longer|nobody|no one)\b",
    re.IGNORECASE,
)
_UNABLE = re.compile(
    r"(?:打|回|发|寄|派|来|到|安排|转|给|送|办|做|处理|补|修|约|上)(?:您|你)?不(?:了|到|成|出)(?!解)(?!.{0,4}的)|不行|不可能|来不及|没办法|没法"
)
_OF_IT = re.compile(r"^(?!.{0,2}[给帮为替])(?!.{0,4}[天周月号日])[^的]{0,4}的(?!$)")
"""After a negation: it only tells which one is meant (不能用的耳机, 没有收到的包裹)."""
_DEED = re.compile(
    r"[给帮为替][您你我]|处理|退|换|赔|补|送|寄|发|打|派|转|修|去|来|到|上门|安排|预约|联系|通知|答复|回[复电访]|反馈|跟进|催|升级|"
    r"\b(?:call|email|send|refund|ship|get back|follow up|credit|waive|replace|deliver|schedule|arrange|book|transfer|"
    r"text|escalate|repair|mail|post|visit|come|go|ring|phone)\b",
    re.IGNORECASE,
)
_IF = re.compile(
    r"如果|要是|假如|万一|倘若|只要|一旦|除非|(?<!倘)若(?!干)|的话|\b(?:if|unless|in case|as long as)\b", re.IGNORECASE
)
_THEN = re.compile(
    r"的话|就|我们?|师傅|主管|专员|经理|\b(?:then|i'll|we'll|i will|we will|i can|we can)\b", re.IGNORECASE
)
_CLAUSE = re.compile(r"[^，,。！!；;？?]+")
_ANEW = re.compile(r"^(?:算了|不对|不是|说错了)[，,、 ]*(?=.)")
"""The agent takes back what was said and says it anew."""
_NOT_THEN = re.compile(
    r"不行|不方便|没空|没时间|不在|不成|不合适|不可以|有事|来不及|太(?:晚|早|久|赶)|改(?:到|成|天|一?下)|换(?:个|到|成)|"
    r"\b(?:not|can't|won't|doesn't) (?:work|make)|\b(?:too (?:late|early)|instead|rather)\b",
    re.IGNORECASE,
)
_NO_TIME = re.compile(r"^(?:不行|不成|不方便)|没空|没时间|\bdoesn't work for me\b", re.IGNORECASE)
_NOT_AT_ALL = re.compile(r"不行|不方便|不在|不成|不合适|不可以|有事|来不及|can't|won't|doesn't work", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing that somebody is to do after the call."""

    who: Doer
    what: str
    """In the words of the call."""
    channel: str
    """Empty: none was named."""
    due: str
    """ISO 8601, a day or a moment; empty: no time was named that a calendar can tell."""
    segments: tuple[str, ...]
    probability: float
    """Assumed."""

    def written(self) -> str:
        """As the record keeps it: ``坐席→电话回访：主管给您回电（截至 2026-11-23 12:00）``, a hand-off of the shorthand
        where a channel is known."""
        head = f"{self.who}{ARROW}{self.channel}：" if self.channel else f"{self.who}："
        tail = f"（截至 {self.due[:16].replace('T', ' ')}）" if self.due else ""
        room = MAX_ENTRY - len(head) - len(tail)
        what = self.what if len(self.what) <= room else self.what[: room - 1] + "…"
        return head + what + tail


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """The caller cannot do with the time that was said."""

    due: str
    """What the caller names instead, as ``Action.due``; empty: nothing."""
    when: str
    """Its words."""
    segment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The agent's word after that: a time without anything else, or a yes."""

    due: str
    """Empty: a yes."""
    when: str
    segment: str


Step = Action | Turned | Settled


def steps_of(utterance: Utterance, after: Utterance | None, started_at: datetime) -> tuple[Step, ...]:
    """What one utterance says of what comes next, given the one ``after`` it (None: nothing yet), which may be the
    other side's answer. ``started_at``: of the call, in the local time zone."""
    call = CallText([utterance] if after is None else [utterance, after], None, Hints())
    said_at = started_at + timedelta(milliseconds=utterance.end_ms)
    own = [piece for piece in call.pieces if piece.segment_id == utterance.segment_id and piece.index == 0]
    found = [action for piece in own for action in _taken_apart(call, piece, said_at)]
    if utterance.channel == "caller":
        turned = _turned(utterance, said_at)
        return (turned, *found) if turned is not None else tuple(found)
    return tuple(found) or _settled(utterance, said_at)


def _turned(utterance: Utterance, said_at: datetime) -> Turned | None:
    text = _EITHER.sub(r"\1", utterance.text.strip())
    if not _NOT_THEN.search(text):
        return None
    said = _CLAUSE.findall(text)
    for clause in reversed(said):
        named = deadline(clause, said_at)
        if named is not None and not _NOT_THEN.search(clause[named.end :]):
            return Turned(due=named.value, when=clause[named.start : named.end], segment=utterance.segment_id)
    # 一周太久了 complains, and what was promised stands; 还是不行 is about something else.
    if _NO_TIME.search(text) or any(cues.timed(clause) and _NOT_AT_ALL.search(clause) for clause in said):
        return Turned(due="", when="", segment=utterance.segment_id)
    return None


def _settled(utterance: Utterance, said_at: datetime) -> tuple[Settled, ...]:
    named = deadline(utterance.text, said_at)
    if denied(utterance.text) or _PROPOSES.search(utterance.text) or channel_of(utterance.text):
        return ()
    if named is not None:
        when = utterance.text[named.start : named.end]
        return (Settled(due=named.value, when=when, segment=utterance.segment_id),)
    if cues.agreed(utterance.text.strip()):
        return (Settled(due="", when="", segment=utterance.segment_id),)
    return ()


def denied(text: str) -> bool:
    """Whether a clause says that something is not done, or cannot be."""
    text = _EITHER.sub(r"\1", text)
    if _UNABLE.search(text):
        return True
    return any(
        not _OF_IT.search(text[found.end() :]) and _DEED.search(text, found.start()) for found in _DENIES.finditer(text)
    )


def _taken_apart(call: CallText, piece: Piece, said_at: datetime) -> Iterator[Action]:
    """The actions of a sentence. A condition that comes after what hangs on it belongs to it as well."""
    said = _Said.of(call, piece)
    if said is None:
        return
    reading = _Reading(said=said, said_at=said_at)
    utterance = call.heard[piece.index]
    for start, end in clauses(utterance, piece):
        clause = piece_of(utterance, piece.index, start, end)
        if clause is not None and not cues.courtesy(clause.text):
            reading.take(clause.text if said.who == "客户" else _ANEW.sub("", clause.text))
    yield from reading.actions()


@dataclass(slots=True, kw_only=True)
class _Reading:
    """A sentence, clause by clause. A clause without a time has the time of the one before it, and one with neither
    time nor channel leads to the next (我帮您催一下，明天之前给您答复)."""

    said: "_Said"
    said_at: datetime
    waiting: str = ""
    """The time that the next clause has if it names none."""
    lead: str = ""
    open_end: bool = False
    condition: str = ""
    found: list[Action] = field(default_factory=list)

    def take(self, text: str) -> None:
        """The next clause."""
        named = deadline(text, self.said_at)
        channel, acts, hangs = channel_of(text), self.said.acts(text), _IF.search(text)
        due = self.waiting if named is None else named.value
        if hangs is not None and named is not None:
            then = _THEN.search(text, hangs.end())  # a time before it is the condition's
            due = due if then is not None and named.start >= then.start() else ""
        if acts and (channel or due):
            before = self.condition or self.lead
            self.found.append(_action(self.said, f"{before}，{text}" if before else text, channel, due))
            self.waiting, self.lead, self.open_end = due, "", False
        elif hangs is not None:
            self.condition, self.waiting, self.lead, self.open_end = text, "", "", False
        elif denied(text):
            self.waiting, self.lead, self.open_end = "", "", False
        elif acts or named is not None:
            self.waiting, self.lead = due, text
            self.open_end = acts and bool(_OPEN_END.search(text))

    def actions(self) -> list[Action]:
        """Those of the whole sentence."""
        if self.open_end:
            lead = f"{self.condition}，{self.lead}" if self.condition else self.lead
            self.found.append(_action(self.said, lead, "", ""))
        if self.condition and self.found and self.condition not in self.found[-1].what:
            self.found[-1] = replace(self.found[-1], what=f"{self.found[-1].what}，{self.condition}")
        return self.found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """A sentence that may hold actions."""

    who: Doer
    segments: tuple[str, ...]
    yes: bool
    """A proposal to which the caller said yes."""

    @classmethod
    def of(cls, call: CallText, piece: Piece) -> "_Said | None":
        """None: it was turned down, or is not of the kind."""
        if piece.channel == "caller":
            if cues.tried(piece.text) or piece.text.endswith(("?", "？", "吗", "么")):
                return None
            return cls(who="客户", segments=(piece.segment_id,), yes=False)
        if call.refused(piece):
            return None
        answer = call.next_said(piece, "caller")[:1] if _PROPOSES.search(piece.text) else []
        yes = tuple(u.segment_id for u in answer if cues.agreed(u.text.strip()))
        return cls(who="坐席", segments=(piece.segment_id, *yes), yes=bool(yes))

    def acts(self, text: str) -> bool:
        """Whether a clause says that something will be done."""
        if _IN_CALL.search(text) or cues.refusal(text) or denied(text):
            return False
        if self.who == "客户":
            return cues.caller_will(text)
        if self.yes and (channel_of(text) or cues.timed(text)) and not cues.in_call(text):
            return True
        if _PROPOSES.search(text):
            return False
        tells = channel_of(text) in TELLING and cues.timed(text) and not _PAST.search(text)
        return tells or cues.promise(text) > 0.0 or cues.handoff(text) or bool(_GIVES.search(text))


def _action(said: _Said, what: str, channel: str, due: str) -> Action:
    sure = _TIMED_SURE if due else _CHANNEL_SURE if channel else _SAID_SURE
    return Action(
        who=said.who,
        what=_trimmed(what, said.who),
        channel=channel,
        due=due,
        segments=said.segments,
        probability=round(sure + _AGREED_SURE * said.yes, 2),
    )


def _trimmed(text: str, who: Doer) -> str:
    text = _OPENING.sub("", text.replace("；", "，").replace(";", "，"))
    text = (_SELF if who == "坐席" else _OWN).sub("", text)
    text = _END.sub("", text).strip("，,。 ") or text
    return re.sub(r"方便(?=[到来去过])|[吗么]$", "", text)
