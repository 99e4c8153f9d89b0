"""Band-limited resampling of a stream, with state across chunks (soxr).

soxr gives its output late (about 57 ms from 8 to 16 kHz, up to 115 ms in blocks [measured]) but does not shift it:
output sample ``k`` stands for input time ``k / out_rate``. So times are counted in output samples, and ``finish`` must
be called to get the last ones. Float input makes the result the same whatever the chunk sizes; soxr's int16 path
dithers.
"""

import numpy as np
import numpy.typing as npt

from callcue.core.errors import BadAudio

_SCALE = 32768.0


def _to_s16(samples: npt.NDArray[np.float32]) -> bytes:
    scaled: npt.NDArray[np.float32] = np.clip(np.rint(samples * _SCALE), -32768, 32767)
    return bytes(scaled.astype("<i2").data)


class StreamResampler:
    """s16le mono in, s16le mono out. After ``finish`` the output is ``round(in_samples * out_rate / in_rate)`` long."""

    def __init__(self, in_rate: int, out_rate: int) -> None:
        if in_rate <= 0 or out_rate <= 0:
            raise BadAudio(f"sample rates must be positive, not {in_rate} and {out_rate}")
        self._in_rate = in_rate
        self._out_rate = out_rate
        self._taken = 0
        self._given = 0
        self._finished = False
        self._stream = None
        if in_rate != out_rate:
            import soxr

            self._stream = soxr.ResampleStream(in_rate, out_rate, 1, dtype="float32", quality="HQ")

    def push(self, pcm: bytes) -> bytes:
        """Feed whole samples; returns what is ready, which may be nothing."""
        if self._finished:
            raise ValueError("the resampler was finished")
        return self._run(pcm, last=False)

    def finish(self) -> bytes:
        """The samples still inside, cut or padded by at most one so that the length is exact. Call once."""
        if self._finished:
            return b""
        self._finished = True
        out = self._run(b"", last=True) if self._taken else b""
        wanted = (self._taken * self._out_rate + self._in_rate // 2) // self._in_rate
        missing = wanted - self._given
        if missing > 0:
            out += bytes(2 * missing)
        elif missing < 0:
            out = out[: len(out) + 2 * missing]
        self._given = wanted
        return out

    def _run(self, pcm: bytes, *, last: bool) -> bytes:
        self._taken += len(pcm) // 2
        if self._stream is None:
            out = pcm
        else:
            samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / _SCALE
            out = _to_s16(self._stream.resample_chunk(samples, last=last))
        self._given += len(out) // 2
        return out
