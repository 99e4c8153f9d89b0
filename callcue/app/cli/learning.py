"""What the knowledge base learns from calls: open questions, top issues, ledger, audit. Part of ``callcue kb``."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from callcue.app.cli.common import AsJson, console, emit, quiet_logs, run, settings
from callcue.core.errors import BadInput

if TYPE_CHECKING:
    from callcue.app.storage import Storage
    from callcue.learning.audit import AuditReport
    from callcue.learning.intervals import Share, Survival
    from callcue.learning.loop import LearningLoop
    from callcue.learning.reports import TopicDetail

By = Annotated[str, typer.Option(help="Who is named as having done it.")]
DAY_MS = 86_400_000
VERDICT_NOTE = "Somebody should set these cards to review; nothing does it by itself:"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (unanswered, topic, top, ledger, audit, verdict):
        app.command()(command)


@asynccontextmanager
async def opened() -> "AsyncIterator[tuple[LearningLoop, Storage]]":
    """The loop over the stored calls. Models are loaded only when there is something new to sort."""
    from callcue.app.desks import learning_loop
    from callcue.app.storage import open_storage
    from callcue.core.clock import SystemClock
    from callcue.learning.likeness import QuestionVectors
    from models.embedders import load_embedder
    from models.store import ModelStore

    chosen = settings()

    def vectors() -> QuestionVectors:
        return QuestionVectors(load_embedder(ModelStore(chosen.cache_dir), chosen.knowledge.embedder))

    async with AsyncExitStack() as stack:
        storage = await open_storage(chosen, stack)
        yield learning_loop(chosen, storage, vectors, SystemClock()), storage


def unanswered(
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those whose clock has run out.")] = False,
    closed: Annotated[bool, typer.Option("--closed", help="Answered and declined ones too.")] = False,
    min_calls: Annotated[int, typer.Option(min=1, help="Asked in at least so many calls.")] = 2,
    as_json: AsJson = False,
) -> None:
    """List what callers asked and no card answered, by topic: how often, whose it is, when it is due."""
    quiet_logs()
    run(_unanswered(overdue, closed, min_calls, as_json))


async def _unanswered(overdue: bool, closed: bool, min_calls: int, as_json: bool) -> None:
    from callcue.learning.reports import topic_lines

    async with opened() as (loop, _):
        await loop.sort_questions()
        await loop.close_answered()
        lines = [line for line in await topic_lines(loop, closed=closed) if line.overdue or not overdue]
    shown = [line for line in lines if line.calls >= min_calls]
    rows = [
        {
            "topic": line.topic.topic_id,
            "calls": line.calls,
            "state": line.topic.state + (", overdue" if line.overdue else ""),
            "due": _time(line.topic.due_ms),
            "owner": line.topic.owner,
            "question": line.topic.title,
            "nearest card": line.best_card,
            "score": None if line.best_score is None else round(line.best_score, 3),
        }
        for line in shown
    ]
    _print(rows, as_json)
    if not as_json and len(shown) < len(lines):
        console().print(f"{len(lines) - len(shown)} more were asked in fewer than {min_calls} calls (--min-calls 1).")


def topic(
    topic_id: Annotated[str, typer.Argument(help="As `callcue kb unanswered` names it.")],
    draft: Annotated[bool, typer.Option("--draft", help="Make a draft card of it.")] = False,
    answered_by: Annotated[str | None, typer.Option(help="Id of the card that answers it.")] = None,
    decline: Annotated[str | None, typer.Option(help="No card is wanted; say why.")] = None,
    owner: Annotated[str | None, typer.Option(help="Give it to somebody.")] = None,
    by: By = "cli",
    as_json: AsJson = False,
) -> None:
    """Show one topic with its wordings and who asks again; draft its card, or say what becomes of it."""
    quiet_logs()
    chosen = {"card_id": answered_by, "owner": owner, "decline": decline is not None, "note": decline or ""}
    if draft and (answered_by or owner or decline is not None):
        raise BadInput("--draft goes alone")
    run(_topic(topic_id, draft, chosen, by, as_json))


async def _topic(topic_id: str, draft: bool, chosen: Mapping[str, Any], by: str, as_json: bool) -> None:
    from callcue.learning.reports import settle, topic_detail

    async with opened() as (loop, storage):
        if draft:
            await _draft(loop, storage, topic_id, by)
        elif chosen["card_id"] or chosen["owner"] or chosen["decline"]:
            await settle(loop, topic_id, by=by, **chosen)
        await loop.close_answered()
        found = await topic_detail(loop, topic_id)
    if as_json:
        emit(asdict(found))
    else:
        _show_topic(found, loop.config.repeat_days)


async def _draft(loop: "LearningLoop", storage: "Storage", topic_id: str, by: str) -> None:
    from callcue.core.events import KbChanged
    from callcue.core.ids import KB_STREAM
    from callcue.learning.reports import draft_card

    card, drafted = await draft_card(loop, topic_id, by=by)
    await storage.cards.save([card], by=by)
    await storage.log.append(KbChanged(call_id=KB_STREAM, at_ms=0, card_ids=(card.id,), total=1, by=by))
    await loop.questions.change(drafted, held="open")
    console(as_json=True).print(f"{card.id} was made, a draft: write its answer and send it to review.")


def _show_topic(found: "TopicDetail", within_days: float) -> None:
    told, line, effect = found.line.topic, found.line, found.effect
    out = console()
    out.print(f"{told.title}\n{told.topic_id}, {told.state}, {told.owner}, due {_time(told.due_ms)}")
    out.print(f"asked in {line.calls} calls by {line.callers} known numbers; nearest card: {line.best_card or 'none'}")
    for wording in found.wordings:
        out.print(f"  · {wording}")
    for name, share in (("before its card", effect.before), ("after it", effect.after)):
        out.print(f"asked again within {within_days:g} days, {name}: {_survival(share)}")
    if effect.unknown:
        out.print(f"{effect.unknown} calls without a number are left out: nobody can tell.")


def top(
    week: Annotated[str | None, typer.Argument(help="ISO week such as 2026-W48; default: this one.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    as_json: AsJson = False,
) -> None:
    """List what callers asked most in a week, and how that grew."""
    quiet_logs()
    run(_top(week, limit, as_json))


async def _top(week: str | None, limit: int, as_json: bool) -> None:
    from callcue.learning.reports import top as top_of
    from callcue.learning.weeks import week_of

    async with opened() as (loop, _):
        await loop.sort_questions()
        issues = await top_of(loop, week or week_of(loop.now_ms), limit=limit)
    _print([{**asdict(issue), "growth": round(issue.growth, 2)} for issue in issues], as_json)


def ledger(
    since: Annotated[str | None, typer.Option(help="First day, 2026-11-01 (UTC); default: 30 days ago.")] = None,
    until: Annotated[str | None, typer.Option(help="Day after the last one; default: now.")] = None,
    card: Annotated[str | None, typer.Option(help="Only this card.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what each card was worth: shown, used, right, and what came after. A dash: unknown."""
    quiet_logs()
    run(_ledger(since, until, card, as_json))


async def _ledger(since: str | None, until: str | None, card: str | None, as_json: bool) -> None:
    from callcue.learning.reports import card_ledger

    async with opened() as (loop, _):
        end = loop.now_ms if until is None else _day(until)
        begin = end - 30 * DAY_MS if since is None else _day(since)
        lines = await card_ledger(loop, from_ms=begin, to_ms=end, card_id=card)
    shares = ("retrieval", "accuracy", "repeat", "transfer", "wrong_knowledge")
    rows = []
    for line in lines:
        row: dict[str, object] = {"card": line.card_id or "all", "shown": line.shown, "used": line.used}
        row |= {"dismissed": line.dismissed, "wrong": line.wrong}
        told = {name: getattr(line, name) for name in shares}
        rows.append({**row, **{name: _json_share(s) if as_json else _share(s) for name, s in told.items()}})
    _print(rows, as_json)


def audit(
    month: Annotated[str | None, typer.Argument(help="Such as 2026-11; default: this month.")] = None,
    draw: Annotated[bool, typer.Option("--draw", help="Draw the sample, if none is drawn yet.")] = False,
    by: By = "cli",
    as_json: AsJson = False,
) -> None:
    """Show the month's audit: which cards are to be checked, and what was found."""
    quiet_logs()
    run(_audit(month, draw, by, as_json))


async def _audit(month: str | None, draw: bool, by: str, as_json: bool) -> None:
    from callcue.learning.reports import audit_report, draw_audit

    async with opened() as (loop, _):
        wanted = month or datetime.fromtimestamp(loop.now_ms / 1000, UTC).strftime("%Y-%m")
        found = await (draw_audit(loop, wanted, by=by) if draw else audit_report(loop, wanted))
    _show_audit(found, as_json)


def verdict(
    month: Annotated[str, typer.Argument(help="Such as 2026-11.")],
    card: Annotated[str, typer.Argument(help="A card of that month's sample.")],
    found: Annotated[str, typer.Argument(help="correct, outdated, wrong or unclear.")],
    by: Annotated[str, typer.Option(help="The auditor.")],
    note: Annotated[str, typer.Option(help="What is wrong with it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Record what an auditor found about a card of the sample."""
    from callcue.core.questions import Verdict
    from callcue.learning.audit import check_month

    quiet_logs()
    if found not in get_args(Verdict):
        raise BadInput(f"{found!r} is not one of {', '.join(get_args(Verdict))}")
    run(_verdict(check_month(month), card, found, by, note, as_json))


async def _verdict(month: str, card: str, found: str, by: str, note: str, as_json: bool) -> None:
    from callcue.learning.reports import audit_report

    async with opened() as (loop, _):
        await loop.history.judge(month, card, found, auditor=by, note=note)  # type: ignore[arg-type] # checked
        report = await audit_report(loop, month)
    _show_audit(report, as_json)


def _show_audit(found: "AuditReport", as_json: bool) -> None:
    rows = [
        {name: getattr(item, name) for name in ("card_id", "card_version", "stratum", "verdict", "auditor", "note")}
        for item in found.items
    ]
    _print(rows, as_json)
    if as_json:
        return
    if not found.items:
        console().print(f"No sample was drawn for {found.month}: callcue kb audit {found.month} --draw")
        return
    console().print(f"{found.judged} of {len(found.items)} judged; correct: {_share(found.correct)}")
    if found.estimate is not None:
        console().print(f"among all cards, the strata weighted by their sizes: {found.estimate:.0%}")
    if found.to_review:
        console().print(f"{VERDICT_NOTE} {', '.join(found.to_review)}")


def _print(rows: Sequence[Mapping[str, object]], as_json: bool) -> None:
    from rich.table import Table

    if as_json:
        for row in rows:
            emit(row)
        return
    if not rows:
        console().print("There is nothing.")
        return
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*("–" if cell is None else str(cell) for cell in row.values()))
    console().print(table)


def _share(share: "Share") -> str:
    if share.rate is None or share.interval is None:
        return "–"
    low, high = share.interval
    return f"{share.rate:.0%} ({low:.0%}–{high:.0%} of {share.of})"


def _json_share(share: "Share") -> dict[str, object]:
    return {"count": share.count, "of": share.of, "rate": share.rate, "interval": share.interval}


def _survival(share: "Survival") -> str:
    if share.rate is None:
        return "unknown"
    between = f" ({share.interval[0]:.0%}–{share.interval[1]:.0%})" if share.interval else ""
    return f"{share.rate:.0%}{between}, {share.events} of {share.watched}"


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M")


def _day(text: str) -> int:
    try:
        return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        raise BadInput(f"{text!r} is not a day such as 2026-11-01") from None
