"""Endpointing: where an utterance begins and ends, decided frame by frame.

A state machine without audio: it takes (voiced?, level) per frame and says which stretches of the channel are
segments. Two intervals belong to a segment: the *speech* (first to last voiced frame; what a transcript shows) and the
*window* (the speech with its pre-roll and post-roll; what is decoded). Windows of one channel never overlap. All times
are milliseconds of channel audio and multiples of the frame, but for the very end.
"""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointConfig:
    """When a segment begins and ends; all in milliseconds."""

    onset_ms: int = 60
    """Voiced audio within ``onset_span_ms`` that starts a segment: a click is shorter."""
    onset_span_ms: int = 100
    pre_roll_ms: int = 300
    """Audio kept from before the first voiced frame: unvoiced consonants come before the voice."""
    post_roll_ms: int = 200
    """Audio kept after the last voiced frame."""
    end_silence_ms: int = 560
    """Silence that ends a segment of ``patient_until_ms`` or more; a shorter one waits longer."""
    patience_ms: int = 600
    """How much longer a segment that has just begun waits; less and less until ``patient_until_ms``. Whisper lives on
    context: without it the CER of 8 kHz calls was .283, with it .217 [measured]."""
    patient_until_ms: int = 8000
    max_segment_ms: int = 14_000
    """A longer window is cut at its quietest place."""

    def __post_init__(self) -> None:
        if self.post_roll_ms > self.end_silence_ms:
            raise ValueError("post_roll_ms must not exceed end_silence_ms: the window would end after it was closed")
        if self.max_segment_ms < 4 * self.end_silence_ms and self.max_segment_ms < 2000:
            raise ValueError("max_segment_ms must be at least 2000")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A closed stretch of speech."""

    start_ms: int
    """First voiced frame."""
    end_ms: int
    """End of the last voiced frame."""
    window_start_ms: int
    window_end_ms: int
    cut: bool = False
    """Ended because it was too long; speech goes on in the next segment."""


class Endpointer:
    """One channel's state machine. Feed frames in order; ``open_since`` tells of the segment that is running."""

    def __init__(self, config: EndpointConfig, frame_ms: int) -> None:
        self._config = config
        self._frame_ms = frame_ms
        self._onset_frames = max(1, config.onset_ms // frame_ms)
        self._recent: deque[bool] = deque(maxlen=max(self._onset_frames, config.onset_span_ms // frame_ms))
        self._now_ms = 0
        self._floor_ms = 0  # end of the last window: the next one begins no earlier
        self._start_ms: int | None = None
        self._window_start_ms = 0
        self._voiced_end_ms = 0
        self._levels: list[float] = []  # dBFS of each frame since the window's start, while a segment is open

    @property
    def now_ms(self) -> int:
        """End of the last frame."""
        return self._now_ms

    @property
    def open_since(self) -> tuple[int, int] | None:
        """(speech start, window start) of the running segment in ms; None between segments."""
        return None if self._start_ms is None else (self._start_ms, self._window_start_ms)

    @property
    def voiced_end_ms(self) -> int:
        """End of the newest voiced frame of the running segment."""
        return self._voiced_end_ms

    @property
    def silence_ms(self) -> int:
        """Silence at the end of the running segment."""
        return self._now_ms - self._voiced_end_ms

    @property
    def missing_silence_ms(self) -> int:
        """Silence that would still have to follow for the running segment to end."""
        return max(0, self._needed_silence_ms() - self.silence_ms)

    @property
    def window_end_ms(self) -> int:
        """Where the running segment's window ends if nobody speaks any more."""
        return self._voiced_end_ms + self._config.post_roll_ms

    @property
    def keep_from_ms(self) -> int:
        """Audio before this is no longer needed by any window."""
        if self._start_ms is not None:
            return self._window_start_ms
        span = len(self._recent) * self._frame_ms + self._config.pre_roll_ms
        return max(self._floor_ms, self._now_ms - span)

    def push(self, voiced: bool, level_dbfs: float) -> Segment | None:
        """Take one frame; returns the segment that it closed, if any."""
        self._now_ms += self._frame_ms
        self._recent.append(voiced)
        if self._start_ms is None:
            self._maybe_open()
            return None
        self._levels.append(level_dbfs)
        steady = sum(list(self._recent)[-3:]) >= 2  # one voiced frame alone does not hold a segment open
        if voiced and steady:
            self._voiced_end_ms = self._now_ms
        if self.silence_ms >= self._needed_silence_ms():
            return self._close(min(self._now_ms, self.window_end_ms))
        if self._now_ms - self._window_start_ms >= self._config.max_segment_ms:
            return self._cut()
        return None

    def finish(self, end_ms: int) -> Segment | None:
        """The channel ended at ``end_ms``, which may lie within the last frame. Returns the running segment."""
        if self._start_ms is None:
            return None
        self._voiced_end_ms = min(self._voiced_end_ms, end_ms)
        return self._close(min(self.window_end_ms, end_ms))

    def _needed_silence_ms(self) -> int:
        config = self._config
        if not config.patience_ms:
            return config.end_silence_ms
        speech_ms = self._voiced_end_ms - self._window_start_ms
        left = max(0.0, 1.0 - speech_ms / config.patient_until_ms)
        return config.end_silence_ms + round(config.patience_ms * left)

    def _maybe_open(self) -> None:
        if sum(self._recent) < self._onset_frames:
            return
        first = list(self._recent).index(True)
        self._start_ms = self._now_ms - (len(self._recent) - first) * self._frame_ms
        self._window_start_ms = max(self._floor_ms, self._start_ms - self._config.pre_roll_ms)
        self._voiced_end_ms = self._now_ms
        # levels of the pre-roll are not known any more; a cut never falls there
        self._levels = [0.0] * ((self._now_ms - self._window_start_ms) // self._frame_ms)

    def _close(self, window_end_ms: int, *, cut: bool = False) -> Segment:
        assert self._start_ms is not None  # noqa: S101 -- callers checked; tells the type checker
        segment = Segment(
            start_ms=self._start_ms,
            end_ms=min(self._voiced_end_ms, window_end_ms),
            window_start_ms=self._window_start_ms,
            window_end_ms=window_end_ms,
            cut=cut,
        )
        self._floor_ms = window_end_ms
        self._start_ms = None
        self._recent.clear()
        return segment

    def _cut(self) -> Segment:
        """Close at the quietest place and let the rest go on as the next segment."""
        place = self._quietest_frame()
        at_ms = self._window_start_ms + place * self._frame_ms
        voiced_end_ms = self._voiced_end_ms
        rest = self._levels[place:]
        segment = self._close(at_ms, cut=True)
        if voiced_end_ms > at_ms:
            self._start_ms = self._window_start_ms = at_ms
            self._voiced_end_ms = voiced_end_ms
            self._levels = rest
        return segment

    def _quietest_frame(self) -> int:
        """Frame of the lowest level, averaged over 100 ms, in the last 60 % of the window but its newest 300 ms."""
        half = max(1, 50 // self._frame_ms)
        first = max(half, len(self._levels) * 2 // 5)
        last = max(first + 1, len(self._levels) - 300 // self._frame_ms)
        return min(range(first, last), key=lambda i: (sum(self._levels[i - half : i + half]), -i))
