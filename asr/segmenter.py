"""From a channel's samples to its segments: framing, voice activity, endpointing, and the audio of each window.

Everything here depends on the samples alone, never on how they were cut into chunks or on wall-clock time.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from asr.audio_buffer import AudioBuffer
from asr.cues import CueMeter, Measures
from asr.endpoint import EndpointConfig, Endpointer, Segment
from asr.resample import StreamResampler
from asr.vad import level_dbfs
from callcue.core.errors import BadAudio
from callcue.core.ports import VoiceActivity
from callcue.core.speech import ENGINE_RATE

SAMPLE_RATES = (8000, 16000)
_BREATH_MS = 500  # some milliseconds of work


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A segment ended."""

    segment: Segment
    pcm: bytes
    """Its window at the engine's rate."""
    measures: Measures
    """Of its speech."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A segment goes on; sent for every frame of it."""

    start_ms: int
    window_start_ms: int
    voiced_end_ms: int
    window_end_ms: int
    """Where the window will end if nobody speaks any more."""
    now_ms: int
    missing_silence_ms: int
    """Silence that would still have to follow for the segment to end."""

    @property
    def silence_ms(self) -> int:
        """Silence at its end so far."""
        return self.now_ms - self.voiced_end_ms


class Segmenter:
    """One channel. ``push`` any number of bytes, ``finish`` once."""

    def __init__(self, vad: VoiceActivity, sample_rate: int, config: EndpointConfig) -> None:
        if sample_rate not in SAMPLE_RATES:
            raise BadAudio(f"a sample rate of {sample_rate} Hz cannot be recognised; send 8000 or 16000 Hz")
        self._vad = vad
        self._rate = sample_rate
        self._frame_bytes = sample_rate * vad.frame_ms // 1000 * 2
        self._breath_frames = max(1, _BREATH_MS // vad.frame_ms)
        self._rest = bytearray()
        self._samples = 0
        self._resampler = StreamResampler(sample_rate, ENGINE_RATE)
        self._buffer = AudioBuffer()
        self._endpointer = Endpointer(config, vad.frame_ms)
        self._meter = CueMeter(sample_rate, vad.frame_ms)

    @property
    def received_ms(self) -> int:
        """Milliseconds of audio received, framed or not."""
        return (self._samples + len(self._rest) // 2) * 1000 // self._rate

    def push(self, pcm: bytes) -> Iterator[Closed | Running | None]:
        """Take samples; yields what happens, frame by frame, as the iterator is consumed. None: nothing happened, but
        500 ms were worked off and more is to come, so let others have a turn. What an iterator that was not consumed
        to its end left over, the next one takes.
        """
        self._rest += pcm
        for count in itertools.count(1):
            if len(self._rest) < self._frame_bytes:
                return
            frame = bytes(self._rest[: self._frame_bytes])
            del self._rest[: self._frame_bytes]
            event = self._frame(frame, frame)
            if event is not None:
                yield event
            if count % self._breath_frames == 0 and len(self._rest) >= self._frame_bytes:
                yield None

    def finish(self) -> tuple[Closed, ...]:
        """The channel has ended: the segments that were still to close, up to the last sample. The tail may close one,
        and when that was a cut, what goes on after it is another.
        """
        closed = [event for event in self.push(b"") if isinstance(event, Closed)]
        tail = bytes(self._rest[: len(self._rest) // 2 * 2])  # an odd byte is half a sample: nothing to hear
        self._rest.clear()
        if tail:
            event = self._frame(tail.ljust(self._frame_bytes, b"\0"), tail)
            if isinstance(event, Closed):
                closed.append(event)
        self._buffer.append(self._resampler.finish())
        segment = self._endpointer.finish(self.received_ms)
        if segment is not None:
            closed.append(self._closed(segment))
        return tuple(closed)

    def window(self, start_ms: int, end_ms: int | None = None) -> bytes:
        """Audio between two call times, or up to now, at the engine's rate."""
        return self._buffer.slice(start_ms, self._buffer.end_ms if end_ms is None else end_ms)

    def _frame(self, frame: bytes, samples: bytes) -> Closed | Running | None:
        """Handle one frame; ``samples`` is the part of it that was really received."""
        self._samples += len(samples) // 2
        self._buffer.append(self._resampler.push(samples))
        voiced, level = self._vad.is_speech(frame, self._rate), level_dbfs(samples)
        self._meter.push(frame, voiced, level)
        segment = self._endpointer.push(voiced, level)
        event: Closed | Running | None = None
        since = self._endpointer.open_since
        if segment is not None:
            event = self._closed(segment)
        elif since is not None:
            event = Running(
                start_ms=since[0],
                window_start_ms=since[1],
                voiced_end_ms=self._endpointer.voiced_end_ms,
                window_end_ms=self._endpointer.window_end_ms,
                now_ms=self._endpointer.now_ms,
                missing_silence_ms=self._endpointer.missing_silence_ms,
            )
        self._buffer.forget_before(self._endpointer.keep_from_ms)
        self._meter.forget_before(self._endpointer.keep_from_ms)
        return event

    def _closed(self, segment: Segment) -> Closed:
        pcm = self._buffer.slice(segment.window_start_ms, segment.window_end_ms)
        return Closed(segment=segment, pcm=pcm, measures=self._meter.measure(segment))
