"""How a call was spoken: talk, silence, overlap and interruptions, from what the recognisers measured of each channel.

Interruption: A begins while B speaks, both are heard for a moment, B falls silent and A goes on. Where A falls
silent first it was a listener's "mm-hm"; where they overlap for less than a moment, A guessed the end of B's turn.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from asr.cues import Measures, Stretch, speech_units
from callcue.core.events import FinalTranscript, VoiceSummary
from callcue.core.speech import Channel, ChannelVoice, Language

MIN_OVERLAP_MS = 200
"""Both speak for at least this long in an interruption."""
MIN_HELD_MS = 300
"""And so long, at least, the one who interrupts speaks on."""


@dataclass(slots=True)
class _Said:
    """What was understood of one channel in one language."""

    units: int = 0
    voiced_ms: int = 0


class VoiceTally:
    """Collects the finals of one call; ``summary`` puts them together with what was measured of the channels."""

    def __init__(self) -> None:
        self._said: dict[Channel, dict[Language, _Said]] = {}

    def heard(self, final: FinalTranscript) -> None:
        """Count what a final says, for the speaking rate."""
        if final.voice is None:
            return
        said = self._said.setdefault(final.channel, {}).setdefault(final.language, _Said())
        said.units += speech_units(final.raw_text, final.language)
        said.voiced_ms += final.voice.voiced_ms

    def summary(self, call_id: str, channels: Mapping[Channel, Measures], duration_ms: int) -> VoiceSummary:
        """Of the whole call, ``duration_ms`` long; ``channels`` in the call's order, one or two."""
        talk = {name: measures.stretches for name, measures in channels.items()}
        silences = list(_silences(list(talk.values()), duration_ms))
        longest_ms, longest_at_ms = max(((end - start, -start) for start, end in silences), default=(0, 0))
        overlap_ms: int | None = None
        if len(talk) == 2:
            overlap_ms = sum(
                min(a.end_ms, b.end_ms) - max(a.start_ms, b.start_ms) for a, b in _meetings(*talk.values())
            )
        return VoiceSummary(
            call_id=call_id,
            at_ms=duration_ms,
            channels=tuple(self._channel(name, channels[name], talk) for name in talk),
            silence_ms=sum(end - start for start, end in silences),
            longest_silence_ms=longest_ms,
            longest_silence_at_ms=-longest_at_ms,
            overlap_ms=overlap_ms,
        )

    def _channel(self, name: Channel, measures: Measures, talk: Mapping[Channel, Sequence[Stretch]]) -> ChannelVoice:
        said = self._said.get(name, {})
        language = max(said, key=lambda language: said[language].voiced_ms, default=None)
        spoken = said[language] if language is not None else _Said()
        others = [stretches for other, stretches in talk.items() if other != name]
        return ChannelVoice(
            channel=name,
            talk_ms=sum(stretch.end_ms - stretch.start_ms for stretch in talk[name]),
            interruptions=sum(_interrupts(a, b) for a, b in _meetings(talk[name], others[0])) if others else None,
            language=language,
            voice=measures.cues(spoken.units, spoken.voiced_ms),
        )


def _silences(channels: Sequence[Sequence[Stretch]], duration_ms: int) -> Iterator[tuple[int, int]]:
    """(start, end) of what lies between all stretches, in order."""
    reached = 0
    for stretch in sorted((s for stretches in channels for s in stretches), key=lambda stretch: stretch.start_ms):
        if stretch.start_ms > reached:
            yield reached, stretch.start_ms
        reached = max(reached, stretch.end_ms)
    if reached < duration_ms:
        yield reached, duration_ms


def _meetings(ours: Sequence[Stretch], theirs: Sequence[Stretch]) -> Iterator[tuple[Stretch, Stretch]]:
    """Every pair of stretches that overlap; each side is in order."""
    first = 0
    for our in ours:
        while first < len(theirs) and theirs[first].end_ms <= our.start_ms:
            first += 1
        for place in range(first, len(theirs)):
            if theirs[place].start_ms >= our.end_ms:
                break
            yield our, theirs[place]


def _interrupts(a: Stretch, b: Stretch) -> bool:
    """Whether the speaker of ``a`` interrupts that of ``b``."""
    return b.start_ms < a.start_ms and b.end_ms - a.start_ms >= MIN_OVERLAP_MS and a.end_ms - b.end_ms >= MIN_HELD_MS
