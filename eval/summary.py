"""``python -m eval.summary [DIR]``: do summaries point to the right sentences, and was each of them said?

On marked calls: precision and recall of segments per part, beside picking as many sentences of the same speaker from
the beginning (``lead``), from the end (``tail``), by a walk over their likeness (``textrank``), and at random.

With DIR, a set of test calls as for ``eval.calls``: how much of the expected follow-up and tags the summary holds,
beside as many characters of ``lead`` and ``tail``.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from callcue.core.ports import Embedder
from callcue.core.settings import Settings
from callcue.core.speech import Channel, Utterance
from callcue.core.summaries import PARTS, Part, Summary, SummaryPart, written_out
from eval.call_set import ScriptedCall, read_calls
from eval.call_text import utterances
from eval.report import Figures, console, run, table, write
from eval.summary_set import SHIPPED, MarkedCall, read_marked
from models.embedders import load_embedder
from models.memo import MemoEmbedder
from models.store import ModelStore
from tagger.aggregate import content_length
from tagger.features import vectors
from tagger.summary import summarise
from tagger.summary_select import LEAST_CONTENT

SPEAKER: Mapping[Part, Channel] = {
    "wanted": "caller",
    "done": "agent",
    "promised": "agent",
    "next": "agent",
    "tried": "caller",
}
"""Whose sentences the baselines pick from."""
_LIVE = "ms_at_end_of_live_call"
_SEED = 20261123
_DRAWS = 200
_DAMPING = 0.85
_ROUNDS = 50

Picker = Callable[[Sequence[Utterance], int], list[str]]


def main(
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="Test calls, as for eval.calls.")] = None,
    *,
    marked: Annotated[Path, typer.Option(help="Calls with marked sentences.")] = SHIPPED,
    which: Annotated[str, typer.Option("--set", help="dev, test, or all.")] = "test",
    show: Annotated[bool, typer.Option("--show", help="Print every summary.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Score the extractive summaries beside simple baselines."""
    settings = Settings()
    embedder = load_embedder(ModelStore(settings.cache_dir), settings.tagging.embedder)
    embedder.embed(["warm"], role="query")
    calls = [call for call in read_marked(marked) if which in ("all", call.set)]
    figures = measure(calls, embedder, show=show)
    if folder is not None:
        figures["calls"] = measure_calls(read_calls(folder), embedder, show=show)
    report(figures, which)
    write(figures, json_file)


def measure(calls: Sequence[MarkedCall], embedder: Embedder, *, show: bool = False) -> Figures:
    """The figures on marked calls."""
    made: list[tuple[MarkedCall, Summary]] = []
    took: list[float] = []
    for call in calls:
        started = time.perf_counter()
        found = summarise(call.heard, moment="transfer", started_at=call.started_at, embedder=embedder)
        took.append(time.perf_counter() - started)
        made.append((call, found))
        if show:
            console.print(f"\n{call.id}", style="bold", markup=False)
            console.print(written_out(found.parts, call.language), markup=False, highlight=False)
    live = [_end_of_live_call(call, embedder) for call in calls]
    methods: dict[str, dict[str, Figures]] = {"product": _scores(made, None)}
    methods |= {name: _scores(made, pick) for name, pick in pickers(embedder).items()}
    methods["random"] = _random(made)
    written = [sum(len(s.text) for part in _four(found) for s in part.sentences) for _, found in made]
    said = [sum(len(u.text) for u in call.heard) for call, _ in made]
    return {
        "marked": len(made),
        "segments": sum(len(call.heard) for call, _ in made),
        "methods": methods,
        "deadlines": _deadlines(made),
        "not_said": sum(not _is_said(call.heard, found) for call, found in made),
        "compression": sum(written) / max(1, sum(said)),
        "characters_p50_zh": _median([n for n, (call, _) in zip(written, made, strict=True) if call.language == "zh"]),
        "characters_max_zh": max([n for n, (c, _) in zip(written, made, strict=True) if c.language == "zh"], default=0),
        "ms_per_call": 1000 * sum(took) / max(1, len(took)),
        _LIVE: 1000 * sum(live) / max(1, len(live)),
    }


def _end_of_live_call(call: MarkedCall, embedder: Embedder) -> float:
    """Seconds for the summary where every utterance was classified while the call ran, as in the service."""
    memo = MemoEmbedder(embedder)
    for utterance in call.heard:
        vectors(memo, [utterance.text])
    started = time.perf_counter()
    summarise(call.heard, moment="end", started_at=call.started_at, embedder=memo)
    return time.perf_counter() - started


def pickers(embedder: Embedder) -> dict[str, Picker]:
    """The baselines that are not drawn by lot."""
    return {
        "lead": lambda heard, count: [u.segment_id for u in heard[:count]],
        "tail": lambda heard, count: [u.segment_id for u in heard[-count:]] if count else [],
        "textrank": lambda heard, count: _textrank(heard, count, embedder),
    }


def _textrank(heard: Sequence[Utterance], count: int, embedder: Embedder) -> list[str]:
    """Mihalcea and Tarau 2004, with cosines of sentence vectors for the edges."""
    if not heard or not count:
        return []
    made = vectors(embedder, [u.text for u in heard])
    weights = np.clip(made @ made.T, 0.0, None).astype(np.float64)
    weights -= weights.min()  # e5's cosines lie close together; the least like pair has no edge
    np.fill_diagonal(weights, 0.0)
    flow = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    rank = np.full(len(heard), 1.0 / len(heard))
    for _ in range(_ROUNDS):
        rank = (1 - _DAMPING) / len(heard) + _DAMPING * rank @ flow
    return [heard[place].segment_id for place in np.argsort(-rank)[:count]]


def _four(found: Summary) -> Sequence[SummaryPart]:
    return [part for part in found.parts if part.part in PARTS]


def chosen(found: Summary, part: Part) -> list[str]:
    """The segments that a part's sentences stand in."""
    held = next(p for p in found.parts if p.part == part)
    return [sentence.segments[0] for sentence in held.sentences if sentence.segments]


def _scores(made: Sequence[tuple[MarkedCall, Summary]], pick: Picker | None) -> dict[str, Figures]:
    scores: dict[str, Figures] = {}
    for part, speaker in SPEAKER.items():
        hits = picked = wanted = 0
        for call, found in made:
            own = chosen(found, part)
            if pick is not None:
                own = pick(candidates(call.heard, speaker), len(own))
            hits += len(set(own) & call.marks[part])
            picked += len(set(own))
            wanted += len(call.marks[part])
        scores[part] = rates(hits, picked, wanted)
    return scores


def _random(made: Sequence[tuple[MarkedCall, Summary]]) -> dict[str, Figures]:
    draw = random.Random(_SEED)
    rows = [
        _scores(made, lambda heard, count: [u.segment_id for u in draw.sample(heard, min(count, len(heard)))])
        for _ in range(_DRAWS)
    ]
    names = ("precision", "recall", "f1")
    return {part: {name: sum(row[part][name] for row in rows) / _DRAWS for name in names} for part in SPEAKER}


def candidates(heard: Sequence[Utterance], speaker: Channel) -> list[Utterance]:
    """What a baseline may pick: the speaker's utterances with content."""
    return [u for u in heard if u.channel == speaker and content_length(u.text) >= LEAST_CONTENT]


def rates(hits: int, picked: int, wanted: int) -> Figures:
    """Precision, recall and F1; 0 where there is nothing to divide by."""
    precision, recall = hits / picked if picked else 0.0, hits / wanted if wanted else 0.0
    both = precision + recall
    return {"precision": precision, "recall": recall, "f1": 2 * precision * recall / both if both else 0.0}


def _deadlines(made: Sequence[tuple[MarkedCall, Summary]]) -> Figures:
    """Of the marked days: found in the summary and right, wrong, or without; and days that were not marked."""
    counts = {"marked": 0, "right": 0, "wrong": 0, "not_shown": 0, "unmarked": 0}
    for call, found in made:
        shown = {
            sentence.segments[0]: sentence.due
            for part in found.parts
            if part.part in ("promised", "next")
            for sentence in part.sentences
        }
        counts["unmarked"] += sum(due is not None and segment not in call.due for segment, due in shown.items())
        for segment, day in call.due.items():
            counts["marked"] += 1
            if segment not in shown:
                counts["not_shown"] += 1
            else:
                counts["right" if (shown[segment] or "")[:10] == day else "wrong"] += 1
    return dict(counts)


def _is_said(heard: Sequence[Utterance], found: Summary) -> bool:
    """Whether each sentence is what stands at the places that it quotes."""
    texts = {u.segment_id: u.text for u in heard}
    return all(
        sentence.text == "".join(texts[q.segment_id][q.start : q.end] for q in sentence.quotes)
        for part in found.parts
        for sentence in part.sentences
    )


def _median(values: Sequence[int]) -> float | None:
    return float(np.median(values)) if values else None


def measure_calls(calls: Sequence[ScriptedCall], embedder: Embedder, *, show: bool = False) -> Figures:
    """How much of the expected follow-up (its pairs of characters) and of the expected tags the summary holds."""
    sums: dict[str, list[float]] = {}
    rows = []
    for call in calls:
        heard = utterances(call)
        found = summarise(heard, moment="end", started_at=call.started_at, embedder=embedder)
        text = " ".join(sentence.text for part in found.parts for sentence in part.sentences)
        if show:
            console.print(f"\n{call.id}", style="bold", markup=False)
            console.print(written_out(found.parts, call.language), markup=False, highlight=False)
        everything = "".join(u.text for u in heard if content_length(u.text) >= LEAST_CONTENT)
        texts = {"product": text, "lead": everything[: len(text)], "tail": everything[-len(text) :]}
        for name, shown in texts.items():
            expected = str(call.record.get("follow_up") or "")
            sums.setdefault(f"follow_up_{name}", []).append(_share(expected, shown))
            tags = call.record.get("tags")
            for tag in tags if isinstance(tags, list) else []:
                sums.setdefault(f"tags_{name}", []).append(_share(str(tag), shown))
        rows.append({"call": call.id, "characters": len(text), "said_characters": sum(len(u.text) for u in heard)})
    return {"calls": len(calls), "rows": rows} | {name: sum(v) / len(v) for name, v in sums.items() if v}


def _share(expected: str, text: str) -> float:
    wanted, held = _pairs(expected), _pairs(text)
    return len(wanted & held) / len(wanted) if wanted else 0.0


def _pairs(text: str) -> set[str]:
    kept = "".join(char for char in text.lower() if char.isalnum())
    return {kept[i : i + 2] for i in range(len(kept) - 1)}


def report(figures: Figures, which: str) -> None:
    """Print the figures."""
    rows = [
        [f"{part}: {name}", *(scores[part][figure] for figure in ("precision", "recall", "f1"))]
        for part in SPEAKER
        for name, scores in figures["methods"].items()
    ]
    title = f"summaries of {figures['marked']} marked calls ({which}), {figures['segments']} segments"
    table(title, ["part", "precision", "recall", "f1"], rows)
    names = ("deadlines", "not_said", "compression", "characters_p50_zh", "characters_max_zh", "ms_per_call", _LIVE)
    table("the same summaries", ["figure", ""], [[name, figures[name]] for name in names])
    if "calls" in figures:
        held = {name: value for name, value in figures["calls"].items() if name not in ("rows", "calls")}
        table(f"test calls ({figures['calls']['calls']})", ["share held", ""], [[k, v] for k, v in held.items()])


if __name__ == "__main__":
    run(main)
