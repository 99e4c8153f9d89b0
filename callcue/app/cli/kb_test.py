"""The hit test: what a live call would show for a sentence, and why."""

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from callcue.app.cli.common import AsJson, console, emit, quiet_logs, run, settings
from callcue.core.errors import BadInput

if TYPE_CHECKING:
    from callcue.core.settings import Settings
    from nlu.assist import KnowledgeView
    from nlu.explain import Judged, Verdict

_WHY = {
    "evidence": "too little evidence",
    "agent": "the agent said it, and no phrase was heard",
    "negative": "a negative phrase was heard",
    "crowded_out": "better candidates came first",
    "already_shown": "shown already, or in its cooldown",
    "minute_full": "enough cards in this minute",
    "status": "not published",
    "language": "another language",
    "audience": "for other customers",
    "validity": "outside its dates",
}


def hit_test(
    text: Annotated[list[str], typer.Argument(help="What a customer says; several: one utterance after the other.")],
    channel: Annotated[str, typer.Option(help="caller or agent.")] = "caller",
    language: Annotated[str, typer.Option(help="zh, en or auto.")] = "auto",
    as_json: AsJson = False,
) -> None:
    """Show every candidate for a sentence with its scores, and why a call would show it or not."""
    from typing import get_args

    from callcue.core.speech import Channel, LanguageChoice

    for name, value, known in (("channel", channel, Channel), ("language", language, LanguageChoice)):
        if value not in get_args(known):
            raise BadInput(f"{name} {value!r} is not one of {', '.join(get_args(known))}")
    quiet_logs()
    run(_test(text, channel, language, as_json=as_json))


async def _test(text: list[str], channel: str, language: str, *, as_json: bool) -> None:
    from callcue.app.build import call_config
    from callcue.core.clock import SystemClock
    from nlu.explain import MAX_LINES, explain

    chosen = settings()
    lines = [line for each in text for line in each.splitlines() if line.strip()]
    if not 1 <= len(lines) <= MAX_LINES:
        raise BadInput(f"there are {len(lines)} utterances; give 1 to {MAX_LINES}")
    judged = await explain(
        lines,
        view=await _view(chosen),
        config=call_config(chosen).assist,
        clock=SystemClock(),
        channel=channel,  # type: ignore[arg-type] # checked by hit_test
        language=language,  # type: ignore[arg-type]
    )
    for each in judged:
        if as_json:
            emit({"text": each.text, "query": each.query, "candidates": [_row(verdict) for verdict in each.verdicts]})
        else:
            _print(each)
    if not as_json:
        console().print(f"A search result needs a score of {chosen.knowledge.threshold:g}.")


async def _view(chosen: "Settings") -> "KnowledgeView":
    """The published cards, as a call of a service with these settings sees them."""
    import asyncio

    from callcue.app.build import hotword_config, open_storage
    from kb_index.index import HybridIndex, IndexConfig
    from models.embedders import load_embedder
    from models.store import ModelStore
    from nlu.assist import KnowledgeView
    from nlu.hotwords import HotwordCorrector
    from nlu.triggers import TriggerMatcher

    async with AsyncExitStack() as stack:
        cards = await (await open_storage(chosen, stack)).cards.published()
    if not cards:
        raise BadInput("no card is published: import cards with `callcue kb import FILE`")
    index = HybridIndex(
        load_embedder(ModelStore(chosen.cache_dir), chosen.knowledge.embedder),
        IndexConfig(cache_file=chosen.vector_cache),
    )
    await index.rebuild(cards)
    hotwords = await asyncio.to_thread(hotword_config, chosen)
    return KnowledgeView(
        index=index,
        triggers=TriggerMatcher(cards),
        cards={card.id: card for card in cards},
        hotwords=HotwordCorrector(hotwords, cards),
    )


def _row(verdict: "Verdict") -> dict[str, object]:
    return {
        "card_id": verdict.card.id,
        "version": verdict.card.version,
        "title": verdict.card.title,
        "shown": verdict.shown,
        "obstacles": list(verdict.obstacles),
        "score": round(verdict.score, 4),
        "dense": round(verdict.dense, 4),
        "lexical": round(verdict.lexical, 3),
        "fused": round(verdict.fused, 3),
        "matched": verdict.matched,
        "strength": None if verdict.strength is None else round(verdict.strength, 4),
        "triggers": [f"{trigger.phrase} ({trigger.match})" for trigger in verdict.triggers],
        "negatives": list(verdict.negatives),
    }


def _print(judged: "Judged") -> None:
    from rich.table import Table

    console().print(f"“{judged.text}”")
    console().print(f"looked up: {judged.query}" if judged.query else "nothing was looked up")
    if not judged.verdicts:
        return
    table = Table("card", "verdict", "score", "dense", "lexical", "fused", "heard", "nearest question")
    for verdict in judged.verdicts:
        heard = ", ".join((*(t.phrase for t in verdict.triggers), *(f"not: {phrase}" for phrase in verdict.negatives)))
        why = "shown" if verdict.shown else "; ".join(_WHY[obstacle] for obstacle in verdict.obstacles)
        scores = (f"{verdict.score:.3f}", f"{verdict.dense:.3f}", f"{verdict.lexical:.2f}", f"{verdict.fused:.2f}")
        table.add_row(verdict.card.id, why, *scores, heard, verdict.matched)
    console().print(table)


def register(app: typer.Typer) -> None:
    """Add the hit test."""
    app.command("test")(hit_test)
