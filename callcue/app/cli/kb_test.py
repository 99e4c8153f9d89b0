"""The hit test: what a live call would show for a sentence, and why."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from callcue.app.cli.common import AsJson, console, emit, quiet_logs, run, settings
from callcue.core.errors import BadInput

if TYPE_CHECKING:
    from callcue.core.settings import Settings
    from nlu.assist import KnowledgeView
    from nlu.explain import Explained, ExplainedLine, Shelf, Withheld

_BARS = {
    "status": "not published",
    "language": "another language",
    "audience": "for other customers",
    "validity": "outside its dates",
}


def hit_test(
    text: Annotated[list[str], typer.Argument(help="What a customer says; several: one utterance after the other.")],
    channel: Annotated[str, typer.Option(help="caller or agent.")] = "caller",
    language: Annotated[str, typer.Option(help="zh, en or auto.")] = "auto",
    lifecycle: Annotated[str, typer.Option(help="The customer's stage, where it is known.")] = "",
    segment: Annotated[list[str] | None, typer.Option(help="A kind of customer; may be given several times.")] = None,
    region: Annotated[str, typer.Option(help="The customer's region.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show every candidate for a sentence with its scores, why a call would show it or not, and what else would fit."""
    from typing import get_args

    from callcue.core.speech import Channel, LanguageChoice

    for name, value, known in (("channel", channel, Channel), ("language", language, LanguageChoice)):
        if value not in get_args(known):
            raise BadInput(f"{name} {value!r} is not one of {', '.join(get_args(known))}")
    quiet_logs()
    customer = {"lifecycle": lifecycle, "segment": tuple(segment or ()), "region": region}
    run(_test(text, channel, language, customer, as_json=as_json))


async def _test(text: list[str], channel: str, language: str, customer: "dict[str, Any]", *, as_json: bool) -> None:
    from callcue.app.build import call_config
    from callcue.core.clock import SystemClock
    from nlu.explain import MAX_LINES, explain
    from nlu.gate import Customer

    chosen = settings()
    lines = [line for each in text for line in each.splitlines() if line.strip()]
    if not 1 <= len(lines) <= MAX_LINES:
        raise BadInput(f"there are {len(lines)} utterances; give 1 to {MAX_LINES}")
    view, shelf = await _view(chosen)
    explained = await explain(
        lines,
        view=view,
        config=call_config(chosen).assist,
        clock=SystemClock(),
        channel=channel,  # type: ignore[arg-type] # checked by hit_test
        language=language,  # type: ignore[arg-type]
        customer=Customer(**customer),
        shelf=shelf,
    )
    for line in explained:
        if as_json:
            rows = [_row(candidate) for candidate in line.candidates]
            others = [_withheld_row(one) for one in line.withheld]
            told = {"text": line.text, "query": line.query, "hints": list(line.hints)}
            emit({**told, "candidates": rows, "withheld": others})
        else:
            _print(line)
    if not as_json:
        least = chosen.knowledge
        console().print(f"A search result needs a score of {least.threshold:g} (zh) or {least.threshold_en:g} (en).")
        if shelf.left_out:
            console().print(f"{shelf.left_out} more cards that are not published were not looked at.")


async def _view(chosen: "Settings") -> "tuple[KnowledgeView, Shelf]":
    """The published cards, as a call of a service with these settings sees them, and those that it does not see."""
    import asyncio

    from callcue.app.build import hotword_config
    from callcue.app.cli.indexed import shelved
    from nlu.assist import KnowledgeView
    from nlu.hotwords import HotwordCorrector
    from nlu.triggers import TriggerMatcher

    index, cards, shelf = await shelved(chosen)
    hotwords = await asyncio.to_thread(hotword_config, chosen)
    view = KnowledgeView(
        index=index,
        triggers=TriggerMatcher(cards),
        cards={card.id: card for card in cards},
        hotwords=HotwordCorrector(hotwords, cards),
    )
    return view, shelf


def _withheld_row(one: "Withheld") -> dict[str, object]:
    return {
        "card_id": one.card.id,
        "version": one.card.version,
        "title": one.card.title,
        "status": one.card.status,
        "bars": list(one.bars),
        "because": one.because,
        "score": round(one.hit.score, 4) if one.hit else 0.0,
        "matched": one.hit.matched if one.hit else "",
        "triggers": [f"{trigger.phrase} ({trigger.match})" for trigger in one.triggers],
    }


def _row(candidate: "Explained") -> dict[str, object]:
    hit = candidate.hit
    return {
        "card_id": candidate.card.id,
        "version": candidate.card.version,
        "title": candidate.card.title,
        "shown": candidate.shown,
        "verdict": candidate.verdict,
        "bars": list(candidate.bars),
        "score": round(hit.score, 4) if hit else 0.0,
        "dense": round(hit.dense, 4) if hit else 0.0,
        "lexical": round(hit.lexical, 3) if hit else 0.0,
        "fused": round(hit.fused, 3) if hit else 0.0,
        "feedback": round(hit.feedback, 3) if hit else 0.0,
        "matched": hit.matched if hit else "",
        "strength": round(candidate.strength, 4),
        "triggers": [f"{trigger.phrase} ({trigger.match})" for trigger in candidate.triggers],
        "negatives": list(candidate.negatives),
    }


def _print(line: "ExplainedLine") -> None:
    console().print(f"“{line.text}”")
    console().print(f"looked up: {line.query}" if line.query else "nothing was looked up")
    for hint in line.hints:
        console().print(f"beside it: {hint}")
    if line.candidates:
        _print_candidates(line)
    if line.withheld:
        console().print("These would fit, and no call shows them now:")
    for one in line.withheld:
        why = ", ".join(trigger.phrase for trigger in one.triggers) or (one.hit.matched if one.hit else "")
        score = f" {one.hit.score:.3f}" if one.hit else ""
        console().print(f"  {one.card.id} {one.because} (version {one.card.version};{score} {why})")


def _print_candidates(line: "ExplainedLine") -> None:
    from rich.table import Table

    table = Table("card", "verdict", "score", "dense", "lexical", "feedback", "heard", "nearest question")
    for candidate in line.candidates:
        hit = candidate.hit
        negatives = (f"not: {phrase}" for phrase in candidate.negatives)
        heard = ", ".join((*(trigger.phrase for trigger in candidate.triggers), *negatives))
        why = "; ".join((candidate.verdict, *(_BARS[bar] for bar in candidate.bars)))
        scores = (f"{hit.score:.3f}", f"{hit.dense:.3f}", f"{hit.lexical:.2f}") if hit else ("", "", "")
        feedback = f"{hit.feedback:+.2f}" if hit and hit.feedback else ""
        table.add_row(candidate.card.id, why, *scores, feedback, heard, hit.matched if hit else "")
    console().print(table)


def register(app: typer.Typer) -> None:
    """Add the hit test."""
    app.command("test")(hit_test)
