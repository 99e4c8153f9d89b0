"""Fakes of this room: an engine on a virtual clock, a scripted voice activity, signals."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np

from callcue.core.errors import EngineFailed
from callcue.core.speech import Hypothesis, Window


class StillClock:
    """Time that moves only when told."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def heard(window: Window) -> str:
    """A text that depends on the window's audio alone."""
    return f"{window.duration_ms}ms"


class GatedEngine:
    """Decodes nothing until ``release``; notes every batch."""

    def __init__(self, parallelism: int = 1, max_batch: int = 4, say: Callable[[Window], str] = heard) -> None:
        self.name = "gated"
        self.parallelism = parallelism
        self.max_batch = max_batch
        self.batches: list[list[Window]] = []
        self.failing: Callable[[Sequence[Window]], bool] = lambda windows: False
        self.error: Exception = EngineFailed("as the test wanted")
        self.open = False
        self.closed = False
        self._say = say
        self._gates: list[asyncio.Event] = []

    async def start(self) -> None:
        pass

    async def close(self) -> None:
        self.closed = True

    async def decode(self, windows: Sequence[Window]) -> list[Hypothesis]:
        self.batches.append(list(windows))
        if not self.open:
            gate = asyncio.Event()
            self._gates.append(gate)
            await gate.wait()
        if self.failing(windows):
            raise self.error
        return [
            Hypothesis(text=self._say(window), language=window.language or "zh", language_probability=1.0)
            for window in windows
        ]

    async def release(self, count: int = 1) -> None:
        """Let the oldest running batches end, and everything that follows from it happen."""
        for gate in self._gates[:count]:
            gate.set()
        del self._gates[:count]
        await settle()


async def settle() -> None:
    """Run the loop until nothing more happens by itself."""
    for _ in range(50):
        await asyncio.sleep(0)


class LoudIsSpeech:
    """VoiceActivity: a frame is speech when it is loud."""

    frame_ms = 20

    def is_speech(self, frame: bytes, sample_rate: int) -> bool:
        assert len(frame) == sample_rate * self.frame_ms // 1000 * 2
        return int(np.abs(np.frombuffer(frame, "<i2").astype(np.int32)).max()) > 1000


def pcm(*parts: tuple[str, int], rate: int = 8000) -> bytes:
    """``("talk" | "quiet", ms)`` parts as s16le; talk is a 300 Hz tone with a slow swell."""
    pieces = []
    for kind, ms in parts:
        t = np.arange(rate * ms // 1000) / rate
        wave = np.sin(2 * np.pi * 300 * t) * (6000 + 3000 * np.sin(2 * np.pi * 1.3 * t))
        pieces.append((wave if kind == "talk" else np.zeros_like(wave)).astype("<i2"))
    return np.concatenate(pieces).tobytes()
