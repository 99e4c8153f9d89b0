"""Keeps transcript time equal to call time while audio arrives in pieces, twice, or not at all."""

from dataclasses import dataclass

from callcue.core.errors import BadInput

MAX_GAP_MS = 120_000
"""A resumed stream may leave at most this much silence; more means that the client's clock is wrong."""


def check_gap(from_ms: int, received_ms: int) -> None:
    """Raise BadInput when a stream that has come to ``received_ms`` cannot go on at ``from_ms``."""
    if from_ms < 0:
        raise BadInput(f"from_ms must be 0 or more, not {from_ms}")
    if from_ms - received_ms > MAX_GAP_MS:
        raise BadInput(
            f"from_ms {from_ms} lies more than {MAX_GAP_MS // 1000} s after the {received_ms} ms received; "
            "resume at the position that the ready frame names"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """What to do with a stream that goes on at another position than the one reached."""

    skip: int = 0
    """Samples per channel already received: drop them from what comes."""
    silence: int = 0
    """Samples per channel that were lost on the way: fill them with silence."""


class AudioClock:
    """Counts the samples of one call (per channel) and aligns resumed streams with them."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._samples = 0
        self._skip = 0

    @property
    def received_ms(self) -> int:
        """Call time reached, in milliseconds."""
        return self._samples * 1000 // self._rate

    def advance(self, samples: int) -> int:
        """Account for ``samples`` that arrived; returns how many of them, from the front, are repeats to drop."""
        dropped = min(self._skip, samples)
        self._skip -= dropped
        self._samples += samples - dropped
        return dropped

    def realign(self, from_ms: int) -> Alignment:
        """A stream resumes at ``from_ms``. Raises BadInput when that cannot be this call."""
        check_gap(from_ms, self.received_ms)
        position = from_ms * self._rate // 1000
        gap = position - self._samples
        self._skip = max(0, -gap)
        return Alignment(skip=self._skip, silence=max(0, gap))
