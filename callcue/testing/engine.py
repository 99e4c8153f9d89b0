"""A speech engine that recognises tones (``callcue.testing.tones``) or says what a test tells it to."""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from callcue.core.errors import EngineFailed
from callcue.core.speech import ENGINE_RATE, Hypothesis, Language, Window, Word
from callcue.testing.tones import HOP_MS, Heard, hear

_WHOLE = 0.95
"""Of a tone this much counts as all of it: frames are coarse."""


class ScriptedEngine:
    """Hears in each window the texts whose tones are in it; ``lines`` is code -> (text, the tone's full length in ms).

    ``say`` puts answers before that, one per window in the order of decoding. ``fail`` makes decodes fail, ``hold``
    keeps them waiting until ``release``; ``batches`` holds every batch that was decoded.
    """

    def __init__(
        self,
        lines: Mapping[int, tuple[str, int]] | None = None,
        *,
        language: Language = "zh",
        parallelism: int = 1,
        max_batch: int = 4,
    ) -> None:
        self._lines = dict(lines or {})
        self._language: Language = language
        self._parallelism = parallelism
        self._max_batch = max_batch
        self._said: deque[Hypothesis | str] = deque()
        self._failures: deque[EngineFailed] = deque()
        self._open = asyncio.Event()
        self._open.set()
        self._slots = asyncio.Semaphore(parallelism)
        self._running = False
        self.batches: list[tuple[Window, ...]] = []

    @property
    def name(self) -> str:
        """As written into transcripts."""
        return "scripted/tones"

    @property
    def parallelism(self) -> int:
        """How many ``decode`` calls make progress at the same time."""
        return self._parallelism

    @property
    def max_batch(self) -> int:
        """The largest number of windows in one call."""
        return self._max_batch

    def say(self, answers: Iterable[Hypothesis | str]) -> None:
        """Answer the next windows with these, whatever is in them."""
        self._said.extend(answers)

    def fail(self, times: int = 1, reason: str = "scripted failure") -> None:
        """Let the next ``times`` calls of ``decode`` fail."""
        self._failures.extend(EngineFailed(reason) for _ in range(times))

    def hold(self) -> None:
        """Let decodes wait."""
        self._open.clear()

    def release(self) -> None:
        """Let them go on."""
        self._open.set()

    async def start(self) -> None:
        """Be ready."""
        self._running = True

    async def decode(self, windows: Sequence[Window]) -> list[Hypothesis]:
        """One hypothesis per window, in order."""
        if not self._running:
            raise EngineFailed("the recogniser is not running; nothing was decoded")
        if len(windows) > self._max_batch:
            raise EngineFailed(f"{len(windows)} windows are more than the {self._max_batch} of one batch")
        if not windows:
            return []
        async with self._slots:
            await self._open.wait()
            self.batches.append(tuple(windows))
            if self._failures:
                raise self._failures.popleft()
            return [self._answer(window) for window in windows]

    async def close(self) -> None:
        """Stop."""
        self._running = False

    def _answer(self, window: Window) -> Hypothesis:
        language = window.language or self._language
        if self._said:
            said = self._said.popleft()
            return said if isinstance(said, Hypothesis) else _spoken(window, language, [_unit_times(said, window)])
        heard = hear(window.pcm, ENGINE_RATE)
        return _spoken(window, language, [self._line(found) for found in heard if found.code in self._lines])

    def _line(self, heard: Heard) -> tuple[Word, ...]:
        text, full_ms = self._lines[heard.code]
        units = _units(text)
        share = (heard.end_ms - heard.start_ms - HOP_MS) / full_ms
        if share < _WHOLE:
            units = units[: round(len(units) * max(0.0, share))]
        step = full_ms / max(1, len(_units(text)))
        return _words(units, heard.start_ms, step)


def _unit_times(text: str, window: Window) -> tuple[Word, ...]:
    units = _units(text)
    return _words(units, 0, window.duration_ms / max(1, len(units)))


def _words(units: Sequence[str], start_ms: int, step_ms: float) -> tuple[Word, ...]:
    return tuple(
        Word(
            text=unit,
            start_ms=start_ms + round(nth * step_ms),
            end_ms=start_ms + round((nth + 1) * step_ms),
            probability=0.9,
        )
        for nth, unit in enumerate(units)
    )


def _units(text: str) -> list[str]:
    """Words with the space before them where there are spaces, else characters: together they are the text."""
    if " " not in text:
        return list(text)
    first, *rest = text.split(" ")
    return [first, *(f" {word}" for word in rest)]


def _spoken(window: Window, language: Language, lines: Sequence[tuple[Word, ...]]) -> Hypothesis:
    text = (" " if language == "en" else "").join("".join(word.text for word in line) for line in lines if line)
    words = tuple(word for line in lines for word in line)
    return Hypothesis(
        text=text,
        language=language,
        language_probability=1.0,
        words=words if window.final else (),
        avg_logprob=-0.1 if text else 0.0,
        no_speech_prob=0.05 if text else 0.95,
    )
