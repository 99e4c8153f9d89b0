"""What happens after a call: who does what, by which channel and until when, out of what both sides said.

Promises and arrangements are found as summaries find them (``summary_select``); here they are taken apart into clauses,
each with its channel and its time. Only what names a channel or a time is an action: 我帮您看一下 is done in the call.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from callcue.core.field_values import MAX_ENTRY
from callcue.core.speech import Utterance
from tagger import summary_cues as cues
from tagger.contact import TELLING, Preference, channel_of
from tagger.deadlines import deadline
from tagger.shorthand import ARROW
from tagger.summary_select import CallText, Hints
from tagger.summary_text import Piece, clauses, piece_of

Doer = Literal["坐席", "客户"]
MAX_ACTIONS = 6
_TIMED_SURE, _CHANNEL_SURE, _SAID_SURE = 0.8, 0.75, 0.7
"""Assumed: how often such an action is one, with a time, with a channel alone, and with neither."""
_AGREED_SURE = 0.1
_ANSWER = re.compile(r"答复|回复|反馈|通知|联系您|告[诉知]您|结果|get back to you|let you know", re.IGNORECASE)
_ARRANGES = re.compile(r"约(?!金)|安排|定在|schedul|book", re.IGNORECASE)
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


def next_actions(heard: Sequence[Utterance], started_at: datetime, preference: Preference) -> list[Action]:
    """The actions of a call so far, in the order in which they were said. ``started_at``: in the local time zone."""
    call = CallText(heard, None, Hints())
    found: list[Action] = []
    for piece in call.pieces:
        said_at = started_at + timedelta(milliseconds=call.heard[piece.index].end_ms)
        for action in _taken_apart(call, piece, said_at):
            _add(found, _by_wish(action, preference))
    return found[:MAX_ACTIONS]


def _taken_apart(call: CallText, piece: Piece, said_at: datetime) -> Iterator[Action]:
    """The clauses of a sentence that say what is done. A clause without a time has the time of the one before it, and
    one with neither time nor channel leads to the next (我帮您催一下，明天之前给您答复)."""
    said = _Said.of(call, piece)
    if said is None:
        return
    utterance = call.heard[piece.index]
    waiting, lead, open_end = "", "", False
    for start, end in clauses(utterance, piece):
        clause = piece_of(utterance, piece.index, start, end)
        if clause is None or cues.courtesy(clause.text):
            continue
        text, own = clause.text, deadline(clause.text, said_at)
        due, channel, acts = own.value if own else waiting, channel_of(clause.text), said.acts(clause.text)
        if acts and (channel or due):
            what = f"{lead}，{text}" if lead else text
            yield _action(said, what, channel, due)
            waiting, lead, open_end = due, "", False
        elif acts or own is not None:
            waiting, lead = due, text
            open_end = acts and bool(_OPEN_END.search(text))
    if open_end:
        yield _action(said, lead, "", "")


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
        if _IN_CALL.search(text) or cues.refusal(text):
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


def _by_wish(action: Action, preference: Preference) -> Action:
    """An answer that was promised without a channel comes by the one that the customer asked for."""
    if action.who == "坐席" and not action.channel and preference.wanted and _ANSWER.search(action.what):
        segments = tuple(dict.fromkeys((*action.segments, *preference.segments)))
        return replace(action, channel=preference.wanted[0], segments=segments)
    return action


def _add(found: list[Action], action: Action) -> None:
    """Put an action beside the others, or into the one that it is about."""
    for place, held in enumerate(found):
        if _same(held, action):
            found[place] = replace(
                held,
                what=_joined(held, action),
                channel=held.channel or action.channel,
                due=held.due or action.due,
                segments=tuple(dict.fromkeys((*held.segments, *action.segments))),
                probability=max(held.probability, action.probability),
            )
            return
    found.append(action)


def _joined(held: Action, action: Action) -> str:
    """The words that say more: of one breath both, else those with the time."""
    if held.segments[0] == action.segments[0] and held.who == action.who and action.what not in held.what:
        return f"{held.what}，{action.what}"
    return held.what if held.due or not action.due else action.what


def _same(held: Action, action: Action) -> bool:
    day, other = held.due[:10], action.due[:10]
    if held.who != action.who:  # the customer says yes to it in words of their own
        return action.who == "客户" and not action.channel and bool(day) and day == other
    if action.what in held.what or held.what in action.what:
        return True
    if held.channel and action.channel:
        return held.channel == action.channel and (not day or not other or day == other)
    return bool(day) and day == other and bool(_ARRANGES.search(action.what) or _ARRANGES.search(held.what))


def _trimmed(text: str, who: Doer) -> str:
    text = _OPENING.sub("", text.replace("；", "，").replace(";", "，"))
    text = (_SELF if who == "坐席" else _OWN).sub("", text)
    text = _END.sub("", text).strip("，,。 ") or text
    return re.sub(r"方便(?=[到来去过])|[吗么]$", "", text)
