"""REST: what the knowledge base learns from calls: open questions, top issues, ledger, audit, outcomes of calls.

Editors may read wordings, in which long numbers are masked, but not whose they are or in which call they were said.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.auth import needs
from api.body import json_body
from api.calls import Parts
from api.editing_wire import WarningView
from api.learning_wire import (
    AuditView,
    EffectView,
    Ledger,
    LedgerView,
    OutcomeBody,
    PeriodQuery,
    SurvivalView,
    TopicDetail,
    TopicEdit,
    TopicPage,
    TopicsQuery,
    TopicView,
    TopIssues,
    VerdictBody,
    WeekQuery,
)
from api.openapi import takes
from api.wire import CardSaved
from callcue.core.ids import check_id
from callcue.infra.auth import Principal
from callcue.learning import reports
from callcue.learning.audit import check_month
from callcue.learning.weeks import week_of

router = APIRouter(prefix="/v1", tags=["learning"])

Reader = Annotated[Principal, Depends(needs("learning.read"))]
Worker = Annotated[Principal, Depends(needs("learning.write"))]
Drafter = Annotated[Principal, Depends(needs("cards.write"))]
Reporter = Annotated[Principal, Depends(needs("outcomes.write"))]

PERIOD = timedelta(days=30)


@router.get("/topics")
async def list_topics(_principal: Reader, parts: Parts, query: Annotated[TopicsQuery, Query()]) -> TopicPage:
    """Questions that no card answers, overdue ones first."""
    lines = await reports.topic_lines(parts.learning, closed=query.closed)
    wanted = [line for line in lines if line.overdue or not query.overdue]
    shown = [line for line in wanted if line.calls >= query.min_calls][: query.limit]
    return TopicPage(topics=[_topic(line) for line in shown], left_out=len(wanted) - len(shown))


@router.get("/topics/{topic_id}")
async def get_topic(topic_id: str, _principal: Reader, parts: Parts) -> TopicDetail:
    """One topic, how callers word it, and whether its card ended the asking."""
    loop = parts.learning
    found = await reports.topic_detail(loop, check_id(topic_id, "topic id"))
    return TopicDetail(
        **_topic(found.line).model_dump(),
        wordings=found.wordings,
        effect=EffectView(
            within_days=loop.config.repeat_days,
            before=SurvivalView.model_validate(found.effect.before),
            after=SurvivalView.model_validate(found.effect.after),
            unknown=found.effect.unknown,
        ),
    )


@router.post("/topics/{topic_id}/draft", status_code=201)
async def draft_topic(topic_id: str, principal: Drafter, parts: Parts) -> CardSaved:
    """Make a draft card of an open topic, with its most different wordings as sample questions."""
    card, topic = await reports.draft_card(parts.learning, check_id(topic_id, "topic id"), by=principal.name)
    saved = await parts.knowledge.save([card], by=principal.name)
    await parts.learning.questions.change(topic, held="open")
    stored = await parts.knowledge.store.get(card.id)
    warnings = await parts.editing.review.of([stored])
    return CardSaved(
        id=card.id,
        version=stored.version,
        outcome="added" if saved.added else "changed",
        warnings=[WarningView.model_validate(warning) for warning in warnings],
    )


@router.patch("/topics/{topic_id}", openapi_extra=takes("TopicEdit"))
async def edit_topic(
    topic_id: str, principal: Worker, body: Annotated[TopicEdit, Depends(json_body(TopicEdit))], parts: Parts
) -> TopicView:
    """Say that a card answers a topic, that none is wanted, or whose it is."""
    topic = await reports.settle(
        parts.learning,
        check_id(topic_id, "topic id"),
        by=principal.name,
        card_id=body.answered_by,
        decline=bool(body.declined),
        owner=body.owner,
        note=body.note,
    )
    return _topic((await reports.topic_detail(parts.learning, topic.topic_id)).line)


@router.get("/issues")
async def top_issues(_principal: Reader, parts: Parts, query: Annotated[WeekQuery, Query()]) -> TopIssues:
    """What was asked in most calls of a week, answered or not."""
    week = query.week or week_of(parts.learning.now_ms)
    issues = await reports.top(parts.learning, week, limit=query.limit)
    return TopIssues.model_validate({"week": week, "issues": issues}, from_attributes=True)


@router.get("/ledger")
async def get_ledger(_principal: Reader, parts: Parts, query: Annotated[PeriodQuery, Query()]) -> Ledger:
    """What each card was worth: shown, used, right, and what came after."""
    loop = parts.learning
    until_ms = loop.now_ms if query.until is None else _ms(query.until)
    since_ms = until_ms - int(PERIOD.total_seconds() * 1000) if query.since is None else _ms(query.since)
    lines = await reports.card_ledger(loop, from_ms=since_ms, to_ms=until_ms, card_id=query.card_id)
    return Ledger(
        since=_iso(since_ms),
        until=_iso(until_ms),
        repeat_days=loop.config.repeat_days,
        lines=[LedgerView.model_validate(line) for line in lines],
    )


@router.get("/audits/{month}")
async def get_audit(month: str, _principal: Reader, parts: Parts) -> AuditView:
    """A month's sample and its verdicts; empty where none was drawn."""
    return AuditView.model_validate(await reports.audit_report(parts.learning, month))


@router.post("/audits/{month}")
async def draw_audit(month: str, principal: Worker, parts: Parts) -> AuditView:
    """Draw the month's sample; drawn before, it stays what it is."""
    return AuditView.model_validate(await reports.draw_audit(parts.learning, month, by=principal.name))


@router.put("/audits/{month}/{card_id}", openapi_extra=takes("VerdictBody"))
async def judge_card(
    month: str,
    card_id: str,
    principal: Worker,
    body: Annotated[VerdictBody, Depends(json_body(VerdictBody))],
    parts: Parts,
) -> AuditView:
    """Record a verdict on a card of the sample."""
    month, card_id = check_month(month), check_id(card_id, "card id")
    await parts.learning.history.judge(month, card_id, body.verdict, auditor=principal.name, note=body.note)
    return AuditView.model_validate(await reports.audit_report(parts.learning, month))


@router.put("/calls/{call_id}/outcome", status_code=204, openapi_extra=takes("OutcomeBody"))
async def put_outcome(
    call_id: str, principal: Reporter, body: Annotated[OutcomeBody, Depends(json_body(OutcomeBody))], parts: Parts
) -> None:
    """Say whether a call was transferred, which only the telephone system knows."""
    call_id = check_id(call_id, "call_id")
    await parts.learning.history.set_outcome(call_id, transferred=body.transferred, by=principal.name)


def _topic(line: reports.TopicLine) -> TopicView:
    topic = line.topic
    return TopicView(
        topic_id=topic.topic_id,
        title=topic.title,
        lang=topic.lang,
        state=topic.state,
        owner=topic.owner,
        opened_at=_iso(topic.opened_ms),
        due_at=_iso(topic.due_ms),
        overdue=line.overdue,
        drafted_at=None if topic.drafted_ms is None else _iso(topic.drafted_ms),
        closed_at=None if topic.closed_ms is None else _iso(topic.closed_ms),
        card_id=topic.card_id,
        note=topic.note,
        changed_by=topic.changed_by,
        calls=line.calls,
        callers=line.callers,
        best_card=line.best_card,
        best_score=line.best_score,
    )


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
