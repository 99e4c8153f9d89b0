"""A long call of two channels, made of utterances with natural pauses between them, and where each of them lies."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from callcue.core.speech import Channel
from eval.spoken import RATE, Spoken

CHANNELS: tuple[Channel, ...] = ("caller", "agent")
_SEED = 3
_PAUSE_MS = (250, 2_500)
_LONG_PAUSE_MS = (4_000, 15_000)
"""Somebody looks something up."""
_LONG_PAUSES = 0.06
_SAME_SPEAKER = 0.25
_NOISE = 12
"""Amplitude of the line's noise between the utterances, of 32768."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One utterance of the call."""

    spoken: Spoken
    channel: Channel
    start_ms: int

    @property
    def end_ms(self) -> int:
        """Call time of its end."""
        return self.start_ms + self.spoken.duration_ms


def place(spoken: Sequence[Spoken], minutes: float) -> list[Placed]:
    """Turns until the call is full: every utterance once in random order, then again in another order."""
    chance = random.Random(_SEED)
    found: list[Placed] = []
    at_ms, channel = 400.0, 0
    for item in _for_ever(spoken, chance):
        if at_ms + item.duration_ms > minutes * 60_000:
            return found
        found.append(Placed(spoken=item, channel=CHANNELS[channel], start_ms=round(at_ms)))
        pause = _LONG_PAUSE_MS if chance.random() < _LONG_PAUSES else _PAUSE_MS
        same = chance.random() < _SAME_SPEAKER
        # one speaker's own pauses are long enough that the next utterance is a segment of its own
        at_ms += item.duration_ms + chance.uniform(*pause) + (1_200 if same else 0)
        channel = channel if same else 1 - channel
    return found


def _for_ever(spoken: Sequence[Spoken], chance: random.Random) -> Iterator[Spoken]:
    while spoken:
        yield from chance.sample(list(spoken), len(spoken))


class CallAudio:
    """The call's samples, made piece by piece: an hour of it is never in memory."""

    def __init__(self, placed: Sequence[Placed]) -> None:
        self._turns = {channel: [item for item in placed if item.channel == channel] for channel in CHANNELS}
        self._chance = random.Random(_SEED)
        noise = b"".join(self._chance.randint(-_NOISE, _NOISE).to_bytes(2, "little", signed=True) for _ in range(RATE))
        self._noise = noise * 2

    def piece(self, channel: Channel, start_ms: int, length_ms: int) -> bytes:
        """s16le between two call times (pieces are asked for in order); at most a second."""
        per_ms = RATE // 1000 * 2
        shift = self._chance.randrange(RATE) * 2
        audio = bytearray(self._noise[shift : shift + length_ms * per_ms])
        turns = self._turns[channel]
        while turns and turns[0].end_ms <= start_ms:
            turns.pop(0)
        for turn in turns:
            if turn.start_ms >= start_ms + length_ms:
                break
            offset = (turn.start_ms - start_ms) * per_ms
            part = turn.spoken.pcm[max(0, -offset) : max(0, length_ms * per_ms - offset)]
            audio[max(0, offset) : max(0, offset) + len(part)] = part
        return bytes(audio)
