"""``python -m eval.silence``: what the recogniser writes when nobody speaks. It must be nothing.

Each sound (``callcue.testing.sounds``) goes through the real recogniser, scheduler and engine in each language, as fast
as it is taken; the feed waits for every partial, so that all that a live call could show is decoded. Then the last
seconds of the sound once more, with an utterance of the demo call right behind them: its text is compared with that of
the same utterance alone, against what was said.

Exit status 1 when any final of a sound had a character.
"""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from asr.scheduler import DecodeScheduler
from asr.streaming import ChannelRecogniser, StreamConfig, TranscriptUpdate
from asr.vad import WebRtcVad
from callcue.core.settings import Settings
from callcue.core.speech import Hypothesis, Language, Window
from callcue.testing.sounds import RATE, Sound, non_speech
from eval.folding import fold_zh
from eval.metrics import count_errors, error_rate
from eval.report import Figures, console, progress, run, table, warn, write
from eval.resources import cpu_seconds
from eval.speech_run import recogniser
from eval.spoken import Spoken, demo_spoken
from models.store import ModelStore
from models.whisper import whisper_folder

LANGUAGES: tuple[Language, ...] = ("zh", "en")
_CHUNK_MS = 100
_TAIL_S = 12.0
"""How much of the sound comes before the utterance."""
_GAP_MS = 120
"""Between the sound and the utterance."""
_UTTERANCE_MS = (1500, 6000)
_PATIENCE_S = 0.002


@dataclass(slots=True)
class Written:
    """What one stream gave."""

    final: str = ""
    partial_chars: int = 0
    """Characters of all partials shown, each revision counted."""
    asked: int = 0
    """Windows sent to the engine."""
    decoded: int = 0
    """Of them, those in which the speech check heard speech, so that Whisper decoded them."""

    async def take(self, update: TranscriptUpdate) -> None:
        """Note one update."""
        if update.final:
            self.final += update.stable
        else:
            self.partial_chars += len(update.stable) + len(update.unstable)


class _Counting:
    """The scheduler as the recogniser sees it, counting; ``running`` tells when a partial is still out."""

    def __init__(self, scheduler: DecodeScheduler, written: Written) -> None:
        self._scheduler = scheduler
        self._written = written
        self.running = 0
        self.partial_stretch = 1.0  # one channel: never so much load that partials thin out

    async def final(self, window: Window, key: str) -> Hypothesis:
        self.running += 1
        try:
            return self._counted(await self._scheduler.final(window, key))
        finally:
            self.running -= 1

    async def partial(self, window: Window, key: str, *, urgent: bool = False) -> Hypothesis | None:
        self.running += 1
        try:
            hypothesis = await self._scheduler.partial(window, key, urgent=urgent)
        finally:
            self.running -= 1
        return hypothesis if hypothesis is None else self._counted(hypothesis)

    def _counted(self, hypothesis: Hypothesis) -> Hypothesis:
        self._written.asked += 1
        # without speech there is no decode, and so no language
        self._written.decoded += hypothesis.language_probability > 0
        return hypothesis


async def listen(pcm: bytes, language: Language, *, scheduler: DecodeScheduler, settings: Settings) -> Written:
    """One stream of s16le at ``RATE`` through the recogniser."""
    written = Written()
    counting = _Counting(scheduler, written)
    stream = ChannelRecogniser(
        channel="caller",
        sample_rate=RATE,
        language=language,
        scheduler=counting,
        vad=WebRtcVad(settings.speech.vad_aggressiveness),
        config=StreamConfig.from_settings(settings.speech),
        emit=written.take,
    )
    step = RATE * _CHUNK_MS // 1000 * 2
    for offset in range(0, len(pcm), step):
        await stream.feed(pcm[offset : offset + step])
        await asyncio.sleep(0)
        while counting.running:  # noqa: ASYNC110 -- a real engine decodes meanwhile
            await asyncio.sleep(_PATIENCE_S)
    await stream.finish()
    return written


def main(
    *,
    minutes: Annotated[float, typer.Option(help="Of each sound.", min=0.05, max=120)] = 5.0,
    utterances: Annotated[int, typer.Option(help="Spoken right after each sound.", min=0, max=20)] = 8,
    only: Annotated[str, typer.Option(help="Sounds whose name begins so.")] = "",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Listen to what is no speech; exit status 1 if any of it became final text."""
    sounds = [sound for sound in non_speech() if sound.name.startswith(only)]
    if not sounds:
        raise typer.BadParameter(f"no sound's name begins with {only!r}", param_hint="--only")
    figures = asyncio.run(_measure(sounds, minutes * 60, demo_spoken(*_UTTERANCE_MS)[:utterances], Settings()))
    show(figures)
    write(figures, json_file)
    if figures["final_chars"]:
        warn(f"{figures['final_chars']} characters were written where nobody spoke")
        sys.exit(1)


async def _measure(sounds: Sequence[Sound], seconds: float, spoken: Sequence[Spoken], settings: Settings) -> Figures:
    model = whisper_folder(ModelStore(settings.cache_dir), settings.speech.model)
    rows: list[Figures] = []
    async with recogniser(settings, model) as scheduler:
        alone = [await _text(item.pcm, scheduler, settings) for item in spoken]
        with progress("sounds", len(sounds)) as done:
            for sound in sounds:
                pcm = sound.pcm(seconds)
                for language in LANGUAGES:
                    rows.append(await _row(sound, pcm, language, scheduler, settings))
                    _tell(rows[-1])
                tail = pcm[-round(_TAIL_S * RATE) * 2 :] + bytes(RATE * _GAP_MS // 1000 * 2)
                after = [await _text(tail + item.pcm, scheduler, settings) for item in spoken]
                rows[-2].update(_after(spoken, alone, after))
                done()
    changes = [row["cer_after"] - row["cer_alone"] for row in rows if row.get("cer_after") is not None]
    return {
        "minutes": seconds / 60,
        "final_chars": sum(row["final_chars"] for row in rows),
        "partial_chars": sum(row["partial_chars"] for row in rows),
        "cer_change_max": max(changes, default=None),
        "sounds": rows,
    }


async def _row(sound: Sound, pcm: bytes, language: Language, scheduler: DecodeScheduler, settings: Settings) -> Figures:
    before = cpu_seconds()
    written = await listen(pcm, language, scheduler=scheduler, settings=settings)
    return {
        "sound": sound.name,
        "language": language,
        "final_chars": len(written.final),
        "final_text": written.final,
        "partial_chars": written.partial_chars,
        "windows": written.asked,
        "windows_decoded": written.decoded,
        "cpu_s": cpu_seconds() - before,
    }


async def _text(pcm: bytes, scheduler: DecodeScheduler, settings: Settings) -> str:
    return (await listen(pcm, "zh", scheduler=scheduler, settings=settings)).final


def _after(spoken: Sequence[Spoken], alone: Sequence[str], after: Sequence[str]) -> Figures:
    """Error rates of the same utterances, alone and behind the sound."""

    def cer(texts: Sequence[str]) -> float | None:
        return error_rate(
            [count_errors(fold_zh(item.text), fold_zh(text)) for item, text in zip(spoken, texts, strict=True)]
        )

    return {"cer_alone": cer(alone), "cer_after": cer(after), "lost_after": sum(not text for text in after)}


def _tell(row: Figures) -> None:
    if row["final_chars"] or row["partial_chars"]:
        warn(
            f"{row['sound']} ({row['language']}): final {row['final_text'][:80]!r}, {row['partial_chars']} in partials"
        )


def show(figures: Figures) -> None:
    """Print the table."""
    names = ("final_chars", "partial_chars", "windows", "windows_decoded", "cpu_s", "cer_alone", "cer_after")
    rows = [[f"{row['sound']}, {row['language']}", *(row.get(name) for name in names)] for row in figures["sounds"]]
    table(f"{figures['minutes']:g} minutes of each sound", ["sound", *names], rows)
    console.print(
        f"final characters {figures['final_chars']}, partial characters {figures['partial_chars']}", highlight=False
    )


if __name__ == "__main__":
    run(main)
