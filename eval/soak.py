"""``python -m eval.soak [DIR]``: a long call of two channels, as fast as it is taken. Memory stays flat, and time true?

The call is made of the utterances of DIR (or of the packaged demo call, again and again) with natural pauses. At each
tenth the resident memory of the service's process and of its workers is noted. Word times are compared with those of
plain faster-whisper on each utterance alone, moved to its place: the two align differently, so what counts is whether
the last tenth is further off than the first.
"""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from asr.scheduler import DecodeScheduler
from asr.streaming import ChannelRecogniser, StreamConfig, TranscriptUpdate
from asr.vad import WebRtcVad
from callcue.core.errors import BadInput
from callcue.core.settings import Settings
from callcue.core.speech import Channel
from eval.metrics import error_rate, percentile
from eval.options import spoken_language
from eval.report import Figures, console, progress, run, table, write
from eval.resources import cpu_seconds, memory
from eval.soak_call import CHANNELS, CallAudio, Placed, place
from eval.soak_score import Score, offline, repeated, score
from eval.speech_run import recogniser
from eval.spoken import RATE, demo_spoken, set_spoken
from models.store import ModelStore
from models.whisper import whisper_folder

_TENTHS = 10
_CHUNK_MS = 100
_LENGTHS_MS = (800, 15_000)


def main(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Folder with manifest.jsonl; default: the demo call.")
    ] = None,
    *,
    minutes: Annotated[float, typer.Option(help="Length of the call.", min=0.5, max=600)] = 60.0,
    lang: Annotated[str, typer.Option(help="Language of the call and of its utterances: zh or en.")] = "zh",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Play one long call at speed; print memory and the drift of word times."""
    language = spoken_language(lang)
    spoken = demo_spoken(*_LENGTHS_MS) if folder is None else set_spoken(folder, language, _LENGTHS_MS[1])
    spoken = [item for item in spoken if item.language == language]
    placed = place(spoken, minutes)
    if not placed:
        raise BadInput("there is no utterance that fits: they last at most 15 s and are of the call's language")
    figures = asyncio.run(measure(placed, minutes, Settings()))
    show(figures)
    write(figures, json_file)


async def measure(placed: Sequence[Placed], minutes: float, settings: Settings) -> Figures:
    """The figures of one call."""
    model = whisper_folder(ModelStore(settings.cache_dir), settings.speech.model)
    heard: dict[Channel, list[TranscriptUpdate]] = {channel: [] for channel in CHANNELS}
    before = cpu_seconds()
    async with recogniser(settings, model) as scheduler:
        memories = await _play(placed, round(minutes * 60_000), heard, scheduler, settings)
        cpu = cpu_seconds() - before
    used = list({id(item.spoken): item.spoken for item in placed}.values())
    # in a process that is measured no more: a second copy of the model would be part of its memory
    alone = dict(zip(map(id, used), offline(used, model, settings.speech.compute_type), strict=True))
    scores = [score(item, alone[id(item.spoken)], heard[item.channel]) for item in placed]
    tenth_ms = minutes * 60_000 / _TENTHS
    tenths = [
        {**memories[nth], **_summary([one for one in scores if int(one.start_ms // tenth_ms) == nth])}
        for nth in range(_TENTHS)
    ]
    return {
        "minutes": minutes,
        "utterances": len(placed),
        "lost_utterances": sum(one.lost for one in scores),
        "repeated_segments": sum(repeated(finals) for finals in heard.values()),
        "cpu_s_per_audio_s": cpu / (minutes * 60),
        **_summary(scores),
        "drift_ms": _drift(tenths),
        "tenths": tenths,
    }


async def _play(
    placed: Sequence[Placed],
    length_ms: int,
    heard: dict[Channel, list[TranscriptUpdate]],
    scheduler: DecodeScheduler,
    settings: Settings,
) -> list[Figures]:
    """Feed both channels in step; the memory at the end of each tenth."""

    async def note(update: TranscriptUpdate) -> None:
        if update.final:
            heard[update.channel].append(update)

    streams = {
        channel: ChannelRecogniser(
            channel=channel,
            sample_rate=RATE,
            language=placed[0].spoken.language,
            scheduler=scheduler,
            vad=WebRtcVad(settings.speech.vad_aggressiveness),
            config=StreamConfig.from_settings(settings.speech),
            emit=note,
        )
        for channel in CHANNELS
    }
    audio, memories = CallAudio(placed), list[Figures]()
    with progress("tenths", _TENTHS) as done:
        for at_ms in range(0, length_ms, _CHUNK_MS):
            for channel, stream in streams.items():
                await stream.feed(audio.piece(channel, at_ms, min(_CHUNK_MS, length_ms - at_ms)))
            await asyncio.sleep(0)
            if (at_ms + _CHUNK_MS) * _TENTHS // length_ms > len(memories):
                now = memory(os.getpid())
                memories.append({"main_mb": now.main_mb, "workers_mb": now.all_mb - now.main_mb})
                done()
        for stream in streams.values():
            await stream.finish()
    return memories


def _summary(scores: Sequence[Score]) -> Figures:
    errors = [value for one in scores for value in one.errors_ms]
    return {
        "words": len(errors),
        "word_error_ms": {
            "median": percentile(errors, 50),
            "p50": percentile([abs(value) for value in errors], 50),
            "p95": percentile([abs(value) for value in errors], 95),
        },
        "cer": error_rate([one.text for one in scores]),
    }


def _drift(tenths: Sequence[Figures]) -> float | None:
    """How much later words come in the last tenth than in the first, in the median."""
    first, last = tenths[0]["word_error_ms"]["median"], tenths[-1]["word_error_ms"]["median"]
    return None if first is None or last is None else float(last - first)


def show(figures: Figures) -> None:
    """Print the tenths, then the whole."""
    columns = ["tenth", "main MB", "workers MB", "words", "median ms", "p50 ms", "p95 ms", "error rate"]
    rows = [
        [str(nth), row["main_mb"], row["workers_mb"], row["words"], *row["word_error_ms"].values(), row["cer"]]
        for nth, row in enumerate(figures["tenths"], start=1)
    ]
    table(f"a call of {figures['minutes']:g} minutes", columns, rows)
    whole = {name: value for name, value in figures.items() if name != "tenths"}
    table("all of it", ["figure", "value"], [[name, value] for name, value in whole.items()])
    console.print("times: start of each word, live minus offline; p50 and p95 of its size", highlight=False)


if __name__ == "__main__":
    run(main)
