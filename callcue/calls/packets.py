"""From numbered packets to a continuous stream: one track's order, gaps and time.

Telephony sources send packets that jitter, repeat, overtake each other and get lost. ``TrackBuffer`` gives their
samples back in order and at their place in call time: it waits for a missing packet for a bounded stretch of *audio*
(never of wall clock), puts silence where audio was lost or never sent, and drops what comes twice or too late. Sequence
numbers decide about order and loss, timestamps about place. After RFC 3550, 6.4.1 and appendix A.1.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from callcue.core.errors import BadAudio

Outcome = Literal["in_order", "reordered", "duplicate", "late"]
"""What became of a packet: used at once; kept until its turn; dropped as known; dropped since its time had passed."""

_BITS = (16, 32)
_SKIPPED = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketLimits:
    """Bounds of a track."""

    window_ms: int = 200
    """Audio that may wait for a missing packet before that counts as lost."""
    max_packets: int = 64
    """Packets that may wait for it; bounds tiny ones."""
    tolerance_ms: int = 60
    """Timestamps of successive packets may be so far off without anything being put in or moved."""
    max_gap_ms: int = 120_000
    """A longer jump is a wrong clock, not silence."""
    max_behind_ms: int = 5_000
    """Audio whose time has passed by up to this is still used, a little late; older audio is dropped."""
    max_misorder: int = 1_000
    """A number further back than this, with a timestamp that goes on, is a new numbering and no late packet."""
    max_stale: int = 100
    """So many packets in a row that are too old to be used are an error: the track would be lost for good."""


class Unwrapper:
    """Makes numbers that wrap around grow for ever. Works for 16 and 32 bit without being told which: whoever never
    sends a number above 65535 counts in 16 bits, or has not come far enough for it to matter.
    """

    def __init__(self, bits: int | None = None) -> None:
        """``bits`` 16 or 32; None: find out."""
        if bits not in (None, *_BITS):
            raise ValueError(f"sequence numbers have 16 or 32 bits, not {bits}")
        self._bits = bits
        self._newest: int | None = None

    def unwrap(self, number: int) -> int:
        """The number nearest to the newest so far that ends in these bits."""
        if self._bits is None and number >= 1 << 16:
            self._bits = 32
        if self._newest is None:
            self._newest = number
            return number
        modulus = 1 << (self._bits or 16)
        ahead = (number - self._newest) % modulus
        found = self._newest + (ahead if ahead < modulus // 2 else ahead - modulus)
        self._newest = max(self._newest, found)
        return found


class TrackBuffer:
    """One track. Positions and lengths are samples since the call began; audio is s16le mono."""

    def __init__(self, sample_rate: int, limits: PacketLimits | None = None) -> None:
        self._limits = limits or PacketLimits()
        self._per_ms = sample_rate // 1000
        self._position = 0
        self._lost = 0
        self._numbers = Unwrapper()
        self._next: int | None = None  # the number that goes on where the stream is
        self._last_at = 0
        self._held: dict[int, tuple[int, bytes]] = {}
        self._skipped: deque[range] = deque(maxlen=_SKIPPED)  # numbers given up; the oldest are forgotten
        self._known: int | None = None  # after a restart: audio before this was received over the old connection
        self._stale = 0
        self._assumed = 0  # samples of silence since the last packet; the next one tells whether audio was lost there

    @property
    def position(self) -> int:
        """Samples given out so far: where the stream has come to."""
        return self._position

    @property
    def lost(self) -> int:
        """Samples that were sent and not heard, so far."""
        return self._lost

    @property
    def waiting(self) -> int:
        """Packets that wait for an earlier one."""
        return len(self._held)

    def push(self, seq: int, at: int, pcm: bytes) -> tuple[Outcome, bytes]:
        """Take a packet whose first sample belongs to ``at``; returns what became of it and the audio that is ready.

        Raises BadAudio when the timestamp cannot be one of this call.
        """
        self._check_place(at)
        number = self._numbers.unwrap(seq)
        before = b""
        if self._next is not None and number < self._next:
            if not self._begins_anew(self._next - number, at):
                return ("late" if any(number in numbers for numbers in self._skipped) else "duplicate"), b""
            before = self.flush()
            self._renumber()
            number = self._numbers.unwrap(seq)
        if number in self._held:
            return "duplicate", before
        self._held[number] = (at, pcm)
        audio = before + b"".join(self._drain())
        return ("reordered" if number in self._held else "in_order"), audio

    def flush(self) -> bytes:
        """Give up waiting: what is held, in order, with silence for what is missing."""
        return b"".join(self._drain(everything=True))

    def advance_to(self, position: int) -> bytes:
        """Nothing came for a while and the others are at ``position``: what is held, then silence up to there."""
        audio = self.flush()
        self._assumed += max(0, position - self._position)
        return audio + self._silence(position - self._position)

    def restart(self, position: int) -> bytes:
        """The stream goes on over another connection, at ``position``, with numbers of its own.

        What lies before is sent again or lost: what is held is used only in the second case. What was received before
        is cut from what comes. Returns what the stream needs to reach ``position``.
        """
        audio = self.advance_to(position) if position > self._position else b""
        self._renumber()
        self._known, self._assumed = self._position, 0
        return audio

    def _renumber(self) -> None:
        self._held.clear()
        self._skipped.clear()
        self._numbers = Unwrapper()
        self._next = None

    def _begins_anew(self, back: int, at: int) -> bool:
        """Whether a number that lies so far back belongs to a new numbering, as after a transfer in the switch."""
        if back <= self._limits.max_misorder:
            return False
        if at >= self._position - self._limits.max_behind_ms * self._per_ms:
            return True
        self._count_stale()
        return False

    def _count_stale(self) -> None:
        self._stale += 1
        if self._stale >= self._limits.max_stale:
            raise BadAudio(
                f"a track's packets lie more than {self._limits.max_behind_ms // 1000} s behind the call: its "
                "timestamps began anew, or it comes that late; timestamps go on in call time over all connections"
            )

    def _check_place(self, at: int) -> None:
        gap_ms = (at - self._position) // self._per_ms
        if gap_ms > self._limits.max_gap_ms:
            raise BadAudio(
                f"a packet's timestamp lies {gap_ms // 1000} s after the audio before it, at most "
                f"{self._limits.max_gap_ms // 1000} s are possible; timestamps count from the beginning of the call"
            )

    def _drain(self, *, everything: bool = False) -> Iterator[bytes]:
        """Place what is due: the next number, or the oldest held one when waiting has to end."""
        while self._held:
            first = min(self._held)
            at, pcm = self._held[first]
            begins = self._next is None and at <= self._position  # nothing can come before it
            if not (first == self._next or begins or everything or self._is_full()):
                return
            del self._held[first]
            yield from self._place(first, at, pcm)

    def _is_full(self) -> bool:
        waiting = sum(len(pcm) // 2 for _, pcm in self._held.values())
        return len(self._held) >= self._limits.max_packets or waiting >= self._limits.window_ms * self._per_ms

    def _place(self, number: int, at: int, pcm: bytes) -> Iterator[bytes]:
        first, missing = self._next is None, self._next is not None and number > self._next
        if self._next is not None and missing:
            self._skipped.append(range(self._next, number))
        if not first and not missing and at < self._last_at - self._limits.max_behind_ms * self._per_ms:
            raise BadAudio("a packet's timestamp went back in time while its sequence number went on")
        self._next, self._last_at = number + 1, at
        if self._known is not None:
            cut = min(len(pcm) // 2, max(0, self._known - at))
            at, pcm = at + cut, pcm[2 * cut :]
            if not pcm:
                return
        yield from self._fill(at, first=first, missing=missing)
        self._known = None
        if self._position - at > self._limits.max_behind_ms * self._per_ms:
            self._lost += len(pcm) // 2
            self._count_stale()
            return
        self._stale = 0
        self._position += len(pcm) // 2
        yield pcm

    def _fill(self, at: int, *, first: bool, missing: bool) -> Iterator[bytes]:
        """Silence up to a packet's place, unless it follows so closely that only its timestamp is inexact."""
        ahead = at - self._position
        off = ahead > self._limits.tolerance_ms * self._per_ms
        if missing or (self._known is not None and off):
            self._lost += max(0, ahead + self._assumed)
        self._assumed = 0
        if ahead > 0 and (first or missing or off):
            yield self._silence(ahead)

    def _silence(self, samples: int) -> bytes:
        samples = max(0, samples)
        self._position += samples
        return bytes(2 * samples)
