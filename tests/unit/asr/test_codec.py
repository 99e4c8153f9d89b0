"""G.711 as in ITU-T G.711, and channels that stay apart whatever the chunks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.codec import ChannelSplitter, alaw_table, check_encoding, decode_g711, encode, mulaw_table, to_pcm16
from callcue.core.errors import BadAudio


def values(data: bytes) -> list[int]:
    return np.frombuffer(data, "<i2").tolist()


def test_mulaw_known_values() -> None:
    assert values(decode_g711(bytes([0xFF, 0x7F, 0x00, 0x80, 0xFE, 0x7E, 0xF0, 0xEF, 0x8F]), "pcmu")) == [
        0, 0, -32124, 32124, 8, -8, 120, 132, 16764,
    ]  # fmt: skip


def test_alaw_known_values() -> None:
    assert values(decode_g711(bytes([0xD5, 0x55, 0x2A, 0xAA, 0x80, 0x00, 0xC5]), "pcma")) == [
        8, -8, -32256, 32256, 5504, -5504, 264,
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["pcmu", "pcma"])
def test_decoding_and_encoding_again_gives_the_same_sound(encoding: str) -> None:
    known = check_encoding(encoding)
    codes = bytes(range(256))
    decoded = decode_g711(codes, known)
    assert decode_g711(encode(decoded, known), known) == decoded
    same = [a for a, b in zip(codes, encode(decoded, known), strict=True) if a != b]
    assert same == ([0x7F] if known == "pcmu" else [])  # mu-law's negative zero is sent as the positive one


@pytest.mark.parametrize("encoding", ["pcmu", "pcma"])
def test_every_sample_gets_the_nearest_code(encoding: str) -> None:
    known = check_encoding(encoding)
    table = (mulaw_table() if known == "pcmu" else alaw_table()).astype(np.int32)
    samples = np.arange(-32768, 32768, dtype=np.int32)
    out = np.frombuffer(decode_g711(encode(samples.astype("<i2").tobytes(), known), known), "<i2").astype(np.int32)
    nearest = np.array([np.abs(table - sample).min() for sample in samples])
    assert np.array_equal(np.abs(out - samples), nearest)
    assert np.all(np.diff(out) >= 0)
    loud = np.abs(samples) >= 256
    assert (np.abs(out - samples)[loud] / np.abs(samples)[loud]).max() < 0.05  # 13-segment laws: about 38 dB


@given(
    frames=st.lists(st.tuples(*[st.integers(-32768, 32767)] * 2), max_size=60),
    cuts=st.lists(st.integers(1, 9), min_size=1, max_size=20),
)
def test_splitting_does_not_depend_on_the_chunks(frames: list[tuple[int, int]], cuts: list[int]) -> None:
    data = np.array(frames, dtype="<i2").tobytes() + b"\x01"
    splitter = ChannelSplitter(2, "pcm_s16le")
    got: list[bytes] = [b"", b""]
    at = i = 0
    while at < len(data):
        size = cuts[i % len(cuts)]
        for channel, part in enumerate(splitter.push(data[at : at + size])):
            got[channel] += part
        at, i = at + size, i + 1
    assert [values(part) for part in got] == [[f[0] for f in frames], [f[1] for f in frames]]
    assert splitter.pending == 1


def test_g711_channels_are_taken_apart() -> None:
    left, right = ChannelSplitter(2, "pcmu").push(bytes([0x00, 0x80, 0xFF, 0xFE]))
    assert values(left) == [-32124, 0]
    assert values(right) == [32124, 8]


def test_wrong_input_is_named() -> None:
    with pytest.raises(BadAudio, match="opus"):
        check_encoding("opus")
    with pytest.raises(BadAudio, match="whole 16-bit"):
        to_pcm16(b"abc", "pcm_s16le")
    with pytest.raises(BadAudio, match="0 channels"):
        ChannelSplitter(0, "pcmu")
    with pytest.raises(BadAudio, match="not a G"):
        decode_g711(b"", "pcm_s16le")
