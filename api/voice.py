"""The bodies that say how somebody spoke, in a final transcript and over a whole call."""

from api.base import Out
from callcue.core.speech import Channel, Language


class CuesView(Out):
    """How somebody spoke. Null: there was not enough voice to say."""

    voiced_ms: int
    """Milliseconds of audio frames that hold voice."""
    loudness_dbfs: float | None
    """Median level of the voiced frames, dB relative to full scale."""
    loudness_high_dbfs: float | None
    """The level that a tenth of the voiced frames exceed."""
    pitch_hz: float | None
    """Median fundamental frequency, Hz."""
    pitch_low_hz: float | None
    """A tenth of the frames with a pitch lie below, Hz."""
    pitch_high_hz: float | None
    """A tenth of the frames with a pitch lie above, Hz."""
    pitch_range_semitones: float | None
    """From ``pitch_low_hz`` to ``pitch_high_hz``."""
    rate: float | None
    """Characters (zh; a foreign word or a digit counts as one) or words (en) per second of voiced audio."""


class ChannelVoiceView(Out):
    """One speaker over the whole call."""

    channel: Channel
    talk_ms: int
    """Milliseconds of speech, pauses shorter than 200 ms included."""
    interruptions: int | None
    """How often this speaker began while the other one spoke, and the other fell silent; null for one channel."""
    language: Language | None
    """Of most of what was understood; null where nothing was."""
    voice: CuesView


class VoiceView(Out):
    """How a call was spoken."""

    call_id: str
    duration_ms: int
    """Milliseconds of audio that this is about."""
    channels: tuple[ChannelVoiceView, ...]
    silence_ms: int
    """Milliseconds in which nobody spoke."""
    longest_silence_ms: int
    longest_silence_at_ms: int
    """Call time at which it begins."""
    overlap_ms: int | None
    """Milliseconds in which both spoke; null for one channel."""
