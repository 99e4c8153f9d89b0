"""What passes between the intake, the recogniser and those who read its text."""

from dataclasses import dataclass
from typing import Literal

Channel = Literal["caller", "agent"]
"""Who speaks. Channel = speaker, always, when a call has two channels."""

Language = Literal["zh", "en"]
LanguageChoice = Literal["zh", "en", "auto"]
Encoding = Literal["pcm_s16le", "pcmu", "pcma"]

ENGINE_RATE = 16_000
"""Sample rate (Hz) of every window that reaches a SpeechEngine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One recognised word (a character in Chinese)."""

    text: str
    start_ms: int
    """Milliseconds; since the window's start in a Hypothesis, since the call's start in a transcript."""
    end_ms: int
    probability: float
    """0..1, as the recogniser says; not calibrated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSpan:
    """A stretch of normalised text and the stretch of raw text that it stands for (offsets in characters)."""

    start: int
    end: int
    raw_start: int
    raw_end: int
    kind: str
    """Why it differs: ``script``, ``digits``, ``number``, ``date``, ``hotword``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of one channel's audio to decode."""

    pcm: bytes
    """s16le, mono, ``ENGINE_RATE`` Hz."""
    language: Language | None
    """None: let the engine detect it."""
    final: bool
    """A final gets the careful decode (beam, word times); a partial the quick one."""
    prompt: str = ""
    """Text that came before, to bias the decode; empty for none."""
    begin: str = ""
    """How the text of this window begins, as far as that is settled: the decode goes on from there; empty: unknown."""

    @property
    def duration_ms(self) -> int:
        """Milliseconds of audio in the window."""
        return len(self.pcm) // 2 * 1000 // ENGINE_RATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """What the engine heard in one window."""

    text: str
    """As decoded, after script folding for Chinese; empty when nothing was said or the text was rejected."""
    language: Language
    language_probability: float
    words: tuple[Word, ...] = ()
    """With times since the window's start; empty for partials."""
    avg_logprob: float = 0.0
    """Mean log probability per token."""
    no_speech_prob: float = 0.0
    rejected: str | None = None
    """Why a text was thrown away (``no_speech``, ``low_confidence``, ``repetition``, ``too_long``, ``boilerplate``)."""
    fallback: bool = False
    """The quick decode looked wrong and the careful one was used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """A final transcript as the stages after recognition see it."""

    call_id: str
    channel: Channel
    segment_id: str
    start_ms: int
    end_ms: int
    raw_text: str
    text: str
    """Normalised text."""
    language: Language
    confidence: float
    """0..1: exp of the mean log probability per token."""
