"""``python -m eval.calls DIR``: whole calls through the real service, as an agent would have seen them.

The set's cards go into a fresh store, the server listens on a free port, and each call is streamed into the audio
socket at real speed while a desktop socket notes when each event arrives. What a hit and a wrong push are is defined
in ``eval.call_score``, when a field of the record is right in ``eval.call_record``. Times mean something at real speed
only, and the 10 s that a card may take are always seconds of the clock on the wall. ``text_only`` gives the turns'
exact text to the same assistant and tagger, without audio.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer

from callcue.app.build import App
from callcue.core.errors import BadInput
from callcue.core.ports import TagModel
from callcue.core.settings import Settings
from callcue.core.speech import Channel
from eval.call_explain import explain
from eval.call_record import FieldScore, score_record
from eval.call_replay import CallClock, Replayed, replay, server
from eval.call_score import TurnScore, card_figures, score_call
from eval.call_set import ScriptedCall, Turn, read_calls
from eval.call_text import decide_by_text, record_by_text, text_trace
from eval.cards import load_cards
from eval.digits import DigitScore, digit_figures, score_digits
from eval.folding import fold_en, fold_zh
from eval.metrics import ErrorCount, count_errors, error_rate, percentile, wilson
from eval.report import Figures, progress, run, table, write
from models.embedders import load_embedder
from models.store import ModelStore
from tagger import shipped_models
from tagger.loading import load_model

CHANNELS: tuple[Channel, ...] = ("caller", "agent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One call, scored."""

    call: ScriptedCall
    heard: Replayed
    turns: list[TurnScore]
    record: list[FieldScore]
    text_turns: list[TurnScore]
    text_record: list[FieldScore]


def main(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with cards.jsonl and calls/.")],
    *,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    speed: Annotated[float, typer.Option(help="Seconds of audio per second.", min=0.1, max=100)] = 1.0,
    calls: Annotated[int | None, typer.Option(help="Only the first so many calls.", min=1)] = None,
    parallel: Annotated[int, typer.Option(help="Calls at the same time.", min=1)] = 1,
    text_only: Annotated[bool, typer.Option("--text-only", help="The cards by the exact text alone: seconds.")] = False,
    explained: Annotated[bool, typer.Option("--explain", help="With --text-only: why each card came or not.")] = False,
) -> None:
    """Replay test calls through the sockets and score transcript, cards and record."""
    if explained and not text_only:
        raise BadInput("--explain goes with --text-only")
    if text_only:
        write(asyncio.run(explain(folder, settings=Settings(), limit=calls, show_all=explained)), json_file)
        return
    figures = asyncio.run(measure(folder, settings=Settings(), speed=speed, limit=calls, parallel=parallel))
    show(figures, str(folder))
    write(figures, json_file)


async def measure(
    folder: Path, *, settings: Settings, speed: float = 1.0, limit: int | None = None, parallel: int = 1
) -> Figures:
    """The figures of one set."""
    calls = read_calls(folder, limit)
    cards, refused = load_cards(folder / "cards.jsonl")
    clock = CallClock()
    tag_models = await asyncio.to_thread(_tag_models, settings)
    scored: list[Scored] = []
    async with server(settings, cards, clock) as (app, address):
        bench = _Bench(app=app, address=address, clock=clock, tag_models=tag_models, speed=speed)
        with progress("calls", len(calls)) as done:
            # The service has one clock, so only calls that began at the same moment run at the same time.
            for began, group in groupby(sorted(calls, key=lambda call: call.started_at), lambda call: call.started_at):
                clock.begin(began)
                room = asyncio.Semaphore(parallel)
                scored += await asyncio.gather(*(bench.score(call, room, done) for call in group))
    return {"speed": speed, "parallel": parallel, "cards_refused": refused, **summarise(scored)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """What every call of the set is played through."""

    app: App
    address: str
    clock: CallClock
    tag_models: tuple[TagModel, TagModel]
    speed: float

    async def score(self, call: ScriptedCall, room: asyncio.Semaphore, done: Callable[[], None]) -> Scored:
        """One call with audio, then by its text alone."""
        async with room:
            heard = await replay(self.app, self.address, call, self.speed)
        settings = self.app.settings
        by_text = text_trace(
            await decide_by_text(self.app.services.knowledge.view, call, settings, self.clock), settings
        )
        filled = await asyncio.to_thread(record_by_text, call, models=self.tag_models, settings=settings)
        done()
        return Scored(
            call=call,
            heard=heard,
            turns=score_call(call.turns, heard.trace),
            record=score_record(call.record, heard.record),
            text_turns=score_call(call.turns, by_text),
            text_record=score_record(call.record, filled),
        )


def _tag_models(settings: Settings) -> tuple[TagModel, TagModel]:
    """The classifiers of issue type and sentiment that the service uses."""
    embedder = load_embedder(ModelStore(settings.cache_dir), settings.tagging.embedder)
    folder = settings.tagging.model_dir or shipped_models()
    return load_model(folder / "issue_type", embedder), load_model(folder / "sentiment", embedder)


def summarise(scored: Sequence[Scored]) -> Figures:
    """The figures over all calls, then a row per call and turn."""
    latencies = [
        card.latency_ms for item in scored for turn in item.turns for card in turn.wanted if card.latency_ms is not None
    ]
    record = [field for item in scored for field in item.record]
    return {
        "calls": len(scored),
        "cer": {channel: error_rate([channel_errors(item, channel) for item in scored]) for channel in CHANNELS},
        "digit_strings": digit_figures(channel_digits(item, channel) for item in scored for channel in CHANNELS),
        **card_figures([turn for item in scored for turn in item.turns], len(scored)),
        "turn_end_to_card_ms": {"p50": percentile(latencies, 50), "p95": percentile(latencies, 95)},
        **record_figures(record),
        "text_only": {
            **card_figures([turn for item in scored for turn in item.text_turns], len(scored)),
            **record_figures([field for item in scored for field in item.text_record]),
        },
        "fields": field_shares(record),
        "per_call": [call_row(item) for item in scored],
        "per_turn": [row for item in scored for row in turn_rows(item)],
    }


def record_figures(fields: Iterable[FieldScore]) -> Figures:
    """Shares of the record's fields and of the facts that are right."""
    named = list(fields)
    figures: Figures = {}
    for name, facts in (("record_fields_right", False), ("facts_right", True)):
        right = [field.right for field in named if field.field.startswith("facts.") == facts]
        figures[name] = sum(right) / len(right) if right else None
        figures[f"{name}_interval"] = wilson(sum(right), len(right))
    return figures


def field_shares(fields: Sequence[FieldScore]) -> dict[str, str]:
    """Each field: right of how many."""
    total = Counter(field.field for field in fields)
    right = Counter(field.field for field in fields if field.right)
    return {name: f"{right[name]}/{count}" for name, count in total.items()}


def channel_errors(item: Scored, channel: Channel) -> ErrorCount:
    """All that one speaker said against all that was heard of it, after folding (words in English calls)."""
    said = [turn.text for turn in item.call.turns if turn.channel == channel]
    heard = [final.raw_text for final in item.heard.finals if final.segment.channel == channel]
    if item.call.language == "en":
        return count_errors(fold_en(" ".join(said)), fold_en(" ".join(heard)))
    return count_errors(fold_zh("".join(said)), fold_zh("".join(heard)))


def channel_digits(item: Scored, channel: Channel) -> DigitScore:
    """The digit strings that one speaker said against what was heard of them."""
    said = [turn.text for turn in item.call.turns if turn.channel == channel]
    heard = [final.raw_text for final in item.heard.finals if final.segment.channel == channel]
    return score_digits("。".join(said), "。".join(heard), item.call.language)


def call_row(item: Scored) -> Figures:
    """One call's figures, and its record field by field."""
    return {
        "call": item.call.id,
        "cer": {channel: channel_errors(item, channel).rate for channel in CHANNELS},
        **card_figures(item.turns, 1),
        **record_figures(item.record),
        "record": [asdict(field) for field in item.record],
    }


def turn_rows(item: Scored) -> list[Figures]:
    """One row per turn: what was said, what was heard, what was wanted and what came."""
    return [
        {
            "call": item.call.id,
            "turn": index,
            "channel": turn.channel,
            "start_ms": turn.start_ms,
            "end_ms": turn.end_ms,
            "text": turn.text,
            "heard": heard_in(turn, item.heard),
            "wanted": [asdict(card) for card in score.wanted],
            "pushed": list(score.pushed),
            "wrong": list(score.wrong),
            "text_only": {"wanted": [asdict(card) for card in text.wanted], "wrong": list(text.wrong)},
        }
        for index, (turn, score, text) in enumerate(zip(item.call.turns, item.turns, item.text_turns, strict=True))
    ]


def heard_in(turn: Turn, heard: Replayed) -> str:
    """The finals of the turn's speaker whose middle lies in the turn."""
    return " ".join(
        final.text
        for final in heard.finals
        if final.segment.channel == turn.channel
        and turn.start_ms <= (final.segment.start_ms + final.segment.end_ms) / 2 <= turn.end_ms
    )


def show(figures: Figures, title: str) -> None:
    """Print the figures, a row per call, and the turns where a card was wanted or a push was wrong."""
    hidden = ("per_call", "per_turn", "text_only", "fields")
    text: dict[str, Any] = figures["text_only"]
    table(
        title,
        ["figure", "with audio", "text only"],
        [[name, value, text.get(name, "")] for name, value in figures.items() if name not in hidden],
    )
    table("record, fields right", ["field", "right"], list(figures["fields"].items()))
    names = ["wanted", "hit_at_1", "hit_at_3", "wrong_per_call", "record_fields_right", "facts_right"]
    heads = ["call", *(f"cer {channel}" for channel in CHANNELS), *names]
    per_call = figures["per_call"]
    table("calls", heads, [[r["call"], *(r["cer"][c] for c in CHANNELS), *(r[n] for n in names)] for r in per_call])
    show_turns(figures["per_turn"])


def show_turns(per_turn: Sequence[Figures]) -> None:
    """The turns where a card was wanted or a push was wrong: said, heard, wanted (by audio and by text), wrong."""
    rows = [
        [
            f"{row['call']} {row['turn']}: {row['text']}",
            row["heard"],
            _places(row["wanted"]),
            _places(row["text_only"]["wanted"]),
            "\n".join(row["wrong"]),
        ]
        for row in per_turn
        if row["wanted"] or row["wrong"]
    ]
    table("turns with a wanted card or a wrong push", ["turn", "heard", "wanted @ place", "by text", "wrong"], rows)


def _places(cards: Sequence[Figures]) -> str:
    return "\n".join(f"{card['card_id']} @ {card['rank'] or '–'}" for card in cards)


if __name__ == "__main__":
    run(main)
