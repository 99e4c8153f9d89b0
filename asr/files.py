"""Recordings in any usual format to s16le per channel (PyAV, which carries FFmpeg).

The file is hostile until read: it is opened as bytes, never as a name that FFmpeg could take for a protocol; only plain
audio containers are admitted, so that no playlist can open other files; channels, duration and decode errors are
bounded.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from asr.codec import MAX_CHANNELS
from callcue.core.errors import BadAudio

MAX_DURATION_S = 4 * 3600.0
MAX_FILE_BYTES = 4 * 1024**3
KEPT_RATES = (8000, 16000)
DEFAULT_RATE = 16000
_FORMATS = "wav,w64,flac,mp3,ogg,mov,mp4,m4a,aac,matroska,webm,aiff,caf,au,amr,asf,mpeg,mpegts"
_MAX_BAD_PACKETS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFile:
    """A recording, decoded."""

    sample_rate: int
    """Hz: 8000 or 16000. Files of these rates keep theirs, others are resampled to 16000."""
    channels: tuple[bytes, ...] = field(repr=False)
    """s16le per channel, all of the same length."""

    @property
    def duration_ms(self) -> int:
        """Milliseconds of audio."""
        return len(self.channels[0]) // 2 * 1000 // self.sample_rate


def read_audio(path: Path | str, *, max_duration_s: float = MAX_DURATION_S) -> AudioFile:
    """Read a recording. Raises BadAudio when it is missing, empty, too long, or no audio at all."""
    path = Path(path)
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise BadAudio(f"{path} is not a file")
        if size == 0:
            raise BadAudio(f"{path} is empty")
        if size > MAX_FILE_BYTES:
            raise BadAudio(f"{path} has {size} bytes; at most {MAX_FILE_BYTES} are read")
        with path.open("rb") as handle:
            return _read(handle, str(path), max_duration_s)
    except OSError as error:
        # FFmpeg's errors are OSErrors too, with texts of its own
        raise BadAudio(f"{path} cannot be read as audio: {error.strerror or error}") from error


def _read(handle: BinaryIO, name: str, max_duration_s: float) -> AudioFile:
    import av

    try:
        with av.open(
            handle,
            mode="r",
            options={"format_whitelist": _FORMATS},
            metadata_errors="ignore",
            io_open=_refuse_other_files,
        ) as container:
            if not container.streams.audio:
                raise BadAudio(f"{name} holds no audio")
            stream = container.streams.audio[0]
            channels, rate = stream.codec_context.channels, stream.codec_context.sample_rate
            if not 1 <= channels <= MAX_CHANNELS or not rate or rate <= 0:
                raise BadAudio(f"{name} has {channels} channels at {rate} Hz; 1 to {MAX_CHANNELS} channels can be read")
            rate = rate if rate in KEPT_RATES else DEFAULT_RATE
            data = _decode(container, stream, rate, name, max_duration_s)
    except (av.error.FFmpegError, ValueError, UnicodeDecodeError) as error:
        raise BadAudio(f"{name} cannot be read as audio: {getattr(error, 'strerror', None) or error}") from error
    if not data[0]:
        raise BadAudio(f"{name} holds no audio that can be decoded")
    return AudioFile(sample_rate=rate, channels=tuple(bytes(channel) for channel in data))


def _refuse_other_files(url: str, flags: int, options: object) -> Any:
    raise BadAudio("the recording refers to another file, which is not followed")


def _decode(container: Any, stream: Any, rate: int, name: str, max_duration_s: float) -> list[bytearray]:
    import av

    resampler = av.AudioResampler(format="s16p", layout=stream.codec_context.layout, rate=rate)
    data = [bytearray() for _ in range(stream.codec_context.channels)]
    for frame in _frames(container, stream):
        for out in resampler.resample(frame):
            _append(data, out.to_ndarray())
        if len(data[0]) // 2 > max_duration_s * rate:
            raise BadAudio(f"{name} is longer than {max_duration_s / 3600:.4g} hours; split it")
    for out in resampler.resample(None):
        _append(data, out.to_ndarray())
    return data


def _append(data: list[bytearray], samples: Any) -> None:
    for channel, row in zip(data, np.atleast_2d(samples), strict=True):
        channel.extend(row.astype("<i2").tobytes())


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    """Decoded frames; a damaged packet is left out, too many of them end the reading."""
    import av

    bad = 0
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            bad += 1
            if bad > _MAX_BAD_PACKETS:
                raise
