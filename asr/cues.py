"""What a voice says besides words: how long, how loud, how high, how fast. Per channel, from decisions made already.

The segmenter hands over each frame with the verdict and the level that endpointing uses, so nothing is judged twice;
only the pitch is new work (one FFT every 40 ms of voiced audio). Like the segments, all of it depends on the samples
alone, never on how they were cut into chunks.
"""

import math
import re
import statistics
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from asr.endpoint import Segment
from asr.pitch import MAX_HZ, MIN_HZ, WINDOW_MS, f0_hz
from callcue.core.speech import Hypothesis, Language, VoiceCues

MAX_GAP_MS = 200
"""Shorter silences lie within a stretch of speech (Heldner and Edlund, "Pauses, gaps and overlaps in conversations",
Journal of Phonetics 38, 2010: below, a silence is not heard as a pause but as part of a sound)."""
MIN_RATE_MS = 300
"""Voiced audio without which no speaking rate is given."""
MIN_PITCHED = 5
"""Frames with a pitch without which no pitch is given: a fifth of a second."""
_PITCH_EVERY = 2  # frames
_VOICE_SEMITONES = 10.0  # in one utterance, above and below its median; an octave error is 12
_SEMITONES = 12.0 * math.log2(MAX_HZ / MIN_HZ)
_HAN = re.compile(r"[\u3400-\u9fff]")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d", re.UNICODE)


class Spread:
    """How values are distributed: counts in equal bins, so that an hour takes no more room than a second."""

    def __init__(self, low: float, high: float, step: float) -> None:
        self._low, self._step = low, step
        self._counts = np.zeros(math.ceil((high - low) / step), dtype=np.int64)

    @property
    def count(self) -> int:
        """How many values there are."""
        return int(self._counts.sum())

    def add(self, value: float) -> None:
        """Count a value; one beyond the ends counts in the last bin."""
        place = int((value - self._low) / self._step)
        self._counts[min(max(place, 0), len(self._counts) - 1)] += 1

    def merge(self, other: "Spread") -> None:
        """Count the other's values too."""
        self._counts += other._counts

    def quantile(self, share: float) -> float:
        """The value below which ``share`` (0..1) of the values lie, within half a step. There must be values."""
        below = np.cumsum(self._counts)
        wanted = max(1, math.ceil(share * int(below[-1])))
        return self._low + (int(np.searchsorted(below, wanted)) + 0.5) * self._step


def _loudness() -> Spread:
    return Spread(-96.0, 0.0, 0.25)


def _semitones() -> Spread:
    return Spread(0.0, _SEMITONES, 0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Somebody speaks, with no silence of ``MAX_GAP_MS`` or more in it; call time."""

    start_ms: int
    end_ms: int


@dataclass(slots=True, kw_only=True)
class Measures:
    """What was measured of some speech of one channel; grows by ``add``."""

    stretches: list[Stretch] = field(default_factory=list)
    """In order, ``MAX_GAP_MS`` or more apart."""
    voiced_ms: int = 0
    """Milliseconds of frames that hold voice."""
    loudness: Spread = field(default_factory=_loudness)
    """dBFS of the voiced frames."""
    pitch: Spread = field(default_factory=_semitones)
    """Semitones above ``MIN_HZ`` of the frames with a pitch."""

    def speak(self, start_ms: int, end_ms: int) -> None:
        """Note that there is voice between two times, not before what was noted last."""
        if self.stretches and start_ms - self.stretches[-1].end_ms < MAX_GAP_MS:
            start_ms = self.stretches.pop().start_ms
        self.stretches.append(Stretch(start_ms=start_ms, end_ms=end_ms))

    def add(self, later: "Measures") -> None:
        """Take in what was measured of later speech."""
        for stretch in later.stretches:
            self.speak(stretch.start_ms, stretch.end_ms)
        self.voiced_ms += later.voiced_ms
        self.loudness.merge(later.loudness)
        self.pitch.merge(later.pitch)

    def cues(self, units: int | None = None, over_ms: int | None = None) -> VoiceCues:
        """The figures. ``units`` (see ``speech_units``) were said in ``over_ms`` of voiced audio; default: in all."""
        over_ms = self.voiced_ms if over_ms is None else over_ms
        loud, pitched = self.loudness.count > 0, self.pitch.count >= MIN_PITCHED
        return VoiceCues(
            voiced_ms=self.voiced_ms,
            loudness_dbfs=_rounded(self.loudness.quantile(0.5)) if loud else None,
            loudness_high_dbfs=_rounded(self.loudness.quantile(0.9)) if loud else None,
            pitch_hz=self._hz(0.5) if pitched else None,
            pitch_low_hz=self._hz(0.1) if pitched else None,
            pitch_high_hz=self._hz(0.9) if pitched else None,
            rate=round(units * 1000 / over_ms, 2) if units and over_ms >= MIN_RATE_MS else None,
        )

    def of(self, hypothesis: Hypothesis) -> VoiceCues:
        """The figures of one utterance."""
        return self.cues(speech_units(hypothesis.text, hypothesis.language))

    def _hz(self, share: float) -> float:
        return _rounded(MIN_HZ * 2.0 ** (self.pitch.quantile(share) / 12.0))


def _rounded(value: float) -> float:
    return round(value, 1)


@dataclass(frozen=True, slots=True)
class _Frame:
    start_ms: int
    voiced: bool
    level_dbfs: float
    pitch_hz: float | None


class CueMeter:
    """Measures one channel's frames and gives them out by segment."""

    def __init__(self, sample_rate: int, frame_ms: int) -> None:
        self._rate = sample_rate
        self._frame_ms = frame_ms
        self._window_bytes = sample_rate * WINDOW_MS // 1000 * 2
        self._audio = b""  # the newest WINDOW_MS
        self._count = 0
        self._frames: deque[_Frame] = deque()

    def push(self, frame: bytes, voiced: bool, level_dbfs: float) -> None:
        """The next frame (s16le, ``frame_ms``), what voice activity said of it and its level."""
        self._audio = (self._audio + frame)[-self._window_bytes :]
        pitch = None
        if voiced and self._count % _PITCH_EVERY == 0 and len(self._audio) == self._window_bytes:
            pitch = f0_hz(np.frombuffer(self._audio, dtype="<i2").astype(np.float32), self._rate)
        self._frames.append(_Frame(self._count * self._frame_ms, voiced, level_dbfs, pitch))
        self._count += 1

    def measure(self, segment: Segment) -> Measures:
        """Of the speech of a segment, from its first to its last voiced frame."""
        found = Measures()
        pitches: list[float] = []
        for frame in self._frames:
            if not frame.voiced or not segment.start_ms <= frame.start_ms < segment.end_ms:
                continue
            end_ms = min(frame.start_ms + self._frame_ms, segment.end_ms)
            found.speak(frame.start_ms, end_ms)
            found.voiced_ms += end_ms - frame.start_ms
            found.loudness.add(frame.level_dbfs)
            if frame.pitch_hz is not None:
                pitches.append(12.0 * math.log2(frame.pitch_hz / MIN_HZ))
        for pitch in _of_one_voice(pitches):
            found.pitch.add(pitch)
        return found

    def forget_before(self, ms: int) -> None:
        """No segment to come begins before this call time."""
        while self._frames and self._frames[0].start_ms + self._frame_ms <= ms:
            self._frames.popleft()


def _of_one_voice(semitones: list[float]) -> list[float]:
    """Without what lies too far from the median to be the same voice: a formant or a multiple of the period was taken
    for the pitch (one frame in five of a low voice on the telephone)."""
    middle = statistics.median(semitones) if semitones else 0.0
    return [pitch for pitch in semitones if abs(pitch - middle) <= _VOICE_SEMITONES]


def speech_units(text: str, language: Language) -> int:
    """What a speaking rate counts: Chinese characters, digits and foreign words; in English words and digits."""
    words = len(_WORD.findall(_HAN.sub(" ", text)))
    return words + (len(_HAN.findall(text)) if language == "zh" else 0)


def somebody_spoke(hypothesis: Hypothesis | None) -> bool:
    """Whether a segment counts as talk: not when the recogniser found tones, music or noise in it. A segment that it
    could not decode, or whose text it does not believe, was spoken all the same."""
    if hypothesis is None or hypothesis.text:
        return True
    return hypothesis.rejected not in (None, "no_speech", "boilerplate")
