"""Runs utterances through the streaming recogniser as a call would: small chunks, then silence until it endpoints."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from asr.engine import EngineConfig, WhisperEngine
from asr.scheduler import DecodeScheduler, SchedulerConfig
from asr.streaming import ChannelRecogniser, StreamConfig, TranscriptUpdate
from asr.vad import WebRtcVad
from callcue.core.clock import SystemClock
from callcue.core.settings import Settings
from callcue.core.speech import Language, LanguageChoice
from eval.speech_set import Audio, Utterance, joined

CHUNK_MS = 20
TRAILING_SILENCE_MS = 1500
"""Fed after each utterance, so that endpointing ends the segment as it does in a call."""


@dataclass(slots=True)
class Heard:
    """What came out for one utterance, and when (monotonic seconds)."""

    utterance: Utterance
    audio: Audio
    began: float = 0.0
    first_partial: float | None = None
    last_final: float | None = None
    finals: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Segment id -> start and text."""
    partials: int = 0
    languages: set[Language] = field(default_factory=set)
    """In which finals with a text were decoded."""

    async def take(self, update: TranscriptUpdate) -> None:
        """Note one update with the time of its arrival."""
        now = time.monotonic()
        if update.final:
            self.finals[update.segment_id] = (update.start_ms, update.stable)
            self.last_final = now
            if update.hypothesis is not None and update.stable:
                self.languages.add(update.hypothesis.language)
        elif update.stable or update.unstable:
            self.partials += 1
            self.first_partial = self.first_partial or now

    @property
    def language_right(self) -> bool:
        """Whether all of it was decoded in the language that is spoken."""
        return self.languages == {self.utterance.language}

    @property
    def text(self) -> str:
        """All finals in order of time."""
        return joined([text for _, text in sorted(self.finals.values())], self.utterance.language)

    @property
    def final_latency_ms(self) -> float | None:
        """From the end of speech to the arrival of the last final; only after a run at real speed."""
        if self.last_final is None:
            return None
        return (self.last_final - self.began) * 1000 - self.audio.speech_end_ms

    @property
    def first_partial_ms(self) -> float | None:
        """From the first sample to the first text on the screen."""
        first = self.first_partial or self.last_final
        return None if first is None else (first - self.began) * 1000


@asynccontextmanager
async def recogniser(settings: Settings, folder: Path) -> AsyncIterator[DecodeScheduler]:
    """A started engine and its scheduler, configured as the service configures them."""
    engine = WhisperEngine(folder, EngineConfig.from_settings(settings.speech))
    scheduler = DecodeScheduler(engine, SystemClock(), SchedulerConfig.from_settings(settings.speech))
    await scheduler.start()
    try:
        yield scheduler
    finally:
        await scheduler.close()


async def hear(
    utterance: Utterance,
    audio: Audio,
    *,
    scheduler: DecodeScheduler,
    settings: Settings,
    speed: float,
    language: LanguageChoice | None = None,
) -> Heard:
    """Feed one utterance; ``speed`` 1.0 is real time, 0 as fast as it is taken, with finals only. ``language`` is
    what the recogniser is told; default: what is spoken."""
    heard = Heard(utterance=utterance, audio=audio)
    config = StreamConfig.from_settings(settings.speech)
    stream = ChannelRecogniser(
        channel="caller",
        sample_rate=audio.rate,
        language=language or utterance.language,
        scheduler=scheduler,
        vad=WebRtcVad(settings.speech.vad_aggressiveness),
        config=config if speed else config.bulk,
        emit=heard.take,
    )
    step = audio.rate * CHUNK_MS // 1000 * 2
    pcm = audio.pcm + bytes(2 * audio.rate * TRAILING_SILENCE_MS // 1000)
    heard.began = time.monotonic()
    for offset in range(0, len(pcm), step):
        chunk = pcm[offset : offset + step]
        if speed:
            # A chunk can be sent when its last sample has been spoken, not before.
            spoken = (offset + len(chunk)) / 2 / audio.rate / speed
            await asyncio.sleep(max(0.0, heard.began + spoken - time.monotonic()))
        else:
            await asyncio.sleep(0)
        await stream.feed(chunk)
    await stream.finish()
    return heard


async def hear_all(
    pairs: Sequence[tuple[Utterance, Audio]],
    *,
    scheduler: DecodeScheduler,
    settings: Settings,
    speed: float,
    parallel: int,
    done: Callable[[], None],
    language: LanguageChoice | None = None,
) -> list[Heard]:
    """Several utterances, ``parallel`` at a time as if they were calls; results in the order given."""
    room = asyncio.Semaphore(parallel)

    async def one(utterance: Utterance, audio: Audio) -> Heard:
        async with room:
            heard = await hear(utterance, audio, scheduler=scheduler, settings=settings, speed=speed, language=language)
            done()
            return heard

    return list(await asyncio.gather(*(one(utterance, audio) for utterance, audio in pairs)))
