"""The recent past of one channel at the engine's rate, addressed by call time."""

from callcue.core.speech import ENGINE_RATE

_BYTES_PER_MS = ENGINE_RATE * 2 // 1000
_TRIM_MS = 2000  # move the bytes only when it is worth it


class AudioBuffer:
    """s16le at ``ENGINE_RATE``; what lies before ``forget_before`` is given up in steps."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._start_ms = 0

    @property
    def start_ms(self) -> int:
        """Call time of the oldest sample."""
        return self._start_ms

    @property
    def end_ms(self) -> int:
        """Call time up to which there is audio, in whole milliseconds."""
        return self._start_ms + len(self._data) // _BYTES_PER_MS

    def append(self, pcm: bytes) -> None:
        """Add the newest samples."""
        self._data += pcm

    def slice(self, start_ms: int, end_ms: int) -> bytes:
        """Audio between two call times, as far as it is there."""
        first = max(0, start_ms - self._start_ms) * _BYTES_PER_MS
        return bytes(self._data[first : max(first, (end_ms - self._start_ms) * _BYTES_PER_MS)])

    def forget_before(self, ms: int) -> None:
        """Audio before this time will not be asked for again."""
        if ms - self._start_ms >= _TRIM_MS:
            del self._data[: (ms - self._start_ms) * _BYTES_PER_MS]
            self._start_ms = ms
