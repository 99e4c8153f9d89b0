"""``python -m eval.ablation DIR``: what each lever of the recogniser brings, on the segments of a set of utterances.

The utterances go over a telephone line and are cut into segments once, as in a call; then every variant decodes the
same segments through the engine with one process. So neither load nor timing plays a part, and nobody waits: figures
are those of recordings. ``above_full`` is by how much the error rate is above that of Whisper's usual window of 30 s,
with the interval of the paired difference: most levers lie within it on a set of this size, and it takes many
utterances to tell them apart.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from asr.config import EngineConfig, StreamConfig
from asr.engine import WhisperEngine
from asr.segmenter import Closed, Segmenter
from asr.vad import WebRtcVad
from callcue.core.errors import BadInput
from callcue.core.settings import Settings
from callcue.core.speech import Hypothesis, Language, Window
from eval.metrics import ErrorCount, error_rate, error_rate_gap
from eval.options import any_language
from eval.report import Figures, progress, run, table, write
from eval.resources import cpu_seconds
from eval.speech_run import TRAILING_SILENCE_MS
from eval.speech_set import Audio, Line, Utterance, errors, joined, load_over, read_set
from models.store import ModelStore
from models.whisper import whisper_folder

_SEED = 7
_FULL = "windows of 30 s"
_PROMPTS: dict[Language, str] = {"zh": "以下是普通话的句子。", "en": "A phone call with customer service."}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way of decoding."""

    name: str
    config: EngineConfig
    batch: int = 1
    """Windows in one decode."""
    prompted: bool = False
    """With a sentence in the right script before it."""
    in_context: bool = False
    """With the text of the segment before it."""


def variants(base: EngineConfig) -> list[Variant]:
    """The yardstick first, then the product, then the product with one thing changed."""
    product = replace(base, workers=1)

    def windows(padding_s: float, least_s: float) -> EngineConfig:
        return replace(product, padding_s=padding_s, min_window_s=least_s, patient_window_s=least_s)

    short = windows(product.padding_s, product.min_window_s)
    patient = windows(product.padding_s, product.patient_window_s)
    return [
        Variant(name=_FULL, config=windows(30.0, 30.0)),
        Variant(name=f"patient: {product.patient_window_s:g} s at least", config=patient),
        Variant(name=f"under load: {product.min_window_s:g} s at least", config=short),
        Variant(name="no least length", config=windows(product.padding_s, 0.0)),
        Variant(name="padding of 3 s, no least length", config=windows(3.0, 0.0)),
        Variant(name="padding of 8 s, 15 s at least", config=windows(8.0, 15.0)),
        Variant(name="under load, beam 3", config=replace(short, beam_size=3)),
        Variant(name="under load, greedy", config=replace(short, beam_size=1)),
        Variant(name="under load, searched in fours", config=replace(short, max_batch=4), batch=4),
        Variant(name="under load, prompt in the right script", config=short, prompted=True),
        Variant(name="under load, text before as prompt", config=short, in_context=True),
        Variant(name="under load, float32", config=replace(short, compute_type="float32")),
    ]


def main(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with manifest.jsonl and the audio.")],
    *,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    lang: Annotated[str | None, typer.Option(help="Only utterances of this language: zh or en.")] = None,
    limit: Annotated[
        int | None, typer.Option(help="Only so many utterances, drawn at random; 2 at least.", min=2)
    ] = None,
    channel: Annotated[str, typer.Option(help="clean (16 kHz where it is) or telephone (8 kHz mu-law).")] = "telephone",
    only: Annotated[str, typer.Option(help="Only variants whose name holds this, and the yardstick.")] = "",
) -> None:
    """Decode the same segments in many ways."""
    if channel not in ("clean", "telephone"):
        raise typer.BadParameter(f"{channel!r} is not clean or telephone", param_hint="--channel")
    line: Line = "clean" if channel == "clean" else "telephone"
    found = read_set(folder, any_language(lang))
    if limit is not None and limit < len(found):
        found = random.Random(_SEED).sample(found, limit)
    if len({utterance.language for utterance in found}) > 1:
        raise BadInput(f"{folder} has utterances in two languages, whose error rates do not add up; say --lang")
    settings = Settings()
    chosen = [
        one for one in variants(EngineConfig.from_settings(settings.speech)) if one.name == _FULL or only in one.name
    ]
    pairs = [(utterance, load_over(utterance, line)) for utterance in found]
    model = whisper_folder(ModelStore(settings.cache_dir), settings.speech.model)
    figures = asyncio.run(measure(pairs, chosen, model))
    show(figures, f"{folder}, {channel}")
    write(figures, json_file)


async def measure(pairs: Sequence[tuple[Utterance, Audio]], chosen: Sequence[Variant], model: Path) -> Figures:
    """A row per variant; the first is the yardstick."""
    segments = [cut(audio) for _, audio in pairs]
    audio_s = sum(audio.duration_s for _, audio in pairs)
    counts: list[list[ErrorCount]] = []
    rows: list[Figures] = []
    with progress("variants", len(chosen)) as done:
        for variant in chosen:
            engine = WhisperEngine(model, variant.config)
            await engine.start()
            try:
                before = cpu_seconds()
                heard = await _decode(engine, variant, pairs, segments)
                cost = cpu_seconds() - before
            finally:
                await engine.close()
            counts.append(
                [errors(utterance, _text(part, utterance)) for (utterance, _), part in zip(pairs, heard, strict=True)]
            )
            rows.append({"variant": variant.name, **_row(counts[0], counts[-1], heard, cost / audio_s)})
            done()
    return {"utterances": len(pairs), "audio_s": audio_s, "segments": sum(map(len, segments)), "variants": rows}


def cut(audio: Audio) -> list[bytes]:
    """The windows of an utterance's segments, as a channel gives them to the engine."""
    segmenter = Segmenter(WebRtcVad(StreamConfig().vad_aggressiveness), audio.rate, StreamConfig().endpointing)
    heard = segmenter.push(audio.pcm + bytes(2 * audio.rate * TRAILING_SILENCE_MS // 1000))
    closed = [event for event in heard if isinstance(event, Closed)]
    return [event.pcm for event in (*closed, *segmenter.finish())]


async def _decode(
    engine: WhisperEngine,
    variant: Variant,
    pairs: Sequence[tuple[Utterance, Audio]],
    segments: Sequence[Sequence[bytes]],
) -> list[list[Hypothesis]]:
    """What was heard in each segment of each utterance."""
    heard: list[list[Hypothesis]] = [[] for _ in pairs]
    waiting: list[tuple[int, Window]] = []

    async def flush() -> None:
        found = await engine.decode([window for _, window in waiting])
        for (place, _), hypothesis in zip(waiting, found, strict=True):
            heard[place].append(hypothesis)
        waiting.clear()

    for place, ((utterance, _), windows) in enumerate(zip(pairs, segments, strict=True)):
        for pcm in windows:
            prompt = _PROMPTS[utterance.language] if variant.prompted else ""
            if variant.in_context and heard[place]:
                prompt = heard[place][-1].text
            waiting.append(
                (place, Window(pcm=pcm, language=utterance.language, final=True, patient=True, prompt=prompt))
            )
            if len(waiting) >= variant.batch:
                await flush()
    if waiting:
        await flush()
    return heard


def _text(heard: Sequence[Hypothesis], utterance: Utterance) -> str:
    return joined([one.text for one in heard if one.text], utterance.language)


def _row(
    full: Sequence[ErrorCount], own: Sequence[ErrorCount], heard: Sequence[Sequence[Hypothesis]], cost: float
) -> dict[str, Any]:
    rate, yardstick = error_rate(own), error_rate(full)
    return {
        "error_rate": rate,
        "above_full": None if rate is None or yardstick is None else rate - yardstick,
        "above_full_interval": error_rate_gap(own, full),
        "cpu_s_per_audio_s": cost,
        "fallbacks": sum(one.fallback for part in heard for one in part),
        "rejected": sum(one.rejected is not None for part in heard for one in part),
    }


def show(figures: Figures, title: str) -> None:
    """Print the table."""
    heads = ["variant", "error_rate", "above_full", "above_full_interval", "cpu_s_per_audio_s", "fallbacks", "rejected"]
    rows = [[row[head] for head in heads] for row in figures["variants"]]
    table(f"{title}: {figures['segments']} segments of {figures['utterances']} utterances", heads, rows)


if __name__ == "__main__":
    run(main)
