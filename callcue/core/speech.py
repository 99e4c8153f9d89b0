"""What passes between the intake, the recogniser and those who read its text."""

import math
from dataclasses import dataclass
from typing import Literal

Channel = Literal["caller", "agent"]
"""Who speaks. Channel = speaker, always, when a call has two channels."""

Language = Literal["zh", "en"]
LanguageChoice = Literal["zh", "en", "auto"]
Encoding = Literal["pcm_s16le", "pcmu", "pcma"]
Framing = Literal["interleaved", "packets"]
"""How an intake sends audio: all channels in one stream of bytes, or numbered packets per channel."""

UNSURE = 0.5
"""Confidence of a final below which nothing is filled in from it. A judgement; not fitted."""
QUOTABLE = 0.7
"""Confidence from which a final is quoted in a summary without a mark. A judgement, from one recognised call alone
(the demo's): what was garbled beyond understanding there lay between 0.24 and 0.67, readable sentences from 0.61 on."""

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
    language_prior: float = 0.0
    """What is known of the language before this window is heard, for an engine that has to detect it: log-odds of zh
    against en; 0 for nothing."""
    patient: bool = False
    """There is time for a better text: an engine may take longer than usual."""

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
    """The one it was decoded in."""
    language_probability: float
    """Of ``language``, 0..1, as this window alone sounds; below 0.5 where ``language_prior`` decided against that. 1.0
    where the window named its language."""
    words: tuple[Word, ...] = ()
    """With times since the window's start; empty for partials."""
    alternatives: tuple[str, ...] = ()
    """What a final may say otherwise, most probable first; each differs from the others in more than punctuation."""
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
    alternatives: tuple[str, ...] = ()
    """What may have been said instead, normalised, most probable first."""
    voice: "VoiceCues | None" = None
    """How it was said; None: not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceCues:
    """How somebody spoke, in one utterance or over a call. None: there was not enough voice to say."""

    voiced_ms: int
    """Milliseconds of audio frames that hold voice."""
    loudness_dbfs: float | None = None
    """Median level of the voiced frames, dB relative to full scale."""
    loudness_high_dbfs: float | None = None
    """The level that a tenth of the voiced frames exceed."""
    pitch_hz: float | None = None
    """Median fundamental frequency, Hz."""
    pitch_low_hz: float | None = None
    """A tenth of the frames with a pitch lie below, Hz."""
    pitch_high_hz: float | None = None
    """A tenth of the frames with a pitch lie above, Hz."""
    rate: float | None = None
    """Characters (zh; a foreign word or a digit counts as one) or words (en) per second of voiced audio."""

    @property
    def pitch_range_semitones(self) -> float | None:
        """From ``pitch_low_hz`` to ``pitch_high_hz``."""
        if self.pitch_low_hz is None or self.pitch_high_hz is None:
            return None
        return round(12.0 * math.log2(self.pitch_high_hz / self.pitch_low_hz), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelVoice:
    """One speaker over a whole call."""

    channel: Channel
    talk_ms: int
    """Milliseconds of speech, pauses shorter than 200 ms included."""
    interruptions: int | None
    """How often this speaker began while the other one spoke, and the other fell silent. None: the call has one
    channel, so nobody can tell."""
    language: Language | None
    """Of most of what was understood of this channel; None: nothing was."""
    voice: VoiceCues
    """``rate`` is of the finals in ``language``."""
