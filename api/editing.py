"""REST: what editors do with cards beside saving them, and what searches teach."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.auth import needs
from api.body import json_body
from api.calls import Parts
from api.editing_wire import (
    CandidateView,
    CheckQuery,
    CheckReport,
    DiffQuery,
    DiffView,
    FieldDiffView,
    HitTestBody,
    HitTestResult,
    JudgedView,
    ProposalList,
    ProposalView,
    QuestionBody,
    QuestionJudged,
    QuestionsQuery,
    RestoreBody,
    StatusBody,
    TakenBody,
    TriggerView,
    VersionList,
    VersionView,
    WarningView,
    WithheldView,
)
from api.etag import expected_version, tag
from api.openapi import takes
from api.wire import CardSaved
from callcue.calls.editing import Saved
from callcue.core.clock import SystemClock
from callcue.core.errors import BadInput
from callcue.core.ids import check_id
from callcue.infra.auth import Principal
from nlu.explain import MAX_LINES, Explained, ExplainedLine, Withheld, explain
from nlu.gate import Customer

router = APIRouter(prefix="/v1", tags=["cards"])

Reader = Annotated[Principal, Depends(needs("cards.read"))]
Editor = Annotated[Principal, Depends(needs("cards.write"))]
Acker = Annotated[Principal, Depends(needs("cards.ack"))]


async def _base(request: Request) -> int | None:
    """The version that If-Match names, if it names one."""
    return expected_version(request, "card")


Base = Annotated[int | None, Depends(_base)]


@router.get("/cards/check")
async def check_cards(_principal: Editor, parts: Parts, query: Annotated[CheckQuery, Query()]) -> CheckReport:
    """Near-duplicates, phrases that bring up two cards, and answers that contradict each other."""
    only = None if query.card_id is None else {check_id(query.card_id, "card id")}
    found = await parts.editing.review.check(only)
    return CheckReport(warnings=[WarningView.model_validate(warning) for warning in found])


@router.get("/cards/questions")
async def list_questions(_principal: Editor, parts: Parts, query: Annotated[QuestionsQuery, Query()]) -> ProposalList:
    """Sample questions that calls and agents' searches suggest."""
    found = await parts.editing.questions.propose(query.card_id, query.days)
    return ProposalList(questions=[ProposalView.model_validate(proposal) for proposal in found])


@router.post("/cards/{card_id}/questions", openapi_extra=takes("QuestionBody"))
async def judge_question(
    card_id: str,
    principal: Editor,
    body: Annotated[QuestionBody, Depends(json_body(QuestionBody))],
    base: Base,
    parts: Parts,
) -> QuestionJudged:
    """Accept a proposed question, which makes a new version of the card, or reject it for good."""
    check_id(card_id, "card id")
    questions = parts.editing.questions
    if body.verdict == "rejected":
        await questions.reject(card_id, body.text, by=principal.name)
        return QuestionJudged(version=None)
    saved = await questions.accept(card_id, body.text, by=principal.name, expected=base, wording=body.wording)
    return QuestionJudged(version=saved.card.version)


@router.get("/cards/{card_id}/versions")
async def list_versions(card_id: str, _principal: Reader, parts: Parts) -> VersionList:
    """Who saved which version when, how and why; newest first."""
    found = await parts.editing.editor.history.versions(check_id(card_id, "card id"))
    return VersionList(versions=[VersionView.model_validate(version) for version in found])


@router.get("/cards/{card_id}/diff")
async def diff_versions(
    card_id: str, _principal: Reader, parts: Parts, query: Annotated[DiffQuery, Query()]
) -> DiffView:
    """What changed from one version to another, field by field."""
    found = await parts.editing.editor.history.diff(check_id(card_id, "card id"), query.old, query.new)
    return DiffView(changes=[FieldDiffView.model_validate(change) for change in found])


@router.post("/cards/{card_id}/restore", openapi_extra=takes("RestoreBody"))
async def restore_version(
    card_id: str,
    principal: Editor,
    *,
    body: Annotated[RestoreBody, Depends(json_body(RestoreBody))],
    base: Base,
    response: Response,
    parts: Parts,
) -> CardSaved:
    """Make an older version the newest; the status stays as it is."""
    saved = await parts.editing.editor.restore(
        check_id(card_id, "card id"), body.version, by=principal.name, expected=base, note=body.note
    )
    return await saved_view(saved, parts, response)


@router.post("/cards/{card_id}/status", openapi_extra=takes("StatusBody"))
async def move_card(
    card_id: str,
    principal: Editor,
    *,
    body: Annotated[StatusBody, Depends(json_body(StatusBody))],
    base: Base,
    response: Response,
    parts: Parts,
) -> CardSaved:
    """Take a step of the card's life: draft, review, published, retired."""
    saved = await parts.editing.editor.move(
        check_id(card_id, "card id"), body.status, by=principal.name, expected=base, note=body.note
    )
    return await saved_view(saved, parts, response)


async def saved_view(saved: Saved, parts: Parts, response: Response) -> CardSaved:
    """The answer to a save: the new version, and what an editor should look at."""
    tag(response, saved.card.version)
    warnings = [] if saved.outcome == "unchanged" else await parts.editing.review.of([saved.card])
    return CardSaved(
        id=saved.card.id,
        version=saved.card.version,
        outcome=saved.outcome,
        warnings=[WarningView.model_validate(warning) for warning in warnings],
    )


@router.post("/kb/hit-test", openapi_extra=takes("HitTestBody"))
async def hit_test(
    _principal: Reader, body: Annotated[HitTestBody, Depends(json_body(HitTestBody))], parts: Parts
) -> HitTestResult:
    """What a live call would show for these words, with the scores of every candidate and why it is shown or not."""
    lines = [line for line in body.text.splitlines() if line.strip()]
    if not 1 <= len(lines) <= MAX_LINES:
        raise BadInput(f"text has {len(lines)} lines; give 1 to {MAX_LINES}, each an utterance")
    view, assist = parts.knowledge.view(), parts.editing.assist
    shelf = await parts.editing.shelf.shelf()
    judged = await explain(
        lines,
        view=view,
        config=assist,
        clock=SystemClock(),
        channel=body.channel,
        language=body.language,
        customer=None if body.customer is None else Customer(**body.customer.model_dump()),
        shelf=shelf,
    )
    return HitTestResult(
        utterances=[_judged(each) for each in judged],
        threshold=assist.threshold,
        threshold_en=assist.threshold_en,
        generation=view.index.generation,
        left_out=shelf.left_out,
    )


def _judged(line: ExplainedLine) -> JudgedView:
    return JudgedView(
        text=line.text,
        query=line.query,
        hints=line.hints,
        candidates=[_candidate(candidate) for candidate in line.candidates],
        withheld=[_withheld(one) for one in line.withheld],
    )


def _withheld(one: Withheld) -> WithheldView:
    return WithheldView(
        card_id=one.card.id,
        version=one.card.version,
        title=one.card.title,
        status=one.card.status,
        bars=one.bars,
        because=one.because,
        score=one.hit.score if one.hit else 0.0,
        matched=one.hit.matched if one.hit else "",
        triggers=tuple(TriggerView.model_validate(trigger) for trigger in one.triggers),
    )


def _candidate(candidate: Explained) -> CandidateView:
    card, hit = candidate.card, candidate.hit
    return CandidateView(
        card_id=card.id,
        version=card.version,
        title=card.title,
        shown=candidate.shown,
        verdict=candidate.verdict,
        bars=candidate.bars,
        score=hit.score if hit else 0.0,
        dense=hit.dense if hit else 0.0,
        lexical=hit.lexical if hit else 0.0,
        fused=hit.fused if hit else 0.0,
        matched=hit.matched if hit else "",
        feedback=hit.feedback if hit else 0.0,
        strength=candidate.strength,
        triggers=tuple(TriggerView.model_validate(trigger) for trigger in candidate.triggers),
        negatives=candidate.negatives,
    )


@router.post("/search/{search_id}/taken", status_code=204, openapi_extra=takes("TakenBody"))
async def take_card(
    search_id: str, principal: Acker, body: Annotated[TakenBody, Depends(json_body(TakenBody))], parts: Parts
) -> None:
    """Say which card of an own search was opened or used: what editors learn questions from."""
    card = await parts.knowledge.store.get(check_id(body.card_id, "card id"))
    await parts.editing.searches.took(check_id(search_id, "search id"), card.id, body.action, agent=principal.name)
