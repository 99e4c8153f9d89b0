"""The bodies of what the knowledge base learns from calls."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from api.base import In, Out
from callcue.core.questions import TopicState, Verdict


class TopicsQuery(In):
    """Which topics to list."""

    closed: bool = False
    """Answered and declined ones too."""
    overdue: bool = False
    """Only those whose clock has run out."""
    min_calls: Annotated[int, Field(ge=1, le=1000)] = 2
    """Asked in at least so many calls: what was said once is often no question."""
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class TopicView(Out):
    """A question that no card answers, in many wordings."""

    topic_id: str
    title: str
    """The wording nearest to all others; long numbers are masked."""
    lang: str
    state: TopicState
    owner: str
    opened_at: str
    """Of its first question; ISO 8601, UTC."""
    due_at: str
    overdue: bool
    drafted_at: str | None
    closed_at: str | None
    card_id: str | None
    """The draft, or the card that answers it."""
    note: str
    changed_by: str
    calls: int
    """Calls in which it was asked in vain."""
    callers: int
    """Different known numbers among them."""
    best_card: str | None
    """The card that came nearest most often."""
    best_score: float | None


class TopicPage(Out):
    """Overdue topics first, then by the number of calls."""

    topics: list[TopicView]
    left_out: int
    """Topics that were asked in fewer calls than ``min_calls``, or that ``limit`` cut off."""


class ShareView(Out):
    """A share and its 95 % interval; null: nobody observed it."""

    count: int
    of: int
    rate: float | None
    interval: tuple[float, float] | None


class SurvivalView(Out):
    """The share of callers who asked again within ``within_days``, by Kaplan and Meier; null: nobody was watched."""

    rate: float | None
    interval: tuple[float, float] | None
    watched: int
    """Askings by callers with a number."""
    events: int
    """Those that were followed by another."""


class EffectView(Out):
    """Who asks again, before and after the card came out."""

    within_days: float
    before: SurvivalView
    after: SurvivalView
    unknown: int
    """Askings by callers without a number: nobody can tell."""


class TopicDetail(TopicView):
    """One topic with its most different wordings."""

    wordings: list[str]
    effect: EffectView


class TopicEdit(In):
    """What a person decides about a topic: exactly one of the first three."""

    answered_by: Annotated[str, Field(max_length=128)] | None = None
    """Id of the card that answers it."""
    declined: Literal[True] | None = None
    """No card is wanted; ``note`` says why."""
    owner: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    note: Annotated[str, Field(max_length=1000)] = ""


class WeekQuery(In):
    """Which week."""

    week: Annotated[str, Field(max_length=10)] | None = None
    """ISO 8601, such as 2026-W48; the present one where it is absent."""
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class IssueView(Out):
    """One topic or card in one week."""

    kind: Literal["topic", "card"]
    id: str
    title: str
    calls: int
    before: int
    """Calls of the week before."""
    growth: float
    """(calls + 1) / (before + 1)."""


class TopIssues(Out):
    """What was asked in most calls."""

    week: str
    issues: list[IssueView]


class PeriodQuery(In):
    """Which time; the last 30 days where nothing is said."""

    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    """Exclusive."""
    card_id: Annotated[str, Field(max_length=128)] | None = None


class LedgerView(Out):
    """One card over the period; ``card_id`` null: all cards together."""

    card_id: str | None
    shown: int
    used: int
    dismissed: int
    wrong: int
    retrieval: ShareView
    accuracy: ShareView
    repeat: ShareView
    transfer: ShareView
    wrong_knowledge: ShareView


class Ledger(Out):
    """Most shown first, all together last."""

    since: str
    until: str
    repeat_days: float
    lines: list[LedgerView]


class AuditItemView(Out):
    """One card of the sample."""

    card_id: str
    card_version: int
    stratum: str
    verdict: Verdict | None
    auditor: str | None
    note: str


class AuditView(Out):
    """A month's audit."""

    month: str
    items: list[AuditItemView]
    judged: int
    correct: ShareView
    """Of what was judged; the sample looks where errors are likely."""
    by_stratum: dict[str, ShareView]
    estimate: float | None
    """The share of correct cards among all, the strata weighted by their sizes; null until each has a verdict."""
    to_review: list[str]
    """Found wrong or outdated: their status should be set to review. Nothing does that by itself."""


class VerdictBody(In):
    """What an auditor found."""

    verdict: Verdict
    note: Annotated[str, Field(max_length=1000)] = ""


class OutcomeBody(In):
    """What became of a call, as the telephone system knows."""

    transferred: bool
    """Handed to somebody else."""
