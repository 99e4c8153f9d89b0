"""Settings of recognition, frozen: the engine's, as they travel to its processes, and a channel's."""

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from asr.endpoint import EndpointConfig
from callcue.core.speech import LanguageChoice

if TYPE_CHECKING:
    from callcue.core.settings import SpeechSettings


_RESAMPLER_LAG_MS = 120


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """How windows are decoded."""

    compute_type: str = "int8"
    """CTranslate2 precision."""
    workers: int = 1
    """Processes, one core each."""
    max_batch: int = 4
    """Windows in one decode."""
    beam_size: int = 5
    """For finals; partials are greedy."""
    padding_s: float = 5.0
    """Silence after the speech of a window."""
    partial_padding_s: float = 2.5
    """The same for partials, which are soon replaced; never more than ``padding_s``."""
    min_window_s: float = 10.5
    """A final's window with its padding is at least this long: in shorter ones the CER rose by a point [measured]."""
    patient_window_s: float = 15.0
    """The same where there is time: half a point to a point less CER for a fifth more work, two fifths where
    utterances are short [measured]."""
    device: str = "cpu"
    """CTranslate2 device."""
    timeout_s: float = 120.0
    """A decode that takes longer counts as a dead process."""

    @classmethod
    def from_settings(cls, settings: "SpeechSettings") -> "EngineConfig":
        """The engine's part of the settings; ``workers`` defaults to one per core, at most 4."""
        return cls(
            compute_type=settings.compute_type,
            workers=settings.workers or min(4, available_cores()),
            max_batch=settings.max_batch,
            beam_size=settings.beam_size,
            padding_s=settings.padding_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamConfig:
    """How a channel is recognised."""

    partial_interval_s: float = 1.5
    """Seconds of speech between partial decodes; load and long segments stretch it. 0: no partials."""
    first_partial_s: float = 0.9
    """Seconds of speech before the first partial decode, if that is less."""
    end_silence_ms: int = 560
    max_segment_s: float = 14.0
    vad_aggressiveness: int = 2
    """For whoever makes the VoiceActivity."""
    language: LanguageChoice = "zh"
    """For calls that do not say."""
    early_lead_ms: int = 320
    """The final decode is begun in advance, when the engine has time, as soon as no more silence than this is missing
    to the end of the segment: about what a decode takes. 0: never."""
    patient: bool = False
    """Finals are always decoded with patience, not only when the engine has time."""
    max_pending_finals: int = 6
    """Segments of one channel that may wait for their final decode before ``feed`` waits."""

    @classmethod
    def from_settings(cls, settings: "SpeechSettings") -> "StreamConfig":
        """The streaming part of the settings."""
        return cls(
            partial_interval_s=settings.partial_interval_s,
            end_silence_ms=settings.end_silence_ms,
            max_segment_s=settings.max_segment_s,
            vad_aggressiveness=settings.vad_aggressiveness,
            language=settings.language,
        )

    @property
    def bulk(self) -> "StreamConfig":
        """The same for a recording, where nobody waits for a text: no partials, nothing begun in advance, patience."""
        return replace(self, partial_interval_s=0.0, early_lead_ms=0, patient=True)

    @property
    def endpointing(self) -> EndpointConfig:
        """The end of a window must have left the resampler when the segment closes."""
        return EndpointConfig(
            end_silence_ms=self.end_silence_ms,
            post_roll_ms=min(200, self.end_silence_ms - _RESAMPLER_LAG_MS),
            max_segment_ms=int(self.max_segment_s * 1000),
        )
