"""What a channel's recogniser tells: the text of one segment so far, or for good."""

from dataclasses import dataclass, replace

from callcue.core.speech import Channel, Hypothesis, VoiceCues


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptUpdate:
    """What is known of one segment now."""

    final: bool
    channel: Channel
    segment_id: str
    revision: int
    """From 1, per segment; the final has the highest."""
    start_ms: int
    """Call time of the first voiced frame."""
    end_ms: int
    """Call time of the last voiced frame so far."""
    stable: str
    """Only grows until the final; a final's whole text."""
    unstable: str
    hypothesis: Hypothesis | None
    """Of the decode behind this update; a final's words are in call time, a partial's have none; None: it failed."""
    voice: VoiceCues | None = None
    """How a final with a text was said."""


def in_call_time(hypothesis: Hypothesis, start_ms: int, end_ms: int) -> Hypothesis:
    """Word times since the window's start become call time; none lies outside the window."""
    words = tuple(
        replace(word, start_ms=min(end_ms, start_ms + word.start_ms), end_ms=min(end_ms, start_ms + word.end_ms))
        for word in hypothesis.words
    )
    return replace(hypothesis, words=words)
