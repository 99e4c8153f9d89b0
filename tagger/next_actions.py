"""What happens after a call: who does what, by which channel and until when, out of what both sides said.

Promises and arrangements are found as summaries find them (``summary_select``) and taken apart into clauses
(``action_clauses``), each with its channel and its time; here they are put together over the call. Only what names a
channel or a time is an action: 我帮您看一下 is done in the call.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise

from callcue.core.speech import Utterance
from tagger.action_clauses import ARRANGES, Action, Settled, Step, Turned, steps_of
from tagger.contact import Preference
from tagger.deadlines import deadline

MAX_ACTIONS = 6
_ANSWER = re.compile(r"答复|回复|反馈|通知|联系您|告[诉知]您|结果|get back to you|let you know", re.IGNORECASE)
_MORE = re.compile(r"另外|还会|还要|同时|再.{0,8}[一两]?[次遍]|\b(?:also|again|as well)\b", re.IGNORECASE)
"""One more, not the same at another time."""
_THINGS = frozenset({"快递", "线上工单"})
"""Channels by which several things may go, each at its time."""
_ANSWERED_WITHIN = 2
"""Utterances in which a time that was turned down is settled anew."""
_GLUE = re.compile(r"[给帮为替您你我的了会就那]|寄出?|补|发|重新|工单|提交|建|申请|今天|明天|后天|[上下]午|之?前")


@dataclass(slots=True, kw_only=True)
class ActionBook:
    """The actions of one call as it goes on: what is added parses itself and the utterance before it anew, no other."""

    started_at: datetime
    """In the local time zone."""
    _heard: list[Utterance] = field(default_factory=list)
    """In the order of their times."""
    _steps: list[tuple[Step, ...]] = field(default_factory=list)
    """Of each, those that it gives with the one after it."""

    def add(self, utterance: Utterance) -> None:
        """One more utterance, which may lie before others."""
        if not utterance.text.strip():
            return
        at = bisect_right(self._heard, (utterance.start_ms, utterance.end_ms), key=lambda u: (u.start_ms, u.end_ms))
        self._heard.insert(at, utterance)
        self._steps.insert(at, ())
        for place in range(max(0, at - 1), at + 1):
            after = self._heard[place + 1] if place + 1 < len(self._heard) else None
            self._steps[place] = steps_of(self._heard[place], after, self.started_at)

    def actions(self, preference: Preference) -> list[Action]:
        """All that hold, in the order in which they were said; of too many the soonest due, then the latest said."""
        plan = _Plan(preference=preference)
        for place, steps in enumerate(self._steps):
            for step in steps:
                plan.take(step, place)
        return _foremost(plan.found)


def next_actions(heard: Sequence[Utterance], started_at: datetime, preference: Preference) -> list[Action]:
    """The actions of a call so far, in the order in which they were said. ``started_at``: in the local time zone."""
    book = ActionBook(started_at=started_at)
    for utterance in heard:
        book.add(utterance)
    return book.actions(preference)


def _foremost(found: Sequence[Action]) -> list[Action]:
    def rank(place: int) -> tuple[bool, str, int]:
        due = found[place].due
        return not due, due if "T" in due or not due else f"{due}T24", -place

    return [found[place] for place in sorted(sorted(range(len(found)), key=rank)[:MAX_ACTIONS])]


@dataclass(slots=True, kw_only=True)
class _Plan:
    """What holds up to some place of the call."""

    preference: Preference
    found: list[Action] = field(default_factory=list)
    told: int = -1
    """Where the last action with a time of the agent's was said."""
    open: Action | None = None
    """An action whose time was turned down: it holds again once another is settled."""
    turned: Turned | None = None
    asked: int = -1
    """Where that was said."""

    def take(self, step: Step, place: int) -> None:
        """What is said next, at an utterance's ``place``."""
        if isinstance(step, Turned):
            self._turn(step, place)
        elif isinstance(step, Settled):
            self._settle(step, place)
        else:
            if self.open is not None and step.who == "坐席":
                self.open = None  # the agent says it anew, in full
            self._add(_by_wish(step, self.preference))
            if step.who == "坐席" and step.due:
                self.told = place

    def _turn(self, turned: Turned, place: int) -> None:
        timed = [action for action in self.found if action.who == "坐席" and action.due]
        if timed and self.told >= 0 and place - self.told <= _ANSWERED_WITHIN:
            self.found.remove(timed[-1])
            self.open, self.turned, self.asked = timed[-1], turned, place

    def _settle(self, settled: Settled, place: int) -> None:
        if self.open is None or self.turned is None or place - self.asked > _ANSWERED_WITHIN:
            return
        due, when = (settled.due, settled.when) if settled.due else (self.turned.due, self.turned.when)
        if due:
            segments = tuple(dict.fromkeys((*self.open.segments, self.turned.segment, settled.segment)))
            self._add(replace(self.open, what=_retimed(self.open.what, when), due=due, segments=segments))
            self.open, self.told = None, place

    def _add(self, action: Action) -> None:
        """Put an action beside the others, into the one that it is about, or in the place of the one it changes."""
        for place, held in enumerate(self.found):
            if _changes(held, action):
                del self.found[place]
                self.found.append(replace(action, segments=tuple(dict.fromkeys((*held.segments, *action.segments)))))
                return
        for place, held in enumerate(self.found):
            if _same(held, action):
                self.found[place] = replace(
                    held,
                    what=_joined(held, action),
                    channel=held.channel or action.channel,
                    due=held.due or action.due,
                    segments=tuple(dict.fromkeys((*held.segments, *action.segments))),
                    probability=max(held.probability, action.probability),
                )
                return
        self.found.append(action)


def _retimed(what: str, when: str) -> str:
    """The words of an action with another time in them; which time they name does not depend on the day."""
    old = deadline(what, datetime.fromisoformat("2026-01-01T00:00+08:00"))
    return f"{when}{what}" if old is None else what[: old.start] + when + what[old.end :]


def _changes(held: Action, action: Action) -> bool:
    """Whether an action is one that was said before, at another time."""
    if held.who != action.who or not held.channel or held.channel != action.channel or not held.due or not action.due:
        return False
    day, other = held.due[:10], action.due[:10]
    hours = "T" in held.due and "T" in action.due and held.due != action.due
    if (day == other and not hours) or held.segments[0] == action.segments[0] or _MORE.search(action.what):
        return False
    return action.channel not in _THINGS or bool(_matter(held.what) & _matter(action.what))


def _matter(what: str) -> set[str]:
    """Pairs of characters of what an action is about."""
    return {pair for part in _GLUE.sub(" ", what).split() for pair in map("".join, pairwise(part))}


def _by_wish(action: Action, preference: Preference) -> Action:
    """An answer that was promised without a channel comes by the one that the customer asked for."""
    if action.who == "坐席" and not action.channel and preference.wanted and _ANSWER.search(action.what):
        segments = tuple(dict.fromkeys((*action.segments, *preference.segments)))
        return replace(action, channel=preference.wanted[0], segments=segments)
    return action


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
    return bool(day) and day == other and bool(ARRANGES.search(action.what) or ARRANGES.search(held.what))
