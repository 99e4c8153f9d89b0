"""From numbered packets to a continuous stream: one track's order, gaps and time.

Telephony sources send packets that jitter, repeat, overtake each other and get lost. ``TrackBuffer`` gives their
samples back in order and at their place in call time: it waits for a missing packet for a bounded stretch of *audio*
(never of wall clock), puts silence where audio was lost or never sent, and drops what comes twice or too late. Sequence
numbers decide about order and loss, timestamps about place. Audio that is behind its place, since it came late or is
more than its timestamps allow, is heard whole and wins the time back in pauses. After RFC 3550, 6.4.1 and appendix A.1.
"""

import math
from collections import deque
from dataclasses import dataclass
from typing import Literal

from callcue.calls.pauses import PauseTrimmer
from callcue.core.errors import BadAudio

Outcome = Literal["in_order", "reordered", "duplicate", "late"]
"""What became of a packet: used at once; kept until its turn; dropped as known; dropped since its time had passed."""

_BITS = (16, 32)
_SKIPPED = 64
_SINGLE = 4  # so few packets in a row from the past may be copies that were changed on the way


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
    """A number further back than this is a new numbering and no late packet; of so many packets it is known whether
    another one is a copy."""
    max_stale: int = 100
    """So many packets in a row whose numbers or timestamps began anew in the past are an error: the track would be lost
    for good."""


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
        self._rate = sample_rate
        self._per_ms = sample_rate // 1000
        self._position = 0
        self._reached = 0
        self._lost = 0
        self._numbers = Unwrapper()
        self._next: int | None = None  # the number that goes on where the stream is
        self._last_at = 0
        self._last_length = 0
        self._held: dict[int, tuple[int, bytes]] = {}
        self._ready: list[bytes] = []  # placed and not given out yet
        self._placed: dict[int, tuple[int, int]] = {}  # of recent numbers: timestamp, and hash of the audio
        self._recent: dict[tuple[int, int], None] = {}  # the same of recent packets, also of an older numbering
        self._skipped: deque[range] = deque(maxlen=_SKIPPED)  # numbers given up; the oldest are forgotten
        self._anew: tuple[int, int] | None = None  # number and timestamp at which a new numbering was noticed
        self._known: int | None = None  # after a restart: audio before this was received over the old connection
        self._stale = 0
        self._late: PauseTrimmer | None = None  # while there is time to be won back

    @property
    def position(self) -> int:
        """Samples given out so far: where the stream has come to."""
        return self._position

    @property
    def reached(self) -> int:
        """Where its audio has come to by its timestamps: before ``position`` when silence was assumed or it is late."""
        return self._reached

    @property
    def resume_at(self) -> int:
        """Where a sender that keeps its audio goes on so that nothing is missing which can still be used."""
        return max(min(self._position, self._reached), self._position - self._limits.max_behind_ms * self._per_ms)

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

        Raises BadAudio when it cannot be one of this call. Audio that was ready by then comes with the next.
        """
        self._check_place(at)
        number = self._numbers.unwrap(seq)
        if (straggler := self._straggler(number, at, pcm)) is not None:
            return straggler, self._take_ready()
        if self._next is not None and number < self._next:
            given_up = any(number in numbers for numbers in self._skipped)
            if not self._begins_anew(number, at, pcm, given_up=given_up):
                return ("late" if given_up else "duplicate"), self._take_ready()
            self._give_up_waiting()
            self._renumber()
            number = self._numbers.unwrap(seq)
            self._anew = number, at
        if number in self._held and at <= self._held[number][0]:
            return "duplicate", self._take_ready()
        self._held[number] = (at, pcm)
        self._drain()
        return ("reordered" if number in self._held else "in_order"), self._take_ready()

    def flush(self) -> bytes:
        """Give up waiting: what is held, in order, with silence for what is missing. What cannot be placed is lost."""
        self._give_up_waiting()
        return self._take_ready()

    def advance_to(self, position: int) -> bytes:
        """Nothing came for a while and the others are at ``position``: what is held from before, then silence up to
        there. The next packet tells whether audio was lost there.
        """
        self._give_up_waiting(before=position)
        self._silence(position - self._position)
        return self._take_ready()

    def restart(self, position: int) -> bytes:
        """The stream goes on over another connection, at ``position``, with numbers of its own.

        What lies before is sent again or lost: what is held is used only in the second case. What was received before
        is cut from what comes. Returns what the stream needs to reach ``position``.
        """
        audio = self.advance_to(position) if position > self._position else self._take_ready()
        self._renumber()
        self._recent.clear()
        self._known = self._reached = max(self._reached, position)
        return audio

    def _renumber(self) -> None:
        self._held.clear()
        self._placed.clear()
        self._skipped.clear()
        self._anew = None
        self._numbers = Unwrapper()
        self._next = None

    def _begins_anew(self, number: int, at: int, pcm: bytes, *, given_up: bool) -> bool:
        """Whether a number that was passed belongs to a new numbering, as after a transfer in the switch."""
        if (at, hash(pcm)) in self._recent:
            return False  # a copy
        placed_at, placed_hash = self._placed.get(number, (None, None))
        other = not given_up and placed_hash != hash(pcm)
        ahead = at - self._last_at
        follows = other and ahead > self._last_length // 2  # what comes next, under another's number or an unused one
        if follows or ahead > self._limits.tolerance_ms * self._per_ms:
            return True
        numbered_anew = self._next is not None and self._next - number > self._limits.max_misorder
        if numbered_anew and not self._is_too_late(at):
            return True
        if numbered_anew or other or placed_at not in (None, at):
            self._count_stale(len(pcm) // 2)
        return False

    def _straggler(self, number: int, at: int, pcm: bytes) -> Outcome | None:
        """What is to be said of a packet from before a new numbering that came after it; None of any other. Its number
        would take the place of one that is still to come.
        """
        if self._anew is None or number == self._next:
            return None
        if (at, hash(pcm)) in self._recent:
            return "duplicate"
        since, later = number - self._anew[0], at - self._anew[1]
        tolerance = self._limits.tolerance_ms * self._per_ms
        if since > 0 and later < (tolerance if since > self._limits.max_packets else -tolerance):
            self._lost += len(pcm) // 2
            return "late"
        return None

    def _is_too_late(self, at: int) -> bool:
        return self._position - at > self._limits.max_behind_ms * self._per_ms

    def _count_stale(self, samples: int) -> None:
        self._stale += 1
        if self._stale > _SINGLE:
            self._lost += samples
        if self._stale >= self._limits.max_stale:
            raise BadAudio(
                "a track began anew in the past: its packets repeat numbers or timestamps that it had passed, with "
                "other audio; timestamps go on in call time over all connections"
            )

    def _check_place(self, at: int) -> None:
        gap_ms = (at - self._position) // self._per_ms
        if gap_ms > self._limits.max_gap_ms:
            raise BadAudio(
                f"a packet's timestamp lies {gap_ms // 1000} s after the audio before it, at most "
                f"{self._limits.max_gap_ms // 1000} s are possible; timestamps count from the beginning of the call"
            )

    def _take_ready(self) -> bytes:
        audio = b"".join(self._ready)
        self._ready.clear()
        return audio

    def _give_up_waiting(self, before: float = math.inf) -> None:
        """Place all that is held from before a time; a packet that cannot be placed costs itself alone."""
        done = False
        while not done:
            try:
                self._drain(before)
                done = True
            except BadAudio:
                continue  # it is no longer held, and counted as lost

    def _drain(self, before: float = -math.inf) -> None:
        """Place what is due: the next number, or the oldest held one when waiting has to end."""
        while self._held:
            first = min(self._held)
            at, pcm = self._held[first]
            begins = self._next is None and at <= self._reached  # nothing can come before it
            if not (first == self._next or begins or at < before or self._is_full()):
                return
            del self._held[first]
            self._place(first, at, pcm)

    def _is_full(self) -> bool:
        waiting = sum(len(pcm) // 2 for _, pcm in self._held.values())
        return len(self._held) >= self._limits.max_packets or waiting >= self._limits.window_ms * self._per_ms

    def _place(self, number: int, at: int, pcm: bytes) -> None:
        first, missing = self._next is None, self._next is not None and number > self._next
        if self._next is not None and missing:
            self._skipped.append(range(self._next, number))
        self._next = number + 1
        if not first and not missing and at < self._last_at - self._limits.max_behind_ms * self._per_ms:
            self._lost += len(pcm) // 2
            raise BadAudio("a packet's timestamp went back in time while its sequence number went on")
        self._remember(number, at, pcm)
        if self._known is not None:
            cut = min(len(pcm) // 2, max(0, self._known - at))
            at, pcm = at + cut, pcm[2 * cut :]
            if not pcm:
                return
        self._fill(at, first=first, missing=missing)
        anew = at < self._reached - self._limits.tolerance_ms * self._per_ms
        self._known, self._reached = None, max(self._reached, at + len(pcm) // 2)
        if self._is_too_late(at):
            if anew:
                self._count_stale(len(pcm) // 2)
            else:  # it goes on and is only late: what follows may come sooner
                self._lost += len(pcm) // 2
            return
        self._stale = 0
        self._give(self._catching_up(at, pcm))

    def _remember(self, number: int, at: int, pcm: bytes) -> None:
        self._last_at, self._last_length = at, len(pcm) // 2
        self._placed[number] = said = (at, hash(pcm))
        self._recent[said] = None
        if len(self._placed) > self._limits.max_misorder:
            del self._placed[next(iter(self._placed))]
        if len(self._recent) > self._limits.max_misorder:
            del self._recent[next(iter(self._recent))]

    def _fill(self, at: int, *, first: bool, missing: bool) -> None:
        """Silence up to a packet's place, unless it follows so closely that only its timestamp is inexact."""
        tolerance = self._limits.tolerance_ms * self._per_ms
        unheard = at - self._reached
        if missing or (self._known is not None and unheard > tolerance):
            self._lost += max(0, unheard)
        ahead = at - self._position
        if first or missing or ahead > tolerance:
            self._silence(ahead)

    def _catching_up(self, at: int, pcm: bytes) -> bytes:
        """The packet, less what pauses in it can give when the stream is behind its timestamps."""
        excess = self._position - at
        if excess <= 0:
            self._late = None
        elif self._late is None and excess > self._limits.tolerance_ms * self._per_ms:
            self._late = PauseTrimmer(self._rate)
        return pcm if self._late is None else self._late.trim(pcm, excess)

    def _silence(self, samples: int) -> None:
        if samples > 0:
            self._give(bytes(2 * samples))

    def _give(self, pcm: bytes) -> None:
        self._position += len(pcm) // 2
        self._ready.append(pcm)
