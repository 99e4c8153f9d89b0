"""Live calls straight into the recogniser: no sockets, no cards, no database. What remains is what decoding costs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

from asr.scheduler import DecodeScheduler
from asr.streaming import ChannelRecogniser, StreamConfig, TranscriptUpdate
from asr.vad import WebRtcVad
from callcue.core.clock import SystemClock
from callcue.core.errors import EngineFailed
from callcue.core.ports import Clock, VoiceActivity
from callcue.core.settings import Settings
from callcue.core.speech import Channel
from eval.live_calls import CHANNELS, LiveCall
from eval.live_trace import Shown, Trace
from eval.resources import cpu_seconds
from eval.speech_run import recogniser
from models.store import ModelStore
from models.whisper import whisper_folder

_CHUNK_MS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineTransport:
    """Feeds both channels of each call to the scheduler of this process."""

    scheduler: DecodeScheduler
    settings: Settings
    clock: Clock
    vad: Callable[[], VoiceActivity]
    """Makes one for a channel."""

    async def play(self, call: LiveCall) -> Trace:
        """One call at real speed, to its end. It is refused as the service refuses it: when finals are too late."""
        trace = Trace(call=call)
        limit_s = self.settings.speech.max_lag_s
        if self.scheduler.wait_s > limit_s:
            trace.refused = "overloaded"
            trace.refusal = f"recognition is {self.scheduler.wait_s:.1f} s behind (limit {limit_s:g} s)"
            return trace
        trace.began = self.clock.monotonic()
        await asyncio.gather(*(self._feed(trace, channel) for channel in CHANNELS))
        return trace

    async def _feed(self, trace: Trace, channel: Channel) -> None:
        stream = ChannelRecogniser(
            channel=channel,
            sample_rate=trace.call.rate,
            language=trace.call.language,
            scheduler=self.scheduler,
            vad=self.vad(),
            config=StreamConfig.from_settings(self.settings.speech),
            emit=lambda update: self._take(update, trace),
            key=f"{trace.call.id}/{channel}",
        )
        pcm, rate = trace.call.tracks[channel], trace.call.rate
        step = rate * _CHUNK_MS // 1000 * 2
        for offset in range(0, len(pcm), step):
            chunk = pcm[offset : offset + step]
            due = trace.began + (offset + len(chunk)) / 2 / rate
            await self.clock.sleep(due - self.clock.monotonic())
            trace.late_ms = max(trace.late_ms, (self.clock.monotonic() - due) * 1000)
            await _noting(trace, stream.feed(chunk))
        await _noting(trace, stream.finish())

    async def _take(self, update: TranscriptUpdate, trace: Trace) -> None:
        trace.shown.append(
            Shown(
                at=self.clock.monotonic(),
                channel=update.channel,
                segment_id=update.segment_id,
                final=update.final,
                start_ms=update.start_ms,
                end_ms=update.end_ms if update.final else None,
                text=update.stable + update.unstable,
            )
        )

    async def counters(self) -> Mapping[str, float]:
        """Of the scheduler, since the start; ``wait_s`` and ``lag_s`` are of now."""
        return {**asdict(self.scheduler.stats()), "wait_s": self.scheduler.wait_s, "lag_s": self.scheduler.lag_s}

    def cpu_s(self) -> float:
        """CPU-seconds so far of this process and its workers, feeding included."""
        return cpu_seconds()


@asynccontextmanager
async def into_the_engine(settings: Settings) -> AsyncIterator[EngineTransport]:
    """An engine of its own for these calls."""
    model = whisper_folder(ModelStore(settings.cache_dir), settings.speech.model)
    async with recogniser(settings, model) as scheduler:
        yield EngineTransport(
            scheduler=scheduler,
            settings=settings,
            clock=SystemClock(),
            vad=lambda: WebRtcVad(settings.speech.vad_aggressiveness),
        )


async def _noting(trace: Trace, work: Awaitable[None]) -> None:
    """A segment that could not be decoded is an alert, as in the service."""
    try:
        await work
    except EngineFailed:
        trace.alerts.append("recognition_failed")
