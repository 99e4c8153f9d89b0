"""Wire formats of telephone audio: G.711 mu-law and A-law as tables, and the splitting of interleaved channels.

Source: ITU-T G.711 (11/88), tables 1a/2a; the 16-bit scaling is the usual one (14-bit mu-law and 13-bit A-law values
shifted to the top of a 16-bit word). Decoding and encoding are one table look-up per sample.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from callcue.core.errors import BadAudio
from callcue.core.speech import Encoding

Int16 = npt.NDArray[np.int16]
Bytes = npt.NDArray[np.uint8]

ENCODINGS: tuple[Encoding, ...] = ("pcm_s16le", "pcmu", "pcma")
MAX_CHANNELS = 16
_WIDTH: dict[Encoding, int] = {"pcm_s16le": 2, "pcmu": 1, "pcma": 1}
_MULAW_BIAS = 0x84


@cache
def mulaw_table() -> Int16:
    """256 samples: what each mu-law byte stands for."""
    code = ~np.arange(256, dtype=np.uint8)
    exponent = ((code >> 4) & 0x07).astype(np.int32)
    mantissa = (code & 0x0F).astype(np.int32)
    magnitude = (((mantissa << 3) + _MULAW_BIAS) << exponent) - _MULAW_BIAS
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


@cache
def alaw_table() -> Int16:
    """256 samples: what each A-law byte stands for."""
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent = ((code >> 4) & 0x07).astype(np.int32)
    mantissa = (code & 0x0F).astype(np.int32)
    linear = (mantissa << 4) + 8
    magnitude = np.where(exponent == 0, linear, (linear + 0x100) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _nearest_codes(table: Int16) -> Bytes:
    """65536 codes, indexed by the sample's 16 bits: the code whose value is nearest (ties: the smaller magnitude)."""
    samples = np.arange(-32768, 32768, dtype=np.int32)
    order = np.argsort(table, kind="stable")
    values = table[order].astype(np.int32)
    upper = np.clip(np.searchsorted(values, samples), 1, len(values) - 1)
    below, above = values[upper - 1], values[upper]
    take_above = np.abs(above - samples) < np.abs(samples - below)
    tie = np.abs(above - samples) == np.abs(samples - below)
    take_above |= tie & (np.abs(above) < np.abs(below))
    codes = order[np.where(take_above, upper, upper - 1)].astype(np.uint8)
    return np.roll(codes, -32768)  # index 0 is sample 0, index 65535 is sample -1


@cache
def _encoder(encoding: Encoding) -> Bytes:
    codes = _nearest_codes(mulaw_table() if encoding == "pcmu" else alaw_table())
    if encoding == "pcmu":
        codes[0] = 0xFF  # mu-law has two zeros; positive zero is the idle pattern on the line
    return codes


def check_encoding(encoding: str) -> Encoding:
    """The encoding, if it is one that CallCue reads; else BadAudio naming those."""
    for known in ENCODINGS:
        if encoding == known:
            return known
    raise BadAudio(f"encoding {encoding[:40]!r} is not known; use one of {', '.join(ENCODINGS)}")


def decode_g711(data: bytes, encoding: Encoding) -> bytes:
    """G.711 bytes (``pcmu`` or ``pcma``) to s16le of the same rate."""
    if encoding == "pcm_s16le":
        raise BadAudio("pcm_s16le is not a G.711 encoding; use to_pcm16 for any encoding")
    table = mulaw_table() if encoding == "pcmu" else alaw_table()
    return table[np.frombuffer(data, dtype=np.uint8)].astype("<i2").tobytes()


def to_pcm16(data: bytes, encoding: Encoding) -> bytes:
    """Bytes of any known encoding to s16le. An odd number of pcm_s16le bytes raises BadAudio."""
    if check_encoding(encoding) != "pcm_s16le":
        return decode_g711(data, encoding)
    if len(data) % 2:
        raise BadAudio(f"{len(data)} bytes are not whole 16-bit samples; send an even number or use ChannelSplitter")
    return data


def encode(pcm: bytes, encoding: Encoding) -> bytes:
    """s16le samples to the wire encoding: what a client sends."""
    if check_encoding(encoding) == "pcm_s16le":
        return to_pcm16(pcm, encoding)
    if len(pcm) % 2:
        raise BadAudio(f"{len(pcm)} bytes are not whole 16-bit samples")
    codes: Bytes = _encoder(encoding)[np.frombuffer(pcm, dtype="<u2")]
    return codes.tobytes()


class ChannelSplitter:
    """Takes interleaved audio in pieces of any size apart into channels; keeps what is less than a whole frame."""

    def __init__(self, channels: int, encoding: Encoding) -> None:
        if not 1 <= channels <= MAX_CHANNELS:
            raise BadAudio(f"{channels} channels cannot be split; 1 to {MAX_CHANNELS} are possible")
        self._channels = channels
        self._encoding = check_encoding(encoding)
        self._frame = channels * _WIDTH[self._encoding]
        self._rest = b""

    @property
    def pending(self) -> int:
        """Bytes that wait for the rest of their frame."""
        return len(self._rest)

    def push(self, data: bytes) -> list[bytes]:
        """s16le per channel, all of the same length; empty while no whole frame has come."""
        data = self._rest + data
        whole = len(data) - len(data) % self._frame
        self._rest = data[whole:]
        samples = np.frombuffer(to_pcm16(data[:whole], self._encoding), dtype="<i2").reshape(-1, self._channels)
        return [samples[:, channel].tobytes() for channel in range(self._channels)]
