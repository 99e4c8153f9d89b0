"""Settings of the engine, frozen, as they travel to its processes."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from callcue.core.settings import SpeechSettings


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
    min_window_s: float = 10.5
    """A final's window with its padding is at least this long: in shorter ones the CER rose by a point [measured]."""
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
