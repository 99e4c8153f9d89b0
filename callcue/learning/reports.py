"""What people look at: topics with their clock, top issues, the ledger, the audit. Reads; models are not needed."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from callcue.core.cards import Card
from callcue.core.errors import BadInput, Conflict, NotFound
from callcue.core.questions import TopicState
from callcue.infra.card_outcomes import AuditItem
from callcue.infra.card_tallies import CardTally
from callcue.infra.questions import CLOSED, Question, Topic
from callcue.learning.audit import AuditReport, check_month, draw, report, stratify
from callcue.learning.ledger import LedgerLine, ledger, months
from callcue.learning.likeness import Space
from callcue.learning.loop import DAY_MS, LearningLoop
from callcue.learning.repeats import Asking, Effect, effect
from callcue.learning.topics import most_different
from callcue.learning.weeks import Asked, Issue, bounds, top_issues

SAMPLES = 6
"""Wordings that a draft gets as sample questions."""
BODY_ZH = "（待补充：客户这样问过，还没有答案。）"
BODY_EN = "(To be written: callers asked this, and no card answers it yet.)"


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicLine:
    """A topic in a list."""

    topic: Topic
    calls: int
    """Calls in which it was asked."""
    callers: int
    """Different known numbers among them."""
    newest_ms: int
    """Epoch milliseconds."""
    overdue: bool
    best_card: str | None
    """The card that came nearest most often."""
    best_score: float | None
    """Its highest score."""


async def topic_lines(loop: LearningLoop, *, closed: bool = False, min_calls: int = 1) -> list[TopicLine]:
    """Open topics (or, with ``closed``, all), overdue ones first, then by the number of calls."""
    grouped = defaultdict(list)
    for question in await loop.questions.questions(vectors=False):
        grouped[question.topic_id].append(question)
    lines = [
        _line(topic, grouped[topic.topic_id], loop.now_ms)
        for topic in await loop.questions.topics()
        if grouped[topic.topic_id] and (closed or topic.state not in CLOSED)
    ]
    kept = [line for line in lines if line.calls >= min_calls]
    return sorted(kept, key=lambda line: (not line.overdue, -line.calls, line.topic.due_ms, line.topic.topic_id))


def _line(topic: Topic, questions: Sequence[Question], now_ms: int) -> TopicLine:
    named = [question.card_id for question in questions if question.card_id]
    best = max(sorted(set(named)), key=named.count, default=None)
    scores = [q.score for q in questions if q.card_id == best and q.score is not None]
    return TopicLine(
        topic=topic,
        calls=len({question.call_id for question in questions}),
        callers=len({question.caller for question in questions if question.caller}),
        newest_ms=max((question.asked_ms for question in questions), default=topic.opened_ms),
        overdue=topic.state not in CLOSED and topic.due_ms < now_ms,
        best_card=best,
        best_score=max(scores, default=None),
    )


async def draft_card(loop: LearningLoop, topic_id: str, *, by: str) -> tuple[Card, Topic]:
    """A draft for an open topic, and the topic as it is once the draft is saved: save the card, then ``start_draft``.

    Raises NotFound, Conflict.
    """
    topic = await loop.questions.topic(topic_id)
    if topic.state != "open":
        raise Conflict(f"topic {topic.topic_id} is {topic.state}, not open: nothing was drafted")
    card_id = topic.topic_id.replace("topic-", "draft-", 1)
    with contextlib.suppress(NotFound):
        held = await loop.cards.get(card_id)
        raise Conflict(
            f"the card {held.id} was made of this topic before and is {held.status}: nothing was drafted. Add the new "
            "wordings to its questions, then say that it answers the topic"
        )
    questions = await loop.questions.questions(topic_id=topic.topic_id)
    card = Card(
        id=card_id,
        title=topic.title[:200],
        body=BODY_ZH if topic.lang == "zh" else BODY_EN,
        lang=topic.lang,
        questions=tuple(sample_questions(questions)),
        owner=topic.owner,
        status="draft",
    )
    now = loop.now_ms
    return card, replace(topic, state="drafted", card_id=card.id, drafted_ms=now, changed_by=by)


def sample_questions(questions: Sequence[Question]) -> list[str]:
    """The most different real wordings."""
    unique = list({question.text: question for question in questions}.values())
    if unique and all(question.vector for question in unique):
        raw = np.stack([np.frombuffer(question.vector or b"", "<f4") for question in unique])
        vectors = Space(middle=raw.mean(axis=0) / 2).spread(raw)  # half: with two wordings the whole would be extreme
        unique = [unique[place] for place in most_different(vectors, SAMPLES)]
    return [question.text for question in unique[:SAMPLES]]


async def settle(
    loop: LearningLoop,
    topic_id: str,
    *,
    by: str,
    card_id: str | None = None,
    decline: bool = False,
    owner: str | None = None,
    note: str = "",
) -> Topic:
    """A person decides about a topic: answered by a card that there is, declined with a reason, or given to somebody.

    Raises NotFound (topic, card), BadInput, Conflict.
    """
    if (card_id is not None) + decline + (owner is not None) != 1:
        raise BadInput("say one thing about a topic: the card that answers it, that it is declined, or its owner")
    topic = await loop.questions.topic(topic_id)
    if topic.state in CLOSED:
        raise Conflict(f"topic {topic.topic_id} is {topic.state} already; nothing was changed")
    if decline and not note.strip():
        raise BadInput("say in a note why the topic is declined: whoever asks next week wants to know")
    if card_id is not None:
        card = await loop.cards.get(card_id)
        if card.status != "published":
            raise Conflict(f"the card {card.id} is {card.status}: nobody is answered by it. Publish it first")
    told = replace(topic, changed_by=by, note=note.strip() or topic.note)
    if owner is not None:
        told = replace(told, owner=owner)
    else:
        state: TopicState = "declined" if decline else "answered"
        told = replace(told, state=state, closed_ms=loop.now_ms, card_id=topic.card_id if decline else card_id)
    await loop.questions.change(told, held=topic.state)
    return told


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicDetail:
    """One topic, looked at."""

    line: TopicLine
    wordings: list[str]
    """The most different ones."""
    effect: Effect


async def topic_detail(loop: LearningLoop, topic_id: str) -> TopicDetail:
    """One topic. Raises NotFound."""
    topic = await loop.questions.topic(topic_id)
    questions = await loop.questions.questions(topic_id=topic.topic_id)
    return TopicDetail(
        line=_line(topic, questions, loop.now_ms),
        wordings=sample_questions(questions),
        effect=await topic_effect(loop, topic),
    )


async def topic_effect(loop: LearningLoop, topic: Topic) -> Effect:
    """Whether the topic's card ends the asking: its open questions, and after the card its shows, are askings."""
    questions = await loop.questions.questions(topic_id=topic.topic_id)
    askings = [Asking(caller=q.caller, call_id=q.call_id, at_ms=q.asked_ms) for q in questions]
    if topic.card_id is not None:
        shown = await loop.history.first_shows(topic.card_id)
        askings += [Asking(caller=caller, call_id=call_id, at_ms=at_ms) for call_id, caller, at_ms in shown]
    published = topic.closed_ms if topic.state == "answered" else None
    return await asyncio.to_thread(
        effect, askings, published_ms=published, now_ms=loop.now_ms, within_days=loop.config.repeat_days
    )


async def top(loop: LearningLoop, week: str, *, limit: int = 20) -> list[Issue]:
    """What was asked most in an ISO week: topics without a card, and cards that were shown. Raises BadInput."""
    begin, end = bounds(week)
    since = begin - (end - begin)
    titles = {topic.topic_id: topic.title for topic in await loop.questions.topics()}
    shown = (
        await loop.history.calls_by_card(from_ms=begin, to_ms=end),
        await loop.history.calls_by_card(from_ms=since, to_ms=begin),
    )
    questions = [
        q for q in await loop.questions.questions(since_ms=since, vectors=False) if q.why in ("nothing", "low")
    ]
    asked: list[Asked] = [(q.topic_id, q.call_id, q.asked_ms) for q in questions if q.topic_id and q.asked_ms < end]
    issues = top_issues(asked, shown, titles, week, limit)
    named = await loop.cards.find([issue.id for issue in issues if issue.kind == "card"])
    return [replace(i, title=named[i.id].title) if i.kind == "card" and i.id in named else i for i in issues]


async def card_ledger(loop: LearningLoop, *, from_ms: int, to_ms: int, card_id: str | None = None) -> list[LedgerLine]:
    """The ledger of a time, epoch milliseconds; the last line is all cards together (or the one that was asked for)."""
    if from_ms >= to_ms:
        raise BadInput("the period ends before it begins")
    within_ms = int(loop.config.repeat_days * DAY_MS)
    tallies: list[tuple[str, CardTally]] = []
    first_ms, last_ms = await loop.history.span()
    for month, begin, end in months(max(from_ms, first_ms), min(to_ms, last_ms + 1)):
        found = await loop.history.tallies(
            from_ms=begin, to_ms=end, known_until_ms=loop.now_ms - within_ms, within_ms=within_ms, card_id=card_id
        )
        tallies += [(month, tally) for tally in found]
    return ledger(tallies, condemned=await loop.history.condemned())


async def draw_audit(loop: LearningLoop, month: str, *, by: str) -> AuditReport:
    """The month's sample; drawn, by the ledger of the month before, and stored when there is none. Raises BadInput."""
    begin = month_begin(check_month(month))
    if begin > loop.now_ms:
        raise BadInput(f"{month} has not begun: its audit cannot be drawn yet")
    items = await loop.history.audit(month)
    if not items:
        items = await _drawn(loop, month, begin, by)
    return report(month, items)


async def _drawn(loop: LearningLoop, month: str, begin: int, by: str) -> list[AuditItem]:
    cards = await loop.cards.published()
    last = month_begin(datetime.fromtimestamp((begin - DAY_MS) / 1000, UTC).strftime("%Y-%m"))
    strata = stratify(cards, await card_ledger(loop, from_ms=last, to_ms=begin))
    drawn = draw(month, strata, {card.id: card.version for card in cards}, by=by, now_ms=loop.now_ms)
    await loop.history.draw(drawn)
    return await loop.history.audit(month)


async def audit_report(loop: LearningLoop, month: str) -> AuditReport:
    """What the month's verdicts say so far. Raises BadInput."""
    return report(check_month(month), await loop.history.audit(month))


def month_begin(month: str) -> int:
    """Epoch milliseconds of a month's first moment, UTC."""
    return int(datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC).timestamp() * 1000)
