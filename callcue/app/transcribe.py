"""Bulk transcription of recordings, with the recogniser that live calls use."""

import asyncio
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from asr.engine import EngineConfig
from asr.scheduler import DecodeScheduler, SchedulerConfig
from asr.streaming import ChannelRecogniser, StreamConfig, TranscriptUpdate
from callcue.app import backends
from callcue.app.client import CHANNELS, load
from callcue.core.clock import SystemClock
from callcue.core.ports import SpeechEngine
from callcue.core.settings import Settings
from callcue.core.speech import Channel, LanguageChoice
from models.store import ModelStore
from models.whisper import known_words, whisper_folder
from nlu.hotwords import HotwordConfig, HotwordCorrector
from nlu.normalise import Normaliser

Format = Literal["json", "srt", "vtt", "txt"]
FEED_MS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One stretch of speech."""

    channel: Channel
    start_ms: int
    end_ms: int
    raw_text: str
    text: str
    language: str
    confidence: float


class Transcriber:
    """A loaded recogniser for files; use as an async context manager."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # No partials are wanted here, and back-pressure paces the reading, so nothing has to be dropped.
        self._stream = StreamConfig.from_settings(settings.speech).bulk
        self._normaliser = Normaliser()
        self._hotwords: HotwordCorrector | None = None
        self._engine: SpeechEngine | None = None
        self._scheduler: DecodeScheduler | None = None

    async def __aenter__(self) -> "Transcriber":
        speech = self._settings.speech
        folder = await asyncio.to_thread(whisper_folder, ModelStore(self._settings.cache_dir), speech.model)
        hotwords = HotwordConfig(given=speech.hotwords, known_english=await asyncio.to_thread(known_words, folder))
        self._hotwords = await asyncio.to_thread(HotwordCorrector, hotwords)
        self._engine = backends.factory(backends.SPEECH, "whisper")(folder, EngineConfig.from_settings(speech))
        await self._engine.start()
        self._scheduler = DecodeScheduler(self._engine, SystemClock(), SchedulerConfig.from_settings(speech))
        await self._scheduler.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._scheduler is not None:
            await self._scheduler.close()
        if self._engine is not None:
            await self._engine.close()

    async def transcribe(
        self, path: Path, language: LanguageChoice, progress: Callable[[int, int], None]
    ) -> list[Segment]:
        """The segments of every channel, by start time. ``progress`` gets milliseconds done and in all."""
        audio = await load(path)
        channels = CHANNELS[len(audio.channels)]
        segments: list[Segment] = []
        recognisers = [self._recogniser(channel, audio.sample_rate, language, segments) for channel in channels]
        step = audio.sample_rate * FEED_MS // 1000 * 2
        for offset in range(0, len(audio.channels[0]), step):
            for recogniser, pcm in zip(recognisers, audio.channels, strict=True):
                await recogniser.feed(pcm[offset : offset + step])
            progress(offset // 2 * 1000 // audio.sample_rate, audio.duration_ms)
        await asyncio.gather(*(recogniser.finish() for recogniser in recognisers))
        progress(audio.duration_ms, audio.duration_ms)
        return sorted(segments, key=lambda segment: (segment.start_ms, segment.channel))

    def _recogniser(
        self, channel: Channel, sample_rate: int, language: LanguageChoice, into: list[Segment]
    ) -> ChannelRecogniser:
        async def keep(update: TranscriptUpdate) -> None:
            if update.final and update.hypothesis is not None and update.stable:
                into.append(self._segment(update))

        assert self._scheduler is not None  # noqa: S101 - used inside the context manager only
        return ChannelRecogniser(
            channel=channel,
            sample_rate=sample_rate,
            language=language,
            scheduler=self._scheduler,
            vad=backends.factory(backends.VOICE_ACTIVITY, "webrtc")(self._settings.speech.vad_aggressiveness),
            config=self._stream,
            emit=keep,
        )

    def _segment(self, update: TranscriptUpdate) -> Segment:
        assert update.hypothesis is not None  # noqa: S101 - checked by the caller
        normalised = self._normaliser.normalise(update.stable, update.hypothesis.language, self._hotwords)
        return Segment(
            channel=update.channel,
            start_ms=update.start_ms,
            end_ms=update.end_ms,
            raw_text=update.stable,
            text=normalised.text,
            language=update.hypothesis.language,
            confidence=round(min(1.0, math.exp(update.hypothesis.avg_logprob)), 3),
        )


def render(segments: list[Segment], form: Format, *, speakers: bool) -> str:
    """The segments as a file of this form. ``speakers``: name who speaks (recordings of two channels)."""
    if form == "json":
        rows = [
            {
                "channel": segment.channel,
                "start_ms": segment.start_ms,
                "end_ms": segment.end_ms,
                "text": segment.text,
                "raw_text": segment.raw_text,
                "language": segment.language,
                "confidence": segment.confidence,
            }
            for segment in segments
        ]
        return json.dumps({"segments": rows}, ensure_ascii=False, indent=1) + "\n"
    if form == "txt":
        return "".join(f"{_speaker(segment, speakers, '{}: ')}{segment.text}\n" for segment in segments)
    if form == "srt":
        return "".join(
            f"{number}\n{_stamp(segment.start_ms, ',')} --> {_stamp(segment.end_ms, ',')}\n"
            f"{_speaker(segment, speakers, '{}: ')}{segment.text}\n\n"
            for number, segment in enumerate(segments, 1)
        )
    return "WEBVTT\n\n" + "".join(
        f"{_stamp(segment.start_ms, '.')} --> {_stamp(segment.end_ms, '.')}\n"
        f"{_speaker(segment, speakers, '<v {}>')}{segment.text}\n\n"
        for segment in segments
    )


def _speaker(segment: Segment, speakers: bool, form: str) -> str:
    return form.format(segment.channel) if speakers else ""


def _stamp(ms: int, mark: str) -> str:
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}{mark}{ms % 1000:03d}"
