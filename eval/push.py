"""``python -m eval.push DATA``: how often the wanted card comes, against how often one comes that nobody wants.

DATA is a folder with ``text/``. Calls are made of its labelled questions (``eval.push_set``) and played as text through
the live assistant, with its context, cooldowns and limits, once for every threshold: the curve that a threshold is
chosen by. Each set once as written and once with simulated recognition errors.

``hit_at_1``, ``hit_at_3``: of the questions that a card answers. ``wrong_per_call``: other cards that were pushed; the
sets know one right card a question though others may be as good, so this bounds the truth from above. ``pushed_when``:
share of the turns of a kind that brought any card.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from callcue.app.build import call_config
from callcue.core.cards import Card
from callcue.core.errors import BadInput
from callcue.core.ports import Embedder
from callcue.core.settings import Settings
from callcue.core.speech import Language, Utterance
from eval.call_explain import CallTime
from eval.call_score import Push, Segment, Trace, TurnScore, card_figures, score_call
from eval.call_set import STARTED_AT
from eval.call_text import text_view
from eval.card_sets import Query, load_cards, read_queries
from eval.curves import Axes, Line, curves
from eval.data import read_jsonl
from eval.push_set import PushCall, PushSet, make_set
from eval.report import Figures, progress, run, table, write
from kb_index.calibrate import RememberingEmbedder
from models.embedders import load_embedder
from models.store import ModelStore
from nlu.assist import CallAssistant, KnowledgeView

THRESHOLDS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.8)
_SETS = (
    ("faq_bank_dev_cards", "faq_bank_dev_queries"),
    ("faq_pay_dev_cards", "faq_pay_dev_queries"),
    ("faq_unionpay_cards", "faq_unionpay_dev_queries"),
)
_QUIET = ("greeting", "confirmation", "digits", "answer", "chat", "near miss")
_QUESTIONS = 6
"""Sample questions a card of the English set is given: its intent's first training questions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How much is made of each set."""

    cards: int
    calls: int
    errors: float
    """Share of characters that the disturbed form has wrong."""
    seed: int = 20261123


def main(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder with text/ (labelled questions).")],
    *,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    plots: Annotated[Path | None, typer.Option(help="Draw push_curve.svg into this folder.")] = None,
    calls: Annotated[int, typer.Option(help="Calls of each set.", min=1)] = 20,
    cards: Annotated[int, typer.Option(help="Cards of each knowledge base.", min=10)] = 100,
    errors: Annotated[float, typer.Option(help="Share of characters disturbed.", min=0, max=1)] = 0.15,
    lang: Annotated[str | None, typer.Option(help="Only zh or en.")] = None,
) -> None:
    """The push-rate against hit-rate curve of the gate."""
    settings = Settings()
    embedder = RememberingEmbedder(load_embedder(ModelStore(settings.cache_dir), settings.knowledge.embedder))
    amount = Amount(cards=cards, calls=calls, errors=errors)
    figures = asyncio.run(measure(data / "text", embedder, settings, amount, lang))
    show(figures)
    write(figures, json_file)
    if plots is not None:
        plots.mkdir(parents=True, exist_ok=True)
        (plots / "push_curve.svg").write_text(picture(figures), encoding="utf-8")


async def measure(
    folder: Path, embedder: Embedder, settings: Settings, amount: Amount, lang: str | None = None
) -> Figures:
    """Figures by language and form of the text, for every threshold."""
    figures: Figures = {
        "cards": amount.cards,
        "calls_of_each_set": amount.calls,
        "default": {"zh": settings.knowledge.threshold, "en": settings.knowledge.threshold_en},
    }
    thresholds = sorted({*THRESHOLDS, settings.knowledge.threshold, settings.knowledge.threshold_en})
    for language in ("zh", "en"):
        if lang not in (None, language):
            continue
        for form, rate in (("clean", 0.0), ("disturbed", amount.errors)):
            sets = _sets(folder, language, amount, rate)
            views = [await asyncio.to_thread(text_view, made.cards, embedder) for made in sets]
            with progress(f"{language} {form}", len(thresholds)) as done:
                points = []
                for threshold in thresholds:
                    points.append(await _point(sets, views, settings, threshold))
                    done()
            figures[f"{language}_{form}"] = points
    return figures


def _sets(folder: Path, language: Language, amount: Amount, rate: float) -> list[PushSet]:
    """The sets of one language. Raises BadInput."""
    if language == "en":
        named: list[tuple[str, list[Card], list[Query]]] = [("banking77", *_intents(folder))]
        chat = [str(row["text"]) for row in read_jsonl(folder / "clinc150_val.jsonl") if row.get("intent") == "oos"]
    else:
        named = [(c, load_cards(folder / f"{c}.jsonl")[0], read_queries(folder / f"{q}.jsonl")) for c, q in _SETS]
        rows = read_jsonl(folder / "sentiment_conversation.jsonl")
        chat = [str(row["text"]) for row in rows if len(str(row["text"])) >= 6]
    return [
        make_set(name, language, cards, queries, chat, amount.cards, amount.calls, rate, amount.seed)
        for name, cards, queries in named
    ]


def _intents(folder: Path) -> tuple[list[Card], list[Query]]:
    """BANKING77 as cards: the intent's name is the title, the first training questions are its sample questions."""
    questions: dict[str, list[str]] = {}
    for row in read_jsonl(folder / "banking77_train.jsonl"):
        questions.setdefault(str(row["intent"]), []).append(str(row["text"]))
    cards = [
        Card(id=intent, title=intent.replace("_", " "), body="", lang="en", questions=tuple(texts[:_QUESTIONS]))
        for intent, texts in questions.items()
    ]
    queries = [Query(text=str(r["text"]), card=str(r["intent"])) for r in read_jsonl(folder / "banking77_test.jsonl")]
    if not cards or not queries:
        raise BadInput(f"{folder} holds no BANKING77")
    return cards, queries


async def _point(
    sets: Sequence[PushSet], views: Sequence[KnowledgeView], settings: Settings, threshold: float
) -> Figures:
    """One threshold, all calls."""
    scores: list[TurnScore] = []
    brought: dict[str, list[bool]] = {kind: [] for kind in _QUIET}
    for made, view in zip(sets, views, strict=True):
        for call in made.calls:
            found = await _play(call, made.language, view, settings, threshold)
            scores += found
            for kind, score in zip(call.kinds, found, strict=True):
                if kind in brought:
                    brought[kind].append(bool(score.pushed))
    calls = sum(len(made.calls) for made in sets)
    return {
        "threshold": threshold,
        **card_figures(scores, calls),
        "pushed_when": {kind: sum(seen) / len(seen) if seen else None for kind, seen in brought.items()},
    }


async def _play(
    call: PushCall, language: Language, view: KnowledgeView, settings: Settings, threshold: float
) -> list[TurnScore]:
    config = replace(call_config(settings).assist, threshold=threshold, threshold_en=threshold)
    clock = CallTime(datetime.fromisoformat(STARTED_AT))
    assistant = CallAssistant(config=config, knowledge=lambda: view, clock=clock, language=language)
    pushes: list[Push] = []
    for number, turn in enumerate(call.turns):
        heard = Utterance(
            call_id="made-up",
            channel=turn.channel,
            segment_id=f"turn-{number}",
            start_ms=turn.start_ms,
            end_ms=turn.end_ms,
            raw_text=turn.text,
            text=turn.text,
            language=language,
            confidence=1.0,
        )
        for found in await assistant.on_final(heard):
            pushes.append(
                Push(
                    card_id=found.card.id,
                    rank=found.rank,
                    at=turn.end_ms / 1000,
                    at_ms=turn.end_ms,
                    expires_at_ms=turn.end_ms + int(settings.knowledge.expiry_s * 1000),
                    evidence=Segment(channel=turn.channel, start_ms=turn.start_ms, end_ms=turn.end_ms),
                )
            )
    trace = Trace(pushes=tuple(pushes), wall=lambda ms: ms / 1000, call_ms=lambda moment: int(moment * 1000))
    return score_call(call.turns, trace)


def show(figures: Figures) -> None:
    """A table for each language and form."""
    for name, points in figures.items():
        if not isinstance(points, list):
            continue
        heads = ["threshold", "hit_at_1", "hit_at_3", "wrong_per_call", *_QUIET]
        rows = [[*(p[h] for h in heads[:4]), *(p["pushed_when"][k] for k in _QUIET)] for p in points]
        table(f"{name}: turns that brought a card, by kind", heads, rows)


def picture(figures: Figures) -> str:
    """Wrong pushes a call against the share of wanted cards that came first."""
    lines = [
        Line(
            name=name.replace("_", ", "),
            points=[(p["wrong_per_call"], p["hit_at_1"]) for p in sorted(points, key=lambda p: p["wrong_per_call"])],
        )
        for name, points in figures.items()
        if isinstance(points, list)
    ]
    title = f"Each dot a threshold, {THRESHOLDS[-1]} to {THRESHOLDS[0]}; {figures['cards']} cards"
    return curves(lines, Axes(title=title, x="wrong cards per call", y="wanted cards that came first"))


if __name__ == "__main__":
    run(main)
