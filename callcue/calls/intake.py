"""How a call's audio comes in: interleaved bytes, or packets per track. Both give samples per channel, in call time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from asr.codec import ChannelSplitter, to_pcm16
from callcue.calls.audio_clock import AudioClock, check_gap
from callcue.calls.packets import Outcome, PacketLimits, TrackBuffer
from callcue.calls.start import StartCall
from callcue.core.errors import BadAudio, BadInput
from callcue.core.speech import Channel, Encoding

MAX_SKEW_MS = 1_000
"""A track that sends nothing (silence suppression, a track that starts later, a path that stalls) is silence up to this
much behind the track that is furthest by its timestamps: its speech must end. Packets that come later than that after
all are heard late, and win the time back in pauses."""

Parts = list[tuple[Channel, bytes]]
"""s16le per channel, for the recognisers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """A piece of one track, as the switch numbered it."""

    channel: Channel
    seq: int
    """Counts the packets of this track; wraps around at 16 or 32 bits."""
    timestamp_ms: int
    """Call time of the first sample."""
    payload: bytes = field(repr=False)
    """In the call's encoding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came out of a piece of audio."""

    parts: Parts
    lost_ms: int = 0
    """Audio that did not arrive and is silence in ``parts``, or came too late to be used."""
    outcome: Outcome | None = None
    """Of a packet."""


class Intake(Protocol):
    """The audio of one call, over all its connections."""

    @property
    def received_ms(self) -> int:
        """Call time reached."""

    @property
    def resume_ms(self) -> int:
        """Where a sender that keeps its audio has to go on so that nothing is missing."""

    def take(self, data: bytes | Packet) -> Taken:
        """Raises BadInput for audio in the other form, BadAudio for what cannot be audio of this call."""

    def reconnect(self) -> None:
        """Another connection goes on with the call."""

    def realign(self, from_ms: int) -> Taken:
        """It goes on at ``from_ms``: later audio that is known already is skipped, what was lost is silence.
        Raises BadInput."""

    def flush(self) -> Taken:
        """The call is over: what still waits, and what was lost and not told yet. Raises nothing: bad packets among it
        are lost."""


def intake_of(request: StartCall) -> Intake:
    """As the call was announced."""
    if request.framing == "packets":
        return PacketIntake(request.channels, request.encoding, request.sample_rate)
    return InterleavedIntake(request.channels, request.encoding, request.sample_rate)


class InterleavedIntake:
    """All channels in one stream of bytes."""

    def __init__(self, channels: Sequence[Channel], encoding: Encoding, sample_rate: int) -> None:
        self._channels = tuple(channels)
        self._encoding = encoding
        self._rate = sample_rate
        self._clock = AudioClock(sample_rate)
        self._splitter = ChannelSplitter(len(self._channels), encoding)

    @property
    def received_ms(self) -> int:
        """Call time reached."""
        return self._clock.received_ms

    @property
    def resume_ms(self) -> int:
        """The same: all channels are equally far."""
        return self._clock.received_ms

    def take(self, data: bytes | Packet) -> Taken:
        """Bytes of any number."""
        if isinstance(data, Packet):
            raise BadInput(
                "this call was announced with interleaved audio, which goes into binary frames; "
                'for media frames start it with "framing": "packets"'
            )
        return Taken(parts=self._advance(self._splitter.push(data)))

    def reconnect(self) -> None:
        """A part of a sample that the old connection left is not completed by the new one."""
        self._splitter = ChannelSplitter(len(self._channels), self._encoding)

    def realign(self, from_ms: int) -> Taken:
        """See Intake."""
        silence = self._clock.realign(from_ms).silence
        parts = self._advance([bytes(2 * silence) for _ in self._channels])
        return Taken(parts=parts, lost_ms=silence * 1000 // self._rate)

    def flush(self) -> Taken:
        """Nothing waits."""
        return Taken(parts=[])

    def _advance(self, samples: list[bytes]) -> Parts:
        dropped = self._clock.advance(len(samples[0]) // 2)
        return [(channel, pcm[2 * dropped :]) for channel, pcm in zip(self._channels, samples, strict=True)]


class PacketIntake:
    """Each channel is a track with packets of its own; the tracks may be up to MAX_SKEW_MS apart."""

    def __init__(
        self, channels: Sequence[Channel], encoding: Encoding, sample_rate: int, limits: PacketLimits | None = None
    ) -> None:
        self._encoding = encoding
        self._per_ms = sample_rate // 1000
        self._tracks = {channel: TrackBuffer(sample_rate, limits) for channel in channels}
        self._told_ms = 0  # of what was lost

    @property
    def received_ms(self) -> int:
        """Call time that the furthest track has reached."""
        return max(track.position for track in self._tracks.values()) // self._per_ms

    @property
    def resume_ms(self) -> int:
        """Call time up to which every track's audio has come; assumed silence does not count, as far as it can still
        be heard."""
        return min(track.resume_at for track in self._tracks.values()) // self._per_ms

    def take(self, data: bytes | Packet) -> Taken:
        """One packet of one track."""
        if not isinstance(data, Packet):
            raise BadInput('this call was announced with "framing": "packets": send media frames, not binary frames')
        track = self._tracks.get(data.channel)
        if track is None:
            raise BadInput(f"this call has no channel {data.channel}; its channels are {', '.join(self._tracks)}")
        pcm = to_pcm16(data.payload, self._encoding)
        if not pcm:
            raise BadAudio("a packet holds no audio; leave it out instead")
        outcome, ready = track.push(data.seq, data.timestamp_ms * self._per_ms, pcm)
        parts = [(data.channel, ready), *self._catch_up()]
        return Taken(parts=parts, lost_ms=self._newly_lost_ms(), outcome=outcome)

    def reconnect(self) -> None:
        """What waits is kept until ``realign`` says whether it is sent again."""

    def realign(self, from_ms: int) -> Taken:
        """See Intake. Packets after it may have new numbers; their timestamps go on in call time."""
        check_gap(from_ms, self.received_ms)
        gap_ms = from_ms - self._reached // self._per_ms
        parts = [(channel, track.restart(from_ms * self._per_ms)) for channel, track in self._tracks.items()]
        return Taken(parts=parts, lost_ms=max(gap_ms, self._newly_lost_ms()))

    def flush(self) -> Taken:
        """Packets that still wait for one before them."""
        parts = [(channel, track.flush()) for channel, track in self._tracks.items()]
        return Taken(parts=parts, lost_ms=self._newly_lost_ms())

    @property
    def _reached(self) -> int:
        return max(track.reached for track in self._tracks.values())

    def _newly_lost_ms(self) -> int:
        """Since it was asked last: packets that raised an error are told with those after them."""
        told_ms = self._told_ms
        self._told_ms = sum(track.lost for track in self._tracks.values()) // self._per_ms
        return self._told_ms - told_ms

    def _catch_up(self) -> Parts:
        """Silence on the tracks that have fallen too far behind. Where the others are is a matter of their timestamps:
        one whose audio came late stands further on in the stream than in the call."""
        least = self._reached - MAX_SKEW_MS * self._per_ms
        behind = [(channel, track) for channel, track in self._tracks.items() if track.position < least]
        return [(channel, track.advance_to(least)) for channel, track in behind]
