"""Scripted calls: who says what and when, as audio in which each line is a pair of tones instead of a voice."""

from collections.abc import Sequence
from dataclasses import dataclass

from callcue.core.speech import Channel, Language
from callcue.testing.engine import ScriptedEngine
from callcue.testing.tones import CODES, tone

_TAIL_MS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedLine:
    """One thing that is said. Lines of one channel must not overlap; keep silence between them."""

    channel: Channel
    start_ms: int
    end_ms: int
    text: str


class ScriptedCall:
    """A call whose audio and whose recogniser belong together.

    ``engine()`` hears in ``pcm()`` exactly the lines' texts, also through G.711 and resampling, and of a line that is
    cut off as much of the text as was heard of the tone.
    """

    def __init__(self, lines: Sequence[ScriptedLine], *, duration_ms: int | None = None) -> None:
        if len(lines) > CODES:
            raise ValueError(f"a scripted call has at most {CODES} lines, not {len(lines)}")
        self.lines = tuple(lines)
        self.duration_ms = duration_ms or max((line.end_ms for line in lines), default=0) + _TAIL_MS

    def pcm(self, channel: Channel, sample_rate: int = 8000) -> bytes:
        """The whole call of one channel, s16le mono."""
        audio = bytearray(sample_rate * self.duration_ms // 1000 * 2)
        for code, line in enumerate(self.lines):
            if line.channel == channel:
                start = sample_rate * line.start_ms // 1000 * 2
                sound = tone(code, line.end_ms - line.start_ms, sample_rate)
                audio[start : start + len(sound)] = sound
        return bytes(audio)

    def interleaved(self, channels: Sequence[Channel] = ("caller", "agent"), sample_rate: int = 8000) -> bytes:
        """The call as it is sent: one sample of each channel in turn."""
        tracks = [memoryview(self.pcm(channel, sample_rate)).cast("h") for channel in channels]
        mixed = bytearray(len(tracks) * tracks[0].nbytes)
        view = memoryview(mixed).cast("h")
        for nth, track in enumerate(tracks):
            view[nth :: len(tracks)] = track
        view.release()
        return bytes(mixed)

    def engine(self, *, language: Language = "zh", parallelism: int = 1, max_batch: int = 4) -> ScriptedEngine:
        """A recogniser that knows these lines."""
        known = {code: (line.text, line.end_ms - line.start_ms) for code, line in enumerate(self.lines)}
        return ScriptedEngine(known, language=language, parallelism=parallelism, max_batch=max_batch)
