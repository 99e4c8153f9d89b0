"""Resampling loses no sample, shifts nothing, and does not depend on the chunks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.resample import StreamResampler


def run(pcm: bytes, sizes: list[int], rates: tuple[int, int] = (8000, 16000)) -> bytes:
    resampler, out, at, i = StreamResampler(*rates), b"", 0, 0
    while at < len(pcm):
        size = sizes[i % len(sizes)] * 2
        out += resampler.push(pcm[at : at + size])
        at, i = at + size, i + 1
    return out + resampler.finish()


NOISE = (np.random.default_rng(3).standard_normal(9001) * 4000).astype("<i2").tobytes()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 4000), min_size=1, max_size=6))
def test_any_chunks_give_the_same_samples(sizes: list[int]) -> None:
    assert run(NOISE, sizes) == run(NOISE, [160])


@pytest.mark.parametrize("samples", [1, 2, 159, 160, 161, 8000, 9001])
def test_length_is_exact(samples: int) -> None:
    assert len(run(NOISE[: 2 * samples], [160])) == 2 * 2 * samples


def test_nothing_in_nothing_out() -> None:
    assert run(b"", [160]) == b""


def test_a_click_stays_where_it_was() -> None:
    pcm = np.zeros(8000, "<i2")
    pcm[4000] = 20000
    pcm[7999] = 20000  # the very last sample is still heard
    out = np.abs(np.frombuffer(run(pcm.tobytes(), [160]), "<i2").astype(int))
    assert int(out[:12000].argmax()) == 8000
    assert out[-2:].max() > 10000


def test_equal_rates_pass_through() -> None:
    assert run(NOISE, [7], (16000, 16000)) == NOISE


def test_a_finished_stream_takes_nothing() -> None:
    resampler = StreamResampler(8000, 16000)
    resampler.finish()
    with pytest.raises(ValueError, match="finished"):
        resampler.push(b"\0\0")
