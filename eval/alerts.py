"""``python -m eval.alerts DATA``: how often supervisors are alerted on calm calls, and how many angry calls they miss.

Calm calls are made of real questions of customers (``DATA/text/faq_*``), of sentences read aloud, of the test calls
without a complaint, and of our own with words that tempt; angry calls are our own. All are text: the voices are drawn
from a calm speaker's spread, and rise in the second half of the angry calls. Every alert on a calm call is shown.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from callcue.core.feelings import Escalation
from callcue.core.settings import Settings
from callcue.core.speech import Utterance
from eval.alert_calls import AlertCall, calm_calls, own_calls
from eval.call_set import STARTED_AT
from eval.data import absence, data_dir
from eval.embed_cache import CachedEmbedder
from eval.report import Figures, console, run, table, write
from kb_index.noise import disturb
from models.embedders import load_embedder
from models.store import ModelStore
from tagger import shipped_models
from tagger.call import CallTagger
from tagger.loading import load_model

_FAULT = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one call."""

    call: AlertCall
    alerts: tuple[tuple[Utterance, Escalation], ...]


def main(
    data: Annotated[Path | None, typer.Argument(metavar="DATA", help="Evaluation data; default: CALLCUE_DATA.")] = None,
    *,
    calls: Annotated[int, typer.Option(help="Calm calls made of each source.", min=1)] = 40,
    errors: Annotated[bool, typer.Option("--errors", help="With simulated recognition errors.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder that keeps sentence vectors between runs.")] = None,
) -> None:
    """Count alerts on calm and angry calls."""
    folder = data or data_dir()
    if folder is None:
        raise typer.BadParameter(absence())
    settings = Settings()
    embedder = CachedEmbedder(load_embedder(ModelStore(settings.cache_dir), settings.tagging.embedder), cache)
    models = settings.tagging.model_dir or shipped_models()
    issue, sentiment = (load_model(models / field, embedder) for field in ("issue_type", "sentiment"))
    outcomes = []
    for call in [*calm_calls(folder, calls), *own_calls()]:
        tagger = CallTagger(
            issue=issue,
            sentiment=sentiment,
            fill_threshold=settings.tagging.fill_threshold,
            started_at=datetime.fromisoformat(STARTED_AT),
        )
        outcomes.append(Outcome(call=call, alerts=tuple(_alerts(tagger, call, errors=errors))))
    figures = score_alerts(outcomes)
    _show(figures, outcomes)
    write(figures, json_file)


def _alerts(tagger: CallTagger, call: AlertCall, *, errors: bool) -> list[tuple[Utterance, Escalation]]:
    dice = random.Random(call.name)
    found = []
    for heard in call.utterances:
        u = replace(heard, text=disturb(heard.text, _FAULT, dice) or heard.text) if errors else heard
        tagger.observe(u)
        if tagger.felt is not None:
            found += [(u, escalation) for escalation in tagger.felt.escalations]
    return found


def score_alerts(outcomes: Sequence[Outcome]) -> Figures:
    """Alerts an hour where none may come, by source, and the share of angry calls that were told."""
    calm = [outcome for outcome in outcomes if not outcome.call.kinds]
    angry = [outcome for outcome in outcomes if outcome.call.kinds]
    sources = {
        source: _calm([outcome for outcome in calm if outcome.call.source == source])
        for source in dict.fromkeys(outcome.call.source for outcome in calm)
    }
    told = [bool({e.kind for _, e in outcome.alerts} & set(outcome.call.kinds)) for outcome in angry]
    return {
        "calm": {**_calm(calm), "kinds": dict(Counter(e.kind for o in calm for _, e in o.alerts)), "sources": sources},
        "angry": {
            "calls": len(angry),
            "told": sum(told) / len(told) if told else None,
            "missed": [outcome.call.name for outcome, right in zip(angry, told, strict=True) if not right],
            "alerts_per_call": sum(len(o.alerts) for o in angry) / len(angry) if angry else None,
            "kinds": dict(Counter(e.kind for o in angry for _, e in o.alerts)),
        },
    }


def _calm(outcomes: Sequence[Outcome]) -> Figures:
    hours = sum(outcome.call.hours for outcome in outcomes)
    alerts = sum(len(outcome.alerts) for outcome in outcomes)
    return {
        "calls": len(outcomes),
        "hours": hours,
        "alerts": alerts,
        "alerts_per_hour": alerts / hours if hours else None,
        "calls_with_alert": sum(bool(outcome.alerts) for outcome in outcomes),
    }


def _show(figures: Figures, outcomes: Sequence[Outcome]) -> None:
    columns = ["calls", "hours", "alerts", "alerts_per_hour", "calls_with_alert"]
    rows = [*figures["calm"]["sources"].items(), ("all", figures["calm"])]
    table("calm calls", ["source", *columns], [[name, *(found[c] for c in columns)] for name, found in rows])
    for outcome in outcomes:
        for heard, escalation in outcome.alerts if not outcome.call.kinds else ():
            console.print(
                f"  {outcome.call.name}: {escalation.kind} ({escalation.reason}) at {heard.text}", markup=False
            )
    angry = figures["angry"]
    names = ["calls", "told", "alerts_per_call"]
    table("angry calls", [*names, "missed"], [[*(angry[n] for n in names), ", ".join(angry["missed"]) or "none"]])
    console.print(f"kinds: {angry['kinds']}", markup=False)


if __name__ == "__main__":
    run(main)
