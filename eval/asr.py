"""``python -m eval.asr DIR``: how well, how fast and at what cost the streaming recogniser hears a set of utterances.

Two passes. The first feeds every utterance as fast as it is taken, several at once, as recordings are transcribed:
finals only. It gives the error rate and ``cpu_s_per_audio_s``. The second feeds a random sample one by one at real
speed, as in a live call with its partials, for latencies, which mean nothing otherwise; its CPU time is
``live_cpu_s_per_audio_s``. ``--baseline`` runs plain faster-whisper (``transcribe``, beam 5) over the same audio in the
same run; ``cer_above_baseline`` is by how much the error rate is above its own.

``final_latency_ms`` counts from the end of speech (by energy, see ``speech_set.Audio``) to the last final and so holds
the silence that the endpointer waits for; ``first_partial_ms`` from the first sample fed to the first text. The
baseline can begin only when the file ends; its ``first_partial_ms`` is therefore its only text, after the whole
utterance, and nobody tells it that the utterance has ended.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from callcue.core.settings import Settings
from callcue.core.speech import Language, LanguageChoice
from eval.digits import digit_figures, score_digits
from eval.metrics import ErrorCount, error_rate, error_rate_gap, percentile
from eval.options import any_language
from eval.report import Figures, progress, run, table, write
from eval.resources import cpu_seconds
from eval.speech_run import Heard, hear_all, recogniser
from eval.speech_set import RATE_NAMES, Audio, Line, Utterance, error_figures, errors, load, load_over, read_set
from models.store import ModelStore
from models.whisper import whisper_folder

_SEED = 7


def main(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with manifest.jsonl and the audio.")],
    *,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    lang: Annotated[str | None, typer.Option(help="Only utterances of this language: zh or en.")] = None,
    language: Annotated[
        str | None, typer.Option(help="What the recogniser is told: zh, en or auto; default: what is spoken.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Only so many utterances, drawn at random.", min=1)] = None,
    rate: Annotated[int, typer.Option(help="Feed at 8000 or 16000 Hz.")] = 8000,
    channel: Annotated[
        str | None,
        typer.Option(help="Instead of --rate: clean (16 kHz where it is) or telephone (8 kHz mu-law)."),
    ] = None,
    speed: Annotated[str, typer.Option(help="Of the first pass: seconds of audio per second, or max.")] = "max",
    parallel: Annotated[int, typer.Option(help="Utterances at once in the first pass.", min=1)] = 4,
    latency_sample: Annotated[int, typer.Option(help="Utterances heard at real speed; 0: none.", min=0)] = 12,
    model: Annotated[str | None, typer.Option(help="Recogniser instead of the configured one.")] = None,
    baseline: Annotated[bool, typer.Option("--baseline", help="Also run plain faster-whisper.")] = False,
) -> None:
    """Score the streaming recogniser on a set of utterances."""
    settings = Settings()
    if model is not None:
        settings = settings.model_copy(update={"speech": settings.speech.model_copy(update={"model": model})})
    figures = measure(
        folder,
        settings=settings,
        lang=any_language(lang),
        language=_told(language),
        limit=limit,
        rate=_rate(rate),
        line=_line(channel),
        speed=0.0 if speed == "max" else _speed(speed),
        parallel=parallel,
        latency_sample=latency_sample,
        baseline=baseline,
    )
    show(figures, str(folder))
    write(figures, json_file)


def measure(
    folder: Path,
    *,
    settings: Settings,
    lang: Language | None = None,
    language: LanguageChoice | None = None,
    limit: int | None = None,
    rate: int = 8000,
    line: Line | None = None,
    speed: float = 0.0,
    parallel: int = 4,
    latency_sample: int = 12,
    baseline: bool = False,
) -> Figures:
    """The figures of one set."""
    utterances = read_set(folder, lang)
    if limit is not None and limit < len(utterances):
        utterances = random.Random(_SEED).sample(utterances, limit)
    pairs = [
        (utterance, load(utterance, rate) if line is None else load_over(utterance, line)) for utterance in utterances
    ]
    sample = random.Random(_SEED).sample(pairs, min(latency_sample, len(pairs)))
    model = whisper_folder(ModelStore(settings.cache_dir), settings.speech.model)
    figures, texts = asyncio.run(
        _product(pairs, sample, settings=settings, model=model, speed=speed, parallel=parallel, language=language)
    )
    figures = {"model": settings.speech.model, **({"rate": rate} if line is None else {"channel": line}), **figures}
    if baseline:
        from eval.speech_baseline import transcribe_all

        figures["baseline"], others = transcribe_all(pairs, model, settings.speech.compute_type)
        figures |= gaps(utterances, texts, others)
    return figures


async def _product(
    pairs: Sequence[tuple[Utterance, Audio]],
    sample: Sequence[tuple[Utterance, Audio]],
    *,
    settings: Settings,
    model: Path,
    speed: float,
    parallel: int,
    language: LanguageChoice | None,
) -> tuple[Figures, list[str]]:
    async with recogniser(settings, model) as scheduler:
        before, began = cpu_seconds(), time.monotonic()
        with progress("full speed", len(pairs)) as done:
            heard = await hear_all(
                pairs,
                scheduler=scheduler,
                settings=settings,
                speed=speed,
                parallel=parallel,
                done=done,
                language=language,
            )
        cpu, wall = cpu_seconds() - before, time.monotonic() - began
        before = cpu_seconds()
        with progress("real speed", len(sample)) as done:
            live = await hear_all(
                sample, scheduler=scheduler, settings=settings, speed=1.0, parallel=1, done=done, language=language
            )
        live_cpu = cpu_seconds() - before
    figures = {
        **summary(heard, cpu=cpu, wall=wall),
        **latencies(live),
        "live_cpu_s_per_audio_s": _per_audio_second(live_cpu, live),
    }
    return figures, [item.text for item in heard]


def gaps(utterances: Sequence[Utterance], ours: Sequence[str], theirs: Sequence[str]) -> Figures:
    """By how much the error rate is above the baseline's, with the interval of the paired difference."""
    figures: Figures = {}
    for language, name in RATE_NAMES:
        both = [
            (errors(utterance, one), errors(utterance, other))
            for utterance, one, other in zip(utterances, ours, theirs, strict=True)
            if utterance.language == language
        ]
        if both:
            mine, baselines = zip(*both, strict=True)
            figures[f"{name}_above_baseline"] = (error_rate(mine) or 0.0) - (error_rate(baselines) or 0.0)
            figures[f"{name}_above_baseline_interval"] = error_rate_gap(mine, baselines)
    return figures


def summary(heard: Sequence[Heard], *, cpu: float, wall: float) -> Figures:
    """Error rates by language, with intervals, and cost."""
    counts: dict[Language, list[ErrorCount]] = {}
    for item in heard:
        counts.setdefault(item.utterance.language, []).append(errors(item.utterance, item.text))
    return {
        "utterances": len(heard),
        "audio_s": sum(item.audio.duration_s for item in heard),
        **error_figures(counts),
        "digit_strings": digit_figures(
            score_digits(item.utterance.transcript, item.text, item.utterance.language) for item in heard
        ),
        "cpu_s_per_audio_s": _per_audio_second(cpu, heard),
        "wall_s": wall,
        "language_right": _share([item.language_right for item in heard if item.languages]),
        "without_text": sum(not item.text for item in heard),
    }


def latencies(live: Sequence[Heard]) -> Figures:
    """Of the utterances heard at real speed; those that gave no text have none and are counted."""
    finals = [item.final_latency_ms for item in live if item.final_latency_ms is not None]
    partials = [item.first_partial_ms for item in live if item.first_partial_ms is not None]
    return {
        "latency_sample": len(live),
        "latency_without_text": len(live) - len(finals),
        "final_latency_ms": {"p50": percentile(finals, 50), "p95": percentile(finals, 95)},
        "first_partial_ms": {"p50": percentile(partials, 50)},
        "partials": sum(item.partials for item in live),
    }


def show(figures: Figures, title: str) -> None:
    """Print the figures, the baseline's beside them."""
    base: dict[str, Any] = figures.get("baseline", {})
    columns = ["figure", "CallCue", "faster-whisper"] if base else ["figure", "CallCue"]
    rows = [[name, value, base.get(name)] for name, value in figures.items() if name != "baseline"]
    table(title, columns, [row[: len(columns)] for row in rows])


def _per_audio_second(cpu: float, heard: Sequence[Heard]) -> float | None:
    audio = sum(item.audio.duration_s for item in heard)
    return cpu / audio if audio else None


def _share(verdicts: Sequence[bool]) -> float | None:
    return sum(verdicts) / len(verdicts) if verdicts else None


def _told(name: str | None) -> LanguageChoice | None:
    if name not in (None, "zh", "en", "auto"):
        raise typer.BadParameter(f"{name!r} is not zh, en or auto", param_hint="--language")
    return name  # type: ignore[return-value] # checked


def _rate(rate: int) -> Literal[8000, 16000]:
    if rate == 8000:
        return 8000
    if rate == 16000:
        return 16000
    raise typer.BadParameter("8000 or 16000", param_hint="--rate")


def _line(name: str | None) -> Line | None:
    if name not in (None, "clean", "telephone"):
        raise typer.BadParameter(f"{name!r} is not clean or telephone", param_hint="--channel")
    return name  # type: ignore[return-value] # checked


def _speed(speed: str) -> float:
    try:
        value = float(speed)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1000:
        raise typer.BadParameter("a number above 0, or max", param_hint="--speed")
    return value


if __name__ == "__main__":
    run(main)
